/**
 * record_size_limit (RFC 8449 §4): the longest TLSInnerPlaintext (content, type and padding) that an endpoint takes in a protected
 * record. We take all that TLS 1.3 allows and say so; what a peer says holds for every protected record that we write.
 */
import { Failure } from "../../failure";
import { Writer } from "../../wire/writer";
import { MAX_INNER_PLAINTEXT } from "../record/protection";
import { ExtensionType } from "../registry";

/** "An endpoint MUST treat receipt of a smaller value as a fatal error". */
const MIN_RECORD_SIZE_LIMIT: u32 = 64;

/** The same in ClientHello and EncryptedExtensions. */
export function writeRecordSizeLimit(writer: Writer): void {
  writer.u16(ExtensionType.RecordSizeLimit);
  writer.u16(2);
  writer.u16(MAX_INNER_PLAINTEXT);
}

/** A client may offer more than TLS 1.3 has: "A server MUST NOT enforce this restriction". */
export function checkOfferedLimit(limit: u32): Failure {
  return limit >= MIN_RECORD_SIZE_LIMIT ? Failure.None : Failure.RecordSizeLimitInvalid;
}

/** A server that answers more, which "a client MAY abort the handshake" for, is refused. */
export function checkAnsweredLimit(limit: u32): Failure {
  return limit <= MAX_INNER_PLAINTEXT ? checkOfferedLimit(limit) : Failure.RecordSizeLimitInvalid;
}
