/** Test harness for the hashes, HMAC and HKDF of guest/crypto. Function numbers: 256, 384, 512. */
import { top } from "arena";
import { Bytes } from "bytes";
import { Hash } from "../../../../unikernel/guest/crypto/hash";
import { Hkdf } from "../../../../unikernel/guest/crypto/hkdf";
import { Hmac } from "../../../../unikernel/guest/crypto/hmac";
import { Sha256, sha256 } from "../../../../unikernel/guest/crypto/sha256";
import { Sha384, Sha512, sha384, sha512 } from "../../../../unikernel/guest/crypto/sha512";

const IN = Bytes.alloc(32768);
const OUT = Bytes.alloc(20000);
const SHA256 = new Sha256();
const SHA384 = new Sha384();
const SHA512 = new Sha512();
const COPY256 = new Sha256();
const COPY384 = new Sha384();
const COPY512 = new Sha512();
const HMAC256 = new Hmac(new Sha256());
const HMAC384 = new Hmac(new Sha384());
const HMAC512 = new Hmac(new Sha512());
const HKDF256 = new Hkdf(new Sha256());
const HKDF384 = new Hkdf(new Sha384());
const HKDF512 = new Hkdf(new Sha512());
const A = Bytes.empty();
const B = Bytes.empty();
const C = Bytes.empty();
const D = Bytes.empty();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}

function hash(bits: u32): Hash {
  return bits == 256 ? SHA256 : bits == 384 ? SHA384 : SHA512;
}
function copy(bits: u32): Hash {
  return bits == 256 ? COPY256 : bits == 384 ? COPY384 : COPY512;
}
function hmac(bits: u32): Hmac {
  return bits == 256 ? HMAC256 : bits == 384 ? HMAC384 : HMAC512;
}
function hkdf(bits: u32): Hkdf {
  return bits == 256 ? HKDF256 : bits == 384 ? HKDF384 : HKDF512;
}

export function hashLength(bits: u32): u32 {
  return hash(bits).length;
}
export function hashBlockLength(bits: u32): u32 {
  return hash(bits).blockLength;
}
export function hashReset(bits: u32): void {
  hash(bits).reset();
}
export function hashUpdate(bits: u32, start: u32, length: u32): void {
  hash(bits).update(A.aim(IN, start, length));
}
/** Digests to `outLength` bytes at the start of the output. */
export function hashDigest(bits: u32, outLength: u32): void {
  hash(bits).digest(A.aim(OUT, 0, outLength));
}
export function oneShot(bits: u32, length: u32, outLength: u32): void {
  if (bits == 256) sha256(A.aim(IN, 0, length), B.aim(OUT, 0, outLength));
  else if (bits == 384) sha384(A.aim(IN, 0, length), B.aim(OUT, 0, outLength));
  else sha512(A.aim(IN, 0, length), B.aim(OUT, 0, outLength));
}
/** The copy continues from the running hash; then `length` bytes from `start` go to the copy alone, and its digest to the output. */
export function digestOfCopy(bits: u32, start: u32, length: u32): void {
  copy(bits).copyFrom(hash(bits));
  copy(bits).update(A.aim(IN, start, length));
  copy(bits).digest(B.aim(OUT, 0, hash(bits).length));
}
export function copyBetween(to: u32, from: u32): void {
  hash(to).copyFrom(hash(from));
}
/** The digest of the input by a hash that `fresh` made. Allocates. */
export function digestOfFresh(bits: u32, length: u32): void {
  const other = hash(bits).fresh();
  other.update(IN.slice(0, length));
  other.digest(OUT.slice(0, other.length));
}

/** Key at the start of the input. */
export function hmacInit(bits: u32, keyLength: u32): void {
  hmac(bits).init(A.aim(IN, 0, keyLength));
}
export function hmacUpdate(bits: u32, start: u32, length: u32): void {
  hmac(bits).update(A.aim(IN, start, length));
}
export function hmacDigest(bits: u32, outLength: u32): void {
  hmac(bits).digest(A.aim(OUT, 0, outLength));
}
export function hmacWipe(bits: u32): void {
  hmac(bits).wipe();
}

/** Salt, then input keying material. */
export function extract(bits: u32, saltLength: u32, ikmLength: u32, outLength: u32): void {
  hkdf(bits).extract(A.aim(IN, 0, saltLength), B.aim(IN, saltLength, ikmLength), C.aim(OUT, 0, outLength));
}
/** Pseudorandom key, then info. */
export function expand(bits: u32, prkLength: u32, infoLength: u32, outLength: u32): void {
  hkdf(bits).expand(A.aim(IN, 0, prkLength), B.aim(IN, prkLength, infoLength), C.aim(OUT, 0, outLength));
}
/** Secret, then label, then context. */
export function expandLabel(bits: u32, secretLength: u32, labelLength: u32, contextLength: u32, outLength: u32): void {
  hkdf(bits).expandLabel(
    A.aim(IN, 0, secretLength),
    B.aim(IN, secretLength, labelLength),
    C.aim(IN, secretLength + labelLength, contextLength),
    D.aim(OUT, 0, outLength),
  );
}
export function hkdfWipe(bits: u32): void {
  hkdf(bits).wipe();
}
