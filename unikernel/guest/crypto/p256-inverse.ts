/**
 * Modular inversion in constant time by division steps: Bernstein and Yang, "Fast constant-time gcd computation and
 * modular inversion" (2019), in the variant that starts from δ = 1/2, for which 590 steps suffice for any odd modulus
 * and any input below it of up to 256 bits (Wuille's bound, checked by machine). Used for the field and the scalars.
 *
 * 21 rounds of 29 steps (609). A round looks only at the low 29 bits of f and g, collects its steps in a 2×2 matrix
 * with entries of at most 2^29 in size, and applies the matrix, divided by 2^29, to (f, g) exactly and to (d, e)
 * modulo m. Invariants: d·x ≡ f and e·x ≡ g (mod m) up to one common power of two that each round's division takes
 * out; -2m < d, e < m. At the end g = 0 and f = ±1, so ±d is the inverse (or 0 when x = 0). A sum of an update is at
 * most 2·2^29·2^29 + 2^30·2^29 + carry < 2^61, so no i64 overflows. Every loop bound and index is a constant.
 */
import { LIMB_BITS, LIMB_MASK, Limbs } from "./p256-limbs";

const ROUNDS: i32 = 21;

const f = new Limbs();
const g = new Limbs();
const d = new Limbs();
const e = new Limbs();

/** A round's matrix: 2^29 · (f', g') = (u f + v g, q f + r g). */
@final
class Steps {
  u: i64 = 0;
  v: i64 = 0;
  q: i64 = 0;
  r: i64 = 0;

  /** Takes 29 division steps from the low bits of f and g; returns ζ = -(δ + 1/2) afterwards. */
  take(zeta: i64, fLow: i64, gLow: i64): i64 {
    let u: i64 = 1;
    let v: i64 = 0;
    let q: i64 = 0;
    let r: i64 = 1;
    let a = fLow;
    let b = gLow;
    for (let i: i64 = 0; i < LIMB_BITS; i++) {
      let swap = zeta >> 63;
      const odd = 0 - (b & 1);
      b += ((a ^ swap) - swap) & odd;
      q += ((u ^ swap) - swap) & odd;
      r += ((v ^ swap) - swap) & odd;
      swap &= odd;
      zeta = (zeta ^ swap) - 1;
      a += b & swap;
      u = (u + (q & swap)) << 1;
      v = (v + (r & swap)) << 1;
      b >>= 1;
    }
    this.u = u;
    this.v = v;
    this.q = q;
    this.r = r;
    return zeta;
  }

  wipe(): void {
    this.u = 0;
    this.v = 0;
    this.q = 0;
    this.r = 0;
  }
}

const steps = new Steps();

/**
 * Writes the inverse of `x` modulo `modulus` to `out`, canonical; 0 for x = 0. `x` must be canonical, `modulus` an
 * odd prime; `negativeInverse` is -modulus^-1 mod 2^29. `out` may be `x`. Leaves no trace of `x` in this module.
 */
export function inverse(out: Limbs, x: Limbs, modulus: Limbs, negativeInverse: i64): void {
  f.copy(modulus);
  g.copy(x);
  d.clear();
  e.clear();
  e.l0 = 1;
  let zeta: i64 = -1;
  for (let i = 0; i < ROUNDS; i++) {
    zeta = steps.take(zeta, f.l0, g.l0);
    updateExact();
    updateModular(modulus, negativeInverse);
  }
  const sign = f.l8 >> 63;
  d.addMasked(modulus, d.l8 >> 63);
  d.negateMasked(sign);
  d.carry();
  d.addMasked(modulus, d.l8 >> 63);
  out.copy(d);
  f.clear();
  g.clear();
  d.clear();
  e.clear();
  steps.wipe();
}

/** (f, g) := matrix · (f, g) / 2^29, exact: the low 29 bits of both sums are zero. */
function updateExact(): void {
  const u = steps.u;
  const v = steps.v;
  const q = steps.q;
  const r = steps.r;
  let x = f.l0;
  let y = g.l0;
  let s = (u * x + v * y) >> LIMB_BITS;
  let t = (q * x + r * y) >> LIMB_BITS;
  x = f.l1;
  y = g.l1;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l0 = s & LIMB_MASK;
  g.l0 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l2;
  y = g.l2;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l1 = s & LIMB_MASK;
  g.l1 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l3;
  y = g.l3;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l2 = s & LIMB_MASK;
  g.l2 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l4;
  y = g.l4;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l3 = s & LIMB_MASK;
  g.l3 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l5;
  y = g.l5;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l4 = s & LIMB_MASK;
  g.l4 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l6;
  y = g.l6;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l5 = s & LIMB_MASK;
  g.l5 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l7;
  y = g.l7;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l6 = s & LIMB_MASK;
  g.l6 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = f.l8;
  y = g.l8;
  s += u * x + v * y;
  t += q * x + r * y;
  f.l7 = s & LIMB_MASK;
  g.l7 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  f.l8 = s;
  g.l8 = t;
}

/** (d, e) := matrix · (d, e) / 2^29 modulo the modulus, multiples of which are added to make the division exact. */
function updateModular(modulus: Limbs, negativeInverse: i64): void {
  const u = steps.u;
  const v = steps.v;
  const q = steps.q;
  const r = steps.r;
  const dSign = d.l8 >> 63;
  const eSign = e.l8 >> 63;
  let x = d.l0;
  let y = e.l0;
  let p = modulus.l0;
  let s = u * x + v * y;
  let t = q * x + r * y;
  // The multiple of m: in (-2^30, 2^29], congruent to what clears the low limb, shifted so that d and e stay in range.
  let a = (u & dSign) + (v & eSign);
  let b = (q & dSign) + (r & eSign);
  a -= (a - s * negativeInverse) & LIMB_MASK;
  b -= (b - t * negativeInverse) & LIMB_MASK;
  s = (s + p * a) >> LIMB_BITS;
  t = (t + p * b) >> LIMB_BITS;
  x = d.l1;
  y = e.l1;
  p = modulus.l1;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l0 = s & LIMB_MASK;
  e.l0 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l2;
  y = e.l2;
  p = modulus.l2;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l1 = s & LIMB_MASK;
  e.l1 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l3;
  y = e.l3;
  p = modulus.l3;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l2 = s & LIMB_MASK;
  e.l2 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l4;
  y = e.l4;
  p = modulus.l4;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l3 = s & LIMB_MASK;
  e.l3 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l5;
  y = e.l5;
  p = modulus.l5;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l4 = s & LIMB_MASK;
  e.l4 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l6;
  y = e.l6;
  p = modulus.l6;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l5 = s & LIMB_MASK;
  e.l5 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l7;
  y = e.l7;
  p = modulus.l7;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l6 = s & LIMB_MASK;
  e.l6 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  x = d.l8;
  y = e.l8;
  p = modulus.l8;
  s += u * x + v * y + p * a;
  t += q * x + r * y + p * b;
  d.l7 = s & LIMB_MASK;
  e.l7 = t & LIMB_MASK;
  s >>= LIMB_BITS;
  t >>= LIMB_BITS;
  d.l8 = s;
  e.l8 = t;
}
