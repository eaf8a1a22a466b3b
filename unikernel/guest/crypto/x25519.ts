/**
 * X25519: Diffie-Hellman on Curve25519 (RFC 7748 §5, §6.1).
 *
 * The shared secret comes from the Montgomery ladder on u coordinates, the public key from the comb of edwards25519.ts
 * (about half the time). Both are constant time in the scalar; every temporary is wiped.
 */
import { Bytes } from "bytes";
import { encodeMontgomery, multiplyBase, Point } from "./edwards25519";
import { Field } from "./field25519";
import { Scalar } from "./scalar25519";

/**
 * Writes scalar · u (all 32 bytes). The scalar is clamped here, the top bit of `u` ignored, and a `u` of 2^255 − 19 or
 * more taken mod that (RFC 7748 §5). False when the result is all zero, so that `u` was of small order: the caller must
 * abort (RFC 8446 §7.4.2).
 */
export function x25519(scalar: Bytes, u: Bytes, out: Bytes): bool {
  assert(scalar.length == 32 && u.length == 32 && out.length == 32);
  clamp(scalar);
  X1.fromBytes(u);
  X2.setSmall(1);
  Z2.wipe();
  X3.copy(X1);
  Z3.setSmall(1);
  let swapped: u32 = 0;
  for (let i: i32 = 254; i >= 0; i--) {
    const bit = CLAMPED.bit(i);
    swapIf(swapped ^ bit);
    swapped = bit;
    step();
  }
  swapIf(swapped);

  Z2.invert(Z2);
  X2.multiply(X2, Z2);
  X2.toBytes(out);
  wipe();
  const any = out.u64le(0) | out.u64le(8) | out.u64le(16) | out.u64le(24);
  return any != 0;
}

/** Writes the public key of `scalar` (both 32 bytes): x25519 with u = 9. The scalar is clamped here. */
export function x25519Base(scalar: Bytes, out: Bytes): void {
  assert(scalar.length == 32 && out.length == 32);
  clamp(scalar);
  multiplyBase(POINT, CLAMPED);
  encodeMontgomery(out, POINT);
  wipe();
}

/** CLAMPED = the scalar that 32 bytes stand for (RFC 7748 §5, decodeScalar25519). */
function clamp(scalar: Bytes): void {
  CLAMPED.fromBytes(scalar, 0);
  CLAMPED.clamp();
}

/** One bit of the ladder (RFC 7748 §5): (X2 : Z2) is doubled, (X3 : Z3) becomes the sum; their difference stays X1. */
function step(): void {
  A.add(X2, Z2); // 2-fold, as the sums below; the differences are 1-fold
  B.subtract(X2, Z2);
  C.add(X3, Z3);
  D.subtract(X3, Z3);
  D.multiply(D, A);
  C.multiply(C, B);
  A.square(A);
  B.square(B);
  X3.add(D, C);
  X3.square(X3);
  Z3.subtract(D, C);
  Z3.square(Z3);
  Z3.multiply(Z3, X1);
  X2.multiply(A, B);
  B.subtract(A, B); // E = AA − BB
  Z2.multiplySmall(B, 121665);
  Z2.add(Z2, A);
  Z2.multiply(Z2, B);
}

/** Exchanges the two points of the ladder where `bit` is 1. */
function swapIf(bit: u32): void {
  const mask = 0 - <i64>bit;
  X2.swapIf(X3, mask);
  Z2.swapIf(Z3, mask);
}

function wipe(): void {
  CLAMPED.wipe();
  POINT.wipe();
  X1.wipe();
  X2.wipe();
  Z2.wipe();
  X3.wipe();
  Z3.wipe();
  A.wipe();
  B.wipe();
  C.wipe();
  D.wipe();
}

const CLAMPED = new Scalar();
const POINT = new Point();
const X1 = new Field();
const X2 = new Field();
const Z2 = new Field();
const X3 = new Field();
const Z3 = new Field();
const A = new Field();
const B = new Field();
const C = new Field();
const D = new Field();
