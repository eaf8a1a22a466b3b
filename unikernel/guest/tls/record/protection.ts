/**
 * Record protection under one traffic key (RFC 8446 §5.2, §5.3): the AEAD, its static IV and the sequence number.
 * Starts at sequence number 0; a connection of this piñata ends long before 2^64 records.
 */
import { Bytes } from "bytes";
import { Aead, NONCE_LENGTH, TAG_LENGTH } from "../../crypto/aead";

export { TAG_LENGTH };
/** Content, type and padding of a record: "the full encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets" (§5.4). */
export const MAX_INNER_PLAINTEXT: u32 = 16385;

@final
export class Protection {
  private sequence: u64 = 0;
  private nonce: Bytes = Bytes.alloc(NONCE_LENGTH);

  /** Takes `aead` and `iv` (12 bytes) over; {@link wipe} zeroes both. */
  constructor(
    private aead: Aead,
    private iv: Bytes,
  ) {
    assert(iv.length == NONCE_LENGTH);
  }

  /** Encrypts `content` in place under the next sequence number. */
  seal(header: Bytes, content: Bytes, tag: Bytes): void {
    this.nextNonce();
    this.aead.seal(this.nonce, header, content, tag);
    this.sequence += 1;
  }

  /** Decrypts `content` in place. False: the record is not authentic; content and sequence number are as they were. */
  open(header: Bytes, content: Bytes, tag: Bytes): bool {
    this.nextNonce();
    if (!this.aead.open(this.nonce, header, content, tag)) return false;
    this.sequence += 1;
    return true;
  }

  /** Goes on under another `key` and `iv`, which are copied, at sequence number 0 (§5.3); allocates nothing. */
  rekey(key: Bytes, iv: Bytes): void {
    this.aead.rekey(key);
    this.iv.put(0, iv);
    this.sequence = 0;
  }

  wipe(): void {
    this.aead.wipe();
    this.iv.wipe();
    this.nonce.wipe();
  }

  private nextNonce(): void {
    this.nonce.put(0, this.iv);
    this.nonce.putU64be(4, this.iv.u64be(4) ^ this.sequence);
  }
}
