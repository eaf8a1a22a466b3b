/** Transactions from raw bytes: the txid is ours, and only the canonical encoding is one. */
import { describe, expect, test } from "vitest";
import { fromHex, sha256d, showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import { parseExpected, parseTransaction, readOutpoint, showOutpoint } from "../../../monitor/proofs/transaction.ts";
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
