/**
 * Products and squares in the field of P-256, p = 2^256 - 2^224 + 2^192 + 2^96 - 1, by Montgomery's method (P.
 * Montgomery, "Modular multiplication without trial division", 1985), R = 2^261: the inner loop of everything on this
 * curve.
 *
 * Representation: Montgomery form with R = 2^261, in nine signed limbs of 29 bits (Limbs). wasm multiplies 64 × 64 →
 * 64 only, so the columns of a product must be summed in one i64: nine limbs are the fewest that leave room. p ≡ -1
 * modulo 2^29, so Montgomery's factor of a column is the column's own low limb, and p's sparse shape makes the
 * reduction four shifts a limb and no multiplication. Ten limbs of 26 bits, measured beside this, take 23.6 ns for a
 * product and 14.2 ns for a square in V8; this takes 19.4 and 12.4. In each column the carry is added last: the
 * products then do not wait for the column before (26.6 ns the other way round).
 *
 * Bounds. A *carried* element has limbs 0..7 in [0, 2^29). Sums and differences are taken limb by limb, without a
 * carry: a difference of two carried elements has limbs of size < 2^29 (weight 1), a sum < 2^30 (weight 2). Limb 8
 * holds the value's top, size < 2^28 as long as the value's size is < 8p. A product takes operands whose weights
 * multiply to at most 3: a column then is at most 8·3·2^58 + 2·2^28·2^30 (limb 8's two products) + 2^54 (the
 * reduction's shifts) + 2^35 (carry) < 2^63. Values need no reduction: for operands of sizes αp and βp the result
 * lies in (-αβ/32 · p, (1 + αβ/32) · p), since p < R / 32; with α, β < 5.6 that is (-p, 2p). A fused subtraction adds
 * its own range to that. The formulas in p256-point.ts stay below 5.6p, and say where they come close. Nothing
 * branches on, or indexes by, a value.
 */
import { LIMB_BITS, LIMB_MASK, Limbs } from "./p256-limbs";

/** out = a · b, carried. `out` may be `a` or `b`. */
export function fieldMul(out: Limbs, a: Limbs, b: Limbs): void {
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
  const m0 = t & LIMB_MASK;
  t = a0 * b1 + a1 * b0 + (t >> LIMB_BITS);
  const m1 = t & LIMB_MASK;
  t = a0 * b2 + a1 * b1 + a2 * b0 + (t >> LIMB_BITS);
  const m2 = t & LIMB_MASK;
  t = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + (m0 << 9) + (t >> LIMB_BITS);
  const m3 = t & LIMB_MASK;
  t = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + (m1 << 9) + (t >> LIMB_BITS);
  const m4 = t & LIMB_MASK;
  t = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 + (m2 << 9) + (t >> LIMB_BITS);
  const m5 = t & LIMB_MASK;
  t = a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0 + (m3 << 9) + (m0 << 18) + (t >> LIMB_BITS);
  const m6 = t & LIMB_MASK;
  t =
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0 +
    (m4 << 9) +
    (m1 << 18) -
    (m0 << 21) +
    (t >> LIMB_BITS);
  const m7 = t & LIMB_MASK;
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
    (m5 << 9) +
    (m2 << 18) -
    (m1 << 21) +
    (m0 << 24) +
    (t >> LIMB_BITS);
  const m8 = t & LIMB_MASK;
  t =
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1 +
    (m6 << 9) +
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
    (m7 << 9) +
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
    (m8 << 9) +
    (m5 << 18) -
    (m4 << 21) +
    (m3 << 24) +
    (t >> LIMB_BITS);
  out.l2 = t & LIMB_MASK;
  t = a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4 + (m6 << 18) - (m5 << 21) + (m4 << 24) + (t >> LIMB_BITS);
  out.l3 = t & LIMB_MASK;
  t = a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + (m7 << 18) - (m6 << 21) + (m5 << 24) + (t >> LIMB_BITS);
  out.l4 = t & LIMB_MASK;
  t = a6 * b8 + a7 * b7 + a8 * b6 + (m8 << 18) - (m7 << 21) + (m6 << 24) + (t >> LIMB_BITS);
  out.l5 = t & LIMB_MASK;
  t = a7 * b8 + a8 * b7 - (m8 << 21) + (m7 << 24) + (t >> LIMB_BITS);
  out.l6 = t & LIMB_MASK;
  t = a8 * b8 + (m8 << 24) + (t >> LIMB_BITS);
  out.l7 = t & LIMB_MASK;
  out.l8 = t >> LIMB_BITS;
}

/** out = a², carried. `out` may be `a`. */
export function fieldSquare(out: Limbs, a: Limbs): void {
  const a0 = a.l0;
  const a1 = a.l1;
  const a2 = a.l2;
  const a3 = a.l3;
  const a4 = a.l4;
  const a5 = a.l5;
  const a6 = a.l6;
  const a7 = a.l7;
  const a8 = a.l8;
  const d0 = a0 << 1;
  const d1 = a1 << 1;
  const d2 = a2 << 1;
  const d3 = a3 << 1;
  const d4 = a4 << 1;
  const d5 = a5 << 1;
  const d6 = a6 << 1;
  const d7 = a7 << 1;
  let t = a0 * a0;
  const m0 = t & LIMB_MASK;
  t = d0 * a1 + (t >> LIMB_BITS);
  const m1 = t & LIMB_MASK;
  t = d0 * a2 + a1 * a1 + (t >> LIMB_BITS);
  const m2 = t & LIMB_MASK;
  t = d0 * a3 + d1 * a2 + (m0 << 9) + (t >> LIMB_BITS);
  const m3 = t & LIMB_MASK;
  t = d0 * a4 + d1 * a3 + a2 * a2 + (m1 << 9) + (t >> LIMB_BITS);
  const m4 = t & LIMB_MASK;
  t = d0 * a5 + d1 * a4 + d2 * a3 + (m2 << 9) + (t >> LIMB_BITS);
  const m5 = t & LIMB_MASK;
  t = d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3 + (m3 << 9) + (m0 << 18) + (t >> LIMB_BITS);
  const m6 = t & LIMB_MASK;
  t = d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4 + (m4 << 9) + (m1 << 18) - (m0 << 21) + (t >> LIMB_BITS);
  const m7 = t & LIMB_MASK;
  t =
    d0 * a8 +
    d1 * a7 +
    d2 * a6 +
    d3 * a5 +
    a4 * a4 +
    (m5 << 9) +
    (m2 << 18) -
    (m1 << 21) +
    (m0 << 24) +
    (t >> LIMB_BITS);
  const m8 = t & LIMB_MASK;
  t = d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5 + (m6 << 9) + (m3 << 18) - (m2 << 21) + (m1 << 24) + (t >> LIMB_BITS);
  out.l0 = t & LIMB_MASK;
  t = d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5 + (m7 << 9) + (m4 << 18) - (m3 << 21) + (m2 << 24) + (t >> LIMB_BITS);
  out.l1 = t & LIMB_MASK;
  t = d3 * a8 + d4 * a7 + d5 * a6 + (m8 << 9) + (m5 << 18) - (m4 << 21) + (m3 << 24) + (t >> LIMB_BITS);
  out.l2 = t & LIMB_MASK;
  t = d4 * a8 + d5 * a7 + a6 * a6 + (m6 << 18) - (m5 << 21) + (m4 << 24) + (t >> LIMB_BITS);
  out.l3 = t & LIMB_MASK;
  t = d5 * a8 + d6 * a7 + (m7 << 18) - (m6 << 21) + (m5 << 24) + (t >> LIMB_BITS);
  out.l4 = t & LIMB_MASK;
  t = d6 * a8 + a7 * a7 + (m8 << 18) - (m7 << 21) + (m6 << 24) + (t >> LIMB_BITS);
  out.l5 = t & LIMB_MASK;
  t = d7 * a8 - (m8 << 21) + (m7 << 24) + (t >> LIMB_BITS);
  out.l6 = t & LIMB_MASK;
  t = a8 * a8 + (m8 << 24) + (t >> LIMB_BITS);
  out.l7 = t & LIMB_MASK;
  out.l8 = t >> LIMB_BITS;
}

/** out = a · b - c, carried; `c` of any weight up to 8. `out` must not be `c`. */
export function fieldMulSub(out: Limbs, a: Limbs, b: Limbs, c: Limbs): void {
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
  const m0 = t & LIMB_MASK;
  t = a0 * b1 + a1 * b0 + (t >> LIMB_BITS);
  const m1 = t & LIMB_MASK;
  t = a0 * b2 + a1 * b1 + a2 * b0 + (t >> LIMB_BITS);
  const m2 = t & LIMB_MASK;
  t = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + (m0 << 9) + (t >> LIMB_BITS);
  const m3 = t & LIMB_MASK;
  t = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + (m1 << 9) + (t >> LIMB_BITS);
  const m4 = t & LIMB_MASK;
  t = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 + (m2 << 9) + (t >> LIMB_BITS);
  const m5 = t & LIMB_MASK;
  t = a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0 + (m3 << 9) + (m0 << 18) + (t >> LIMB_BITS);
  const m6 = t & LIMB_MASK;
  t =
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0 +
    (m4 << 9) +
    (m1 << 18) -
    (m0 << 21) +
    (t >> LIMB_BITS);
  const m7 = t & LIMB_MASK;
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
    (m5 << 9) +
    (m2 << 18) -
    (m1 << 21) +
    (m0 << 24) +
    (t >> LIMB_BITS);
  const m8 = t & LIMB_MASK;
  t =
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1 +
    (m6 << 9) +
    (m3 << 18) -
    (m2 << 21) +
    (m1 << 24) -
    c.l0 +
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
    (m7 << 9) +
    (m4 << 18) -
    (m3 << 21) +
    (m2 << 24) -
    c.l1 +
    (t >> LIMB_BITS);
  out.l1 = t & LIMB_MASK;
  t =
    a3 * b8 +
    a4 * b7 +
    a5 * b6 +
    a6 * b5 +
    a7 * b4 +
    a8 * b3 +
    (m8 << 9) +
    (m5 << 18) -
    (m4 << 21) +
    (m3 << 24) -
    c.l2 +
    (t >> LIMB_BITS);
  out.l2 = t & LIMB_MASK;
  t = a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4 + (m6 << 18) - (m5 << 21) + (m4 << 24) - c.l3 + (t >> LIMB_BITS);
  out.l3 = t & LIMB_MASK;
  t = a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + (m7 << 18) - (m6 << 21) + (m5 << 24) - c.l4 + (t >> LIMB_BITS);
  out.l4 = t & LIMB_MASK;
  t = a6 * b8 + a7 * b7 + a8 * b6 + (m8 << 18) - (m7 << 21) + (m6 << 24) - c.l5 + (t >> LIMB_BITS);
  out.l5 = t & LIMB_MASK;
  t = a7 * b8 + a8 * b7 - (m8 << 21) + (m7 << 24) - c.l6 + (t >> LIMB_BITS);
  out.l6 = t & LIMB_MASK;
  t = a8 * b8 + (m8 << 24) - c.l7 + (t >> LIMB_BITS);
  out.l7 = t & LIMB_MASK;
  out.l8 = (t >> LIMB_BITS) - c.l8;
}

/** out = a² - c - d, carried; `c` and `d` of any weight up to 8. `out` must be neither `c` nor `d`. */
export function fieldSquareSub(out: Limbs, a: Limbs, c: Limbs, d: Limbs): void {
  const a0 = a.l0;
  const a1 = a.l1;
  const a2 = a.l2;
  const a3 = a.l3;
  const a4 = a.l4;
  const a5 = a.l5;
  const a6 = a.l6;
  const a7 = a.l7;
  const a8 = a.l8;
  const d0 = a0 << 1;
  const d1 = a1 << 1;
  const d2 = a2 << 1;
  const d3 = a3 << 1;
  const d4 = a4 << 1;
  const d5 = a5 << 1;
  const d6 = a6 << 1;
  const d7 = a7 << 1;
  let t = a0 * a0;
  const m0 = t & LIMB_MASK;
  t = d0 * a1 + (t >> LIMB_BITS);
  const m1 = t & LIMB_MASK;
  t = d0 * a2 + a1 * a1 + (t >> LIMB_BITS);
  const m2 = t & LIMB_MASK;
  t = d0 * a3 + d1 * a2 + (m0 << 9) + (t >> LIMB_BITS);
  const m3 = t & LIMB_MASK;
  t = d0 * a4 + d1 * a3 + a2 * a2 + (m1 << 9) + (t >> LIMB_BITS);
  const m4 = t & LIMB_MASK;
  t = d0 * a5 + d1 * a4 + d2 * a3 + (m2 << 9) + (t >> LIMB_BITS);
  const m5 = t & LIMB_MASK;
  t = d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3 + (m3 << 9) + (m0 << 18) + (t >> LIMB_BITS);
  const m6 = t & LIMB_MASK;
  t = d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4 + (m4 << 9) + (m1 << 18) - (m0 << 21) + (t >> LIMB_BITS);
  const m7 = t & LIMB_MASK;
  t =
    d0 * a8 +
    d1 * a7 +
    d2 * a6 +
    d3 * a5 +
    a4 * a4 +
    (m5 << 9) +
    (m2 << 18) -
    (m1 << 21) +
    (m0 << 24) +
    (t >> LIMB_BITS);
  const m8 = t & LIMB_MASK;
  t =
    d1 * a8 +
    d2 * a7 +
    d3 * a6 +
    d4 * a5 +
    (m6 << 9) +
    (m3 << 18) -
    (m2 << 21) +
    (m1 << 24) -
    c.l0 -
    d.l0 +
    (t >> LIMB_BITS);
  out.l0 = t & LIMB_MASK;
  t =
    d2 * a8 +
    d3 * a7 +
    d4 * a6 +
    a5 * a5 +
    (m7 << 9) +
    (m4 << 18) -
    (m3 << 21) +
    (m2 << 24) -
    c.l1 -
    d.l1 +
    (t >> LIMB_BITS);
  out.l1 = t & LIMB_MASK;
  t = d3 * a8 + d4 * a7 + d5 * a6 + (m8 << 9) + (m5 << 18) - (m4 << 21) + (m3 << 24) - c.l2 - d.l2 + (t >> LIMB_BITS);
  out.l2 = t & LIMB_MASK;
  t = d4 * a8 + d5 * a7 + a6 * a6 + (m6 << 18) - (m5 << 21) + (m4 << 24) - c.l3 - d.l3 + (t >> LIMB_BITS);
  out.l3 = t & LIMB_MASK;
  t = d5 * a8 + d6 * a7 + (m7 << 18) - (m6 << 21) + (m5 << 24) - c.l4 - d.l4 + (t >> LIMB_BITS);
  out.l4 = t & LIMB_MASK;
  t = d6 * a8 + a7 * a7 + (m8 << 18) - (m7 << 21) + (m6 << 24) - c.l5 - d.l5 + (t >> LIMB_BITS);
  out.l5 = t & LIMB_MASK;
  t = d7 * a8 - (m8 << 21) + (m7 << 24) - c.l6 - d.l6 + (t >> LIMB_BITS);
  out.l6 = t & LIMB_MASK;
  t = a8 * a8 + (m8 << 24) - c.l7 - d.l7 + (t >> LIMB_BITS);
  out.l7 = t & LIMB_MASK;
  out.l8 = (t >> LIMB_BITS) - c.l8 - d.l8;
}
