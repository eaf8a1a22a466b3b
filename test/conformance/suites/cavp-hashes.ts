/**
 * NIST CAVP's vectors for SHA-256, SHA-384, SHA-512 (SHAVS), SHA3-256, SHA3-512, SHAKE128 and SHAKE256 (SHA3VS) on the guest's code: one
 * message of each short length, and the Monte Carlo chains of 100 × 1000 hashes. Wycheproof and C2SP have no cases for plain hashes.
 */
import { loadHarness } from "../../support/harness.ts";
import { type Alter, compared, type VectorCase, type VectorSuite, vectorSuite } from "../vectors/case.ts";
import { readVectors } from "../vectors/files.ts";

/** Hashes to so many bytes. */
type Hash = (message: Uint8Array, length: number) => Uint8Array;

interface HashFile {
  name: string;
  /** Without `ShortMsg.rsp`. */
  file: string;
  atLeast: number;
  /** The next link of a Monte Carlo chain. */
  chain: (hash: Hash, state: Chain) => Chain;
  load(): Promise<Hash>;
}

interface Chain {
  value: Uint8Array;
  /** SHAKE only, in bytes: the length of the next output, and between what it may be. */
  length: number;
  minimum: number;
  maximum: number;
}

/** Lines `name = value`; the names of the file's parameters begin with a bracket. */
type Block = Map<string, string>;

const LINKS = 1000;

function suite(it: HashFile): VectorSuite {
  return vectorSuite({
    name: `NIST CAVP: ${it.name}`,
    source: `NIST CAVP, ${it.file}ShortMsg.rsp, ${it.file}Monte.rsp (SHAVS 2011, SHA3VS 2016)`,
    atLeast: it.atLeast,
    async cases(_length, alter) {
      const hash = await it.load();
      return [...shortMessages(it, hash, alter), ...monteCarlo(it, hash, alter)];
    },
  });
}

function shortMessages({ file }: HashFile, hash: Hash, alter: Alter): VectorCase[] {
  return blocks(`${file}ShortMsg.rsp`).flatMap((record) => {
    const bits = record.get("Len");
    if (bits === undefined) return [];
    // Len = 0 has a Msg of 00.
    const message = hexOf(record, "Msg").subarray(0, Number(bits) / 8);
    const digest = digestOf(record);
    return [valid(`${bits} bits`, () => compared({ digest: [hash(message, digest.length), alter(digest)] }))];
  });
}

function monteCarlo({ file, chain }: HashFile, hash: Hash, alter: Alter): VectorCase[] {
  const all = blocks(`${file}Monte.rsp`);
  const maximum = outputLength(all, "Maximum");
  const start = all.find((record) => record.has("Seed") || record.has("Msg"))!;
  const value = hexOf(start, start.has("Seed") ? "Seed" : "Msg");
  let state: Chain = { value, length: maximum, minimum: outputLength(all, "Minimum"), maximum };
  return all.flatMap((record) => {
    const count = record.get("COUNT");
    if (count === undefined) return [];
    return [
      valid(`Monte Carlo ${count}`, () => {
        state = chain(hash, state);
        return compared({ digest: [state.value, alter(digestOf(record))] });
      }),
    ];
  });
}

/** In bytes; 0 where the file has none. */
function outputLength(all: Block[], which: "Minimum" | "Maximum"): number {
  const name = `[${which} Output Length (bits)`;
  return Number.parseInt(all.find((record) => record.has(name))?.get(name) ?? "0", 10) / 8;
}

/** Each hash is over the three before it (SHAVS §6.4). */
function sha2Chain(hash: Hash, state: Chain): Chain {
  const { value } = state;
  const last = [value, value, value];
  for (let i = 0; i < LINKS; i++) {
    last.push(hash(Buffer.concat(last), value.length));
    last.shift();
  }
  return { ...state, value: last[2]! };
}

/** Each hash is over the one before it (SHA3VS §6.2.3). */
function sha3Chain(hash: Hash, state: Chain): Chain {
  let { value } = state;
  for (let i = 0; i < LINKS; i++) value = hash(value, value.length);
  return { ...state, value };
}

/** Each output is of 128 bits of the one before it, and its last 16 bits say how long the next is (SHA3VS §6.3.3). */
function shakeChain(hash: Hash, state: Chain): Chain {
  let { value, length } = state;
  for (let i = 0; i < LINKS; i++) {
    const message = new Uint8Array(16);
    message.set(value.subarray(0, 16));
    value = hash(message, length);
    const last = Buffer.from(value).readUInt16BE(value.length - 2);
    length = state.minimum + (last % (state.maximum - state.minimum + 1));
  }
  return { ...state, value, length };
}

/** The blocks of a .rsp file, each as its `name = value` lines. */
function blocks(file: string): Block[] {
  const texts = readVectors(`cavp/${file}`).replaceAll("\r", "").split(/\n\n+/);
  return texts.map((block) => {
    const lines = block.split("\n").filter((line) => line.includes(" = "));
    return new Map(lines.map((line) => line.split(" = ") as [string, string]));
  });
}

const hexOf = (record: Block, name: string) => Uint8Array.from(Buffer.from(record.get(name)!, "hex"));
const digestOf = (record: Block) => hexOf(record, record.has("MD") ? "MD" : "Output");
const valid = (name: string, find: VectorCase["find"]): VectorCase => ({ name, expected: "valid", find });

async function sha2(bits: 256 | 384 | 512): Promise<Hash> {
  const h = await loadHarness("hashes");
  return (message) => {
    h.write(message);
    h.call.oneShot!(bits, message.length, bits / 8);
    return h.read(bits / 8);
  };
}

/** By the harness's number of the sponge. */
async function sponge(which: number): Promise<Hash> {
  const h = await loadHarness("ml-kem");
  return (message, length) => {
    h.write(message);
    h.call.begin!(which);
    h.call.absorb!(0, message.length);
    h.call.squeeze!(0, length);
    return h.read(length);
  };
}

export const cavpHashes: VectorSuite[] = [
  suite({ name: "SHA-256", file: "SHA256", atLeast: 165, chain: sha2Chain, load: () => sha2(256) }),
  suite({ name: "SHA-384", file: "SHA384", atLeast: 229, chain: sha2Chain, load: () => sha2(384) }),
  suite({ name: "SHA-512", file: "SHA512", atLeast: 229, chain: sha2Chain, load: () => sha2(512) }),
  suite({ name: "SHA3-256", file: "SHA3_256", atLeast: 237, chain: sha3Chain, load: () => sponge(0) }),
  suite({ name: "SHA3-512", file: "SHA3_512", atLeast: 173, chain: sha3Chain, load: () => sponge(1) }),
  suite({ name: "SHAKE128", file: "SHAKE128", atLeast: 437, chain: shakeChain, load: () => sponge(2) }),
  suite({ name: "SHAKE256", file: "SHAKE256", atLeast: 373, chain: shakeChain, load: () => sponge(3) }),
];
