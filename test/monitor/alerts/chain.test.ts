/** What the coins do becomes alerts: which, in which order, with which words, once; through restarts and a store that fails. */
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { SourceError } from "../../../monitor/sources/source.ts";
import { breach, fundBounty, REFUND_HEIGHT, refund } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";
import { Rig } from "../support/rig.ts";
import { AlertRig } from "./support.ts";

const rigs: AlertRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end();
});

async function rigOf(...sources: FakeSource[]): Promise<AlertRig> {
  const rig = await AlertRig.start(sources);
  rigs.push(rig);
  return rig;
}

function funded() {
  const chain = new FakeChain();
  const coin = fundBounty(10_000_000n);
  chain.mine(3, [coin]);
  return { chain, coin };
}

/** What must not be the same in two alerts, and must in two tellings of one. */
function distinct(rig: AlertRig): void {
  const ids = rig.pager.alerts.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const sequences = rig.pager.alerts.map(({ sequence }) => sequence);
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
}

describe("the whole story", () => {
  const story = async (between: (rig: AlertRig) => Promise<void>) => {
    const chain = new FakeChain();
    const rig = await rigOf(new FakeSource(chain, "esplora.example"));
    let told = 0;
    const expectTold = async (...kinds: string[]) => {
      await between(rig);
      await rig.round(2);
      told += kinds.length;
      await rig.until(told);
      expect(rig.pager.kinds.slice(told - kinds.length)).toEqual(kinds);
      expect(rig.pager.received.length).toBe(told);
    };
    const coin = fundBounty(10_000_000n);
    chain.add(coin);
    await expectTold("funding-seen");
    chain.mine();
    await expectTold("funding-confirmed");
    chain.reorg(1);
    await expectTold("funding-reorged");
    chain.mine();
    await expectTold("funding-confirmed");
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    await expectTold("breach");
    const rival = breach({ from: [{ transaction: coin }], fee: 5000n });
    chain.forget(spend);
    chain.add(rival);
    await expectTold("replaced");
    chain.mine();
    await expectTold("confirmed");
    chain.reorg(1);
    await expectTold("reorged");
    chain.forget(rival);
    chain.mine(1, [spend]);
    await expectTold("conflict", "confirmed");
    chain.mine(5);
    await expectTold("final");
    return { rig, chain, coin, spend, rival };
  };

  test("each step is told once, in order; what ended something says what", async () => {
    const { rig, coin, spend } = await story(async () => {});
    distinct(rig);
    const alerts = rig.pager.alerts;
    const of = (kind: string, nth = 0) => alerts.filter((alert) => alert.kind === kind)[nth]!;
    expect(of("funding-confirmed", 1).incident).toBe(of("funding-reorged").id);
    expect(of("confirmed", 1).incident).toBe(of("reorged").id);
    const told = of("breach");
    expect(told).toMatchObject({
      severity: "critical",
      txid: spend.getId(),
      coin: { outpoint: `${coin.getId()}:0`, value: 10_000_000 },
      sources: ["esplora.example"],
      network: "regtest",
      subject: "[Piñata] BREACH: 0.10000000 BTC of regtest are leaving by the piñata's own key",
    });
    expect(told.text).toContain(`signature (SIGHASH_DEFAULT) of input 0 of ${spend.getId()} is valid for output key`);
    expect(told.text).toContain("Shown by: esplora.example. Verified by this monitor itself.");
    expect(told.text).toContain("What to do:\n- Treat the piñata's key as known");
    expect(told.text).toContain(`http://127.0.0.1:8081/v1/alerts/${told.id}/ack`);
    expect(of("confirmed").text).toContain("merkle branch");
    expect(of("confirmed").block?.height).toBe(of("reorged").block?.height);
  });

  test("the same with a restart before each step, and with the same ids", async () => {
    const { rig } = await story((watched) => watched.restart());
    distinct(rig);
  });
});

test("the id of an alert follows from what it is about: another monitor that sees the same gives the same", async () => {
  const { chain, coin } = funded();
  chain.add(breach({ from: [{ transaction: coin }] }));
  const [one, other] = [await rigOf(new FakeSource(chain, "a")), await rigOf(new FakeSource(chain, "b"))];
  for (const rig of [one, other]) {
    await rig.round();
    await rig.until(2);
  }
  const ids = (rig: AlertRig) => rig.pager.alerts.map(({ kind, id }) => [kind, id]).sort();
  expect(ids(one)).toEqual(ids(other));
});

test("what happens again is another alert: confirmed, reorganised away, confirmed in the very same block", async () => {
  const { chain, coin } = funded();
  const rig = await rigOf(new FakeSource(chain));
  await rig.round();
  chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
  const branch = [...chain.best];
  await rig.round(2);
  await rig.until(3);
  chain.reorg(1, 2);
  await rig.round(2);
  await rig.until(4);
  const away = chain.best;
  chain.best = [...branch];
  chain.mine(3);
  expect(chain.best.length).toBeGreaterThan(away.length);
  await rig.round(2);
  await rig.until(5);
  expect(rig.pager.kinds).toEqual(["funding-confirmed", "breach", "confirmed", "reorged", "confirmed"]);
  const confirmed = rig.pager.alerts.filter(({ kind }) => kind === "confirmed");
  expect(confirmed.length).toBe(2);
  expect(confirmed[0]!.block).toEqual(confirmed[1]!.block);
  expect(confirmed[0]!.id).not.toBe(confirmed[1]!.id);
  distinct(rig);
});

test("a reorg that confirms the spend in another block at once ends itself; a later one is ended by what follows it", async () => {
  const { chain, coin } = funded();
  const rig = await rigOf(new FakeSource(chain));
  await rig.round();
  const spend = breach({ from: [{ transaction: coin }] });
  chain.mine(1, [spend]);
  await rig.round(2);
  await rig.until(3);
  chain.reorg(1, 2, [spend]);
  await rig.round(2);
  await rig.until(5);
  chain.reorg(2, 3);
  await rig.round(2);
  await rig.until(6);
  chain.mine();
  await rig.round(2);
  await rig.until(7);
  expect(rig.pager.kinds.slice(2)).toEqual(["confirmed", "reorged", "confirmed", "reorged", "confirmed"]);
  const [, , , , atOnce, again, after] = rig.pager.alerts;
  expect(atOnce!.incident).toBeNull();
  expect(after!.incident).toBe(again!.id);
});

test("a refund is told as what it is, calmly, up to its end", async () => {
  const { chain, coin } = funded();
  chain.mine(REFUND_HEIGHT);
  const rig = await rigOf(new FakeSource(chain));
  chain.add(refund({ from: [{ transaction: coin }] }));
  await rig.round(2);
  chain.mine(6);
  await rig.round(2);
  await rig.until(4);
  expect(rig.pager.kinds).toEqual(["funding-confirmed", "refund", "confirmed", "final"]);
  expect(rig.pager.alerts.map(({ severity }) => severity)).toEqual(["info", "info", "info", "info"]);
  expect(rig.pager.alerts[2]!.subject).toContain("went back to the sponsor");
});

test("a breach that vanishes and comes back; a funding that never arrives", async () => {
  const { chain, coin } = funded();
  const rig = await rigOf(new FakeSource(chain));
  const spend = breach({ from: [{ transaction: coin }] });
  chain.add(spend);
  const other = fundBounty(5n);
  chain.add(other);
  await rig.round(2);
  await rig.until(3);
  chain.forget(spend);
  chain.forget(other);
  await rig.round(40);
  await rig.until(5);
  chain.add(spend);
  await rig.round(2);
  await rig.until(6);
  // Of one step the most urgent comes first.
  expect(rig.pager.kinds.slice(0, 3)).toEqual(["funding-confirmed", "breach", "funding-seen"]);
  expect(new Set(rig.pager.kinds.slice(3))).toEqual(new Set(["vanished", "funding-gone", "returned"]));
  const vanished = rig.pager.alerts.find(({ kind }) => kind === "vanished")!;
  expect(vanished.text).toContain("The key is out whatever happens");
  expect(vanished.sources).toEqual([]);
});

test("a breach that was seen before alerts were switched on is told when they are", async () => {
  const { chain, coin } = funded();
  const spend = breach({ from: [{ transaction: coin }] });
  chain.add(spend);
  const before = new Rig(new FakeSource(chain));
  await before.start();
  await before.round();
  expect(before.verdict).toBe("moving");
  await before.stop();
  const rig = await AlertRig.start([new FakeSource(chain)], { store: join(before.folder.path, "store.sqlite") });
  rigs.push(rig);
  before.folder.remove();
  await rig.round();
  await rig.until(1);
  expect(rig.pager.alerts).toMatchObject([{ kind: "breach", txid: spend.getId() }]);
  await rig.restart();
  await rig.round(5);
  expect(rig.pager.received.length).toBe(1);
});

test("funded, taken and buried while nobody watched: all of it is told, in the order in which it was proven", async () => {
  const { chain, coin } = funded();
  chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
  chain.mine(9);
  const rig = await rigOf(new FakeSource(chain));
  await rig.round();
  await rig.until(4);
  expect(rig.pager.kinds).toEqual(["funding-confirmed", "breach", "confirmed", "final"]);
});

describe("no alert without its step, no step without its alert", () => {
  test("a breach while the store fails is told at once and directly, and again with its own id when it is kept", async () => {
    const { chain, coin } = funded();
    const rig = await rigOf(new FakeSource(chain));
    await rig.round();
    await rig.until(1);
    rig.broken = new Error("disk full");
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    await rig.round(2);
    await rig.until(2);
    const [, direct] = rig.pager.alerts;
    expect(direct).toMatchObject({ kind: "store", phase: "raised", severity: "critical", sequence: 0 });
    expect(direct!.text).toContain("disk full");
    expect(direct!.text).toContain("Found but not kept: BREACH");
    expect(direct!.text).toContain(spend.getId());
    expect(direct!.text).not.toContain("Verified by");
    rig.broken = undefined;
    await rig.round(20);
    await rig.until(4);
    expect(rig.pager.kinds.slice(0, 2)).toEqual(["funding-confirmed", "store"]);
    expect(new Set(rig.pager.kinds.slice(2))).toEqual(new Set(["store recovered", "breach"]));
    distinctAfterDirect(rig);
  });

  test("a store that fails and holds nothing back is told after its time, once, and so is its recovery", async () => {
    const { chain } = funded();
    const rig = await rigOf(new FakeSource(chain));
    await rig.round();
    await rig.until(1);
    rig.broken = new Error("disk full");
    chain.mine();
    await rig.round(5);
    expect(rig.pager.received.length).toBe(1);
    await rig.round(8);
    await rig.until(2);
    chain.mine();
    await rig.round(2);
    expect(rig.pager.kinds).toEqual(["funding-confirmed", "store"]);
    rig.broken = undefined;
    await rig.round(16);
    await rig.until(3);
    await rig.round(5);
    expect(rig.pager.kinds).toEqual(["funding-confirmed", "store", "store recovered"]);
  });

  test("the direct alert is tried again until a channel takes it", async () => {
    const { chain } = funded();
    const rig = await rigOf(new FakeSource(chain));
    await rig.round();
    await rig.until(1);
    rig.pager.behaviour = (response, _request, count) => {
      if (count < 4) response.writeHead(500).end();
      return count < 4;
    };
    rig.broken = new Error("disk full");
    chain.mine();
    await rig.round(12);
    await rig.until(2);
    await rig.round(3);
    await rig.until(3);
    await rig.round(5);
    await rig.until(4);
    await rig.round(4);
    const direct = rig.pager.received.slice(1).map(({ body }) => body);
    expect(direct.length).toBe(3);
    expect(new Set(direct).size).toBe(1);
  });
});

function distinctAfterDirect(rig: AlertRig): void {
  const ids = rig.pager.alerts.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
}

test("dust by the hundred cannot hold up a breach: after some it is told as one, the breach at once", async () => {
  const { chain, coin } = funded();
  const rig = await rigOf(new FakeSource(chain));
  await rig.round();
  chain.mine(
    1,
    Array.from({ length: 100 }, (_, i) => fundBounty(BigInt(600 + i))),
  );
  await rig.round(2);
  chain.add(breach({ from: [{ transaction: coin }] }));
  await rig.round(2);
  await rig.until(22);
  await rig.round(5);
  const count = (kind: string) => rig.pager.kinds.filter((each) => each === kind).length;
  expect([count("funding-confirmed"), count("funding-many"), count("breach")]).toEqual([20, 1, 1]);
  expect(rig.pager.kinds.indexOf("breach")).toBe(21);
});

test("a source that says more than it can prove makes no alert", async () => {
  const { chain, coin } = funded();
  const honest = new FakeSource(chain, "honest");
  const liar = new FakeSource(chain, "liar");
  const rig = await rigOf(honest, liar);
  await rig.round();
  await rig.until(1);
  const fake = breach({ from: [{ transaction: coin }], secret: Buffer.alloc(32, 7) });
  chain.know(fake);
  liar.lies.spender = async () => ({ txid: fake.getId() });
  await rig.round(5);
  liar.lies.tip = async () => {
    throw new SourceError("cannot be reached", { lost: true });
  };
  await rig.round(5);
  expect(rig.pager.kinds).toEqual(["funding-confirmed"]);
});
