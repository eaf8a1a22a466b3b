/**
 * Between bytes and the polynomials of ML-KEM-768: ByteEncode and ByteDecode with compression (FIPS 203 §4.2.1), and the two
 * samplers (§4.2.2).
 *
 * Compression multiplies by a rounded 1/q, exact for every coefficient: nothing is divided, and nothing but the public seed of
 * the matrix decides a branch.
 */
import { Bytes } from "bytes";
import { SHAKE128_RATE, Sponge } from "./keccak";
import { Polynomial, Q } from "./ml-kem-polynomial";

/** Compress to `width` bits each (12: as they are) and write to `out`, 32 · width bytes. */
export function encode(f: Polynomial, width: u32, out: Bytes): void {
  assert(out.length == 32 * width);
  let bits: u32 = 0;
  let count: u32 = 0;
  let at: u32 = 0;
  for (let i = 0; i < 256; i++) {
    bits |= (width == 12 ? <u32>f[i] : compress(f[i], width)) << count;
    for (count += width; count >= 8; count -= 8) {
      out[at++] = <u8>bits;
      bits >>= 8;
    }
  }
}

/** Reads 32 · width bytes and decompresses (12: takes them as they are: below 2^12, maybe not below q). */
export function decode(bytes: Bytes, width: u32, f: Polynomial): void {
  assert(bytes.length == 32 * width);
  const half = 1 << (width - 1);
  let bits: u32 = 0;
  let count: u32 = 0;
  let at: u32 = 0;
  for (let i = 0; i < 256; i++) {
    for (; count < width; count += 8) bits |= (<u32>bytes[at++]) << count;
    const value = bits & ((1 << width) - 1);
    f[i] = <u16>(width == 12 ? value : (value * Q + half) >> width);
    bits >>= width;
    count -= width;
  }
}

/** Whether all coefficients are below q: the modulus check of an encapsulation key (§7.2), which is public. */
export function isReduced(f: Polynomial): bool {
  let over: u32 = 0;
  for (let i = 0; i < 256; i++) over |= Q - 1 - f[i];
  return over >> 31 == 0;
}

/** ⌈2^width / q · x⌋ mod 2^width for x in [0, q). 20642679 = ⌈2^36 / q⌉: the error stays below 1/q. */
export function compress(x: u32, width: u32): u32 {
  return <u32>((<u64>((x << width) + Q / 2) * 20642679) >> 36) & ((1 << width) - 1);
}

/** SampleNTT (Algorithm 7): an entry of the matrix from its public seed, in the NTT domain, by rejection. */
export function sampleUniform(rho: Bytes, column: u32, row: u32, out: Polynomial): void {
  INDEX[0] = <u8>column;
  INDEX[1] = <u8>row;
  SPONGE.beginShake128();
  SPONGE.absorb(rho);
  SPONGE.absorb(INDEX);
  for (let count = 0; count < 256; ) {
    SPONGE.squeeze(BLOCK);
    for (let at: u32 = 0; at < SHAKE128_RATE && count < 256; at += 3) {
      const three = ((<u32>BLOCK[at + 2]) << 16) | ((<u32>BLOCK[at + 1]) << 8) | BLOCK[at];
      const low = three & 0xfff;
      const high = three >> 12;
      if (low < Q) out[count++] = <u16>low;
      if (high < Q && count < 256) out[count++] = <u16>high;
    }
  }
}

/**
 * SamplePolyCBD with η = 2 over PRF(secret, nonce) (Algorithm 8): each coefficient the difference of two sums of two bits, as
 * q − 2 … q + 2. Constant time.
 */
export function sampleNoise(secret: Bytes, nonce: u32, out: Polynomial): void {
  INDEX[0] = <u8>nonce;
  SPONGE.beginShake256();
  SPONGE.absorb(secret);
  SPONGE.absorb(VIEW.aim(INDEX, 0, 1));
  SPONGE.squeeze(NOISE);
  SPONGE.wipe();
  for (let i: u32 = 0; i < 32; i++) {
    const word = NOISE.u32le(4 * i);
    const pairs = (word & 0x55555555) + ((word >> 1) & 0x55555555);
    for (let j: u32 = 0; j < 8; j++) {
      const pair = pairs >> (4 * j);
      out[8 * i + j] = <u16>(Q + (pair & 3) - ((pair >> 2) & 3));
    }
  }
  NOISE.wipe();
}

const SPONGE = new Sponge();
const BLOCK = Bytes.alloc(SHAKE128_RATE);
const NOISE = Bytes.alloc(128);
const INDEX = Bytes.alloc(2);
/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
