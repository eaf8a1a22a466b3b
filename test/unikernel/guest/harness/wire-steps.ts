/**
 * Harness of the fuzz target `wire`: plays the steps of an input on Reader, Writer and Bytes over the input's own bytes, beside the slow
 * model of wire-model.ts.
 *
 * It guarantees: what every step says and leaves is what the model expects; what was written is read back, and neither with a byte less nor
 * with one more; no other byte of the memory around has changed. A step that must trap ends the input: the host then calls `trespass`.
 *
 * Input: u16 capacity of the writer, u16 count and that many bytes, then steps: a byte whose low half is the `Step` and whose high half
 * chooses a width or a kind, and operands.
 */
import { Bytes } from "bytes";
import { Reader } from "../../../../unikernel/guest/wire/reader";
import { Writer } from "../../../../unikernel/guest/wire/writer";
import { log, logged, MOST_STEPS, readsBack, Step, setLength, widthOf } from "./wire-log";
import { copy, fits, get, isLittle, Level, loadBy, readInteger, set, storeBy, vector, widthOfKind } from "./wire-model";

/** What `play` answers; from `Value` on it is a finding. The host has their words. */
enum Outcome {
  Agreed,
  MustTrap,
  Value,
  View,
  Progress,
  Memory,
  RoundTrip,
}

const INPUT_LENGTH: u32 = 4096;
/** Bytes on both sides of the writer's, which nobody may touch. */
const GUARD_LENGTH: u32 = 32;
const GUARD: u8 = 0xee;
const MOST_CAPACITY: u32 = 1024;
const OUT_AT: u32 = INPUT_LENGTH + GUARD_LENGTH;
const ALL: u32 = OUT_AT + MOST_CAPACITY + GUARD_LENGTH;
/** The kind of accesses that are of whole views: `equals` and `put`. */
const WHOLE: u32 = 7;

/** All memory that steps may see, and what the model has for it. */
const BLOCK = Bytes.alloc(ALL);
const MODEL = new StaticArray<u8>(ALL);
const NOTHING = BLOCK.slice(0, 0);

let outcome: Outcome = Outcome.Agreed;
/** The input that is left. */
let at: u32 = 0;
let end: u32 = 0;
let level: Level = new Level(new Reader(NOTHING), 0, 0, null);
/** The view that was made last and the one before it, and where the model has them. */
let view: Bytes = NOTHING;
let viewAt: u32 = 0;
let other: Bytes = NOTHING;
let otherAt: u32 = 0;
/** The number that was read last. */
let value: u64 = 0;
let writer: Writer = new Writer(NOTHING);
let capacity: u32 = 0;
let written: u32 = 0;
/** Vectors that are open: their places in the log, and where their contents begin. */
const openLog = new StaticArray<u32>(MOST_STEPS);
const openAt = new StaticArray<u32>(MOST_STEPS);
let open: u32 = 0;
/** The step that must trap, and its arguments. */
let wrongStep: Step = Step.Rest;
let wrongA: u32 = 0;
let wrongB: u32 = 0;

export function input(): usize {
  return BLOCK.address;
}
export function inputSize(): u32 {
  return INPUT_LENGTH;
}

/** Plays the `length` bytes of the input; once in an instance. */
export function play(length: u32): u32 {
  for (let i: u32 = 0; i < length; i++) MODEL[i] = BLOCK[i];
  for (let i = INPUT_LENGTH; i < ALL; i++) {
    BLOCK[i] = GUARD;
    MODEL[i] = GUARD;
  }
  end = length;
  capacity = min(<u32>number(2), MOST_CAPACITY);
  const given = min(<u32>number(2), end - at);
  level = new Level(new Reader(BLOCK.slice(at, given)), at, given, null);
  look(BLOCK.slice(at, given), at, given);
  writer = new Writer(BLOCK.slice(OUT_AT, capacity));
  at += given;
  for (let i: u32 = 0; i < MOST_STEPS && at < end && outcome == Outcome.Agreed; i++) step();
  while (open > 0 && outcome == Outcome.Agreed) close();
  if (outcome == Outcome.Agreed) finish();
  return outcome;
}

/** Does what `play` has found to lie outside: returns only when nothing has stopped it. */
export function trespass(): void {
  if (wrongStep == Step.Write || wrongStep == Step.Open) write(wrongStep, wrongA, wrongB);
  else if (wrongStep == Step.Put) writer.put(view);
  else if (wrongStep == Step.Close) writeLength(wrongA, wrongB);
  else if (wrongStep == Step.Slice) view.slice(wrongA, wrongB);
  else if (wrongStep == Step.Take) Bytes.empty().aim(view, wrongA, wrongB);
  else if (wrongStep == Step.From) view.from(wrongA);
  else if (wrongStep == Step.Load) loadBy(view, wrongA, wrongB);
  else if (wrongStep == Step.Store) storeKind(wrongA, wrongB);
}

function step(): void {
  const op = <u32>number(1);
  const kind = op >> 4;
  const width = 1 + (kind & 3);
  const vectorWidth = 1 + (kind % 3);
  const length = view.length;
  switch (op & 15) {
    case Step.Integer: {
      const from = level.here;
      const expected = level.takes(width) ? get(MODEL, from, width, false) : 0;
      value = <u64>readInteger(level.reader, width);
      agree(value == expected, Outcome.Value);
      break;
    }
    case Step.Take: {
      const n = operand(level.left, level.position);
      taken(level.reader.take(n), n);
      break;
    }
    case Step.Rest:
      taken(level.reader.rest(), level.left);
      break;
    case Step.Vector: {
      const least = operand(0, 0);
      const most = operand(level.left, level.position);
      const from = level.here;
      const n = level.takes(vectorWidth) ? <u32>get(MODEL, from, vectorWidth, false) : 0;
      if (n < least || n > most) level.failed = true;
      taken(vector(level.reader, vectorWidth, least, most), n);
      break;
    }
    case Step.Fail:
      level.reader.fail();
      level.failed = true;
      break;
    case Step.Nest:
      level = new Level(new Reader(view), viewAt, length, level);
      break;
    case Step.Leave: {
      const below = level.below;
      if (below !== null) level = below;
      break;
    }
    case Step.Literal:
      value = number(4);
      break;
    case Step.Write:
      writeNumber(Step.Write, width, <u32>value);
      break;
    case Step.Put:
      if (!inside(Step.Put, written, length, capacity, 0, 0)) break;
      copy(MODEL, OUT_AT + written, viewAt, length);
      writer.put(view);
      log(Step.Put, 0, length);
      written += length;
      break;
    case Step.Open:
      openLog[open] = logged();
      if (!writeNumber(Step.Open, vectorWidth, 0)) break;
      openAt[open] = written;
      open += 1;
      break;
    case Step.Close:
      if (open > 0) close();
      break;
    case Step.Slice: {
      const start = operand(length, 0);
      const n = operand(length - start, start);
      const aimed = (kind & 1) != 0;
      if (!inside(aimed ? Step.Take : Step.Slice, start, n, length, start, n)) break;
      look(aimed ? Bytes.empty().aim(view, start, n) : view.slice(start, n), viewAt + start, n);
      break;
    }
    case Step.From: {
      const start = operand(length, 0);
      if (inside(Step.From, start, 0, length, start, 0)) look(view.from(start), viewAt + start, length - start);
      break;
    }
    case Step.Load:
      fetch(kind & 7);
      break;
    case Step.Store:
      keep(kind & 7);
      break;
  }
  agree(level.isAgreed && writer.length == written, Outcome.Progress);
}

// --- what a step does and is expected to do ---

/** The Reader has given `got` for the next `n` bytes. */
function taken(got: Bytes, n: u32): void {
  const from = level.here;
  const has = level.takes(n);
  look(got, has ? from : level.start, has ? n : 0);
}

/** A view was made, and must be `[start, start + length)` of the memory. */
function look(made: Bytes, start: u32, length: u32): void {
  other = view;
  otherAt = viewAt;
  view = made;
  viewAt = start;
  agree(made.address == BLOCK.address + start && made.length == length, Outcome.View);
}

function writeNumber(how: Step, width: u32, written32: u32): bool {
  if (!inside(how, written, width, capacity, width, written32)) return false;
  set(MODEL, OUT_AT + written, width, false, <u64>written32);
  write(how, width, written32);
  log(how, width, width == 4 ? written32 : written32 & (((<u32>1) << (8 * width)) - 1));
  written += width;
  return true;
}

/** Closes the vector that was opened last: its length must fit the room that was left for it. */
function close(): void {
  const begins = openAt[open - 1];
  const width = widthOf(openLog[open - 1]);
  const length = written - begins;
  if (width == 1 && !inside(Step.Close, length, 0, 0xff, width, begins)) return;
  open -= 1;
  set(MODEL, OUT_AT + begins - width, width, false, <u64>length);
  writeLength(width, begins);
  setLength(openLog[open], length);
  log(Step.Close, width, length);
}

function fetch(kind: u32): void {
  if (kind == WHOLE) {
    let same = view.length == other.length;
    for (let i: u32 = 0; same && i < view.length; i++) same = MODEL[viewAt + i] == MODEL[otherAt + i];
    agree(view.equals(other) == same, Outcome.Value);
    return;
  }
  const i = operand(view.length - widthOfKind(kind), 0);
  if (!inside(Step.Load, i, widthOfKind(kind), view.length, kind, i)) return;
  value = loadBy(view, kind, i);
  agree(value == get(MODEL, viewAt + i, widthOfKind(kind), isLittle(kind)), Outcome.Value);
}

function keep(kind: u32): void {
  const width = kind == WHOLE ? other.length : widthOfKind(kind);
  const i = operand(view.length - width, 0);
  if (!inside(Step.Store, i, width, view.length, kind, i)) return;
  if (kind == WHOLE) copy(MODEL, viewAt + i, otherAt, width);
  else set(MODEL, viewAt + i, width, isLittle(kind), value);
  storeKind(kind, i);
}

/** Whether `[start, start + length)` is inside of `size`; if not, the step with its arguments is what must trap. */
function inside(what: Step, start: u32, length: u32, size: u32, a: u32, b: u32): bool {
  if (fits(start, length, size)) return true;
  agree(false, Outcome.MustTrap);
  wrongStep = what;
  wrongA = a;
  wrongB = b;
  return false;
}

function agree(holds: bool, otherwise: Outcome): void {
  if (!holds && outcome == Outcome.Agreed) outcome = otherwise;
}

// --- the end of an input ---

/** No byte is another than the model has it, and what was written reads back. */
function finish(): void {
  let same = true;
  for (let i: u32 = 0; i < ALL; i++) if (BLOCK[i] != MODEL[i]) same = false;
  agree(same, Outcome.Memory);
  const all = writer.written();
  agree(all.address == BLOCK.address + OUT_AT && all.length == written, Outcome.View);
  for (let length = max<u32>(written, 1) - 1; length <= written + 1; length++) {
    agree(readsBack(BLOCK.slice(OUT_AT, length)) == (length == written), Outcome.RoundTrip);
  }
}

// --- the input ---

/** A number of the input; past its end everything reads as zero. */
function number(width: u32): u64 {
  let read: u64 = 0;
  for (let i: u32 = 0; i < width; i++) {
    read <<= 8;
    if (at < end) read |= <u64>BLOCK[at++];
  }
  return read;
}

/** A small number as it is, or one at an edge: `left` bytes are left where a step begins at `from`. */
function operand(left: u32, from: u32): u32 {
  const small = <u32>number(1);
  if (small < 0xf0) return small;
  switch (small & 7) {
    case 0:
      return left;
    case 1:
      return left + 1;
    case 2:
      return left - 1;
    case 3:
      return 0x7fffffff;
    case 4:
      return 0x80000000;
    case 5:
      return 0xffffffff;
    case 6:
      return 0 - from;
    default:
      return <u32>number(4);
  }
}

// --- the operations by number ---

function write(how: Step, width: u32, number32: u32): void {
  if (how == Step.Open) {
    if (width == 1) writer.open8();
    else if (width == 2) writer.open16();
    else writer.open24();
  } else if (width == 1) writer.u8(number32);
  else if (width == 2) writer.u16(number32);
  else if (width == 3) writer.u24(number32);
  else writer.u32(number32);
}

function writeLength(width: u32, opened: u32): void {
  if (width == 1) writer.close8(opened);
  else if (width == 2) writer.close16(opened);
  else writer.close24(opened);
}

function storeKind(kind: u32, i: u32): void {
  if (kind == WHOLE) view.put(i, other);
  else storeBy(view, kind, i, value);
}
