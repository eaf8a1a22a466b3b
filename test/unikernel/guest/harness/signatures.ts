/**
 * Test harness for public keys and signatures in the forms in which peers send them: certificates' SubjectPublicKeyInfo, DER signatures.
 * Its input holds the longest of published vectors.
 */
import { Bytes } from "bytes";
import { ecdsaSignatureFromDer } from "../../../../unikernel/guest/crypto/ecdsa-der";
import { ecdsaP384Verify } from "../../../../unikernel/guest/crypto/ecdsa-p384";
import { Failure } from "../../../../unikernel/guest/failure";
import { Certificate } from "../../../../unikernel/guest/x509/certificate";
import { verifySignature } from "../../../../unikernel/guest/x509/signature";

const IN = Bytes.alloc(65536);
const OUT = Bytes.alloc(256);
const KEY = Bytes.empty();
const MESSAGE = Bytes.empty();
const SIGNATURE = Bytes.empty();
const RAW = Bytes.empty();
const CERTIFICATE = new Certificate();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}

/** Input: public key, message, signature. */
export function verify(scheme: u32, key: u32, message: u32, signature: u32): bool {
  MESSAGE.aim(IN, key, message);
  return verifySignature(scheme, KEY.aim(IN, 0, key), MESSAGE, SIGNATURE.aim(IN, key + message, signature));
}

/** Input: a DER signature. Output: r ‖ s, `raw` bytes. */
export function fromDer(length: u32, raw: u32): bool {
  return ecdsaSignatureFromDer(SIGNATURE.aim(IN, 0, length), RAW.aim(OUT, 0, raw));
}

/** Input: digest, r ‖ s, public key, as long as said. */
export function verifyP384(digest: u32, signature: u32, key: u32): bool {
  MESSAGE.aim(IN, 0, digest);
  SIGNATURE.aim(IN, digest, signature);
  return ecdsaP384Verify(KEY.aim(IN, digest + signature, key), MESSAGE, SIGNATURE);
}

/** Input: a certificate. Output: its public key, when it is not refused. */
export function parse(length: u32): Failure {
  const failure = CERTIFICATE.parse(KEY.aim(IN, 0, length));
  if (failure == Failure.None) OUT.put(0, CERTIFICATE.publicKey);
  return failure;
}
export function keyLength(): u32 {
  return CERTIFICATE.publicKey.length;
}
export function keyScheme(): u32 {
  return CERTIFICATE.scheme;
}
