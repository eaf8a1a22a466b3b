/** What other watchers of the chain got wrong (docs/known-failures.md), tried on ours where no other test file has it already. */
import { afterEach, describe, expect, test } from "vitest";
import { SourceError } from "../../monitor/sources/source.ts";
import { breach, ELSEWHERE, fundBounty, funding } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";

const rigs: Rig[] = [];

async function rig(...sources: FakeSource[]): Promise<Rig> {
  const made = new Rig(...sources);
  rigs.push(made);
  return made.start();
}

afterEach(async () => {
  for (const each of rigs.splice(0)) {
    await each.stop();
    each.folder.remove();
  }
});

function funded() {
  const chain = new FakeChain();
  const coin = fundBounty(10_000_000n);
  chain.mine(3, [coin]);
  return { chain, coin };
}

async function kinds(watched: Rig, coin: ReturnType<typeof fundBounty>): Promise<string[]> {
  return (await watched.store.history(`${coin.getId()}:0`)).map(({ kind }) => kind);
}

describe("a reorg is told whatever its depth", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])("of %i blocks", async (depth) => {
    const { chain, coin } = funded();
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    const spend = breach({ from: [{ transaction: coin }] });
    chain.mine(depth, [spend]);
    await watched.round();
    expect(watched.verdict).toBe("smashed");
    chain.reorg(depth);
    await watched.round();
    expect(watched.verdict).toBe("moving");
    chain.mine();
    await watched.round();
    expect(watched.verdict).toBe("smashed");
    const told = (await kinds(watched, coin)).filter((kind) => kind !== "spend-final");
    expect(told).toEqual(["funded", "spend-seen", "spend-confirmed", "spend-reorged", "spend-confirmed"]);
  });

  test("also when it happened while nobody watched, between a scan and a restart", async () => {
    const { chain, coin } = funded();
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    chain.mine(2, [breach({ from: [{ transaction: coin }] })]);
    await watched.round();
    await watched.stop();
    chain.reorg(2, 3);
    chain.mine(4);
    await watched.start();
    await watched.round();
    expect(await kinds(watched, coin)).toEqual([
      "funded",
      "spend-seen",
      "spend-confirmed",
      "spend-reorged",
      "spend-confirmed",
    ]);
    expect(watched.coins).toEqual(["spent 4"]);
  });
});

describe("who takes the coin is followed by the coin, not by an address or a transaction", () => {
  test("a spend is replaced by one that pays somebody else, twice, and the last one wins in a block", async () => {
    const { chain, coin } = funded();
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    const thieves = [1, 2, 3].map((outputs) => breach({ from: [{ transaction: coin }], outputs, fee: 9000n }));
    for (const [i, spend] of thieves.entries()) {
      if (i > 0) chain.forget(thieves[i - 1]!);
      chain.add(spend);
      await watched.round();
      expect(watched.watch.snapshot().coins[0]!.position.spend?.txid).toBe(spend.getId());
    }
    chain.mine();
    await watched.round();
    expect(await kinds(watched, coin)).toEqual([
      "funded",
      "spend-seen",
      "spend-replaced",
      "spend-replaced",
      "spend-confirmed",
    ]);
  });

  test("the first spend is replaced in a block by one that no mempool ever showed", async () => {
    const { chain, coin } = funded();
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    const seen = breach({ from: [{ transaction: coin }] });
    chain.add(seen);
    await watched.round();
    chain.forget(seen);
    const rival = breach({ from: [{ transaction: coin }], fee: 50_000n });
    chain.mine(1, [rival]);
    await watched.round();
    expect(await kinds(watched, coin)).toContain("spend-conflict");
    expect(watched.watch.snapshot().coins[0]!.position.spend?.txid).toBe(rival.getId());
  });
});

test("two coins with different heights of birth: each is looked for since its own", async () => {
  const { chain, coin } = funded();
  chain.mine(30);
  const young = fundBounty(7n);
  chain.mine(1, [young]);
  const source = new FakeSource(chain);
  const since = new Map<string, number | undefined>();
  source.lies.spender = async (outpoint, from) => {
    since.set(outpoint.txid, from);
    const found = chain.spender(outpoint);
    return found && { txid: found.txid };
  };
  const watched = await rig(source);
  await watched.round();
  await watched.round();
  expect(since.get(coin.getId())).toBe(1);
  expect(since.get(young.getId())).toBe(34);
});

test("one odd block that a source chokes on stalls neither the other coins nor the other sources, and is said", async () => {
  const { chain, coin } = funded();
  const second = fundBounty(3_000_000n);
  chain.mine(1, [second]);
  const choking = new FakeSource(chain, "choking");
  const other = new FakeSource(chain, "other");
  const watched = await rig(choking, other);
  await watched.round();
  const odd = chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
  const honest = new FakeSource(chain);
  choking.lies.merkleProof = (txid, block) => {
    if (block.hash === odd.hash) throw new SourceError("sent something else than a merkle proof");
    return honest.merkleProof(txid, block);
  };
  chain.add(breach({ from: [{ transaction: second }] }));
  await watched.round();
  expect(watched.watch.snapshot().coins.map(({ keyOut }) => keyOut)).toEqual([true, true]);
  expect(watched.coins.toSorted()).toEqual(["spent 1", "spent-unconfirmed 0"]);
  expect(watched.problem(0)).toContain("sent something else than a merkle proof");
  expect(watched.problem(1)).toBeNull();
});

test("a source that falls over in a reorg is away and nothing else; what it missed is found when it is back", async () => {
  const { chain, coin } = funded();
  const source = new FakeSource(chain);
  const watched = await rig(source);
  await watched.round();
  chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
  await watched.round();
  chain.reorg(2, 3);
  source.lies.headers = () => Promise.reject(new SourceError("cannot be reached", { lost: true }));
  await watched.round();
  expect(watched.problem()).toBe("cannot be reached");
  expect(watched.verdict).toBe("smashed");
  source.lies = {};
  chain.mine();
  await watched.clock.advance(15_000);
  expect(await kinds(watched, coin)).toEqual([
    "funded",
    "spend-seen",
    "spend-confirmed",
    "spend-reorged",
    "spend-confirmed",
  ]);
});

test("hints that never come cost time only: whatever part of them is dropped, the end is the same", async () => {
  const ends = new Set<string>();
  for (let dropped = 0; dropped < 8; dropped++) {
    const { chain, coin } = funded();
    const source = new FakeSource(chain);
    let tell = () => {};
    Object.assign(source, {
      onNews: (listener: () => void) => {
        tell = listener;
        return () => {};
      },
    });
    const watched = await rig(source);
    await watched.round();
    const events = [
      () => chain.add(breach({ from: [{ transaction: coin }], fee: 1000n })),
      () => chain.mine(2),
      () => chain.reorg(1, 2),
    ];
    for (const [i, happen] of events.entries()) {
      happen();
      if (((dropped >> i) & 1) === 0) tell();
      await watched.clock.advance(100);
    }
    await watched.clock.advance(2000);
    ends.add(JSON.stringify([watched.verdict, watched.coins]));
  }
  expect([...ends]).toEqual(['["smashed",["spent 3"]]']);
});

test("a transaction that is nobody's business changes nothing", async () => {
  const { chain } = funded();
  const watched = await rig(new FakeSource(chain));
  await watched.round();
  const stray = funding({ script: ELSEWHERE, value: 90_000n });
  chain.add(stray, breach({ from: [{ transaction: stray }] }));
  await watched.round();
  expect(watched.verdict).toBe("sealed");
  expect(watched.watch.snapshot().coins).toHaveLength(1);
});
