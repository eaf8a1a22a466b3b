/**
 * The heartbeat: a signed POST at a fixed pace to a third party that pages somebody when it stops (a dead-man switch).
 * It runs on a timer of its own, and it is withheld when the monitor is alive but of no use: its loop does not move, its
 * store fails, or no channel takes alerts any more. Silence is then the only alert that is left.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { mustBeTaken, post } from "./channels/http.ts";
import { asChannelError } from "./sender.ts";
import { signedHeaders } from "./sign.ts";

export interface Pulse {
  verdict: string;
  /** When the coins were last checked; null: never. */
  checked: number | null;
}

export interface HeartbeatOptions {
  url: string;
  secret: string;
  everyMillis: number;
  address: string;
  clock: Clock;
  log: Log;
  pulse: () => Pulse;
  /** Why nothing must be sent now; null when all is well. */
  withheld: () => string | null;
}

export interface HeartbeatStats {
  everySeconds: number;
  /** When the receiver last took one; null: not since the start. */
  taken: number | null;
  /** What is wrong with the latest one, after "the heartbeat …"; null when it was taken, or is the first and on its way. */
  problem: string | null;
}

const TIMEOUT = 10_000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #stopping = new AbortController();
  #cancel = () => {};
  #sending: Promise<void> = Promise.resolve();
  #taken: number | null = null;
  /** What came of the latest one. */
  #problem: string | null = null;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  stats(): HeartbeatStats {
    return { everySeconds: this.#options.everyMillis / 1000, taken: this.#taken, problem: this.#problem };
  }

  start(): void {
    this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#sending;
  }

  /** The timer does not wait for the other side: a slow one must not make the pulse slow. */
  #beat(): void {
    this.#sending = Promise.all([this.#sending, this.#send()]).then(() => undefined);
    this.#cancel = this.#options.clock.after(this.#options.everyMillis, () => this.#beat());
  }

  async #send(): Promise<void> {
    const { url, secret, address, clock, log, pulse, withheld, everyMillis } = this.#options;
    const why = withheld();
    if (why !== null) {
      this.#problem = `is withheld: ${why}`;
      log.problem("heartbeat", `the heartbeat ${this.#problem}`);
      return;
    }
    const at = clock.now();
    const body = JSON.stringify({ version: 1, at, everySeconds: everyMillis / 1000, address, ...pulse() });
    const headers = {
      "content-type": "application/json",
      "user-agent": "pinata-monitor",
      ...signedHeaders(secret, body, at),
    };
    const late = new AbortController();
    const cancel = clock.after(TIMEOUT, () => late.abort());
    try {
      mustBeTaken(await post(url, headers, body, AbortSignal.any([late.signal, this.#stopping.signal])), secret);
      this.#taken = clock.now();
      this.#problem = null;
      log.recovered("heartbeat", "the heartbeat is taken");
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const { message } = asChannelError(error);
      this.#problem = `was not taken: its receiver ${message}`;
      log.problem("heartbeat", `the heartbeat's receiver ${message}`);
    } finally {
      cancel();
    }
  }
}
