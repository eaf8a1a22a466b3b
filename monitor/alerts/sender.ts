/**
 * Takes alerts out of the outbox to the channels: for each channel one at a time, in order, until it was taken. A failure
 * is tried again after a growing pause with jitter, or when the other side said; an alert that the other side refuses for
 * what it holds is set aside after some attempts, so that it cannot block those behind it. Killed between sending and
 * noting that, the next start sends it again under the same id: at least once, never zero times.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Delivery, Store, Waiting } from "../store/store.ts";
import { type Channel, ChannelError } from "./channels/channel.ts";
import type { Condition } from "./conditions.ts";
import type { Message } from "./kinds.ts";
import { words } from "./texts.ts";

export interface SenderOptions {
  store: Pick<Store, "waiting" | "commit">;
  channels: readonly Channel[];
  clock: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random: () => number;
  log: Log;
  /** Hears whether each channel works; told on the others. */
  report: (condition: Condition) => void;
}

/** Milliseconds that a channel has for one message, from connecting to its answer. */
export const SEND_TIMEOUT = 15_000;
const FIRST_PAUSE = 1_000;
export const LONGEST_PAUSE = 300_000;
/** Ten minutes are the most that a Retry-After counts for. */
const LONGEST_WAIT = 660_000;
/** Failures in a row after which the others are told. */
const TELL_AFTER = 3;
/** Attempts for an alert whose content is refused. */
export const REFUSED_AFTER = 5;

export class Sender {
  readonly #lanes: Lane[];

  constructor(options: SenderOptions) {
    this.#lanes = options.channels.map((channel) => new Lane(channel, options));
  }

  start(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  /** There may be something to send. */
  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  /** One attempt for the oldest alert of a channel: null when it was taken, else why not. For trying a channel out. */
  async once(channel: string): Promise<string | null> {
    const lane = this.#lanes.find(({ name }) => name === channel);
    return lane ? lane.once() : "is not configured";
  }

  /** Ends what is being sent, too; it will be sent again. */
  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  /** For metrics. */
  stats(): ChannelStats[] {
    return this.#lanes.map((lane) => lane.stats());
  }

  /** Names of channels whose latest attempts all failed. */
  failing(): string[] {
    return this.#lanes.filter((lane) => lane.failures >= TELL_AFTER).map(({ name }) => name);
  }
}

/** What a channel did since the start, and what waits for it. */
export interface ChannelStats {
  channel: string;
  sent: number;
  /** Attempts that failed. */
  failed: number;
  /** Alerts that were set aside. */
  refused: number;
  waiting: number;
  /** When the oldest one that waits was written; null when none does. */
  oldest: number | null;
  /** Why the latest attempt failed, after "channel X …"; null when it did not. */
  problem: string | null;
}

type Outcome<D = Delivery> = D extends Delivery ? Omit<D, "channel"> : never;

class Lane {
  readonly name: string;
  /** In a row. */
  failures = 0;
  readonly #channel: Channel;
  readonly #options: SenderOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #cancel = () => {};
  /** Taken by the channel, but the store could not note it yet. */
  #taken: number | undefined;
  /** Why the latest attempt failed. */
  #problem = "was interrupted";
  readonly #done = { sent: 0, failed: 0, refused: 0 };
  #queue: Pick<ChannelStats, "waiting" | "oldest"> = { waiting: 0, oldest: null };

  constructor(channel: Channel, options: SenderOptions) {
    this.name = channel.name;
    this.#channel = channel;
    this.#options = options;
  }

  wake(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#running;
  }

  stats(): ChannelStats {
    const problem = this.failures > 0 ? this.#problem : null;
    return { channel: this.name, ...this.#done, ...this.#queue, problem };
  }

  async once(): Promise<string | null> {
    const head = await this.#options.store.waiting(this.name);
    if (!head) return "has nothing to send";
    if (!(await this.#attempt(head))) return this.#problem;
    await this.#note({ sequence: head.sequence, state: "sent" });
    return null;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false;
      this.#cancel();
      let pause: number | undefined;
      try {
        pause = await this.#drain();
      } catch (error) {
        this.#options.log.problem(
          `outbox ${this.name}`,
          `the outbox of channel ${this.name} cannot be read or written: ${error instanceof Error ? error.message : error}`,
        );
        pause = FIRST_PAUSE * 5;
      }
      if (pause !== undefined && !this.#stopping.signal.aborted) {
        this.#cancel = this.#options.clock.after(pause, () => this.wake());
      }
    }
  }

  /** Sends until the queue is empty (undefined) or something has to be waited for (milliseconds). */
  async #drain(): Promise<number | undefined> {
    const { store, clock, log } = this.#options;
    for (;;) {
      const head = await store.waiting(this.name);
      log.recovered(`outbox ${this.name}`, `the outbox of channel ${this.name} works again`);
      this.#queue = { waiting: head ? (head.queued ?? 1) : 0, oldest: head?.body.at ?? null };
      if (!head) return undefined;
      const wait = head.nextTry - clock.now();
      // Longer than any pause: the clock was set back meanwhile.
      if (wait > 0 && wait <= LONGEST_WAIT) return wait;
      if (head.sequence !== this.#taken && !(await this.#attempt(head))) {
        if (this.#stopping.signal.aborted) return undefined;
        continue;
      }
      this.#taken = head.sequence;
      await this.#note({ sequence: head.sequence, state: "sent" });
    }
  }

  async #attempt(head: Waiting): Promise<boolean> {
    const { clock, log } = this.#options;
    try {
      await sendWithin(this.#channel, head, clock, this.#stopping.signal);
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      const why = asChannelError(error);
      this.failures++;
      this.#done.failed++;
      this.#problem = why.message;
      const state = why.about === "message" && head.attempts + 1 >= REFUSED_AFTER ? "refused" : "waiting";
      log.problem(`channel ${this.name}`, `channel ${this.name} ${why.message}`);
      if (state === "refused") log.info(`alert ${head.body.id} is set aside for channel ${this.name}: ${why.message}`);
      if (state === "refused") this.#done.refused++;
      if (this.failures >= TELL_AFTER || state === "refused") this.#report("on", why.message);
      const nextTry = clock.now() + this.#pause(head.attempts + 1, why.retryAfter);
      await this.#note({ sequence: head.sequence, state, problem: why.message, nextTry });
      return false;
    }
    this.failures = 0;
    this.#done.sent++;
    log.recovered(`channel ${this.name}`, `channel ${this.name} takes alerts`);
    this.#report("off", "");
    return true;
  }

  async #note(outcome: Outcome): Promise<void> {
    await this.#options.store.commit({ deliveries: [{ channel: this.name, ...outcome }] });
  }

  #report(state: "on" | "off", problem: string): void {
    const { name } = this;
    this.#options.report({
      topic: `channel ${name}`,
      kind: "channel",
      state,
      words: () => (state === "on" ? words.channelFails(name, problem) : words.channelWorks(name)),
      except: name,
    });
  }

  #pause(attempts: number, retryAfter: number | undefined): number {
    return pauseAfter(attempts, retryAfter, this.#options.random());
  }
}

/** 1 s, 2 s, 4 s … five minutes, of each between half and all; never shorter than the other side asked for. */
export function pauseAfter(attempts: number, retryAfter: number | undefined, random: number): number {
  const grown = Math.min(FIRST_PAUSE * 2 ** Math.min(attempts - 1, 20), LONGEST_PAUSE);
  const jittered = Math.round(grown * (0.5 + random / 2));
  return retryAfter === undefined ? jittered : Math.max(jittered, Math.round(retryAfter + random * FIRST_PAUSE));
}

/** One attempt, ended after {@link SEND_TIMEOUT} even if the channel would wait for ever. */
export async function sendWithin(channel: Channel, message: Message, clock: Clock, stop: AbortSignal): Promise<void> {
  const late = new AbortController();
  const cancel = clock.after(SEND_TIMEOUT, () => late.abort());
  const signal = AbortSignal.any([late.signal, stop]);
  try {
    await Promise.race([channel.send(message, signal), aborted(signal)]);
  } finally {
    cancel();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new ChannelError("did not answer in time"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

/** A mistake of ours in a channel is not the end of all alerts. */
export function asChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  return new ChannelError(`could not be used: ${error instanceof Error ? error.message : String(error)}`);
}
