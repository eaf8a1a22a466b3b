/**
 * The one alert that does not go through the store, because it says that the store cannot be written. It is sent to all
 * channels directly and tried again from memory; its id comes from when the trouble began and from what was found
 * meanwhile, so a repetition is recognised. That the store works again is told through the store.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { AlertContext } from "../store/store.ts";
import type { Channel } from "./channels/channel.ts";
import { alertId, type Message } from "./kinds.ts";
import { happening } from "./outbox.ts";
import { asChannelError, pauseAfter, sendWithin } from "./sender.ts";
import { render, words } from "./texts.ts";

export interface EmergencyOptions {
  channels: readonly Channel[];
  clock: Clock;
  random: () => number;
  log: Log;
  context: AlertContext;
  /** Milliseconds of failing after which it is told; a lock or a full buffer may pass sooner. */
  patience: number;
}

const STALE = 60_000;

export class Emergency {
  readonly #options: EmergencyOptions;
  #since: number | undefined;
  #latest = 0;
  #told = false;
  /** What was found and could not be kept, to say more only when there is more to say. */
  #found = new Set<string>();
  #attempts = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: EmergencyOptions) {
    this.#options = options;
  }

  get told(): boolean {
    return this.#told;
  }

  /** What cannot be written is tried again each second; when nothing is tried any more, nothing fails. */
  get failing(): boolean {
    return this.#since !== undefined && Math.abs(this.#options.clock.now() - this.#latest) < STALE;
  }

  /** `unkept`: alerts that could not be written, in short. Something unkept is told at once. */
  failed(reason: string, unkept: readonly string[]): void {
    const { clock, patience } = this.#options;
    if (!this.#told && !this.failing) this.#since = undefined;
    this.#latest = clock.now();
    this.#since ??= this.#latest;
    const isNews = unkept.some((each) => !this.#found.has(each));
    const isLate = !this.#told && Math.abs(clock.now() - this.#since) >= patience;
    if (!isNews && !isLate) return;
    for (const each of unkept) this.#found.add(each);
    this.#told = true;
    this.#cancel();
    const message = this.#message(reason, [...this.#found], this.#since);
    this.#options.log.info(`${message.body.subject}: told on all channels directly`);
    for (const channel of this.#options.channels) {
      const task = this.#deliver(channel, message, this.#attempts.signal).finally(() => this.#running.delete(task));
      this.#running.add(task);
    }
  }

  worked(): void {
    this.#since = undefined;
    this.#told = false;
    this.#found.clear();
    this.#cancel();
  }

  async stop(): Promise<void> {
    this.#cancel();
    await Promise.all(this.#running);
  }

  #cancel(): void {
    this.#attempts.abort();
    this.#attempts = new AbortController();
  }

  #message(reason: string, unkept: readonly string[], since: number): Message {
    const { context, clock } = this.#options;
    const draft = happening("store", "raised", clock.now(), words.storeFails(reason, unkept));
    return render(draft, { id: alertId(`store ${since} ${unkept.join("\n")}`, 1), sequence: 0, ...context });
  }

  async #deliver(channel: Channel, message: Message, stop: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let attempts = 1; !stop.aborted; attempts++) {
      try {
        await sendWithin(channel, message, clock, stop);
        return;
      } catch (error) {
        if (stop.aborted) return;
        const why = asChannelError(error);
        log.problem(`channel ${channel.name}`, `channel ${channel.name} ${why.message}`);
        await sleep(clock, pauseAfter(attempts, why.retryAfter, random()), stop);
      }
    }
  }
}

function sleep(clock: Clock, milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(milliseconds, done);
    stop.addEventListener("abort", done, { once: true });
  });
}
