/**
 * Lines out of a stream of bytes, in a queue that is bounded: whoever fills it stops reading from the stream when it says
 * `full`. What was read stays until it is `kept`, so that a store that fails loses nothing while the monitor lives.
 */
import type { Piece } from "./input.ts";
import { MAX_LINE } from "./tail.ts";

/** Bytes of lines that wait in one queue. */
const FULL = 1 << 20;
const PIECE = 262_144;
const NEWLINE = 10;

export class LineQueue {
  readonly #lane: string;
  #waiting: string[] = [];
  /** Read and not kept yet, and what is told with it. */
  #read: Piece | undefined;
  /** About the memory that the lines take. */
  #size = 0;
  #partial: Buffer[] = [];
  #partialSize = 0;
  #skipping = false;
  #tooLong = 0;
  #torn = 0;
  #gaps = 0;

  constructor(lane: string) {
    this.#lane = lane;
  }

  get full(): boolean {
    return this.#size >= FULL;
  }

  get empty(): boolean {
    return !this.#read && this.#waiting.length === 0 && this.#tooLong + this.#torn + this.#gaps === 0;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#part(chunk.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
    this.#part(chunk.subarray(start));
  }

  /** The stream broke off: what was begun will never be finished, and lines may be missing before the next ones. */
  gap(): void {
    if (this.#partialSize > 0 || this.#skipping) this.#torn++;
    this.#clear();
    this.#gaps++;
  }

  read(): Piece | undefined {
    if (this.#read) return this.#read;
    if (this.empty) return undefined;
    let size = 0;
    let count = 0;
    while (count < this.#waiting.length && size < PIECE) size += weight(this.#waiting[count++]!);
    const lines = this.#waiting.splice(0, count);
    this.#read = { lane: this.#lane, lines, tooLong: this.#tooLong, torn: this.#torn, gaps: this.#gaps };
    this.#tooLong = 0;
    this.#torn = 0;
    this.#gaps = 0;
    return this.#read;
  }

  kept(): void {
    for (const line of this.#read?.lines ?? []) this.#size -= weight(line);
    this.#read = undefined;
  }

  /** A part of a line; a line that gets too long is not held. */
  #part(bytes: Buffer): void {
    if (this.#skipping || bytes.length === 0) return;
    if (this.#partialSize + bytes.length > MAX_LINE) {
      this.#clear();
      this.#skipping = true;
      return;
    }
    this.#partial.push(bytes);
    this.#partialSize += bytes.length;
  }

  #finish(): void {
    if (this.#skipping) this.#tooLong++;
    else if (this.#partialSize > 0) {
      const line = this.#partial.length === 1 ? this.#partial[0]! : Buffer.concat(this.#partial);
      const text = line.toString("utf8");
      this.#waiting.push(text);
      this.#size += weight(text);
    }
    this.#clear();
  }

  #clear(): void {
    this.#partial = [];
    this.#partialSize = 0;
    this.#skipping = false;
  }
}

/** Characters, and what a string costs besides: a flood of empty lines is bounded too. */
function weight(line: string): number {
  return line.length + 64;
}
