/**
 * The monitor as one process of a history: watch, outbox and sender over the real store, which outlives it. A kill stops it
 * between two instructions: before or after a transaction, after a message was taken and before that was noted, or while
 * nothing happens. What it had begun goes nowhere.
 */
import type { Kysely } from "kysely";
import { Emergency } from "../../../monitor/alerts/emergency.ts";
import { type Alerts, makeAlerts } from "../../../monitor/alerts/service.ts";
import { alertSettings } from "../../../monitor/alerts/settings.ts";
import type { Log } from "../../../monitor/log.ts";
import { SqlStore } from "../../../monitor/store/sql-store.ts";
import type { Committed, Step, Store } from "../../../monitor/store/store.ts";
import type { Tables } from "../../../monitor/store/tables.ts";
import { Watch } from "../../../monitor/watch.ts";
import type { ModelClock } from "./clock.ts";
import { turn } from "./clock.ts";
import { MODEL_PINATA, type World } from "./world.ts";

export const POLL = 10_000;
export const BLIND = 60_000;
const CHANNEL = "pager";
const CONTEXT = { network: "regtest", address: MODEL_PINATA.address, acknowledgeAt: null };
const SETTINGS = alertSettings.parse({
  channels: {
    [CHANNEL]: { type: "webhook", url: "https://example.org/", secret: "not used in these tests, but needed" },
  },
  remindSeconds: 3600,
});

/** Mistakes that a monitor could make, put in to see that the histories find them. */
export type Mistake = "alerts-not-written" | "sent-unsent";

export type Kill = "before-commit" | "after-commit" | "after-send";

export class MonitorProcess {
  alive = true;
  readonly watch: Watch;
  readonly alerts: Alerts;
  #deadline: { kind: Kill; after: number } | undefined;
  readonly #world: World;
  readonly #mistake: Mistake | undefined;
  readonly #emergency: Emergency;

  /** Answers undefined when it was killed while it started. */
  static async start(world: World, db: Kysely<Tables>, clock: ModelClock, mistake?: Mistake): Promise<MonitorProcess> {
    const options = { identity: "model", rules: MODEL_PINATA.rules, channels: [CHANNEL], context: CONTEXT };
    const store = new SqlStore(db, options, {
      fence: async () => {},
      explain: async (error) => error,
      close: async () => {},
    });
    const process = new MonitorProcess(world, store, await store.load(), clock, mistake);
    process.alerts.start();
    process.watch.start();
    await turn();
    return process;
  }

  private constructor(
    world: World,
    store: Store,
    saved: Awaited<ReturnType<Store["load"]>>,
    model: ModelClock,
    mistake: Mistake | undefined,
  ) {
    this.#world = world;
    this.#mistake = mistake;
    const clock = model.of(this);
    const log: Log = { info: () => {}, problem: () => {}, recovered: () => {} };
    const channel = {
      name: CHANNEL,
      send: async (message: Parameters<World["take"]>[0]) => {
        await this.#living();
        if (mistake !== "sent-unsent" || message.json.length % 3 > 0) world.take(message);
        await this.#pass("after-send");
      },
    };
    const common = { channels: [channel], clock, random: () => 0.5, log, context: CONTEXT };
    this.#emergency = new Emergency({ ...common, patience: 10_000 });
    const kept = this.#mortal(store);
    this.alerts = makeAlerts({
      ...common,
      settings: SETTINGS,
      store: kept,
      saved,
      emergency: this.#emergency,
      monotonic: clock.now,
      pulse: () => this.watch.snapshot(),
      moved: clock.now,
    });
    this.watch = new Watch({
      pinata: MODEL_PINATA,
      sources: world.sources,
      store: kept,
      saved,
      clock,
      random: () => 0.5,
      pollMillis: POLL,
      blindMillis: BLIND,
      log,
      alerts: this.alerts.outbox,
      changed: () => {},
    });
  }

  kill(): void {
    this.alive = false;
  }

  /** Dies when it comes to this for the `after`th time. */
  killAt(kind: Kill, after: number): void {
    this.#deadline = { kind, after };
  }

  async stop(): Promise<void> {
    await Promise.all([this.watch.stop(), this.alerts.stop(), this.#emergency.stop()]);
    this.alive = false;
  }

  /** Never resolves in a process that is dead. */
  async #living(): Promise<void> {
    if (!this.alive) await new Promise(() => {});
  }

  async #pass(kind: Kill): Promise<void> {
    if (this.#deadline?.kind === kind && --this.#deadline.after <= 0) this.alive = false;
    await this.#living();
  }

  #botched(step: Step): Step {
    if (this.#mistake === "alerts-not-written") return { ...step, alerts: [] };
    return step;
  }

  #mortal(store: Store): Store {
    const commit = async (step: Step): Promise<Committed> => {
      await this.#living();
      await this.#pass("before-commit");
      if (this.#world.diskFails) throw new Error("the disk is full");
      const committed = await store.commit(this.#botched(step));
      await this.#pass("after-commit");
      return committed;
    };
    const waiting = async (channel: string) => {
      await this.#living();
      return store.waiting(channel);
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "commit") return commit;
        if (name === "waiting") return waiting;
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
}
