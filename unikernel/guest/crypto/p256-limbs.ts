/**
 * Limbs: an integer of up to 261 bits as nine limbs of 29 bits, the value being the sum of l[i] · 2^(29·i).
 * The common representation of P-256's field elements (p256-field.ts), scalars (p256-scalar.ts) and of the inversion.
 *
 * Limbs are signed and may stray out of [0, 2^29): each function says what it takes and leaves. "Canonical" means
 * every limb in [0, 2^29) and the value below the modulus. Nothing here branches on, or indexes by, a limb.
 */
import { Bytes } from "bytes";

/** Bits of a limb, and the mask of that many ones. */
export const LIMB_BITS: i64 = 29;
export const LIMB_MASK: i64 = 0x1fffffff;

@final
export class Limbs {
  constructor(
    public l0: i64 = 0,
    public l1: i64 = 0,
    public l2: i64 = 0,
    public l3: i64 = 0,
    public l4: i64 = 0,
    public l5: i64 = 0,
    public l6: i64 = 0,
    public l7: i64 = 0,
    public l8: i64 = 0,
  ) {}

  copy(other: Limbs): void {
    this.l0 = other.l0;
    this.l1 = other.l1;
    this.l2 = other.l2;
    this.l3 = other.l3;
    this.l4 = other.l4;
    this.l5 = other.l5;
    this.l6 = other.l6;
    this.l7 = other.l7;
    this.l8 = other.l8;
  }

  /** Sets the value to zero: also what wipes a secret. */
  clear(): void {
    this.l0 = 0;
    this.l1 = 0;
    this.l2 = 0;
    this.l3 = 0;
    this.l4 = 0;
    this.l5 = 0;
    this.l6 = 0;
    this.l7 = 0;
    this.l8 = 0;
  }

  /**
   * Takes four 64-bit words, the least significant first. Leaves limbs in [0, 2^29), the value as it was: below
   * 2^256.
   */
  fromWords(w0: u64, w1: u64, w2: u64, w3: u64): void {
    this.l0 = <i64>w0 & LIMB_MASK;
    this.l1 = <i64>(w0 >> 29) & LIMB_MASK;
    this.l2 = <i64>((w0 >> 58) | (w1 << 6)) & LIMB_MASK;
    this.l3 = <i64>(w1 >> 23) & LIMB_MASK;
    this.l4 = <i64>((w1 >> 52) | (w2 << 12)) & LIMB_MASK;
    this.l5 = <i64>(w2 >> 17) & LIMB_MASK;
    this.l6 = <i64>((w2 >> 46) | (w3 << 18)) & LIMB_MASK;
    this.l7 = <i64>(w3 >> 11) & LIMB_MASK;
    this.l8 = <i64>(w3 >> 40);
  }

  /** Takes 32 bytes, big-endian (any value below 2^256). */
  fromBytes(bytes: Bytes): void {
    assert(bytes.length == 32);
    this.fromWords(bytes.u64be(24), bytes.u64be(16), bytes.u64be(8), bytes.u64be(0));
  }

  /**
   * Word `i` (0: least significant 64 bits, 3: most) of a value whose limbs are in [0, 2^29) and which is below
   * 2^256.
   */
  word0(): u64 {
    return <u64>(this.l0 | (this.l1 << 29) | (this.l2 << 58));
  }
  word1(): u64 {
    return <u64>((this.l2 >> 6) | (this.l3 << 23) | (this.l4 << 52));
  }
  word2(): u64 {
    return <u64>((this.l4 >> 12) | (this.l5 << 17) | (this.l6 << 46));
  }
  word3(): u64 {
    return <u64>((this.l6 >> 18) | (this.l7 << 11) | (this.l8 << 40));
  }

  /** Writes 32 bytes, big-endian. Limbs must be in [0, 2^29), the value below 2^256. */
  toBytes(out: Bytes): void {
    assert(out.length == 32);
    out.putU64be(0, this.word3());
    out.putU64be(8, this.word2());
    out.putU64be(16, this.word1());
    out.putU64be(24, this.word0());
  }

  /** 1 when every limb is zero, else 0. Limbs must be in [0, 2^29), or the value be known to have no other zero. */
  isZero(): u64 {
    const any = this.l0 | this.l1 | this.l2 | this.l3 | this.l4 | this.l5 | this.l6 | this.l7 | this.l8;
    return (<u64>(any | (0 - any)) >> 63) ^ 1;
  }

  /** 1 when this value is below `other`, else 0. Limbs of both at most 2^61 in size, values below 2^289. */
  isBelow(other: Limbs): u64 {
    let t = this.l0 - other.l0;
    t = (t >> LIMB_BITS) + this.l1 - other.l1;
    t = (t >> LIMB_BITS) + this.l2 - other.l2;
    t = (t >> LIMB_BITS) + this.l3 - other.l3;
    t = (t >> LIMB_BITS) + this.l4 - other.l4;
    t = (t >> LIMB_BITS) + this.l5 - other.l5;
    t = (t >> LIMB_BITS) + this.l6 - other.l6;
    t = (t >> LIMB_BITS) + this.l7 - other.l7;
    t = (t >> LIMB_BITS) + this.l8 - other.l8;
    return <u64>t >> 63;
  }

  /** Adds `other` where `mask` is all ones (nothing where it is 0) and carries: limbs 0 to 7 end in [0, 2^29). */
  addMasked(other: Limbs, mask: i64): void {
    let t = this.l0 + (other.l0 & mask);
    this.l0 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l1 + (other.l1 & mask);
    this.l1 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l2 + (other.l2 & mask);
    this.l2 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l3 + (other.l3 & mask);
    this.l3 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l4 + (other.l4 & mask);
    this.l4 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l5 + (other.l5 & mask);
    this.l5 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l6 + (other.l6 & mask);
    this.l6 = t & LIMB_MASK;
    t = (t >> LIMB_BITS) + this.l7 + (other.l7 & mask);
    this.l7 = t & LIMB_MASK;
    this.l8 = (t >> LIMB_BITS) + this.l8 + (other.l8 & mask);
  }

  /** Carries: limbs 0 to 7 end in [0, 2^29), limb 8 takes the sign. */
  carry(): void {
    this.addMasked(this, 0);
  }

  /** Negates every limb where `mask` is all ones; nothing where it is 0. */
  negateMasked(mask: i64): void {
    this.l0 = (this.l0 ^ mask) - mask;
    this.l1 = (this.l1 ^ mask) - mask;
    this.l2 = (this.l2 ^ mask) - mask;
    this.l3 = (this.l3 ^ mask) - mask;
    this.l4 = (this.l4 ^ mask) - mask;
    this.l5 = (this.l5 ^ mask) - mask;
    this.l6 = (this.l6 ^ mask) - mask;
    this.l7 = (this.l7 ^ mask) - mask;
    this.l8 = (this.l8 ^ mask) - mask;
  }

  /** Brings a carried value in [0, 2 · modulus) to [0, modulus): subtracts once, or not at all, by mask. */
  reduceOnce(modulus: Limbs): void {
    const mask = <i64>this.isBelow(modulus) - 1;
    this.negateMasked(mask);
    this.addMasked(modulus, mask);
    this.negateMasked(mask);
    this.carry();
  }
}
