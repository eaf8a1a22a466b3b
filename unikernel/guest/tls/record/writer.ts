/**
 * The write half of the record layer (RFC 8446 §5) and the door's outbox: content is written straight into the outbox, cut into
 * records as long as the peer takes (RFC 8449) and sealed in place, so no copy of a plaintext stays behind.
 *
 * Padding (RFC 8446 §5.4): what is protected is padded to a multiple of 512 bytes, as far as the record_size_limit lets it, so
 * that a length on the wire tells no candy or certificate chain from another of about that size. Alerts are not padded:
 * all are as long, and by its place an alert shows anyway.
 *
 * The outbox holds the longest flight we ever make: a Certificate of at most 8 KiB of chain, and with it either
 * CertificateRequest (a name of at most 1 KiB) or the candy (2 KiB), CertificateVerify, Finished and padding, in records of
 * 64 bytes if the peer wants them (22 more for each 63), after a ServerHello of 1.3 KiB; or a ClientHello that returns a
 * cookie of at most 8 KiB. 16 KiB are enough for each.
 */
import { Bytes } from "bytes";
import { Writer } from "../../wire/writer";
import { AlertDescription, AlertLevel } from "../alert";
import { ContentType, TLS_1_2 } from "../registry";
import { MAX_INNER_PLAINTEXT, Protection, TAG_LENGTH } from "./protection";

const HEADER_LENGTH: u32 = 5;
const OUTBOX_LENGTH: u32 = 16384;
/** Protected content, with its type, is padded to a multiple of this. */
const PADDING_BLOCK: u32 = 512;
const TLS_1_0: u32 = 0x0301;

@final
export class RecordWriter {
  /** Bytes that wait for the board. */
  length: u32 = 0;

  private out: Bytes = Bytes.alloc(OUTBOX_LENGTH);
  private protection: Protection | null = null;
  /** Bytes of a TLSInnerPlaintext at most. */
  private limit: u32 = MAX_INNER_PLAINTEXT;
  private version: u32 = TLS_1_2;
  private header: Bytes = Bytes.empty();
  private body: Bytes = Bytes.empty();
  private tag: Bytes = Bytes.empty();

  /** Where the outbox starts, for the board. */
  get address(): usize {
    return this.out.address;
  }

  /** Records from the next one on are protected by `protection`; the old key is wiped. */
  protect(protection: Protection): void {
    this.forgetKey();
    this.protection = protection;
  }

  /** The peer's record_size_limit, 64 or more: holds for every protected record from the next one on. */
  limitRecords(limit: u32): void {
    this.limit = min(limit, MAX_INNER_PLAINTEXT);
  }

  /** Forgets the key. What waits in the outbox stays: it is public, or sealed. */
  forgetKey(): void {
    const protection = this.protection;
    if (protection !== null) protection.wipe();
    this.protection = null;
  }

  /** The board has copied everything. */
  taken(): void {
    this.body.aim(this.out, 0, this.length).wipe();
    this.length = 0;
  }

  /** Begins a record: its content goes to the writer that is returned, then {@link close}. */
  open(): Writer {
    return new Writer(this.out.from(this.length + HEADER_LENGTH));
  }

  /** Completes what `open` began: one record in the clear, or as many protected ones as the peer's limit asks for. */
  close(type: ContentType, content: Writer): void {
    const protection = this.protection;
    if (protection !== null) {
      this.protectContent(protection, type, content.length);
      return;
    }
    assert(content.length < MAX_INNER_PLAINTEXT);
    this.putHeader(type, content.length);
    this.length += HEADER_LENGTH + content.length;
  }

  /** The first ClientHello's record says TLS 1.0, for old middleboxes (§5.1); all others TLS 1.2. */
  closeFirstHello(content: Writer): void {
    this.version = TLS_1_0;
    this.close(ContentType.Handshake, content);
    this.version = TLS_1_2;
  }

  alert(level: AlertLevel, description: AlertDescription): void {
    const content = this.open();
    content.u8(level);
    content.u8(description);
    this.close(ContentType.Alert, content);
  }

  /** The dummy record of the middlebox compatibility mode (appendix D.4): always in the clear. */
  changeCipherSpec(): void {
    this.putHeader(ContentType.ChangeCipherSpec, 1);
    this.out[this.length + HEADER_LENGTH] = 1;
    this.length += HEADER_LENGTH + 1;
  }

  /** Cuts `length` bytes of content, which stand where {@link open} put them, into records and seals each where it then is. */
  private protectContent(protection: Protection, type: ContentType, length: u32): void {
    assert(length > 0);
    const most = this.limit - 1;
    const from = this.length + HEADER_LENGTH;
    const step = HEADER_LENGTH + this.limit + TAG_LENGTH;
    const last = (length - 1) / most;
    // From the last to the first: no piece is written over before it has been moved.
    for (let i = last; i > 0; i--) {
      const piece = this.body.aim(this.out, from + i * most, min(most, length - i * most));
      this.out.put(from + i * step, piece);
    }
    for (let i: u32 = 0; i < last; i++) this.seal(protection, type, most, this.limit);
    const rest = length - last * most;
    this.seal(protection, type, rest, this.paddedLength(type, rest));
  }

  /** Seals the record that comes next, whose content is in place, with type and padding to `padded` bytes in all. */
  private seal(protection: Protection, type: ContentType, length: u32, padded: u32): void {
    const at = this.length + HEADER_LENGTH;
    this.out[at + length] = <u8>type;
    this.body.aim(this.out, at + length + 1, padded - length - 1).fill(0);
    this.putHeader(ContentType.ApplicationData, padded + TAG_LENGTH);
    protection.seal(
      this.header.aim(this.out, this.length, HEADER_LENGTH),
      this.body.aim(this.out, at, padded),
      this.tag.aim(this.out, at + padded, TAG_LENGTH),
    );
    this.length = at + padded + TAG_LENGTH;
  }

  /** Bytes of the TLSInnerPlaintext for `length` bytes of content. */
  private paddedLength(type: ContentType, length: u32): u32 {
    if (type == ContentType.Alert) return length + 1;
    const blocks = (length + PADDING_BLOCK) / PADDING_BLOCK;
    return min(blocks * PADDING_BLOCK, this.limit);
  }

  private putHeader(type: ContentType, length: u32): void {
    this.out[this.length] = <u8>type;
    this.out.putU16be(this.length + 1, this.version);
    this.out.putU16be(this.length + 3, length);
  }
}
