/**
 * The image's own machine code in a Linux process (wasm2c, gcc, the image's flags) beside OpenSSL, one core, in turns: the primitives beside
 * `openssl speed`, and a full mutual handshake beside nginx with OpenSSL, by the CPU time of the server. Needs wasm2c, gcc, openssl and nginx.
 */
import { execFileSync } from "node:child_process";
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign,
} from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { p256 } from "@noble/curves/nist.js";
import { mintPractice } from "../../infra/mint/mint.ts";
import { type Comparison, median } from "./measure.ts";
import { buildPrimitives, buildServer } from "./native/build.ts";
import { cpuMicros, nginxVersion, type Server, startNative, startNginx } from "./native/servers.ts";

const ROUNDS = 5;
const MILLIS = 300;
const RECORD = 16384;
const HANDSHAKES = 200;
const AT_ONCE = 4;
const SPEED_TARGET = 0.4;
const HANDSHAKE_TARGET = 1;

interface Operation {
  /** As native/primitives.c names it. */
  name: string;
  what: string;
  /** Hex. */
  input: string;
  /** The beginning of what it must put out, hex; absent where that is random or nothing. */
  output?: string;
  /** Arguments of `openssl speed` and where its answer has the operations (or bytes) a second. */
  speed: { args: string[]; line: RegExp; bytes?: true };
  target?: number;
}

export async function rows(): Promise<Comparison[]> {
  const folder = mkdtempSync(join(tmpdir(), "pinata-native-"));
  try {
    return [...(await handshakeRows(folder)), ...(await primitiveRows(folder))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function primitiveRows(folder: string): Promise<Comparison[]> {
  const program = await buildPrimitives(join(folder, "primitives"));
  return operations().map((operation) => {
    const rounds = Array.from({ length: ROUNDS }, () => ({
      ours: ours(program, operation),
      peer: openssl(operation),
    }));
    return {
      what: `${operation.what}, native`,
      ours: median(rounds.map((round) => round.ours)),
      peer: { name: "openssl speed", micros: median(rounds.map((round) => round.peer)) },
      ratio: median(rounds.map((round) => round.peer / round.ours)),
      ...(operation.target === undefined ? {} : { target: operation.target }),
    };
  });
}

/** Microseconds of one call. Throws when the operation computes something else. */
function ours(program: string, { name, input, output = "" }: Operation): number {
  const [nanos, shown] = execFileSync(program, [name, String(MILLIS), input], { encoding: "utf8" }).split(" ");
  if (!shown!.startsWith(output)) throw new Error(`${name} computes ${shown}, not ${output}`);
  return Number(nanos) / 1000;
}

/** Microseconds of one operation of `openssl speed`, one second long. */
function openssl({ speed: { args, line, bytes } }: Operation): number {
  const said = execFileSync("openssl", ["speed", "-mr", "-seconds", "1", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const perSecond = Number(said.match(line)?.[1]);
  if (!(perSecond > 0)) throw new Error(`openssl speed ${args.join(" ")} says no speed:\n${said}`);
  return (1e6 * (bytes ? RECORD : 1)) / perSecond;
}

function operations(): Operation[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const [a, b, message] = ["one", "another", "message"].map((text) => createHash("sha256").update(text).digest()) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const x25519 = { secret: edKey("X25519", a), peer: createPublicKey(edKey("X25519", b)) };
  const ed25519 = edKey("Ed25519", a);
  const edPublic = rawPublic(createPublicKey(ed25519));
  const peer = createECDH("prime256v1");
  peer.setPrivateKey(b);
  const own = createECDH("prime256v1");
  own.setPrivateKey(a);
  const signature = p256.sign(message, a, { prehash: false });
  const curve = { target: SPEED_TARGET };
  const evp = (name: string) => ({ args: ["-bytes", String(RECORD), "-evp", name], line: /^\+F:\d+:[^:]+:([\d.]+)/m });
  const x25519Speed = { args: ["ecdhx25519"], line: /^\+F5:\d+:253:([\d.]+)/m };
  const bulk = (name: string, what: string, cipher: string): Operation => ({
    ...{ name, what: `${what}, 16 KiB`, input: "00".repeat(64) },
    speed: { ...evp(cipher), bytes: true },
  });
  return [
    {
      ...{ name: "x25519-shared", what: "X25519", input: hex(a) + hex(rawPublic(x25519.peer)), ...curve },
      output: hex(diffieHellman({ privateKey: x25519.secret, publicKey: x25519.peer })),
      speed: x25519Speed,
    },
    {
      ...{ name: "p256-shared", what: "P-256 ECDH", input: hex(a) + hex(peer.getPublicKey()), ...curve },
      output: hex(own.computeSecret(peer.getPublicKey())),
      speed: { args: ["ecdhp256"], line: /^\+F5:\d+:256:([\d.]+)/m },
    },
    {
      ...{ name: "p256-sign", what: "P-256 ECDSA sign", input: hex(a) + hex(message), ...curve },
      speed: { args: ["ecdsap256"], line: /^\+F4:\d+:256:([\d.]+)/m },
    },
    {
      ...{ name: "p256-verify", what: "P-256 ECDSA verify", ...curve },
      input: hex(message) + hex(signature) + hex(own.getPublicKey()),
      speed: { args: ["ecdsap256"], line: /^\+F4:\d+:256:[\d.]+:([\d.]+)/m },
    },
    {
      ...{ name: "ed25519-sign", what: "Ed25519 sign", input: hex(a) + hex(edPublic) + hex(message) },
      output: hex(sign(null, message, ed25519)),
      speed: { args: ["ed25519"], line: /^\+F6:\d+:253:[^:]*:([\d.]+)/m },
    },
    {
      ...{ name: "ed25519-verify", what: "Ed25519 verify" },
      input: hex(edPublic) + hex(sign(null, message, ed25519)) + hex(message),
      speed: { args: ["ed25519"], line: /^\+F6:\d+:253:[^:]*:[\d.]+:([\d.]+)/m },
    },
    { ...bulk("sha256", "SHA-256", "sha256"), output: hashOfRecord("sha256") },
    { ...bulk("sha384", "SHA-384", "sha384"), output: hashOfRecord("sha384") },
    bulk("chacha20-poly1305", "ChaCha20-Poly1305", "chacha20-poly1305"),
    bulk("aes-128-gcm", "AES-128-GCM, bitsliced", "aes-128-gcm"),
    bulk("aes-256-gcm", "AES-256-GCM, bitsliced", "aes-256-gcm"),
  ];
}

/** The harness's buffer holds zeros but for the 64 bytes that we put there, which are zeros too. */
function hashOfRecord(name: string): string {
  return createHash(name).update(Buffer.alloc(RECORD)).digest("hex");
}

/** RFC 8410: the PKCS #8 form of a raw private key. */
function edKey(type: "X25519" | "Ed25519", raw: Uint8Array): KeyObject {
  const prefix = `302e020100300506032b65${type === "X25519" ? "6e" : "70"}04220420`;
  return createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), raw]), format: "der", type: "pkcs8" });
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(-32);
}

async function handshakeRows(folder: string): Promise<Comparison[]> {
  const program = await buildServer(join(folder, "server"));
  const practice = join(folder, "practice");
  await mintPractice({ dir: practice, network: "regtest", refundHeight: 1000, now: new Date() });
  const visit = visitor(practice);
  const servers: Server[] = [];
  try {
    const native = await startNative(program, practice);
    servers.push(native);
    const candy = await visit(native);
    const nginx = await startNginx(join(folder, "nginx"), practice, candy);
    servers.push(nginx);
    if ((await visit(nginx)) < candy) throw new Error("nginx serves less than the piñata");
    const measure = async (server: Server) => {
      const before = cpuMicros(server);
      for (let done = 0; done < HANDSHAKES; done += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => visit(server)));
      }
      return (cpuMicros(server) - before) / HANDSHAKES;
    };
    for (const server of servers) await measure(server);
    const rounds: { ours: number; peer: number }[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push({ ours: await measure(native), peer: await measure(nginx) });
    return [
      {
        what: "mutual handshake, native, server CPU",
        ours: median(rounds.map((round) => round.ours)),
        peer: { name: nginxVersion(), micros: median(rounds.map((round) => round.peer)) },
        ratio: median(rounds.map((round) => round.peer / round.ours)),
        target: HANDSHAKE_TARGET,
      },
    ];
  } finally {
    for (const { child } of servers) child.kill();
  }
}

/** One full mutual handshake by OpenSSL (Node's tls, X25519, P-256) to the server's close; the bytes that came. */
function visitor(practice: string): (server: Server) => Promise<number> {
  const [ca, cert, key] = ["ca.pem", "player.pem", "player.key"].map((name) => readFileSync(join(practice, name)));
  return ({ port, request }) =>
    new Promise((resolve, reject) => {
      let bytes = 0;
      const socket = connect({
        ...{ host: "127.0.0.1", port, servername: "localhost", ecdhCurve: "X25519", ca: ca!, cert: cert!, key: key! },
        checkServerIdentity: () => undefined,
      });
      socket.on("data", (data: Buffer) => {
        bytes += data.length;
      });
      socket.once("error", reject);
      socket.once("close", () => resolve(bytes));
      if (request !== "") socket.write(request);
    });
}
