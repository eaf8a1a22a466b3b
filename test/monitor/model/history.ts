/** Histories: what can happen, played one after another against a monitor, and what must hold whatever happened. */
import fc from "fast-check";
import type { Kysely } from "kysely";
import { expect } from "vitest";
import { type Coin, GONE_AFTER } from "../../../monitor/coins/coin.ts";
import { showOutpoint } from "../../../monitor/proofs/transaction.ts";
import type { Tables } from "../../../monitor/store/tables.ts";
import { ModelClock } from "./clock.ts";
import { type Kill, type Mistake, MonitorProcess, POLL } from "./process.ts";
import { FAULTS, type Fault, World } from "./world.ts";

export const SOURCES = 3;

export type Event =
  | { do: "fund" | "forget" | "stop" | "kill" | "start" }
  | { do: "breach" | "refund"; coin: number }
  | { do: "mine"; blocks: number }
  | { do: "reorg"; depth: number; keep: boolean }
  | { do: "source"; index: number; fault: Fault | null }
  | { do: "channel" | "disk"; fails: boolean }
  | { do: "kill-at"; kind: Kill; after: number }
  | { do: "wait"; seconds: number };

const coin = fc.nat({ max: 3 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Event>({ do: "fund" }) },
  { weight: 4, arbitrary: coin.map((each): Event => ({ do: "breach", coin: each })) },
  { weight: 1, arbitrary: coin.map((each): Event => ({ do: "refund", coin: each })) },
  { weight: 1, arbitrary: fc.constant<Event>({ do: "forget" }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 7 }).map((blocks): Event => ({ do: "mine", blocks })) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("reorg" as const),
      depth: fc.integer({ min: 1, max: 10 }),
      keep: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("source" as const),
      index: fc.nat({ max: SOURCES - 1 }),
      fault: fc.option(fc.constantFrom(...FAULTS), { freq: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("channel", "disk"), fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom<Event>({ do: "stop" }, { do: "kill" }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("kill-at" as const),
      kind: fc.constantFrom<Kill>("before-commit", "after-commit", "after-send"),
      after: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Event>({ do: "start" }) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }).map((seconds): Event => ({ do: "wait", seconds })) },
);
export const histories = fc.array(event, { minLength: 5, maxLength: 30 });

/** Seconds within which an honest source's breach is known: a poll after the longest pause of a source that was away, and some. */
const BOUND = 50;

export class History {
  readonly world = new World(SOURCES);
  readonly clock = new ModelClock(1_750_000_000_000);
  process: MonitorProcess | undefined;
  /** How long an honest source has shown each coin's breach to a monitor that could write. */
  #shownFor = new Map<string, number>();
  readonly #db: Kysely<Tables>;
  readonly #spare: Kysely<Tables>;
  readonly #mistake: Mistake | undefined;

  /** Two empty stores: one for the monitor whose history it is, one for a fresh monitor to compare it with. */
  constructor(db: Kysely<Tables>, spare: Kysely<Tables>, mistake?: Mistake) {
    this.#mistake = mistake;
    this.#db = db;
    this.#spare = spare;
  }

  async play(events: readonly Event[]): Promise<void> {
    await this.start();
    for (const each of events) await this.#happen(each);
    await this.#end();
    await this.#check();
    await this.process?.stop();
  }

  async start(): Promise<void> {
    if (this.process?.alive) return;
    this.#shownFor.clear();
    this.process = await MonitorProcess.start(this.world, this.#db, this.clock, this.#mistake);
  }

  async #happen(each: Event): Promise<void> {
    const { world } = this;
    switch (each.do) {
      case "fund":
        return world.fund();
      case "forget":
        return world.forget();
      case "breach":
        return world.breach(each.coin);
      case "refund":
        return world.refund(each.coin);
      case "mine":
        return world.mine(each.blocks);
      case "reorg":
        return world.reorg(each.depth, each.keep);
      case "source":
        return world.sources[each.index]!.set(each.fault);
      case "channel":
        world.channelFails = each.fails;
        return;
      case "disk":
        world.diskFails = each.fails;
        return;
      case "stop":
        if (this.process?.alive) await this.process.stop();
        return;
      case "kill":
        return this.process?.kill();
      case "kill-at":
        return this.process?.killAt(each.kind, each.after);
      case "start":
        return this.start();
      case "wait":
        return this.#wait(each.seconds);
    }
  }

  /** Second by second, so that what must be known by then is looked at while it is so. */
  async #wait(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 10) {
      await this.clock.advance(10_000);
      const shown = this.process?.alive && !this.world.diskFails ? this.world.shown() : [];
      for (const outpoint of this.#shownFor.keys()) if (!shown.includes(outpoint)) this.#shownFor.delete(outpoint);
      for (const outpoint of shown) {
        const time = (this.#shownFor.get(outpoint) ?? 0) + 10;
        this.#shownFor.set(outpoint, time);
        if (time > BOUND) expect(this.#coin(outpoint)?.keyOut, `the breach of ${outpoint} is known by now`).toBe(true);
      }
    }
  }

  /** Everybody honest, every channel and disk well: whatever was pending comes to its end. */
  async #end(): Promise<void> {
    this.world.heal();
    this.process?.kill();
    this.process = undefined;
    await this.start();
    // What has vanished is given its time to come back.
    await this.clock.advance(GONE_AFTER + 2 * POLL);
    // A channel that failed for long is tried again after up to five minutes.
    for (let waited = 0; waited < 330_000 && (await this.#isWaiting()); waited += 10_000) {
      await this.clock.advance(10_000);
    }
  }

  async #isWaiting(): Promise<boolean> {
    const rows = await this.#db.selectFrom("outbox").select("sequence").where("state", "=", "waiting").execute();
    return rows.length > 0;
  }

  async #check(): Promise<void> {
    const { world, process } = this;
    const coins = process!.watch.snapshot().coins;
    const alerts = world.received.map(({ alert }) => alert);

    // No false breach, whatever all sources said.
    for (const each of alerts.filter(({ kind }) => kind === "breach")) {
      expect(world.breaches.get(each.txid!), `alert about ${each.txid}`).toBe(each.coin!.outpoint);
    }
    for (const each of coins.filter(({ keyOut }) => keyOut)) {
      expect([...world.breaches.values()]).toContain(showOutpoint(each.outpoint));
    }

    // No breach unannounced: every coin whose key is known to be out, and every one that shows now.
    const told = new Set(alerts.filter(({ kind }) => kind === "breach").map((each) => each.coin!.outpoint));
    for (const each of coins.filter(({ keyOut }) => keyOut)) expect(told).toContain(showOutpoint(each.outpoint));
    for (const outpoint of world.shown()) expect(told).toContain(outpoint);

    // No alert lost, none under two ids, the same id always the same bytes, in order.
    // (That the channel itself fails is for the others only.)
    const written = await this.#db
      .selectFrom("outbox")
      .innerJoin("alerts", "alerts.sequence", "outbox.sequence")
      .select(["alerts.id", "outbox.state"])
      .execute();
    const first = new Map<string, string>();
    const order: number[] = [];
    for (const { message, alert } of world.received) {
      const before = first.get(alert.id);
      if (before !== undefined) expect(message.json).toBe(before);
      else if (alert.sequence > 0) order.push(alert.sequence);
      first.set(alert.id, message.json);
    }
    expect(
      written.filter(({ id, state }) => state !== "sent" || !first.has(id)),
      "alerts that never arrived",
    ).toEqual([]);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const breaches = new Map<string, Set<string>>();
    for (const { kind, phase, coin: about, id, sequence } of alerts) {
      if (kind !== "breach" || phase !== "raised" || sequence === 0) continue;
      breaches.set(about!.outpoint, (breaches.get(about!.outpoint) ?? new Set()).add(id));
    }
    for (const [outpoint, ids] of breaches) expect([...ids], `ids of ${outpoint}`).toHaveLength(1);

    await this.#compareWithFresh(coins);
  }

  /** What a monitor that begins now sees is what this one sees, but for what cannot be seen any more. */
  async #compareWithFresh(coins: readonly Coin[]): Promise<void> {
    await wipe(this.#spare);
    const fresh = await MonitorProcess.start(this.world, this.#spare, this.clock);
    await this.clock.advance(2 * POLL);
    const { coins: seen, tip, verdict } = fresh.watch.snapshot();
    await fresh.stop();
    const now = this.process!.watch.snapshot();
    expect(tip).toEqual(now.tip);
    const known = new Map(coins.map((each) => [showOutpoint(each.outpoint), each]));
    for (const each of seen) {
      const ours = known.get(showOutpoint(each.outpoint));
      expect(ours, `coin ${showOutpoint(each.outpoint)}`).toBeDefined();
      expect(ours!.position.funding).toEqual(each.position.funding);
      if (each.position.spend) expect(plain(ours!)).toEqual(plain(each));
      else if (!ours!.keyOut) expect(ours!.position.spend).toBeNull();
    }
    for (const each of coins) {
      if (seen.some(({ outpoint }) => showOutpoint(outpoint) === showOutpoint(each.outpoint))) continue;
      expect(each.position.funding, "a coin that only this one knows is in no block").toBeNull();
    }
    if (!coins.some(({ keyOut }) => keyOut)) expect(now.verdict).toBe(verdict);
  }

  #coin(outpoint: string): Coin | undefined {
    return this.process!.watch.snapshot().coins.find((each) => showOutpoint(each.outpoint) === outpoint);
  }
}

/** Position without what depends on who was asked. */
function plain({ position: { state, spend, confirmations } }: Coin) {
  return { state, confirmations, spend: spend && { txid: spend.txid, kind: spend.kind, block: spend.block } };
}

/** Every table emptied, for the next history. */
export async function wipe(db: Kysely<Tables>): Promise<void> {
  for (const table of [
    "meta",
    "headers",
    "coins",
    "events",
    "attempts",
    "counters",
    "outbox",
    "alerts",
    "incidents",
    "alert_keys",
    "evidence",
    "statements",
  ] as const) {
    await db.deleteFrom(table).execute();
  }
}
