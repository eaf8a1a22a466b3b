/** Test harness for guest/crypto: field25519, scalar25519, x25519, ed25519. */
import { top } from "arena";
import { Bytes } from "bytes";
import { ed25519PublicKey, ed25519Sign, ed25519Verify } from "../../../../unikernel/guest/crypto/ed25519";
import {
  decodePoint,
  encodePoint,
  hasSmallOrder,
  multiplyBase,
  multiplyTwo,
  Point,
} from "../../../../unikernel/guest/crypto/edwards25519";
import { Field } from "../../../../unikernel/guest/crypto/field25519";
import { isBelowOrder, Scalar } from "../../../../unikernel/guest/crypto/scalar25519";
import { x25519, x25519Base } from "../../../../unikernel/guest/crypto/x25519";

const IN = Bytes.alloc(4096);
const OUT = Bytes.alloc(4096);
const ONE = Bytes.empty();
const TWO = Bytes.empty();
const THREE = Bytes.empty();
const FOUR = Bytes.empty();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}

/** Input: scalar (as long as said), u (as long as said). */
export function shared(scalar: u32, u: u32, out: u32): bool {
  return x25519(ONE.aim(IN, 0, scalar), TWO.aim(IN, scalar, u), THREE.aim(OUT, 0, out));
}
/** Input: scalar. */
export function base(scalar: u32, out: u32): void {
  x25519Base(ONE.aim(IN, 0, scalar), TWO.aim(OUT, 0, out));
}
/** RFC 7748 §5.2: k, u = X25519(k, u), k, `times` times, from k and u in the input; k to the output. */
export function iterate(times: u32): void {
  for (let i: u32 = 0; i < times; i++) {
    x25519(ONE.aim(IN, 0, 32), TWO.aim(IN, 32, 32), THREE.aim(OUT, 0, 32));
    IN.put(32, ONE);
    IN.put(0, THREE);
  }
}

/** Input: seed. */
export function publicKey(seed: u32, out: u32): void {
  ed25519PublicKey(ONE.aim(IN, 0, seed), TWO.aim(OUT, 0, out));
}
/** Input: seed, public key, message. */
export function sign(seed: u32, key: u32, message: u32, signature: u32): void {
  ONE.aim(IN, 0, seed);
  TWO.aim(IN, seed, key);
  THREE.aim(IN, seed + key, message);
  ed25519Sign(ONE, TWO, THREE, FOUR.aim(OUT, 0, signature));
}
/** Input: public key, signature, message. */
export function verify(key: u32, signature: u32, message: u32): bool {
  ONE.aim(IN, 0, key);
  TWO.aim(IN, key, signature);
  return ed25519Verify(ONE, THREE.aim(IN, key + signature, message), TWO);
}

const F = new Field();
const G = new Field();
const H = new Field();

function readLimbs(field: Field, at: u32): void {
  field.l0 = IN.u64le(at);
  field.l1 = IN.u64le(at + 8);
  field.l2 = IN.u64le(at + 16);
  field.l3 = IN.u64le(at + 24);
  field.l4 = IN.u64le(at + 32);
  field.l5 = IN.u64le(at + 40);
  field.l6 = IN.u64le(at + 48);
  field.l7 = IN.u64le(at + 56);
  field.l8 = IN.u64le(at + 64);
  field.l9 = IN.u64le(at + 72);
}

/** Bytes to output[0..32), then the ten limbs. */
function writeField(field: Field): void {
  field.toBytes(ONE.aim(OUT, 0, 32));
  OUT.putU64le(32, field.l0);
  OUT.putU64le(40, field.l1);
  OUT.putU64le(48, field.l2);
  OUT.putU64le(56, field.l3);
  OUT.putU64le(64, field.l4);
  OUT.putU64le(72, field.l5);
  OUT.putU64le(80, field.l6);
  OUT.putU64le(88, field.l7);
  OUT.putU64le(96, field.l8);
  OUT.putU64le(104, field.l9);
}

/** Two elements as ten limbs of eight bytes each; see the cases for what the result is. `n` is the small operand. */
export function field(operation: u32, n: i64): u32 {
  readLimbs(F, 0);
  readLimbs(G, 80);
  let answer: u32 = 0;
  switch (operation) {
    case 0:
      H.add(F, G);
      break;
    case 1:
      H.subtract(F, G);
      break;
    case 2:
      H.multiply(F, G);
      break;
    case 3:
      H.square(F);
      break;
    case 4:
      H.multiplySmall(F, n);
      break;
    case 5:
      H.squareTimes(F, <u32>n);
      break;
    case 6:
      H.invert(F);
      break;
    case 7:
      H.power252(F);
      break;
    case 8:
      H.negateIf(F, n);
      break;
    case 9:
      H.copy(F);
      H.swapIf(G, n);
      break;
    case 10:
      H.setSmall(n);
      break;
    case 11:
      H.copy(F);
      answer = H.isZero() ? 1 : 0;
      break;
    case 12:
      H.copy(F);
      answer = H.isNegative() ? 1 : 0;
      break;
    case 13:
      F.multiply(F, G);
      H.copy(F);
      break;
    case 14:
      H.copy(F);
      H.invert(H);
      break;
    default:
      assert(false);
  }
  writeField(H);
  return answer;
}
/** Input: 32 bytes of a field element. */
export function fieldFromBytes(): void {
  F.fromBytes(ONE.aim(IN, 0, 32));
  writeField(F);
}

const J = new Scalar();
const K = new Scalar();
const L = new Scalar();
const DIGITS = new StaticArray<i8>(256);

/** Up to three scalars of 32 bytes (or one hash of 64); the result to output[0..32). */
export function scalar(operation: u32): u32 {
  J.fromBytes(IN, 0);
  K.fromBytes(IN, 32);
  L.fromBytes(IN, 64);
  let answer: u32 = 0;
  switch (operation) {
    case 0:
      J.fromHash(ONE.aim(IN, 0, 64));
      break;
    case 1:
      J.multiplyAdd(J, K, L);
      break;
    case 2:
      J.signedBits(J);
      break;
    case 3:
      J.clamp();
      break;
    case 4:
      answer = isBelowOrder(IN, 0) ? 1 : 0;
      break;
    default:
      assert(false);
  }
  J.toBytes(OUT, 0);
  return answer;
}
/** Input: a scalar; 256 digits, a signed byte each, to the output. */
export function nonAdjacentForm(width: u32): void {
  J.fromBytes(IN, 0);
  J.nonAdjacentForm(DIGITS, width);
  for (let i = 0; i < 256; i++) OUT[i] = <u8>DIGITS[i];
}

const P = new Point();
const Q = new Point();

/** Input: a scalar below 2^255; its multiple of the base point to the output. */
export function pointBase(): void {
  J.fromBytes(IN, 0);
  multiplyBase(P, J);
  encodePoint(ONE.aim(OUT, 0, 32), P);
}
/** Input: scalar a, point A, scalar b: a·A + b·B. False when A is no encoding. */
export function pointTwo(): bool {
  J.fromBytes(IN, 0);
  if (!decodePoint(P, ONE.aim(IN, 32, 32))) return false;
  K.fromBytes(IN, 64);
  multiplyTwo(Q, J, P, K);
  encodePoint(ONE.aim(OUT, 0, 32), Q);
  return true;
}
/** Input: a point: 0 when it is no encoding, 1 when its order is small, 2 otherwise; encoded again to the output. */
export function pointDecode(): u32 {
  if (!decodePoint(P, ONE.aim(IN, 0, 32))) return 0;
  encodePoint(TWO.aim(OUT, 0, 32), P);
  return hasSmallOrder(P) ? 1 : 2;
}
