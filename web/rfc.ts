/**
 * What RFC 8446 says of a refusal, in its own words: by the number of the failure in the trace where a sentence speaks of
 * just that, else by the alert (§6.2). The two registries' names that the trace gives as numbers stand here as well.
 */
export interface Quote {
  section: string;
  text: string;
}

/** The sentence for a refusal; undefined where the RFC has none (our own limits, a failure newer than this page). */
export function quoteFor(failure: number | undefined, alert: number): Quote | undefined {
  if (failure !== undefined && OWN_LIMITS.has(failure)) return undefined;
  return (failure === undefined ? undefined : BY_FAILURE[failure]) ?? BY_ALERT[alert];
}

export function alertName(alert: number): string {
  return NAMES[alert] ?? `alert ${alert}`;
}

export function suiteName(suite: number): string {
  return SUITES[suite] ?? `0x${suite.toString(16).padStart(4, "0")}`;
}

export function groupName(group: number): string {
  return GROUPS[group] ?? `0x${group.toString(16).padStart(4, "0")}`;
}

/** Failures that our own limits define (unikernel/failures.ts): the RFC does not speak of them. */
const OWN_LIMITS: ReadonlySet<number> = new Set([8, 110, 111, 112, 113, 115]);

const BY_FAILURE: Readonly<Record<number, Quote>> = {
  1: {
    section: "5",
    text: 'If a TLS implementation receives an unexpected record type, it MUST terminate the connection with an "unexpected_message" alert.',
  },
  2: {
    section: "5.1",
    text: 'An endpoint that receives a record that exceeds this length MUST terminate the connection with a "record_overflow" alert.',
  },
  3: {
    section: "5.1",
    text: "Implementations MUST NOT send zero-length fragments of Handshake types, even if those fragments contain padding.",
  },
  4: {
    section: "5.2",
    text: 'If the decryption fails, the receiver MUST terminate the connection with a "bad_record_mac" alert.',
  },
  6: {
    section: "5",
    text: 'An implementation which receives any other change_cipher_spec value or which receives a protected change_cipher_spec record MUST abort the handshake with an "unexpected_message" alert.',
  },
  10: { section: "5.1", text: "Handshake messages MUST NOT span key changes." },
  11: {
    section: "5",
    text: 'If a TLS implementation receives an unexpected record type, it MUST terminate the connection with an "unexpected_message" alert.',
  },
  20: {
    section: "4",
    text: 'A peer which receives a handshake message in an unexpected order MUST abort the handshake with an "unexpected_message" alert.',
  },
  21: {
    section: "5",
    text: 'If a TLS implementation receives an unexpected record type, it MUST terminate the connection with an "unexpected_message" alert.',
  },
  22: {
    section: "4.2",
    text: "There MUST NOT be more than one extension of the same type in a given extension block.",
  },
  33: {
    section: "4.1.2",
    text: 'If a TLS 1.3 ClientHello is received with any other value in this field, the server MUST abort the handshake with an "illegal_parameter" alert.',
  },
  37: {
    section: "4.4.4",
    text: 'Recipients of Finished messages MUST verify that the contents are correct and if incorrect MUST terminate the connection with a "decrypt_error" alert.',
  },
  60: {
    section: "6.2",
    text: "protocol_version: The protocol version the peer has attempted to negotiate is recognized but not supported (see Appendix D).",
  },
  61: {
    section: "4.1.1",
    text: 'If the server is unable to negotiate a supported set of parameters (i.e., there is no overlap between the client and server parameters), it MUST abort the handshake with either a "handshake_failure" or "insufficient_security" fatal alert (see Section 6).',
  },
  80: {
    section: "4.4.2.4",
    text: 'If the client does not send any certificates (i.e., it sends an empty Certificate message), the server MAY at its discretion either continue the handshake without client authentication or abort the handshake with a "certificate_required" alert.',
  },
  93: {
    section: "4.4.3",
    text: 'If the verification fails, the receiver MUST terminate the handshake with a "decrypt_error" alert.',
  },
};

const says = (text: string): Quote => ({ section: "6.2", text });
const BY_ALERT: Readonly<Record<number, Quote>> = {
  10: says(
    "unexpected_message: An inappropriate message (e.g., the wrong handshake message, premature Application Data, etc.) was received.",
  ),
  20: says("bad_record_mac: This alert is returned if a record is received which cannot be deprotected."),
  22: says(
    "record_overflow: A TLSCiphertext record was received that had a length more than 2^14 + 256 bytes, or a record decrypted to a TLSPlaintext record with more than 2^14 bytes (or some other negotiated limit).",
  ),
  40: says(
    'handshake_failure: Receipt of a "handshake_failure" alert message indicates that the sender was unable to negotiate an acceptable set of security parameters given the options available.',
  ),
  42: says("bad_certificate: A certificate was corrupt, contained signatures that did not verify correctly, etc."),
  43: says("unsupported_certificate: A certificate was of an unsupported type."),
  45: says("certificate_expired: A certificate has expired or is not currently valid."),
  47: says("illegal_parameter: A field in the handshake was incorrect or inconsistent with other fields."),
  48: says(
    "unknown_ca: A valid certificate chain or partial chain was received, but the certificate was not accepted because the CA certificate could not be located or could not be matched with a known trust anchor.",
  ),
  50: says(
    "decode_error: A message could not be decoded because some field was out of the specified range or the length of the message was incorrect.",
  ),
  51: says(
    "decrypt_error: A handshake (not record layer) cryptographic operation failed, including being unable to correctly verify a signature or validate a Finished message or a PSK binder.",
  ),
  70: says(
    "protocol_version: The protocol version the peer has attempted to negotiate is recognized but not supported (see Appendix D).",
  ),
  109: says(
    "missing_extension: Sent by endpoints that receive a handshake message not containing an extension that is mandatory to send for the offered TLS version or other negotiated parameters.",
  ),
  110: says(
    "unsupported_extension: Sent by endpoints receiving any handshake message containing an extension known to be prohibited for inclusion in the given handshake message, or including any extensions in a ServerHello or Certificate not first offered in the corresponding ClientHello or CertificateRequest.",
  ),
  116: says(
    "certificate_required: Sent by servers when a client certificate is desired but none was provided by the client.",
  ),
};

/** IANA, TLS Alerts. */
const NAMES: Readonly<Record<number, string>> = {
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

const SUITES: Readonly<Record<number, string>> = {
  4865: "AES-128-GCM-SHA256",
  4866: "AES-256-GCM-SHA384",
  4867: "CHACHA20-POLY1305-SHA256",
};

const GROUPS: Readonly<Record<number, string>> = {
  23: "secp256r1",
  29: "x25519",
  4588: "X25519MLKEM768",
};
