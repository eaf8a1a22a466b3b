/**
 * From a thief's transaction to the alert: breaches are sent to the node one after another, and each is followed until the
 * webhook has come. Hint and webhook arrive in this process, so that one clock times both; the hint is what the node
 * publishes to every subscriber, this one and the monitor alike.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Subscriber } from "zeromq";
import { type Report, type Spread, show, spread } from "./figures.ts";
import { Recorder } from "./recorder.ts";
import { type Coin, World } from "./world.ts";

export interface LatencyEffort {
  breaches: number;
  /** Looked at in detail. */
  staged: number;
  polled: number;
}

const TARGET_MILLIS = 50;
const POLL_SECONDS = 1;

export async function benchLatency({ breaches, staged, polled }: LatencyEffort, report: Report): Promise<void> {
  report.heading(`accepted to alert: ${breaches} breaches, one coin each, Core source with ZMQ, webhook`);
  const hinted = await inWorld(["--zmq-port", "0"], (world) => withHints(world, breaches, report));
  report.target(`half within ${TARGET_MILLIS} ms from hint to webhook`, hinted.median < TARGET_MILLIS);

  report.heading(`where it goes: ${staged} breaches, the node asked through a pass-through that adds to each call`);
  await inWorld(["--zmq-port", "0"], (world) => showStages(world, staged, report));

  report.heading(`without ZMQ, asked every ${POLL_SECONDS} s: ${polled} breaches`);
  const times = await inWorld([], (world) => takeAll(world, polled));
  const slow = spread(times.map(({ accepted, alarm }) => alarm - accepted));
  report.line(`  accepted  -> webhook       ${show(slow)}`);
  report.line(`  ratio: ${(slow.median / hinted.median).toFixed(1)} x as long as from a hint`);
}

/** One of its own for each part: alerts about coins that were taken before would stand in the queue. */
async function inWorld<T>(flags: string[], measure: (world: World) => Promise<T>): Promise<T> {
  const world = await World.start(...flags);
  try {
    return await measure(world);
  } finally {
    await world.stop();
  }
}

async function withHints(world: World, count: number, report: Report): Promise<Spread> {
  const hints = new Hints(world.zmq!);
  try {
    const times = await takeAll(world, count, { hints });
    report.line(`  submitted -> hint          ${show(spread(times.map(({ sent, hint }) => hint - sent)))}`);
    report.line(`  accepted  -> webhook       ${show(spread(times.map(({ accepted, alarm }) => alarm - accepted)))}`);
    const hinted = spread(times.map(({ hint, alarm }) => alarm - hint));
    report.line(`  hint      -> webhook       ${show(hinted)}`);
    return hinted;
  } finally {
    hints.close();
  }
}

interface Times {
  sent: number;
  hint: number;
  /** The node's answer has come. */
  accepted: number;
  alarm: number;
}

/** The same through a pass-through that notes each call: where the time from hint to webhook goes. */
async function showStages(world: World, count: number, report: Report): Promise<void> {
  const recorder = await new Recorder(world.rpcUrl).start();
  const hints = new Hints(world.zmq!);
  try {
    const times = await takeAll(world, count, { hints, host: recorder.host });
    const stages = times.flatMap(({ hint, alarm }) => {
      // A look begins with the tip; what was answered after the alarm cannot have made it.
      const within = recorder.exchanges.filter(({ asked, answered }) => asked >= hint && answered < alarm);
      const from = within.findLastIndex(({ method }) => method === "getblockchaininfo");
      const round = within.slice(Math.max(0, from));
      return from < 0 ? [] : [{ hint, round, alarm }];
    });
    const stage = (name: string, values: number[]) => report.line(`  ${name.padEnd(26)} ${show(spread(values))}`);
    report.line(
      `  calls in the round: ${stages
        .at(-1)!
        .round.map(({ method }) => method)
        .join(", ")}`,
    );
    stage(
      "hint -> first call",
      stages.map(({ hint, round }) => round[0]!.asked - hint),
    );
    stage(
      "first call -> last answer",
      stages.map(({ round }) => round.at(-1)!.answered - round[0]!.asked),
    );
    stage(
      "  of that, the node",
      stages.map(({ round }) => round.reduce((sum, { asked, answered }) => sum + answered - asked, 0)),
    );
    stage(
      "last answer -> webhook",
      stages.map(({ round, alarm }) => alarm - round.at(-1)!.answered),
    );
  } finally {
    hints.close();
    await recorder.stop();
  }
}

/** One after another. Without hints, `hint` is when the transaction was accepted. */
async function takeAll(
  world: World,
  count: number,
  { hints, host = "" }: { hints?: Hints; host?: string } = {},
): Promise<Times[]> {
  const coins = await world.fund(count);
  const monitor = await world.monitor("store.sqlite", { pollSeconds: POLL_SECONDS, host });
  const times: Times[] = [];
  try {
    await monitor.until("the coins", ({ verdict, coins: known }) => {
      const funded = known.filter(({ state }) => state === "funded").length;
      return funded === count && verdict !== "blind";
    });
    for (const [i, coin] of coins.entries()) {
      // Not in step with the monitor's own rounds.
      await sleep(((i * 0.618_034) % 1) * 1_000 * (hints ? 0.2 : POLL_SECONDS));
      times.push(await takeOne(world, coin, hints));
    }
  } finally {
    await monitor.stop();
  }
  return times;
}

async function takeOne(world: World, coin: Coin, hints?: Hints): Promise<Times> {
  const sent = performance.now();
  const txid = await world.take(coin);
  const accepted = performance.now();
  const { at: alarm } = await world.alarm(coin);
  return { sent, accepted, hint: hints ? await hints.of(txid) : accepted, alarm };
}

/** When this process heard of each transaction. */
class Hints {
  readonly #socket = new Subscriber({ receiveHighWaterMark: 0, linger: 0 });
  readonly #heard = new Map<string, number>();

  constructor(endpoint: string) {
    this.#socket.connect(endpoint);
    this.#socket.subscribe("hashtx");
    void this.#listen();
  }

  /** The alert cannot have come before the hint; but this process may read them in the other order. */
  async of(txid: string): Promise<number> {
    for (let waited = 0; waited < 1_000; waited += 5) {
      const at = this.#heard.get(txid);
      if (at !== undefined) return at;
      await sleep(5);
    }
    throw new Error(`no hint of ${txid} was published`);
  }

  close(): void {
    this.#socket.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const [, hash] of this.#socket) {
        const txid = hash!.toString("hex");
        if (!this.#heard.has(txid)) this.#heard.set(txid, performance.now());
      }
    } catch (error) {
      if (!this.#socket.closed) throw error;
    }
  }
}
