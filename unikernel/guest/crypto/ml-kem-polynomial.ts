/**
 * Polynomials of ML-KEM (FIPS 203 §2.4.4, §4.3): 256 coefficients mod q = 3329, the number-theoretic transform and products.
 *
 * Coefficients are unsigned and, at the border of every function here, in [0, q). Reduction multiplies by a rounded 1/q:
 * no division, and no branch or index on a coefficient. Everything may be secret.
 */
export const Q: u32 = 3329;

export type Polynomial = StaticArray<u16>;
/** Coefficients of a sum of products: at most three products, not reduced. */
export type Sum = StaticArray<u32>;

export function newPolynomial(): Polynomial {
  return new StaticArray<u16>(256);
}

/** In place, to the NTT domain (Algorithm 9). Coefficients up to q + 2 are taken. */
export function ntt(f: Polynomial): void {
  let k = 1;
  for (let length = 128; length >= 2; length >>= 1) {
    for (let start = 0; start < 256; start += 2 * length) {
      const zeta = <u32>ZETAS[k++];
      for (let j = start; j < start + length; j++) {
        // Each of the seven layers adds less than 2q: below 16q < 2^16 in all.
        const a = <u32>f[j];
        const b = reduce(zeta * f[j + length]);
        f[j] = <u16>(a + b);
        f[j + length] = <u16>(a + 2 * Q - b);
      }
    }
  }
  for (let i = 0; i < 256; i++) f[i] = <u16>canonical(reduce(f[i]));
}

/** In place, back from the NTT domain (Algorithm 10). */
export function inverseNtt(f: Polynomial): void {
  let k = 127;
  for (let length = 2; length <= 128; length <<= 1) {
    for (let start = 0; start < 256; start += 2 * length) {
      const zeta = <u32>ZETAS[k--];
      for (let j = start; j < start + length; j++) {
        const a = <u32>f[j];
        const b = <u32>f[j + length];
        f[j] = <u16>reduce(a + b);
        f[j + length] = <u16>reduce(zeta * (b + 2 * Q - a));
      }
    }
  }
  // 3303 = 1/128 mod q
  for (let i = 0; i < 256; i++) f[i] = <u16>canonical(reduce(3303 * <u32>f[i]));
}

/** sum += f ∘ g in the NTT domain (Algorithms 11 and 12): 128 products modulo X² − γ. */
export function addProduct(sum: Sum, f: Polynomial, g: Polynomial): void {
  for (let i = 0; i < 128; i++) {
    const zeta = <u32>ZETAS[64 + (i >> 1)];
    const gamma = (i & 1) == 0 ? zeta : Q - zeta;
    const f0 = <u32>f[2 * i];
    const f1 = <u32>f[2 * i + 1];
    const g0 = <u32>g[2 * i];
    const g1 = <u32>g[2 * i + 1];
    sum[2 * i] += f0 * g0 + reduce(f1 * g1) * gamma;
    sum[2 * i + 1] += f0 * g1 + f1 * g0;
  }
}

/** f = sum mod q; the sum is zeroed for the next. */
export function takeSum(f: Polynomial, sum: Sum): void {
  for (let i = 0; i < 256; i++) {
    f[i] = <u16>canonical(reduce(sum[i]));
    sum[i] = 0;
  }
}

/** f = f + g; a `g` of coefficients up to q + 2 is taken. */
export function add(f: Polynomial, g: Polynomial): void {
  for (let i = 0; i < 256; i++) f[i] = <u16>canonical(reduce(<u32>f[i] + g[i]));
}

/** f = f − g. */
export function subtract(f: Polynomial, g: Polynomial): void {
  for (let i = 0; i < 256; i++) f[i] = <u16>canonical(<u32>f[i] + Q - g[i]);
}

export function wipePolynomial(f: Polynomial): void {
  for (let i = 0; i < 256; i++) f[i] = 0;
}

/** x mod q, or that plus q: below 1.1 q for an x below 2^28, which all ours are. 1290167 = ⌊2^32 / q⌋. */
function reduce(x: u32): u32 {
  return x - Q * <u32>((<u64>x * 1290167) >> 32);
}

/** x mod q for x below 2q. */
function canonical(x: u32): u32 {
  const less = x - Q;
  return less + (Q & (0 - (less >> 31)));
}

/** 17^BitRev7(i) mod q (FIPS 203 appendix A). */
const ZETAS: StaticArray<u16> = [
  1, 1729, 2580, 3289, 2642, 630, 1897, 848, 1062, 1919, 193, 797, 2786, 3260, 569, 1746, 296, 2447, 1339, 1476, 3046,
  56, 2240, 1333, 1426, 2094, 535, 2882, 2393, 2879, 1974, 821, 289, 331, 3253, 1756, 1197, 2304, 2277, 2055, 650, 1977,
  2513, 632, 2865, 33, 1320, 1915, 2319, 1435, 807, 452, 1438, 2868, 1534, 2402, 2647, 2617, 1481, 648, 2474, 3110,
  1227, 910, 17, 2761, 583, 2649, 1637, 723, 2288, 1100, 1409, 2662, 3281, 233, 756, 2156, 3015, 3050, 1703, 1651, 2789,
  1789, 1847, 952, 1461, 2687, 939, 2308, 2437, 2388, 733, 2337, 268, 641, 1584, 2298, 2037, 3220, 375, 2549, 2090,
  1645, 1063, 319, 2773, 757, 2099, 561, 2466, 2594, 2804, 1092, 403, 1026, 1143, 2150, 2775, 886, 1722, 1212, 1874,
  1029, 2110, 2935, 885, 2154,
];
