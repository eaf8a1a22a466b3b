/**
 * Scalars of P-256: integers modulo the group's order n (SP 800-186 §3.2.1.3), in canonical Limbs unless said
 * otherwise.
 *
 * Products are Montgomery's with R = 2^261. n = 2^256 - 2^224 + 2^192 - 2^145 + (five limbs), so a step of the
 * reduction is five multiplications and three shifts. Bounds: operands with limbs 0..7 in [0, 2^30) and [0, 2^29) and
 * values below 2^257 give columns of at most 9·2^59 + 5·2^58 + 2^54 + carry < 2^63, and a result below n · (1 + 2^257
 * / 2^261) < 2n, which one masked subtraction makes canonical. Constant time throughout.
 */
import { Bytes } from "bytes";
import { inverse } from "./p256-inverse";
import { LIMB_BITS, LIMB_MASK, Limbs } from "./p256-limbs";

/** Takes 32 bytes, big-endian, without reducing: 1 when the number is in [1, n - 1], else 0. */
export function scalarFromBytes(out: Limbs, bytes: Bytes): u64 {
  out.fromBytes(bytes);
  return out.isBelow(N) & (out.isZero() ^ 1);
}

/** Takes 32 bytes, big-endian, and reduces them modulo n (bits2int and the reduction of RFC 6979 §2.3.4). */
export function scalarReduceBytes(out: Limbs, bytes: Bytes): void {
  out.fromBytes(bytes);
  out.reduceOnce(N);
}

/** Brings a carried integer below 2n to [0, n). */
export function scalarReduce(out: Limbs): void {
  out.reduceOnce(N);
}

/** out = a · b; `b` canonical, `a` canonical or the sum of two such, limb by limb. `out` may be `a` or `b`. */
export function scalarMul(out: Limbs, a: Limbs, b: Limbs): void {
  montgomery(lifted, b, R_SQUARED);
  montgomery(out, a, lifted);
  out.reduceOnce(N);
  lifted.clear();
}

/** out = a + b, limb by limb, below 2n: for `scalarMul`. */
export function scalarSum(out: Limbs, a: Limbs, b: Limbs): void {
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

/** out = 1 / a; 0 for 0. `out` may be `a`. */
export function scalarInvert(out: Limbs, a: Limbs): void {
  inverse(out, a, N, N_INVERSE);
}

/** Adds n to a canonical `a`, without reducing: for the comparison of a signature's r with an x-coordinate. */
export function scalarPlusOrder(a: Limbs): void {
  a.addMasked(N, -1);
}

/**
 * Makes `k` odd, by replacing an even `k` (in [1, n - 1]) by n - k, in constant time. Returns all ones where it did,
 * so that the caller negates its point, else 0.
 */
export function scalarMakeOdd(k: Limbs): i64 {
  const even = (k.l0 & 1) - 1;
  k.negateMasked(even);
  k.addMasked(N, even);
  return even;
}

/** out = a · b / R: operands and result as the bounds above say (carried, below 2n). `out` may be `a` or `b`. */
function montgomery(out: Limbs, a: Limbs, b: Limbs): void {
  const a0 = a.l0;
  const a1 = a.l1;
  const a2 = a.l2;
  const a3 = a.l3;
  const a4 = a.l4;
  const a5 = a.l5;
  const a6 = a.l6;
  const a7 = a.l7;
  const a8 = a.l8;
  const b0 = b.l0;
  const b1 = b.l1;
  const b2 = b.l2;
  const b3 = b.l3;
  const b4 = b.l4;
  const b5 = b.l5;
  const b6 = b.l6;
  const b7 = b.l7;
  const b8 = b.l8;
  let t = a0 * b0;
  const m0 = (t * N_INVERSE) & LIMB_MASK;
  t += m0 * N0;
  t = a0 * b1 + a1 * b0 + m0 * N1 + (t >> LIMB_BITS);
  const m1 = (t * N_INVERSE) & LIMB_MASK;
  t += m1 * N0;
  t = a0 * b2 + a1 * b1 + a2 * b0 + m1 * N1 + m0 * N2 + (t >> LIMB_BITS);
  const m2 = (t * N_INVERSE) & LIMB_MASK;
  t += m2 * N0;
  t = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + m2 * N1 + m1 * N2 + m0 * N3 + (t >> LIMB_BITS);
  const m3 = (t * N_INVERSE) & LIMB_MASK;
  t += m3 * N0;
  t = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + m3 * N1 + m2 * N2 + m1 * N3 + m0 * N4 + (t >> LIMB_BITS);
  const m4 = (t * N_INVERSE) & LIMB_MASK;
  t += m4 * N0;
  t =
    a0 * b5 +
    a1 * b4 +
    a2 * b3 +
    a3 * b2 +
    a4 * b1 +
    a5 * b0 +
    m4 * N1 +
    m3 * N2 +
    m2 * N3 +
    m1 * N4 -
    m0 +
    (t >> LIMB_BITS);
  const m5 = (t * N_INVERSE) & LIMB_MASK;
  t += m5 * N0;
  t =
    a0 * b6 +
    a1 * b5 +
    a2 * b4 +
    a3 * b3 +
    a4 * b2 +
    a5 * b1 +
    a6 * b0 +
    m5 * N1 +
    m4 * N2 +
    m3 * N3 +
    m2 * N4 -
    m1 +
    (m0 << 18) +
    (t >> LIMB_BITS);
  const m6 = (t * N_INVERSE) & LIMB_MASK;
  t += m6 * N0;
  t =
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0 +
    m6 * N1 +
    m5 * N2 +
    m4 * N3 +
    m3 * N4 -
    m2 +
    (m1 << 18) -
    (m0 << 21) +
    (t >> LIMB_BITS);
  const m7 = (t * N_INVERSE) & LIMB_MASK;
  t += m7 * N0;
  t =
    a0 * b8 +
    a1 * b7 +
    a2 * b6 +
    a3 * b5 +
    a4 * b4 +
    a5 * b3 +
    a6 * b2 +
    a7 * b1 +
    a8 * b0 +
    m7 * N1 +
    m6 * N2 +
    m5 * N3 +
    m4 * N4 -
    m3 +
    (m2 << 18) -
    (m1 << 21) +
    (m0 << 24) +
    (t >> LIMB_BITS);
  const m8 = (t * N_INVERSE) & LIMB_MASK;
  t += m8 * N0;
  t =
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1 +
    m8 * N1 +
    m7 * N2 +
    m6 * N3 +
    m5 * N4 -
    m4 +
    (m3 << 18) -
    (m2 << 21) +
    (m1 << 24) +
    (t >> LIMB_BITS);
  out.l0 = t & LIMB_MASK;
  t =
    a2 * b8 +
    a3 * b7 +
    a4 * b6 +
    a5 * b5 +
    a6 * b4 +
    a7 * b3 +
    a8 * b2 +
    m8 * N2 +
    m7 * N3 +
    m6 * N4 -
    m5 +
    (m4 << 18) -
    (m3 << 21) +
    (m2 << 24) +
    (t >> LIMB_BITS);
  out.l1 = t & LIMB_MASK;
  t =
    a3 * b8 +
    a4 * b7 +
    a5 * b6 +
    a6 * b5 +
    a7 * b4 +
    a8 * b3 +
    m8 * N3 +
    m7 * N4 -
    m6 +
    (m5 << 18) -
    (m4 << 21) +
    (m3 << 24) +
    (t >> LIMB_BITS);
  out.l2 = t & LIMB_MASK;
  t =
    a4 * b8 +
    a5 * b7 +
    a6 * b6 +
    a7 * b5 +
    a8 * b4 +
    m8 * N4 -
    m7 +
    (m6 << 18) -
    (m5 << 21) +
    (m4 << 24) +
    (t >> LIMB_BITS);
  out.l3 = t & LIMB_MASK;
  t = a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 - m8 + (m7 << 18) - (m6 << 21) + (m5 << 24) + (t >> LIMB_BITS);
  out.l4 = t & LIMB_MASK;
  t = a6 * b8 + a7 * b7 + a8 * b6 + (m8 << 18) - (m7 << 21) + (m6 << 24) + (t >> LIMB_BITS);
  out.l5 = t & LIMB_MASK;
  t = a7 * b8 + a8 * b7 - (m8 << 21) + (m7 << 24) + (t >> LIMB_BITS);
  out.l6 = t & LIMB_MASK;
  t = a8 * b8 + (m8 << 24) + (t >> LIMB_BITS);
  out.l7 = t & LIMB_MASK;
  out.l8 = t >> LIMB_BITS;
}

const N0: i64 = 0x1c632551;
const N1: i64 = 0x1dce5617;
const N2: i64 = 0x5e7a13c;
const N3: i64 = 0xdf55b4e;
const N4: i64 = 0x1ffffbce;
/** -n^-1 modulo 2^29. */
const N_INVERSE: i64 = 0xe00bc4f;
/** n itself: limbs 5 to 8 are -1 + 2^18·2^29 - 2^21·2^58 + 2^24·2^87, carried. */
const N = new Limbs(N0, N1, N2, N3, N4, 0x1fffffff, 0x3ffff, 0x1fe00000, 0xffffff);
/** R² modulo n. */
const R_SQUARED = new Limbs(
  0x148d9ef5,
  0xf4e7f75,
  0x14c6a651,
  0x3f8b765,
  0x165861f1,
  0x1256d7d8,
  0x1c185b23,
  0xd4cab0f,
  0x84b655,
);
const lifted = new Limbs();
