/**
 * Scalar multiplication on P-256 with a secret scalar, in constant time.
 *
 * The scalar is written with odd digits only (Joye and Tunstall 2009). For odd k below 2^256
 *   k = 2^255 + sum of d[i] · 32^i, i = 0..50, with d[i] = (k >> 5i) mod 64, lowest bit set, minus 32: ±1, ±3 … ±31.
 * An even k is replaced by n - k and the result negated, both by mask. So no digit is zero, no point is infinity, and
 * every table look-up reads the whole table.
 *
 * Why the incomplete sums of p256-point.ts are right for every k in [1, n - 1] and every point of the curve (all have
 * the prime order n > 2^255.9). Let m·P be the accumulator and y·P what is added to it: the sum is wrong only when m
 * ≡ 0 or m ≡ ±y (mod n).
 * - Window method: y = d, odd, and m = 32·m' with m' >= 1 (m' starts as 1, and 32·m' + d >= 1 again). Before the last
 *   window m + |y| < 2^252 < n, and m is even, y odd: none of the three holds. At the last, m + d = k < n. So m < n +
 *   32, and m ≡ 0 would be m = n, which is odd; m ≡ -d would be k ≡ 0; m ≡ d would be m = d (no: even and odd) or m =
 *   n + d: a multiple of 32, where n is 17 modulo 32, so d = 15 and k = n + 30 > n, or d = -17 and k = n - 34, whose
 *   d[0] is 15, not -17.
 * - Base method: y = d · 2^(30a). Write m in parts, each times 2^(30a'), by the block that they were added from:
 *   after the first round every part is smaller than 2^30 in size and part 0 is not 0. m and m ± y have a part 0
 *   other than 0 as well (odd, or 32 times something), hence are not 0; in the first round m > 2^229 > |y|. Before
 *   the last round |m| + |y| < 2^253 < n. In the last, before window 0, m and y are multiples of 32 and |m| + |y| <
 *   2^258: a multiple of n among m, m + y, m - y would be a multiple of 32n > 2^260, so 0, which was excluded. Window
 *   0 comes last of all and is the last window above.
 */
import { Bytes } from "bytes";
import { LIMB_MASK, Limbs } from "./p256-limbs";
import { Affine, Jacobian, pointAdd, pointAddAffine, pointDouble, pointWipe } from "./p256-point";
import { scalarMakeOdd } from "./p256-scalar";
import { loadTablePoint, TABLE, TABLE_BLOCK, TABLE_BLOCKS, TABLE_POINT } from "./p256-table";

const WINDOWS: u32 = 51;
/** Windows that a block of the base table serves: 32^6 = 2^30. */
const ROUNDS: u32 = 6;

/** out = k · G. `k` is secret, in [1, n - 1]; it is used up (left cleared). */
export function multiplyBase(out: Jacobian, k: Limbs): void {
  const negate = recode(k);
  loadTablePoint(entry, TABLE_BLOCKS * TABLE_BLOCK);
  out.fromAffine(entry.x, entry.y);
  for (let round: u32 = ROUNDS; round-- > 0; ) {
    if (round < ROUNDS - 1) doubleFive(out);
    for (let block: u32 = TABLE_BLOCKS; block-- > 0; ) {
      const window = block * ROUNDS + round;
      if (window >= WINDOWS) continue;
      const digit = <i64>DIGITS[window];
      selectBase(entry, block, digitIndex(digit));
      entry.y.negateMasked(digitSign(digit));
      pointAddAffine(out, entry.x, entry.y);
    }
  }
  out.y.negateMasked(negate);
  out.y.carry();
  entry.clear();
  DIGITS.wipe();
  pointWipe();
}

/** out = k · point. `k` is secret, in [1, n - 1]; it is used up (left cleared). `point` is on the curve. */
export function multiply(out: Jacobian, k: Limbs, point: Affine): void {
  const negate = recode(k);
  out.fromAffine(point.x, point.y);
  packOddMultiples(out);
  for (let window: u32 = WINDOWS; window-- > 0; ) {
    doubleFive(out);
    const digit = <i64>DIGITS[window];
    select(addend, digitIndex(digit));
    addend.y.negateMasked(digitSign(digit));
    pointAdd(out, addend);
  }
  out.y.negateMasked(negate);
  out.y.carry();
  addend.clear();
  DIGITS.wipe();
  pointWipe();
}

function doubleFive(point: Jacobian): void {
  for (let i = 0; i < 5; i++) pointDouble(point);
}

/**
 * Fills DIGITS with the 51 windows of k (or n - k): 1, 3 … 63, standing for the digit minus 32. Clears `k`; returns all
 * ones when the result must be negated, else 0.
 */
function recode(k: Limbs): i64 {
  const negate = scalarMakeOdd(k);
  let w0 = k.word0();
  let w1 = k.word1();
  let w2 = k.word2();
  let w3 = k.word3();
  k.clear();
  for (let i: u32 = 0; i < WINDOWS; i++) {
    DIGITS[i] = <u8>((w0 & 63) | 1);
    w0 = (w0 >> 5) | (w1 << 59);
    w1 = (w1 >> 5) | (w2 << 59);
    w2 = (w2 >> 5) | (w3 << 59);
    w3 >>= 5;
  }
  return negate;
}

/** All ones for a negative digit (a window below 32), else 0. */
function digitSign(window: i64): i64 {
  return (window >> 5) - 1;
}

/** Which odd multiple: (|digit| - 1) / 2, in 0..15. */
function digitIndex(window: i64): i64 {
  const sign = digitSign(window);
  return (((window - 32) ^ sign) - sign) >> 1;
}

/** All ones when i is `index`, else 0; both in [0, 2^62]. */
function equalMask(i: i64, index: i64): i64 {
  return ((i ^ index) - 1) >> 63;
}

/** out = point `index` (secret) of a block of the base table: reads all sixteen. */
function selectBase(out: Affine, block: u32, index: i64): void {
  let x0: u64 = 0;
  let x1: u64 = 0;
  let x2: u64 = 0;
  let x3: u64 = 0;
  let y0: u64 = 0;
  let y1: u64 = 0;
  let y2: u64 = 0;
  let y3: u64 = 0;
  let at = block * TABLE_BLOCK * TABLE_POINT;
  for (let i: u32 = 0; i < TABLE_BLOCK; i++) {
    const mask = <u64>equalMask(i, index);
    x0 |= TABLE[at] & mask;
    x1 |= TABLE[at + 1] & mask;
    x2 |= TABLE[at + 2] & mask;
    x3 |= TABLE[at + 3] & mask;
    y0 |= TABLE[at + 4] & mask;
    y1 |= TABLE[at + 5] & mask;
    y2 |= TABLE[at + 6] & mask;
    y3 |= TABLE[at + 7] & mask;
    at += TABLE_POINT;
  }
  out.x.fromWords(x0, x1, x2, x3);
  out.y.fromWords(y0, y1, y2, y3);
}

/** Fills MULTIPLES with 1, 3 … 31 times `point`. */
function packOddMultiples(point: Jacobian): void {
  addend.copy(point);
  twice.copy(point);
  pointDouble(twice);
  MULTIPLES[0].pack(addend);
  for (let i = 1; i < 16; i++) {
    pointAdd(addend, twice);
    MULTIPLES[i].pack(addend);
  }
  twice.clear();
}

/** A point in fewer words, for the look-up that reads all: two limbs to a word, the signed top limb alone. */
@final
class Packed {
  x0: i64 = 0;
  x1: i64 = 0;
  x2: i64 = 0;
  x3: i64 = 0;
  x4: i64 = 0;
  y0: i64 = 0;
  y1: i64 = 0;
  y2: i64 = 0;
  y3: i64 = 0;
  y4: i64 = 0;
  z0: i64 = 0;
  z1: i64 = 0;
  z2: i64 = 0;
  z3: i64 = 0;
  z4: i64 = 0;

  pack(point: Jacobian): void {
    const x = point.x;
    this.x0 = x.l0 | (x.l1 << 32);
    this.x1 = x.l2 | (x.l3 << 32);
    this.x2 = x.l4 | (x.l5 << 32);
    this.x3 = x.l6 | (x.l7 << 32);
    this.x4 = x.l8;
    const y = point.y;
    this.y0 = y.l0 | (y.l1 << 32);
    this.y1 = y.l2 | (y.l3 << 32);
    this.y2 = y.l4 | (y.l5 << 32);
    this.y3 = y.l6 | (y.l7 << 32);
    this.y4 = y.l8;
    const z = point.z;
    this.z0 = z.l0 | (z.l1 << 32);
    this.z1 = z.l2 | (z.l3 << 32);
    this.z2 = z.l4 | (z.l5 << 32);
    this.z3 = z.l6 | (z.l7 << 32);
    this.z4 = z.l8;
  }
}

/** out = multiple `index` (secret): reads all sixteen. */
function select(out: Jacobian, index: i64): void {
  let x0: i64 = 0;
  let x1: i64 = 0;
  let x2: i64 = 0;
  let x3: i64 = 0;
  let x4: i64 = 0;
  let y0: i64 = 0;
  let y1: i64 = 0;
  let y2: i64 = 0;
  let y3: i64 = 0;
  let y4: i64 = 0;
  let z0: i64 = 0;
  let z1: i64 = 0;
  let z2: i64 = 0;
  let z3: i64 = 0;
  let z4: i64 = 0;
  for (let i = 0; i < 16; i++) {
    const mask = equalMask(i, index);
    const entry = MULTIPLES[i];
    x0 |= entry.x0 & mask;
    x1 |= entry.x1 & mask;
    x2 |= entry.x2 & mask;
    x3 |= entry.x3 & mask;
    x4 |= entry.x4 & mask;
    y0 |= entry.y0 & mask;
    y1 |= entry.y1 & mask;
    y2 |= entry.y2 & mask;
    y3 |= entry.y3 & mask;
    y4 |= entry.y4 & mask;
    z0 |= entry.z0 & mask;
    z1 |= entry.z1 & mask;
    z2 |= entry.z2 & mask;
    z3 |= entry.z3 & mask;
    z4 |= entry.z4 & mask;
  }
  unpack(out.x, x0, x1, x2, x3, x4);
  unpack(out.y, y0, y1, y2, y3, y4);
  unpack(out.z, z0, z1, z2, z3, z4);
}

function unpack(out: Limbs, w0: i64, w1: i64, w2: i64, w3: i64, w4: i64): void {
  out.l0 = w0 & LIMB_MASK;
  out.l1 = w0 >> 32;
  out.l2 = w1 & LIMB_MASK;
  out.l3 = w1 >> 32;
  out.l4 = w2 & LIMB_MASK;
  out.l5 = w2 >> 32;
  out.l6 = w3 & LIMB_MASK;
  out.l7 = w3 >> 32;
  out.l8 = w4;
}

/** The secret digits, between `recode` and the end of a multiplication. */
const DIGITS = Bytes.alloc(WINDOWS);
const MULTIPLES = newPacked();
const entry = new Affine();
const addend = new Jacobian();
const twice = new Jacobian();
function newPacked(): StaticArray<Packed> {
  const all = new StaticArray<Packed>(16);
  for (let i = 0; i < 16; i++) all[i] = new Packed();
  return all;
}
