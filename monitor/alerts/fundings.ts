/**
 * Anyone can pay the piñata, or seem about to: dust and payments that are taken back cost little. Since a channel is served
 * in order, a flood of such alerts would hold up the one that matters; so many an hour are told one by one, then only
 * that there are many.
 */
import type { Condition } from "./conditions.ts";
import type { Draft } from "./kinds.ts";
import { words } from "./texts.ts";

/** Fundings told one by one within an hour. */
export const FUNDINGS_AN_HOUR = 20;
const HOUR = 3_600_000;

export class Fundings {
  readonly #monotonic: () => number;
  /** When each of the hour's was told. */
  #told: number[] = [];
  #withheld: number | undefined;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** The drafts without fundings beyond the hour's number. */
  limit(drafts: readonly Draft[]): Draft[] {
    const now = this.#monotonic();
    this.#told = this.#told.filter((at) => now - at < HOUR);
    let room = FUNDINGS_AN_HOUR - this.#told.length;
    return drafts.filter((draft) => {
      if (!isFunding(draft) || room-- > 0) return true;
      this.#withheld = now;
      return false;
    });
  }

  /** These were written. */
  count(drafts: readonly Draft[]): void {
    const now = this.#monotonic();
    this.#told.push(...drafts.filter(isFunding).map(() => now));
  }

  look(): Condition {
    const many = this.#withheld !== undefined && this.#monotonic() - this.#withheld < HOUR;
    return {
      topic: "fundings",
      kind: "funding-many",
      state: many ? "on" : "off",
      words: () => (many ? words.fundingMany(FUNDINGS_AN_HOUR) : words.fundingFew()),
    };
  }
}

function isFunding({ kind }: Draft): boolean {
  return kind !== "funding-many" && kind.startsWith("funding-");
}
