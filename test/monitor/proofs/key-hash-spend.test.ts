/** P2WPKH spends: BIP-143's and BIP-341's examples, every hash type against a message built by hand, every refusal. */
import { readFileSync } from "node:fs";
import { secp256k1 as curve } from "@noble/curves/secp256k1.js";
import { ripemd160 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";
import { fromHex, showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import { keyHashScript, proveKeyHashSpend } from "../../../monitor/proofs/key-hash-spend.ts";
import type { Prevout } from "../../../monitor/proofs/prevouts.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { ecdsaKey, join, type PlainTransaction, segwitMessage, serialise, signEcdsa } from "./reference.ts";

const hash160 = (bytes: Uint8Array) => ripemd160(sha256(bytes));
const key = ecdsaKey("payer");
const program = hash160(key.point);
const script = join(Uint8Array.of(0, 20), program);
const elsewhere = join(Uint8Array.of(0, 20), new Uint8Array(20).fill(3));

/** Two inputs, of which the first is ours, and two outputs. */
function plain(): PlainTransaction {
  return {
    version: 2,
    locktime: 77,
    ins: [
      { txid: sha256(Buffer.from("ours")), vout: 1, sequence: 0xfffffffd, script, value: 90_000n },
      { txid: sha256(Buffer.from("theirs")), vout: 0, sequence: 5, script: elsewhere, value: 10_000n },
    ],
    outs: [
      { script: elsewhere, value: 60_000n },
      { script, value: 39_000n },
    ],
  };
}

interface Change {
  index?: number;
  type?: number;
  secret?: Uint8Array;
  s?: "low" | "high";
  witness?: (signature: Uint8Array) => Uint8Array[];
  /** After signing. */
  alter?: (tx: PlainTransaction) => void;
  prevout?: Partial<Prevout>;
}

function prove(change: Change = {}, policy: "relay" | "consensus" = "relay"): string {
  const { index = 0, type = 1, secret = key.secret, s = "low", witness, alter, prevout } = change;
  const tx = plain();
  if (index === 1) tx.ins.reverse();
  const message = segwitMessage(tx, index, keyHashScript(program), type);
  const signature = signEcdsa(message, secret, type, s);
  const own = tx.ins[index]!;
  own.witness = witness ? witness(signature) : [signature, key.point];
  const outpoint = { txid: showHash(own.txid), vout: own.vout };
  alter?.(tx);
  const prevouts = new Map([[`${outpoint.txid}:${outpoint.vout}`, { script, value: own.value, ...prevout }]]);
  return proveKeyHashSpend(parseTransaction(serialise(tx)), outpoint, program, prevouts, policy);
}

describe("published examples", () => {
  test("BIP-143, native P2WPKH: its second input", () => {
    const raw = fromHex(
      "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000",
    );
    const spend = parseTransaction(raw);
    const hash = hash160(fromHex("025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee6357"));
    const outpoint = { txid: "8ac60eb9575db5b2d987e29f301b5b819ea83a5c6579d282d189cc04b8e151ef", vout: 1 };
    const paid = (value: bigint) =>
      new Map([[`${outpoint.txid}:1`, { script: join(Uint8Array.of(0, 20), hash), value }]]);
    expect(proveKeyHashSpend(spend, outpoint, hash, paid(600_000_000n), "relay")).toContain("BIP-143");
    expect(() => proveKeyHashSpend(spend, outpoint, hash, paid(600_000_001n), "relay")).toThrow("not valid");
  });

  test("BIP-341's transaction spends a P2WPKH output too", () => {
    const file = JSON.parse(readFileSync(new URL("../vectors/bip341-key-path.json", import.meta.url), "utf8")) as {
      signed: string;
      prevouts: [string, number][];
    };
    const spend = parseTransaction(fromHex(file.signed));
    const input = spend.parsed.ins[5]!;
    const outpoint = { txid: showHash(input.hash), vout: input.index };
    const [hex, value] = file.prevouts[5]!;
    const prevouts = new Map([[`${outpoint.txid}:${outpoint.vout}`, { script: fromHex(hex), value: BigInt(value) }]]);
    expect(proveKeyHashSpend(spend, outpoint, fromHex(hex).slice(2), prevouts, "relay")).toContain("input 5");
  });
});

describe("the signature", () => {
  test.each([1, 2, 3, 0x81, 0x82, 0x83])("of hash type %i signs what BIP-143 says, and no more", (type) => {
    expect(prove({ type })).toContain(`hash type ${type}`);
    const holds = (alter: (tx: PlainTransaction) => void): boolean => {
      try {
        return prove({ type, alter }).length > 0;
      } catch (error) {
        expect((error as Error).message).toContain("not valid");
        return false;
      }
    };
    const [anyone, kind] = [type >= 0x80, type & 3];
    expect(holds((tx) => (tx.outs[0]!.value -= 1n))).toBe(kind === 2);
    expect(holds((tx) => (tx.outs[1]!.value -= 1n))).toBe(kind !== 1);
    expect(holds((tx) => (tx.ins[1]!.vout += 1))).toBe(anyone);
    expect(holds((tx) => (tx.ins[1]!.sequence += 1))).toBe(anyone || kind !== 1);
    expect(holds((tx) => (tx.ins[0]!.sequence += 1))).toBe(false);
    expect(holds((tx) => (tx.locktime += 1))).toBe(false);
    expect(holds((tx) => (tx.version += 1))).toBe(false);
  });

  test("of SIGHASH_SINGLE without an output signs none, which BIP-143 allows", () => {
    const one = (tx: PlainTransaction) => tx.outs.pop();
    // Signed over two outputs, then the second taken away.
    expect(() => prove({ type: 3, index: 1, alter: one })).toThrow("not valid");
    const tx = plain();
    tx.ins.reverse();
    tx.outs.pop();
    const signature = signEcdsa(segwitMessage(tx, 1, keyHashScript(program), 3), key.secret, 3);
    tx.ins[1]!.witness = [signature, key.point];
    const outpoint = { txid: showHash(tx.ins[1]!.txid), vout: tx.ins[1]!.vout };
    const prevouts = new Map([[`${outpoint.txid}:${outpoint.vout}`, { script, value: 90_000n }]]);
    expect(proveKeyHashSpend(parseTransaction(serialise(tx)), outpoint, program, prevouts, "relay")).toContain(
      "input 1",
    );
  });

  test("of another key, or for another amount", () => {
    expect(() => prove({ secret: ecdsaKey("thief").secret })).toThrow("not valid");
    expect(() => prove({ prevout: { value: 90_001n } })).toThrow("not valid");
  });

  test("with a high s, or of a type that nodes do not relay, counts only in a block", () => {
    expect(() => prove({ s: "high" })).toThrow("high s");
    expect(prove({ s: "high" }, "consensus")).toContain("valid");
    for (const type of [0, 4, 0x80, 0x84, 0xff]) {
      expect(() => prove({ type })).toThrow(`hash type ${type}`);
      expect(prove({ type }, "consensus")).toContain(`hash type ${type}`);
    }
  });
});

describe("the witness", () => {
  test("is exactly signature and key", () => {
    for (const witness of [
      () => [],
      (signature: Uint8Array) => [signature],
      (signature: Uint8Array) => [signature, key.point, Uint8Array.of(0x50)],
    ]) {
      expect(() => prove({ witness })).toThrow("not signature and key");
    }
    expect(() => prove({ witness: () => [new Uint8Array(), key.point] })).toThrow("of 0 bytes");
    expect(() => prove({ witness: (signature) => [signature.subarray(1), key.point] })).toThrow("not DER");
  });

  test("has the key that was paid to", () => {
    const other = ecdsaKey("thief");
    expect(() => prove({ secret: other.secret, witness: (signature) => [signature, other.point] })).toThrow(
      "does not have the hash paid to",
    );
  });

  test("of an uncompressed key counts only in a block", () => {
    // 65 bytes: 04 and both coordinates.
    const long = curve.getPublicKey(key.secret, false);
    const hash = hash160(long);
    const tx = plain();
    const paid = join(Uint8Array.of(0, 20), hash);
    tx.ins[0]!.script = paid;
    tx.ins[0]!.witness = [signEcdsa(segwitMessage(tx, 0, keyHashScript(hash), 1), key.secret, 1), long];
    const spend = parseTransaction(serialise(tx));
    const outpoint = { txid: showHash(tx.ins[0]!.txid), vout: 1 };
    const prevouts = new Map([[`${outpoint.txid}:1`, { script: paid, value: 90_000n }]]);
    expect(() => proveKeyHashSpend(spend, outpoint, hash, prevouts, "relay")).toThrow("not compressed");
    expect(proveKeyHashSpend(spend, outpoint, hash, prevouts, "consensus")).toContain(toHex(long));
  });
});

test("another transaction, output, program or a signature script is refused", () => {
  const spend = parseTransaction(serialise(plain()));
  const ours = { txid: showHash(sha256(Buffer.from("ours"))), vout: 1 };
  const prevouts = new Map([[`${ours.txid}:1`, { script, value: 90_000n }]]);
  const ask = (outpoint = ours, hash = program) => proveKeyHashSpend(spend, outpoint, hash, prevouts, "relay");
  expect(() => ask({ ...ours, vout: 2 })).toThrow("does not spend");
  expect(() => ask(ours, program.slice(1))).toThrow("a key hash of 19 bytes");
  expect(() => ask(ours, new Uint8Array(20))).toThrow("does not pay this key hash");
  expect(() => proveKeyHashSpend(spend, ours, program, new Map(), "relay")).toThrow("does not pay this key hash");
  const scripted = spend.parsed.clone();
  scripted.setInputScript(0, Uint8Array.of(0x51));
  expect(() => proveKeyHashSpend(parseTransaction(scripted.toBuffer()), ours, program, prevouts, "relay")).toThrow(
    "with a signature script",
  );
});
