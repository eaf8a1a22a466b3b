/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) as an Aead: 32-byte key, 12-byte nonce, 16-byte tag.
 *
 * The time depends on the lengths alone. Nothing is allocated after the constructor; the one-time key of each call
 * is wiped before it returns.
 */
import { Bytes } from "bytes";
import { Aead, TAG_LENGTH } from "./aead";
import { CHACHA20_BLOCK_LENGTH, CHACHA20_KEY_LENGTH, chacha20Block, chacha20Xor } from "./chacha20";
import { Poly1305 } from "./poly1305";

@final
export class ChaCha20Poly1305 extends Aead {
  private key: Bytes = Bytes.alloc(CHACHA20_KEY_LENGTH);

  /** Copies `key` (exactly 32 bytes, else a trap). */
  constructor(key: Bytes) {
    super();
    this.rekey(key);
  }

  rekey(key: Bytes): void {
    assert(key.length == CHACHA20_KEY_LENGTH);
    this.key.put(0, key);
  }

  seal(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): void {
    assert(tag.length == TAG_LENGTH);
    chacha20Xor(this.key, 1, nonce, data);
    this.authenticate(nonce, aad, data, tag);
  }

  open(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): bool {
    assert(tag.length == TAG_LENGTH);
    this.authenticate(nonce, aad, data, EXPECTED);
    const good = EXPECTED.equals(tag);
    EXPECTED.wipe();
    if (good) chacha20Xor(this.key, 1, nonce, data);
    return good;
  }

  wipe(): void {
    this.key.wipe();
  }

  /** The tag of associated data and ciphertext under the one-time key of this nonce (block 0 of the key stream). */
  private authenticate(nonce: Bytes, aad: Bytes, ciphertext: Bytes, tag: Bytes): void {
    chacha20Block(this.key, 0, nonce, BLOCK);
    POLY1305.init(ONE_TIME_KEY);
    BLOCK.wipe();
    POLY1305.update(aad);
    POLY1305.pad();
    POLY1305.update(ciphertext);
    POLY1305.lengths(aad.length, ciphertext.length);
    POLY1305.digest(tag);
  }
}

/** Working memory of the call in progress; wiped before it returns. */
const BLOCK = Bytes.alloc(CHACHA20_BLOCK_LENGTH);
const ONE_TIME_KEY = BLOCK.slice(0, 32);
const EXPECTED = Bytes.alloc(TAG_LENGTH);
const POLY1305 = new Poly1305();
