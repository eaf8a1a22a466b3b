/**
 * One ephemeral key exchange (RFC 8446 §4.2.8, §7.4.2): X25519 (RFC 7748), ECDH on P-256, or X25519MLKEM768, which stays secret as
 * long as either X25519 or ML-KEM-768 does (draft-ietf-tls-ecdhe-mlkem): shares and secrets of the two, one after the
 * other, ML-KEM's first.
 */
import { Bytes } from "bytes";
import { Generator } from "../crypto/drbg";
import {
  ML_KEM_CIPHERTEXT,
  ML_KEM_DECAPSULATION_KEY,
  ML_KEM_ENCAPSULATION_KEY,
  ML_KEM_SECRET,
  ML_KEM_SEED,
  mlKemDecaps,
  mlKemEncaps,
  mlKemKeyGen,
} from "../crypto/ml-kem";
import { p256PublicKey, p256SharedSecret, p256ValidScalar } from "../crypto/p256";
import { x25519, x25519Base } from "../crypto/x25519";
import { NamedGroup } from "./registry";

/** Our groups, the best first; 0 past the end. */
export function ourGroup(i: u32): u32 {
  switch (i) {
    case 0:
      return NamedGroup.X25519MlKem768;
    case 1:
      return NamedGroup.X25519;
    case 2:
      return NamedGroup.Secp256r1;
  }
  return 0;
}

export function isOurGroup(group: u32): bool {
  return group == NamedGroup.X25519MlKem768 || group == NamedGroup.X25519 || group == NamedGroup.Secp256r1;
}

/** Bytes of the shared secret: 64, or 32 for a group that is no hybrid. */
export function sharedLength(group: u32): u32 {
  return group == NamedGroup.X25519MlKem768 ? ML_KEM_SECRET + 32 : 32;
}

/** Bytes of a server's KeyShareEntry: 1120, 32, or 65 (an uncompressed point). */
export function answerLength(group: u32): u32 {
  return group == NamedGroup.X25519MlKem768 ? ML_KEM_CIPHERTEXT + 32 : curveLength(group);
}

/** A key pair offered to the peer. */
@final
export class KeyExchange {
  /** 1216 bytes, 32, or 65 (an uncompressed point). */
  private publicKey: Bytes;
  private secret: Bytes = Bytes.alloc(32);
  /** Empty unless the group is the hybrid. */
  private decapsulationKey: Bytes = Bytes.empty();

  /** A new key pair of `group`, which must be one of {@link NamedGroup}. */
  constructor(
    private group: u32,
    generator: Generator,
  ) {
    assert(isOurGroup(group));
    const isHybrid = group == NamedGroup.X25519MlKem768;
    const curveAt: u32 = isHybrid ? ML_KEM_ENCAPSULATION_KEY : 0;
    const publicKey = Bytes.alloc(curveAt + curveLength(group));
    this.publicKey = publicKey;
    if (isHybrid) {
      const seed = Bytes.alloc(ML_KEM_SEED);
      generator.fill(seed);
      this.decapsulationKey = Bytes.alloc(ML_KEM_DECAPSULATION_KEY);
      mlKemKeyGen(seed, publicKey.slice(0, curveAt), this.decapsulationKey);
      seed.wipe();
    }
    if (group == NamedGroup.Secp256r1) {
      do {
        generator.fill(this.secret);
      } while (!p256ValidScalar(this.secret));
      p256PublicKey(this.secret, publicKey);
    } else {
      generator.fill(this.secret);
      x25519Base(this.secret, publicKey.from(curveAt));
    }
  }

  /**
   * Whether there is a share for `group`: with the hybrid also one for X25519, of the same key, for a server that does not know
   * the hybrid (draft-ietf-tls-hybrid-design §3.2 allows that).
   */
  offers(group: u32): bool {
    return group == this.group || (this.group == NamedGroup.X25519MlKem768 && group == NamedGroup.X25519);
  }

  /** What goes into our KeyShareEntry for a group that we offer. */
  shareOf(group: u32): Bytes {
    assert(this.offers(group));
    return this.publicKey.from(group == this.group ? 0 : ML_KEM_ENCAPSULATION_KEY);
  }

  /**
   * Writes the shared secret of `group`, one that we offer, with the server's share and wipes our private keys. False when
   * the share is none of the group: wrong length, not on the curve, or of small order.
   */
  agree(group: u32, peerShare: Bytes, shared: Bytes): bool {
    assert(this.offers(group) && shared.length == sharedLength(group));
    const valid = peerShare.length == answerLength(group) && this.compute(group, peerShare, shared);
    if (!valid) shared.wipe();
    this.wipe();
    return valid;
  }

  private compute(group: u32, peerShare: Bytes, shared: Bytes): bool {
    switch (group) {
      case NamedGroup.X25519MlKem768:
        mlKemDecaps(this.decapsulationKey, peerShare.slice(0, ML_KEM_CIPHERTEXT), shared.slice(0, ML_KEM_SECRET));
        return x25519(this.secret, peerShare.from(ML_KEM_CIPHERTEXT), shared.from(ML_KEM_SECRET));
      case NamedGroup.X25519:
        return x25519(this.secret, peerShare, shared);
    }
    return p256SharedSecret(this.secret, peerShare, shared);
  }

  wipe(): void {
    this.secret.wipe();
    this.decapsulationKey.wipe();
  }
}

/**
 * The server's part in one step: its own share of `group` to `share`, and the secret that it shares with a client's. False when
 * the client's share is none of the group, as for {@link KeyExchange.agree}, or its ML-KEM key fails the check of FIPS 203 §7.2.
 */
export function answerShare(group: u32, generator: Generator, peerShare: Bytes, share: Bytes, shared: Bytes): bool {
  assert(share.length == answerLength(group) && shared.length == sharedLength(group));
  if (group != NamedGroup.X25519MlKem768) {
    const own = new KeyExchange(group, generator);
    share.put(0, own.shareOf(group));
    return own.agree(group, peerShare, shared);
  }
  if (peerShare.length != ML_KEM_ENCAPSULATION_KEY + 32) return false;
  const random = Bytes.alloc(32);
  generator.fill(random);
  const key = peerShare.slice(0, ML_KEM_ENCAPSULATION_KEY);
  const valid = mlKemEncaps(key, random, share.slice(0, ML_KEM_CIPHERTEXT), shared.slice(0, ML_KEM_SECRET));
  random.wipe();
  if (!valid) return false;
  const curve = NamedGroup.X25519;
  const curvePart = peerShare.from(ML_KEM_ENCAPSULATION_KEY);
  if (answerShare(curve, generator, curvePart, share.from(ML_KEM_CIPHERTEXT), shared.from(ML_KEM_SECRET))) return true;
  shared.wipe();
  return false;
}

/** Bytes of a share of a curve; the hybrid's curve is X25519. */
function curveLength(group: u32): u32 {
  return group == NamedGroup.Secp256r1 ? 65 : 32;
}
