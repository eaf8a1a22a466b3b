/**
 * What a TLS 1.3 CertificateVerify signs (RFC 8446 §4.4.3), assembled here and nowhere else, from a role and a
 * transcript hash: the vault never signs bytes that somebody else chose. The content is public.
 */
import { Bytes } from "bytes";
import { Role } from "../role";

/** Longest content: 64 blanks, context, zero, SHA-384 hash. */
const MAX_CONTENT_LENGTH: u32 = 64 + 33 + 1 + 48;

/** Whether a transcript hash can have this length: SHA-256 or SHA-384. */
export function isHashLength(length: u32): bool {
  return length == 32 || length == 48;
}

/**
 * The content for the signer's `role` and `hash` (a length of {@link isHashLength}); valid until the next call. The blanks and
 * the context keep it apart from what any other protocol or version signs, and the two roles from each other.
 */
export function certificateVerifyContent(role: Role, hash: Bytes): Bytes {
  const context = role == Role.Server ? SERVER_CONTEXT : CLIENT_CONTEXT;
  CONTENT.put(BLANKS.length, context);
  CONTENT[BLANKS.length + context.length] = 0;
  CONTENT.put(BLANKS.length + context.length + 1, hash);
  return VIEW.aim(CONTENT, 0, BLANKS.length + context.length + 1 + hash.length);
}

const BLANKS = Bytes.ascii("                                                                ");
const SERVER_CONTEXT = Bytes.ascii("TLS 1.3, server CertificateVerify");
const CLIENT_CONTEXT = Bytes.ascii("TLS 1.3, client CertificateVerify");
const CONTENT = Bytes.alloc(MAX_CONTENT_LENGTH);
CONTENT.put(0, BLANKS);
const VIEW = Bytes.empty();
