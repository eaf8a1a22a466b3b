/**
 * Certificate, CertificateVerify and Finished (RFC 8446 §4.4): the three messages of authentication, the same in both
 * directions. A chain is held the way the vault wants it: a sequence of `u24 length ‖ DER`, leaf first.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { HandshakeType } from "../registry";
import { ExtensionVisitor, refuseMisplaced, visitExtensions } from "./extensions";

/** Bytes of a chain at most; a Certificate message that fits the joiner holds no longer one. */
export const MAX_CHAIN: u32 = 16384;
const MAX_CERTIFICATES: u32 = 4;

/** A chain, ours or the peer's. */
@final
export class Chain extends ExtensionVisitor {
  length: u32 = 0;
  readonly bytes: Bytes = Bytes.alloc(MAX_CHAIN);

  get written(): Bytes {
    return this.bytes.slice(0, this.length);
  }

  /** Parses the body of a peer's Certificate; `length` stays 0 when it holds no certificate. */
  parse(body: Bytes): Failure {
    this.length = 0;
    const reader = new Reader(body);
    const context = reader.vector8(0, 255);
    const list = new Reader(reader.vector24(0, 0xffffff));
    if (!reader.done) return Failure.MessageMalformed;
    // In the handshake it is empty in both directions: we asked with an empty one, a server answers none.
    if (context.length > 0) return Failure.RequestContextInvalid;
    for (let count: u32 = 0; list.remaining > 0; count++) {
      if (count == MAX_CERTIFICATES) return Failure.CertificatePathTooLong;
      const scope = mark();
      const failure = this.parseEntry(list);
      release(scope);
      if (failure != Failure.None) return failure;
    }
    return Failure.None;
  }

  /** We ask for no certificate extension in either role, so each is unsolicited (§4.4.2). */
  extension(type: u32, _data: Bytes): Failure {
    return refuseMisplaced(type);
  }

  private parseEntry(list: Reader): Failure {
    const der = list.vector24(1, 0xffffff);
    const extensions = list.vector16(0, 65535);
    if (list.failed) return Failure.MessageMalformed;
    const failure = visitExtensions(extensions, this);
    if (failure != Failure.None) return failure;
    this.bytes.putU24be(this.length, der.length);
    this.bytes.put(this.length + 3, der);
    this.length += 3 + der.length;
    return Failure.None;
  }
}

/** Writes a Certificate message with `chain`; an empty chain says that we have none. */
export function writeCertificate(writer: Writer, chain: Bytes): void {
  writer.u8(HandshakeType.Certificate);
  const message = writer.open24();
  writer.u8(0);
  const list = writer.open24();
  const reader = new Reader(chain);
  while (reader.remaining > 0) {
    const der = reader.vector24(1, 0xffffff);
    writer.u24(der.length);
    writer.put(der);
    writer.u16(0);
  }
  // Our own vault's chain: malformed is our own bug.
  assert(!reader.failed);
  writer.close24(list);
  writer.close24(message);
}

/** A peer's CertificateVerify as views of the message. */
@final
export class CertificateVerify {
  scheme: u32 = 0;
  signature: Bytes = Bytes.empty();

  parse(body: Bytes): Failure {
    const reader = new Reader(body);
    this.scheme = reader.u16();
    const signature = reader.vector16(0, 65535);
    this.signature.aim(signature, 0, signature.length);
    return reader.done ? Failure.None : Failure.MessageMalformed;
  }
}

export function writeCertificateVerify(writer: Writer, scheme: u32, signature: Bytes): void {
  writer.u8(HandshakeType.CertificateVerify);
  const message = writer.open24();
  writer.u16(scheme);
  const opaque = writer.open16();
  writer.put(signature);
  writer.close16(opaque);
  writer.close24(message);
}

export function writeFinished(writer: Writer, verifyData: Bytes): void {
  writer.u8(HandshakeType.Finished);
  writer.u24(verifyData.length);
  writer.put(verifyData);
}
