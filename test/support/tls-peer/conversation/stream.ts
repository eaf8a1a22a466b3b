/**
 * A one-way stream of TLS records (RFC 8446 §5) cut into records, and handshake messages put together from them (§4): what peer and model
 * need to listen. Bytes may end anywhere; what is not whole stays.
 */
import type { TrafficKeys } from "../keys.ts";
import { TYPE } from "../wire.ts";

export interface StreamRecord {
  type: number;
  content: Buffer;
  protected: boolean;
}

export class RecordStream {
  private rest: Buffer = Buffer.alloc(0);

  push(bytes: Uint8Array): void {
    this.rest = this.rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.rest, bytes]);
  }

  /** Bytes that have not been taken. */
  get left(): number {
    return this.rest.length;
  }

  /** The next record's header, when that much is there. */
  header(): { type: number; length: number } | undefined {
    if (this.rest.length < 5) return undefined;
    return { type: this.rest[0]!, length: this.rest.readUInt16BE(3) };
  }

  /** The next record with its header, when all of it is there. */
  take(): Buffer | undefined {
    const header = this.header();
    if (header === undefined || this.rest.length < 5 + header.length) return undefined;
    const whole = this.rest.subarray(0, 5 + header.length);
    this.rest = this.rest.subarray(whole.length);
    return whole;
  }

  /** The next record, opened with `keys` where it is protected; "closed to us" when it does not open. */
  next(keys: TrafficKeys | undefined): StreamRecord | "closed to us" | undefined {
    const whole = this.take();
    if (whole === undefined) return undefined;
    if (whole[0] !== TYPE.data) return { type: whole[0]!, content: whole.subarray(5), protected: false };
    const opened = keys === undefined ? undefined : tryOpen(keys, whole);
    return opened === undefined ? "closed to us" : { ...opened, protected: true };
  }
}

/** Opens a whole record; undefined when it is not authentic. */
export function tryOpen(keys: TrafficKeys, whole: Buffer): { type: number; content: Buffer } | undefined {
  try {
    return keys.open(whole);
  } catch {
    return undefined;
  }
}

/** Handshake messages out of the contents of handshake records. */
export class Messages {
  private rest: Buffer = Buffer.alloc(0);

  push(content: Uint8Array): void {
    this.rest = Buffer.concat([this.rest, content]);
  }

  /** Bytes of a message that is not whole, or of one that has not been taken. */
  get left(): number {
    return this.rest.length;
  }

  /** The length that the next message's header names. */
  get announced(): number {
    return this.rest.length < 4 ? 0 : this.rest.readUIntBE(1, 3);
  }

  next(): Buffer | undefined {
    if (this.rest.length < 4 || this.rest.length < 4 + this.announced) return undefined;
    const whole = this.rest.subarray(0, 4 + this.announced);
    this.rest = this.rest.subarray(whole.length);
    return whole;
  }
}
