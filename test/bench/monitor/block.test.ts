/** The scan among many outpoints against a parser that somebody else wrote, and the synthetic block itself. */
import { Block, Transaction } from "bitcoinjs-lib";
import { expect, test } from "vitest";
import { scanBlock } from "../../../monitor/sources/block-scan.ts";
import { OutpointSet } from "../../../monitor/sources/outpoint-set.ts";
import { makeBlock, outpoint } from "./block.ts";
import { spread } from "./figures.ts";
import { byParsing, keyOf } from "./scan.ts";

const planted = Array.from({ length: 5 }, (_, i) => outpoint(`planted ${i}`));

test("the synthetic block is one that bitcoinjs parses, of two inputs and two outputs with witnesses", () => {
  const raw = makeBlock(300, planted);
  const parsed = Block.fromBuffer(raw);
  expect(Buffer.from(parsed.toBuffer()).equals(raw)).toBe(true);
  expect(parsed.transactions).toHaveLength(300);
  for (const { ins, outs } of parsed.transactions!) {
    expect([ins.length, outs.length]).toEqual([2, 2]);
    expect(ins.every(({ witness }) => witness.length === 2)).toBe(true);
  }
});

test("among 250,000 outpoints the scan finds the spends that a parser finds, with their txids", () => {
  const raw = makeBlock(3_000, planted);
  const set = new OutpointSet(planted);
  // Numbers, not hashes: they are quicker to make, and the set must tell them apart all the same.
  for (let i = 0; set.size < 250_000; i++) set.add({ txid: i.toString(16).padStart(64, "0"), vout: 0 });
  const { spends } = scanBlock(raw, { outpoints: set });
  const wanted = new Map(planted.map((each) => [keyOf(each), each]));
  const expected = Block.fromBuffer(raw).transactions!.flatMap((transaction) =>
    transaction.ins.flatMap(({ hash, index }) => {
      const found = wanted.get(`${Buffer.from(hash).toString("latin1")}${index}`);
      return found ? [{ outpoint: found, txid: Transaction.fromBuffer(transaction.toBuffer()).getId() }] : [];
    }),
  );
  expect(expected).toHaveLength(planted.length);
  expect(spends).toEqual(expected);
  expect(byParsing(raw, wanted, "inputs")).toBe(planted.length);
});

test("a block without any of them gives none, in both ways", () => {
  const raw = makeBlock(300, []);
  expect(scanBlock(raw, { outpoints: new OutpointSet(planted) }).spends).toEqual([]);
  expect(byParsing(raw, new Map(planted.map((each) => [keyOf(each), each])), "inputs")).toBe(0);
});

test("order statistics are by nearest rank, and of nothing there are none", () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(spread(values)).toEqual({ count: 200, min: 1, median: 100, p99: 198, max: 200 });
  expect(() => spread([])).toThrow(RangeError);
});
