/**
 * One ephemeral key exchange (RFC 8446 §4.2.8, §7.4.2): X25519 (RFC 7748) or ECDH on P-256.
 */
import { Bytes } from "bytes";
import { Generator } from "../crypto/drbg";
import { p256PublicKey, p256SharedSecret, p256ValidScalar } from "../crypto/p256";
import { x25519, x25519Base } from "../crypto/x25519";
import { NamedGroup } from "./registry";

/** Bytes of the shared secret of both groups. */
export const SHARED_LENGTH: u32 = 32;

@final
export class KeyExchange {
  /** What goes into our KeyShareEntry: 32 bytes, or 65 (an uncompressed point). */
  readonly publicKey: Bytes;
  private secret: Bytes = Bytes.alloc(32);

  /** A new key pair of `group`, which must be one of {@link NamedGroup}. */
  constructor(
    readonly group: u32,
    generator: Generator,
  ) {
    assert(isOurGroup(group));
    this.publicKey = Bytes.alloc(shareLength(group));
    if (group == NamedGroup.X25519) {
      generator.fill(this.secret);
      x25519Base(this.secret, this.publicKey);
    } else {
      do {
        generator.fill(this.secret);
      } while (!p256ValidScalar(this.secret));
      p256PublicKey(this.secret, this.publicKey);
    }
  }

  /**
   * Writes the shared secret (32 bytes) with the peer's key share and wipes our private key. False when the share is
   * not a public key of the group: wrong length, not on the curve, or of small order.
   */
  agree(peerShare: Bytes, shared: Bytes): bool {
    const valid = peerShare.length == shareLength(this.group) && this.compute(peerShare, shared);
    this.wipe();
    return valid;
  }

  private compute(peerShare: Bytes, shared: Bytes): bool {
    return this.group == NamedGroup.X25519
      ? x25519(this.secret, peerShare, shared)
      : p256SharedSecret(this.secret, peerShare, shared);
  }

  wipe(): void {
    this.secret.wipe();
  }
}

export function isOurGroup(group: u32): bool {
  return group == NamedGroup.X25519 || group == NamedGroup.Secp256r1;
}

function shareLength(group: u32): u32 {
  return group == NamedGroup.X25519 ? 32 : 65;
}
