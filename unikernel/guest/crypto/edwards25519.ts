/**
 * The group of Ed25519: −x² + y² = 1 + d·x²·y² mod 2^255 − 19, the curve that is birational to Curve25519 (RFC 8032 §5.1).
 *
 * Extended coordinates (x = X/Z, y = Y/Z, x·y = T/Z) with the complete formulas of Hisil, Wong, Carter and Dawson
 * ("Twisted Edwards Curves Revisited", 2008): no input needs a special case. `multiplyBase` is for secret scalars and
 * takes constant time (a comb, whose table is read whole for each step); the rest of this file serves verification,
 * where everything is public.
 */
import { Bytes } from "bytes";
import { COMB, ODD_MULTIPLES } from "./edwards25519-table";
import { Field } from "./field25519";
import { Scalar } from "./scalar25519";

/** A point in extended coordinates. Starts as nothing: give it a value before its use. */
@final
export class Point {
  readonly x: Field = new Field();
  readonly y: Field = new Field();
  readonly z: Field = new Field();
  readonly t: Field = new Field();

  /** Becomes the neutral element (0, 1). */
  setNeutral(): void {
    this.x.wipe();
    this.y.setSmall(1);
    this.z.setSmall(1);
    this.t.wipe();
  }

  /** Whether this is the neutral element. For public points. */
  isNeutral(): bool {
    E.subtract(this.y, this.z);
    return this.x.isZero() && E.isZero();
  }

  copy(a: Point): void {
    this.x.copy(a.x);
    this.y.copy(a.y);
    this.z.copy(a.z);
    this.t.copy(a.t);
  }

  wipe(): void {
    this.x.wipe();
    this.y.wipe();
    this.z.wipe();
    this.t.wipe();
  }

  /** Becomes −a. */
  negate(a: Point): void {
    this.x.negateIf(a.x, -1);
    this.y.copy(a.y);
    this.z.copy(a.z);
    this.t.negateIf(a.t, -1);
  }

  /** Doubles this point; T is left as it was, so another doubling must follow, or {@link double}. */
  doubleWithoutT(): void {
    this.startDouble();
    this.finish();
  }

  /** Doubles this point. */
  double(): void {
    this.startDouble();
    this.finish();
    this.t.multiply(E, H);
  }

  /** Adds the affine point of `a`. */
  addAffine(a: AffineAddend): void {
    E.subtract(this.y, this.x);
    F.add(this.y, this.x);
    A.multiply(E, a.minus);
    B.multiply(F, a.plus);
    C.multiply(this.t, a.product);
    D.add(this.z, this.z);
    this.finishAdd();
  }

  /** Adds the point of `a`. */
  addProjective(a: ProjectiveAddend): void {
    E.subtract(this.y, this.x);
    F.add(this.y, this.x);
    A.multiply(E, a.minus);
    B.multiply(F, a.plus);
    C.multiply(this.t, a.product);
    D.multiply(this.z, a.z);
    D.add(D, D);
    this.finishAdd();
  }

  /** What a doubling ends with: X = E·F, Y = G·H, Z = F·G, T = E·H. The comments give sizes as field25519.ts counts them. */
  private startDouble(): void {
    G.square(this.x);
    F.square(this.y);
    H.add(F, G); // 2-fold
    G.subtract(F, G); // 1-fold
    F.square(this.z);
    F.add(F, F);
    F.subtract(F, G); // 3-fold
    E.add(this.x, this.y);
    E.square(E);
    E.subtract(E, H); // 2-fold
  }

  private finishAdd(): void {
    E.subtract(B, A); // 1-fold
    F.subtract(D, C); // 2-fold, as D is
    G.add(D, C); // 3-fold
    H.add(B, A); // 2-fold
    this.finish();
    this.t.multiply(E, H);
  }

  private finish(): void {
    this.x.multiply(E, F);
    this.y.multiply(G, H);
    this.z.multiply(F, G);
  }
}

/** A point of a table with Z = 1, as addition wants it: y + x, y − x, 2·d·x·y. */
@final
class AffineAddend {
  readonly plus: Field = new Field();
  readonly minus: Field = new Field();
  readonly product: Field = new Field();

  /** Becomes point `i` of a packed table, or its negative. For public indices. */
  load(table: StaticArray<u64>, i: i32, negative: bool): void {
    const at = 12 * i;
    this.setPlus(table, negative ? at + 4 : at);
    this.setMinus(table, negative ? at : at + 4);
    this.product.fromWords(table[at + 8], table[at + 9], table[at + 10], table[at + 11]);
    this.product.negateIf(this.product, negative ? -1 : 0);
  }

  /** Becomes point `index` (secret, below 8) of the eight that start at `first`, or its negative where `sign` is −1. */
  select(first: i32, index: u64, sign: i64): void {
    let p0: u64 = 0,
      p1: u64 = 0,
      p2: u64 = 0,
      p3: u64 = 0;
    let m0: u64 = 0,
      m1: u64 = 0,
      m2: u64 = 0,
      m3: u64 = 0;
    let d0: u64 = 0,
      d1: u64 = 0,
      d2: u64 = 0,
      d3: u64 = 0;
    for (let i = 0; i < 8; i++) {
      const mask = <u64>(((<i64>index ^ <i64>i) - 1) >> 63);
      const at = 12 * (first + i);
      p0 |= COMB[at] & mask;
      p1 |= COMB[at + 1] & mask;
      p2 |= COMB[at + 2] & mask;
      p3 |= COMB[at + 3] & mask;
      m0 |= COMB[at + 4] & mask;
      m1 |= COMB[at + 5] & mask;
      m2 |= COMB[at + 6] & mask;
      m3 |= COMB[at + 7] & mask;
      d0 |= COMB[at + 8] & mask;
      d1 |= COMB[at + 9] & mask;
      d2 |= COMB[at + 10] & mask;
      d3 |= COMB[at + 11] & mask;
    }
    this.plus.fromWords(p0, p1, p2, p3);
    this.minus.fromWords(m0, m1, m2, m3);
    this.product.fromWords(d0, d1, d2, d3);
    this.plus.swapIf(this.minus, sign);
    this.product.negateIf(this.product, sign);
  }

  wipe(): void {
    this.plus.wipe();
    this.minus.wipe();
    this.product.wipe();
  }

  private setPlus(table: StaticArray<u64>, at: i32): void {
    this.plus.fromWords(table[at], table[at + 1], table[at + 2], table[at + 3]);
  }

  private setMinus(table: StaticArray<u64>, at: i32): void {
    this.minus.fromWords(table[at], table[at + 1], table[at + 2], table[at + 3]);
  }
}

/** A point as addition wants it: Y + X, Y − X, Z, 2·d·T. */
@final
class ProjectiveAddend {
  readonly plus: Field = new Field();
  readonly minus: Field = new Field();
  readonly z: Field = new Field();
  readonly product: Field = new Field();

  from(a: Point): void {
    this.plus.add(a.y, a.x);
    this.minus.subtract(a.y, a.x);
    this.z.copy(a.z);
    this.product.multiply(a.t, TWO_D);
  }

  negate(a: ProjectiveAddend): void {
    this.plus.copy(a.minus);
    this.minus.copy(a.plus);
    this.z.copy(a.z);
    this.product.negateIf(a.product, -1);
  }
}

/**
 * out = k·B for a secret `k` below 2^255. Constant time.
 *
 * The signed bits of k (scalar25519.ts) stand in 16 rows of 16: B·2^(16·row + column) is needed with the sign of bit
 * 16·row + column. Four rows at a time are one table of eight points (the top row positive; the other half are
 * negatives), so that 16 columns, each a doubling and four additions, are the whole multiplication.
 */
export function multiplyBase(out: Point, k: Scalar): void {
  BITS.signedBits(k);
  out.setNeutral();
  for (let column: i32 = 15; column >= 0; column--) {
    if (column < 15) out.double();
    for (let block: i32 = 0; block < 4; block++) {
      const bit = 64 * block + column;
      const top = <u64>BITS.bit(bit + 48);
      const three = <u64>(BITS.bit(bit) | (BITS.bit(bit + 16) << 1) | (BITS.bit(bit + 32) << 2));
      const sign = <i64>top - 1;
      AFFINE.select(8 * block, (three ^ <u64>sign) & 7, sign);
      out.addAffine(AFFINE);
    }
  }
  BITS.wipe();
  wipeTemporaries();
}

/** out = a·point + b·B for public `a` and `b` below L: both in non-adjacent form, one shared run of doublings. Variable time. */
export function multiplyTwo(out: Point, a: Scalar, point: Point, b: Scalar): void {
  a.nonAdjacentForm(DIGITS_A, 5);
  b.nonAdjacentForm(DIGITS_B, 5);

  out.copy(point);
  out.double();
  PROJECTIVE.from(out);
  out.copy(point);
  ODD_A[0].from(out);
  for (let i = 1; i < 8; i++) {
    out.addProjective(PROJECTIVE);
    ODD_A[i].from(out);
  }

  out.setNeutral();
  let i: i32 = 255;
  while (i >= 0 && DIGITS_A[i] == 0 && DIGITS_B[i] == 0) i -= 1;
  for (; i >= 0; i--) {
    const digitA = <i32>DIGITS_A[i];
    const digitB = <i32>DIGITS_B[i];
    if (digitA == 0 && digitB == 0) {
      out.doubleWithoutT();
      continue;
    }
    out.double();
    if (digitA > 0) out.addProjective(ODD_A[digitA >> 1]);
    if (digitA < 0) {
      PROJECTIVE.negate(ODD_A[-digitA >> 1]);
      out.addProjective(PROJECTIVE);
    }
    if (digitB != 0) {
      AFFINE.load(ODD_MULTIPLES, (digitB < 0 ? -digitB : digitB) >> 1, digitB < 0);
      out.addAffine(AFFINE);
    }
  }
}

/** The point that 32 bytes encode (RFC 8032 §5.1.3); false when y is not below p, or no x fits, or x is 0 and its sign 1. Public. */
export function decodePoint(out: Point, bytes: Bytes): bool {
  assert(bytes.length == 32);
  const sign = bytes[31] >> 7;
  out.y.fromBytes(bytes);
  out.y.toBytes(ENCODED);
  ENCODED[31] |= sign << 7;
  if (!ENCODED.equals(bytes)) return false;

  // x² = u / v with u = y² − 1, v = d·y² + 1; the candidate root is u·v³·(u·v⁷)^((p−5)/8).
  const u = A,
    v = B,
    x = out.x;
  out.z.setSmall(1);
  C.square(out.y);
  u.subtract(C, out.z);
  v.multiply(C, CURVE_D);
  v.add(v, out.z);
  C.square(v);
  C.multiply(C, v);
  D.square(C);
  D.multiply(D, v);
  D.multiply(D, u);
  D.power252(D);
  C.multiply(C, u);
  x.multiply(C, D);

  C.square(x);
  C.multiply(C, v);
  D.add(C, u);
  C.subtract(C, u);
  if (D.isZero()) x.multiply(x, SQRT_MINUS_ONE);
  else if (!C.isZero()) return false;

  if (x.isZero() && sign == 1) return false;
  if (x.isNegative() != (sign == 1)) x.negateIf(x, -1);
  out.t.multiply(x, out.y);
  return true;
}

/** Writes the 32 bytes of a point (RFC 8032 §5.1.2). Constant time, though the coordinates that it writes are not secret. */
export function encodePoint(out: Bytes, point: Point): void {
  assert(out.length == 32);
  A.invert(point.z);
  B.multiply(point.y, A);
  B.toBytes(out);
  B.multiply(point.x, A);
  B.toBytes(ENCODED);
  out[31] |= (ENCODED[0] & 1) << 7;
  wipeTemporaries();
}

/** Writes the u coordinate, (1 + y) / (1 − y), of the point on Curve25519 that is this one (RFC 7748 §4.1). Constant time. */
export function encodeMontgomery(out: Bytes, point: Point): void {
  assert(out.length == 32);
  A.subtract(point.z, point.y);
  A.invert(A);
  B.add(point.z, point.y);
  B.multiply(B, A);
  B.toBytes(out);
  wipeTemporaries();
}

/** Whether 8·point is the neutral element: whether the point is one of the eight of small order. Public. */
export function hasSmallOrder(point: Point): bool {
  EIGHTFOLD.copy(point);
  for (let i = 0; i < 3; i++) EIGHTFOLD.doubleWithoutT();
  return EIGHTFOLD.isNeutral();
}

function wipeTemporaries(): void {
  A.wipe();
  B.wipe();
  C.wipe();
  D.wipe();
  E.wipe();
  F.wipe();
  G.wipe();
  H.wipe();
  AFFINE.wipe();
  ENCODED.wipe();
}

// Temporaries, under the names that the formulas give them.
const A = new Field();
const B = new Field();
const C = new Field();
const D = new Field();
const E = new Field();
const F = new Field();
const G = new Field();
const H = new Field();
const AFFINE = new AffineAddend();
const PROJECTIVE = new ProjectiveAddend();
const ODD_A = new StaticArray<ProjectiveAddend>(8);
for (let i = 0; i < 8; i++) ODD_A[i] = new ProjectiveAddend();
const EIGHTFOLD = new Point();
const BITS = new Scalar();
const DIGITS_A = new StaticArray<i8>(256);
const DIGITS_B = new StaticArray<i8>(256);
const ENCODED = Bytes.alloc(32);

/** d = −121665 / 121666, twice that, and the root of −1 that is 2^((p − 1) / 4). */
const CURVE_D = constant(0x75eb4dca135978a3, 0x00700a4d4141d8ab, 0x8cc740797779e898, 0x52036cee2b6ffe73);
const TWO_D = constant(0xebd69b9426b2f159, 0x00e0149a8283b156, 0x198e80f2eef3d130, 0x2406d9dc56dffce7);
const SQRT_MINUS_ONE = constant(0xc4ee1b274a0ea0b0, 0x2f431806ad2fe478, 0x2b4d00993dfbd7a7, 0x2b8324804fc1df0b);

function constant(w0: u64, w1: u64, w2: u64, w3: u64): Field {
  const field = new Field();
  field.fromWords(w0, w1, w2, w3);
  return field;
}
