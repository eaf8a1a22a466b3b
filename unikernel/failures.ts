/**
 * Each `Failure` and alert in words: name, reason, and the section that asks for the refusal. Used by the monitor and
 * by the docs' table of refusals; the numbers come from the trace.
 */
export interface FailureText {
  reason: string;
  /** Where the refusal is asked for, e.g. "RFC 8446 §4.4.2.4"; our own limits name docs/design.md. */
  source: string;
}

/** AlertDescription registry (RFC 8446 §6, IANA): number → name. */
export const ALERT_NAMES: Readonly<Record<number, string>> = {
  0: "close_notify",
  10: "unexpected_message",
  20: "bad_record_mac",
  22: "record_overflow",
  40: "handshake_failure",
  42: "bad_certificate",
  43: "unsupported_certificate",
  44: "certificate_revoked",
  45: "certificate_expired",
  46: "certificate_unknown",
  47: "illegal_parameter",
  48: "unknown_ca",
  49: "access_denied",
  50: "decode_error",
  51: "decrypt_error",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  86: "inappropriate_fallback",
  90: "user_canceled",
  109: "missing_extension",
  110: "unsupported_extension",
  112: "unrecognized_name",
  113: "bad_certificate_status_response",
  115: "unknown_psk_identity",
  116: "certificate_required",
  120: "no_application_protocol",
};

/** `State` numbers of the trace in words, in the order of the handshake. */
export const STATE_NAMES: readonly string[] = [
  "connected",
  "record",
  "hello",
  "key exchange",
  "certificate",
  "authenticated",
  "handshake complete",
  "opened",
  "closed",
];

/** Explains a failure number of the trace; an unknown number (a newer piñata) is said to be that. */
export function explainFailure(failure: number): FailureText {
  return FAILURES[failure] ?? { reason: `failure ${failure} (newer than this program)`, source: "" };
}

const TEXTS = {
  0: { reason: "nothing", source: "" },
  1: { reason: "a record of an unknown content type", source: "RFC 8446 §5" },
  2: { reason: "a record longer than the limit", source: "RFC 8446 §5.1, §5.2" },
  3: { reason: "an empty handshake or alert record", source: "RFC 8446 §5.1" },
  4: { reason: "a record that does not decrypt", source: "RFC 8446 §5.2" },
  5: { reason: "a protected record without a content type", source: "RFC 8446 §5.4" },
  6: { reason: "a ChangeCipherSpec that is not the single byte 01, or comes at the wrong time", source: "RFC 8446 §5" },
  7: { reason: "an alert that is not two bytes", source: "RFC 8446 §6" },
  8: { reason: "a handshake message longer than 16 KiB", source: "docs/design.md, limits" },
  9: { reason: "a handshake message that cannot be parsed", source: "RFC 8446 §6.2" },
  10: { reason: "a handshake message that spans a key change", source: "RFC 8446 §5.1" },
  11: { reason: "something that is not TLS", source: "RFC 8446 §5" },
  20: { reason: "a handshake message in the wrong order", source: "RFC 8446 §4" },
  21: { reason: "a record type that is not allowed now", source: "RFC 8446 §5" },
  22: { reason: "the same extension twice", source: "RFC 8446 §4.2" },
  23: { reason: "an extension in a message where it does not belong", source: "RFC 8446 §4.2" },
  24: { reason: "an extension that was not asked for", source: "RFC 8446 §4.2" },
  25: { reason: "a mandatory extension is missing", source: "RFC 8446 §9.2" },
  26: {
    reason: "a key share that is no valid point or ML-KEM key, or has the wrong length",
    source: "RFC 8446 §4.2.8",
  },
  27: { reason: "a key share for a group that was not offered", source: "RFC 8446 §4.2.8" },
  28: { reason: "a HelloRetryRequest that would change nothing", source: "RFC 8446 §4.1.4" },
  29: { reason: "a second HelloRetryRequest", source: "RFC 8446 §4.1.4" },
  30: { reason: "another cipher suite after HelloRetryRequest", source: "RFC 8446 §4.1.4" },
  31: { reason: "no cookie, or another one, after HelloRetryRequest", source: "RFC 8446 §4.2.2" },
  32: { reason: "a legacy_version that is not 0x0303", source: "RFC 8446 §4.1.2, §4.1.3" },
  33: { reason: "compression offered", source: "RFC 8446 §4.1.2" },
  34: { reason: "a session id that is not the one we sent", source: "RFC 8446 §4.1.3" },
  35: { reason: "a cipher suite that was not offered", source: "RFC 8446 §4.1.3" },
  36: { reason: "a downgrade sentinel in the server's random", source: "RFC 8446 §4.1.3" },
  37: { reason: "a wrong Finished", source: "RFC 8446 §4.4.4" },
  38: { reason: "pre_shared_key is not the last extension", source: "RFC 8446 §4.2.11" },
  39: { reason: "early data after it was refused", source: "RFC 8446 §4.2.10" },
  40: { reason: "a second ClientHello that differs where it must not", source: "RFC 8446 §4.1.2" },
  41: { reason: "a KeyUpdate that is not valid", source: "RFC 8446 §4.6.3" },
  42: { reason: "a certificate request context that is not the one asked for", source: "RFC 8446 §4.4.2" },
  43: { reason: "a handshake message after the end of the handshake", source: "RFC 8446 §4.6" },
  44: { reason: "a version that was not offered", source: "RFC 8446 §4.2.1" },
  45: { reason: "a record_size_limit that is not allowed", source: "RFC 8449 §4" },
  60: { reason: "TLS 1.3 is not offered", source: "RFC 8446 §4.2.1" },
  61: { reason: "no cipher suite in common", source: "RFC 8446 §4.1.1" },
  62: { reason: "no key exchange group in common", source: "RFC 8446 §4.1.1" },
  63: { reason: "no signature scheme in common", source: "RFC 8446 §4.4.3" },
  80: { reason: "no certificate", source: "RFC 8446 §4.4.2.4" },
  81: { reason: "a certificate that cannot be parsed", source: "RFC 5280 §4.1" },
  82: { reason: "a certificate with an algorithm or version that is not supported", source: "RFC 8446 §4.4.2.4" },
  83: { reason: "a certificate that has expired", source: "RFC 5280 §6.1.3" },
  84: { reason: "a certificate that is not valid yet", source: "RFC 5280 §6.1.3" },
  85: { reason: "a certificate that does not lead to our trust anchor", source: "RFC 5280 §6.1" },
  86: { reason: "a certificate whose signature is wrong", source: "RFC 5280 §6.1.3" },
  87: { reason: "a certificate whose key usage does not allow this role", source: "RFC 5280 §4.2.1.3, §4.2.1.12" },
  88: { reason: "a CA certificate used as a leaf", source: "docs/design.md, certificates" },
  89: { reason: "an intermediate certificate that is no CA", source: "RFC 5280 §6.1.4" },
  90: { reason: "a certificate path that is too long", source: "RFC 5280 §6.1.4" },
  91: { reason: "a critical certificate extension that is not known", source: "RFC 5280 §4.2" },
  92: { reason: "a certificate whose issuer is not the next one's subject", source: "RFC 5280 §6.1.3" },
  93: { reason: "a CertificateVerify signature that is wrong", source: "RFC 8446 §4.4.3" },
  94: { reason: "a CertificateVerify scheme that was not offered or does not fit the key", source: "RFC 8446 §4.4.3" },
  110: { reason: "more than 64 KiB before authentication", source: "docs/design.md, limits" },
  111: { reason: "too many records before authentication", source: "docs/design.md, limits" },
  112: { reason: "a ticket that the vault does not honour", source: "docs/design.md, the vault's law" },
  113: { reason: "the vault could not answer", source: "docs/design.md, traps" },
  114: { reason: "a fault of ours", source: "RFC 8446 §6.2" },
  115: { reason: "more than we read after the candy", source: "docs/design.md, limits" },
  120: { reason: "the peer sent an alert", source: "RFC 8446 §6" },
  121: { reason: "the peer closed the connection", source: "RFC 8446 §6.1" },
} as const satisfies Readonly<Record<number, FailureText>>;

/** By the number in the trace. */
export const FAILURES: Readonly<Record<number, FailureText>> = TEXTS;

/** The numbers that have a text, so that another language's table without one does not compile; 0 is no failure. */
export type FailureNumber = Exclude<keyof typeof TEXTS, 0>;
