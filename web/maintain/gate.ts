/**
 * How many wrong tokens are tried on the monitor: `BURST` at once and one more in each `REFILL`, for the whole process, however
 * they come (form or cookie). What goes beyond waits, without being asked about.
 *
 * A flood of wrong tokens must not lock the maintainers out, who share one token: the one that the monitor last took from this
 * process never waits. It is known by a keyed hash in memory, and the monitor is asked about it all the same. So who guesses
 * the token in a flood is not held up; against that stands its length (16 characters at least), not this limit. Until the
 * first good one since the start, the right token waits like the others.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Answer } from "./admin-client.ts";

export const BURST = 10;
/** Milliseconds. */
export const REFILL = 6_000;

/** `seconds` until another one is tried. */
export interface Busy {
  kind: "busy";
  seconds: number;
}

export class Gate {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  #taken: Buffer | undefined;
  #room = BURST;
  /** Since when `#room` is what it is, but for what is taken and given back. */
  #filled: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filled = clock.now();
  }

  /** What `question` answers, or that it was not asked. */
  async ask<T>(token: string, question: (token: string) => Promise<Answer<T>>): Promise<Answer<T> | Busy> {
    const hash = createHmac("sha256", this.#key).update(token).digest();
    const isKnown = this.#taken !== undefined && timingSafeEqual(this.#taken, hash);
    // Room is taken before the question, so that a crowd at once gets no further than one after another.
    if (!isKnown && !this.#take()) {
      return { kind: "busy", seconds: Math.ceil((this.#filled + REFILL - this.#clock.now()) / 1000) };
    }
    const answer = await question(token);
    if (answer.kind === "refused") {
      if (isKnown) this.#taken = undefined;
      return answer;
    }
    if (!isKnown) this.#room = Math.min(BURST, this.#room + 1);
    if (answer.kind !== "silent" && answer.kind !== "tokenless") this.#taken = hash;
    return answer;
  }

  #take(): boolean {
    const now = this.#clock.now();
    const passed = now - this.#filled;
    // A clock that was set back begins anew.
    const refills = passed < 0 ? 0 : Math.floor(passed / REFILL);
    this.#room = Math.min(BURST, this.#room + refills);
    this.#filled = passed < 0 || this.#room === BURST ? now : this.#filled + refills * REFILL;
    if (this.#room === 0) return false;
    this.#room -= 1;
    return true;
  }
}
