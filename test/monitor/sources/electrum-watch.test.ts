/** The watch with nothing but an Electrum source: what it sees, how soon, and through the monitor's API. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { runMonitor } from "../../../monitor/main.ts";
import { type Status, status } from "../../../monitor/schema.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { PUBLIC } from "../support/bounty.ts";
import { ElectrumBench, hanging, now, until, untilProblem, watching } from "../support/electrum.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";
import { temporaryFolder } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";

let stop: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

describe("the story of a coin", () => {
  test("funded, taken, in a block, reorged, final", async () => {
    const { bench, rig, coin } = await hanging(stop);
    bench.take(coin);
    await until(rig, "moving, spent-unconfirmed 0");
    const [block] = bench.node.mine(1);
    await until(rig, "smashed, spent 1");
    bench.node.invalidate(block!.hash);
    bench.node.mine(2);
    await until(rig, "smashed, spent 2");
    bench.node.mine(4);
    await until(rig, "smashed, final 6");
    expect(rig.problem()).toBeNull();
  });

  test("what the server tells is seen long before the next poll", async () => {
    const { bench, rig, coin } = await hanging(stop);
    const soon = async (what: string): Promise<number> => {
      await rig.round();
      const before = rig.clock.now();
      if (what.startsWith("moving")) bench.take(coin);
      else bench.node.mine(1);
      await waitFor(what, async () => {
        await rig.clock.advance(1);
        return now(rig) === what;
      });
      return rig.clock.now() - before;
    };
    expect(await soon("moving, spent-unconfirmed 0")).toBeLessThan(900);
    expect(await soon("smashed, spent 1")).toBeLessThan(900);
  });

  test("what the server does not tell is found by asking", async () => {
    const { bench, rig, coin } = await hanging(stop);
    bench.faults.notifications = "kept back";
    bench.take(coin);
    await until(rig, "moving, spent-unconfirmed 0");
    bench.node.mine(1);
    await until(rig, "smashed, spent 1");
  });

  test("a reorg while nobody was connected", async () => {
    const { bench, rig, coin } = await hanging(stop);
    const txid = bench.take(coin);
    const [block] = bench.node.mine(1);
    await until(rig, "smashed, spent 1");
    bench.faults.connections = "closed";
    bench.server.hangUp();
    await untilProblem(rig, /^hung up/);
    bench.node.invalidate(block!.hash);
    bench.node.mine(3);
    await rig.round();
    expect(rig.coins).toEqual(["spent 1"]);
    bench.faults.connections = "served";
    await until(rig, "smashed, spent 3");
    await untilProblem(rig, null);
    const { position } = rig.watch.snapshot().coins[0]!;
    const holder = bench.node.chain.find(txid)!.block!;
    expect(position.spend).toMatchObject({ txid, block: { height: holder.height, hash: holder.hash } });
    expect(holder.hash).not.toBe(block!.hash);
  });

  test("the funding's block is reorged away while the connection breaks again and again", async () => {
    const { bench, rig } = await hanging(stop);
    const [wave] = bench.node.mine(1);
    await until(rig, "sealed, funded 2");
    for (let depth = 1; depth <= 3; depth++) {
      bench.server.hangUp();
      bench.node.invalidate(bench.node.chain.blockAt(wave!.height - 1)!.hash);
      bench.node.mine(2 + depth);
      bench.server.hangUp();
      await until(rig, `sealed, funded ${2 + depth}`);
    }
    await untilProblem(rig, null);
  });
});

describe("news", () => {
  class Telling extends FakeSource {
    tell = () => {};
    onNews(listener: () => void): () => void {
      this.tell = listener;
      return () => {};
    }
    get rounds(): number {
      return this.asked.filter((method) => method === "tip").length;
    }
  }

  test("brings the next round forward; much of it at once is one round", async () => {
    const source = new Telling(new FakeChain());
    const rig = await watching(stop, source);
    expect(source.rounds).toBe(1);
    for (let i = 0; i < 100; i++) source.tell();
    await rig.clock.advance(100);
    expect(source.rounds).toBe(2);
    await rig.clock.advance(899);
    expect(source.rounds).toBe(2);
    await rig.clock.advance(200);
    expect(source.rounds).toBe(3);
  });

  test("during a round it is not lost", async () => {
    const source = new Telling(new FakeChain());
    const rig = await watching(stop, source);
    source.lies.tip = async () => {
      delete source.lies.tip;
      source.tell();
      return source.tip();
    };
    await rig.clock.advance(1_000);
    const { rounds } = source;
    await rig.clock.advance(100);
    expect(source.rounds).toBe(rounds + 1);
  });

  test("a source that asked to be left alone is left alone", async () => {
    const source = new Telling(new FakeChain());
    source.lies.tip = async () => {
      throw new SourceError("busy", { retryAfter: 10_000, lost: true });
    };
    const rig = await watching(stop, source);
    source.tell();
    await rig.clock.advance(9_900);
    expect(source.rounds).toBe(1);
    await rig.clock.advance(1_000);
    expect(source.rounds).toBe(2);
  });
});

test("a monitor with only an Electrum server tells the whole story through its API", async () => {
  const bench = await ElectrumBench.start();
  const folder = temporaryFolder();
  stop.push(() => bench.stop());
  stop.push(() => folder.remove());
  const file = join(folder.path, "public.json");
  writeFileSync(file, JSON.stringify(PUBLIC));
  const monitor = await runMonitor(
    {
      public: file,
      sources: [`electrum:${bench.url}`],
      store: join(folder.path, "store.sqlite"),
      port: 0,
      pollSeconds: 0.2,
    },
    { log: { info() {}, problem() {}, recovered() {} } },
  );
  stop.push(() => monitor.stop());
  const until = (what: string, condition: (now: Status) => boolean): Promise<Status> =>
    waitFor(what, async () => {
      const now = status.parse(await (await fetch(`${monitor.url}/v1/status`)).json());
      return condition(now) && now;
    });
  await until("awaited", ({ verdict }) => verdict === "awaited");
  const coin = bench.fund(25_000_000n);
  bench.node.mine(1);
  const sealed = await until("sealed", ({ verdict }) => verdict === "sealed");
  expect(sealed.sources).toMatchObject([{ kind: "electrum", healthy: true, problem: null }]);
  bench.take(coin);
  await until("moving", ({ verdict }) => verdict === "moving");
  const [block] = bench.node.mine(1);
  await until("smashed", ({ verdict, tip }) => verdict === "smashed" && tip?.hash === block!.hash);
  bench.node.invalidate(block!.hash);
  bench.node.mine(2);
  const reorged = await until("the other branch", ({ tip }) => tip?.hash === bench.node.chain.tip.hash);
  expect(reorged.verdict).toBe("smashed");
  await bench.server.close();
  await until(
    "the loss",
    ({ sources }) => sources[0]!.problem === "refuses connections" || sources[0]!.problem === "hung up",
  );
});
