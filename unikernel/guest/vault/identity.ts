/**
 * Identity: the piñata's certificate chain and private key for one role, in buffers of their own: the only home of the
 * key. Signs what it is given; only the vault's entry calls it, with contents of vault/proof.ts.
 */
import { Bytes } from "bytes";
import { Generator } from "../crypto/drbg";
import { ECDSA_DER_MAX, ecdsaSignatureToDer } from "../crypto/ecdsa-der";
import { ecdsaP256Sign } from "../crypto/ecdsa-p256";
import { ed25519PublicKey, ed25519Sign } from "../crypto/ed25519";
import { p256PublicKey, p256ValidScalar } from "../crypto/p256";
import { sha256 } from "../crypto/sha256";
import { KEY_FIELD_LENGTH, MAX_OWN_CHAIN_LENGTH } from "../seal";
import { Certificate } from "../x509/certificate";
import {
  ECDSA_SECP256R1_SHA256,
  ED25519,
  ED25519_PUBLIC_KEY_LENGTH,
  NO_SCHEME,
  P256_PUBLIC_KEY_LENGTH,
} from "../x509/signature";

/** Room that {@link Identity.sign} needs: the longer of the two signatures. */
export const MAX_SIGNATURE_LENGTH: u32 = ECDSA_DER_MAX;

@final
export class Identity {
  /** SignatureScheme of the key; NO_SCHEME while there is none. */
  scheme: u32 = NO_SCHEME;
  /** The chain as `u24 length ‖ DER`, leaf first. */
  readonly chain: Bytes = Bytes.empty();
  private chainHome: Bytes = Bytes.alloc(MAX_OWN_CHAIN_LENGTH);
  private secret: Bytes = Bytes.alloc(SECRET_LENGTH);
  /** The key's public half, which Ed25519 signs with. */
  private publicKey: Bytes = Bytes.alloc(ED25519_PUBLIC_KEY_LENGTH);

  /** Takes copies of a chain and a key field that {@link isPrivateKey} and {@link belongsTo} accepted. */
  keep(chain: Bytes, keyField: Bytes): void {
    this.chainHome.put(0, chain);
    this.chain.aim(this.chainHome, 0, chain.length);
    this.scheme = keyField.u16be(0);
    this.secret.put(0, secretOf(keyField));
    if (this.scheme == ED25519) ed25519PublicKey(this.secret, this.publicKey);
  }

  /** Signs `content`; ECDSA mixes 32 bytes of `generator` into its nonce. Returns the length written to `out`. */
  sign(content: Bytes, generator: Generator, out: Bytes): u32 {
    if (this.scheme == ED25519) {
      ed25519Sign(this.secret, this.publicKey, content, out.slice(0, RAW_SIGNATURE_LENGTH));
      return RAW_SIGNATURE_LENGTH;
    }
    assert(this.scheme == ECDSA_SECP256R1_SHA256);
    sha256(content, DIGEST);
    generator.fill(EXTRA);
    ecdsaP256Sign(this.secret, DIGEST, EXTRA, RAW_SIGNATURE);
    EXTRA.wipe();
    return ecdsaSignatureToDer(RAW_SIGNATURE, out);
  }
}

/** Whether a key field (34 bytes) holds a scheme that we sign with and a private key for it. */
export function isPrivateKey(keyField: Bytes): bool {
  assert(keyField.length == KEY_FIELD_LENGTH);
  const scheme = keyField.u16be(0);
  return scheme == ED25519 || (scheme == ECDSA_SECP256R1_SHA256 && p256ValidScalar(secretOf(keyField)));
}

/** Whether a valid key field is the private half of the key in `certificate`. */
export function belongsTo(keyField: Bytes, certificate: Certificate): bool {
  const scheme = keyField.u16be(0);
  if (scheme != certificate.scheme) return false;
  const publicKey = Bytes.alloc(scheme == ED25519 ? ED25519_PUBLIC_KEY_LENGTH : P256_PUBLIC_KEY_LENGTH);
  if (scheme == ED25519) ed25519PublicKey(secretOf(keyField), publicKey);
  else p256PublicKey(secretOf(keyField), publicKey);
  return publicKey.equals(certificate.publicKey);
}

function secretOf(keyField: Bytes): Bytes {
  return keyField.slice(2, SECRET_LENGTH);
}

const SECRET_LENGTH: u32 = 32;
const RAW_SIGNATURE_LENGTH: u32 = 64;
const DIGEST = Bytes.alloc(32);
const EXTRA = Bytes.alloc(32);
const RAW_SIGNATURE = Bytes.alloc(RAW_SIGNATURE_LENGTH);
