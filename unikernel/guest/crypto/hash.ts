/**
 * Hash: what every hash function of the guest offers, so that HMAC, HKDF and the TLS transcript are written once.
 * Implementations: Sha256, Sha384, Sha512 (FIPS 180-4).
 */
import { Bytes } from "bytes";

export abstract class Hash {
  /** Bytes of a digest: 32, 48 or 64. */
  abstract get length(): u32;
  /** Bytes of a block: 64 or 128 (what HMAC pads its key to). */
  abstract get blockLength(): u32;
  /** Back to the state of a new hash; earlier input leaves no trace in the object. */
  abstract reset(): void;
  /** Appends `data`, any length including none. */
  abstract update(data: Bytes): void;
  /** Writes the digest of everything appended so far to `out` (exactly `length` bytes, else a trap). The hash must be reset before it is used again. */
  abstract digest(out: Bytes): void;
  /** Makes this hash continue from the state of `other`, which must be of the same class: a transcript's running hash is copied, then digested. */
  abstract copyFrom(other: Hash): void;
  /** A new hash of the same function, reset. */
  abstract fresh(): Hash;
}
