/**
 * ECDSA over P-256 with SHA-256 (FIPS 186-5 §6.4), nonces by RFC 6979 §3.2 with HMAC-SHA-256, optionally with added
 * randomness (§3.6), so that neither a weak generator nor a fault in one of two equal signatures gives the key away.
 *
 * Takes digests of 32 bytes and raw signatures r ‖ s of 64; ecdsa-der.ts has the form that certificates and TLS use.
 * Signing takes the same time for every key and nonce and wipes what it computed from them. Verifying is variable-time.
 * A buffer of another length traps.
 */
import { Bytes } from "bytes";
import { Hmac } from "./hmac";
import { fieldContains, fieldIsZero, fieldMontgomery, fieldPlain, fieldSub } from "./p256-field";
import { Limbs } from "./p256-limbs";
import { multiplyBase } from "./p256-multiply";
import { multiplyPublic } from "./p256-multiply-public";
import { Affine, Jacobian, pointAffineX, pointFromBytes, pointWipe } from "./p256-point";
import { fieldMul, fieldSquare } from "./p256-product";
import {
  scalarFromBytes,
  scalarInvert,
  scalarMul,
  scalarPlusOrder,
  scalarReduce,
  scalarReduceBytes,
  scalarSum,
} from "./p256-scalar";
import { Sha256 } from "./sha256";

/**
 * Signs a digest (32 bytes): writes r ‖ s (64 bytes). `extra` is 32 random bytes, or empty for the plain deterministic
 * signature. Traps when the scalar (32 bytes) is not in [1, n - 1].
 */
export function ecdsaP256Sign(scalar: Bytes, digest: Bytes, extra: Bytes, signature: Bytes): void {
  assert(signature.length == 64 && (extra.length == 0 || extra.length == 32));
  assert(<bool>scalarFromBytes(key, scalar));
  scalarReduceBytes(e, digest);
  seedNonces(scalar, extra);
  while (!signWithCandidate()) rejectCandidate();
  r.toBytes(VIEW.aim(signature, 0, 32));
  s.toBytes(VIEW.aim(signature, 32, 32));
  key.clear();
  nonce.clear();
  e.clear();
  r.clear();
  s.clear();
  product.clear();
  pointWipe();
  hmac.wipe();
  KEY.wipe();
  VALUE.wipe();
  REDUCED.wipe();
}

/**
 * Whether `signature` (64 bytes) is the key's (65 bytes, 0x04 ‖ X ‖ Y) over `digest` (32 bytes). False as well for a
 * point that is not on the curve and for r or s outside [1, n - 1].
 */
export function ecdsaP256Verify(publicKey: Bytes, digest: Bytes, signature: Bytes): bool {
  assert(signature.length == 64);
  if (!pointFromBytes(peer, publicKey)) return false;
  if (!scalarFromBytes(r, VIEW.aim(signature, 0, 32))) return false;
  if (!scalarFromBytes(s, VIEW.aim(signature, 32, 32))) return false;
  scalarReduceBytes(e, digest);
  scalarInvert(s, s);
  scalarMul(e, e, s);
  scalarMul(s, r, s);
  if (!multiplyPublic(product, e, s, peer)) return false;
  // x = X / Z² was reduced modulo n by the signer: X = r Z², or X = (r + n) Z² where r + n is a possible coordinate.
  fieldSquare(product.z, product.z);
  if (isCoordinate(r)) return true;
  scalarPlusOrder(r);
  return fieldContains(r) && isCoordinate(r);
}

/** Whether product's X is `x` times product's z (the square of its Z). */
function isCoordinate(x: Limbs): bool {
  fieldMontgomery(s, x);
  fieldMul(s, s, product.z);
  fieldSub(s, s, product.x);
  return fieldIsZero(s);
}

/** HMAC_DRBG's start: RFC 6979 §3.2 steps b to g, with `extra` appended as §3.6 says. Needs `e`, the reduced digest. */
function seedNonces(scalar: Bytes, extra: Bytes): void {
  VALUE.fill(0x01);
  KEY.fill(0x00);
  e.toBytes(REDUCED);
  for (let step: u32 = 0; step < 2; step++) {
    hmac.init(KEY);
    hmac.update(VALUE);
    hmac.update(VIEW.aim(SEPARATORS, step, 1));
    hmac.update(scalar);
    hmac.update(REDUCED);
    hmac.update(extra);
    hmac.digest(KEY);
    hmac.init(KEY);
    nextValue();
  }
}

/** V = HMAC_K(V). */
function nextValue(): void {
  hmac.update(VALUE);
  hmac.digest(VALUE);
}

/** Between two candidates: K = HMAC_K(V ‖ 0x00), V = HMAC_K(V). */
function rejectCandidate(): void {
  hmac.update(VALUE);
  hmac.update(VIEW.aim(SEPARATORS, 0, 1));
  hmac.digest(KEY);
  hmac.init(KEY);
  nextValue();
}

/**
 * §3.2 step h and FIPS 186-5 §6.4.1: a signature from the next candidate for the nonce. False when it gives none, which
 * happens once in 2^32 and tells nothing of the nonce that is used.
 */
function signWithCandidate(): bool {
  nextValue();
  if (!scalarFromBytes(nonce, VALUE)) return false;
  scalarInvert(s, nonce);
  multiplyBase(product, nonce);
  pointAffineX(r, product);
  fieldPlain(r, r);
  scalarReduce(r); // p < 2n
  scalarMul(nonce, r, key);
  scalarSum(nonce, nonce, e);
  scalarMul(s, nonce, s);
  return <bool>((r.isZero() | s.isZero()) ^ 1);
}

const key = new Limbs();
const nonce = new Limbs();
const e = new Limbs();
const r = new Limbs();
const s = new Limbs();
const product = new Jacobian();
const peer = new Affine();
const hmac = new Hmac(new Sha256());
const KEY = Bytes.alloc(32);
const VALUE = Bytes.alloc(32);
const REDUCED = Bytes.alloc(32);
const SEPARATORS = Bytes.alloc(2);
SEPARATORS[1] = 0x01;
const VIEW = Bytes.empty();
