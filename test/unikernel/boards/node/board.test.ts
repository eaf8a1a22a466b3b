/** The Node board with a real piñata: each limit, orderly ends, and traps that stay where they happen. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { compileGuest, GUEST_MODULES, ROOT } from "../../../../infra/image/compile-guest.ts";
import { type GuestModules, loadGuestModules } from "../../../../unikernel/boards/node/modules.ts";
import type { TraceEvent } from "../../../../unikernel/trace.ts";
import { CANDY } from "../../../support/candy.ts";
import { type Practice, type PracticeOptions, startPractice } from "../../../support/practice.ts";

let piñata: Practice;
const hang = async (options?: PracticeOptions) => {
  piñata = await startPractice(options);
};
afterEach(() => piñata?.stop());

function open(port = piñata.board.ports.server): Socket {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  return socket;
}

/** All that comes until the connection ends. */
function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  return new Promise((resolve) => socket.once("close", () => resolve(Buffer.concat(chunks))));
}

/** Wins with the player's certificate; rejects with the TLS error. */
function win(ciphers = "TLS_AES_128_GCM_SHA256"): Promise<string> {
  const { ca, player, playerKey } = piñata.files;
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: piñata.board.ports.server,
      servername: "localhost",
      ca: readFileSync(ca),
      cert: readFileSync(player),
      key: readFileSync(playerKey),
      ciphers,
    });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.once("error", reject);
    socket.once("end", () => resolve(text));
  });
}

const accepted = (n: number) => piñata.until((e) => e.event === "accepted" && e.conn === n);
const closed = (n: number) =>
  piñata.until((e) => e.event === "closed" && e.conn === n) as Promise<Extract<TraceEvent, { event: "closed" }>>;

describe("limits", () => {
  it("refuses a connection more than may be open at once, and takes one again when one has gone", async () => {
    await hang({ limits: { connections: 2, fromPeer: 64 } });
    const first = open();
    await accepted(1);
    open();
    await accepted(2);
    expect(await everything(open())).toHaveLength(0);
    expect(await piñata.until((e) => e.event === "refused")).toMatchObject({ conn: 3, reason: "too-many-connections" });
    first.destroy();
    await closed(1);
    open();
    expect(await accepted(4)).toMatchObject({ door: "server" });
  });

  it("refuses a peer more than its share, on all doors together", async () => {
    await hang({ limits: { fromPeer: 1 } });
    open();
    await accepted(1);
    expect(await everything(open(piñata.board.ports.client))).toHaveLength(0);
    expect(await piñata.until((e) => e.event === "refused")).toMatchObject({
      reason: "too-many-from-peer",
      door: "client",
    });
  });

  it("ends a handshake that takes too long", async () => {
    await hang({ limits: { handshakeMillis: 50 } });
    await everything(open());
    expect(await closed(1)).toMatchObject({ by: "timeout", bytesIn: 0 });
  });

  it("ends a slow peer that sends a byte now and then", async () => {
    await hang({ limits: { handshakeMillis: 200 } });
    const socket = open();
    const timer = setInterval(() => socket.write(Buffer.from([22])), 20);
    await everything(socket);
    clearInterval(timer);
    expect(["timeout", "pinata"]).toContain((await closed(1)).by);
  });

  it("takes no more than 64 KiB before authentication, and says so with an alert", async () => {
    await hang();
    const socket = open();
    const reply = everything(socket);
    // Well-formed records: a ClientHello header that promises 16 KiB would be capped earlier, so: many small ChangeCipherSpec
    // records are capped by number, and big unencrypted handshake records by the message's length.
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([20, 3, 3, 0, 1, 1]))));
    const bytes = await reply;
    expect(bytes[0]).toBe(21);
    const event = await closed(1);
    expect(event.by).toBe("pinata");
    expect(event.bytesIn).toBeLessThanOrEqual(66 * 1024 + 65_536);
  });

  it("counts a dial-back against the peer's share and reports a peer that does not answer", async () => {
    await hang({ limits: { fromPeer: 1 } });
    open(piñata.board.ports.dialback);
    expect(await piñata.until((e) => e.event === "refused")).toMatchObject({ door: "dialback", reason: "dial-failed" });
    open(piñata.board.ports.dialback);
    await piñata.until((e) => e.event === "refused" && e.conn === 2 && e.reason === "dial-failed");
  });
});

describe("ends", () => {
  it("answers what is not TLS with an alert and FIN", async () => {
    await hang();
    const socket = open();
    const reply = everything(socket);
    socket.write("GET / HTTP/1.1\r\nHost: pinata\r\n\r\n");
    const bytes = await reply;
    expect(bytes).toHaveLength(7);
    expect(bytes[0]).toBe(21);
    expect(bytes[5]).toBe(2);
  });

  it("reports a peer that goes away at once", async () => {
    await hang();
    const socket = open();
    await accepted(1);
    socket.destroy();
    expect(await closed(1)).toMatchObject({ by: "peer" });
  });

  it("stops with open connections", async () => {
    await hang();
    const socket = open();
    await accepted(1);
    const end = everything(socket);
    await piñata.board.stop("test");
    await end;
    expect(piñata.trace.at(-1)).toMatchObject({ event: "stopped", reason: "test" });
    expect(await closed(1)).toMatchObject({ by: "shutdown" });
  });
});

/** The image with one statement put into a source file: a test build. */
async function imageWith(name: "door" | "vault", file: string, find: string, replace: string): Promise<GuestModules> {
  const out = `build/test/${name}-${process.pid}.wasm`;
  await compileGuest({
    ...GUEST_MODULES[name],
    out,
    patch(path, text) {
      if (path !== file) return text;
      if (!text.includes(find)) throw new Error(`${file} does not contain ${find}`);
      return text.replace(find, replace);
    },
  });
  const modules = loadGuestModules(join(ROOT, "build/guest"));
  return { ...modules, [name]: new WebAssembly.Module(new Uint8Array(readFileSync(join(ROOT, out)))) };
}

describe("traps", () => {
  const PEER_WORD = Buffer.from("trap!");

  it("in a door: that connection is dropped without a byte, the others and later ones go on", async () => {
    const modules = await imageWith(
      "door",
      "unikernel/guest/door.ts",
      "export function receive(length: u32): u32 {",
      "export function receive(length: u32): u32 {\n  assert(length == 0 || INBOX[0] != 0x74);",
    );
    await hang({ modules });
    const bystander = open();
    await accepted(1);
    const victim = open();
    const reply = everything(victim);
    victim.write(PEER_WORD);
    expect(await reply).toHaveLength(0);
    expect(await piñata.until((e) => e.event === "trap")).toMatchObject({ conn: 2, compartment: "door" });
    expect(await closed(2)).toMatchObject({ by: "trap", bytesOut: 0 });
    expect(bystander.destroyed).toBe(false);
    expect(await win()).toMatch(CANDY);
    expect(piñata.trace.filter((e) => e.event === "trap")).toHaveLength(1);
  });

  it("in a door: an endless recursion and used-up memory are traps too", async () => {
    const modules = await imageWith(
      "door",
      "unikernel/guest/door.ts",
      "export function receive(length: u32): u32 {",
      `function deep(n: u32): u32 {
  return n == 0xffff_ffff ? 0 : deep(n + 1) + 1;
}
export function receive(length: u32): u32 {
  if (INBOX[0] == 0x74) return deep(0);
  if (INBOX[0] == 0x75) for (;;) Bytes.alloc(4096);`,
    );
    await hang({ modules });
    for (const word of ["trap!", "use up"]) {
      const victim = open();
      const reply = everything(victim);
      victim.write(word);
      expect(await reply).toHaveLength(0);
    }
    await piñata.until((e) => e.event === "trap" && e.conn === 2);
    expect(await win()).toMatch(CANDY);
  });

  it("in the vault: that handshake fails with internal_error, and a new vault takes over", async () => {
    const modules = await imageWith(
      "vault",
      "unikernel/guest/vault.ts",
      "export function sign(role: u32, hashLength: u32): u32 {",
      "export function sign(role: u32, hashLength: u32): u32 {\n  assert(hashLength != 48);",
    );
    await hang({ modules });
    await expect(win("TLS_AES_256_GCM_SHA384")).rejects.toMatchObject({ code: "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR" });
    expect(await piñata.until((e) => e.event === "trap")).toMatchObject({ conn: 1, compartment: "vault" });
    expect(await win("TLS_AES_128_GCM_SHA256")).toMatch(CANDY);
  });
});
