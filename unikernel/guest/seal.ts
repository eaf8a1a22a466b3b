/**
 * Seal: the form of the secret file that a vault is opened with (docs/design.md, "Seals"). Written by
 * infra/mint/seal.ts; this reader is independent of it.
 *
 * "pinata seal 1\n", then exactly seven fields in order, each `u8 type ‖ u24 length ‖ value`, and nothing after them.
 * Only the form is read here, into views of the file; vault/holdings.ts checks what certificates and keys say.
 */
import { Bytes } from "bytes";
import { SealError } from "./seal-error";
import { Reader } from "./wire/reader";

export const MAX_CANDY_LENGTH: u32 = 2048;
export const MAX_ANCHOR_LENGTH: u32 = 4096;
export const MAX_OWN_CHAIN_LENGTH: u32 = 8192;
/** A private key's field: `u16 SignatureScheme ‖ 32 bytes` (P-256 scalar or Ed25519 seed). */
export const KEY_FIELD_LENGTH: u32 = 34;

@final
export class Seal {
  network: Bytes = Bytes.empty();
  /** Printable ASCII and line feeds. */
  candy: Bytes = Bytes.empty();
  /** The trust anchor's certificate, DER; not looked into. */
  anchor: Bytes = Bytes.empty();
  /** Sequences of `u24 length ‖ DER`; not looked into. */
  serverChain: Bytes = Bytes.empty();
  clientChain: Bytes = Bytes.empty();
  /** {@link KEY_FIELD_LENGTH} bytes each. */
  serverKey: Bytes = Bytes.empty();
  clientKey: Bytes = Bytes.empty();

  private error: SealError = SealError.None;

  /** Reads a whole file. The views stay aimed at it: whoever opened it wipes it. */
  read(file: Bytes): SealError {
    this.error = SealError.None;
    const reader = new Reader(file);
    if (!MAGIC.equals(reader.take(MAGIC.length))) return SealError.NotASeal;
    this.network = this.field(reader, 1, MAX_NETWORK_LENGTH, SealError.NetworkInvalid);
    if (!isName(this.network)) this.refuse(SealError.NetworkInvalid);
    this.candy = this.field(reader, 2, MAX_CANDY_LENGTH, SealError.CandyInvalid);
    if (!isText(this.candy)) this.refuse(SealError.CandyInvalid);
    this.anchor = this.field(reader, 3, MAX_ANCHOR_LENGTH, SealError.AnchorInvalid);
    this.serverChain = this.field(reader, 4, MAX_OWN_CHAIN_LENGTH, SealError.ServerChainInvalid);
    this.serverKey = this.field(reader, 5, KEY_FIELD_LENGTH, SealError.ServerKeyInvalid);
    if (this.serverKey.length != KEY_FIELD_LENGTH) this.refuse(SealError.ServerKeyInvalid);
    this.clientChain = this.field(reader, 6, MAX_OWN_CHAIN_LENGTH, SealError.ClientChainInvalid);
    this.clientKey = this.field(reader, 7, KEY_FIELD_LENGTH, SealError.ClientKeyInvalid);
    if (this.clientKey.length != KEY_FIELD_LENGTH) this.refuse(SealError.ClientKeyInvalid);
    if (!reader.done) this.refuse(SealError.TrailingBytes);
    return this.error;
  }

  /** The value of the next field, which must be of this type and hold 1 to `max` bytes. */
  private field(reader: Reader, type: u32, max: u32, invalid: SealError): Bytes {
    const found = reader.u8();
    const length = reader.u24();
    if (reader.failed) this.refuse(SealError.Truncated);
    if (found != type) this.refuse(SealError.FieldOrder);
    if (length == 0 || length > max) this.refuse(invalid);
    const value = reader.take(length);
    if (reader.failed) this.refuse(SealError.Truncated);
    return value;
  }

  /** The first thing that is wrong is the one to report. */
  private refuse(error: SealError): void {
    if (this.error == SealError.None) this.error = error;
  }
}

/** Lower-case letters and digits. */
function isName(bytes: Bytes): bool {
  for (let i: u32 = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (!((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39))) return false;
  }
  return true;
}

/** Printable ASCII and line feeds. The one thing that time tells of the text is where it is not valid. */
function isText(bytes: Bytes): bool {
  for (let i: u32 = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte != 0x0a && (byte < 0x20 || byte > 0x7e)) return false;
  }
  return true;
}

const MAX_NETWORK_LENGTH: u32 = 16;
const MAGIC = Bytes.ascii("pinata seal 1\n");
