/**
 * EncryptedExtensions (RFC 8446 §4.3.1): as server we have nothing to say in it but our record_size_limit, to a client that sent
 * one; as client we asked for nothing else that a server could answer in it, and supported_groups is only informative.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { ExtensionType, HandshakeType } from "../registry";
import { ClientHello } from "./client-hello";
import { ExtensionVisitor, refuseMisplaced, visitExtensions } from "./extensions";
import { checkAnsweredLimit, writeRecordSizeLimit } from "./record-size-limit";

/** A server's message. */
@final
export class EncryptedExtensions extends ExtensionVisitor {
  hasRecordSizeLimit: bool = false;
  recordSizeLimit: u32 = 0;

  /** Parses and checks the body. */
  parse(body: Bytes): Failure {
    this.hasRecordSizeLimit = false;
    const reader = new Reader(body);
    const extensions = reader.vector16(0, 65535);
    return reader.done ? visitExtensions(extensions, this) : Failure.MessageMalformed;
  }

  extension(type: u32, data: Bytes): Failure {
    const reader = new Reader(data);
    switch (type) {
      case ExtensionType.SupportedGroups: {
        const groups = reader.vector16(2, 65534);
        return reader.done && (groups.length & 1) == 0 ? Failure.None : Failure.MessageMalformed;
      }
      case ExtensionType.RecordSizeLimit:
        this.hasRecordSizeLimit = true;
        this.recordSizeLimit = reader.u16();
        return reader.done ? checkAnsweredLimit(this.recordSizeLimit) : Failure.MessageMalformed;
    }
    return refuseMisplaced(type);
  }
}

/** Writes our answer to `hello`: a record_size_limit is answered with our own. */
export function writeEncryptedExtensions(writer: Writer, hello: ClientHello): void {
  writer.u8(HandshakeType.EncryptedExtensions);
  const message = writer.open24();
  const extensions = writer.open16();
  if (hello.hasRecordSizeLimit) writeRecordSizeLimit(writer);
  writer.close16(extensions);
  writer.close24(message);
}
