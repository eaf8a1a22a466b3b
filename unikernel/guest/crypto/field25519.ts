/**
 * The field of Curve25519 and Ed25519: integers mod p = 2^255 − 19 (RFC 7748 §4.1), constant time.
 *
 * Ten signed limbs of alternately 26 and 25 bits (wasm multiplies 64 × 64 → 64 bits only, so that a sum of ten products must
 * fit i64). Sizes: an element is "k-fold" when each even limb is at most k·2^26 and each odd one at most k·(2^25 + 2^18) in
 * magnitude. Products, packed words and bytes come out 1-fold with limbs ≥ 0 (except l1 > −2^17); `add` and `subtract` do not
 * carry, so a sum is as many-fold as its parts together, and a difference of two products is still 1-fold.
 * A product takes an m-fold and an n-fold element with m·n ≤ 16 (a square, an inverse and a power: 4-fold); the rest take
 * 16-fold ones.
 * No branch and no index depends on a value, save in the functions whose name starts with `is`: they give a public answer.
 */
import { Bytes } from "bytes";

const M26: i64 = 0x3ffffff;
const M25: i64 = 0x1ffffff;

@final
export class Field {
  l0: i64 = 0;
  l1: i64 = 0;
  l2: i64 = 0;
  l3: i64 = 0;
  l4: i64 = 0;
  l5: i64 = 0;
  l6: i64 = 0;
  l7: i64 = 0;
  l8: i64 = 0;
  l9: i64 = 0;

  copy(a: Field): void {
    this.l0 = a.l0;
    this.l1 = a.l1;
    this.l2 = a.l2;
    this.l3 = a.l3;
    this.l4 = a.l4;
    this.l5 = a.l5;
    this.l6 = a.l6;
    this.l7 = a.l7;
    this.l8 = a.l8;
    this.l9 = a.l9;
  }

  /** Becomes the small number `n`, 0 ≤ n < 2^26. */
  setSmall(n: i64): void {
    this.wipe();
    this.l0 = n;
  }

  /** Becomes zero. */
  wipe(): void {
    this.l0 = 0;
    this.l1 = 0;
    this.l2 = 0;
    this.l3 = 0;
    this.l4 = 0;
    this.l5 = 0;
    this.l6 = 0;
    this.l7 = 0;
    this.l8 = 0;
    this.l9 = 0;
  }

  /** a + b, without carrying. */
  add(a: Field, b: Field): void {
    this.l0 = a.l0 + b.l0;
    this.l1 = a.l1 + b.l1;
    this.l2 = a.l2 + b.l2;
    this.l3 = a.l3 + b.l3;
    this.l4 = a.l4 + b.l4;
    this.l5 = a.l5 + b.l5;
    this.l6 = a.l6 + b.l6;
    this.l7 = a.l7 + b.l7;
    this.l8 = a.l8 + b.l8;
    this.l9 = a.l9 + b.l9;
  }

  /** a − b, without carrying. */
  subtract(a: Field, b: Field): void {
    this.l0 = a.l0 - b.l0;
    this.l1 = a.l1 - b.l1;
    this.l2 = a.l2 - b.l2;
    this.l3 = a.l3 - b.l3;
    this.l4 = a.l4 - b.l4;
    this.l5 = a.l5 - b.l5;
    this.l6 = a.l6 - b.l6;
    this.l7 = a.l7 - b.l7;
    this.l8 = a.l8 - b.l8;
    this.l9 = a.l9 - b.l9;
  }

  /** a · b for an m-fold `a` and an n-fold `b`, m·n ≤ 16: no column passes 501·2^50 · 16 < 2^63. */
  multiply(a: Field, b: Field): void {
    const f0 = a.l0;
    const f1 = a.l1;
    const f2 = a.l2;
    const f3 = a.l3;
    const f4 = a.l4;
    const f5 = a.l5;
    const f6 = a.l6;
    const f7 = a.l7;
    const f8 = a.l8;
    const f9 = a.l9;
    const g0 = b.l0;
    const g1 = b.l1;
    const g2 = b.l2;
    const g3 = b.l3;
    const g4 = b.l4;
    const g5 = b.l5;
    const g6 = b.l6;
    const g7 = b.l7;
    const g8 = b.l8;
    const g9 = b.l9;
    const v1: i64 = 19 * g1;
    const v2: i64 = 19 * g2;
    const v3: i64 = 19 * g3;
    const v4: i64 = 19 * g4;
    const v5: i64 = 19 * g5;
    const v6: i64 = 19 * g6;
    const v7: i64 = 19 * g7;
    const v8: i64 = 19 * g8;
    const v9: i64 = 19 * g9;
    const d1: i64 = f1 << 1;
    const d3: i64 = f3 << 1;
    const d5: i64 = f5 << 1;
    const d7: i64 = f7 << 1;
    const d9: i64 = f9 << 1;
    const h0: i64 = f0 * g0 + d1 * v9 + f2 * v8 + d3 * v7 + f4 * v6 + d5 * v5 + f6 * v4 + d7 * v3 + f8 * v2 + d9 * v1;
    const h1: i64 = f0 * g1 + f1 * g0 + f2 * v9 + f3 * v8 + f4 * v7 + f5 * v6 + f6 * v5 + f7 * v4 + f8 * v3 + f9 * v2;
    const h2: i64 = f0 * g2 + d1 * g1 + f2 * g0 + d3 * v9 + f4 * v8 + d5 * v7 + f6 * v6 + d7 * v5 + f8 * v4 + d9 * v3;
    const h3: i64 = f0 * g3 + f1 * g2 + f2 * g1 + f3 * g0 + f4 * v9 + f5 * v8 + f6 * v7 + f7 * v6 + f8 * v5 + f9 * v4;
    const h4: i64 = f0 * g4 + d1 * g3 + f2 * g2 + d3 * g1 + f4 * g0 + d5 * v9 + f6 * v8 + d7 * v7 + f8 * v6 + d9 * v5;
    const h5: i64 = f0 * g5 + f1 * g4 + f2 * g3 + f3 * g2 + f4 * g1 + f5 * g0 + f6 * v9 + f7 * v8 + f8 * v7 + f9 * v6;
    const h6: i64 = f0 * g6 + d1 * g5 + f2 * g4 + d3 * g3 + f4 * g2 + d5 * g1 + f6 * g0 + d7 * v9 + f8 * v8 + d9 * v7;
    const h7: i64 = f0 * g7 + f1 * g6 + f2 * g5 + f3 * g4 + f4 * g3 + f5 * g2 + f6 * g1 + f7 * g0 + f8 * v9 + f9 * v8;
    const h8: i64 = f0 * g8 + d1 * g7 + f2 * g6 + d3 * g5 + f4 * g4 + d5 * g3 + f6 * g2 + d7 * g1 + f8 * g0 + d9 * v9;
    const h9: i64 = f0 * g9 + f1 * g8 + f2 * g7 + f3 * g6 + f4 * g5 + f5 * g4 + f6 * g3 + f7 * g2 + f8 * g1 + f9 * g0;
    this.carry(h0, h1, h2, h3, h4, h5, h6, h7, h8, h9);
  }

  /** a² for an `a` at most 4-fold. */
  square(a: Field): void {
    const f0 = a.l0;
    const f1 = a.l1;
    const f2 = a.l2;
    const f3 = a.l3;
    const f4 = a.l4;
    const f5 = a.l5;
    const f6 = a.l6;
    const f7 = a.l7;
    const f8 = a.l8;
    const f9 = a.l9;
    const d0: i64 = f0 << 1;
    const d1: i64 = f1 << 1;
    const d2: i64 = f2 << 1;
    const d3: i64 = f3 << 1;
    const d4: i64 = f4 << 1;
    const d5: i64 = f5 << 1;
    const d6: i64 = f6 << 1;
    const d7: i64 = f7 << 1;
    const d8: i64 = f8 << 1;
    const d9: i64 = f9 << 1;
    const q1: i64 = f1 << 2;
    const q3: i64 = f3 << 2;
    const q5: i64 = f5 << 2;
    const q7: i64 = f7 << 2;
    const h0: i64 = f0 * f0 + 19 * (q1 * f9 + d2 * f8 + q3 * f7 + d4 * f6 + d5 * f5);
    const h1: i64 = d0 * f1 + 19 * (d2 * f9 + d3 * f8 + d4 * f7 + d5 * f6);
    const h2: i64 = d0 * f2 + d1 * f1 + 19 * (q3 * f9 + d4 * f8 + q5 * f7 + f6 * f6);
    const h3: i64 = d0 * f3 + d1 * f2 + 19 * (d4 * f9 + d5 * f8 + d6 * f7);
    const h4: i64 = d0 * f4 + q1 * f3 + f2 * f2 + 19 * (q5 * f9 + d6 * f8 + d7 * f7);
    const h5: i64 = d0 * f5 + d1 * f4 + d2 * f3 + 19 * (d6 * f9 + d7 * f8);
    const h6: i64 = d0 * f6 + q1 * f5 + d2 * f4 + d3 * f3 + 19 * (q7 * f9 + f8 * f8);
    const h7: i64 = d0 * f7 + d1 * f6 + d2 * f5 + d3 * f4 + 19 * (d8 * f9);
    const h8: i64 = d0 * f8 + q1 * f7 + d2 * f6 + q3 * f5 + f4 * f4 + 19 * (d9 * f9);
    const h9: i64 = d0 * f9 + d1 * f8 + d2 * f7 + d3 * f6 + d4 * f5;
    this.carry(h0, h1, h2, h3, h4, h5, h6, h7, h8, h9);
  }

  /** a^(2^n), n ≥ 1. */
  squareTimes(a: Field, n: u32): void {
    this.square(a);
    for (let i: u32 = 1; i < n; i++) this.square(this);
  }

  /** a · n for 0 ≤ n < 2^26. */
  multiplySmall(a: Field, n: i64): void {
    this.carry(a.l0 * n, a.l1 * n, a.l2 * n, a.l3 * n, a.l4 * n, a.l5 * n, a.l6 * n, a.l7 * n, a.l8 * n, a.l9 * n);
  }

  /** −a where `mask` is −1, a copy of `a` where it is 0. */
  negateIf(a: Field, mask: i64): void {
    this.l0 = (a.l0 ^ mask) - mask;
    this.l1 = (a.l1 ^ mask) - mask;
    this.l2 = (a.l2 ^ mask) - mask;
    this.l3 = (a.l3 ^ mask) - mask;
    this.l4 = (a.l4 ^ mask) - mask;
    this.l5 = (a.l5 ^ mask) - mask;
    this.l6 = (a.l6 ^ mask) - mask;
    this.l7 = (a.l7 ^ mask) - mask;
    this.l8 = (a.l8 ^ mask) - mask;
    this.l9 = (a.l9 ^ mask) - mask;
  }

  /** Exchanges this element and `other` where `mask` is −1, leaves both where it is 0. */
  swapIf(other: Field, mask: i64): void {
    const x0 = (this.l0 ^ other.l0) & mask;
    this.l0 ^= x0;
    other.l0 ^= x0;
    const x1 = (this.l1 ^ other.l1) & mask;
    this.l1 ^= x1;
    other.l1 ^= x1;
    const x2 = (this.l2 ^ other.l2) & mask;
    this.l2 ^= x2;
    other.l2 ^= x2;
    const x3 = (this.l3 ^ other.l3) & mask;
    this.l3 ^= x3;
    other.l3 ^= x3;
    const x4 = (this.l4 ^ other.l4) & mask;
    this.l4 ^= x4;
    other.l4 ^= x4;
    const x5 = (this.l5 ^ other.l5) & mask;
    this.l5 ^= x5;
    other.l5 ^= x5;
    const x6 = (this.l6 ^ other.l6) & mask;
    this.l6 ^= x6;
    other.l6 ^= x6;
    const x7 = (this.l7 ^ other.l7) & mask;
    this.l7 ^= x7;
    other.l7 ^= x7;
    const x8 = (this.l8 ^ other.l8) & mask;
    this.l8 ^= x8;
    other.l8 ^= x8;
    const x9 = (this.l9 ^ other.l9) & mask;
    this.l9 ^= x9;
    other.l9 ^= x9;
  }

  /** 1 / a, and 0 for 0: a^(p − 2). */
  invert(a: Field): void {
    powerOf250(a);
    T1.squareTimes(T1, 5);
    this.multiply(T1, T0);
    wipeTemporaries();
  }

  /** a^((p − 5) / 8) = a^(2^252 − 3), the step to a square root. */
  power252(a: Field): void {
    powerOf250(a);
    T1.squareTimes(T1, 2);
    this.multiply(T1, a);
    wipeTemporaries();
  }

  /** Becomes the number of four little-endian words; bit 255 is ignored, and a number ≥ p is taken mod p. */
  fromWords(w0: u64, w1: u64, w2: u64, w3: u64): void {
    this.l0 = w0 & M26;
    this.l1 = (w0 >> 26) & M25;
    this.l2 = ((w0 >> 51) | (w1 << 13)) & M26;
    this.l3 = (w1 >> 13) & M25;
    this.l4 = w1 >> 38;
    this.l5 = w2 & M25;
    this.l6 = (w2 >> 25) & M26;
    this.l7 = ((w2 >> 51) | (w3 << 13)) & M25;
    this.l8 = (w3 >> 12) & M26;
    this.l9 = (w3 >> 38) & M25;
  }

  /** Becomes the number of 32 little-endian bytes, as {@link fromWords} does. */
  fromBytes(bytes: Bytes): void {
    this.fromWords(bytes.u64le(0), bytes.u64le(8), bytes.u64le(16), bytes.u64le(24));
  }

  /** Writes the one number in [0, p) that this element is to `out[0..32)`, little-endian. */
  toBytes(out: Bytes): void {
    // After two carries the number is in [0, 2^255): the first leaves it within 19·33 of that range, the second in it.
    R.multiplySmall(this, 1);
    R.multiplySmall(R, 1);
    // Then it is ≥ p exactly when adding 19 carries into bit 255.
    let q: i64 = (R.l0 + 19) >> 26;
    q = (R.l1 + q) >> 25;
    q = (R.l2 + q) >> 26;
    q = (R.l3 + q) >> 25;
    q = (R.l4 + q) >> 26;
    q = (R.l5 + q) >> 25;
    q = (R.l6 + q) >> 26;
    q = (R.l7 + q) >> 25;
    q = (R.l8 + q) >> 26;
    q = (R.l9 + q) >> 25;
    R.l0 += 19 * q;
    R.l1 += R.l0 >> 26;
    R.l0 &= M26;
    R.l2 += R.l1 >> 25;
    R.l1 &= M25;
    R.l3 += R.l2 >> 26;
    R.l2 &= M26;
    R.l4 += R.l3 >> 25;
    R.l3 &= M25;
    R.l5 += R.l4 >> 26;
    R.l4 &= M26;
    R.l6 += R.l5 >> 25;
    R.l5 &= M25;
    R.l7 += R.l6 >> 26;
    R.l6 &= M26;
    R.l8 += R.l7 >> 25;
    R.l7 &= M25;
    R.l9 += R.l8 >> 26;
    R.l8 &= M26;
    R.l9 &= M25;
    out.putU64le(0, <u64>(R.l0 | (R.l1 << 26) | (R.l2 << 51)));
    out.putU64le(8, <u64>((R.l2 >> 13) | (R.l3 << 13) | (R.l4 << 38)));
    out.putU64le(16, <u64>(R.l5 | (R.l6 << 25) | (R.l7 << 51)));
    out.putU64le(24, <u64>((R.l7 >> 13) | (R.l8 << 12) | (R.l9 << 38)));
    R.wipe();
  }

  /** Whether this is 0 mod p. */
  isZero(): bool {
    this.toBytes(BYTES);
    const any = BYTES.u64le(0) | BYTES.u64le(8) | BYTES.u64le(16) | BYTES.u64le(24);
    BYTES.wipe();
    return any == 0;
  }

  /** Whether the number in [0, p) is odd: the "sign" of RFC 8032 §5.1.2. */
  isNegative(): bool {
    this.toBytes(BYTES);
    const odd = BYTES[0] & 1;
    BYTES.wipe();
    return odd != 0;
  }

  /** Takes ten column sums, any i64, to limbs that are 1-fold; what leaves the top comes back times 19. */
  @inline
  private carry(h0: i64, h1: i64, h2: i64, h3: i64, h4: i64, h5: i64, h6: i64, h7: i64, h8: i64, h9: i64): void {
    h1 += h0 >> 26;
    h2 += h1 >> 25;
    h3 += h2 >> 26;
    h4 += h3 >> 25;
    h5 += h4 >> 26;
    h6 += h5 >> 25;
    h7 += h6 >> 26;
    h8 += h7 >> 25;
    h9 += h8 >> 26;
    h0 = (h0 & M26) + 19 * (h9 >> 25);
    this.l0 = h0 & M26;
    this.l1 = (h1 & M25) + (h0 >> 26);
    this.l2 = h2 & M26;
    this.l3 = h3 & M25;
    this.l4 = h4 & M26;
    this.l5 = h5 & M25;
    this.l6 = h6 & M26;
    this.l7 = h7 & M25;
    this.l8 = h8 & M26;
    this.l9 = h9 & M25;
  }
}

const T0 = new Field();
const T1 = new Field();
const T2 = new Field();
const R = new Field();
const BYTES = Bytes.alloc(32);

/** T1 = a^(2^250 − 1) and T0 = a^11, by doubling the length of a run of one bits: 1, 5, 10, 20, 40, 50, 100, 200, 250. */
function powerOf250(a: Field): void {
  T0.square(a);
  T1.squareTimes(T0, 2);
  T1.multiply(T1, a); // 9
  T0.multiply(T0, T1); // 11
  T2.square(T0); // 22
  T1.multiply(T1, T2); // 2^5 − 1
  T2.squareTimes(T1, 5);
  T1.multiply(T2, T1); // 2^10 − 1
  T2.squareTimes(T1, 10);
  T2.multiply(T2, T1); // 2^20 − 1
  R.squareTimes(T2, 20);
  T2.multiply(R, T2); // 2^40 − 1
  T2.squareTimes(T2, 10);
  T1.multiply(T2, T1); // 2^50 − 1
  T2.squareTimes(T1, 50);
  T2.multiply(T2, T1); // 2^100 − 1
  R.squareTimes(T2, 100);
  T2.multiply(R, T2); // 2^200 − 1
  T2.squareTimes(T2, 50);
  T1.multiply(T2, T1); // 2^250 − 1
}

function wipeTemporaries(): void {
  T0.wipe();
  T1.wipe();
  T2.wipe();
  R.wipe();
}
