/**
 * What comes out of a machine, a byte stream that nobody vouches for, sorted into trace events and lines for humans. A line
 * counts as a trace event only when the schema accepts it. Neither an endless line nor a flood costs more than a
 * few kilobytes of memory, and lines for humans are thinned out so that they cannot fill the disk with log.
 */
import { parseTraceLine, type TraceEvent } from "../../unikernel/trace.ts";

/** Bytes; the longest trace line that the schema allows is about half as long. */
export const LONGEST_LINE = 4096;
/** Lines for humans at once, and how many more each second. */
const BURST = 200;
const LINES_PER_SECOND = 5;

export interface SerialSink {
  trace(event: TraceEvent): void;
  /** Printable ASCII, at most {@link LONGEST_LINE} characters. */
  said(line: string): void;
}

export class Serial {
  private readonly line = Buffer.alloc(LONGEST_LINE);
  private length = 0;
  private overlong = false;
  private allowance = BURST;
  private refilled: number;
  private leftOut = 0;

  constructor(
    private readonly sink: SerialSink,
    private readonly clock: () => number = Date.now,
  ) {
    this.refilled = clock();
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(0x0a, from);
      this.gather(bytes.subarray(from, end === -1 ? bytes.length : end));
      if (end === -1) return;
      this.finish();
      from = end + 1;
    }
  }

  /** The stream is over: what has come of the last line counts as one. */
  end(): void {
    if (this.length > 0 || this.overlong) this.finish();
    if (this.leftOut > 0) this.sink.said(`(${this.leftOut} lines are left out)`);
    this.leftOut = 0;
  }

  private gather(part: Uint8Array): void {
    if (this.overlong || part.length > LONGEST_LINE - this.length) {
      this.overlong = true;
      return;
    }
    this.line.set(part, this.length);
    this.length += part.length;
  }

  private finish(): void {
    const text = this.line.toString("latin1", 0, this.length);
    const overlong = this.overlong;
    this.length = 0;
    this.overlong = false;
    if (overlong) {
      this.say(`(a line of more than ${LONGEST_LINE} bytes is left out)`);
      return;
    }
    const event = text.startsWith("{") ? parseTraceLine(text) : undefined;
    const printable = text.replace(/\r$/, "").replace(/[^\x20-\x7e]/g, "?");
    if (event !== undefined) this.sink.trace(event);
    else if (printable.trim() !== "") this.say(printable);
  }

  private say(line: string): void {
    const now = this.clock();
    // A clock that is set back gives nothing.
    this.allowance = Math.min(BURST, this.allowance + (Math.max(0, now - this.refilled) * LINES_PER_SECOND) / 1000);
    this.refilled = now;
    if (this.allowance < 1) {
      this.leftOut++;
      return;
    }
    this.allowance--;
    if (this.leftOut > 0) this.sink.said(`(${this.leftOut} lines are left out)`);
    this.leftOut = 0;
    this.sink.said(line);
  }
}
