/**
 * Arithmetic modulo a 384-bit prime in Montgomery form (R = 2^384), for verification only: operands are public and the time
 * depends on them. Numbers are twelve 32-bit limbs, least significant first, always below the modulus.
 */
import { Bytes } from "bytes";

const LIMBS: u32 = 12;
/** Bytes of a number, big-endian. */
export const P384_LENGTH: u32 = 48;

@final
export class Number384 {
  readonly limbs: StaticArray<u32> = new StaticArray<u32>(LIMBS);

  copy(other: Number384): void {
    for (let i: u32 = 0; i < LIMBS; i++) this.limbs[i] = other.limbs[i];
  }

  /** 48 bytes, big-endian. */
  read(bytes: Bytes): void {
    assert(bytes.length == P384_LENGTH);
    for (let i: u32 = 0; i < LIMBS; i++) this.limbs[i] = bytes.u32be(P384_LENGTH - 4 - 4 * i);
  }

  isZero(): bool {
    let any: u32 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) any |= this.limbs[i];
    return any == 0;
  }

  equals(other: Number384): bool {
    let difference: u32 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) difference |= this.limbs[i] ^ other.limbs[i];
    return difference == 0;
  }

  less(other: Number384): bool {
    for (let i = <i32>LIMBS - 1; i >= 0; i--) {
      if (this.limbs[i] != other.limbs[i]) return this.limbs[i] < other.limbs[i];
    }
    return false;
  }

  bit(i: u32): u32 {
    return (this.limbs[i >> 5] >> (i & 31)) & 1;
  }
}

@final
export class Modulus384 {
  readonly value: Number384 = new Number384();
  /** 1 in Montgomery form. */
  readonly one: Number384 = new Number384();
  /** R² modulo the modulus. */
  private readonly square: Number384 = new Number384();
  private readonly unit: Number384 = new Number384();
  private readonly sum: StaticArray<u32> = new StaticArray<u32>(LIMBS + 2);
  private readonly base: Number384 = new Number384();
  /** The modulus less 2: the exponent that inverts (Fermat). */
  private readonly exponent: Number384 = new Number384();
  /** -1 / modulus modulo 2^32. */
  private negativeInverse: u32 = 0;

  /** `text`: the prime, 96 hex digits; above 2^383. */
  constructor(text: string) {
    readHex(this.value, text);
    this.unit.limbs[0] = 1;
    const low = this.value.limbs[0];
    let inverse: u32 = low;
    // Newton: an odd number is its own inverse to 3 bits, and each step doubles them.
    for (let i = 0; i < 4; i++) inverse *= 2 - low * inverse;
    this.negativeInverse = 0 - inverse;
    this.square.limbs[0] = 1;
    for (let i: u32 = 0; i < 2 * 32 * LIMBS; i++) this.add(this.square, this.square, this.square);
    this.multiply(this.one, this.square, this.unit);
    this.exponent.copy(this.value);
    this.exponent.limbs[0] -= 2;
  }

  /** out = a + b. Any of them may be the same object, here and below. */
  add(out: Number384, a: Number384, b: Number384): void {
    let carry: u64 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) {
      carry += <u64>a.limbs[i] + <u64>b.limbs[i];
      out.limbs[i] = <u32>carry;
      carry >>= 32;
    }
    if (carry != 0 || !out.less(this.value)) this.reduceOnce(out);
  }

  /** out = a - b. */
  subtract(out: Number384, a: Number384, b: Number384): void {
    let borrow: i64 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) {
      borrow += <i64>a.limbs[i] - <i64>b.limbs[i];
      out.limbs[i] = <u32>borrow;
      borrow >>= 32;
    }
    if (borrow == 0) return;
    let carry: u64 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) {
      carry += <u64>out.limbs[i] + <u64>this.value.limbs[i];
      out.limbs[i] = <u32>carry;
      carry >>= 32;
    }
  }

  /** out = a · b / R (coarsely integrated operand scanning). */
  multiply(out: Number384, a: Number384, b: Number384): void {
    const sum = this.sum;
    for (let i: u32 = 0; i < LIMBS + 2; i++) sum[i] = 0;
    for (let i: u32 = 0; i < LIMBS; i++) {
      const digit = <u64>b.limbs[i];
      let carry: u64 = 0;
      for (let j: u32 = 0; j < LIMBS; j++) {
        carry += <u64>a.limbs[j] * digit + <u64>sum[j];
        sum[j] = <u32>carry;
        carry >>= 32;
      }
      carry += <u64>sum[LIMBS];
      sum[LIMBS] = <u32>carry;
      sum[LIMBS + 1] = <u32>(carry >> 32);
      const factor = <u64>(sum[0] * this.negativeInverse);
      carry = (factor * <u64>this.value.limbs[0] + <u64>sum[0]) >> 32;
      for (let j: u32 = 1; j < LIMBS; j++) {
        carry += factor * <u64>this.value.limbs[j] + <u64>sum[j];
        sum[j - 1] = <u32>carry;
        carry >>= 32;
      }
      carry += <u64>sum[LIMBS];
      sum[LIMBS - 1] = <u32>carry;
      sum[LIMBS] = sum[LIMBS + 1] + <u32>(carry >> 32);
    }
    for (let i: u32 = 0; i < LIMBS; i++) out.limbs[i] = sum[i];
    if (sum[LIMBS] != 0 || !out.less(this.value)) this.reduceOnce(out);
  }

  toMontgomery(out: Number384, a: Number384): void {
    this.multiply(out, a, this.square);
  }

  fromMontgomery(out: Number384, a: Number384): void {
    this.multiply(out, a, this.unit);
  }

  /** out = 1 / a, in Montgomery form; 0 for 0. */
  invert(out: Number384, a: Number384): void {
    this.base.copy(a);
    out.copy(this.one);
    for (let i = <i32>(32 * LIMBS) - 1; i >= 0; i--) {
      this.multiply(out, out, out);
      if (this.exponent.bit(i) == 1) this.multiply(out, out, this.base);
    }
  }

  /** Below twice the modulus (a carry out of the top limb is implied) to below it. */
  reduceOnce(out: Number384): void {
    let borrow: i64 = 0;
    for (let i: u32 = 0; i < LIMBS; i++) {
      borrow += <i64>out.limbs[i] - <i64>this.value.limbs[i];
      out.limbs[i] = <u32>borrow;
      borrow >>= 32;
    }
  }
}

/** 96 hex digits, lower case. */
export function readHex(out: Number384, text: string): void {
  assert(text.length == 96);
  for (let i: u32 = 0; i < LIMBS; i++) {
    let limb: u32 = 0;
    for (let j = 0; j < 8; j++) {
      const code = <u32>text.charCodeAt(96 - 8 * (i + 1) + j);
      limb = (limb << 4) | (code >= 0x61 ? code - 0x57 : code - 0x30);
    }
    out.limbs[i] = limb;
  }
}
