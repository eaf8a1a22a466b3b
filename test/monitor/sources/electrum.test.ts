/** The Electrum source against a server that tells the truth, and one that lies in its answers. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lies } from "../../../infra/devchain/electrum/faults.ts";
import type { Method } from "../../../infra/devchain/electrum/methods.ts";
import { NETWORKS, parseHeader } from "../../../monitor/proofs/header.ts";
import { checkInclusion } from "../../../monitor/proofs/merkle.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import type { ElectrumSource } from "../../../monitor/sources/electrum/electrum-source.ts";
import { fitsStatus, scriptHashOf, statusOf } from "../../../monitor/sources/electrum/status.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach } from "../support/bounty.ts";
import { type Coin, ElectrumBench, TARGET } from "../support/electrum.ts";
import { waitFor } from "../support/wait.ts";

let bench: ElectrumBench;
let source: ElectrumSource;
let coin: Coin;

beforeEach(async () => {
  bench = await ElectrumBench.start();
  source = bench.source();
  coin = bench.fund();
  bench.node.mine(1);
});
afterEach(() => bench.stop());

const tipBlock = () => ({ height: bench.node.chain.height, hash: bench.node.chain.tip.hash });
const headerOf = (height: number) => Uint8Array.from(bench.node.chain.blockAt(height)!.raw.subarray(0, 80));

describe("the truth", () => {
  test("tip and headers, newest first, down to the genesis block", async () => {
    const { height, hash } = tipBlock();
    expect(await source.tip()).toEqual({ height, hash });
    const all = Array.from({ length: height + 1 }, (_, below) => headerOf(height - below));
    expect((await source.headers(hash, height, 3)).map((raw) => Uint8Array.from(raw))).toEqual(all.slice(0, 3));
    expect((await source.headers(hash, height, 2016)).map((raw) => Uint8Array.from(raw))).toEqual(all);
  });

  test("the coinbase of a block, as deep in the tree as a payment beside it; of another branch it is refused", async () => {
    const block = tipBlock();
    const coinbase = await source.coinbaseProof(block);
    const header = parseHeader(headerOf(block.height), NETWORKS.regtest);
    const proof = await source.merkleProof(coin.txid, block);
    const paid = parseTransaction((await source.transaction(coin.txid))!);
    expect(() => checkInclusion(paid, proof, header, coinbase)).not.toThrow();
    await expect(source.coinbaseProof({ ...block, hash: "ab".repeat(32) })).rejects.toThrow("another block");
    expect(source.operator).toBe(bench.url.replace("tcp://", ""));
  });

  test("a coin is funded, taken, taken again by a rival, and in a block", async () => {
    const outpoint = { txid: coin.txid, vout: coin.vout };
    const block = tipBlock();
    await source.tip();
    expect(await source.fundings(TARGET)).toEqual([{ ...outpoint, value: 1_000_000, block }]);
    expect(await source.spender(outpoint)).toBeUndefined();
    const first = bench.take(coin);
    await source.tip();
    expect(await source.spender(outpoint)).toEqual({ txid: first });
    const second = bench.take(coin, 50_000n);
    await source.tip();
    expect(await source.spender(outpoint)).toEqual({ txid: second });
    bench.node.mine(1);
    await source.tip();
    expect(await source.spender(outpoint)).toEqual({ txid: second, block: tipBlock() });
    expect(await source.fundings(TARGET)).toEqual([{ ...outpoint, value: 1_000_000, block }]);
  });

  test("an unconfirmed funding has no block; its unconfirmed spend is found too", async () => {
    const waiting = bench.fund(77_000n);
    const spend = bench.take(waiting);
    await source.tip();
    const found = await source.fundings(TARGET);
    expect(found).toContainEqual({ txid: waiting.txid, vout: waiting.vout, value: 77_000 });
    expect(await source.spender(waiting)).toEqual({ txid: spend });
  });

  test("who spends a coin can be asked before anything else", async () => {
    const spend = bench.take(coin);
    expect(await source.spender(coin)).toEqual({ txid: spend });
    await expect(bench.source().spender({ txid: "ab".repeat(32), vout: 0 })).rejects.toThrow(
      "whose coin is asked about",
    );
  });

  test("transactions by their txid, and nothing for one that there is not", async () => {
    expect(await source.transaction(coin.txid)).toEqual(Uint8Array.from(coin.transaction.toBuffer()));
    expect(await source.transaction("ab".repeat(32))).toBeUndefined();
  });

  test("a merkle branch that proves", async () => {
    const { height, hash } = tipBlock();
    const proof = await source.merkleProof(coin.txid, { height, hash });
    const header = parseHeader(headerOf(height), NETWORKS.regtest);
    checkInclusion(parseTransaction(coin.transaction.toBuffer()), proof, header);
    await expect(source.merkleProof(coin.txid, { height: 1, hash })).rejects.toThrow(/answers "tx \w+ not in block/);
  });

  test("while nothing changes, a round is two short questions", async () => {
    await source.tip();
    await source.fundings(TARGET);
    bench.asked = [];
    await source.tip();
    await source.fundings(TARGET);
    await source.spender(coin);
    await source.spender(coin);
    expect(bench.asked).toEqual(["blockchain.headers.subscribe", "blockchain.scripthash.subscribe"]);
  });

  test("each transaction is fetched once, however often the history changes", async () => {
    await source.tip();
    await source.fundings(TARGET);
    bench.take(coin);
    bench.node.mine(1);
    bench.asked = [];
    await source.tip();
    await source.spender(coin);
    expect(bench.asked.filter((method) => method === "blockchain.transaction.get")).toHaveLength(1);
  });

  test("a long history, over many blocks", async () => {
    for (let i = 0; i < 30; i++) {
      bench.fund(BigInt(10_000 + i));
      if (i % 3 === 0) bench.node.mine(1);
    }
    await source.tip();
    const found = await source.fundings(TARGET);
    expect(found.map(({ value }) => value).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 30 }, (_, i) => 10_000 + i),
      1_000_000,
    ]);
    for (const { txid, block } of found) {
      const place = bench.node.chain.find(txid)!.block;
      expect(block).toEqual(place && { height: place.height, hash: place.hash });
    }
  });

  test("a reorg puts the coin into another block, and its hash is the new one's", async () => {
    await source.tip();
    const [before] = await source.fundings(TARGET);
    bench.node.invalidate(bench.node.chain.tip.hash);
    bench.node.mine(2);
    await source.tip();
    const [after] = await source.fundings(TARGET);
    expect(after!.block!.height).toBe(before!.block!.height);
    expect(after!.block!.hash).toBe(bench.node.chain.blockAt(after!.block!.height)!.hash);
    expect(after!.block!.hash).not.toBe(before!.block!.hash);
  });

  test("news comes by itself: a transaction of the address, and a block", async () => {
    let news = 0;
    source.onNews(() => news++);
    await source.tip();
    await source.fundings(TARGET);
    expect(news).toBe(0);
    bench.take(coin);
    await waitFor("news of a transaction", () => news === 1);
    bench.node.mine(1);
    await waitFor("news of a block and of the address", () => news === 3);
  });

  test("script hash and status are those that the protocol's documentation defines", () => {
    const items = [
      { tx_hash: "aa".repeat(32), height: 200_004 },
      { tx_hash: "bb".repeat(32), height: -1 },
    ];
    expect(statusOf([])).toBeNull();
    expect(statusOf(items)).toBe("ad7d0a81b11c4d5757d90df5e8faa624f53b3a70af03a38f1326b6b7bb0436bd");
    const documented = Buffer.from("76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", "hex");
    expect(scriptHashOf(documented)).toBe("8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161");
  });
});

test("a history fits its status whatever the order of what waits, and only so", () => {
  const item = (byte: string, height: number) => ({ tx_hash: byte.repeat(32), height });
  const [a, b, c, d] = [item("aa", 5), item("bb", 7), item("cc", 0), item("dd", -1)] as const;
  const status = statusOf([a, b, c, d]);
  expect(fitsStatus([a, b, c, d], status)).toBe(true);
  expect(fitsStatus([a, b, d, c], status)).toBe(true);
  expect(fitsStatus([b, a, c, d], status)).toBe(false);
  expect(fitsStatus([a, b, c], status)).toBe(false);
  expect(fitsStatus([a, b], status)).toBe(false);
  expect(fitsStatus([], status)).toBe(false);
  expect(fitsStatus([], null)).toBe(true);
  expect(fitsStatus([c], null)).toBe(false);
  const many = Array.from({ length: 6 }, (_, i) => item(`0${i}`, 0));
  expect(fitsStatus([a, ...many.toReversed()], statusOf([a, ...many]))).toBe(true);
  expect(fitsStatus([a, ...many], null)).toBe(false);
});

describe("lies", () => {
  /** What the whole round says: tip, headers, fundings, spender, transaction, proof. */
  async function said(): Promise<string[]> {
    const asking = source;
    const { height, hash } = tipBlock();
    const questions = [
      () => asking.tip(),
      () => asking.headers(hash, height, 2),
      () => asking.fundings(TARGET),
      () => asking.spender(coin),
      () => asking.transaction(coin.txid),
      () => asking.merkleProof(coin.txid, { height, hash }),
    ];
    const texts: string[] = [];
    for (const ask of questions) {
      const text = await ask().then(
        () => "believed",
        (error: unknown) => {
          expect(error).toBeInstanceOf(SourceError);
          return (error as SourceError).message;
        },
      );
      texts.push(text);
    }
    return texts;
  }

  test.each<[string, unknown]>([
    ["null", null],
    ["a number", 7],
    ["text", "<html>429 Too Many Requests</html>"],
    ["an empty list", []],
    ["an object of another kind", { error: "no" }],
    ["a list of lists", [[[]]]],
  ])("%s for every answer after the greeting is believed nowhere", async (_name, value) => {
    await source.tip();
    const methods: Method[] = [
      "blockchain.headers.subscribe",
      "blockchain.block.headers",
      "blockchain.scripthash.subscribe",
      "blockchain.scripthash.get_history",
      "blockchain.scripthash.listunspent",
      "blockchain.transaction.get",
      "blockchain.transaction.get_merkle",
    ];
    for (const method of methods) bench.faults.lies.set(method, () => value);
    expect(await said()).not.toContain("believed");
  });

  test("another transaction's bytes, cut bytes, odd hex", async () => {
    bench.faults.lies.set("blockchain.transaction.get", lies.falseBytes);
    await expect(source.transaction(coin.txid)).rejects.toThrow(`sent asked for transaction ${coin.txid}, got `);
    await expect(source.fundings(TARGET)).rejects.toThrow(`asked for transaction ${coin.txid}`);
    await expect(source.spender(coin)).rejects.toThrow(`asked for transaction ${coin.txid}`);
    bench.faults.lies.set("blockchain.transaction.get", (truth) => String(truth).slice(0, -2));
    await expect(source.transaction(coin.txid)).rejects.toThrow("sent not a transaction");
    bench.faults.lies.set("blockchain.transaction.get", (truth) => String(truth).slice(1));
    await expect(source.transaction(coin.txid)).rejects.toThrow("something else than an answer");
  });

  test("a spend by a transaction that it does not have", async () => {
    const txid = breach({ from: [coin] }).getId();
    const items = [
      { tx_hash: coin.txid, height: tipBlock().height },
      { tx_hash: txid, height: 0 },
    ];
    bench.faults.lies.set("blockchain.scripthash.get_history", () => items);
    bench.faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(items));
    await expect(source.spender(coin)).rejects.toThrow(
      `lists transaction ${txid} for the address, but does not have it`,
    );
  });

  test("a spend left out of the history is noticed by its status, and else by the unspent coins", async () => {
    bench.take(coin);
    bench.node.mine(1);
    const only = [{ tx_hash: coin.txid, height: tipBlock().height - 1 }];
    bench.faults.lies.set("blockchain.scripthash.get_history", () => only);
    await expect(source.fundings(TARGET)).rejects.toThrow("another history of the address than the one whose status");
    bench.faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(only));
    await source.tip();
    await expect(source.spender(coin)).rejects.toThrow("neither as unspent nor who spends it");
    bench.faults.clear();
    await source.tip();
    expect(await source.spender(coin)).toMatchObject({ block: tipBlock() });
  });

  test("a spent coin that it lists as unspent, a coin of nobody, a transaction listed twice", async () => {
    const unspent = { tx_hash: coin.txid, tx_pos: coin.vout, height: tipBlock().height, value: 1_000_000 };
    bench.faults.lies.set("blockchain.scripthash.listunspent", () => [unspent, { ...unspent, tx_pos: 9 }]);
    await expect(source.fundings(TARGET)).rejects.toThrow("is not in the address's history");
    const items = [0, 0].map((height) => ({ tx_hash: coin.txid, height }));
    bench.faults.lies.set("blockchain.scripthash.get_history", () => items);
    bench.faults.lies.set("blockchain.scripthash.subscribe", () => statusOf(items));
    await expect(source.fundings(TARGET)).rejects.toThrow("lists a transaction twice");
    bench.faults.clear();
    bench.take(coin);
    bench.faults.lies.set("blockchain.scripthash.listunspent", () => [unspent]);
    await source.tip();
    await expect(source.fundings(TARGET)).rejects.toThrow("as unspent, and who spends it");
  });

  test("a status that differs each time it is asked", async () => {
    let turn = 0;
    bench.faults.lies.set("blockchain.scripthash.subscribe", () => String(turn++).padStart(64, "0"));
    await expect(source.fundings(TARGET)).rejects.toThrow("faster than it can be read");
  });

  test("headers: another one, one too few, a count that is not theirs", async () => {
    const { height, hash } = tipBlock();
    const other = Buffer.from(headerOf(3)).toString("hex");
    bench.faults.lies.set("blockchain.block.headers", () => ({ count: 2, hex: other + other, max: 2016 }));
    await expect(source.headers(hash, height, 2)).rejects.toThrow("another block header");
    bench.faults.lies.set("blockchain.block.headers", () => ({ count: 1, hex: other, max: 2016 }));
    await expect(source.headers(hash, height, 2)).rejects.toThrow("sent 1 headers in 80 bytes, asked for 2");
    bench.faults.lies.set("blockchain.block.headers", () => ({ count: 2, hex: other, max: 2016 }));
    await expect(source.headers(hash, height, 2)).rejects.toThrow("sent 2 headers in 80 bytes, asked for 2");
  });

  test("headers that are right one by one but do not hang together", async () => {
    const { height, hash } = tipBlock();
    bench.faults.lies.set("blockchain.block.headers", () => ({
      count: 2,
      hex: [headerOf(1), headerOf(height)].map((raw) => Buffer.from(raw).toString("hex")).join(""),
      max: 2016,
    }));
    await expect(source.headers(hash, height, 2)).rejects.toThrow("another block header");
  });

  test("a merkle branch for another block", async () => {
    bench.faults.lies.set("blockchain.transaction.get_merkle", (truth) => ({ ...(truth as object), block_height: 2 }));
    await expect(source.merkleProof(coin.txid, tipBlock())).rejects.toThrow("for another block");
  });
});
