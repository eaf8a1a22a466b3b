/**
 * A set of 16-bit numbers, one bit each: exact and of constant cost whatever a peer puts in it, so a hello of 4,000 extensions
 * costs no more than one of 20 to check for duplicates, and a walk over it is sorted.
 */
import { Bytes } from "bytes";

/** One past the largest member. */
export const U16_END: u32 = 65536;

@final
export class U16Set {
  private bits: Bytes = Bytes.alloc(U16_END / 8);

  clear(): void {
    this.bits.wipe();
  }

  has(value: u32): bool {
    return ((<u32>this.bits[value >> 3] >> (value & 7)) & 1) != 0;
  }

  /** Adds; false when it was in already. */
  add(value: u32): bool {
    if (this.has(value)) return false;
    this.flip(value);
    return true;
  }

  /** Removes; false when it was not in. */
  remove(value: u32): bool {
    if (!this.has(value)) return false;
    this.flip(value);
    return true;
  }

  /** The smallest member that is at least `from`, or {@link U16_END}. */
  next(from: u32): u32 {
    let value = from;
    while (value < U16_END) {
      if ((value & 31) == 0 && this.bits.u32le(value >> 3) == 0) {
        value += 32;
        continue;
      }
      if (this.has(value)) return value;
      value++;
    }
    return U16_END;
  }

  private flip(value: u32): void {
    const at = value >> 3;
    this.bits[at] = <u8>(<u32>this.bits[at] ^ ((<u32>1) << (value & 7)));
  }
}

/** One set for all parsers: each clears it first and is done with it when it returns. */
export const SEEN = new U16Set();
