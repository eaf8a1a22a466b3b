/** A token bucket: questions go out at a steady rate, after a first burst that a quiet time fills again. */
import type { Clock } from "../clock.ts";

export class Pace {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #burst: number;
  /** When the next one would go if there was no burst. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, { perSecond, burst }: { perSecond: number; burst: number }) {
    this.#clock = clock;
    this.#interval = 1000 / perSecond;
    this.#burst = burst;
  }

  /** Milliseconds until the next question may be sent. */
  get wait(): number {
    const now = this.#clock.now();
    return Math.max(0, Math.max(this.#next, now - this.#burst * this.#interval) + this.#interval - now);
  }

  /** Questions that may be sent now. */
  get left(): number {
    return Math.floor(Math.min(this.#burst, Math.max(0, (this.#clock.now() - this.#next) / this.#interval)));
  }

  /**
   * Resolves when the next question may be sent, in the order of the calls; with false, at once and without a place
   * in the queue, when that is more than `within` milliseconds away.
   */
  turn(within = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { wait } = this;
    if (wait > within) return Promise.resolve(false);
    const now = this.#clock.now();
    this.#next = Math.max(this.#next, now - this.#burst * this.#interval) + this.#interval;
    if (wait === 0) return Promise.resolve(true);
    return new Promise((resolve) => void this.#clock.after(wait, () => resolve(true)));
  }

  /** Takes what is left of the burst. */
  drain(): void {
    this.#next = Math.max(this.#next, this.#clock.now());
  }
}
