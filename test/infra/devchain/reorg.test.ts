import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildSweep, type Utxo } from "../../../infra/bitcoin/sweep.ts";
import { publicKeyOf, taprootScript, tweakKey } from "../../../infra/bitcoin/taproot.ts";
import { makeBlock } from "../../../infra/devchain/block.ts";
import { Chain, type StoredBlock } from "../../../infra/devchain/chain.ts";
import { scriptHash } from "../../../infra/devchain/ledger.ts";
import { Bench, candy, key, ready, script, THIEF } from "./fixtures.ts";

const sweep = (coin: Utxo, feeRate = 2) => buildSweep({ candy, utxos: [coin], toAddress: THIEF, feeRate });
const rival = taprootScript(tweakKey(publicKeyOf(key(7)))!.key);
const waiting = (bench: Bench) => bench.chain.mempool.entries().map(({ tx }) => tx.txid);

/** A bench with the same blocks as `bench` up to `height`, that mines for itself from there. */
function fork(bench: Bench, height: number): Bench {
  const other = new Bench();
  for (let h = 1; h <= height; h++) other.chain.submitBlock(bench.chain.blockAt(h)!.raw, bench.now);
  other.now = bench.now;
  return other;
}

/** Gives `bench` all blocks of `other` above `height`. */
function receive(bench: Bench, other: Bench, height: number): void {
  for (let h = height + 1; h <= other.chain.height; h++)
    bench.chain.submitBlock(other.chain.blockAt(h)!.raw, other.now);
}

/** What the chain says of the scripts that matter, to compare two of them. */
function state(chain: Chain) {
  const scripts = [candy.output.script, script(THIEF), rival, new Bench().wallet.script].map(scriptHash);
  return scripts.map((hash) => ({
    history: chain.history(hash),
    unspent: [...chain.unspent(hash)].sort().map((outpoint) => [outpoint, chain.coin(outpoint)]),
    spenders: chain
      .history(hash)
      .flatMap((txid) => chain.find(txid)!.tx.parsed.outs.map((_, vout) => chain.confirmedSpender(`${txid}:${vout}`))),
  }));
}

/** A chain that has only ever seen the best one's blocks. */
function fresh(chain: Chain, now: number): Chain {
  const copy = new Chain();
  for (let h = 1; h <= chain.height; h++) copy.submitBlock(chain.blockAt(h)!.raw, now);
  return copy;
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])("a reorganisation %i deep", (depth) => {
  it("by a longer branch gives the mempool its transactions back, and the ledger forgets", () => {
    const bench = ready();
    const coin = bench.fund();
    bench.mine();
    const at = bench.chain.height;
    const { hex, txid } = sweep(coin);
    bench.submit(hex);
    bench.mine(depth);
    expect(bench.chain.find(txid)!.block!.height).toBe(at + 1);
    const other = fork(bench, at);
    other.mine(depth, rival);
    receive(bench, other, at);
    expect(bench.chain.tip.height, "an equal branch that came later is not followed").toBe(at + depth);
    expect(bench.chain.find(txid)!.block).toBeDefined();
    other.mine(1, rival);
    receive(bench, other, at + depth);
    expect(bench.chain.tip.hash).toBe(other.chain.tip.hash);
    expect(waiting(bench)).toEqual([txid]);
    expect(bench.chain.find(txid)!.block).toBeUndefined();
    expect(bench.chain.coin(`${coin.txid}:0`)!.value).toBe(100_000n);
    expect(state(bench.chain)).toEqual(state(fresh(bench.chain, bench.now + 10_000)));
    bench.now = other.now;
    bench.mine();
    expect(bench.chain.find(txid)!.block).toBe(bench.chain.tip);
  });
  it("by invalidating leaves the parent as the tip, and the way back is closed", () => {
    const bench = ready();
    const coin = bench.fund();
    bench.mine();
    const parent = bench.chain.tip;
    const { hex, txid } = sweep(coin);
    bench.submit(hex);
    bench.mine(depth);
    const removed = bench.chain.blockAt(parent.height + 1)!;
    const top = bench.chain.tip;
    bench.chain.invalidate(removed.hash, bench.now);
    expect(bench.chain.tip).toBe(parent);
    expect(bench.chain.isActive(removed)).toBe(false);
    expect(waiting(bench)).toEqual([txid]);
    expect(state(bench.chain)).toEqual(state(fresh(bench.chain, bench.now)));
    expect(() => bench.chain.submitBlock(top.raw, bench.now)).toThrow("duplicate-invalid");
    bench.mine(1);
    expect(bench.chain.tip.previous).toBe(parent);
    expect(bench.chain.tip.hash).not.toBe(removed.hash);
    expect(bench.chain.find(txid)!.block).toBe(bench.chain.tip);
  });
});

describe("a reorganisation", () => {
  it("whose branch holds a rival spend drops ours, with what follows from it", () => {
    const bench = ready();
    const coin = bench.fund();
    bench.mine();
    const at = bench.chain.height;
    const other = fork(bench, at);
    const ours = sweep(coin, 2);
    const theirs = sweep(coin, 5);
    bench.submit(ours.hex);
    bench.mine();
    other.submit(theirs.hex);
    other.mine(2);
    receive(bench, other, at);
    expect(bench.chain.find(theirs.txid)!.block!.height).toBe(at + 1);
    expect(bench.chain.find(ours.txid)).toBeUndefined();
    expect(bench.chain.mempool.size).toBe(0);
    expect(bench.chain.spender(`${coin.txid}:0`)!.txid).toBe(theirs.txid);
  });
  it("keeps what waited, and drops what spends a coinbase that is gone", () => {
    const bench = ready();
    bench.mine(2);
    const at = bench.chain.height - 1;
    const other = fork(bench, at);
    // The newest mature coinbase is spent by a transaction that is no longer mature after the reorganisation below.
    const waited = bench.fund(4_000n).txid;
    other.mine(2, rival);
    receive(bench, other, at);
    expect(waiting(bench)).toEqual([waited]);
    bench.chain.invalidate(bench.chain.blockAt(100)!.hash, bench.now);
    expect(bench.chain.height).toBe(99);
    expect(bench.chain.mempool.size).toBe(0);
  });
  it("returns a refund to the mempool only when it is still final", () => {
    const bench = ready();
    const coin = bench.fund();
    bench.mine();
    expect(coin.txid).toHaveLength(64);
    const parent = bench.chain.tip;
    bench.mine(3);
    const made = bench.wallet.pay(bench.chain, rival, 10_000n);
    const txid = bench.submit(made);
    bench.mine();
    bench.chain.invalidate(bench.chain.blockAt(parent.height + 1)!.hash, bench.now);
    expect(waiting(bench)).toEqual([txid]);
  });
  it("into a branch with a bad block stops where the branch was good, or goes back to the better one", () => {
    const bench = ready();
    const at = bench.chain.height;
    const other = fork(bench, at);
    bench.mine(2);
    const best = bench.chain.tip;
    other.mine(2, rival);
    const raws = [1, 2].map((up) => other.chain.blockAt(at + up)!.raw);
    const bad = makeBlock({
      previous: other.chain.tip.hash,
      height: at + 3,
      time: other.now + 30,
      script: rival,
      value: 5_000_000_001n,
      extra: Uint8Array.of(1),
      transactions: [],
    });
    for (const raw of raws) bench.chain.submitBlock(raw, other.now);
    expect(() => bench.chain.submitBlock(bad, other.now + 60)).toThrow("bad-cb-amount");
    expect(bench.chain.tip).toBe(best);
    expect(state(bench.chain)).toEqual(state(fresh(bench.chain, other.now)));
  });
  it("does not touch the genesis block or blocks that are not known", () => {
    const bench = ready();
    expect(() => bench.chain.invalidate(bench.chain.blockAt(0)!.hash, bench.now)).toThrow("genesis");
    expect(() => bench.chain.invalidate("ab".repeat(32), bench.now)).toThrow("Block not found");
  });
  it("of a block on another branch only closes that branch", () => {
    const bench = ready();
    const other = fork(bench, 101);
    bench.mine(2);
    other.mine(1, rival);
    receive(bench, other, 101);
    const { tip } = bench.chain;
    bench.chain.invalidate(other.chain.tip.hash, bench.now);
    expect(bench.chain.tip).toBe(tip);
    other.mine(3, rival);
    expect(() => bench.chain.submitBlock(other.chain.blockAt(103)!.raw, other.now)).toThrow("bad-prevblk");
  });
});

describe("any sequence of mining, paying, sweeping and reorganising", () => {
  it("leaves the same ledger as the best chain alone would, and a mempool that can be mined", () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant("mine" as const), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ what: fc.constant("fund" as const), count: fc.integer({ min: 1_000, max: 1_000_000 }) }),
      fc.record({ what: fc.constant("sweep" as const), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ what: fc.constant("reorganise" as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ what: fc.constant("branch" as const), count: fc.integer({ min: 1, max: 6 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => {
        const bench = ready();
        bench.mine(10);
        for (const { what, count } of steps) act(bench, what, count);
        expect(state(bench.chain)).toEqual(state(fresh(bench.chain, bench.now + 100_000)));
        const expected = new Set(waiting(bench));
        bench.mine();
        expect(new Set(bench.chain.tip.txids.slice(1))).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  function act(bench: Bench, what: string, count: number): void {
    const { chain } = bench;
    if (what === "mine") bench.mine(count);
    if (what === "fund" && chain.mempool.size < 20) bench.fund(BigInt(count));
    if (what === "sweep") {
      const [outpoint] = chain.unspent(scriptHash(candy.output.script));
      if (!outpoint || chain.mempool.spender(outpoint)) return;
      const [txid] = outpoint.split(":");
      const value = chain.coin(outpoint)!.value;
      if (value > 10_000n) bench.submit(sweep({ txid: txid!, vout: Number(outpoint.split(":")[1]), value }, count).hex);
    }
    if (what === "reorganise") {
      const removed: StoredBlock = chain.blockAt(chain.height - count + 1)!;
      if (removed.height > 103) chain.invalidate(removed.hash, bench.now);
    }
    if (what === "branch") {
      const at = Math.max(chain.height - count, 103);
      const other = fork(bench, at);
      other.mine(chain.height - at + 1, rival);
      receive(bench, other, at);
      bench.now = other.now;
    }
  }
});
