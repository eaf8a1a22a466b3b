/**
 * The field of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3): integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
 *
 * Elements are in Montgomery form with R = 2^261, in nine signed limbs of 29 bits. p256-product.ts has the products,
 * and says why this representation and how far limbs and values may stray: the words *carried*, *weight* and *size*
 * are its. Nothing branches on, or indexes by, a value, but where it says public.
 */
import { Bytes } from "bytes";
import { inverse } from "./p256-inverse";
import { LIMB_BITS, LIMB_MASK, Limbs } from "./p256-limbs";
import { fieldMul } from "./p256-product";

/** Writes 1 in Montgomery form. */
export function fieldOne(out: Limbs): void {
  out.copy(ONE);
}

/**
 * Takes 32 bytes, big-endian; writes the Montgomery form to `out`. False when the number is not below p (`out` is
 * then meaningless). The answer is the only thing that depends on the bytes.
 */
export function fieldFromBytes(out: Limbs, bytes: Bytes): bool {
  out.fromBytes(bytes);
  const valid = <bool>out.isBelow(P);
  fieldMul(out, out, R_SQUARED);
  return valid;
}

/** Writes 32 bytes, big-endian: the canonical value of `a`, which must be smaller than 8p in size. */
export function fieldToBytes(bytes: Bytes, a: Limbs): void {
  fieldPlain(plain, a);
  plain.toBytes(bytes);
  plain.clear();
}

/** Out of Montgomery form: writes the canonical integer that `a` (size < 8p) stands for. */
export function fieldPlain(out: Limbs, a: Limbs): void {
  // (a + m p) / R with |a| < R / 4 and 0 <= m < R lies in [0, p].
  fieldMul(out, a, PLAIN_ONE);
  out.reduceOnce(P);
}

/** Into Montgomery form: takes any carried integer of size < 8p. */
export function fieldMontgomery(out: Limbs, a: Limbs): void {
  fieldMul(out, a, R_SQUARED);
}

/** Whether a carried integer (not in Montgomery form) that is not negative is below p. */
export function fieldContains(a: Limbs): bool {
  return <bool>a.isBelow(P);
}

/** Whether `a` (size < 8p) is zero modulo p. For public values: callers branch on it. */
export function fieldIsZero(a: Limbs): bool {
  fieldPlain(plain, a);
  return <bool>plain.isZero();
}

/**
 * Whether `a` (public, weight at most 2, size < 8p) can be zero modulo p: a cheap test that only rarely says yes
 * wrongly.
 */
export function fieldMayBeZero(a: Limbs): bool {
  // A multiple j·p has the low limb -j modulo 2^29, and |j| <= 8.
  return ((a.l0 + 8) & LIMB_MASK) <= 16;
}

/** out = 1 / a; 0 for 0. `out` may be `a`. Constant time. */
export function fieldInvert(out: Limbs, a: Limbs): void {
  fieldPlain(plain, a);
  inverse(plain, plain, P, 1);
  fieldMul(out, plain, R_SQUARED);
  plain.clear();
}

/** out = a + b, limb by limb: the weights add. */
export function fieldAdd(out: Limbs, a: Limbs, b: Limbs): void {
  out.l0 = a.l0 + b.l0;
  out.l1 = a.l1 + b.l1;
  out.l2 = a.l2 + b.l2;
  out.l3 = a.l3 + b.l3;
  out.l4 = a.l4 + b.l4;
  out.l5 = a.l5 + b.l5;
  out.l6 = a.l6 + b.l6;
  out.l7 = a.l7 + b.l7;
  out.l8 = a.l8 + b.l8;
}

/** out = a - b, limb by limb: weight 1 when both are carried. */
export function fieldSub(out: Limbs, a: Limbs, b: Limbs): void {
  out.l0 = a.l0 - b.l0;
  out.l1 = a.l1 - b.l1;
  out.l2 = a.l2 - b.l2;
  out.l3 = a.l3 - b.l3;
  out.l4 = a.l4 - b.l4;
  out.l5 = a.l5 - b.l5;
  out.l6 = a.l6 - b.l6;
  out.l7 = a.l7 - b.l7;
  out.l8 = a.l8 - b.l8;
}

/**
 * out = 3a / 2 for a carried `a`. Halving adds p to an odd number first: a / 2 is floor(a / 2), plus (p + 1) / 2 =
 * 2^255 - 2^223 + 2^191 + 2^95 where a is odd. Each limb passes its carry to the next only, which leaves limbs in
 * [-2, 2^29 + 2]: as good as carried for every bound above.
 */
export function fieldThreeHalves(out: Limbs, a: Limbs): void {
  const odd = a.l0 & 1;
  const t0 = a.l0 + (a.l0 >> 1) + ((a.l1 & 1) << 28);
  const t1 = a.l1 + (a.l1 >> 1) + ((a.l2 & 1) << 28);
  const t2 = a.l2 + (a.l2 >> 1) + ((a.l3 & 1) << 28);
  const t3 = a.l3 + (a.l3 >> 1) + ((a.l4 & 1) << 28) + (odd << 8);
  const t4 = a.l4 + (a.l4 >> 1) + ((a.l5 & 1) << 28);
  const t5 = a.l5 + (a.l5 >> 1) + ((a.l6 & 1) << 28);
  const t6 = a.l6 + (a.l6 >> 1) + ((a.l7 & 1) << 28) + (odd << 17);
  const t7 = a.l7 + (a.l7 >> 1) + ((a.l8 & 1) << 28) - (odd << 20);
  const t8 = a.l8 + (a.l8 >> 1) + (odd << 23);
  out.l0 = t0 & LIMB_MASK;
  out.l1 = (t1 & LIMB_MASK) + (t0 >> LIMB_BITS);
  out.l2 = (t2 & LIMB_MASK) + (t1 >> LIMB_BITS);
  out.l3 = (t3 & LIMB_MASK) + (t2 >> LIMB_BITS);
  out.l4 = (t4 & LIMB_MASK) + (t3 >> LIMB_BITS);
  out.l5 = (t5 & LIMB_MASK) + (t4 >> LIMB_BITS);
  out.l6 = (t6 & LIMB_MASK) + (t5 >> LIMB_BITS);
  out.l7 = (t7 & LIMB_MASK) + (t6 >> LIMB_BITS);
  out.l8 = t8 + (t7 >> LIMB_BITS);
}

/** p itself. */
const P = new Limbs(0x1fffffff, 0x1fffffff, 0x1fffffff, 0x1ff, 0x0, 0x0, 0x40000, 0x1fe00000, 0xffffff);
/** R modulo p: 1 in Montgomery form. */
const ONE = new Limbs(0x20, 0x0, 0x0, 0x1fffc000, 0x1fffffff, 0x1fffffff, 0x1f7fffff, 0x3ffffff, 0x0);
/** R² modulo p: multiplying by it brings an integer into Montgomery form. */
const R_SQUARED = new Limbs(0xc00, 0x0, 0x1fff0000, 0x1fdfffff, 0x1fbfffff, 0x1fffffff, 0x1fffffff, 0x1ffffffe, 0x13);
const PLAIN_ONE = new Limbs(1);
const plain = new Limbs();
