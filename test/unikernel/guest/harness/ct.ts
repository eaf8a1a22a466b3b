/**
 * The functions of guest/crypto and guest/tls that handle secrets, for test/ct: exports that are added to a test build of the vault, so that they
 * are compiled to the object code of the image. Operands lie one after the other at the start of ctInput; results go to ctOutput.
 * What is secret, and what comes out, is said in test/ct/cases.ts.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Aead } from "../../../../unikernel/guest/crypto/aead";
import { Aes } from "../../../../unikernel/guest/crypto/aes";
import { AesGcm } from "../../../../unikernel/guest/crypto/aes-gcm";
import { chacha20Xor } from "../../../../unikernel/guest/crypto/chacha20";
import { ChaCha20Poly1305 } from "../../../../unikernel/guest/crypto/chacha20poly1305";
import { Generator } from "../../../../unikernel/guest/crypto/drbg";
import { ecdsaP256Sign } from "../../../../unikernel/guest/crypto/ecdsa-p256";
import { ed25519PublicKey, ed25519Sign } from "../../../../unikernel/guest/crypto/ed25519";
import { Ghash } from "../../../../unikernel/guest/crypto/ghash";
import { Hash } from "../../../../unikernel/guest/crypto/hash";
import { Hkdf } from "../../../../unikernel/guest/crypto/hkdf";
import { Hmac } from "../../../../unikernel/guest/crypto/hmac";
import { Sponge } from "../../../../unikernel/guest/crypto/keccak";
import { mlKemDecaps, mlKemEncaps, mlKemKeyGen } from "../../../../unikernel/guest/crypto/ml-kem";
import { p256PublicKey, p256SharedSecret, p256ValidScalar } from "../../../../unikernel/guest/crypto/p256";
import { fieldInvert } from "../../../../unikernel/guest/crypto/p256-field";
import { Limbs } from "../../../../unikernel/guest/crypto/p256-limbs";
import { scalarInvert, scalarMul, scalarReduceBytes, scalarSum } from "../../../../unikernel/guest/crypto/p256-scalar";
import { Poly1305 } from "../../../../unikernel/guest/crypto/poly1305";
import { Scalar } from "../../../../unikernel/guest/crypto/scalar25519";
import { Sha256 } from "../../../../unikernel/guest/crypto/sha256";
import { Sha384, Sha512 } from "../../../../unikernel/guest/crypto/sha512";
import { x25519, x25519Base } from "../../../../unikernel/guest/crypto/x25519";
import { EarlySecret, TrafficSecret } from "../../../../unikernel/guest/tls/key-schedule";
import { Suite } from "../../../../unikernel/guest/tls/suite";

const IN = Bytes.alloc(8192);
const OUT = Bytes.alloc(8192);

export function ctInput(): usize {
  return IN.address;
}
export function ctOutput(): usize {
  return OUT.address;
}

/** Lengths and numbers of the call, all public. */
let p: u32 = 0;
let q: u32 = 0;
export function ctParameters(first: u32, second: u32): void {
  p = first;
  q = second;
}

/** Views of the buffers, aimed in turn, so that a hundred thousand calls do not use memory up; no function needs more at once. */
const VIEWS: StaticArray<Bytes> = [
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
  Bytes.empty(),
];
let turn: i32 = 0;
function view(): Bytes {
  turn = (turn + 1) & 7;
  return VIEWS[turn];
}
function at(start: u32, length: u32): Bytes {
  return view().aim(IN, start, length);
}
function out(start: u32, length: u32): Bytes {
  return view().aim(OUT, start, length);
}
function to(length: u32): Bytes {
  return out(0, length);
}

/** scalar 32. */
export function ctX25519Base(): u32 {
  x25519Base(at(0, 32), to(32));
  return 1;
}
/** scalar 32, u 32. */
export function ctX25519(): u32 {
  return x25519(at(0, 32), at(32, 32), to(32));
}

/** scalar 32. */
export function ctP256ValidScalar(): u32 {
  return p256ValidScalar(at(0, 32));
}
/** scalar 32. */
export function ctP256PublicKey(): u32 {
  p256PublicKey(at(0, 32), to(65));
  return 1;
}
/** scalar 32, point 65. */
export function ctP256SharedSecret(): u32 {
  return p256SharedSecret(at(0, 32), at(32, 65), to(32));
}
/** scalar 32, digest 32, randomness `p`: 0 or 32. */
export function ctEcdsaSign(): u32 {
  ecdsaP256Sign(at(0, 32), at(32, 32), at(64, p), to(64));
  return 1;
}
/** a 32, b 32, both reduced modulo n: 1/((a + b) · b) modulo n. */
export function ctScalars(): u32 {
  scalarReduceBytes(X, at(0, 32));
  scalarReduceBytes(Y, at(32, 32));
  scalarSum(X, X, Y);
  scalarMul(X, X, Y);
  scalarInvert(X, X);
  X.toBytes(to(32));
  return 1;
}
/** a 32, below p: its inverse. */
export function ctFieldInvert(): u32 {
  X.fromBytes(at(0, 32));
  fieldInvert(X, X);
  OUT.putU64le(0, <u64>X.l0);
  OUT.putU64le(8, <u64>X.l4);
  return 1;
}

/** seed 32. */
export function ctEd25519PublicKey(): u32 {
  ed25519PublicKey(at(0, 32), to(32));
  return 1;
}
/** seed 32, public key 32, message `p`. */
export function ctEd25519Sign(): u32 {
  ed25519Sign(at(0, 32), at(32, 32), at(64, p), to(64));
  return 1;
}
/** hash 64, factor 32: hash · factor + factor modulo the group's order. */
export function ctScalar25519(): u32 {
  J.fromHash(at(0, 64));
  K.fromBytes(IN, 64);
  J.multiplyAdd(J, K, K);
  J.toBytes(OUT, 0);
  return 1;
}

/** key `p`, nonce 12: sixteen blocks of key stream. */
export function ctAes(): u32 {
  const scope = mark();
  new Aes(at(0, p)).encryptCounters(at(p, 12), 0, to(256));
  release(scope);
  return 1;
}
/** hash key 16, data `p`. */
export function ctGhash(): u32 {
  GHASH.init(at(0, 16));
  GHASH.updatePadded(at(16, p));
  GHASH.digest(to(16));
  return 1;
}
/** key 32, nonce 12, data `p`. */
export function ctChaCha20(): u32 {
  to(p).put(0, at(44, p));
  chacha20Xor(at(0, 32), 1, at(32, 12), to(p));
  return 1;
}
/** key 32, data `p`. */
export function ctPoly1305(): u32 {
  POLY1305.init(at(0, 32));
  POLY1305.update(at(32, p));
  POLY1305.digest(to(16));
  return 1;
}

/** 0 ChaCha20-Poly1305, 1 AES-128-GCM, 2 AES-256-GCM. */
function newAead(which: u32): Aead {
  return which == 0 ? <Aead>new ChaCha20Poly1305(at(0, 32)) : <Aead>new AesGcm(at(0, which == 1 ? 16 : 32));
}
/** key 32 (AES-128: of 16 and 16 that are not used), nonce 12, associated data 5, data `q`, for AEAD `p`: data, tag. */
export function ctSeal(): u32 {
  const scope = mark();
  to(q).put(0, at(49, q));
  newAead(p).seal(at(32, 12), at(44, 5), to(q), out(q, 16));
  release(scope);
  return 1;
}
/** As for seal, with the tag 16 behind the data. */
export function ctOpen(): u32 {
  const scope = mark();
  to(q).put(0, at(49, q));
  const good = newAead(p).open(at(32, 12), at(44, 5), to(q), at(49 + q, 16));
  release(scope);
  return good;
}

function hash(which: u32): Hash {
  return which == 256 ? <Hash>new Sha256() : which == 384 ? <Hash>new Sha384() : <Hash>new Sha512();
}
/** data `q`: its hash of `p` bits. */
export function ctHash(): u32 {
  const scope = mark();
  const running = hash(p);
  running.update(at(0, q));
  running.digest(to(running.length));
  release(scope);
  return 1;
}
/** key 48, data `q`. */
export function ctHmac(): u32 {
  const scope = mark();
  const hmac = new Hmac(hash(p));
  hmac.init(at(0, 48));
  hmac.update(at(48, q));
  hmac.digest(to(p >> 3));
  release(scope);
  return 1;
}
/** salt 32, input 32: extract, and expand-label of the result. */
export function ctHkdf(): u32 {
  const scope = mark();
  const hkdf = new Hkdf(hash(p));
  const secret = Bytes.alloc(hkdf.length);
  hkdf.extract(at(0, 32), at(32, 32), secret);
  hkdf.expandLabel(secret, LABEL, at(64, 0), to(hkdf.length));
  release(scope);
  return 1;
}
/** data `q`; `p` 0: SHA3-256, 1: SHA3-512, 2: SHAKE256. 200 bytes of the last. */
export function ctKeccak(): u32 {
  if (p == 0) SPONGE.beginSha3_256();
  else if (p == 1) SPONGE.beginSha3_512();
  else SPONGE.beginShake256();
  SPONGE.absorb(at(0, q));
  SPONGE.squeeze(to(p == 0 ? 32 : p == 1 ? 64 : 200));
  SPONGE.wipe();
  return 1;
}

/** seed 64: encapsulation key, decapsulation key. */
export function ctMlKemKeyGen(): u32 {
  mlKemKeyGen(at(0, 64), to(1184), out(1184, 2400));
  return 1;
}
/** randomness 32, encapsulation key 1184: ciphertext, shared secret. */
export function ctMlKemEncaps(): u32 {
  return mlKemEncaps(at(32, 1184), at(0, 32), to(1088), out(1088, 32));
}
/** decapsulation key 2400, ciphertext 1088: shared secret. */
export function ctMlKemDecaps(): u32 {
  mlKemDecaps(at(0, 2400), at(2400, 1088), to(32));
  return 1;
}

/** seed 32: `p` random bytes, twice. */
export function ctGenerator(): u32 {
  GENERATOR.wipe();
  GENERATOR.seed(at(0, 32));
  GENERATOR.fill(out(0, p));
  GENERATOR.fill(out(p, p));
  return 1;
}
/** Two strings of `p` bytes. */
export function ctEquals(): u32 {
  return at(0, p).equals(at(p, p));
}
/** shared secret `q`, transcript hash 48, for suite `p`: the four Finished values and traffic secrets' records, 16 bytes of each. */
export function ctKeySchedule(): u32 {
  const scope = mark();
  const suite = new Suite(p);
  const transcript = at(q, suite.newHash().length);
  const handshake = new EarlySecret(suite).handshake(at(0, q));
  seal16(0, handshake.clientTraffic(transcript), transcript);
  seal16(1, handshake.serverTraffic(transcript), transcript);
  const master = handshake.master();
  seal16(2, master.clientTraffic(transcript), transcript);
  seal16(3, master.serverTraffic(transcript), transcript);
  release(scope);
  return 1;
}
function seal16(place: u32, secret: TrafficSecret, transcript: Bytes): void {
  const data = out(48 * place, 16);
  secret.protection().seal(at(0, 5), data, out(48 * place + 16, 16));
  OUT.put(48 * place + 32, secret.verifyData(transcript).slice(0, 16));
}

const X = new Limbs();
const Y = new Limbs();
const J = new Scalar();
const K = new Scalar();
const GHASH = new Ghash();
const POLY1305 = new Poly1305();
const SPONGE = new Sponge();
const GENERATOR = new Generator();
const LABEL = Bytes.ascii("finished");
