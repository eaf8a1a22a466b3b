import { describe, expect, it } from "vitest";
import { ecc, Transaction } from "../../../infra/bitcoin/ecc.ts";
import { addressOfScript } from "../../../infra/bitcoin/networks.ts";
import { buildSweep, type Utxo } from "../../../infra/bitcoin/sweep.ts";
import { publicKeyOf, taprootScript, tweakKey, tweakPrivateKey } from "../../../infra/bitcoin/taproot.ts";
import type { ChainOptions } from "../../../infra/devchain/chain.ts";
import { scriptHash } from "../../../infra/devchain/ledger.ts";
import { Refused, showMoney } from "../../../infra/devchain/refused.ts";
import { Wallet, WalletError } from "../../../infra/devchain/wallet.ts";
import { Bench, candy, key, ready, script, THIEF } from "./fixtures.ts";

function hung(options: ChainOptions = {}): { bench: Bench; coin: Utxo } {
  const bench = ready(options);
  const coin = bench.fund();
  bench.mine();
  return { bench, coin };
}
const other = taprootScript(tweakKey(publicKeyOf(key(6)))!.key);
const address = (output: Uint8Array) => addressOfScript(output, "regtest")!;
const sweep = (coin: Utxo, feeRate: number) => buildSweep({ candy, utxos: [coin], toAddress: THIEF, feeRate });
const refusal = (bench: Bench, hex: string): string => {
  try {
    bench.submit(hex);
  } catch (error) {
    expect(error).toBeInstanceOf(Refused);
    return (error as Refused).message;
  }
  throw new Error("accepted");
};
const waiting = (bench: Bench) => bench.chain.mempool.entries().map(({ tx }) => tx.txid);

describe("a replacement (RBF)", () => {
  it("that pays more takes the place of the first, and a third of the second", () => {
    const { bench, coin } = hung();
    for (const feeRate of [1, 5, 20]) {
      const { hex, txid } = sweep(coin, feeRate);
      bench.submit(hex);
      expect(waiting(bench)).toEqual([txid]);
      expect(bench.chain.mempool.spender(`${coin.txid}:0`)!.txid).toBe(txid);
    }
    bench.mine();
    expect(bench.chain.find(sweep(coin, 20).txid)!.block).toBe(bench.chain.tip);
    expect(bench.chain.find(sweep(coin, 5).txid)).toBeUndefined();
  });
  it("is taken also when the first did not ask for it (full RBF)", () => {
    const { bench, coin } = hung();
    bench.submit(final(coin));
    const { hex, txid } = sweep(coin, 5);
    bench.submit(hex);
    expect(waiting(bench)).toEqual([txid]);
  });
  it("is refused then by a node that wants the signal", () => {
    const { bench, coin } = hung({ replacement: "signalled" });
    const first = bench.submit(final(coin));
    expect(refusal(bench, sweep(coin, 5).hex)).toBe("txn-mempool-conflict");
    expect(waiting(bench)).toEqual([first]);
  });
  it("is taken by such a node when the first has signalled", () => {
    const { bench, coin } = hung({ replacement: "signalled" });
    bench.submit(sweep(coin, 1).hex);
    bench.submit(sweep(coin, 5).hex);
    expect(waiting(bench)).toEqual([sweep(coin, 5).txid]);
  });
  it("needs a better rate", () => {
    const { bench, coin } = hung();
    const first = bench.submit(sweep(coin, 5).hex);
    const same = Transaction.fromHex(sweep(coin, 5).hex);
    expect(refusal(bench, sweep(coin, 4).hex)).toMatch(
      /^insufficient fee, rejecting replacement [0-9a-f]{64}; new feerate 0\.00004\d{3} BTC\/kvB <= old feerate 0\.00005\d{3} BTC\/kvB$/,
    );
    expect(waiting(bench)).toEqual([first]);
    expect(first).toBe(same.getId());
  });
  it("needs enough more to pay for its own relay, to the satoshi", () => {
    const { bench, coin } = hung();
    const { vsize, fee } = sweep(coin, 5);
    bench.submit(sweep(coin, 5).hex);
    const almost = sweep(coin, (fee + vsize - 1) / vsize);
    expect(almost.fee).toBe(fee + vsize - 1);
    expect(refusal(bench, almost.hex)).toBe(
      `insufficient fee, rejecting replacement ${almost.txid}, not enough additional fees to relay; ${showMoney(BigInt(vsize - 1))} < ${showMoney(BigInt(vsize))}`,
    );
    bench.submit(sweep(coin, 6).hex);
    expect(waiting(bench)).toEqual([sweep(coin, 6).txid]);
  });
  it("must pay for the descendants that it evicts", () => {
    const { bench, coin } = hung();
    const parent = buildSweep({ candy, utxos: [coin], toAddress: address(other), feeRate: 1 });
    bench.submit(parent.hex);
    // The child pays about 20,000 sat.
    const rich = new Wallet(key(6));
    const child = bench.submit(rich.pay(bench.chain, script(THIEF), 50_000n, 130n));
    expect(bench.chain.mempool.get(child)!.fee).toBeGreaterThan(19_000n);
    expect(refusal(bench, sweep(coin, 10).hex)).toMatch(/less fees than conflicting txs; 0\.0000111 < 0\.000\d+$/);
    expect(waiting(bench)).toEqual([parent.txid, child]);
    const winner = sweep(coin, 200);
    const { evicted } = bench.chain.submitTransaction(Buffer.from(winner.hex, "hex"), bench.now);
    expect([...evicted].sort()).toEqual([parent.txid, child].sort());
    expect(waiting(bench)).toEqual([winner.txid]);
    expect(bench.chain.mempool.history(scriptHash(other))).toEqual([]);
  });
  it("cannot spend what it evicts", () => {
    const { bench, coin } = hung();
    const parent = buildSweep({ candy, utxos: [coin], toAddress: address(other), feeRate: 1 });
    bench.submit(parent.hex);
    const tx = Transaction.fromHex(sweep(coin, 50).hex);
    tx.addInput(Buffer.from(parent.txid, "hex").reverse(), 0);
    expect(refusal(bench, tx.toHex())).toBe(
      `bad-txns-spends-conflicting-tx, ${tx.getId()} spends conflicting transaction ${parent.txid}`,
    );
  });
});

describe("the mempool", () => {
  it("is mined with parents before children, the best-paying first", () => {
    const bench = ready();
    bench.mine(5);
    const cheap = bench.submit(bench.wallet.pay(bench.chain, other, 5_000_000n, 1n));
    const rich = new Wallet(key(6));
    const child = bench.submit(rich.pay(bench.chain, script(THIEF), 100_000n, 100n));
    const middle = bench.submit(bench.wallet.pay(bench.chain, script(THIEF), 50_000n, 50n));
    bench.mine();
    expect(bench.chain.tip.txids.slice(1)).toEqual([cheap, child, middle]);
  });
  it("takes no more than 25 unconfirmed transactions in a row", () => {
    const bench = new Bench();
    bench.mine(100);
    for (let i = 0; i < 25; i++) bench.fund(1_000n);
    expect(() => bench.fund(1_000n)).toThrow("too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]");
    bench.mine();
    expect(bench.chain.tip.txids).toHaveLength(26);
    expect(bench.fund(1_000n).txid).toHaveLength(64);
  });
  it("loses what a block contradicts, with descendants, and keeps the rest", () => {
    const { bench, coin } = hung();
    const rival = sweep(coin, 30);
    const parent = buildSweep({ candy, utxos: [coin], toAddress: address(other), feeRate: 1 });
    bench.submit(parent.hex);
    bench.submit(new Wallet(key(6)).pay(bench.chain, script(THIEF), 50_000n, 1n));
    const unrelated = bench.fund(7_000n).txid;
    // Another node mines the rival, which this one has never seen.
    const elsewhere = ready();
    for (let h = 102; h <= bench.chain.height; h++) elsewhere.chain.submitBlock(bench.chain.blockAt(h)!.raw, bench.now);
    elsewhere.submit(rival.hex);
    elsewhere.now = bench.now;
    elsewhere.mine();
    bench.chain.submitBlock(elsewhere.chain.tip.raw, elsewhere.now);
    expect(bench.chain.find(rival.txid)!.block).toBe(bench.chain.tip);
    expect(waiting(bench)).toEqual([unrelated]);
  });
  it("counts up with each change", () => {
    const { bench, coin } = hung();
    const before = bench.chain.mempool.sequence;
    bench.submit(sweep(coin, 1).hex);
    bench.submit(sweep(coin, 9).hex);
    expect(bench.chain.mempool.sequence).toBe(before + 3);
  });
  it("changes nothing when only asked", () => {
    const { bench, coin } = hung();
    const { entry } = bench.chain.test(Buffer.from(sweep(coin, 2).hex, "hex"), bench.now);
    expect(entry.fee).toBe(BigInt(sweep(coin, 2).fee));
    expect(bench.chain.mempool.size).toBe(0);
  });
});

describe("the wallet", () => {
  it("pays exactly what was asked for, with the fee rate asked for", () => {
    const bench = ready();
    const raw = bench.wallet.pay(bench.chain, candy.output.script, 123_456n, 7n);
    const { entry } = bench.chain.submitTransaction(raw, bench.now);
    expect(entry.tx.parsed.outs[0]).toMatchObject({ value: 123_456n });
    expect(Number(entry.fee) / entry.tx.vsize).toBeGreaterThanOrEqual(7);
    expect(Number(entry.fee) / entry.tx.vsize).toBeLessThan(7.1);
  });
  it("gathers several coins when one is not enough, and its own change", () => {
    const bench = ready();
    bench.mine(3);
    const raw = bench.wallet.pay(bench.chain, candy.output.script, 15_000_000_000n);
    expect(Transaction.fromBuffer(raw).ins).toHaveLength(4);
    bench.submit(raw);
    expect(bench.fund(100_000_000n).txid).toHaveLength(64);
    bench.mine();
    expect(bench.chain.tip.txids).toHaveLength(3);
  });
  it("refuses dust and more than it can spend", () => {
    const bench = new Bench();
    bench.mine(100);
    expect(() => bench.wallet.pay(bench.chain, candy.output.script, 329n)).toThrow(WalletError);
    expect(() => bench.wallet.pay(bench.chain, candy.output.script, 5_000_000_000n)).toThrow(
      /can spend only 5000000000 sat/,
    );
    expect(bench.wallet.holdings(bench.chain)).toBe(100n * 5_000_000_000n);
  });
});

/** The piñata's first spend, its sequence final: no wish to be replaced. */
function final(coin: Utxo): Uint8Array {
  const tx = Transaction.fromHex(sweep(coin, 1).hex);
  tx.ins[0]!.sequence = 0xffffffff;
  const message = tx.hashForWitnessV1(0, [candy.output.script], [BigInt(coin.value)], 0);
  tx.setWitness(0, [ecc.signSchnorr(message, tweakPrivateKey(candy.privateKey, candy.output.leafHash))]);
  return tx.toBuffer();
}
