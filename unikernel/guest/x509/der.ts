/**
 * Der: a cursor over DER (ITU-T X.690 §8, §10, §11), the strict subset that certificates use.
 *
 * Guarantees: exact tags, definite and minimal lengths up to 65,535 bytes, nothing left over inside an element that
 * was entered, no recursion (a fixed stack of {@link MAX_DEPTH} open elements), and no allocation after construction.
 * Failure is sticky, as in wire/reader.ts: after it every read gives zero or an empty view and `more` is false, so
 * loops end and a parser asks once, at the end, for `done`.
 */
import { Bytes } from "bytes";

/** What `peek` answers where no element follows. No tag has this value. */
export const NO_TAG: u32 = 0x100;

export const BOOLEAN: u32 = 0x01;
export const INTEGER: u32 = 0x02;
export const BIT_STRING: u32 = 0x03;
export const OCTET_STRING: u32 = 0x04;
export const OBJECT_IDENTIFIER: u32 = 0x06;
export const UTF8_STRING: u32 = 0x0c;
export const PRINTABLE_STRING: u32 = 0x13;
export const IA5_STRING: u32 = 0x16;
export const UTC_TIME: u32 = 0x17;
export const GENERALIZED_TIME: u32 = 0x18;
export const SEQUENCE: u32 = 0x30;
export const SET: u32 = 0x31;
/** `[0] … [8]` of the class "context-specific": add the number. */
export const CONTEXT: u32 = 0x80;
export const CONTEXT_CONSTRUCTED: u32 = 0xa0;

/** Elements that may be open at once; a certificate of our profile needs eleven. */
export const MAX_DEPTH: u32 = 16;

@final
export class Der {
  private bytes: Bytes = Bytes.empty();
  private position: u32 = 0;
  /** End of the innermost open element. */
  private end: u32 = 0;
  private bad: bool = false;
  private depth: u32 = 0;
  private ends: StaticArray<u32> = new StaticArray<u32>(<i32>MAX_DEPTH);

  /** Starts over on `bytes`, which must stay as they are while the cursor and the views it hands out are in use. */
  open(bytes: Bytes): void {
    this.bytes.aim(bytes, 0, bytes.length);
    this.position = 0;
    this.end = bytes.length;
    this.bad = false;
    this.depth = 0;
  }

  /** Whether another element follows inside the one that is open. */
  get more(): bool {
    return !this.bad && this.position < this.end;
  }

  /** Everything was read, everything entered was left, and nothing failed. */
  get done(): bool {
    return !this.bad && this.depth == 0 && this.position == this.end;
  }

  get failed(): bool {
    return this.bad;
  }

  fail(): void {
    this.bad = true;
  }

  /** The next element's tag, or {@link NO_TAG}. */
  peek(): u32 {
    return this.more ? <u32>this.bytes[this.position] : NO_TAG;
  }

  /** Where the next element starts; hand it to {@link span} later. */
  get offset(): u32 {
    return this.position;
  }

  /** Aims `into` at everything read since `start`, headers included. */
  span(start: u32, into: Bytes): void {
    if (this.bad) into.aim(this.bytes, 0, 0);
    else into.aim(this.bytes, start, this.position - start);
  }

  /** Opens the next element, which must have this tag: what follows is read from inside it until {@link leave}. */
  enter(tag: u32): void {
    const length = this.header(tag);
    if (this.depth == MAX_DEPTH) this.bad = true;
    if (this.bad) return;
    this.ends[this.depth] = this.end;
    this.depth += 1;
    this.end = this.position + length;
  }

  /** Closes the innermost open element; fails when anything in it was not read. */
  leave(): void {
    if (this.position != this.end) this.bad = true;
    if (this.bad) return;
    this.depth -= 1;
    this.end = this.ends[this.depth];
  }

  /** Reads the next element, which must have this tag, and aims `into` at its contents (header excluded). */
  value(tag: u32, into: Bytes): void {
    const length = this.header(tag);
    if (this.bad) {
      into.aim(this.bytes, 0, 0);
      return;
    }
    into.aim(this.bytes, this.position, length);
    this.position += length;
  }

  /** The same as {@link value}, header included. */
  whole(tag: u32, into: Bytes): void {
    const start = this.position;
    this.value(tag, into);
    this.span(start, into);
  }

  /** Passes over one element of any type without looking inside; its tag and length are checked. */
  skip(): void {
    const tag = this.peek();
    if ((tag & 0x1f) == 0x1f) this.bad = true;
    // Not `position += header(…)`: the header moves the position itself.
    const length = this.header(tag);
    this.position += length;
  }

  /** A BOOLEAN where FALSE is the default, so that only TRUE may be written out, as 0xff (X.690 §11.1, §11.5). */
  onlyTrue(): void {
    if (this.header(BOOLEAN) != 1) this.bad = true;
    if (this.bad) return;
    if (this.bytes[this.position] != 0xff) this.bad = true;
    this.position += 1;
  }

  /** An INTEGER from 0 to 2^31 - 1, minimal. */
  smallInteger(): u32 {
    const value = SCRATCH;
    this.integer(value);
    if (value.length > 4) this.bad = true;
    if (this.bad) return 0;
    let number: u32 = 0;
    for (let i: u32 = 0; i < value.length; i++) number = (number << 8) | <u32>value[i];
    return number;
  }

  /** An INTEGER of any size, minimal and not negative (X.690 §8.3.2): aims `into` at its contents. */
  integer(into: Bytes): void {
    this.value(INTEGER, into);
    if (this.bad) return;
    if (into.length == 0 || into[0] >= 0x80) this.bad = true;
    else if (into.length > 1 && into[0] == 0 && into[1] < 0x80) this.bad = true;
    if (this.bad) into.aim(this.bytes, 0, 0);
  }

  /** An OBJECT IDENTIFIER whose arcs are all complete and minimal (X.690 §8.19.2): aims `into` at its contents. */
  objectIdentifier(into: Bytes): void {
    this.identifier(OBJECT_IDENTIFIER, into);
  }

  /** The same under another tag (an implicitly tagged OBJECT IDENTIFIER). */
  identifier(tag: u32, into: Bytes): void {
    this.value(tag, into);
    if (into.length == 0) this.bad = true;
    let starts = true;
    for (let i: u32 = 0; i < into.length; i++) {
      if (starts && into[i] == 0x80) this.bad = true;
      starts = into[i] < 0x80;
    }
    if (!starts) this.bad = true;
    if (this.bad) into.aim(this.bytes, 0, 0);
  }

  /** A BIT STRING of whole bytes: aims `into` at them. */
  wholeBits(into: Bytes): void {
    this.value(BIT_STRING, into);
    if (this.bad) return;
    if (into.length == 0 || into[0] != 0) this.bad = true;
    if (this.bad) into.aim(this.bytes, 0, 0);
    else into.aim(into, 1, into.length - 1);
  }

  /**
   * A BIT STRING of up to sixteen named bits: bit 0 of the ASN.1 type is bit 0 of the result. Trailing zero bits must
   * have been removed (X.690 §11.2.2), and no bit at all fails too: a list that grants nothing is not written.
   */
  namedBits(): u32 {
    const value = SCRATCH;
    this.value(BIT_STRING, value);
    if (value.length < 2 || value.length > 3) this.bad = true;
    if (this.bad) return 0;
    const unused = <u32>value[0];
    const last = <u32>value[value.length - 1];
    if (unused > 7 || ctz<u32>(last) != unused) this.bad = true;
    if (this.bad) return 0;
    let named: u32 = 0;
    for (let i: u32 = 0; i < 8 * (value.length - 1); i++) {
      named |= ((<u32>value[1 + (i >> 3)] >> (7 - (i & 7))) & 1) << i;
    }
    return named;
  }

  /** Reads the header of an element with this tag; returns the length of its contents, which are all there; 0 on failure. */
  private header(tag: u32): u32 {
    const left = this.end - this.position;
    if (this.bad || left < 2 || <u32>this.bytes[this.position] != tag) return this.refuse();
    let length = <u32>this.bytes[this.position + 1];
    let size: u32 = 2;
    if (length == 0x81) {
      size = 3;
      if (left < size) return this.refuse();
      length = <u32>this.bytes[this.position + 2];
      if (length < 0x80) return this.refuse();
    } else if (length == 0x82) {
      size = 4;
      if (left < size) return this.refuse();
      length = this.bytes.u16be(this.position + 2);
      if (length < 0x100) return this.refuse();
    } else if (length >= 0x80) {
      // 0x80 is the indefinite form of BER; more than two length bytes never fit our limits.
      return this.refuse();
    }
    if (length > left - size) return this.refuse();
    this.position += size;
    return length;
  }

  private refuse(): u32 {
    this.bad = true;
    return 0;
  }
}

/** For the methods that look at a value before they hand a number out. */
const SCRATCH = Bytes.empty();
