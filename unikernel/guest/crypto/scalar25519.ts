/**
 * Scalars: integers mod L = 2^252 + 27742317777372353535851937790883648493, the order of the base point (RFC 8032 §5.1).
 *
 * Eight 32-bit words, little-endian; products are Montgomery's (word by word, R = 2^256), so that a 512-bit hash is
 * reduced by two multiplications and nothing is ever divided. Constant time, save the functions that say they are for
 * public scalars.
 */
import { Bytes } from "bytes";

const WORDS = 8;

@final
export class Scalar {
  readonly words: StaticArray<u32> = new StaticArray<u32>(WORDS);

  /** Becomes the number of `bytes[start .. start + 32)`, little-endian, as it stands: it may be L or more. */
  fromBytes(bytes: Bytes, start: u32): void {
    for (let i = 0; i < WORDS; i++) this.words[i] = bytes.u32le(start + 4 * i);
  }

  /** Writes the number to `out[start .. start + 32)`, little-endian. */
  toBytes(out: Bytes, start: u32): void {
    for (let i = 0; i < WORDS; i++) out.putU32le(start + 4 * i, this.words[i]);
  }

  /** Clears bits 0, 1, 2 and 255 and sets bit 254 (RFC 7748 §5, RFC 8032 §5.1.5). */
  clamp(): void {
    this.words[0] &= 0xfffffff8;
    this.words[WORDS - 1] = (this.words[WORDS - 1] & 0x7fffffff) | 0x40000000;
  }

  /** Becomes the remainder mod L of 64 little-endian bytes, a SHA-512 digest. */
  fromHash(digest: Bytes): void {
    assert(digest.length == 64);
    // low + 2^256 · high = low · R / R + high · R² / R
    LOW_HALF.fromBytes(digest, 0);
    HIGH_HALF.fromBytes(digest, 32);
    LOW_HALF.montgomery(LOW_HALF, R1);
    HIGH_HALF.montgomery(HIGH_HALF, R2);
    this.add(LOW_HALF, HIGH_HALF);
    LOW_HALF.wipe();
    HIGH_HALF.wipe();
  }

  /** a · b + c mod L for any `a` and `b`, and a `c` below L. */
  multiplyAdd(a: Scalar, b: Scalar, c: Scalar): void {
    PRODUCT.montgomery(a, R2);
    PRODUCT.montgomery(b, PRODUCT);
    this.add(PRODUCT, c);
    PRODUCT.wipe();
  }

  /**
   * Becomes the D below 2^256 whose bits spell `a` (below 2^255) as a sum of signed powers: a ≡ Σ ±2^i over i < 256, plus
   * where bit i of D is one. As Σ ±2^i = 2·D − (2^256 − 1), D is half of a + 2^256 − 1, made even by adding L.
   */
  signedBits(a: Scalar): void {
    let carry: u64 = 0;
    for (let i = 0; i < WORDS; i++) {
      carry += <u64>a.words[i] + <u64>ALL_ONES[i];
      this.words[i] = <u32>carry;
      carry >>= 32;
    }
    const odd = 0 - (this.words[0] & 1);
    carry = 0;
    for (let i = 0; i < WORDS; i++) {
      carry += <u64>this.words[i] + <u64>(L[i] & odd);
      this.words[i] = <u32>carry;
      carry >>= 32;
    }
    for (let i = 0; i < WORDS - 1; i++) this.words[i] = (this.words[i] >> 1) | (this.words[i + 1] << 31);
    this.words[WORDS - 1] >>= 1;
  }

  /** Bit `i` of the number, i < 256: 0 or 1. The index is public, the bit may be secret. */
  bit(i: u32): u32 {
    return (this.words[i >> 5] >> (i & 31)) & 1;
  }

  /**
   * Writes the width-`width` non-adjacent form of this number (public, below 2^255) to `digits[0..256)`: each digit is 0
   * or odd, below 2^(width − 1) in magnitude, and of any `width` digits in a row one at most is not 0. Σ digit·2^i.
   */
  nonAdjacentForm(digits: StaticArray<i8>, width: u32): void {
    for (let i = 0; i < 256; i++) digits[i] = 0;
    const mask: u32 = (1 << width) - 1;
    let carry: u32 = 0;
    let at: u32 = 0;
    while (at < 256) {
      const word = at >> 5;
      const next: u64 = word < 7 ? this.words[word + 1] : 0;
      const window = (<u32>((<u64>this.words[word] | (next << 32)) >> (at & 31)) & mask) + carry;
      if ((window & 1) == 0) {
        at += 1;
        continue;
      }
      carry = window >> (width - 1);
      digits[at] = <i8>(<i32>window - <i32>(carry << width));
      at += width;
    }
  }

  wipe(): void {
    for (let i = 0; i < WORDS; i++) this.words[i] = 0;
  }

  /** a · b / 2^256 mod L, below L, for any `a` and a `b` below L. */
  private montgomery(a: Scalar, b: Scalar): void {
    for (let i = 0; i < WORDS + 2; i++) SUM[i] = 0;
    for (let i = 0; i < WORDS; i++) {
      const digit = <u64>a.words[i];
      let carry: u64 = 0;
      for (let j = 0; j < WORDS; j++) {
        carry += digit * <u64>b.words[j] + <u64>SUM[j];
        SUM[j] = <u32>carry;
        carry >>= 32;
      }
      carry += <u64>SUM[WORDS];
      SUM[WORDS] = <u32>carry;
      SUM[WORDS + 1] = <u32>(carry >> 32);

      // The multiple of L that clears the lowest word, which is then dropped.
      const factor = <u64>(SUM[0] * MINUS_L_INVERSE);
      carry = (factor * <u64>L[0] + <u64>SUM[0]) >> 32;
      for (let j = 1; j < WORDS; j++) {
        carry += factor * <u64>L[j] + <u64>SUM[j];
        SUM[j - 1] = <u32>carry;
        carry >>= 32;
      }
      carry += <u64>SUM[WORDS];
      SUM[WORDS - 1] = <u32>carry;
      SUM[WORDS] = SUM[WORDS + 1] + <u32>(carry >> 32);
    }
    this.takeSum();
  }

  /** a + b mod L, both below L. */
  private add(a: Scalar, b: Scalar): void {
    let carry: u64 = 0;
    for (let i = 0; i < WORDS; i++) {
      carry += <u64>a.words[i] + <u64>b.words[i];
      SUM[i] = <u32>carry;
      carry >>= 32;
    }
    this.takeSum();
  }

  /** Becomes SUM mod L (SUM below 2·L) and wipes SUM. */
  private takeSum(): void {
    let borrow: u64 = 0;
    for (let i = 0; i < WORDS; i++) {
      const difference = <u64>SUM[i] - <u64>L[i] - borrow;
      this.words[i] = <u32>difference;
      borrow = difference >> 63;
    }
    const keep = <u32>(0 - borrow);
    for (let i = 0; i < WORDS; i++) this.words[i] ^= (this.words[i] ^ SUM[i]) & keep;
    for (let i = 0; i < WORDS + 2; i++) SUM[i] = 0;
  }
}

/** Whether the 32 bytes from `start` are a number below L (RFC 8032 §5.1.7 step 1). For public scalars. */
export function isBelowOrder(bytes: Bytes, start: u32): bool {
  let borrow: u64 = 0;
  for (let i = 0; i < WORDS; i++) borrow = (<u64>bytes.u32le(start + 4 * i) - <u64>L[i] - borrow) >> 63;
  return borrow != 0;
}

const L: StaticArray<u32> = [0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000];
/** −1 / L mod 2^32. */
const MINUS_L_INVERSE: u32 = 0x12547e1b;
/** 2^256 − 1 mod L. */
const ALL_ONES: StaticArray<u32> = [
  0x8d98951c, 0xd6ec3174, 0x737dcf70, 0xc6ef5bf4, 0xfffffffe, 0xffffffff, 0xffffffff, 0x0fffffff,
];
/** 2^256 mod L and 2^512 mod L. */
const R1 = constant([0x8d98951d, 0xd6ec3174, 0x737dcf70, 0xc6ef5bf4, 0xfffffffe, 0xffffffff, 0xffffffff, 0x0fffffff]);
const R2 = constant([0x449c0f01, 0xa40611e3, 0x68859347, 0xd00e1ba7, 0x17f5be65, 0xceec73d2, 0x7c309a3d, 0x0399411b]);

/** The running sum of a product, less than 2·L when it is done, and two words for what it carries meanwhile. */
const SUM = new StaticArray<u32>(WORDS + 2);
const LOW_HALF = new Scalar();
const HIGH_HALF = new Scalar();
const PRODUCT = new Scalar();

function constant(words: StaticArray<u32>): Scalar {
  const scalar = new Scalar();
  for (let i = 0; i < WORDS; i++) scalar.words[i] = words[i];
  return scalar;
}
