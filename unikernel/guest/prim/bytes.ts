/**
 * Bytes: a bounds-checked view of this compartment's linear memory.
 *
 * Guarantees that no access through a view leaves the block it was cut from: every check subtracts
 * (`i > length - width`), so no index can overflow its way past it. An access outside is our own bug
 * or an attack that got this far: it traps, and the board closes the compartment.
 * This folder is the only one that may use raw `load`/`store` (it is compiled with `--lib`).
 */
@final
export class Bytes {
  private constructor(
    private at: usize,
    private size: u32,
  ) {}

  /** `length` zeroed bytes from the arena. Traps when the arena is full. */
  static alloc(length: u32): Bytes {
    const at = heap.alloc(length);
    memory.fill(at, 0, length);
    return new Bytes(at, length);
  }

  /** An empty view, to be aimed later with {@link aim}: for hot paths that must not allocate. */
  static empty(): Bytes {
    return new Bytes(0, 0);
  }

  /** The ASCII bytes of a string literal; traps on a character above 0x7f. */
  static ascii(text: string): Bytes {
    const length = <u32>text.length;
    const bytes = Bytes.alloc(length);
    for (let i: u32 = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) unreachable();
      store<u8>(bytes.at + i, <u8>code);
    }
    return bytes;
  }

  get length(): u32 {
    return this.size;
  }

  /** Where the view starts, as a number for the board (exports, imports). Nothing in the guest reads through it. */
  get address(): usize {
    return this.at;
  }

  /** The view `[start, start + length)` of this one; traps when that is not inside. */
  slice(start: u32, length: u32): Bytes {
    this.check(start, length);
    return new Bytes(this.at + start, length);
  }

  /** The view from `start` to the end; traps when `start` is past it. */
  from(start: u32): Bytes {
    this.check(start, 0);
    return new Bytes(this.at + start, this.size - start);
  }

  /** Makes this view `[start, start + length)` of `base`, without allocating. Returns itself. */
  aim(base: Bytes, start: u32, length: u32): Bytes {
    base.check(start, length);
    this.at = base.at + start;
    this.size = length;
    return this;
  }

  @operator("[]")
  get(i: u32): u8 {
    if (i >= this.size) unreachable();
    return load<u8>(this.at + i);
  }

  @operator("[]=")
  set(i: u32, value: u8): void {
    if (i >= this.size) unreachable();
    store<u8>(this.at + i, value);
  }

  u16be(i: u32): u32 {
    this.check(i, 2);
    return <u32>bswap(load<u16>(this.at + i));
  }

  u24be(i: u32): u32 {
    this.check(i, 3);
    return ((<u32>bswap(load<u16>(this.at + i))) << 8) | <u32>load<u8>(this.at + i + 2);
  }

  u32be(i: u32): u32 {
    this.check(i, 4);
    return bswap(load<u32>(this.at + i));
  }

  u64be(i: u32): u64 {
    this.check(i, 8);
    return bswap(load<u64>(this.at + i));
  }

  u32le(i: u32): u32 {
    this.check(i, 4);
    return load<u32>(this.at + i);
  }

  u64le(i: u32): u64 {
    this.check(i, 8);
    return load<u64>(this.at + i);
  }

  putU16be(i: u32, value: u32): void {
    this.check(i, 2);
    store<u16>(this.at + i, bswap(<u16>value));
  }

  putU24be(i: u32, value: u32): void {
    this.check(i, 3);
    store<u16>(this.at + i, bswap(<u16>(value >> 8)));
    store<u8>(this.at + i + 2, <u8>value);
  }

  putU32be(i: u32, value: u32): void {
    this.check(i, 4);
    store<u32>(this.at + i, bswap(value));
  }

  putU64be(i: u32, value: u64): void {
    this.check(i, 8);
    store<u64>(this.at + i, bswap(value));
  }

  putU32le(i: u32, value: u32): void {
    this.check(i, 4);
    store<u32>(this.at + i, value);
  }

  putU64le(i: u32, value: u64): void {
    this.check(i, 8);
    store<u64>(this.at + i, value);
  }

  /** Copies all of `source` to `[start, start + source.length)` of this view; overlap is fine; traps when it does not fit. */
  put(start: u32, source: Bytes): void {
    this.check(start, source.size);
    memory.copy(this.at + start, source.at, source.size);
  }

  /** Sets every byte to `value`. */
  fill(value: u8): void {
    memory.fill(this.at, value, this.size);
  }

  /** Sets every byte to zero: the name says that a secret was here. */
  wipe(): void {
    memory.fill(this.at, 0, this.size);
  }

  /**
   * Whether both views hold the same bytes. The time depends on the lengths alone, so the bytes may be secret.
   * Views of different length are different.
   */
  equals(other: Bytes): bool {
    if (this.size != other.size) return false;
    let difference: u32 = 0;
    for (let i: u32 = 0; i < this.size; i++) {
      difference |= <u32>load<u8>(this.at + i) ^ <u32>load<u8>(other.at + i);
    }
    return difference == 0;
  }

  private check(start: u32, length: u32): void {
    if (length > this.size || start > this.size - length) unreachable();
  }
}
