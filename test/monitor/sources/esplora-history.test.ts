/** What the Esplora source reads of an address, and in how many requests: real answers of the development chain. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EsploraSource } from "../../../monitor/sources/esplora.ts";
import { PUBLIC } from "../support/bounty.ts";
import type { Coin } from "../support/electrum.ts";
import { EsploraBench, TARGET } from "../support/esplora.ts";
import { FakeClock } from "../support/fake-clock.ts";

let bench: EsploraBench;
let source: EsploraSource;
let clock: FakeClock;

beforeEach(async () => {
  bench = await EsploraBench.start();
  clock = new FakeClock();
  source = bench.source({ clock });
});
afterEach(() => bench.stop());

const history = `/address/${PUBLIC.address}/txs`;
const outpoint = ({ txid, vout }: Coin) => ({ txid, vout });

/** A round as the watch makes it: the paths it took, and who spends each coin. */
async function round(
  ...coins: Coin[]
): Promise<{ asked: string[]; spends: (string | undefined)[]; fundings: string[] }> {
  bench.asked();
  await source.tip();
  const fundings = (await source.fundings(TARGET)).map(({ txid, block }) => `${txid} ${block?.height}`);
  const spends = [];
  for (const coin of coins) {
    const spend = await source.spender(outpoint(coin), 1);
    spends.push(spend && (spend.block ? `${spend.txid} ${spend.block.height}` : spend.txid));
  }
  return { asked: bench.asked(), spends, fundings };
}

const isPage = (path: string): boolean => path.startsWith(history);

test("a quiet round is two requests, and a round at a new tip three, however many coins hang", async () => {
  const coins = [bench.fund(), bench.fund(2_000_000n), bench.fund(3_000_000n)];
  bench.node.mine(1);
  const { hash, height } = bench.node.chain.tip;
  const first = await round(...coins);
  expect(first.asked).toEqual(["/blocks/tip/hash", `/block/${hash}`, history, expect.stringContaining("/chain/")]);
  expect(first.fundings).toEqual(coins.toReversed().map(({ txid }) => `${txid} ${height}`));
  expect((await round(...coins)).asked).toEqual(["/blocks/tip/hash", `${history}/mempool`]);
  bench.node.mine(1);
  const { asked, spends } = await round(...coins);
  const tip = bench.node.chain.tip;
  expect(asked).toEqual(["/blocks/tip/hash", `/block/${tip.hash}`, history]);
  expect(spends).toEqual([undefined, undefined, undefined]);
  await source.headers(tip.hash, tip.height, 1);
  expect(bench.asked(), "the new tip's header came with its height").toEqual([]);
});

test("a spend is seen in the mempool, replaced there, in a block, and in another block after a reorg", async () => {
  const coin = bench.fund();
  bench.node.mine(1);
  expect((await round(coin)).spends).toEqual([undefined]);
  const first = bench.take(coin);
  expect(await round(coin)).toMatchObject({ asked: ["/blocks/tip/hash", `${history}/mempool`], spends: [first] });
  const second = bench.take(coin, 50_000n);
  expect((await round(coin)).spends).toEqual([second]);
  bench.node.mine(1);
  const { tip } = bench.node.chain;
  expect((await round(coin)).spends).toEqual([`${second} ${tip.height}`]);
  bench.node.invalidate(tip.hash);
  expect((await round(coin)).spends).toEqual([second]);
  bench.node.mine(2);
  expect((await round(coin)).spends).toEqual([`${second} ${tip.height}`]);
  expect((await source.spender(outpoint(coin)))!.block!.hash).toBe(bench.node.chain.blockAt(tip.height)!.hash);
});

test("one that left the mempool is looked for in the blocks, though the tip that was told is the old one", async () => {
  const coin = bench.fund();
  bench.node.mine(1);
  const spend = bench.take(coin);
  await round(coin);
  const { height, hash } = bench.node.chain.tip;
  bench.node.mine(1);
  // Two servers behind one name: the one that is asked for the tip has not heard of the block.
  bench.faults.lies.set("tip", () => hash);
  const { asked, spends } = await round(coin);
  expect(asked.filter(isPage)).toEqual([`${history}/mempool`, history]);
  expect(spends).toEqual([`${spend} ${height + 1}`]);
});

test("the blocks' part is read anew after a minute", async () => {
  const coin = bench.fund();
  bench.node.mine(1);
  await round(coin);
  await clock.advance(59_000);
  expect((await round(coin)).asked.filter(isPage)).toEqual([`${history}/mempool`]);
  await clock.advance(1_000);
  expect((await round(coin)).asked.filter(isPage)).toEqual([history]);
});

test("a long history is read in pages, once; a spend on a later page is known", async () => {
  const coin = bench.fund(5_000_000n);
  bench.node.mine(1);
  const spend = bench.take(coin);
  bench.node.mine(1);
  const more: Coin[] = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 18; j++) more.push(bench.fund(10_000n + BigInt(i * 18 + j)));
    bench.node.mine(1);
  }
  const first = await round(coin, ...more);
  expect(first.asked.filter(isPage)).toHaveLength(4);
  expect(first.spends).toEqual([`${spend} 103`, ...more.map(() => undefined)]);
  expect(first.fundings).toHaveLength(55);
  expect(first.fundings[0], "the most valuable first").toBe(`${coin.txid} 102`);
  bench.fund(7_000n);
  bench.node.mine(1);
  const second = await round(coin, ...more);
  expect(second.asked.filter(isPage)).toEqual([history]);
  expect(second.spends[0]).toBe(`${spend} 103`);
  expect(second.fundings).toHaveLength(56);
  const { tip } = bench.node.chain;
  bench.node.invalidate(tip.hash);
  bench.node.mine(1);
  const third = await round(coin);
  expect(third.fundings).toHaveLength(56);
  expect(third.asked.filter(isPage)).toEqual([history]);
});

test("when the mempool may hold more than is listed, each coin is asked about by itself", async () => {
  const coin = bench.fund(5_000_000n);
  bench.node.mine(1);
  const spend = bench.take(coin);
  // Newer ones push it off the list that a server gives.
  for (let i = 0; i < 30; i++) bench.fund(1_000n + BigInt(i));
  bench.faults.lies.set("history", (truth, [path]) =>
    String(path).includes("/chain") ? truth : (truth as { txid: string }[]).filter(({ txid }) => txid !== spend),
  );
  const { asked, spends } = await round(coin);
  expect(spends).toEqual([spend]);
  expect(asked).toContain(`/tx/${coin.txid}/outspend/${coin.vout}`);
});

test("a source that leaves a buried coin out of the history is no witness that it is unspent", async () => {
  const coin = bench.fund();
  bench.node.mine(4);
  bench.faults.lies.set("history", () => []);
  await source.tip();
  await source.fundings(TARGET);
  await expect(source.spender(outpoint(coin), 102)).rejects.toThrow("does not list the coin");
  expect(await source.spender(outpoint(coin), 104), "of the latest blocks not every server has heard").toBeUndefined();
});

test("a page that goes in a circle, or claims a confirmation without a block, ends in words", async () => {
  bench.fund();
  bench.node.mine(1);
  bench.faults.lies.set("history", (truth) => truth);
  const page = await (await fetch(`${bench.url}${history}`)).json();
  bench.faults.lies.set("history", () => page);
  const { asked } = await round();
  expect(asked.filter(isPage).length).toBeLessThan(25);
  bench.faults.lies.set("history", (truth) =>
    (truth as object[]).map((each) => ({ ...each, status: { confirmed: true } })),
  );
  await expect(bench.source().fundings(TARGET)).rejects.toThrow("without naming the block");
});

test("dust does not use up the requests that are allowed: the valuable payments come first, the others as there is room", async () => {
  for (let i = 0; i < 20; i++) bench.fund(1_000n + BigInt(i));
  const coin = bench.fund(5_000_000n);
  bench.node.mine(1);
  const limited = bench.source({ clock, settings: "per-second=0.5&burst=30" });
  const shown = async () => {
    await limited.tip();
    return (await limited.fundings(TARGET)).map(({ value }) => value);
  };
  const first = await shown();
  expect(first[0]).toBe(5_000_000);
  expect(first).toHaveLength(4);
  // Nothing was spent on proofs here, so the next ones find room.
  await clock.advance(20_000);
  const second = await shown();
  expect(second.slice(0, 4)).toEqual(first);
  expect(second.length).toBeGreaterThan(4);
  expect(await limited.spender(outpoint(coin))).toBeUndefined();
});

test("the proof of a coinbase, for a block that holds a spend", async () => {
  const coin = bench.fund();
  bench.node.mine(1);
  const { tip } = bench.node.chain;
  const { raw, proof } = await source.coinbaseProof({ height: tip.height, hash: tip.hash });
  expect(Buffer.from(raw)).toEqual(Buffer.from(bench.node.chain.contents(tip).txs[0]!.raw));
  expect(proof).toMatchObject({ position: 0 });
  expect((await source.merkleProof(coin.txid, tip)).position).toBe(1);
});
