/**
 * Points of P-256, y² = x³ - 3x + b (SP 800-186 §3.2.1.3), in Jacobian coordinates: x = X / Z², y = Y / Z³.
 *
 * Coordinates are carried field elements in Montgomery form. The sums here are the textbook ones, which are wrong
 * where the operands are equal, opposite or the point at infinity (Z = 0). p256-multiply.ts shows why its secret
 * scalars never get there; for public scalars `lastSum` says afterwards that it happened. Sizes of values (see
 * p256-field.ts): X stays in (-4p, 3p), Y in (-2p, 2p), Z in (-p, 2p); the largest operand is X - Z² or its like,
 * within 5.2p. No branch and no index depends on a coordinate, except in the functions named for public values.
 */
import { Bytes } from "bytes";
import {
  fieldAdd,
  fieldFromBytes,
  fieldInvert,
  fieldIsZero,
  fieldMayBeZero,
  fieldOne,
  fieldSub,
  fieldThreeHalves,
} from "./p256-field";
import { Limbs } from "./p256-limbs";
import { fieldMul, fieldMulSub, fieldSquare, fieldSquareSub } from "./p256-product";

/** A point with x and y themselves. */
@final
export class Affine {
  x: Limbs = new Limbs();
  y: Limbs = new Limbs();

  clear(): void {
    this.x.clear();
    this.y.clear();
  }
}

@final
export class Jacobian {
  x: Limbs = new Limbs();
  y: Limbs = new Limbs();
  z: Limbs = new Limbs();

  copy(other: Jacobian): void {
    this.x.copy(other.x);
    this.y.copy(other.y);
    this.z.copy(other.z);
  }

  fromAffine(x: Limbs, y: Limbs): void {
    this.x.copy(x);
    this.y.copy(y);
    fieldOne(this.z);
  }

  clear(): void {
    this.x.clear();
    this.y.clear();
    this.z.clear();
  }
}

const t0 = new Limbs();
const t1 = new Limbs();
const t2 = new Limbs();
const t3 = new Limbs();
const t4 = new Limbs();
const t5 = new Limbs();
const h = new Limbs();
const r = new Limbs();

/**
 * Takes 65 bytes, 0x04 ‖ X ‖ Y. False unless the prefix is 0x04, both coordinates are below p and the point is on the
 * curve (SP 800-56A §5.6.2.3.3; the cofactor is 1, and infinity has no such encoding). For public points.
 */
export function pointFromBytes(out: Affine, bytes: Bytes): bool {
  assert(bytes.length == 65);
  if (bytes[0] != 0x04) return false;
  if (!fieldFromBytes(out.x, VIEW.aim(bytes, 1, 32))) return false;
  if (!fieldFromBytes(out.y, VIEW.aim(bytes, 33, 32))) return false;
  fieldSquare(t0, out.x);
  fieldSub(t0, t0, THREE);
  fieldMul(t0, t0, out.x);
  fieldAdd(t0, t0, B);
  fieldSquare(t1, out.y);
  fieldSub(t0, t0, t1);
  return fieldIsZero(t0);
}

/** x and y of a point other than infinity. */
export function pointToAffine(out: Affine, point: Jacobian): void {
  fieldInvert(t0, point.z);
  fieldSquare(t1, t0);
  fieldMul(out.x, point.x, t1);
  fieldMul(t1, t1, t0);
  fieldMul(out.y, point.y, t1);
}

/** x alone of a point other than infinity. */
export function pointAffineX(out: Limbs, point: Jacobian): void {
  fieldInvert(t0, point.z);
  fieldSquare(t0, t0);
  fieldMul(out, point.x, t0);
}

/**
 * point = 2 · point. Four products, four squares: the usual formulas divided by Z's factor 2, so that nothing grows.
 */
export function pointDouble(point: Jacobian): void {
  const x = point.x;
  const y = point.y;
  const z = point.z;
  fieldSquare(t0, z);
  fieldSub(t1, x, t0);
  fieldAdd(t0, x, t0);
  fieldMul(t1, t1, t0);
  fieldThreeHalves(t1, t1); // the slope: 3 (X - Z²) (X + Z²) / 2
  fieldMul(z, y, z);
  fieldSquare(t2, y);
  fieldMul(t3, x, t2);
  fieldSquareSub(x, t1, t3, t3);
  fieldSub(t3, t3, x);
  fieldSquare(t2, t2);
  fieldMulSub(y, t1, t3, t2);
}

/** point = point + (x, y). Eight products, three squares. */
export function pointAddAffine(point: Jacobian, x: Limbs, y: Limbs): void {
  fieldSquare(t0, point.z);
  fieldMul(t1, x, t0);
  fieldSub(h, t1, point.x);
  fieldMul(t0, t0, point.z);
  fieldMul(t0, y, t0);
  fieldSub(r, t0, point.y);
  finishSum(point, point.x, point.y);
  fieldMul(point.z, point.z, h);
}

/** point = point + other. Twelve products, four squares. */
export function pointAdd(point: Jacobian, other: Jacobian): void {
  fieldSquare(t4, other.z);
  fieldMul(t5, t4, other.z);
  addWithPowers(point, other, other.y, t4, t5);
}

/** A point with the square and the cube of its Z, for one that is added often. */
@final
export class Cached {
  point: Jacobian = new Jacobian();
  zSquared: Limbs = new Limbs();
  zCubed: Limbs = new Limbs();

  fromPoint(point: Jacobian): void {
    this.point.copy(point);
    fieldSquare(this.zSquared, point.z);
    fieldMul(this.zCubed, this.zSquared, point.z);
  }
}

/**
 * point = point + other, or minus it where `mask` is all ones, with other's powers of Z at hand: eleven products,
 * three squares.
 */
export function pointAddCached(point: Jacobian, other: Cached, mask: i64): void {
  t5.copy(other.point.y);
  t5.negateMasked(mask);
  addWithPowers(point, other.point, t5, other.zSquared, other.zCubed);
}

/** `y` stands for other's Y (it may be negated). */
function addWithPowers(point: Jacobian, other: Jacobian, y: Limbs, zSquared: Limbs, zCubed: Limbs): void {
  fieldSquare(t0, point.z);
  fieldMul(t1, other.x, t0);
  fieldMul(t2, point.x, zSquared);
  fieldSub(h, t1, t2);
  fieldMul(t0, t0, point.z);
  fieldMul(t0, y, t0);
  fieldMul(t3, point.y, zCubed);
  fieldSub(r, t0, t3);
  finishSum(point, t2, t3);
  fieldMul(point.z, point.z, other.z);
  fieldMul(point.z, point.z, h);
}

/** The part that both sums share: X and Y from h, r and the first operand's (u, s) over the common denominator. */
function finishSum(point: Jacobian, u: Limbs, s: Limbs): void {
  fieldSquare(t0, h);
  fieldMul(t1, t0, h);
  fieldMul(t0, t0, u);
  fieldMul(t5, t1, s);
  fieldAdd(t4, t0, t0);
  fieldSquareSub(point.x, r, t1, t4);
  fieldSub(t0, t0, point.x);
  fieldMulSub(point.y, r, t0, t5);
}

/** What the last sum was, for public operands. */
export enum Sum {
  Regular = 0,
  /** The operands were equal: the result is meaningless, the sum is the double of either. */
  Equal = 1,
  /** The operands were opposite: the sum is infinity. */
  Opposite = 2,
}

/** Judges the last sum, which must have been of two points other than infinity. For public points. */
export function lastSum(): Sum {
  if (!fieldMayBeZero(h) || !fieldIsZero(h)) return Sum.Regular;
  return fieldIsZero(r) ? Sum.Equal : Sum.Opposite;
}

/** Clears this module's temporaries, which are functions of the points that passed through. */
export function pointWipe(): void {
  t0.clear();
  t1.clear();
  t2.clear();
  t3.clear();
  t4.clear();
  t5.clear();
  h.clear();
  r.clear();
}

const VIEW = Bytes.empty();
/** 3 and the curve's b, in Montgomery form. */
const THREE = new Limbs(0x60, 0x0, 0x0, 0x1fff4000, 0x1fffffff, 0x1fffffff, 0x1e7fffff, 0xbffffff, 0x0);
const B = new Limbs(
  0x1897bbfb,
  0x1cdf6229,
  0x18486c4,
  0x1732821,
  0x1dad59e0,
  0xabf7212,
  0x1a06d110,
  0x17721d20,
  0x8600c3,
);
