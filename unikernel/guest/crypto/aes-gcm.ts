/**
 * AES-GCM (NIST SP 800-38D) as an Aead: keys of 16 or 32 bytes, 12-byte nonce, 16-byte tag.
 *
 * The time depends on the lengths alone. Nothing is allocated after the constructor. The first group of sixteen key-stream
 * blocks of a message gives, in this order: the hash key, the mask of the tag, and key stream for fourteen blocks of data.
 */
import { Bytes } from "bytes";
import { Aead, NONCE_LENGTH, TAG_LENGTH } from "./aead";
import { AES_GROUP, AES_GROUP_LENGTH, Aes } from "./aes";
import { Ghash } from "./ghash";

@final
export class AesGcm extends Aead {
  private aes: Aes;

  /** `key` is 16 or 32 bytes, else a trap. */
  constructor(key: Bytes) {
    super();
    this.aes = new Aes(key);
  }

  rekey(key: Bytes): void {
    this.aes.rekey(key);
  }

  seal(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): void {
    assert(nonce.length == NONCE_LENGTH && tag.length == TAG_LENGTH);
    this.aes.encryptCounters(nonce, 0, STREAM);
    GHASH.init(HASH_KEY);
    TAG_MASK.put(0, VIEW.aim(STREAM, 16, 16));
    this.crypt(nonce, data);
    finishTag(aad, data, tag);
  }

  open(nonce: Bytes, aad: Bytes, data: Bytes, tag: Bytes): bool {
    assert(nonce.length == NONCE_LENGTH && tag.length == TAG_LENGTH);
    this.aes.encryptCounters(nonce, 0, STREAM);
    GHASH.init(HASH_KEY);
    TAG_MASK.put(0, VIEW.aim(STREAM, 16, 16));
    finishTag(aad, data, EXPECTED);
    const good = EXPECTED.equals(tag);
    EXPECTED.wipe();
    if (good) this.crypt(nonce, data);
    else STREAM.wipe();
    return good;
  }

  wipe(): void {
    this.aes.wipe();
  }

  /** Xors `data` with the key stream, whose first group is already in STREAM; wipes STREAM. */
  private crypt(nonce: Bytes, data: Bytes): void {
    const length = data.length;
    let used: u32 = 32;
    let counter: u32 = 0;
    for (let at: u32 = 0; ; ) {
      const room = AES_GROUP_LENGTH - used;
      const rest = length - at;
      xorStream(data, at, used, min(rest, room));
      if (rest <= room) break;
      at += room;
      used = 0;
      counter += AES_GROUP;
      this.aes.encryptCounters(nonce, counter, STREAM);
    }
    STREAM.wipe();
  }
}

/** tag = GHASH(aad, ciphertext, lengths) + the mask of this nonce. Forgets both keys. */
function finishTag(aad: Bytes, ciphertext: Bytes, tag: Bytes): void {
  GHASH.updatePadded(aad);
  GHASH.updatePadded(ciphertext);
  GHASH.lengths(aad.length, ciphertext.length);
  GHASH.digest(tag);
  tag.putU64le(0, tag.u64le(0) ^ TAG_MASK.u64le(0));
  tag.putU64le(8, tag.u64le(8) ^ TAG_MASK.u64le(8));
  TAG_MASK.wipe();
}

/** Xors `length` bytes of `data` from `at` with those of STREAM from `from`. */
function xorStream(data: Bytes, at: u32, from: u32, length: u32): void {
  const words = length & ~7;
  for (let i: u32 = 0; i < words; i += 8) data.putU64le(at + i, data.u64le(at + i) ^ STREAM.u64le(from + i));
  for (let i = words; i < length; i++) data[at + i] = data[at + i] ^ STREAM[from + i];
}

/** Working memory of the call in progress; wiped before it returns. */
const STREAM = Bytes.alloc(AES_GROUP_LENGTH);
const HASH_KEY = STREAM.slice(0, 16);
const TAG_MASK = Bytes.alloc(TAG_LENGTH);
const EXPECTED = Bytes.alloc(TAG_LENGTH);
const GHASH = new Ghash();
/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
