/**
 * EncryptedExtensions (RFC 8446 §4.3.1): as server we have nothing to say in it; as client we asked for nothing that a server
 * could answer in it but supported_groups, which is only informative.
 */
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { Writer } from "../../wire/writer";
import { ExtensionType, HandshakeType } from "../registry";
import { ExtensionVisitor, refuseMisplaced, visitExtensions } from "./extensions";

/** Checks the body of a server's message. */
export function checkEncryptedExtensions(body: Bytes): Failure {
  const reader = new Reader(body);
  const extensions = reader.vector16(0, 65535);
  return reader.done ? visitExtensions(extensions, VISITOR) : Failure.MessageMalformed;
}

export function writeEncryptedExtensions(writer: Writer): void {
  writer.u8(HandshakeType.EncryptedExtensions);
  writer.u24(2);
  writer.u16(0);
}

@final
class EncryptedExtensionsVisitor extends ExtensionVisitor {
  extension(type: u32, data: Bytes): Failure {
    if (type != ExtensionType.SupportedGroups) return refuseMisplaced(type);
    const reader = new Reader(data);
    const groups = reader.vector16(2, 65534);
    return reader.done && (groups.length & 1) == 0 ? Failure.None : Failure.MessageMalformed;
  }
}

const VISITOR = new EncryptedExtensionsVisitor();
