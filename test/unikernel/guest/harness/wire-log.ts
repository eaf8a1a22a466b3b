/**
 * What wire-steps.ts has written, step by step, and whether a Reader finds just that again: vectors nested as they were opened, each read to
 * its end.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Reader } from "../../../../unikernel/guest/wire/reader";
import { Level, readInteger, vector } from "./wire-model";

/** The steps of an input, by number. */
export enum Step {
  Integer,
  Take,
  Rest,
  Vector,
  Fail,
  Nest,
  Leave,
  Literal,
  Write,
  Put,
  Open,
  Close,
  Slice,
  From,
  Load,
  Store,
}
export const MOST_STEPS: u32 = 200;

/** Every step may write once, and every vector that it opened is closed. */
const MOST_ENTRIES: u32 = MOST_STEPS * 2;
const steps = new StaticArray<u32>(MOST_ENTRIES);
const widths = new StaticArray<u32>(MOST_ENTRIES);
/** A number that was written, or the length of bytes or of a vector. */
const values = new StaticArray<u32>(MOST_ENTRIES);
let count: u32 = 0;

export function log(step: Step, width: u32, value: u32): void {
  steps[count] = step;
  widths[count] = width;
  values[count] = value;
  count += 1;
}

/** The place of the next entry. */
export function logged(): u32 {
  return count;
}

export function widthOf(entry: u32): u32 {
  return widths[entry];
}

/** The length of a vector, known when it is closed. */
export function setLength(entry: u32, length: u32): void {
  values[entry] = length;
}

/** Whether a Reader over `bytes` finds what was written, and nothing more. */
export function readsBack(bytes: Bytes): bool {
  const scope = mark();
  const found = parse(bytes, new Level(new Reader(bytes), 0, 0, null));
  release(scope);
  return found;
}

/** Bytes are the right ones when they are in the right place: the caller holds the memory to its model. */
function parse(bytes: Bytes, outer: Level): bool {
  let reading = outer;
  let at: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const width = widths[i];
    const value = values[i];
    switch (steps[i]) {
      case Step.Write:
        if (readInteger(reading.reader, width) != value) return false;
        at += width;
        break;
      case Step.Put: {
        const piece = reading.reader.take(value);
        if (piece.length != value || piece.address != bytes.address + at) return false;
        at += value;
        break;
      }
      case Step.Open:
        reading = new Level(new Reader(vector(reading.reader, width, value, value)), 0, 0, reading);
        at += width;
        break;
      case Step.Close: {
        const below = reading.below;
        if (!reading.reader.done || below === null) return false;
        reading = below;
        break;
      }
    }
  }
  return reading.reader.done;
}
