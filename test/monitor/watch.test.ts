/** The watch over an honest source, through blindness, failures of the store, and restarts at every step. */
import { afterEach, describe, expect, test } from "vitest";
import { SourceError } from "../../monitor/sources/source.ts";
import { breach, ELSEWHERE, fundBounty, funding, REFUND_HEIGHT, refund } from "./support/bounty.ts";
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

describe("an honest source", () => {
  test.each([false, true])("the whole story (restart before each step: %s)", async (restarting) => {
    const chain = new FakeChain();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    const step = async () => {
      if (restarting) await watched.restart();
      await watched.round();
      await watched.round();
    };
    await step();
    expect(watched.verdict).toBe("awaited");
    const coin = fundBounty(10_000_000n);
    chain.add(coin);
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["awaited", "funding-unconfirmed 0"]);
    expect(watched.sentence).toContain("0.10000000 BTC of regtest are on their way");
    chain.mine();
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["sealed", "funded 1"]);
    chain.mine(4);
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
    const rival = breach({ from: [{ transaction: coin }], fee: 5000n });
    chain.forget(spend);
    chain.add(rival);
    await step();
    expect(watched.watch.snapshot().coins[0]!.position.spend?.txid).toBe(rival.getId());
    chain.mine();
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["smashed", "spent 1"]);
    chain.reorg(1);
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
    chain.mine(6);
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["smashed", "final 6"]);
    chain.reorg(7, 8);
    await step();
    expect([watched.verdict, ...watched.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
    chain.mine(1);
    await step();
    expect(watched.verdict).toBe("smashed");
    const history = await watched.store.history(`${coin.getId()}:0`);
    expect(history.map(({ kind }) => kind)).toEqual([
      "funding-seen",
      "funded",
      "spend-seen",
      "spend-replaced",
      "spend-confirmed",
      "spend-reorged",
      "spend-confirmed",
      "spend-final",
      "spend-reorged",
      "spend-confirmed",
    ]);
  });

  test("a refund is a refund, and the verdict says whose", async () => {
    const { chain, coin } = funded();
    const watched = await rig(new FakeSource(chain));
    chain.mine(REFUND_HEIGHT);
    await watched.round();
    chain.add(refund({ from: [{ transaction: coin }] }));
    await watched.round();
    await watched.round();
    expect(watched.verdict).toBe("sealed");
    expect(watched.sentence).toContain("sponsor is taking back");
    chain.mine();
    await watched.round();
    expect(watched.verdict).toBe("refunded");
    expect(watched.sentence).toContain("took back 0.10000000 BTC");
  });

  test("several coins: one is taken, the other hangs on, and the key is out", async () => {
    const { chain, coin } = funded();
    const second = fundBounty(3_000_000n);
    chain.mine(1, [second]);
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
    await watched.round();
    expect(watched.verdict).toBe("smashed");
    expect(watched.sentence).toContain("0.10000000 BTC of regtest left");
    expect(watched.sentence).toContain("0.03000000 BTC of regtest still hang here");
  });

  test("a thief who sweeps other coins along: their previous transactions are fetched for the proof", async () => {
    const { chain, coin } = funded();
    const other = funding({ script: ELSEWHERE, value: 5n }, { script: ELSEWHERE, value: 70_000n });
    chain.know(other);
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    chain.add(breach({ from: [{ transaction: coin }, { transaction: other, vout: 1 }] }));
    await watched.round();
    expect(watched.verdict).toBe("moving");
  });

  test("found at once after any downtime: funded, spent and buried while nobody watched", async () => {
    const { chain, coin } = funded();
    chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
    chain.mine(9);
    const watched = await rig(new FakeSource(chain));
    await watched.round();
    expect([watched.verdict, ...watched.coins]).toEqual(["smashed", "final 10"]);
  });

  test("nothing is asked twice that was proven once, and nothing is written when nothing changes", async () => {
    const { chain, coin } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    chain.add(breach({ from: [{ transaction: coin }] }));
    await watched.round();
    await watched.round();
    source.asked = [];
    const said = watched.said.length;
    let writes = 0;
    watched.store.commit = async () => {
      writes++;
      return { opened: [] };
    };
    await watched.clock.advance(10_000);
    expect(new Set(source.asked)).toEqual(new Set(["tip", "fundings", "spender"]));
    expect(watched.said.length).toBe(said);
    expect(writes).toBe(0);
  });
});

describe("blindness", () => {
  const away = async () => {
    throw new SourceError("cannot be reached", { lost: true });
  };

  test("before the first check nothing is claimed", async () => {
    const source = new FakeSource(new FakeChain());
    source.lies.tip = away;
    const watched = await rig(source);
    expect([watched.verdict, watched.sentence]).toEqual([
      "blind",
      "Just started: the coins have not been checked yet.",
    ]);
    await watched.clock.advance(31_000);
    expect(watched.sentence).toContain("Blind: no source has answered usefully for");
  });

  test("no healthy source for the stated time: blind, said once; it recovers by itself", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    expect(watched.verdict).toBe("sealed");
    const since = watched.watch.snapshot().since;
    source.lies.tip = away;
    await watched.clock.advance(28_000);
    expect(watched.verdict).toBe("sealed");
    await watched.clock.advance(4000);
    expect(watched.verdict).toBe("blind");
    expect(watched.watch.snapshot().since).toBeGreaterThan(since);
    await watched.clock.advance(600_000);
    expect(watched.said.filter((line) => line.startsWith("Blind:")).length).toBe(1);
    expect(watched.said.filter((line) => line.includes("cannot be reached")).length).toBe(1);
    source.lies = {};
    await watched.clock.advance(16_000);
    expect(watched.verdict).toBe("sealed");
    expect(watched.problem()).toBeNull();
  });

  test("a source that hangs for ever makes blind too: the timer is not fed by it", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    source.lies.tip = () => new Promise(() => {});
    await watched.clock.advance(32_000);
    expect(watched.verdict).toBe("blind");
  });

  test("of two operators one hangs: silence of the other is not enough, ours would be, and a breach is told by either", async () => {
    const { chain, coin } = funded();
    const hanging = new FakeSource(chain, "hanging");
    hanging.lies.tip = () => new Promise(() => {});
    const honest = new FakeSource(chain, "honest");
    const watched = await rig(hanging, honest);
    await watched.round();
    expect(watched.verdict).toBe("blind");
    honest.own = true;
    expect(watched.verdict).toBe("sealed");
    honest.own = false;
    chain.add(breach({ from: [{ transaction: coin }] }));
    await watched.round();
    expect(watched.verdict).toBe("moving");
  });

  test("a clock that jumps, or a machine that slept, is no silence of the sources; what comes after it counts", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    const real = watched.clock.now.bind(watched.clock);
    for (const lead of [86_400_000, -86_400_000]) {
      watched.clock.now = () => real() + lead;
      await watched.round();
      expect(watched.verdict).toBe("sealed");
    }
    source.lies.tip = () => new Promise(() => {});
    await watched.clock.advance(29_000);
    expect(watched.verdict).toBe("sealed");
    await watched.clock.advance(4_000);
    expect(watched.verdict).toBe("blind");
  });

  test("one source hangs, the other goes on", async () => {
    const { chain, coin } = funded();
    const hanging = new FakeSource(chain, "hanging");
    hanging.lies.tip = () => new Promise(() => {});
    const watched = await rig(hanging, new FakeSource(chain, "honest"));
    await watched.round();
    chain.add(breach({ from: [{ transaction: coin }] }));
    await watched.round();
    expect(watched.verdict).toBe("moving");
    await watched.clock.advance(60_000);
    expect(watched.verdict).toBe("moving");
  });

  test("what was proven is not hidden: moving and smashed stay, and the sentence says both", async () => {
    const { chain, coin } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    chain.add(breach({ from: [{ transaction: coin }] }));
    await watched.round();
    source.lies.tip = away;
    await watched.clock.advance(60_000);
    expect(watched.verdict).toBe("moving");
    expect(watched.sentence).toContain("No source has answered usefully for");
    source.lies = {};
    chain.mine();
    await watched.clock.advance(16_000);
    source.lies.tip = away;
    await watched.clock.advance(60_000);
    expect(watched.verdict).toBe("smashed");
    expect(watched.sentence).toContain("No source has answered usefully for");
    await watched.restart();
    expect(watched.verdict).toBe("smashed");
  });

  test("after a restart the verdict stays what it was until the sources had their time", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    await watched.round();
    const { since } = watched.watch.snapshot();
    source.lies.tip = away;
    await watched.restart();
    expect([watched.verdict, watched.watch.snapshot().since]).toEqual(["sealed", since]);
    await watched.clock.advance(32_000);
    expect(watched.verdict).toBe("blind");
  });
});

describe("pace", () => {
  test("failures are asked again later and later, up to a bound; a success returns to the usual pace", async () => {
    const source = new FakeSource(new FakeChain());
    const watched = await rig(source);
    const times: number[] = [];
    source.lies.tip = async () => {
      times.push(watched.clock.now());
      throw new SourceError("cannot be reached", { lost: true });
    };
    await watched.clock.advance(200_000);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(gaps.slice(0, 4)).toEqual([1500, 3000, 6000, 11_250]);
    expect(Math.max(...gaps)).toBe(11_250);
    source.lies = {};
    await watched.clock.advance(12_000);
    source.asked = [];
    await watched.clock.advance(5000);
    expect(source.asked.filter((each) => each === "tip").length).toBe(5);
  });

  test("Retry-After is kept", async () => {
    const { chain } = funded();
    const source = new FakeSource(chain);
    const watched = await rig(source);
    source.lies.spender = async () => {
      throw new SourceError("asks for fewer requests (HTTP 429)", { lost: true, retryAfter: 120_000 });
    };
    await watched.round();
    source.asked = [];
    await watched.clock.advance(119_000);
    expect(source.asked).toEqual([]);
    await watched.clock.advance(2000);
    expect(source.asked).toContain("tip");
  });
});

test("what cannot be written is not told; when the store works again it is, once", async () => {
  const { chain, coin } = funded();
  const watched = await rig(new FakeSource(chain));
  await watched.round();
  watched.broken = new Error("disk full");
  chain.add(breach({ from: [{ transaction: coin }] }));
  chain.mine(2, []);
  await watched.clock.advance(20_000);
  expect(watched.coins).toEqual(["funded 3"]);
  expect(watched.said.join("\n")).toContain("disk full");
  expect(watched.problem()).toContain("could not use the answer");
  await watched.clock.advance(20_000);
  expect(watched.verdict).toBe("blind");
  watched.broken = undefined;
  await watched.clock.advance(20_000);
  expect(watched.verdict).toBe("moving");
  await watched.restart();
  expect([watched.verdict, ...watched.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
  const history = await watched.store.history(`${coin.getId()}:0`);
  expect(history.filter(({ kind }) => kind === "spend-seen").length).toBe(1);
});
