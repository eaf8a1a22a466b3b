/**
 * The signature algorithms of certificates and proofs, under their TLS numbers (RFC 8446 §4.2.3), which say key and algorithm at
 * once: ECDSA on P-256 with SHA-256 and on P-384 with SHA-384 (RFC 5758 §3.2), DER encoded, and Ed25519 (RFC 8410).
 * The piñata's own keys are P-256 or Ed25519: P-384 is verified only.
 */
import { Bytes } from "bytes";
import { ecdsaSignatureFromDer } from "../crypto/ecdsa-der";
import { ecdsaP256Verify } from "../crypto/ecdsa-p256";
import { ecdsaP384Verify } from "../crypto/ecdsa-p384";
import { ed25519Verify } from "../crypto/ed25519";
import { sha256 } from "../crypto/sha256";
import { sha384 } from "../crypto/sha512";

export const NO_SCHEME: u32 = 0;
export const ECDSA_SECP256R1_SHA256: u32 = 0x0403;
export const ECDSA_SECP384R1_SHA384: u32 = 0x0503;
export const ED25519: u32 = 0x0807;

/** Length of a public key: the uncompressed point (04 ‖ x ‖ y), or the Ed25519 key. */
export const P256_PUBLIC_KEY_LENGTH: u32 = 65;
export const P384_PUBLIC_KEY_LENGTH: u32 = 97;
export const ED25519_PUBLIC_KEY_LENGTH: u32 = 32;

/** Whether `signature` over `message` is right under `publicKey`, whose length must fit `scheme`. All of it is public. */
export function verifySignature(scheme: u32, publicKey: Bytes, message: Bytes, signature: Bytes): bool {
  if (scheme == ED25519) {
    return (
      publicKey.length == ED25519_PUBLIC_KEY_LENGTH &&
      signature.length == RAW_SIGNATURE_LENGTH &&
      ed25519Verify(publicKey, message, signature)
    );
  }
  if (scheme == ECDSA_SECP384R1_SHA384) {
    if (publicKey.length != P384_PUBLIC_KEY_LENGTH || !ecdsaSignatureFromDer(signature, RAW_SIGNATURE_384))
      return false;
    sha384(message, DIGEST_384);
    return ecdsaP384Verify(publicKey, DIGEST_384, RAW_SIGNATURE_384);
  }
  if (scheme != ECDSA_SECP256R1_SHA256 || publicKey.length != P256_PUBLIC_KEY_LENGTH) return false;
  if (!ecdsaSignatureFromDer(signature, RAW_SIGNATURE)) return false;
  sha256(message, DIGEST);
  return ecdsaP256Verify(publicKey, DIGEST, RAW_SIGNATURE);
}

/** Whether it is a scheme of ours. */
export function isScheme(scheme: u32): bool {
  return scheme == ECDSA_SECP256R1_SHA256 || scheme == ECDSA_SECP384R1_SHA384 || scheme == ED25519;
}

const RAW_SIGNATURE_LENGTH: u32 = 64;
const RAW_SIGNATURE = Bytes.alloc(RAW_SIGNATURE_LENGTH);
const DIGEST = Bytes.alloc(32);
const RAW_SIGNATURE_384 = Bytes.alloc(96);
const DIGEST_384 = Bytes.alloc(48);
