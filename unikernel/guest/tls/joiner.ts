/**
 * The handshake joiner (RFC 8446 §4, §5.1): handshake messages may be cut at any byte and several may share a record;
 * this puts each together. A message longer than 16 KiB is refused on its header, before its body is buffered.
 */
import { Bytes } from "bytes";

const HEADER_LENGTH: u32 = 4;
const MAX_BODY: u32 = 16384;

/** One whole handshake message; its views are valid until the joiner's next step. */
@final
export class Message {
  type: u32 = 0;
  /** Header and body: what the transcript takes. */
  whole: Bytes = Bytes.empty();
  body: Bytes = Bytes.empty();
}

export enum Joined {
  /** The record's content is used up; the rest of the message is still to come. */
  NeedsMore,
  /** `message` is whole. */
  Message,
  /** The message says that it is longer than 16 KiB. */
  TooLong,
}

@final
export class Joiner {
  message: Message = new Message();

  private buffer: Bytes = Bytes.alloc(HEADER_LENGTH + MAX_BODY);
  private filled: u32 = 0;
  private rest: Bytes = Bytes.empty();

  /** Whether a message has begun and is not whole: nothing but handshake records may come now (§5.1). */
  get inMessage(): bool {
    return this.filled > 0;
  }

  /** Whether the record ended with the message in hand: what comes next may use another key (§5.1). */
  get aligned(): bool {
    return this.rest.length == 0;
  }

  /** The content of the next handshake record; the one before must be used up. */
  offer(content: Bytes): void {
    assert(this.rest.length == 0);
    this.rest.aim(content, 0, content.length);
  }

  /** Takes the next message out of what was offered. */
  next(): Joined {
    this.take(HEADER_LENGTH);
    if (this.filled < HEADER_LENGTH) return Joined.NeedsMore;
    const length = this.buffer.u24be(1);
    if (length > MAX_BODY) return Joined.TooLong;
    this.take(HEADER_LENGTH + length);
    if (this.filled < HEADER_LENGTH + length) return Joined.NeedsMore;
    this.filled = 0;
    this.message.type = <u32>this.buffer[0];
    this.message.whole.aim(this.buffer, 0, HEADER_LENGTH + length);
    this.message.body.aim(this.buffer, HEADER_LENGTH, length);
    return Joined.Message;
  }

  wipe(): void {
    this.buffer.wipe();
    this.filled = 0;
    this.rest.aim(this.buffer, 0, 0);
  }

  /** Moves bytes from the record to the buffer until that holds `target`. */
  private take(target: u32): void {
    if (this.filled >= target) return;
    const lacking = target - this.filled;
    const available = this.rest.length;
    const taken = min<u32>(available, lacking);
    this.buffer.put(this.filled, PIECE.aim(this.rest, 0, taken));
    this.filled += taken;
    this.rest.aim(this.rest, taken, available - taken);
  }
}

/** Re-aimed on every use, so that no call allocates. */
const PIECE = Bytes.empty();
