/**
 * ECDSA verification on P-384 (FIPS 186-5 §6.4.2; the curve: SP 800-186 §3.2.1.4). We never sign with it, so everything here is public
 * and the time may depend on it. Jacobian coordinates in Montgomery form, one chain of doublings for both scalars.
 */
import { Bytes } from "bytes";
import { Modulus384, Number384, P384_LENGTH, readHex } from "./p384-modulus";

const UNCOMPRESSED: u8 = 0x04;

/** A point (X/Z², Y/Z³); Z = 0 is the point at infinity. */
@final
class Point {
  readonly x: Number384 = new Number384();
  readonly y: Number384 = new Number384();
  readonly z: Number384 = new Number384();

  copy(other: Point): void {
    this.x.copy(other.x);
    this.y.copy(other.y);
    this.z.copy(other.z);
  }
}

/**
 * Whether `signature` (r ‖ s, 96 bytes) over `digest` (48 bytes) is right under `publicKey` (04 ‖ x ‖ y, 97 bytes). False for a key that
 * is not on the curve and for numbers out of range.
 */
export function ecdsaP384Verify(publicKey: Bytes, digest: Bytes, signature: Bytes): bool {
  assert(digest.length == P384_LENGTH && signature.length == 2 * P384_LENGTH);
  if (publicKey.length != 1 + 2 * P384_LENGTH || publicKey[0] != UNCOMPRESSED) return false;
  if (!readPoint(Q, publicKey)) return false;
  R.read(VIEW.aim(signature, 0, P384_LENGTH));
  S.read(VIEW.aim(signature, P384_LENGTH, P384_LENGTH));
  if (R.isZero() || !R.less(N.value) || S.isZero() || !S.less(N.value)) return false;
  E.read(digest);
  if (!E.less(N.value)) N.reduceOnce(E);
  // u1 = e / s, u2 = r / s: one factor in Montgomery form and one not give a product that is not.
  N.toMontgomery(S, S);
  N.invert(W, S);
  N.multiply(U1, E, W);
  N.multiply(U2, R, W);
  multiply();
  return !SUM.z.isZero() && hasX(R);
}

/** SUM = U1 · G + U2 · Q. */
function multiply(): void {
  BOTH.copy(G);
  add(BOTH, Q);
  SUM.copy(INFINITY);
  for (let i = <i32>(8 * P384_LENGTH) - 1; i >= 0; i--) {
    double(SUM);
    const first = U1.bit(i);
    const second = U2.bit(i);
    if (first == 1) add(SUM, second == 1 ? BOTH : G);
    else if (second == 1) add(SUM, Q);
  }
}

/** Whether the x of SUM, modulo the order, is `r`: x is r, or r plus the order where that is below the prime (never more). */
function hasX(r: Number384): bool {
  P.multiply(T0, SUM.z, SUM.z);
  P.toMontgomery(T1, r);
  P.multiply(T1, T1, T0);
  if (T1.equals(SUM.x)) return true;
  // p - n: below it r + n is a number below p too.
  P.subtract(T2, P.value, N.value);
  if (!r.less(T2)) return false;
  P.add(T2, r, N.value);
  P.toMontgomery(T2, T2);
  P.multiply(T2, T2, T0);
  return T2.equals(SUM.x);
}

/** The point of `key`, in Montgomery form; false when it is not on the curve y² = x³ - 3x + b. */
function readPoint(out: Point, key: Bytes): bool {
  out.x.read(VIEW.aim(key, 1, P384_LENGTH));
  out.y.read(VIEW.aim(key, 1 + P384_LENGTH, P384_LENGTH));
  if (!out.x.less(P.value) || !out.y.less(P.value)) return false;
  P.toMontgomery(out.x, out.x);
  P.toMontgomery(out.y, out.y);
  out.z.copy(P.one);
  P.multiply(T0, out.x, out.x);
  P.subtract(T0, T0, THREE);
  P.multiply(T0, T0, out.x);
  P.add(T0, T0, B);
  P.multiply(T1, out.y, out.y);
  return T0.equals(T1);
}

/** point = 2 · point (Hankerson, Menezes, Vanstone: Guide to ECC, algorithm 3.21; a = -3). Infinity stays what it is. */
function double(point: Point): void {
  P.multiply(T0, point.z, point.z);
  P.subtract(T1, point.x, T0);
  P.add(T0, point.x, T0);
  P.multiply(T1, T1, T0);
  P.add(T0, T1, T1);
  P.add(T1, T1, T0); // 3(x - z²)(x + z²)
  P.add(point.y, point.y, point.y);
  P.multiply(point.z, point.y, point.z);
  P.multiply(T0, point.y, point.y); // 4y²
  P.multiply(T2, T0, point.x); // 4xy²
  P.multiply(T0, T0, T0); // 16y⁴
  P.multiply(T0, T0, HALF); // 8y⁴
  P.multiply(point.x, T1, T1);
  P.subtract(point.x, point.x, T2);
  P.subtract(point.x, point.x, T2);
  P.subtract(T2, T2, point.x);
  P.multiply(T2, T2, T1);
  P.subtract(point.y, T2, T0);
}

/** point = point + other, every case: either may be infinity, they may be equal or opposite. */
function add(point: Point, other: Point): void {
  if (other.z.isZero()) return;
  if (point.z.isZero()) {
    point.copy(other);
    return;
  }
  P.multiply(T0, point.z, point.z);
  P.multiply(T1, other.z, other.z);
  P.multiply(U, point.x, T1); // x₁z₂²
  P.multiply(V, other.x, T0); // x₂z₁²
  P.multiply(T1, T1, other.z);
  P.multiply(T1, T1, point.y); // y₁z₂³
  P.multiply(T0, T0, point.z);
  P.multiply(T0, T0, other.y); // y₂z₁³
  P.subtract(V, V, U); // h
  P.subtract(T0, T0, T1); // r
  if (V.isZero()) {
    if (T0.isZero()) double(point);
    else point.copy(INFINITY);
    return;
  }
  P.multiply(point.z, point.z, other.z);
  P.multiply(point.z, point.z, V);
  P.multiply(T2, V, V); // h²
  P.multiply(U, U, T2); // x₁z₂²h²
  P.multiply(T2, T2, V); // h³
  P.multiply(T1, T1, T2); // y₁z₂³h³
  P.multiply(point.x, T0, T0);
  P.subtract(point.x, point.x, T2);
  P.subtract(point.x, point.x, U);
  P.subtract(point.x, point.x, U);
  P.subtract(U, U, point.x);
  P.multiply(U, U, T0);
  P.subtract(point.y, U, T1);
}

const P = new Modulus384(
  "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
);
const N = new Modulus384(
  "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);
const B = constant("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef");
const VIEW = Bytes.empty();
const THREE = new Number384();
const HALF = new Number384();
const T0 = new Number384();
const T1 = new Number384();
const T2 = new Number384();
const U = new Number384();
const V = new Number384();
const R = new Number384();
const S = new Number384();
const E = new Number384();
const W = new Number384();
const U1 = new Number384();
const U2 = new Number384();
const G = new Point();
const Q = new Point();
const BOTH = new Point();
const SUM = new Point();
const INFINITY = new Point();

P.add(THREE, P.one, P.one);
P.invert(HALF, THREE);
P.add(THREE, THREE, P.one);
G.x.copy(constant("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"));
G.y.copy(constant("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"));
G.z.copy(P.one);

/** A constant of the curve, in Montgomery form. */
function constant(text: string): Number384 {
  const number = new Number384();
  readHex(number, text);
  P.toMontgomery(number, number);
  return number;
}
