/** Transactions from raw bytes: the txid is ours, and only the canonical encoding is one. */
import { Transaction } from "bitcoinjs-lib";
import { describe, expect, test } from "vitest";
import { fromHex, sha256d, showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import {
  isCoinbase,
  isFinal,
  parseExpected,
  parseTransaction,
  readOutpoint,
  showOutpoint,
} from "../../../monitor/proofs/transaction.ts";
import { breach, fundBounty } from "../support/bounty.ts";

const coin = fundBounty();
const spend = breach({ from: [{ transaction: coin }] });

describe("parsing", () => {
  test("the txid is the hash of the bytes without witness", () => {
    const { txid, strippedLength } = parseTransaction(spend.toBuffer());
    const stripped = spend.clone();
    stripped.stripWitnesses();
    expect(txid).toBe(showHash(sha256d(stripped.toBuffer())));
    expect(strippedLength).toBe(stripped.toBuffer().length);
    expect(txid).toBe(spend.getId());
  });

  test("another txid than asked for is refused by name", () => {
    expect(() => parseExpected(spend.toBuffer(), coin.getId())).toThrow(
      `asked for transaction ${coin.getId()}, got ${spend.getId()}`,
    );
    expect(parseExpected(coin.toBuffer(), coin.getId()).txid).toBe(coin.getId());
  });

  test("every truncation and every addition is refused", () => {
    const raw = spend.toBuffer();
    for (let length = 0; length < raw.length; length++) {
      expect(() => parseTransaction(raw.subarray(0, length)), `${length} bytes`).toThrow();
    }
    expect(() => parseTransaction(Buffer.concat([raw, Uint8Array.from([0])]))).toThrow("unexpected data");
  });

  test("text, nothing, and an absurd count are no transactions", () => {
    expect(() => parseTransaction(Buffer.from("<html>429 Too Many Requests</html>"))).toThrow("not a transaction");
    expect(() => parseTransaction(new Uint8Array())).toThrow("not a transaction");
    expect(() => parseTransaction(fromHex(`02000000ff${"f".repeat(16)}00`))).toThrow("not a transaction");
    expect(() => parseTransaction(new Uint8Array(4_000_001))).toThrow("longer than a block");
  });

  test("a count written longer than needed would give another hash and is refused", () => {
    const raw = coin.toBuffer();
    // The count of inputs is the fifth byte.
    const padded = Buffer.concat([raw.subarray(0, 4), Uint8Array.from([0xfd, 1, 0]), raw.subarray(5)]);
    expect(() => parseTransaction(padded)).toThrow("not encoded canonically");
  });

  test("an output of more than all bitcoin is refused", () => {
    const hex = toHex(coin.toBuffer());
    const value = toHex(new Uint8Array(BigUint64Array.of(1_000_000n).buffer));
    for (const wrong of [2_100_000_000_000_001n, 0xffffffffffffffffn]) {
      const forged = hex.replace(value, toHex(new Uint8Array(BigUint64Array.of(wrong).buffer)));
      expect(() => parseTransaction(fromHex(forged))).toThrow();
    }
  });
});

describe("what no node would take", () => {
  const alter = (change: (copy: Transaction) => void): Uint8Array => {
    const copy = Transaction.fromBuffer(spend.toBuffer());
    change(copy);
    return copy.toBuffer();
  };

  test("one coin spent twice (CVE-2018-17144)", () => {
    const twice = alter((copy) => copy.addInput(copy.ins[0]!.hash, copy.ins[0]!.index));
    expect(() => parseTransaction(twice)).toThrow("spends one coin twice");
    parseTransaction(alter((copy) => copy.addInput(copy.ins[0]!.hash, copy.ins[0]!.index + 1)));
  });

  test("an input from nowhere beside others", () => {
    const nowhere = alter((copy) => copy.addInput(new Uint8Array(32), 0xffffffff));
    expect(() => parseTransaction(nowhere)).toThrow("an input from nowhere");
  });

  test("outputs of more than all bitcoin together", () => {
    const all = 2_100_000_000_000_000n;
    parseTransaction(alter((copy) => (copy.outs[0]!.value = all)));
    const more = alter((copy) => {
      copy.outs[0]!.value = all;
      copy.addOutput(Uint8Array.of(0x51), 1n);
    });
    expect(() => parseTransaction(more)).toThrow("outputs of more bitcoin");
  });

  test("no inputs or no outputs", () => {
    expect(() => parseTransaction(fromHex("02000000000000000000"))).toThrow("without inputs or outputs");
    expect(() => parseTransaction(alter((copy) => (copy.outs = [])))).toThrow("without inputs or outputs");
  });
});

test("a coinbase has one input, from nowhere", () => {
  const coinbase = new Transaction();
  coinbase.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Uint8Array.of(1, 1));
  coinbase.addOutput(Uint8Array.of(0x51), 50n);
  expect(isCoinbase(parseTransaction(coinbase.toBuffer()))).toBe(true);
  coinbase.ins[0]!.index = 0;
  expect(isCoinbase(parseTransaction(coinbase.toBuffer()))).toBe(false);
  expect(isCoinbase(parseTransaction(spend.toBuffer()))).toBe(false);
});

describe("lock times", () => {
  const locked = (locktime: number, sequence: number) => {
    const copy = Transaction.fromBuffer(spend.toBuffer());
    copy.locktime = locktime;
    for (const input of copy.ins) input.sequence = sequence;
    return { parsed: copy };
  };

  test("a height is passed by the next block, a time by the median of the blocks before", () => {
    expect(isFinal(locked(0, 0), 0, 0)).toBe(true);
    expect(isFinal(locked(500, 0), 500, 1_700_000_000)).toBe(false);
    expect(isFinal(locked(500, 0), 501, 0)).toBe(true);
    expect(isFinal(locked(499_999_999, 0), 499_999_999, 1_700_000_000)).toBe(false);
    expect(isFinal(locked(500_000_000, 0), 900_000, 500_000_000)).toBe(false);
    expect(isFinal(locked(500_000_000, 0), 0, 500_000_001)).toBe(true);
  });

  test("inputs that are all final need no lock time", () => {
    expect(isFinal(locked(500, 0xffffffff), 1, 0)).toBe(true);
    const mixed = locked(500, 0xffffffff);
    mixed.parsed.addInput(new Uint8Array(32).fill(1), 0, 0xfffffffe);
    expect(isFinal(mixed, 1, 0)).toBe(false);
  });
});

test("outpoints are read strictly", () => {
  const outpoint = { txid: "ab".repeat(32), vout: 7 };
  expect(readOutpoint(showOutpoint(outpoint))).toEqual(outpoint);
  for (const wrong of [
    "",
    "ab:0",
    `${"ab".repeat(32)}`,
    `${"AB".repeat(32)}:0`,
    `${"ab".repeat(32)}:4294967296`,
    `${"ab".repeat(32)}:-1`,
  ]) {
    expect(readOutpoint(wrong)).toBeUndefined();
  }
});
