/**
 * A clock that stands still until a test moves it; what is due then runs, in order.
 */
import type { Clock } from "../../../web/clock.ts";

export class HandClock implements Clock {
  #now: number;
  #due: { at: number; run: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(millis: number, run: () => void): () => void {
    const entry = { at: this.#now + millis, run };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#due.length;
  }

  advance(millis: number): void {
    const end = this.#now + millis;
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}
