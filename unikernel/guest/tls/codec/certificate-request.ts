/**
 * CertificateRequest (RFC 8446 §4.3.2): the server names the signature schemes it verifies and the authority that it trusts
 * (certificate_authorities, §4.2.4); the client learns which schemes the server takes.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { Grease } from "../grease";
import { ExtensionType, HandshakeType } from "../registry";
import { writeSignatureAlgorithms } from "./client-hello";
import { ExtensionVisitor, readAuthorities, refuseKnown, visitExtensions } from "./extensions";

@final
export class CertificateRequest extends ExtensionVisitor {
  /** u16 each; a view of the message. */
  signatureSchemes: Bytes = Bytes.empty();

  /** Parses the body of a server's message. */
  parse(body: Bytes): Failure {
    this.signatureSchemes.aim(body, 0, 0);
    const reader = new Reader(body);
    const context = reader.vector8(0, 255);
    const extensions = reader.vector16(2, 65535);
    if (!reader.done) return Failure.MessageMalformed;
    // "this field SHALL be zero length unless used for the post-handshake authentication exchanges"
    if (context.length > 0) return Failure.RequestContextInvalid;
    const failure = visitExtensions(extensions, this);
    if (failure != Failure.None) return failure;
    // "The "signature_algorithms" extension MUST be specified"
    return this.signatureSchemes.length > 0 ? Failure.None : Failure.MissingExtension;
  }

  extension(type: u32, data: Bytes): Failure {
    switch (type) {
      case ExtensionType.SignatureAlgorithms: {
        const reader = new Reader(data);
        const schemes = reader.vector16(2, 65534);
        if (!reader.done || (schemes.length & 1) != 0) return Failure.MessageMalformed;
        this.signatureSchemes.aim(schemes, 0, schemes.length);
        return Failure.None;
      }
      case ExtensionType.CertificateAuthorities: {
        const reader = new Reader(data);
        readAuthorities(reader);
        return reader.done ? Failure.None : Failure.MessageMalformed;
      }
      case ExtensionType.OidFilters:
        return Failure.None;
    }
    return refuseKnown(type);
  }
}

/** Writes our request; `authority` is the DER Name of the trust anchor. */
export function writeCertificateRequest(writer: Writer, authority: Bytes, grease: Grease): void {
  writer.u8(HandshakeType.CertificateRequest);
  const message = writer.open24();
  writer.u8(0);
  const extensions = writer.open16();
  grease.writeExtension(writer);
  writeSignatureAlgorithms(writer, grease);
  writer.u16(ExtensionType.CertificateAuthorities);
  const extension = writer.open16();
  const names = writer.open16();
  const name = writer.open16();
  writer.put(authority);
  writer.close16(name);
  writer.close16(names);
  writer.close16(extension);
  writer.close16(extensions);
  writer.close24(message);
}
