/**
 * Writer: appends to a view of fixed size. Writing past its end is our own bug (we size our messages), so it traps.
 *
 * `open8/16/24` leave room for a length and `close` fills it in with what was written since, so that a length can
 * never disagree with its contents.
 */
import { Bytes } from "bytes";

@final
export class Writer {
  private position: u32 = 0;

  constructor(private bytes: Bytes) {}

  /** Bytes written so far. */
  get length(): u32 {
    return this.position;
  }

  /** What was written, as a view of the same memory. */
  written(): Bytes {
    return this.bytes.slice(0, this.position);
  }

  u8(value: u32): void {
    this.bytes[this.position] = <u8>value;
    this.position += 1;
  }

  u16(value: u32): void {
    this.bytes.putU16be(this.position, value);
    this.position += 2;
  }

  u24(value: u32): void {
    this.bytes.putU24be(this.position, value);
    this.position += 3;
  }

  u32(value: u32): void {
    this.bytes.putU32be(this.position, value);
    this.position += 4;
  }

  put(source: Bytes): void {
    this.bytes.put(this.position, source);
    this.position += source.length;
  }

  /** Room for a length of 1, 2 or 3 bytes; hand the result to the `close` of the same width. */
  open8(): u32 {
    this.u8(0);
    return this.position;
  }

  open16(): u32 {
    this.u16(0);
    return this.position;
  }

  open24(): u32 {
    this.u24(0);
    return this.position;
  }

  close8(opened: u32): void {
    const length = this.position - opened;
    assert(length <= 0xff);
    this.bytes[opened - 1] = <u8>length;
  }

  close16(opened: u32): void {
    const length = this.position - opened;
    assert(length <= 0xffff);
    this.bytes.putU16be(opened - 2, length);
  }

  close24(opened: u32): void {
    const length = this.position - opened;
    assert(length <= 0xffffff);
    this.bytes.putU24be(opened - 3, length);
  }
}
