/** Records what OpenSSL, GnuTLS, curl and Node say to the doors of the fuzz targets: every conversation replays in a harness byte for byte. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { freePort, listening } from "../../support/ports.ts";
import { type DoorModules, doorInput, FuzzDoor } from "../replay-door.ts";
import type { PracticePinata } from "./practice.ts";

export interface Recorded {
  name: string;
  input: Buffer;
  candy: boolean;
}

const PATIENCE_MILLIS = 10_000;

/** Clients before the server door. */
export async function recordClients(modules: DoorModules, { files }: PracticePinata): Promise<Recorded[]> {
  const own = ["-cert", files.player, "-key", files.playerKey];
  const openssl =
    (...args: string[]) =>
    (port: number) =>
      program("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...args]);
  const gnutls =
    (...args: string[]) =>
    (port: number) =>
      program("gnutls-cli", ["--port", String(port), "--x509cafile", files.ca, "--insecure", ...args, "127.0.0.1"]);
  const gnutlsOwn = ["--x509certfile", files.player, "--x509keyfile", files.playerKey];
  const clients: Record<string, (port: number) => Promise<void>> = {
    "openssl-aes128": openssl(...own, "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"),
    "openssl-aes256-p256": openssl(...own, "-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-groups", "P-256"),
    "openssl-chacha": openssl(...own, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
    "openssl-retry": openssl(...own, "-groups", "P-384:P-256", "-alpn", "h2", "-servername", "example.org", "-status"),
    "openssl-no-certificate": openssl(),
    "openssl-tls12": openssl("-tls1_2"),
    "gnutls-aes256": gnutls(...gnutlsOwn, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM"),
    "gnutls-retry": gnutls(...gnutlsOwn, "--priority", "NORMAL:-GROUP-ALL:+GROUP-SECP384R1:+GROUP-SECP256R1"),
    curl: (port) => program("curl", ["-sk", "--max-time", "5", `https://127.0.0.1:${port}/`]),
    "node-tls": (port) => nodeClient(port, files),
  };
  const out: Recorded[] = [];
  for (const [name, play] of Object.entries(clients)) out.push({ name, ...(await recordServerDoor(modules, play)) });
  return out;
}

/** Servers before the client door. */
export async function recordServers(modules: DoorModules, { files }: PracticePinata): Promise<Recorded[]> {
  const openssl =
    (...args: string[]) =>
    (port: number) =>
      spawn("openssl", [
        ...["s_server", "-accept", `127.0.0.1:${port}`, "-tls1_3", "-naccept", "1", "-CAfile", files.ca],
        ...["-cert", files.player, "-key", files.playerKey, ...args],
      ]);
  const gnutls =
    (...args: string[]) =>
    (port: number) =>
      spawn("gnutls-serv", [
        ...["--port", String(port), "--x509cafile", files.ca, "--x509certfile", files.player],
        ...["--x509keyfile", files.playerKey, "--echo", "--require-client-cert", ...args],
      ]);
  const servers: Record<string, (port: number) => ReturnType<typeof spawn>> = {
    openssl: openssl("-Verify", "2"),
    "openssl-aes256-p256": openssl("-Verify", "2", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-groups", "P-256"),
    "openssl-chacha": openssl("-Verify", "2", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
    "openssl-not-asked": openssl(),
    gnutls: gnutls(),
    "gnutls-retry": gnutls("--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP256R1"),
  };
  const out: Recorded[] = [];
  for (const [name, start] of Object.entries(servers)) {
    const port = await freePort();
    const child = start(port);
    try {
      await listening(port);
      out.push({ name, ...(await recordClientDoor(modules, port)) });
    } finally {
      child.kill("SIGKILL");
    }
  }
  return out;
}

/** A conversation of whoever `play` sends to the port, with one server door. */
async function recordServerDoor(
  modules: DoorModules,
  play: (port: number) => Promise<void>,
): Promise<Omit<Recorded, "name">> {
  const door = new FuzzDoor(modules);
  const chunks: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => converse(socket, door, chunks));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await play((server.address() as AddressInfo).port);
  server.close();
  return { input: doorInput(0, chunks), candy: door.gaveCandy };
}

async function recordClientDoor(modules: DoorModules, port: number): Promise<Omit<Recorded, "name">> {
  const door = new FuzzDoor(modules);
  const chunks: Buffer[] = [];
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.write(door.first);
  converse(socket, door, chunks);
  await new Promise((resolve) => socket.once("close", resolve));
  return { input: doorInput(0, chunks), candy: door.gaveCandy };
}

function converse(socket: Socket, door: FuzzDoor, chunks: Buffer[]): void {
  socket.setTimeout(PATIENCE_MILLIS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.on("data", (bytes: Buffer) => {
    if (door.closed) return;
    chunks.push(bytes);
    socket.write(door.deliver(bytes));
    if (door.closed) socket.end();
  });
}

function program(name: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ["pipe", "ignore", "ignore"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function nodeClient(port: number, files: PracticePinata["files"]): Promise<void> {
  return new Promise((resolve) => {
    const cert = readFileSync(files.player);
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      cert,
      key: readFileSync(files.playerKey),
      rejectUnauthorized: false,
    });
    socket.resume();
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
}
