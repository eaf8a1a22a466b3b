/** The watch over an Esplora server that is faulty, lies, leaves out or forgets: what it believes, and what it says of it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ElectrumServer } from "../../../infra/devchain/electrum/server.ts";
import { esploraLies } from "../../../infra/devchain/esplora-faults.ts";
import { NETWORKS } from "../../../monitor/proofs/networks.ts";
import { ElectrumSource } from "../../../monitor/sources/electrum/electrum-source.ts";
import type { Coin } from "../support/electrum.ts";
import { now, until, untilProblem, watching } from "../support/electrum.ts";
import { EsploraBench } from "../support/esplora.ts";
import type { Rig } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";

let stop: (() => unknown)[] = [];
let bench: EsploraBench;
let coin: Coin;
beforeEach(async () => {
  bench = await EsploraBench.start();
  stop.push(() => bench.stop());
  coin = bench.fund(25_000_000n);
  bench.node.mine(1);
});
afterEach(async () => {
  for (const each of stop.reverse()) await each();
  stop = [];
});

/** A watch that has seen the coin. */
async function hanging(settings = ""): Promise<Rig> {
  const rig = await watching(stop, bench.source({ settings }));
  await until(rig, "sealed, funded 1");
  await untilProblem(rig, null);
  return rig;
}

describe("lies", () => {
  test("a false transaction, or a bad merkle branch, alarms nobody and is said; the truth after it does", async () => {
    const rig = await hanging();
    bench.take(coin);
    bench.faults.lies.set(...esploraLies.falseTransaction);
    await untilProblem(rig, /asked for transaction/);
    expect(rig.verdict).toBe("sealed");
    bench.node.mine(1);
    bench.faults.lies.clear();
    bench.faults.lies.set(...esploraLies.badBranch);
    await untilProblem(rig, /merkle branch that does not lead to the block's root/);
    expect(rig.verdict).not.toBe("smashed");
    bench.faults.clear();
    await waitFor("the truth", async () => {
      await rig.round();
      return rig.verdict === "smashed";
    });
  });

  test("a tip without the work for its target, or with a target too easy, is refused, and the best chain stays", async () => {
    const rig = await hanging();
    const { tip } = rig.watch.snapshot();
    for (const [kind, said] of [
      ["weak", /without proof of work/],
      ["easy", /target too easy/],
    ] as const) {
      bench.faults.tip = kind;
      await untilProblem(rig, said);
      expect(rig.watch.snapshot().tip).toEqual(tip);
      bench.faults.clear();
      await untilProblem(rig, null);
    }
  });

  // ElectrumX #909
  test("known failure: wrong merkle proofs after a reorg are the source's problem, and asked again", async () => {
    const rig = await hanging();
    const spend = bench.take(coin);
    bench.fund(1_000n);
    bench.node.mine(1);
    const stale = await (await fetch(`${bench.url}/tx/${spend}/merkle-proof`)).json();
    bench.node.invalidate(bench.node.chain.tip.hash);
    bench.fund(2_000n);
    bench.fund(3_000n);
    bench.node.mine(2);
    // At the right height, but of the block that was left.
    bench.faults.lies.set("merkle-proof", (truth, [path]) => (String(path).includes(spend) ? stale : truth));
    await untilProblem(rig, /merkle branch that does not lead to the block's root/);
    expect(rig.verdict).not.toBe("smashed");
    bench.faults.clear();
    await waitFor("the confirmation", async () => {
      await rig.round();
      return rig.verdict === "smashed" && rig.problem() === null;
    });
  });

  test("a spend that the server leaves out is told by another source", async () => {
    const electrum = await ElectrumServer.start(bench.node, { port: 0 });
    stop.push(() => electrum.close());
    const other = new ElectrumSource({ url: `tcp://127.0.0.1:${electrum.port}`, rules: NETWORKS.regtest });
    const rig = await watching(stop, bench.source(), other);
    await until(rig, "sealed, funded 1");
    const spend = bench.take(coin);
    bench.faults.omitted.add(spend);
    await waitFor("the alarm", async () => {
      await rig.round();
      return rig.verdict === "moving";
    });
    expect(bench.asked().some((path) => path.includes(spend))).toBe(false);
    expect(rig.problem()).toBeNull();
  });

  test("a server that has forgotten blocks is behind, and changes nothing", async () => {
    bench.node.mine(9);
    const rig = await watching(stop, bench.source());
    await until(rig, "sealed, funded 10");
    bench.faults.amnesia = 104;
    await untilProblem(rig, /blocks behind/);
    expect(now(rig)).toBe("sealed, funded 10");
    bench.faults.clear();
    await untilProblem(rig, null);
  });
});

describe("faults on the way", () => {
  test("a server that hangs up, garbles or has enough is not believed, and is as good as before afterwards", async () => {
    const rig = await hanging();
    for (const [delivery, said] of [
      ["dropped", /hung up|cannot be reached/],
      ["half", /something else than its tip/],
      ["twice", /something else than its tip/],
      ["page", /web page/],
      ["limited", /HTTP 429/],
    ] as const) {
      bench.faults.delivery = delivery;
      await untilProblem(rig, said);
      expect(now(rig)).toMatch(/^sealed/);
      bench.faults.clear();
      await untilProblem(rig, null);
    }
    bench.faults.delivery = "half";
    bench.take(coin);
    await untilProblem(rig, /something else than its tip/);
    expect(rig.verdict).toBe("sealed");
    bench.faults.clear();
    await waitFor("the spend", async () => {
      await rig.round();
      return rig.verdict === "moving";
    });
  });

  test("a server that never answers is lost after the limit of time", async () => {
    const rig = await watching(stop, bench.source({ timeout: 300 }));
    await until(rig, "sealed, funded 1");
    bench.faults.delivery = "stalled";
    await untilProblem(rig, /did not answer within 300 ms/);
    bench.faults.clear();
    await untilProblem(rig, null);
  });
});

describe("with the push channel", () => {
  /** No round but those that news brings: the clock only moves by what lies between news and asking. */
  async function byNews(rig: Rig, verdict: string): Promise<void> {
    await waitFor(verdict, async () => {
      await rig.clock.advance(20);
      return rig.verdict === verdict;
    });
  }

  test("a spend is found by its news, and confirmed by the block's, without a poll", async () => {
    const rig = await hanging("websocket=on");
    await waitFor("the connection", () => bench.push.clients === 1);
    const before = rig.clock.now();
    bench.take(coin);
    await byNews(rig, "moving");
    bench.node.mine(1);
    await byNews(rig, "smashed");
    expect(rig.clock.now() - before).toBeLessThan(60_000);
  });

  // mempool #4272
  test("known failure: a double-spend that is not notified is found by polling", async () => {
    const rig = await hanging("websocket=on");
    await waitFor("the connection", () => bench.push.clients === 1);
    bench.take(coin);
    await byNews(rig, "moving");
    bench.faults.push.removals = "kept back";
    bench.faults.push.voice = "kept back";
    const rival = bench.take(coin, 50_000n);
    await waitFor("the rival", async () => {
      await rig.round();
      return rig.watch.snapshot().coins[0]!.candidates.some(({ txid }) => txid === rival);
    });
    expect(rig.verdict).toBe("moving");
  });

  test("messages that come late, twice or as garbage change nothing but when it is asked", async () => {
    const rig = await hanging("websocket=on");
    await waitFor("the connection", () => bench.push.clients === 1);
    bench.faults.push.wire = "twice";
    bench.faults.push.delay = 20;
    bench.take(coin);
    await byNews(rig, "moving");
    bench.faults.push.wire = "garbage";
    bench.node.mine(1);
    await waitFor("the block", async () => {
      await rig.round();
      return rig.verdict === "smashed";
    });
  });
});
