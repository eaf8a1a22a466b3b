/** Test harness for guest/crypto: keccak and ml-kem. */
import { top } from "arena";
import { Bytes } from "bytes";
import { Sponge } from "../../../../unikernel/guest/crypto/keccak";
import { mlKemDecaps, mlKemEncaps, mlKemKeyGen } from "../../../../unikernel/guest/crypto/ml-kem";
import { compress, decode, encode } from "../../../../unikernel/guest/crypto/ml-kem-coding";
import { newPolynomial } from "../../../../unikernel/guest/crypto/ml-kem-polynomial";

const IN = Bytes.alloc(32768);
const OUT = Bytes.alloc(8192);
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

const SPONGE = new Sponge();
/** 0: SHA3-256, 1: SHA3-512, 2: SHAKE128, 3: SHAKE256. */
export function begin(which: u32): void {
  if (which == 0) SPONGE.beginSha3_256();
  else if (which == 1) SPONGE.beginSha3_512();
  else if (which == 2) SPONGE.beginShake128();
  else SPONGE.beginShake256();
}
export function absorb(start: u32, length: u32): void {
  SPONGE.absorb(ONE.aim(IN, start, length));
}
export function squeeze(start: u32, length: u32): void {
  SPONGE.squeeze(ONE.aim(OUT, start, length));
}
export function wipe(): void {
  SPONGE.wipe();
}

/** Input: seed. Output: encapsulation key, decapsulation key. */
export function keyGen(seed: u32, encapsulation: u32, decapsulation: u32): void {
  ONE.aim(IN, 0, seed);
  mlKemKeyGen(ONE, TWO.aim(OUT, 0, encapsulation), THREE.aim(OUT, encapsulation, decapsulation));
}
/** Input: encapsulation key, randomness. Output: ciphertext, shared secret. */
export function encaps(key: u32, random: u32, ciphertext: u32, shared: u32): bool {
  ONE.aim(IN, 0, key);
  TWO.aim(IN, key, random);
  return mlKemEncaps(ONE, TWO, THREE.aim(OUT, 0, ciphertext), FOUR.aim(OUT, ciphertext, shared));
}
/** Input: decapsulation key, ciphertext. Output: shared secret. */
export function decaps(key: u32, ciphertext: u32, shared: u32): void {
  ONE.aim(IN, 0, key);
  mlKemDecaps(ONE, TWO.aim(IN, key, ciphertext), THREE.aim(OUT, 0, shared));
}

export function compressed(x: u32, width: u32): u32 {
  return compress(x, width);
}
const POLYNOMIAL = newPolynomial();
/** Decodes 32 · width bytes of input and encodes them again. */
export function recode(width: u32): void {
  decode(ONE.aim(IN, 0, 32 * width), width, POLYNOMIAL);
  encode(POLYNOMIAL, width, TWO.aim(OUT, 0, 32 * width));
}
/** A coefficient of what was decoded last. */
export function coefficient(i: u32): u32 {
  return POLYNOMIAL[i];
}
