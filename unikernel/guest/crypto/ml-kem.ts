/**
 * ML-KEM-768 (FIPS 203): key generation, encapsulation and decapsulation from randomness that is given.
 *
 * Decapsulation rejects implicitly and in constant time: a wrong ciphertext gives a secret that only we know (§6.3). Entries of
 * the matrix are sampled when they are needed, so that a whole operation works in about 5 KiB, which are wiped after it; nothing
 * is allocated. The lengths below are in bytes; any other length traps.
 */
import { Bytes } from "bytes";
import { Sponge } from "./keccak";
import { decode, encode, isReduced, sampleNoise, sampleUniform } from "./ml-kem-coding";
import {
  add,
  addProduct,
  inverseNtt,
  newPolynomial,
  ntt,
  Polynomial,
  Sum,
  subtract,
  takeSum,
  wipePolynomial,
} from "./ml-kem-polynomial";

export const ML_KEM_SEED: u32 = 64;
export const ML_KEM_ENCAPSULATION_KEY: u32 = 1184;
export const ML_KEM_DECAPSULATION_KEY: u32 = 2400;
export const ML_KEM_CIPHERTEXT: u32 = 1088;
export const ML_KEM_SECRET: u32 = 32;

const K: i32 = 3;
const VECTOR: u32 = 1152; // three polynomials of 12 bits a coefficient
const U: u32 = 960; // three of 10 bits; v has 4
const HASH_AT: u32 = VECTOR + ML_KEM_ENCAPSULATION_KEY;
const Z_AT: u32 = HASH_AT + 32;

/** ML-KEM.KeyGen_internal (Algorithm 16): `seed` is d ‖ z. */
export function mlKemKeyGen(seed: Bytes, encapsulationKey: Bytes, decapsulationKey: Bytes): void {
  assert(seed.length == ML_KEM_SEED && decapsulationKey.length == ML_KEM_DECAPSULATION_KEY);
  assert(encapsulationKey.length == ML_KEM_ENCAPSULATION_KEY);
  PAIR[0] = <u8>K;
  hash64(ONE.aim(seed, 0, 32), TWO.aim(PAIR, 0, 1), PAIR);
  const rho = RHO.aim(encapsulationKey, VECTOR, 32);
  rho.put(0, ONE.aim(PAIR, 0, 32));
  const sigma = COINS.aim(PAIR, 32, 32);
  for (let i = 0; i < K; i++) {
    sampleNoise(sigma, i, SECRET[i]);
    ntt(SECRET[i]);
    encode(SECRET[i], 12, ONE.aim(decapsulationKey, 384 * i, 384));
  }
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) addEntryProduct(rho, j, i, SECRET[j]);
    takeSum(LEFT, SUM);
    sampleNoise(sigma, K + i, RIGHT);
    ntt(RIGHT);
    add(LEFT, RIGHT);
    encode(LEFT, 12, ONE.aim(encapsulationKey, 384 * i, 384));
  }
  decapsulationKey.put(VECTOR, encapsulationKey);
  hash32(encapsulationKey, ONE.aim(decapsulationKey, HASH_AT, 32));
  decapsulationKey.put(Z_AT, ONE.aim(seed, 32, 32));
  wipe();
}

/**
 * ML-KEM.Encaps_internal (Algorithm 17): writes ciphertext and shared secret for 32 random bytes. False, and nothing is written,
 * when the peer's encapsulation key has a coefficient of q or more (§7.2).
 */
export function mlKemEncaps(encapsulationKey: Bytes, random: Bytes, ciphertext: Bytes, shared: Bytes): bool {
  assert(encapsulationKey.length == ML_KEM_ENCAPSULATION_KEY && random.length == 32);
  assert(ciphertext.length == ML_KEM_CIPHERTEXT && shared.length == ML_KEM_SECRET);
  for (let i = 0; i < K; i++) {
    decode(ONE.aim(encapsulationKey, 384 * i, 384), 12, LEFT);
    if (!isReduced(LEFT)) return false;
  }
  hash32(encapsulationKey, TWO.aim(PAIR, 0, 32));
  hash64(random, TWO, PAIR);
  encrypt(encapsulationKey, random, COINS.aim(PAIR, 32, 32), ciphertext);
  shared.put(0, ONE.aim(PAIR, 0, 32));
  wipe();
  return true;
}

/**
 * ML-KEM.Decaps_internal (Algorithm 18). The key is one that {@link mlKemKeyGen} made here, so its hash is not checked again
 * (§7.3).
 */
export function mlKemDecaps(decapsulationKey: Bytes, ciphertext: Bytes, shared: Bytes): void {
  assert(decapsulationKey.length == ML_KEM_DECAPSULATION_KEY);
  assert(ciphertext.length == ML_KEM_CIPHERTEXT && shared.length == ML_KEM_SECRET);
  decrypt(decapsulationKey, ciphertext, MESSAGE);
  hash64(MESSAGE, TWO.aim(decapsulationKey, HASH_AT, 32), PAIR);
  SPONGE.beginShake256();
  SPONGE.absorb(ONE.aim(decapsulationKey, Z_AT, 32));
  SPONGE.absorb(ciphertext);
  SPONGE.squeeze(shared);

  const key = KEY.aim(decapsulationKey, VECTOR, ML_KEM_ENCAPSULATION_KEY);
  encrypt(key, MESSAGE, COINS.aim(PAIR, 32, 32), AGAIN);
  let difference: u64 = 0;
  for (let at: u32 = 0; at < ML_KEM_CIPHERTEXT; at += 8) difference |= AGAIN.u64le(at) ^ ciphertext.u64le(at);
  const same = ((difference | (0 - difference)) >> 63) - 1;
  for (let at: u32 = 0; at < ML_KEM_SECRET; at += 8) {
    const rejected = shared.u64le(at);
    shared.putU64le(at, rejected ^ (same & (rejected ^ PAIR.u64le(at))));
  }
  wipe();
}

/** K-PKE.Encrypt (Algorithm 14). */
function encrypt(encapsulationKey: Bytes, message: Bytes, coins: Bytes, ciphertext: Bytes): void {
  const rho = RHO.aim(encapsulationKey, VECTOR, 32);
  for (let i = 0; i < K; i++) {
    sampleNoise(coins, i, SECRET[i]);
    ntt(SECRET[i]);
  }
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) addEntryProduct(rho, i, j, SECRET[j]);
    takeSum(LEFT, SUM);
    inverseNtt(LEFT);
    sampleNoise(coins, K + i, RIGHT);
    add(LEFT, RIGHT);
    encode(LEFT, 10, ONE.aim(ciphertext, 320 * i, 320));
  }
  for (let i = 0; i < K; i++) addKeyProduct(encapsulationKey, i, SECRET[i]);
  takeSum(LEFT, SUM);
  inverseNtt(LEFT);
  sampleNoise(coins, 2 * K, RIGHT);
  add(LEFT, RIGHT);
  decode(message, 1, RIGHT);
  add(LEFT, RIGHT);
  encode(LEFT, 4, ONE.aim(ciphertext, U, 128));
}

/** K-PKE.Decrypt (Algorithm 15). */
function decrypt(decapsulationKey: Bytes, ciphertext: Bytes, message: Bytes): void {
  for (let i = 0; i < K; i++) {
    decode(ONE.aim(ciphertext, 320 * i, 320), 10, RIGHT);
    ntt(RIGHT);
    addKeyProduct(decapsulationKey, i, RIGHT);
  }
  takeSum(RIGHT, SUM);
  inverseNtt(RIGHT);
  decode(ONE.aim(ciphertext, U, 128), 4, LEFT);
  subtract(LEFT, RIGHT);
  encode(LEFT, 1, message);
}

/** Adds to SUM the product of an entry of the matrix. */
function addEntryProduct(rho: Bytes, column: u32, row: u32, factor: Polynomial): void {
  sampleUniform(rho, column, row, LEFT);
  addProduct(SUM, LEFT, factor);
}

/** Adds to SUM the product of polynomial `i` of a key, t or s. */
function addKeyProduct(key: Bytes, i: i32, factor: Polynomial): void {
  decode(ONE.aim(key, 384 * i, 384), 12, LEFT);
  addProduct(SUM, LEFT, factor);
}

/** H (§4.1): SHA3-256. */
function hash32(data: Bytes, out: Bytes): void {
  SPONGE.beginSha3_256();
  SPONGE.absorb(data);
  SPONGE.squeeze(out);
}

/** G (§4.1): SHA3-512 of `first` ‖ `second`, which may lie in `out`. */
function hash64(first: Bytes, second: Bytes, out: Bytes): void {
  SPONGE.beginSha3_512();
  SPONGE.absorb(first);
  SPONGE.absorb(second);
  SPONGE.squeeze(out);
}

/** Everything that a secret may have been in; the sum is zero after its last use. */
function wipe(): void {
  for (let i = 0; i < K; i++) wipePolynomial(SECRET[i]);
  wipePolynomial(LEFT);
  wipePolynomial(RIGHT);
  PAIR.wipe();
  MESSAGE.wipe();
  AGAIN.wipe();
  SPONGE.wipe();
}

/** s or r, in the NTT domain. */
const SECRET: StaticArray<Polynomial> = [newPolynomial(), newPolynomial(), newPolynomial()];
const LEFT = newPolynomial();
const RIGHT = newPolynomial();
const SUM: Sum = new StaticArray<u32>(256);
const SPONGE = new Sponge();
const PAIR = Bytes.alloc(64);
const MESSAGE = Bytes.alloc(32);
const AGAIN = Bytes.alloc(ML_KEM_CIPHERTEXT);
/** Re-aimed on every use, so that no call allocates. */
const RHO = Bytes.empty();
const KEY = Bytes.empty();
const COINS = Bytes.empty();
const ONE = Bytes.empty();
const TWO = Bytes.empty();
