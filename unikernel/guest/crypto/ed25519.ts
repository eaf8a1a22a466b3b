/**
 * Ed25519: signatures (RFC 8032 §5.1; "PureEdDSA": the message is hashed, never a hash of it signed).
 *
 * Signing is deterministic and constant time in the seed. Verification is strict and variable time (all is public): it
 * accepts exactly when S < L, A is a canonical encoding and R the canonical encoding of S·B − k·A, and neither has small
 * order. That is the equation without the cofactor, compared as bytes: RFC 8032 §5.1.7 allows it, OpenSSL and other common
 * libraries check it, one answer follows for each signature with no second decoding to disagree about, and no bit of a
 * signature can be changed. Refusing small orders makes a signature bind its key and its message.
 */
import { Bytes } from "bytes";
import { decodePoint, encodePoint, hasSmallOrder, multiplyBase, multiplyTwo, Point } from "./edwards25519";
import { isBelowOrder, Scalar } from "./scalar25519";
import { Sha512 } from "./sha512";

/** Writes the public key (32 bytes) of a seed (32 bytes, the private key of RFC 8032). */
export function ed25519PublicKey(seed: Bytes, out: Bytes): void {
  expandSeed(seed);
  multiplyBase(POINT, SECRET);
  encodePoint(out, POINT);
  wipe();
}

/**
 * Writes the signature (64 bytes) of `message`, any length. `publicKey` must be the seed's own, from
 * {@link ed25519PublicKey}: two signatures of one message under different keys would give the seed's scalar away.
 */
export function ed25519Sign(seed: Bytes, publicKey: Bytes, message: Bytes, signature: Bytes): void {
  assert(publicKey.length == 32 && signature.length == 64);
  expandSeed(seed);
  HASH.update(PREFIX.aim(EXPANDED, 32, 32));
  HASH.update(message);
  takeHash(NONCE);
  multiplyBase(POINT, NONCE);
  encodePoint(COMMITMENT, POINT);
  hashChallenge(COMMITMENT, publicKey, message);
  NONCE.multiplyAdd(CHALLENGE, SECRET, NONCE);
  signature.put(0, COMMITMENT);
  NONCE.toBytes(signature, 32);
  wipe();
}

/** Whether `signature` (64 bytes) is one of `message` by `publicKey` (32 bytes), as the head of this file says. */
export function ed25519Verify(publicKey: Bytes, message: Bytes, signature: Bytes): bool {
  assert(publicKey.length == 32 && signature.length == 64);
  if (!isBelowOrder(signature, 32)) return false;
  if (!decodePoint(POINT, publicKey) || hasSmallOrder(POINT)) return false;
  R.aim(signature, 0, 32);
  hashChallenge(R, publicKey, message);
  S.fromBytes(signature, 32);
  // The point changes its sign, not k: for a key of mixed order, (L − k)·A would not be −k·A.
  POINT.negate(POINT);
  multiplyTwo(RESULT, CHALLENGE, POINT, S);
  encodePoint(COMMITMENT, RESULT);
  return COMMITMENT.equals(R) && !hasSmallOrder(RESULT);
}

/** EXPANDED = SHA-512(seed), SECRET = its first half, clamped (RFC 8032 §5.1.5). */
function expandSeed(seed: Bytes): void {
  assert(seed.length == 32);
  HASH.reset();
  HASH.update(seed);
  HASH.digest(EXPANDED);
  HASH.reset();
  SECRET.fromBytes(EXPANDED, 0);
  SECRET.clamp();
}

/** CHALLENGE = SHA-512(R ‖ A ‖ M) mod L. */
function hashChallenge(commitment: Bytes, publicKey: Bytes, message: Bytes): void {
  HASH.reset();
  HASH.update(commitment);
  HASH.update(publicKey);
  HASH.update(message);
  takeHash(CHALLENGE);
}

function takeHash(out: Scalar): void {
  HASH.digest(DIGEST);
  out.fromHash(DIGEST);
  DIGEST.wipe();
  HASH.reset();
}

function wipe(): void {
  EXPANDED.wipe();
  SECRET.wipe();
  NONCE.wipe();
  POINT.wipe();
  CHALLENGE.wipe();
  COMMITMENT.wipe();
}

const HASH = new Sha512();
const EXPANDED = Bytes.alloc(64);
const PREFIX = Bytes.empty();
const DIGEST = Bytes.alloc(64);
const COMMITMENT = Bytes.alloc(32);
const R = Bytes.empty();
const SECRET = new Scalar();
const NONCE = new Scalar();
const CHALLENGE = new Scalar();
const S = new Scalar();
const POINT = new Point();
const RESULT = new Point();
