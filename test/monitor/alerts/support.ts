/** Alerts as tests need them: messages, settings, and a watch with the real outbox and sender over fakes and a moved clock. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { makeChannels } from "../../../monitor/alerts/channels/make.ts";
import { Emergency } from "../../../monitor/alerts/emergency.ts";
import { alertId, type Draft, type Message } from "../../../monitor/alerts/kinds.ts";
import { happening } from "../../../monitor/alerts/outbox.ts";
import { type Alerts, makeAlerts } from "../../../monitor/alerts/service.ts";
import { type AlertSettings, alertSettings } from "../../../monitor/alerts/settings.ts";
import { render, words } from "../../../monitor/alerts/texts.ts";
import { textLog } from "../../../monitor/log.ts";
import type { ChainSource } from "../../../monitor/sources/source.ts";
import type { Saved, Store } from "../../../monitor/store/store.ts";
import { Watch } from "../../../monitor/watch.ts";
import { PINATA } from "../support/bounty.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { temporaryFolder } from "../support/rig.ts";
import { openTestStore } from "../support/store.ts";
import { waitFor } from "../support/wait.ts";
import { Receiver } from "./receiver.ts";

export const SECRET = "a secret to sign alerts with";
export const CONTEXT = { network: PINATA.network, address: PINATA.address, acknowledgeAt: "http://127.0.0.1:8081" };

export function testDraft(more: Partial<Draft> = {}): Draft {
  return { ...happening("test", "raised", 1_750_000_000_000, words.test()), ...more };
}

export function testMessage(more: Partial<Draft> = {}, sequence = 1): Message {
  return render(testDraft(more), { id: alertId("test", sequence), sequence, ...CONTEXT });
}

export function settingsFor(channels: Record<string, unknown>, more: Record<string, unknown> = {}): AlertSettings {
  return alertSettings.parse({ channels, ...more });
}

/** The watch of a piñata whose alerts go to one or more webhooks over real HTTP; time is the test's. */
export class AlertRig {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly folder = temporaryFolder();
  /** By channel name. */
  readonly receivers: Readonly<Record<string, Receiver>>;
  /** Time since start as the machine has it; follows the clock unless a test moves one of them alone. */
  monotonicLead = 0;
  /** Channels that are not in the configuration any more when it is started again. */
  leftOut: readonly string[] = [];
  /** Fails writes when set. */
  broken: Error | undefined;
  watch!: Watch;
  alerts!: Alerts;
  /** Fails while `broken` is set. */
  store!: Store;
  /** As it was at the latest start. */
  saved!: Saved;
  moved = 0;
  #store!: Store;
  #emergency!: Emergency;
  #running = false;
  readonly #sources: readonly ChainSource[];
  readonly #more: Record<string, unknown>;

  private constructor(
    sources: readonly ChainSource[],
    receivers: Record<string, Receiver>,
    more: Record<string, unknown>,
  ) {
    this.#sources = sources;
    this.receivers = receivers;
    this.#more = more;
  }

  static async start(
    sources: readonly ChainSource[],
    { names = ["pager"], more = {}, store }: { names?: string[]; more?: Record<string, unknown>; store?: string } = {},
  ): Promise<AlertRig> {
    const receivers: Record<string, Receiver> = {};
    for (const name of names) receivers[name] = await new Receiver().start();
    const rig = new AlertRig(sources, receivers, more);
    if (store !== undefined) copyFileSync(store, join(rig.folder.path, "store.sqlite"));
    await rig.#start();
    return rig;
  }

  get pager(): Receiver {
    return this.receivers.pager!;
  }

  monotonic = (): number => this.clock.now() + this.monotonicLead;

  async #start(): Promise<void> {
    const log = textLog(
      (line) => void this.said.push(line.trimEnd()),
      () => this.clock.now(),
    );
    const channels = Object.fromEntries(
      Object.entries(this.receivers)
        .filter(([name]) => !this.leftOut.includes(name))
        .map(([name, { url }]) => [name, { type: "webhook", url, secret: SECRET }]),
    );
    const settings = settingsFor(channels, this.#more);
    const made = makeChannels(settings, () => this.clock.now());
    this.#store = await openTestStore(join(this.folder.path, "store.sqlite"), {
      channels: made.map(({ name }) => name),
      context: CONTEXT,
    });
    const store = this.#failing(this.#store);
    const saved = await store.load();
    this.store = store;
    this.saved = saved;
    const common = { channels: made, clock: this.clock, random: () => 0.5, log, context: CONTEXT };
    this.#emergency = new Emergency({ ...common, patience: settings.storeSeconds * 1000 });
    this.alerts = makeAlerts({
      settings,
      store,
      saved,
      channels: made,
      emergency: this.#emergency,
      context: CONTEXT,
      clock: this.clock,
      random: () => 0.5,
      monotonic: this.monotonic,
      log,
      pulse: () => this.watch.snapshot(),
      moved: () => this.moved,
    });
    this.watch = new Watch({
      pinata: PINATA,
      sources: this.#sources,
      store,
      saved,
      clock: this.clock,
      random: () => 0.5,
      pollMillis: 1000,
      blindMillis: 30_000,
      log,
      alerts: this.alerts.outbox,
      changed: () => {
        this.moved = this.monotonic();
      },
    });
    this.moved = this.monotonic();
    this.#running = true;
    this.alerts.start();
    this.watch.start();
    await this.clock.advance(0);
  }

  /** The store, whose transactions fail while `broken` is set. */
  #failing(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        if (name !== "commit") return value.bind(target);
        return async (...args: unknown[]) => {
          if (this.broken) throw this.broken;
          return value.apply(target, args);
        };
      },
    });
  }

  /** Lets every source be asked once more. */
  async round(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.clock.advance(1000);
  }

  /** Waits, in real time, until a channel has received so many requests. */
  async until(count: number, name = "pager"): Promise<Receiver> {
    const receiver = this.receivers[name]!;
    await waitFor(`${count} alerts, not ${receiver.received.length}: ${this.said.join("\n")}`, async () => {
      await settle();
      return receiver.received.length >= count;
    });
    return receiver;
  }

  /** May be called again. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await Promise.all([this.watch.stop(), this.alerts.stop(), this.#emergency.stop()]);
    await this.#store.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  async end(): Promise<void> {
    await this.stop();
    for (const receiver of Object.values(this.receivers)) await receiver.stop();
    this.folder.remove();
  }
}
