/**
 * Cuts a stream of bytes into lines (ended by LF) and never holds more of one than it may be long, in one buffer that
 * grows by doubling, so that a peer that sends single bytes costs no more than their number.
 */

export class LineReader {
  readonly #limit: () => number;
  #held = Buffer.alloc(FIRST);
  #length = 0;

  /** `limit`: bytes that the line which is coming in may have, asked anew for each line and each chunk. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** A line has begun and not ended. */
  get inLine(): boolean {
    return this.#length > 0;
  }

  /** Calls `line` for each line that ends in `chunk`, in order; false when one is too long, which ends the stream. */
  take(chunk: Buffer, line: (text: string) => void): boolean {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(LF);
      const more = end < 0 ? rest : rest.subarray(0, end);
      if (this.#length + more.length > this.#limit()) return false;
      this.#hold(more);
      if (end < 0) return true;
      const text = this.#held.toString("utf8", 0, this.#length);
      this.#length = 0;
      if (this.#held.length > KEPT) this.#held = Buffer.alloc(FIRST);
      rest = rest.subarray(end + 1);
      line(text);
    }
  }

  #hold(more: Buffer): void {
    const length = this.#length + more.length;
    if (length > this.#held.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    more.copy(this.#held, this.#length);
    this.#length = length;
  }
}

const LF = 0x0a;
const FIRST = 4096;
/** A buffer that a long line has made larger than this is given back. */
const KEPT = 65_536;
