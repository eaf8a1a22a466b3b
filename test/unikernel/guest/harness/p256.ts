/** Test harness for P-256: field, scalars, points, ECDH, ECDSA and the DER form of signatures. */
import { top } from "arena";
import { Bytes } from "bytes";
import { ecdsaSignatureFromDer, ecdsaSignatureToDer } from "../../../../unikernel/guest/crypto/ecdsa-der";
import { ecdsaP256Sign, ecdsaP256Verify } from "../../../../unikernel/guest/crypto/ecdsa-p256";
import { p256PublicKey, p256SharedSecret, p256ValidScalar } from "../../../../unikernel/guest/crypto/p256";
import {
  fieldAdd,
  fieldInvert,
  fieldIsZero,
  fieldMayBeZero,
  fieldPlain,
  fieldSub,
  fieldThreeHalves,
} from "../../../../unikernel/guest/crypto/p256-field";
import { Limbs } from "../../../../unikernel/guest/crypto/p256-limbs";
import { multiply, multiplyBase } from "../../../../unikernel/guest/crypto/p256-multiply";
import { multiplyPublic } from "../../../../unikernel/guest/crypto/p256-multiply-public";
import { Affine, Jacobian, pointFromBytes, pointToAffine } from "../../../../unikernel/guest/crypto/p256-point";
import { fieldMul, fieldMulSub, fieldSquare, fieldSquareSub } from "../../../../unikernel/guest/crypto/p256-product";
import {
  scalarInvert,
  scalarMakeOdd,
  scalarMul,
  scalarReduceBytes,
  scalarSum,
} from "../../../../unikernel/guest/crypto/p256-scalar";
import { TABLE } from "../../../../unikernel/guest/crypto/p256-table";

const IN = Bytes.alloc(1024);
const OUT = Bytes.alloc(1024);

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}

/** Views of the buffers, re-aimed on every call so that a benchmark's calls do not use memory up. */
const A = Bytes.empty();
const B = Bytes.empty();
const C = Bytes.empty();
const RESULT = Bytes.empty();

// The interface. Input: scalar, peer, digest …, one after the other, as each function's parameters say.
export function validScalar(length: u32): bool {
  return p256ValidScalar(A.aim(IN, 0, length));
}
/** scalar. */
export function publicKey(scalarLength: u32, outLength: u32): void {
  p256PublicKey(A.aim(IN, 0, scalarLength), RESULT.aim(OUT, 0, outLength));
}
/** scalar 32, peer. */
export function sharedSecret(peerLength: u32, outLength: u32): bool {
  return p256SharedSecret(A.aim(IN, 0, 32), B.aim(IN, 32, peerLength), RESULT.aim(OUT, 0, outLength));
}
/** scalar 32, digest, extra. */
export function sign(digestLength: u32, extraLength: u32, outLength: u32): void {
  A.aim(IN, 0, 32);
  B.aim(IN, 32, digestLength);
  C.aim(IN, 32 + digestLength, extraLength);
  ecdsaP256Sign(A, B, C, RESULT.aim(OUT, 0, outLength));
}
/** digest, signature, public key. */
export function verify(digestLength: u32, signatureLength: u32, keyLength: u32): bool {
  A.aim(IN, 0, digestLength);
  B.aim(IN, digestLength, signatureLength);
  C.aim(IN, digestLength + signatureLength, keyLength);
  return ecdsaP256Verify(C, A, B);
}
export function toDer(rawLength: u32, capacity: u32): u32 {
  return ecdsaSignatureToDer(A.aim(IN, 0, rawLength), RESULT.aim(OUT, 0, capacity));
}
export function fromDer(length: u32, rawLength: u32): bool {
  return ecdsaSignatureFromDer(A.aim(IN, 0, length), RESULT.aim(OUT, 0, rawLength));
}
export function heapTop(): usize {
  return top();
}

// Arithmetic on raw limbs. Input: operands of nine signed little-endian 64-bit limbs each; output: one such.
function limbs(slot: u32): Limbs {
  const at = slot * 72;
  const out = SLOTS[slot];
  out.l0 = <i64>IN.u64le(at);
  out.l1 = <i64>IN.u64le(at + 8);
  out.l2 = <i64>IN.u64le(at + 16);
  out.l3 = <i64>IN.u64le(at + 24);
  out.l4 = <i64>IN.u64le(at + 32);
  out.l5 = <i64>IN.u64le(at + 40);
  out.l6 = <i64>IN.u64le(at + 48);
  out.l7 = <i64>IN.u64le(at + 56);
  out.l8 = <i64>IN.u64le(at + 64);
  return out;
}
function give(value: Limbs): void {
  OUT.putU64le(0, <u64>value.l0);
  OUT.putU64le(8, <u64>value.l1);
  OUT.putU64le(16, <u64>value.l2);
  OUT.putU64le(24, <u64>value.l3);
  OUT.putU64le(32, <u64>value.l4);
  OUT.putU64le(40, <u64>value.l5);
  OUT.putU64le(48, <u64>value.l6);
  OUT.putU64le(56, <u64>value.l7);
  OUT.putU64le(64, <u64>value.l8);
}
export function mul(): void {
  fieldMul(result, limbs(0), limbs(1));
  give(result);
}
export function square(): void {
  fieldSquare(result, limbs(0));
  give(result);
}
export function mulSub(): void {
  fieldMulSub(result, limbs(0), limbs(1), limbs(2));
  give(result);
}
export function squareSub(): void {
  fieldSquareSub(result, limbs(0), limbs(1), limbs(2));
  give(result);
}
export function add(): void {
  fieldAdd(result, limbs(0), limbs(1));
  give(result);
}
export function sub(): void {
  fieldSub(result, limbs(0), limbs(1));
  give(result);
}
export function threeHalves(): void {
  fieldThreeHalves(result, limbs(0));
  give(result);
}
export function invert(): void {
  fieldInvert(result, limbs(0));
  give(result);
}
export function plain(): void {
  fieldPlain(result, limbs(0));
  give(result);
}
/** 2 when zero, 1 when only the cheap test says that it may be, else 0. */
export function zeroness(): u32 {
  const value = limbs(0);
  return fieldIsZero(value) ? (fieldMayBeZero(value) ? 2 : 3) : <u32>fieldMayBeZero(value);
}
export function nMul(): void {
  scalarMul(result, limbs(0), limbs(1));
  give(result);
}
export function nSumMul(): void {
  const sum = limbs(0);
  scalarSum(sum, sum, limbs(1));
  scalarMul(result, sum, limbs(2));
  give(result);
}
export function nInvert(): void {
  scalarInvert(result, limbs(0));
  give(result);
}
export function nReduceBytes(): void {
  scalarReduceBytes(result, IN.slice(0, 32));
  give(result);
}
/** Leaves the odd one of k and n - k; returns whether k was even. */
export function nMakeOdd(): bool {
  result.copy(limbs(0));
  const mask = scalarMakeOdd(result);
  give(result);
  return mask != 0;
}

// Points: scalars as limbs in slots 0 and 1; the point as 65 bytes at 144. Output: x and y, plain, as bytes.
function givePoint(): void {
  pointToAffine(affine, product);
  fieldPlain(result, affine.x);
  result.toBytes(OUT.slice(0, 32));
  fieldPlain(result, affine.y);
  result.toBytes(OUT.slice(32, 32));
}
export function timesBase(): void {
  multiplyBase(product, limbs(0));
  givePoint();
}
export function timesPoint(): void {
  assert(pointFromBytes(affine, IN.slice(144, 65)));
  multiply(product, limbs(0), affine);
  givePoint();
}
export function combination(): bool {
  assert(pointFromBytes(affine, IN.slice(144, 65)));
  if (!multiplyPublic(product, limbs(0), limbs(1), affine)) return false;
  givePoint();
  return true;
}
export function tableWord(i: u32): u64 {
  return TABLE[i];
}
export function tableLength(): u32 {
  return TABLE.length;
}

const SLOTS: StaticArray<Limbs> = [new Limbs(), new Limbs(), new Limbs()];
const result = new Limbs();
const product = new Jacobian();
const affine = new Affine();
