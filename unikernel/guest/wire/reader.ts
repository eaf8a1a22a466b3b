/**
 * Reader: takes bytes off the front of a view, or fails.
 *
 * Failure is sticky: after the first read past the end every read gives zero or an empty view, `remaining` is 0 (so
 * loops over it end), and `done` is false. A parser therefore reads straight on and asks once: `if (!reader.done)`.
 * No peer's length or count reaches memory without passing here.
 */
import { Bytes } from "bytes";

@final
export class Reader {
  private position: u32 = 0;
  private bad: bool = false;

  constructor(private bytes: Bytes) {}

  /** Bytes left; 0 after a failure. */
  get remaining(): u32 {
    return this.bad ? 0 : this.bytes.length - this.position;
  }

  /** How far this reader has read from the start of its view. */
  get offset(): u32 {
    return this.position;
  }

  /** Whether a read went past the end (or a caller said `fail`). */
  get failed(): bool {
    return this.bad;
  }

  /** Everything was read and nothing failed: what a parser must check last (no trailing bytes). */
  get done(): bool {
    return !this.bad && this.position == this.bytes.length;
  }

  fail(): void {
    this.bad = true;
  }

  u8(): u32 {
    if (!this.has(1)) return 0;
    const value = <u32>this.bytes[this.position];
    this.position += 1;
    return value;
  }

  u16(): u32 {
    if (!this.has(2)) return 0;
    const value = this.bytes.u16be(this.position);
    this.position += 2;
    return value;
  }

  u24(): u32 {
    if (!this.has(3)) return 0;
    const value = this.bytes.u24be(this.position);
    this.position += 3;
    return value;
  }

  u32(): u32 {
    if (!this.has(4)) return 0;
    const value = this.bytes.u32be(this.position);
    this.position += 4;
    return value;
  }

  /** The next `length` bytes as a view; empty on failure. */
  take(length: u32): Bytes {
    if (!this.has(length)) return this.bytes.slice(0, 0);
    const view = this.bytes.slice(this.position, length);
    this.position += length;
    return view;
  }

  /** Everything that is left, as a view. */
  rest(): Bytes {
    return this.take(this.remaining);
  }

  /** A vector with a one-byte length, whose length must be in `[min, max]` (RFC 8446 §3.4). */
  vector8(min: u32, max: u32): Bytes {
    return this.vector(this.u8(), min, max);
  }

  /** A vector with a two-byte length in `[min, max]`. */
  vector16(min: u32, max: u32): Bytes {
    return this.vector(this.u16(), min, max);
  }

  /** A vector with a three-byte length in `[min, max]`. */
  vector24(min: u32, max: u32): Bytes {
    return this.vector(this.u24(), min, max);
  }

  private vector(length: u32, min: u32, max: u32): Bytes {
    if (length < min || length > max) this.bad = true;
    return this.take(length);
  }

  private has(length: u32): bool {
    if (this.bad || length > this.bytes.length - this.position) {
      this.bad = true;
      return false;
    }
    return true;
  }
}
