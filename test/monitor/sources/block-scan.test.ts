/** Raw blocks looked through on their bytes: the same hits as with a parser, and no other end than a refusal for what is none. */
import { Block, Transaction } from "bitcoinjs-lib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { showHash } from "../../../monitor/proofs/bytes.ts";
import { findSpender, scanBlock, scanTransaction } from "../../../monitor/sources/block-scan.ts";
import { OutpointSet } from "../../../monitor/sources/outpoint-set.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { ELSEWHERE, PAID } from "../support/bounty.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const input = fc.record({
  hash: bytes(32),
  index: fc.integer({ min: 0, max: 0xffffffff }),
  script: fc.uint8Array({ maxLength: 300 }),
  witness: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 3 }),
});
const output = fc.record({
  script: fc.oneof(fc.constant(PAID.script), fc.constant(ELSEWHERE), fc.uint8Array({ maxLength: 300 })),
  value: fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }),
});
const transaction = fc
  .record({
    ins: fc.array(input, { minLength: 1, maxLength: 5 }),
    outs: fc.array(output, { minLength: 1, maxLength: 5 }),
    locktime: fc.integer({ min: 0, max: 0xffffffff }),
  })
  .map(({ ins, outs, locktime }) => {
    const made = new Transaction();
    made.version = 2;
    made.locktime = locktime;
    ins.forEach(({ hash, index, script, witness }, i) => {
      made.addInput(hash, index, 0xfffffffd, script);
      made.setWitness(i, witness);
    });
    for (const { script, value } of outs) made.addOutput(script, value);
    return made;
  });

function blockOf(transactions: Transaction[]): Uint8Array {
  const block = new Block();
  block.prevHash = new Uint8Array(32);
  block.merkleRoot = new Uint8Array(32);
  block.transactions = transactions;
  return new Uint8Array(block.toBuffer());
}

test("hits are those of a parser", () => {
  const history = fc.array(transaction, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.boolean()), (transactions, coins) => {
      const all = transactions.flatMap((each) =>
        each.ins.map(({ hash, index }) => ({ txid: showHash(hash), vout: index, by: each.getId() })),
      );
      const wanted = all.filter(() => coins.next().value);
      const outpoints = new OutpointSet(wanted);
      const { spends, payments } = scanBlock(blockOf(transactions), { outpoints, script: PAID.script });
      const show = (each: { txid: string; vout: number; by: string }) => `${each.txid}:${each.vout} by ${each.by}`;
      expect(spends.map(({ outpoint, txid }) => show({ ...outpoint, by: txid }))).toEqual(
        all.filter(({ txid, vout }) => wanted.some((each) => each.txid === txid && each.vout === vout)).map(show),
      );
      expect(payments).toEqual(
        transactions.flatMap((each) =>
          each.outs.flatMap(({ script, value }, vout) =>
            Buffer.compare(script, PAID.script) === 0 ? [{ txid: each.getId(), vout, value: Number(value) }] : [],
          ),
        ),
      );
      const [first] = wanted;
      if (first)
        expect(findSpender(blockOf(transactions), first)).toBe(
          all.find(({ txid, vout }) => txid === first.txid && vout === first.vout)!.by,
        );
    }),
    { numRuns: 60 },
  );
});

test("what ends early, goes on too long or is anything else is refused", () => {
  const [one] = fc.sample(transaction, { numRuns: 1, seed: 7 });
  const raw = blockOf([one!]);
  const nothing = { outpoints: new OutpointSet() };
  for (let length = 0; length < raw.length; length++) {
    expect(() => scanBlock(raw.subarray(0, length), nothing), `${length} bytes`).toThrow(SourceError);
  }
  expect(() => scanBlock(Buffer.concat([raw, Buffer.alloc(1)]), nothing)).toThrow("something else than a block");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
      const found = scanTransaction(noise, nothing);
      expect(found === undefined || found.spends.length + found.payments.length === 0).toBe(true);
    }),
  );
  expect(scanTransaction(new Uint8Array(one!.toBuffer()), nothing)).toEqual({ spends: [], payments: [] });
  // A count of four thousand million inputs ends with the bytes.
  const many = Buffer.concat([Buffer.from("02000000fe", "hex"), Buffer.alloc(4, 0xff), Buffer.alloc(1_000)]);
  expect(scanTransaction(many, nothing)).toBeUndefined();
});

test("a set holds each outpoint once, among many", () => {
  const outpoints = new OutpointSet();
  const txid = (i: number) => i.toString(16).padStart(8, "0").repeat(8);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3_000; i++) outpoints.add({ txid: txid(i), vout: i % 3 });
  }
  expect(outpoints.size).toBe(3_000);
  const raw = Buffer.alloc(50);
  for (let i = 0; i < 3_000; i++) {
    raw.set(Buffer.from(txid(i), "hex").reverse(), 7);
    raw.writeUInt32LE(i % 3, 39);
    expect(outpoints.at(outpoints.indexOf(raw, 7))).toEqual({ txid: txid(i), vout: i % 3 });
    raw.writeUInt32LE((i % 3) + 1, 39);
    expect(outpoints.indexOf(raw, 7)).toBe(-1);
  }
});
