/** A token bucket: questions go out at a steady rate, after a first burst that a quiet time fills again. */
import type { Clock } from "../../clock.ts";

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

  /** Resolves when the next question may be sent, in the order of the calls. */
  turn(): Promise<void> {
    const now = this.#clock.now();
    this.#next = Math.max(this.#next, now - this.#burst * this.#interval) + this.#interval;
    const wait = this.#next - now;
    if (wait <= 0) return Promise.resolve();
    return new Promise((resolve) => void this.#clock.after(wait, resolve));
  }
}
