/** What an Electrum history is read into, and how much of it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParsedTransaction } from "../../../monitor/proofs/transaction.ts";
import { eachOf, HistoryIndex, MAX_FETCHED, MAX_PARTS } from "../../../monitor/sources/electrum/history-index.ts";
import { LineReader } from "../../../monitor/sources/electrum/lines.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, ELSEWHERE, fundBounty, funding, PAID, parsed } from "../support/bounty.ts";

type Transactions = Parameters<typeof parsed>[0][];

/** An index that has read these transactions, and the txids that it fetched. */
function reading(...transactions: Transactions) {
  const byId = new Map(transactions.map((each) => [each.getId(), parsed(each)]));
  const fetched: string[] = [];
  const fetch = async (txid: string): Promise<ParsedTransaction> => {
    fetched.push(txid);
    const found = byId.get(txid);
    if (!found) throw new SourceError(`no ${txid}`);
    return found;
  };
  return { index: new HistoryIndex(PAID.script), fetch, fetched };
}
const items = (transactions: Transactions, height = 7) =>
  transactions.map((each) => ({ tx_hash: each.getId(), height }));

describe("payments and spends", () => {
  test("every output that pays the script, and every input of what was read", async () => {
    const double = funding(
      { script: PAID.script, value: 1n },
      { script: ELSEWHERE, value: 2n },
      { script: PAID.script, value: 3n },
    );
    const spend = breach({ from: [{ transaction: double, vout: 2 }], fee: 0n });
    const { index, fetch } = reading(double, spend);
    const history = [...items([double]), ...items([spend], -1)];
    await index.read(history, fetch);
    const txid = double.getId();
    expect(index.payments(history)).toEqual([
      { txid, height: 7, vout: 0, value: 1 },
      { txid, height: 7, vout: 2, value: 3 },
    ]);
    expect(index.spends(history).get(`${txid}:2`)).toEqual({ tx_hash: spend.getId(), height: -1 });
    expect(index.spends(history).has(`${txid}:0`)).toBe(false);
  });

  test("of two that spend the same coin the one in a block counts, in whatever order they are listed", async () => {
    const coin = fundBounty();
    const rivals = [1_000n, 2_000n].map((fee) => breach({ from: [{ transaction: coin }], fee }));
    const { index, fetch } = reading(coin, ...rivals);
    const [one, other] = rivals as [(typeof rivals)[0], (typeof rivals)[0]];
    for (const history of [
      [...items([one], 8), ...items([other], 0)],
      [...items([other], 0), ...items([one], 8)],
    ]) {
      await index.read(history, fetch);
      expect(index.spends(history).get(`${coin.getId()}:0`)!.tx_hash).toBe(one.getId());
    }
  });
});

describe("bounds", () => {
  test("each transaction is fetched once; one that left the history is forgotten", async () => {
    const [a, b] = [fundBounty(), fundBounty()];
    const { index, fetch, fetched } = reading(a, b);
    await index.read(items([a]), fetch);
    await index.read(items([a, b]), fetch);
    expect(fetched).toEqual([a.getId(), b.getId()]);
    await index.read(items([b]), fetch);
    await index.read(items([a, b]), fetch);
    expect(fetched).toEqual([a.getId(), b.getId(), a.getId()]);
  });

  test("a long history is gone on with, and says how far it is", async () => {
    const many = Array.from({ length: MAX_FETCHED + 20 }, () => fundBounty());
    const { index, fetch, fetched } = reading(...many);
    await expect(index.read(items(many), fetch)).rejects.toThrow(
      `is being caught up with (${MAX_FETCHED} of the address's ${many.length} transactions so far)`,
    );
    expect(fetched.length).toBe(MAX_FETCHED);
    await index.read(items(many), fetch);
    expect(fetched.length).toBe(many.length);
    expect(index.payments(items(many)).length).toBe(many.length);
  });

  test("more inputs and payments than can be kept are refused, and those that left no longer count", async () => {
    const each = 30_000;
    const wide = new Map<string, ParsedTransaction>();
    for (let serial = 0; serial <= MAX_PARTS / each; serial++) {
      const transaction = funding({ script: ELSEWHERE, value: 1n });
      for (let i = 1; i < each; i++) transaction.addInput(new Uint8Array(32).fill(serial), i);
      const txid = serial.toString(16).padStart(64, "0");
      wide.set(txid, { txid, strippedLength: 0, parsed: transaction });
    }
    const history = [...wide.keys()].map((txid) => ({ tx_hash: txid, height: 7 }));
    const index = new HistoryIndex(PAID.script);
    const fetch = async (txid: string) => wide.get(txid)!;
    await expect(index.read(history, fetch)).rejects.toThrow("lists more transactions of the address than can be kept");
    await index.read(history.slice(0, -1), fetch);
    await index.read(history.slice(1), fetch);
    expect(index.spends(history.slice(1)).size).toBe(MAX_PARTS);
  });

  test("the first failure is the answer, and nothing more is begun", async () => {
    let begun = 0;
    const list = Array.from({ length: 100 }, (_, i) => i);
    const task = async (i: number) => {
      begun++;
      await Promise.resolve();
      if (i === 3) throw new SourceError("three");
    };
    await expect(eachOf(list, task)).rejects.toThrow("three");
    const after = begun;
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(after);
    expect(begun).toBeLessThan(30);
  });
});

test("lines come out the same however the bytes are cut", () => {
  const line = fc.string({ minLength: 1, maxLength: 12 }).map((each) => each.replaceAll("\n", "-"));
  const text = fc.array(line, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 40 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const longest = Math.max(0, ...lines.map((line) => Buffer.byteLength(line)));
      for (const limit of [longest, longest - 1]) {
        const out: string[] = [];
        const reader = new LineReader(() => limit);
        let at = 0;
        let fits = true;
        for (const cut of [...cuts, bytes.length]) {
          fits &&= reader.take(bytes.subarray(at, at + cut), (line) => out.push(line));
          at = Math.min(bytes.length, at + cut);
        }
        expect(fits).toBe(limit === longest);
        if (fits) expect(out).toEqual(lines);
      }
    }),
  );
});
