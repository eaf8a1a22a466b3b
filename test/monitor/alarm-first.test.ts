/** A spend that is proven is written and told before anything else of its round, and whatever becomes of the rest. */
import { Transaction } from "bitcoinjs-lib";
import { afterEach, describe, expect, test } from "vitest";
import { type Outpoint, SourceError } from "../../monitor/sources/source.ts";
import { breach, fundBounty, key, outpointOf, refund } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";

/** One that a test lets tell of news. */
class TellingSource extends FakeSource {
  override own = true;
  tell = () => {};
  spent: () => Outpoint[] = () => [];

  onNews(listener: () => void): () => void {
    this.tell = listener;
    return () => {};
  }
}

const rigs: Rig[] = [];
afterEach(async () => {
  for (const each of rigs.splice(0)) {
    await each.stop();
    each.folder.remove();
  }
});

/** Confirmed coins that a watch has seen. */
async function sealed(count = 1) {
  const chain = new FakeChain();
  const coins = Array.from({ length: count }, (_, i) => fundBounty(1_000_000n + BigInt(i)));
  chain.mine(3, coins);
  const source = new TellingSource(chain);
  const rig = new Rig(source);
  rigs.push(rig);
  await rig.start();
  await rig.round();
  expect(rig.verdict).toBe("sealed");
  const take = (i = 0) => {
    const spend = breach({ from: [{ transaction: coins[i]! }] });
    chain.add(spend);
    return spend.getId();
  };
  const kinds = async (i = 0) => {
    const { txid, vout } = outpointOf(coins[i]!);
    return (await rig.store.history(`${txid}:${vout}`)).map(({ kind }) => kind);
  };
  return { chain, coins, source, rig, take, kinds };
}

const never = () => new Promise<never>(() => {});

describe("a breach is told and kept while the rest of its round stalls", () => {
  test("in the scan for fundings", async () => {
    const { source, rig, take, kinds } = await sealed();
    source.lies.fundings = never;
    take();
    await rig.round();
    expect([rig.verdict, ...rig.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
    expect(await kinds()).toEqual(["funded", "spend-seen"]);
  });

  test("in the headers of a new tip, and in the proof of its block", async () => {
    for (const stalled of ["headers", "merkleProof"] as const) {
      const { chain, source, rig, take, kinds } = await sealed();
      source.lies[stalled] = never;
      take();
      chain.mine();
      await rig.round();
      expect([rig.verdict, ...rig.coins]).toEqual(["moving", "spent-unconfirmed 0"]);
      expect(await kinds()).toEqual(["funded", "spend-seen"]);
    }
  });

  test("and the certificate is made when it is asked anew, after a restart too", async () => {
    const { source, rig, take } = await sealed();
    source.lies.fundings = never;
    const txid = take();
    await rig.round();
    expect(rig.verdict).toBe("moving");
    expect(await rig.store.evidence(txid)).toBeUndefined();
    source.lies = {};
    await rig.restart();
    await rig.round();
    expect(await rig.store.evidence(txid)).toContain(txid);
  });

  test("and one that comes during the stall, by its news", async () => {
    const { source, rig, take } = await sealed(2);
    source.lies.fundings = never;
    await rig.round();
    source.tell();
    await rig.clock.advance(0);
    expect(rig.verdict).toBe("sealed");
    take(0);
    source.tell();
    await rig.clock.advance(0);
    expect(rig.coins).toEqual(["spent-unconfirmed 0", "funded 3"]);
    take(1);
    source.tell();
    await rig.clock.advance(0);
    expect(rig.coins).toEqual(["spent-unconfirmed 0", "spent-unconfirmed 0"]);
  });

  test("and news that comes while spends are being looked for has them looked for again", async () => {
    const { source, rig, take } = await sealed();
    let answer = () => {};
    source.lies.spender = async () => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return undefined;
    };
    source.lies.fundings = never;
    await rig.round();
    take();
    source.tell();
    await rig.clock.advance(0);
    source.lies = { fundings: never };
    expect(rig.verdict).toBe("sealed");
    answer();
    await rig.clock.advance(0);
    expect(rig.verdict).toBe("moving");
  });

  test("one of many coins, whichever the source names as spent: the others' answers, which do not come, are not waited for", async () => {
    const { coins, source, rig, take } = await sealed(3);
    const txid = take(1);
    source.spent = () => [outpointOf(coins[1]!)];
    source.lies.spender = async (outpoint) => {
      const found = source.chain.spender(outpoint);
      return found ? { txid: found.txid } : never();
    };
    await rig.round();
    expect(rig.watch.snapshot().coins[1]!.position.spend?.txid).toBe(txid);
  });

  test("all of many coins that are taken at once", async () => {
    const { chain, coins, source, rig } = await sealed(5);
    source.lies.fundings = never;
    for (const transaction of coins) chain.add(breach({ from: [{ transaction }] }));
    await rig.round();
    expect(new Set(rig.coins)).toEqual(new Set(["spent-unconfirmed 0"]));
  });
});

describe("nothing is told early", () => {
  test("that is not proven", async () => {
    const { chain, coins, source, rig } = await sealed();
    const forged = breach({ from: [{ transaction: coins[0]! }], secret: key("liar").secret });
    chain.know(forged);
    source.lies = { spender: async () => ({ txid: forged.getId() }), fundings: never };
    await rig.round();
    expect([rig.verdict, ...rig.coins]).toEqual(["sealed", "funded 3"]);
  });

  test("of a spend in a block that may have replaced the one that was told: which it is, the block says", async () => {
    const { chain, coins, source, rig, kinds } = await sealed();
    chain.mine(500);
    await rig.round();
    chain.add(refund({ from: [{ transaction: coins[0]! }] }));
    await rig.round();
    const mined = breach({ from: [{ transaction: coins[0]! }] });
    chain.mempool.clear();
    chain.mine(1, [mined]);
    source.lies.fundings = never;
    await rig.round();
    expect(await kinds()).toEqual(["funded", "spend-seen"]);
    source.lies = {};
    await rig.restart();
    await rig.round();
    expect(await kinds()).toEqual(["funded", "spend-seen", "spend-conflict", "spend-confirmed"]);
  });
});

test("a source that is lost after the spend was proven is not healthy, and the spend stays told", async () => {
  const { source, rig, take } = await sealed();
  take();
  source.lies.fundings = async () => {
    throw new SourceError("cannot be reached", { lost: true });
  };
  source.asked = [];
  await rig.round();
  expect([rig.verdict, rig.problem()]).toEqual(["moving", "cannot be reached"]);
  expect(source.asked).not.toContain("merkleProof");
});

test("what the store does not take at first is told with the end of the round", async () => {
  const { rig, take, kinds } = await sealed();
  take();
  const { store } = rig;
  const commit = store.commit.bind(store);
  let failures = 1;
  store.commit = async (step) => {
    if (failures-- > 0) throw new Error("disk full");
    return commit(step);
  };
  await rig.round();
  expect(rig.said.join("\n")).toContain("the store cannot be written: disk full");
  expect(rig.verdict).toBe("moving");
  expect(await kinds()).toEqual(["funded", "spend-seen"]);
});

test("bytes with the right txid that prove nothing are asked for anew", async () => {
  const { chain, source, rig, take } = await sealed();
  const txid = take();
  const bare = Transaction.fromBuffer(chain.transactions.get(txid)!.toBuffer());
  bare.ins[0]!.witness = [];
  source.lies.transaction = async () => bare.toBuffer();
  await rig.round();
  expect(rig.verdict).toBe("sealed");
  expect(rig.problem()).toContain(`claims that ${txid} spends`);
  source.lies = {};
  await rig.round();
  expect([rig.verdict, rig.problem()]).toEqual(["moving", null]);
});

describe("pace", () => {
  test("news is asked about at once, and by a source that is full of it not without end", async () => {
    const { source, rig } = await sealed();
    await rig.clock.advance(500);
    const times: number[] = [];
    source.lies.tip = async () => {
      times.push(rig.clock.now());
      source.tell();
      const { height, hash } = source.chain.tip;
      return { height, hash };
    };
    const from = rig.clock.now();
    source.tell();
    await rig.clock.advance(20);
    const rounds = [...new Set(times)].map((time) => time - from);
    expect(rounds).toEqual([0, 10, 20]);
    // Beside each round the spends were looked for once more.
    expect(times.length).toBe(2 * rounds.length);
  });

  test.each([
    ["our own node is read on without a pause", true, 5],
    ["others are asked at the usual pace, which does not grow", false, 1000],
  ])("a source that is being caught up with is no failure: %s", async (_what, own, pause) => {
    const { source, rig } = await sealed();
    source.own = own;
    const times: number[] = [];
    source.lies.tip = async () => {
      times.push(rig.clock.now());
      throw new SourceError("is being caught up with (12 headers so far)", { goesOn: true });
    };
    await rig.clock.advance(1000 + 9 * pause);
    const gaps = times.slice(1, 9).map((time, i) => time - times[i]!);
    expect(new Set(gaps)).toEqual(new Set([pause]));
    expect(rig.problem()).toContain("is being caught up with");
  });
});
