/** Spends of the piñata's output: true ones are proven, and everything that is almost true is refused. */
import { readFileSync } from "node:fs";
import { crypto, Transaction } from "bitcoinjs-lib";
import * as ecc from "tiny-secp256k1";
import { describe, expect, test } from "vitest";
import { fromHex, ProofError, showHash } from "../../../monitor/proofs/bytes.ts";
import { outputKeyOf, prevoutsNeeded, proveSpend, refundLeaf } from "../../../monitor/proofs/taproot-spend.ts";
import { type Outpoint, parseTransaction } from "../../../monitor/proofs/transaction.ts";
import {
  BOUNTY,
  breach,
  ELSEWHERE,
  fundBounty,
  funding,
  key,
  LEAF,
  leafOf,
  OUTPUT,
  outpointOf,
  PAID,
  parsed,
  pay,
  prevoutsOf,
  REFUND,
  REFUND_HEIGHT,
  refund,
} from "../support/bounty.ts";

const ALL_TYPES = [0, 1, 2, 3, 0x81, 0x82, 0x83];
const coin = fundBounty(1_000_000n);
const other = funding({ script: ELSEWHERE, value: 70_000n });

function prove(spend: Transaction, from = [coin, other], output = OUTPUT) {
  return proveSpend(parsed(spend), outpointOf(coin), output, prevoutsOf(...from));
}

/** The same transaction with one thing changed. */
function changed(spend: Transaction, change: (copy: Transaction) => void): Transaction {
  const copy = Transaction.fromBuffer(spend.toBuffer());
  change(copy);
  return copy;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

describe("key path", () => {
  const vectors = JSON.parse(readFileSync(new URL("../vectors/bip341-key-path.json", import.meta.url), "utf8")) as {
    signed: string;
    prevouts: [string, number][];
    inputs: [number, number][];
  };
  const signed = parseTransaction(fromHex(vectors.signed));
  const outpoints: Outpoint[] = signed.parsed.ins.map(({ hash, index }) => ({ txid: showHash(hash), vout: index }));
  const prevouts = new Map(
    vectors.prevouts.map(([script, value], i) => {
      return [`${outpoints[i]!.txid}:${outpoints[i]!.vout}`, { script: fromHex(script), value: BigInt(value) }];
    }),
  );

  test.each(vectors.inputs)("BIP-341's own input %i with hash type %i", (index) => {
    const script = fromHex(vectors.prevouts[index]![0]);
    const output = { ...OUTPUT, script, outputKey: script.slice(2) };
    expect(proveSpend(signed, outpoints[index]!, output, prevouts).kind).toBe("breach");
    const wrong = new Map(prevouts);
    const own = `${outpoints[index]!.txid}:${outpoints[index]!.vout}`;
    wrong.set(own, { script, value: prevouts.get(own)!.value + 1n });
    expect(() => proveSpend(signed, outpoints[index]!, output, wrong)).toThrow("not valid");
  });

  test.each(ALL_TYPES)("a signature of hash type %i proves a breach", (type) => {
    const proven = prove(breach({ from: [{ transaction: coin }, { transaction: other }], type }));
    expect(proven.kind).toBe("breach");
    expect(proven.proof).toContain("BIP-340");
  });

  test("an annex is part of what is signed, hashed with its length", () => {
    const annex = Uint8Array.from([0x50, 1, 2, 3]);
    const spend = breach({ from: [{ transaction: coin }], annex });
    expect(prove(spend)).toMatchObject({ kind: "breach", proof: expect.stringContaining("with annex") });
    const without = changed(spend, (copy) => copy.setWitness(0, [copy.ins[0]!.witness[0]!]));
    expect(() => prove(without)).toThrow("not valid");
    const another = changed(spend, (copy) =>
      copy.setWitness(0, [copy.ins[0]!.witness[0]!, Uint8Array.from([0x50, 9])]),
    );
    expect(() => prove(another)).toThrow("not valid");
    const plain = breach({ from: [{ transaction: coin }] });
    const added = changed(plain, (copy) => copy.setWitness(0, [copy.ins[0]!.witness[0]!, annex]));
    expect(() => prove(added)).toThrow("not valid");
  });

  test("the message with annex is the one that BIP-341 describes, put together by hand", () => {
    const annex = Uint8Array.from([0x50, 7]);
    const spend = breach({ from: [{ transaction: coin }], annex });
    const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
    const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);
    const input = spend.ins[0]!;
    const out = spend.outs[0]!;
    const message = Buffer.concat([
      Uint8Array.from([0, 0]),
      u32(spend.version),
      u32(spend.locktime),
      crypto.sha256(Buffer.concat([input.hash, u32(input.index)])),
      crypto.sha256(u64(1_000_000n)),
      crypto.sha256(Buffer.concat([Uint8Array.from([34]), PAID.script])),
      crypto.sha256(u32(input.sequence)),
      crypto.sha256(Buffer.concat([u64(out.value), Uint8Array.from([out.script.length]), out.script])),
      Uint8Array.from([1]),
      u32(0),
      crypto.sha256(Buffer.concat([Uint8Array.from([2]), annex])),
    ]);
    const hash = crypto.taggedHash("TapSighash", message);
    expect(ecc.verifySchnorr(hash, PAID.outputKey, input.witness[0]!)).toBe(true);
  });

  test("one satoshi more or less in an output, or another destination, is not what was signed", () => {
    const spend = breach({ from: [{ transaction: coin }] });
    for (const by of [1n, -1n]) {
      expect(() => prove(changed(spend, (copy) => (copy.outs[0]!.value += by)))).toThrow(ProofError);
    }
    expect(() => prove(changed(spend, (copy) => (copy.outs[0]!.script = PAID.script)))).toThrow("not valid");
    expect(() => prove(changed(spend, (copy) => (copy.locktime = 1)))).toThrow("not valid");
    expect(() => prove(changed(spend, (copy) => (copy.version = 1)))).toThrow("not valid");
  });

  test("no single bit of the signature can be flipped", () => {
    const spend = breach({ from: [{ transaction: coin }] });
    for (let bit = 0; bit < 512; bit++) {
      const forged = changed(spend, (copy) => copy.setWitness(0, [flip(copy.ins[0]!.witness[0]!, bit)]));
      expect(() => prove(forged), `bit ${bit}`).toThrow("not valid");
    }
  });

  test("signature lengths and hash types outside BIP-341 are refused", () => {
    const spend = breach({ from: [{ transaction: coin }] });
    const [signature] = spend.ins[0]!.witness;
    const witness = (...items: Uint8Array[]) => changed(spend, (copy) => copy.setWitness(0, items));
    expect(() => prove(witness(signature!.subarray(0, 63)))).toThrow("63 bytes");
    expect(() => prove(witness(Buffer.concat([signature!, Uint8Array.from([0])])))).toThrow("hash type 0");
    for (const type of [4, 0x80, 0x84, 0xff]) {
      expect(() => prove(witness(Buffer.concat([signature!, Uint8Array.from([type])])))).toThrow(`hash type ${type}`);
    }
    expect(() => prove(witness(new Uint8Array(64)))).toThrow("not valid");
    expect(() => prove(witness(new Uint8Array(64).fill(0xff)))).toThrow("not valid");
    expect(() => prove(witness(new Uint8Array()))).toThrow("0 bytes");
    expect(() => prove(changed(spend, (copy) => copy.stripWitnesses()))).toThrow("without a witness");
  });

  test("SIGHASH_SINGLE for an input without an output of the same number is refused", () => {
    const spend = breach({ from: [{ transaction: coin }, { transaction: other }], type: 3 });
    const swapped = changed(spend, (copy) => copy.ins.reverse());
    expect(() => prove(swapped)).toThrow("without a matching output");
  });

  test("another previous value or script, of our own or of another input, breaks the proof", () => {
    const spend = breach({ from: [{ transaction: coin }, { transaction: other }] });
    expect(prove(spend).kind).toBe("breach");
    const prevouts = prevoutsOf(coin, other);
    const at = `${other.getId()}:0`;
    for (const wrong of [
      { script: ELSEWHERE, value: 70_001n },
      { script: PAID.script, value: 70_000n },
    ]) {
      expect(() => proveSpend(parsed(spend), outpointOf(coin), OUTPUT, new Map([...prevouts, [at, wrong]]))).toThrow(
        "not valid",
      );
    }
    prevouts.delete(at);
    expect(() => proveSpend(parsed(spend), outpointOf(coin), OUTPUT, prevouts)).toThrow("is not known");
    expect(() => prove(spend, [other])).toThrow("does not pay the piñata");
  });

  test("with ANYONECANPAY the other inputs' previous outputs are not needed", () => {
    const from = [{ transaction: coin }, { transaction: other }];
    const alone = breach({ from, type: 0x81 });
    expect(prevoutsNeeded(parsed(alone), outpointOf(coin))).toEqual([outpointOf(coin)]);
    expect(prove(alone, [coin]).kind).toBe("breach");
    expect(prevoutsNeeded(parsed(breach({ from })), outpointOf(coin))).toEqual([outpointOf(coin), outpointOf(other)]);
  });

  test("signing with the internal key, untweaked or tweaked otherwise, or with another key, proves nothing", () => {
    for (const secret of [BOUNTY.secret, REFUND.secret, key("thief").secret]) {
      expect(() => prove(breach({ from: [{ transaction: coin }], secret }))).toThrow("not valid");
    }
  });

  test("a transaction that does not spend the coin says nothing about it", () => {
    const spend = breach({ from: [{ transaction: fundBounty() }] });
    expect(() => prove(spend)).toThrow("does not spend");
  });

  test("a taproot spend has an empty signature script", () => {
    const spend = breach({ from: [{ transaction: coin }] });
    expect(() => prove(changed(spend, (copy) => copy.setInputScript(0, Uint8Array.from([0x51]))))).toThrow(
      "signature script",
    );
  });
});

describe("script path", () => {
  const from = [{ transaction: coin }];

  test("the published leaf with the refund key's signature, locked, is a refund", () => {
    expect(prove(refund({ from })).kind).toBe("refund");
    expect(prove(refund({ from, locktime: REFUND_HEIGHT + 7 })).kind).toBe("refund");
    expect(prove(refund({ from, annex: Uint8Array.from([0x50]) })).kind).toBe("refund");
  });

  test("the leaf is the one that the descriptor means, for every width of the height", () => {
    expect(refundLeaf(OUTPUT)).toEqual(Uint8Array.from(LEAF));
    for (const height of [1, 16, 17, 127, 128, 32_767, 32_768, 100_000, 8_388_608, 499_999_999]) {
      expect(refundLeaf({ refundKey: REFUND.point, refundHeight: height })).toEqual(
        Uint8Array.from(leafOf(REFUND.point, height)),
      );
    }
  });

  test("leaf and control block are public: without the refund key's signature they prove nothing", () => {
    expect(() => prove(refund({ from, secret: key("anyone").secret }))).toThrow("not valid");
    const spend = refund({ from });
    const signature = (bytes: Uint8Array) => changed(spend, (copy) => copy.setWitness(0, [bytes, LEAF, PAID.control]));
    expect(() => prove(signature(new Uint8Array()))).toThrow("0 bytes");
    expect(() => prove(signature(flip(spend.ins[0]!.witness[0]!, 100)))).toThrow("not valid");
    expect(() => prove(changed(spend, (copy) => (copy.outs[0]!.value -= 1n)))).toThrow("not valid");
    expect(() => prove(changed(spend, (copy) => copy.setWitness(0, [LEAF, PAID.control])))).toThrow(
      "signature, leaf and control",
    );
  });

  test("before its height a refund is no refund", () => {
    expect(() => prove(refund({ from, locktime: REFUND_HEIGHT - 1 }))).toThrow("not locked until height 500");
    expect(() => prove(refund({ from, locktime: 500_000_000 }))).toThrow("not locked");
    expect(() => prove(refund({ from, sequence: 0xffffffff }))).toThrow("not locked");
  });

  test("any bit of the control block or of the leaf changed is not committed to", () => {
    for (let bit = 0; bit < PAID.control.length * 8; bit++) {
      expect(() => prove(refund({ from, control: flip(PAID.control, bit) })), `control bit ${bit}`).toThrow(
        /does not commit to|not a point/,
      );
    }
    for (let bit = 0; bit < LEAF.length * 8; bit += 5) {
      expect(() => prove(refund({ from, leaf: flip(LEAF, bit) })), `leaf bit ${bit}`).toThrow("does not commit to");
    }
    for (const length of [32, 34, 64]) {
      expect(() => prove(refund({ from, control: new Uint8Array(length).fill(2) }))).toThrow(
        `control block of ${length} bytes`,
      );
    }
    const longest = new Uint8Array(33 + 32 * 129);
    expect(() => prove(refund({ from, control: longest }))).toThrow("control block of");
  });

  test("another internal key, with its own control block, is another output", () => {
    const { control } = pay(key("another").point);
    expect(() => prove(refund({ from, control }))).toThrow("does not commit to");
    expect(outputKeyOf(BOUNTY.point, LEAF).key).toEqual(Uint8Array.from(PAID.outputKey));
    expect(() => outputKeyOf(new Uint8Array(32).fill(0xff), LEAF)).toThrow("not a point");
  });

  test("a leaf that was never published but is committed to is unknown, not a refund", () => {
    const odd = leafOf(key("hidden").point, 9);
    const hidden = pay(BOUNTY.point, odd);
    const there = funding({ script: hidden.script, value: 5000n });
    const output = { ...OUTPUT, script: hidden.script, outputKey: hidden.outputKey };
    const spend = refund({ from: [{ transaction: there }], leaf: odd, control: hidden.control });
    expect(proveSpend(parsed(spend), outpointOf(there), output, prevoutsOf(there)).kind).toBe("unknown");
  });
});
