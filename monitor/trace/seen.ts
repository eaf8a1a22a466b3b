/**
 * Which connection numbers of a boot have begun, as ranges: so that a line that comes twice (a trace sent again from its
 * start, or over two inputs) is counted once. Bounded: with too many gaps the oldest one is closed, and what was missing
 * there is taken as seen.
 */
export type Range = readonly [first: number, last: number];

const MAX_RANGES = 256;

export class Seen {
  /** In order, neither touching nor overlapping. */
  #ranges: [number, number][];

  constructor(ranges: readonly Range[] = []) {
    this.#ranges = ranges.map(([first, last]) => [first, last]);
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** How many numbers up to the highest were not seen. */
  get missing(): number {
    let end = 0;
    let missing = 0;
    for (const [first, last] of this.#ranges) {
      missing += first - end - 1;
      end = last;
    }
    return missing;
  }

  has(number: number): boolean {
    const range = this.#ranges[this.#before(number)];
    return range !== undefined && number <= range[1];
  }

  /** false when it was there already. */
  add(number: number): boolean {
    const at = this.#before(number);
    const before = this.#ranges[at];
    const after = this.#ranges[at + 1];
    if (before && number <= before[1]) return false;
    const joinsBefore = before !== undefined && before[1] === number - 1;
    const joinsAfter = after !== undefined && after[0] === number + 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.#ranges.splice(at + 1, 1);
    } else if (joinsBefore) before[1] = number;
    else if (joinsAfter) after[0] = number;
    else this.#ranges.splice(at + 1, 0, [number, number]);
    if (this.#ranges.length > MAX_RANGES) {
      const [[first], [, last]] = this.#ranges.splice(0, 2) as [[number, number], [number, number]];
      this.#ranges.unshift([first, last]);
    }
    return true;
  }

  /** The last range that begins at or before the number; -1 when there is none. Most often it is the last of all. */
  #before(number: number): number {
    let at = this.#ranges.length - 1;
    while (at >= 0 && this.#ranges[at]![0] > number) at--;
    return at;
  }
}
