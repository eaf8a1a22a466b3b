/**
 * The write half of the record layer (RFC 8446 §5) and the door's outbox: content is written straight into the outbox and
 * sealed in place, so no copy of a plaintext stays behind.
 *
 * The outbox holds the longest flight we ever make: a Certificate of at most 8 KiB of chain, and with it either
 * CertificateRequest (a name of at most 1 KiB) or the candy (2 KiB), CertificateVerify, Finished, and their framing;
 * or a ClientHello that returns a cookie of at most 8 KiB. 12 KiB are enough for each.
 */
import { Bytes } from "bytes";
import { Writer } from "../../wire/writer";
import { AlertDescription, AlertLevel } from "../alert";
import { ContentType, TLS_1_2 } from "../registry";
import { Protection, TAG_LENGTH } from "./protection";

const HEADER_LENGTH: u32 = 5;
const OUTBOX_LENGTH: u32 = 12288;
const MAX_CONTENT: u32 = 16384;
const TLS_1_0: u32 = 0x0301;

@final
export class RecordWriter {
  /** Bytes that wait for the board. */
  length: u32 = 0;

  private out: Bytes = Bytes.alloc(OUTBOX_LENGTH);
  private protection: Protection | null = null;
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

  /** Completes the record that `open` began, and protects it when there is a key. */
  close(type: ContentType, content: Writer): void {
    const length = content.length;
    assert(length <= MAX_CONTENT);
    const protection = this.protection;
    if (protection === null) {
      this.putHeader(type, length);
      this.length += HEADER_LENGTH + length;
      return;
    }
    content.u8(type);
    this.putHeader(ContentType.ApplicationData, length + 1 + TAG_LENGTH);
    const at = this.length + HEADER_LENGTH;
    protection.seal(
      this.header.aim(this.out, this.length, HEADER_LENGTH),
      this.body.aim(this.out, at, length + 1),
      this.tag.aim(this.out, at + length + 1, TAG_LENGTH),
    );
    this.length = at + length + 1 + TAG_LENGTH;
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

  private putHeader(type: ContentType, length: u32): void {
    this.out[this.length] = <u8>type;
    this.out.putU16be(this.length + 1, this.version);
    this.out.putU16be(this.length + 3, length);
  }
}
