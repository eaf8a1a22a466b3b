/**
 * Which attempts of a piñata get a row when there are more of them than a stated number a second, by the piñata's own
 * clock: a half of the rows goes to the first ones of the second, a half is drawn evenly from the rest, and whoever gets
 * further than all that were kept, or opens the piñata, is kept on top. This decides about rows only; everything is counted.
 */
export interface SamplerOptions {
  perSecond: number;
  /** 0 ≤ r < 1. */
  random: () => number;
}

/** Attempts kept for how far they got, in one second, at most. */
const MAX_PROMOTED = 20;
/** Authenticated: so far nobody gets who only knocks. */
const ALWAYS = 5;
/** A clock that was set back by more than this begins anew. */
const BACK_SECONDS = 5;

export class Sampler {
  readonly #options: SamplerOptions;
  #second = Number.NEGATIVE_INFINITY;
  #begun = 0;
  #before = 0;
  #kept = 0;
  #promoted = 0;
  #furthest = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** An attempt began at `time`: whether it is kept whatever becomes of it. */
  begin(time: number): boolean {
    this.#turn(Math.floor(time / 1000));
    this.#begun++;
    const { perSecond, random } = this.#options;
    if (this.#kept >= perSecond) return false;
    const first = Math.ceil(perSecond / 2);
    // The rest of this second is about as many as came in the one before.
    if (this.#kept >= first && random() * (this.#before - first) >= perSecond - first) return false;
    this.#kept++;
    return true;
  }

  /** A kept attempt got as far as `state`. */
  reached(state: number): void {
    this.#furthest = Math.max(this.#furthest, state);
  }

  /** An attempt that is not kept got as far as `state`: whether it is from now on. */
  promotes(state: number): boolean {
    if (this.#promoted >= MAX_PROMOTED) return false;
    if (state <= this.#furthest && state < ALWAYS) return false;
    this.#promoted++;
    this.reached(state);
    return true;
  }

  #turn(second: number): void {
    if (second <= this.#second && second >= this.#second - BACK_SECONDS) return;
    this.#before = second === this.#second + 1 ? this.#begun : 0;
    this.#second = second;
    this.#begun = 0;
    this.#kept = 0;
    this.#promoted = 0;
    this.#furthest = 0;
  }
}
