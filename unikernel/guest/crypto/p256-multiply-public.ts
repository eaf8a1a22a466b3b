/**
 * a · G + b · Q on P-256 for public a, b and Q, in variable time: what ECDSA verification needs.
 *
 * Straus's method: one chain of doublings for both scalars, each in width-w non-adjacent form (a digit that is not 0
 * every w + 1 bits on average): width 6 for G, whose odd multiples 1 … 31 are the first block of the base table,
 * width 5 for Q, whose odd multiples 1 … 15 are made here. Every case of the addition is handled, so a peer may
 * choose anything.
 */
import { Limbs } from "./p256-limbs";
import {
  Affine,
  Cached,
  Jacobian,
  lastSum,
  pointAdd,
  pointAddAffine,
  pointAddCached,
  pointDouble,
  Sum,
} from "./p256-point";
import { loadTablePoint } from "./p256-table";

/**
 * out = a · G + b · point, in variable time: a, b and the point are public. `a` and `b` are canonical. False when the
 * result is the point at infinity (`out` is then meaningless).
 */
export function multiplyPublic(out: Jacobian, a: Limbs, b: Limbs, point: Affine): bool {
  nonAdjacent(BASE_NAF, a, BASE_WIDTH);
  nonAdjacent(POINT_NAF, b, POINT_WIDTH);
  out.fromAffine(point.x, point.y);
  cacheOddMultiples(out);
  let infinite = true;
  for (let i: u32 = NAF_LENGTH; i-- > 0; ) {
    if (!infinite) pointDouble(out);
    const forPoint = POINT_NAF[i];
    if (forPoint != 0) infinite = addMultiple(out, infinite, CACHE[abs(forPoint) >> 1], <i64>forPoint >> 63);
    const forBase = BASE_NAF[i];
    if (forBase != 0) {
      loadTablePoint(entry, abs(forBase) >> 1);
      entry.y.negateMasked(<i64>forBase >> 63);
      infinite = addEntry(out, infinite);
    }
  }
  return !infinite;
}

/** point += ± multiple (public); takes and returns whether `point` is infinity. */
function addMultiple(point: Jacobian, infinite: bool, multiple: Cached, negative: i64): bool {
  if (!infinite) {
    pointAddCached(point, multiple, negative);
    const sum = lastSum();
    if (sum != Sum.Equal) return sum == Sum.Opposite;
  }
  point.copy(multiple.point);
  negateY(point, negative);
  if (!infinite) pointDouble(point);
  return false;
}

/** point += entry (public); takes and returns whether `point` is infinity. */
function addEntry(point: Jacobian, infinite: bool): bool {
  if (!infinite) {
    pointAddAffine(point, entry.x, entry.y);
    const sum = lastSum();
    if (sum != Sum.Equal) return sum == Sum.Opposite;
  }
  point.fromAffine(entry.x, entry.y);
  point.y.carry();
  if (!infinite) pointDouble(point);
  return false;
}

/** point = -point where `mask` is all ones. */
function negateY(point: Jacobian, mask: i64): void {
  point.y.negateMasked(mask);
  point.y.carry();
}

/** Fills CACHE with 1, 3 … 15 times `point`, which it uses up. */
function cacheOddMultiples(point: Jacobian): void {
  twice.copy(point);
  pointDouble(twice);
  CACHE[0].fromPoint(point);
  for (let i = 1; i < 8; i++) {
    pointAdd(point, twice);
    CACHE[i].fromPoint(point);
  }
}

/**
 * The non-adjacent form of a public k < 2^256 (canonical): digits that are 0 or odd and below 2^(width - 1) in size, at
 * least width - 1 zeros after each that is not 0.
 */
function nonAdjacent(digits: StaticArray<i32>, k: Limbs, width: u32): void {
  WORDS[0] = k.word0();
  WORDS[1] = k.word1();
  WORDS[2] = k.word2();
  WORDS[3] = k.word3();
  let carry: u32 = 0;
  let at: u32 = 0;
  while (at < NAF_LENGTH) {
    digits[at] = 0;
    if ((bits(at) & 1) == carry) {
      at += 1;
      continue;
    }
    const window = (bits(at) & ((1 << width) - 1)) + carry;
    carry = window >> (width - 1);
    digits[at] = <i32>window - <i32>(carry << width);
    for (let i: u32 = 1; i < width && at + i < NAF_LENGTH; i++) digits[at + i] = 0;
    at += width;
  }
}

/** The 32 bits of WORDS from bit `at`. */
function bits(at: u32): u32 {
  const word = at >> 6;
  const shift = at & 63;
  const low = WORDS[word] >> shift;
  return <u32>(shift <= 32 ? low : low | (WORDS[word + 1] << (64 - shift)));
}

const entry = new Affine();
const twice = new Jacobian();
const BASE_WIDTH: u32 = 6;
const POINT_WIDTH: u32 = 5;
const NAF_LENGTH: u32 = 257;
const BASE_NAF = new StaticArray<i32>(NAF_LENGTH);
const POINT_NAF = new StaticArray<i32>(NAF_LENGTH);
/** k's four words, and zeros to read past them. */
const WORDS = new StaticArray<u64>(6);
const CACHE = newCache();

function newCache(): StaticArray<Cached> {
  const all = new StaticArray<Cached>(8);
  for (let i = 0; i < 8; i++) all[i] = new Cached();
  return all;
}
