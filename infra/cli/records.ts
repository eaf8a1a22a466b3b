/** Splits a byte stream into TLS records (RFC 8446 §5.1) without looking inside: for showing what passes. */

export interface PassingRecord {
  /** ContentType as on the wire; 23 for everything that is encrypted. */
  type: number;
  /** Bytes after the five of the header. */
  length: number;
}

const HEADER = 5;
export const APPLICATION_DATA = 23;

const NAMES: Readonly<Record<number, string>> = {
  20: "change_cipher_spec",
  21: "alert",
  22: "handshake",
  [APPLICATION_DATA]: "application_data",
};

export function recordName(type: number): string {
  return NAMES[type] ?? `type ${type}`;
}

export class RecordSplitter {
  private header: number[] = [];
  private left = 0;

  /** The records that are complete with `bytes`; bytes that are no TLS give records of unknown types. */
  push(bytes: Uint8Array): PassingRecord[] {
    const complete: PassingRecord[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.header.length < HEADER) {
        this.header.push(bytes[at]!);
        at++;
        if (this.header.length === HEADER) this.left = (this.header[3]! << 8) | this.header[4]!;
      } else {
        const taken = Math.min(this.left, bytes.length - at);
        at += taken;
        this.left -= taken;
      }
      if (this.header.length === HEADER && this.left === 0) {
        complete.push({ type: this.header[0]!, length: (this.header[3]! << 8) | this.header[4]! });
        this.header = [];
      }
    }
    return complete;
  }
}
