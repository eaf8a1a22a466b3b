/**
 * The read half of the record layer (RFC 8446 §5): cuts the peer's stream into records and removes their protection.
 *
 * Every limit is checked on the five header bytes, before a byte of the body is buffered. At most one record is held;
 * it is decrypted in place, so `content` is valid until the next `fill`.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { ContentType } from "../registry";
import { MAX_INNER_PLAINTEXT, Protection, TAG_LENGTH } from "./protection";

const HEADER_LENGTH: u32 = 5;
/** 2^14, the longest content of a record (§5.1). */
const MAX_CONTENT: u32 = 16384;
/** 2^14 + 256, the longest protected body (§5.2). */
const MAX_CIPHERTEXT: u32 = MAX_CONTENT + 256;
/** A record that was read and is to be passed over; no content type has this number. */
const SKIPPED: u32 = 0;

@final
export class RecordReader {
  /** Content type of the record that {@link open} opened, or 0 when there is nothing to deliver. */
  type: u32 = SKIPPED;
  /** What the record carries, without padding; valid until the next `fill`. */
  content: Bytes = Bytes.empty();
  /** Headers read so far. */
  count: u32 = 0;
  /** Whether a protected record has been opened: from then on nothing comes in the clear but ChangeCipherSpec. */
  opened: bool = false;
  /**
   * The client offered early data, which we do not take: records that do not open under the handshake key are passed
   * over until one does (§4.2.10).
   */
  skipsUndecryptable: bool = false;
  /** The same after HelloRetryRequest: protected records are passed over until the second ClientHello (§4.2.10). */
  skipsProtected: bool = false;

  private buffer: Bytes = Bytes.alloc(HEADER_LENGTH + MAX_CIPHERTEXT);
  private filled: u32 = 0;
  /** Bytes of the record in the buffer: the header's until that has been read. */
  private needed: u32 = HEADER_LENGTH;
  private protection: Protection | null = null;
  private view: Bytes = Bytes.empty();
  private header: Bytes = Bytes.empty();
  private tag: Bytes = Bytes.empty();

  /** Records from the next one on are protected by `protection`; the old key is wiped. */
  protect(protection: Protection): void {
    this.wipe();
    this.protection = protection;
  }

  /** Forgets the key and what is buffered. */
  wipe(): void {
    const protection = this.protection;
    if (protection !== null) protection.wipe();
    this.protection = null;
    this.buffer.wipe();
  }

  /** Whether {@link fill} has completed a record, which {@link open} then takes. */
  get whole(): bool {
    return this.filled > HEADER_LENGTH && this.filled == this.needed;
  }

  /**
   * Copies from `input[at…]` what the current part (header or body) still lacks; returns how many bytes. A completed
   * header is judged by {@link judgeHeader}, which the caller asks next.
   */
  fill(input: Bytes, at: u32): u32 {
    const available = input.length - at;
    const lacking = this.needed - this.filled;
    const taken = min<u32>(available, lacking);
    this.buffer.put(this.filled, this.view.aim(input, at, taken));
    this.filled += taken;
    return taken;
  }

  /** Whether the buffer holds just a completed header, to be judged. */
  get atHeader(): bool {
    return this.filled == HEADER_LENGTH && this.needed == HEADER_LENGTH;
  }

  /** Judges the header that was just read and makes room for the body. */
  judgeHeader(): Failure {
    const type = <u32>this.buffer[0];
    const length = this.buffer.u16be(3);
    this.count += 1;
    // legacy_record_version (bytes 1 and 2) "MUST be ignored for all purposes" (§5.1).
    const failure = this.refuseHeader(type, length);
    if (failure != Failure.None) return failure;
    this.needed = HEADER_LENGTH + length;
    return Failure.None;
  }

  /** Opens the whole record: sets `type` and `content`, and begins the next one. */
  open(): Failure {
    const length = this.needed - HEADER_LENGTH;
    this.filled = 0;
    this.needed = HEADER_LENGTH;
    this.type = <u32>this.buffer[0];
    this.content.aim(this.buffer, HEADER_LENGTH, length);
    if (this.type != ContentType.ApplicationData) return Failure.None;
    const protection = this.protection;
    if (protection === null) {
      this.type = SKIPPED;
      return Failure.None;
    }
    return this.openProtected(protection, length);
  }

  private refuseHeader(type: u32, length: u32): Failure {
    const isProtected = this.protection !== null;
    switch (type) {
      case ContentType.ChangeCipherSpec:
        return length == 1 ? Failure.None : Failure.ChangeCipherSpecInvalid;
      case ContentType.ApplicationData:
        if (!isProtected && !this.skipsProtected) return Failure.UnexpectedContentType;
        if (length > MAX_CIPHERTEXT) return Failure.RecordOverflow;
        // Shorter than a tag: nothing that could be authentic.
        return length < TAG_LENGTH ? Failure.BadRecordMac : Failure.None;
      case ContentType.Alert:
      case ContentType.Handshake:
        // A peer that could not follow our hello has no keys yet, so its alert may come in the clear.
        if (isProtected && (this.opened || type == ContentType.Handshake)) return Failure.UnexpectedContentType;
        if (length > MAX_CONTENT) return Failure.RecordOverflow;
        return length == 0 ? Failure.RecordEmpty : Failure.None;
    }
    return this.count == 1 ? Failure.PlainText : Failure.RecordType;
  }

  private openProtected(protection: Protection, length: u32): Failure {
    this.header.aim(this.buffer, 0, HEADER_LENGTH);
    const inner = this.content.aim(this.buffer, HEADER_LENGTH, length - TAG_LENGTH);
    this.tag.aim(this.buffer, HEADER_LENGTH + length - TAG_LENGTH, TAG_LENGTH);
    if (!protection.open(this.header, inner, this.tag)) {
      this.type = SKIPPED;
      return this.skipsUndecryptable ? Failure.None : Failure.BadRecordMac;
    }
    this.skipsUndecryptable = false;
    this.opened = true;
    // Padding included; it is also what our record_size_limit says (RFC 8449 §4).
    if (inner.length > MAX_INNER_PLAINTEXT) return Failure.RecordOverflow;
    let end = inner.length;
    while (end > 0 && inner[end - 1] == 0) end--;
    if (end == 0) return Failure.InnerTypeMissing;
    end--;
    this.type = <u32>inner[end];
    this.content.aim(this.buffer, HEADER_LENGTH, end);
    switch (this.type) {
      case ContentType.ApplicationData:
        return Failure.None;
      case ContentType.Alert:
      case ContentType.Handshake:
        return end == 0 ? Failure.RecordEmpty : Failure.None;
      case ContentType.ChangeCipherSpec:
        return Failure.ChangeCipherSpecInvalid;
    }
    return Failure.RecordType;
  }
}
