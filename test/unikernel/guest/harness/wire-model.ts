/**
 * The model that wire-steps.ts holds guest/wire and guest/prim to: memory is one array, numbers are put together byte by byte, and whether
 * something lies inside is asked of sums of 64 bits. Slow, and written to be seen to be right.
 */
import { Bytes } from "bytes";
import { Reader } from "../../../../unikernel/guest/wire/reader";

/** What a Reader must be: the part of the memory that it reads, how far it is, whether it has failed. And the one that it was cut from. */
@final
export class Level {
  position: u32 = 0;
  failed: bool = false;

  constructor(
    readonly reader: Reader,
    readonly start: u32,
    readonly length: u32,
    readonly below: Level | null,
  ) {}

  /** Where in the memory the next byte is. */
  get here(): u32 {
    return this.start + this.position;
  }

  get left(): u32 {
    return this.failed ? 0 : this.length - this.position;
  }

  /** Goes on by `length` bytes, or fails and stays. */
  takes(length: u32): bool {
    if (this.failed || !fits(this.position, length, this.length)) {
      this.failed = true;
      return false;
    }
    this.position += length;
    return true;
  }

  /** Whether the Reader says the same about itself. */
  get isAgreed(): bool {
    const reader = this.reader;
    if (reader.offset != this.position || reader.failed != this.failed || reader.remaining != this.left) return false;
    return reader.done == (!this.failed && this.position == this.length);
  }
}

/** Whether `[start, start + length)` is inside of `size` bytes. */
export function fits(start: u32, length: u32, size: u32): bool {
  return <u64>start + <u64>length <= <u64>size;
}

/** The number of `width` bytes at `at`. */
export function get(memory: StaticArray<u8>, at: u32, width: u32, little: bool): u64 {
  let number: u64 = 0;
  for (let i: u32 = 0; i < width; i++) number = (number << 8) | <u64>memory[little ? at + width - 1 - i : at + i];
  return number;
}

export function set(memory: StaticArray<u8>, at: u32, width: u32, little: bool, number: u64): void {
  for (let i: u32 = 0; i < width; i++) {
    memory[little ? at + i : at + width - 1 - i] = <u8>(number >> (8 * i));
  }
}

/** Copies as if through a third place. */
export function copy(memory: StaticArray<u8>, to: u32, from: u32, length: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    const k = to <= from ? i : length - 1 - i;
    memory[to + k] = memory[from + k];
  }
}

/** The Reader's method for a width. */
export function readInteger(reader: Reader, width: u32): u32 {
  if (width == 1) return reader.u8();
  if (width == 2) return reader.u16();
  return width == 3 ? reader.u24() : reader.u32();
}

/** The Reader's vector with a length of `width` bytes. */
export function vector(reader: Reader, width: u32, least: u32, most: u32): Bytes {
  if (width == 1) return reader.vector8(least, most);
  return width == 2 ? reader.vector16(least, most) : reader.vector24(least, most);
}

/** Width of the access of a kind, 0 to 6: one to four and eight bytes big-endian, then four and eight little-endian. */
export function widthOfKind(kind: u32): u32 {
  if (kind < 4) return kind + 1;
  return kind == 5 ? 4 : 8;
}

export function isLittle(kind: u32): bool {
  return kind >= 5;
}

/** The method of Bytes that reads a number of this kind. */
export function loadBy(view: Bytes, kind: u32, i: u32): u64 {
  switch (kind) {
    case 0:
      return <u64>view[i];
    case 1:
      return <u64>view.u16be(i);
    case 2:
      return <u64>view.u24be(i);
    case 3:
      return <u64>view.u32be(i);
    case 4:
      return view.u64be(i);
    case 5:
      return <u64>view.u32le(i);
    default:
      return view.u64le(i);
  }
}

/** The method of Bytes that writes a number of this kind. */
export function storeBy(view: Bytes, kind: u32, i: u32, number: u64): void {
  switch (kind) {
    case 0:
      view[i] = <u8>number;
      break;
    case 1:
      view.putU16be(i, <u32>number);
      break;
    case 2:
      view.putU24be(i, <u32>number);
      break;
    case 3:
      view.putU32be(i, <u32>number);
      break;
    case 4:
      view.putU64be(i, number);
      break;
    case 5:
      view.putU32le(i, <u32>number);
      break;
    default:
      view.putU64le(i, number);
  }
}
