/**
 * Cipher suites (RFC 8446 §B.4): the hash and the AEAD that each number stands for, and which one we choose as server.
 */
import { Bytes } from "bytes";
import { Aead } from "../crypto/aead";
import { AesGcm } from "../crypto/aes-gcm";
import { ChaCha20Poly1305 } from "../crypto/chacha20poly1305";
import { Hash } from "../crypto/hash";
import { Sha256 } from "../crypto/sha256";
import { Sha384 } from "../crypto/sha512";
import { CipherSuite } from "./registry";

@final
export class Suite {
  /** `number` must be one of {@link CipherSuite}. */
  constructor(readonly number: u32) {
    assert(isOurSuite(number));
  }

  newHash(): Hash {
    return this.number == CipherSuite.Aes256GcmSha384 ? <Hash>new Sha384() : <Hash>new Sha256();
  }

  /** Bytes of a traffic key (§7.3). */
  get keyLength(): u32 {
    return this.number == CipherSuite.Aes128GcmSha256 ? 16 : 32;
  }

  newAead(key: Bytes): Aead {
    return this.number == CipherSuite.ChaCha20Poly1305Sha256 ? <Aead>new ChaCha20Poly1305(key) : <Aead>new AesGcm(key);
  }
}

export function isOurSuite(number: u32): bool {
  return (
    number == CipherSuite.Aes128GcmSha256 ||
    number == CipherSuite.Aes256GcmSha384 ||
    number == CipherSuite.ChaCha20Poly1305Sha256
  );
}

/**
 * The server's choice from a client's list (u16 each), or 0 when there is none in common. A client that names
 * ChaCha20-Poly1305 first among ours has no fast AES and gets it; else AES-128-GCM, ChaCha20-Poly1305, AES-256-GCM.
 */
export function chooseSuite(offered: Bytes): u32 {
  let first: u32 = 0;
  let best: u32 = 0;
  for (let i: u32 = 0; i + 2 <= offered.length; i += 2) {
    const number = offered.u16be(i);
    if (!isOurSuite(number)) continue;
    if (first == 0) first = number;
    if (best == 0 || rank(number) < rank(best)) best = number;
  }
  return first == CipherSuite.ChaCha20Poly1305Sha256 ? first : best;
}

function rank(number: u32): u32 {
  switch (number) {
    case CipherSuite.Aes128GcmSha256:
      return 0;
    case CipherSuite.ChaCha20Poly1305Sha256:
      return 1;
  }
  return 2;
}
