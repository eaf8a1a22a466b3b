/**
 * Aead: authenticated encryption with associated data (RFC 5116), in place, as TLS 1.3 uses it:
 * nonce 12 bytes, tag 16 bytes. Implementations: AesGcm (NIST SP 800-38D; keys of 16 or 32 bytes), ChaCha20Poly1305 (RFC 8439).
 */
import { Bytes } from "bytes";

export const NONCE_LENGTH: u32 = 12;
export const TAG_LENGTH: u32 = 16;

export abstract class Aead {
  /** Encrypts `data` in place and writes the tag (16 bytes). Traps on a nonce or tag of another length. */
  abstract seal(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): void;
  /**
   * Checks the tag over `aad` and `data` in constant time and only then decrypts `data` in place.
   * False when the tag is wrong; `data` is then unchanged ciphertext.
   */
  abstract open(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): bool;
  /**
   * Replaces the key (a length that the constructor accepts, else a trap) without allocating: for KeyUpdate, which a
   * peer may ask for any number of times.
   */
  abstract rekey(key: Bytes): void;
  /** Zeroes the key schedule; until `rekey` the object must not be used. */
  abstract wipe(): void;
}
