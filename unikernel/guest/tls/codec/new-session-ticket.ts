/**
 * NewSessionTicket (RFC 8446 §4.6.1): a server sends them unasked after the handshake. We do not resume, so only its syntax is
 * checked, and that without keeping an allocation: there may be many.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { Reader } from "../../wire/reader";
import { ExtensionType } from "../registry";
import { ExtensionVisitor, refuseKnown, visitExtensions } from "./extensions";

/** Checks the body of a server's message. */
export function checkNewSessionTicket(body: Bytes): Failure {
  const scope = mark();
  const reader = new Reader(body);
  reader.u32();
  reader.u32();
  reader.vector8(0, 255);
  reader.vector16(1, 65535);
  const extensions = reader.vector16(0, 65534);
  const failure = reader.done ? visitExtensions(extensions, VISITOR) : Failure.MessageMalformed;
  release(scope);
  return failure;
}

@final
class NewSessionTicketVisitor extends ExtensionVisitor {
  extension(type: u32, data: Bytes): Failure {
    if (type != ExtensionType.EarlyData) return refuseKnown(type);
    // max_early_data_size (§4.2.10).
    return data.length == 4 ? Failure.None : Failure.MessageMalformed;
  }
}

const VISITOR = new NewSessionTicketVisitor();
