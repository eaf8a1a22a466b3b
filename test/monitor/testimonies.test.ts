/** What each source says beside what is believed: agrees, differs or silent, and how far it is behind. */
import { afterEach, describe, expect, test } from "vitest";
import { SourceError } from "../../monitor/sources/source.ts";
import { breach, fundBounty, key } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";

const rigs: Rig[] = [];
afterEach(async () => {
  for (const each of rigs.splice(0)) {
    await each.stop();
    each.folder.remove();
  }
});

async function watching(...sources: FakeSource[]): Promise<Rig> {
  const rig = new Rig(...sources);
  rigs.push(rig);
  await rig.start();
  // Coins are found in one round and asked about in the next.
  await rig.round();
  await rig.round();
  return rig;
}

function funded(count = 1) {
  const chain = new FakeChain();
  const coins = Array.from({ length: count }, (_, i) => fundBounty(BigInt(10_000_000 + i)));
  chain.mine(3, coins);
  return { chain, coins, spend: breach({ from: [{ transaction: coins[0]! }] }) };
}

/** "agrees differs silent" of each source, in their order. */
const said = (rig: Rig): string[] =>
  rig.watch.report().sources.map(({ coins: { agrees, differs, silent } }) => `${agrees} ${differs} ${silent}`);
const lost = async () => {
  throw new SourceError("cannot be reached", { lost: true });
};

describe("coins", () => {
  test("all say what is believed: unspent, spent by the same transaction, in the same block", async () => {
    const { chain, spend } = funded(2);
    const rig = await watching(new FakeSource(chain, "a"), new FakeSource(chain, "b"));
    expect(said(rig)).toEqual(["2 0 0", "2 0 0"]);
    chain.add(spend);
    await rig.round();
    expect(rig.verdict).toBe("moving");
    expect(said(rig)).toEqual(["2 0 0", "2 0 0"]);
    chain.mine();
    await rig.round();
    expect(rig.verdict).toBe("smashed");
    expect(said(rig)).toEqual(["2 0 0", "2 0 0"]);
  });

  test("differs: who does not show a spend that is proven, shows another one, or no block for it", async () => {
    const { chain, coins, spend } = funded();
    const [a, b] = [new FakeSource(chain, "a"), new FakeSource(chain, "b")];
    const rig = await watching(a, b);
    chain.add(spend);
    b.lies.spender = async () => undefined;
    await rig.round();
    expect(said(rig)).toEqual(["1 0 0", "0 1 0"]);
    const rival = breach({ from: [{ transaction: coins[0]! }], fee: 5000n });
    chain.know(rival);
    b.lies.spender = async () => ({ txid: rival.getId() });
    await rig.round();
    expect(said(rig)).toEqual(["1 0 0", "0 1 0"]);
    chain.mine();
    b.lies.spender = async () => ({ txid: spend.getId() });
    await rig.round();
    expect(said(rig)).toEqual(["1 0 0", "0 1 0"]);
    b.lies = {};
    await rig.round();
    expect(said(rig)).toEqual(["1 0 0", "1 0 0"]);
  });

  test("a spend that every source had and none has any more: who still shows none agrees", async () => {
    const { chain, spend } = funded();
    const rig = await watching(new FakeSource(chain, "a"), new FakeSource(chain, "b"));
    chain.add(spend);
    await rig.round();
    chain.forget(spend);
    await rig.round();
    expect(said(rig)).toEqual(["0 1 0", "0 1 0"]);
    await rig.clock.advance(40_000);
    expect(rig.sentence).toContain("its transaction has vanished");
    expect(said(rig)).toEqual(["1 0 0", "1 0 0"]);
  });

  test("silent: not asked yet, not answering, or claiming what it cannot prove", async () => {
    const { chain, coins } = funded(2);
    const [a, b] = [new FakeSource(chain, "a"), new FakeSource(chain, "b")];
    b.lies.tip = () => new Promise(() => {});
    const rig = await watching(a, b);
    expect(said(rig)).toEqual(["2 0 0", "0 0 2"]);
    const forged = breach({ from: [{ transaction: coins[0]! }], secret: key("liar").secret });
    chain.know(forged);
    a.lies.spender = async ({ txid }) => (txid === coins[0]!.getId() ? { txid: forged.getId() } : undefined);
    await rig.round();
    expect(said(rig)).toEqual(["1 0 1", "0 0 2"]);
    a.lies = { tip: lost };
    await rig.round();
    expect(said(rig)).toEqual(["0 0 2", "0 0 2"]);
  });

  test("silent: nobody spends a coin, says one that does not list it", async () => {
    const { chain } = funded();
    const [a, b] = [new FakeSource(chain, "a"), new FakeSource(chain, "b")];
    b.lies.fundings = async () => [];
    expect(said(await watching(a, b))).toEqual(["1 0 0", "0 0 1"]);
  });

  test("what was said is worth nothing when a source hangs for long, nor when the clock was set back", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain, "a");
    const rig = await watching(source);
    source.lies.tip = () => new Promise(() => {});
    await rig.clock.advance(28_000);
    expect(said(rig)).toEqual(["1 0 0"]);
    await rig.clock.advance(4_000);
    expect(said(rig)).toEqual(["0 0 1"]);
    const real = rig.clock.now.bind(rig.clock);
    rig.clock.now = () => real() - 86_400_000;
    expect(said(rig)).toEqual(["0 0 1"]);
  });

  test("a source that is far behind may agree, and is not believed", async () => {
    const { chain } = funded();
    const [a, b] = [new FakeSource(chain, "a"), new FakeSource(chain, "b")];
    const rig = await watching(a, b);
    const { height, hash } = chain.tip;
    b.lies.tip = async () => ({ height, hash });
    chain.mine(5);
    await rig.round();
    const [, behind] = rig.watch.report().sources;
    expect(behind).toMatchObject({ healthy: false, behind: 5, coins: { agrees: 1, differs: 0, silent: 0 } });
    expect(behind!.problem).toContain("is 5 blocks behind");
  });

  test("what is published of a source does not grow by it", async () => {
    const { chain } = funded();
    const rig = await watching(new FakeSource(chain, "a"));
    expect(Object.keys(rig.watch.snapshot().sources[0]!).sort()).toEqual(
      ["healthy", "kind", "lastAnswer", "name", "problem", "tip"].sort(),
    );
  });
});

describe("blocks behind", () => {
  const behind = (rig: Rig) => rig.watch.report().sources.map((source) => source.behind);

  test("of the best chain; null on a branch beside it, or when no tip was shown", async () => {
    const { chain } = funded();
    const [a, b, c] = [new FakeSource(chain, "a"), new FakeSource(chain, "b"), new FakeSource(chain, "c")];
    c.lies.tip = lost;
    const rig = await watching(a, b, c);
    expect(behind(rig)).toEqual([0, 0, null]);
    const { height, hash } = chain.tip;
    b.lies.tip = async () => ({ height, hash });
    chain.mine(2);
    await rig.round();
    expect(behind(rig)).toEqual([0, 2, null]);
    chain.reorg(3, 4);
    await rig.round();
    expect(behind(rig)).toEqual([0, null, null]);
  });
});

describe("operators", () => {
  test("who runs each, whose node is ours, and how many are needed", async () => {
    const { chain } = funded();
    const [a, b, c] = [new FakeSource(chain, "a"), new FakeSource(chain, "b"), new FakeSource(chain, "c")];
    b.operator = "a";
    c.own = true;
    const one = await watching(a, b);
    expect(one.watch.report().operatorsNeeded).toBe(1);
    const two = await watching(a, b, c);
    const { operatorsNeeded, sources } = two.watch.report();
    expect(operatorsNeeded).toBe(2);
    expect(sources.map(({ operator, own }) => [operator, own])).toEqual([
      ["a", false],
      ["a", false],
      ["c", true],
    ]);
  });
});
