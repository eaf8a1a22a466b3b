/**
 * What RFC 8446 says of a refusal, word for word (a test holds each quote against its paragraph): by the number of the
 * failure in the trace where a sentence speaks of just that, else by the alert (§6.2). The names of suites and groups that
 * the trace gives as numbers stand here as well.
 */
import { ALERT_NAMES, FAILURES } from "../unikernel/failures.ts";

export interface Quote {
  section: string;
  text: string;
}

/** Who broke the rule: some sentences speak of clients or of servers only. */
export type Offender = "client" | "server";

/** What is known of a refusal. */
export interface Refusal {
  /** The failure's number, where the trace has it. */
  failure?: number | undefined;
  /** The number of the alert that the piñata sent; none after its close_notify. */
  alert?: number | undefined;
  offender: Offender;
}

/** The sentence for a refusal; undefined where the RFC has none (a rule of our own, numbers that this page does not know). */
export function quoteFor({ failure, alert, offender }: Refusal): Quote | undefined {
  if (failure !== undefined && isOwnRule(failure)) return undefined;
  return (failure === undefined ? undefined : ofFailure(failure, offender)) ?? ofAlert(alert);
}

/** Our own rules name a page of ours as their source: the RFC does not speak of them. */
function isOwnRule(failure: number): boolean {
  return FAILURES[failure]?.source.startsWith("docs/") ?? false;
}

function ofFailure(failure: number, offender: Offender): Quote | undefined {
  const quote = BY_FAILURE[failure];
  return quote === undefined || "section" in quote ? quote : quote[offender];
}

function ofAlert(alert: number | undefined): Quote | undefined {
  const meaning = alert === undefined ? undefined : MEANINGS[alert];
  return meaning === undefined ? undefined : { section: "6.2", text: `${alertName(alert!)}: ${meaning}` };
}

export function alertName(alert: number): string {
  return ALERT_NAMES[alert] ?? `alert ${alert}`;
}

export function suiteName(suite: number): string {
  return SUITES[suite] ?? `0x${suite.toString(16).padStart(4, "0")}`;
}

export function groupName(group: number): string {
  return GROUPS[group] ?? `0x${group.toString(16).padStart(4, "0")}`;
}

/** §6.2, without the alert's name before it. */
const MEANINGS: Readonly<Record<number, string>> = {
  10: "An inappropriate message (e.g., the wrong handshake message, premature Application Data, etc.) was received.",
  20: "This alert is returned if a record is received which cannot be deprotected.",
  22: "A TLSCiphertext record was received that had a length more than 2^14 + 256 bytes, or a record decrypted to a TLSPlaintext record with more than 2^14 bytes (or some other negotiated limit).",
  40: 'Receipt of a "handshake_failure" alert message indicates that the sender was unable to negotiate an acceptable set of security parameters given the options available.',
  42: "A certificate was corrupt, contained signatures that did not verify correctly, etc.",
  43: "A certificate was of an unsupported type.",
  45: "A certificate has expired or is not currently valid.",
  47: "A field in the handshake was incorrect or inconsistent with other fields.",
  48: "A valid certificate chain or partial chain was received, but the certificate was not accepted because the CA certificate could not be located or could not be matched with a known trust anchor.",
  50: "A message could not be decoded because some field was out of the specified range or the length of the message was incorrect.",
  51: "A handshake (not record layer) cryptographic operation failed, including being unable to correctly verify a signature or validate a Finished message or a PSK binder.",
  70: "The protocol version the peer has attempted to negotiate is recognized but not supported (see Appendix D).",
  80: "An internal error unrelated to the peer or the correctness of the protocol (such as a memory allocation failure) makes it impossible to continue.",
  109: "Sent by endpoints that receive a handshake message not containing an extension that is mandatory to send for the offered TLS version or other negotiated parameters.",
  110: "Sent by endpoints receiving any handshake message containing an extension known to be prohibited for inclusion in the given handshake message, or including any extensions in a ServerHello or Certificate not first offered in the corresponding ClientHello or CertificateRequest.",
  116: "Sent by servers when a client certificate is desired but none was provided by the client.",
};

const UNEXPECTED_RECORD: Quote = {
  section: "5",
  text: 'If a TLS implementation receives an unexpected record type, it MUST terminate the connection with an "unexpected_message" alert.',
};

const UNEXPECTED_MESSAGE: Quote = {
  section: "4",
  text: 'A peer which receives a handshake message in an unexpected order MUST abort the handshake with an "unexpected_message" alert.',
};

/** The numbers are those of unikernel/failures.ts; what is not here is said of the alert. */
const BY_FAILURE: Readonly<Record<number, Quote | Readonly<Partial<Record<Offender, Quote>>>>> = {
  1: UNEXPECTED_RECORD,
  // Its alert's, also where no alert can be sent any more. §5.1 and §5.2 leave the lengths to the sentence before.
  2: ofAlert(22)!,
  3: {
    section: "5.1",
    text: "Implementations MUST NOT send zero-length fragments of Handshake types, even if those fragments contain padding.",
  },
  4: {
    section: "5.2",
    text: 'If the decryption fails, the receiver MUST terminate the connection with a "bad_record_mac" alert.',
  },
  5: {
    section: "5.4",
    text: 'If a receiving implementation does not find a non-zero octet in the cleartext, it MUST terminate the connection with an "unexpected_message" alert.',
  },
  6: {
    section: "5",
    text: 'An implementation which receives any other change_cipher_spec value or which receives a protected change_cipher_spec record MUST abort the handshake with an "unexpected_message" alert.',
  },
  7: {
    section: "5.1",
    text: "Alert messages (Section 6) MUST NOT be fragmented across records, and multiple alert messages MUST NOT be coalesced into a single TLSPlaintext record.",
  },
  9: {
    section: "6",
    text: 'Peers which receive a message which cannot be parsed according to the syntax (e.g., have a length extending beyond the message boundary or contain an out-of-range length) MUST terminate the connection with a "decode_error" alert.',
  },
  10: {
    section: "5.1",
    text: 'Handshake messages MUST NOT span key changes. Implementations MUST verify that all messages immediately preceding a key change align with a record boundary; if not, then they MUST terminate the connection with an "unexpected_message" alert.',
  },
  11: UNEXPECTED_RECORD,
  20: UNEXPECTED_MESSAGE,
  21: UNEXPECTED_RECORD,
  22: {
    section: "4.2",
    text: "There MUST NOT be more than one extension of the same type in a given extension block.",
  },
  23: {
    section: "4.2",
    text: 'If an implementation receives an extension which it recognizes and which is not specified for the message in which it appears, it MUST abort the handshake with an "illegal_parameter" alert.',
  },
  24: {
    // A client's extensions are no responses.
    server: {
      section: "4.2",
      text: 'Implementations MUST NOT send extension responses if the remote endpoint did not send the corresponding extension requests, with the exception of the "cookie" extension in the HelloRetryRequest. Upon receiving such an extension, an endpoint MUST abort the handshake with an "unsupported_extension" alert.',
    },
  },
  26: {
    section: "6",
    text: 'Peers which receive a message which is syntactically correct but semantically invalid (e.g., a DHE share of p - 1, or an invalid enum) MUST terminate the connection with an "illegal_parameter" alert.',
  },
  27: {
    // A server's mistake may be in ServerHello or in HelloRetryRequest, which have a sentence each.
    client: {
      section: "4.2.8",
      text: 'Clients MUST NOT offer multiple KeyShareEntry values for the same group. Clients MUST NOT offer any KeyShareEntry values for groups not listed in the client\'s "supported_groups" extension. Servers MAY check for violations of these rules and abort the handshake with an "illegal_parameter" alert if one is violated.',
    },
  },
  28: {
    section: "4.1.4",
    text: 'Clients MUST abort the handshake with an "illegal_parameter" alert if the HelloRetryRequest would not result in any change in the ClientHello.',
  },
  29: {
    section: "4.1.4",
    text: 'If a client receives a second HelloRetryRequest in the same connection (i.e., where the ClientHello was itself in response to a HelloRetryRequest), it MUST abort the handshake with an "unexpected_message" alert.',
  },
  30: {
    section: "4.1.4",
    text: 'Upon receiving the ServerHello, clients MUST check that the cipher suite supplied in the ServerHello is the same as that in the HelloRetryRequest and otherwise abort the handshake with an "illegal_parameter" alert.',
  },
  31: {
    section: "4.2.2",
    text: 'When sending the new ClientHello, the client MUST copy the contents of the extension received in the HelloRetryRequest into a "cookie" extension in the new ClientHello.',
  },
  33: {
    client: {
      section: "4.1.2",
      text: 'For every TLS 1.3 ClientHello, this vector MUST contain exactly one byte, set to zero, which corresponds to the "null" compression method in prior versions of TLS. If a TLS 1.3 ClientHello is received with any other value in this field, the server MUST abort the handshake with an "illegal_parameter" alert.',
    },
    server: { section: "4.1.3", text: "legacy_compression_method: A single byte which MUST have the value 0." },
  },
  34: {
    section: "4.1.3",
    text: 'A client which receives a legacy_session_id_echo field that does not match what it sent in the ClientHello MUST abort the handshake with an "illegal_parameter" alert.',
  },
  35: {
    section: "4.1.3",
    text: 'A client which receives a cipher suite that was not offered MUST abort the handshake with an "illegal_parameter" alert.',
  },
  36: {
    section: "4.1.3",
    text: "TLS 1.3 has a downgrade protection mechanism embedded in the server's random value. TLS 1.3 servers which negotiate TLS 1.2 or below in response to a ClientHello MUST set the last 8 bytes of their Random value specially in their ServerHello.",
  },
  37: {
    section: "4.4.4",
    text: 'Recipients of Finished messages MUST verify that the contents are correct and if incorrect MUST terminate the connection with a "decrypt_error" alert.',
  },
  38: {
    section: "4.2.11",
    text: 'The "pre_shared_key" extension MUST be the last extension in the ClientHello (this facilitates implementation as described below). Servers MUST check that it is the last extension and otherwise fail the handshake with an "illegal_parameter" alert.',
  },
  39: {
    section: "4.2.10",
    text: 'A client MUST NOT include the "early_data" extension in its followup ClientHello.',
  },
  40: {
    section: "4.1.2",
    text: "The client will also send a ClientHello when the server has responded to its ClientHello with a HelloRetryRequest. In that case, the client MUST send the same ClientHello without modification, except as follows:",
  },
  41: {
    section: "4.6.3",
    text: 'request_update: Indicates whether the recipient of the KeyUpdate should respond with its own KeyUpdate. If an implementation receives any other value, it MUST terminate the connection with an "illegal_parameter" alert.',
  },
  42: {
    // A server's mistake may be in Certificate or in CertificateRequest, which have a sentence each.
    client: {
      section: "4.4.2",
      text: "certificate_request_context: If this message is in response to a CertificateRequest, the value of certificate_request_context in that message.",
    },
  },
  43: UNEXPECTED_MESSAGE,
  44: {
    section: "4.2.1",
    text: 'If the "supported_versions" extension in the ServerHello contains a version not offered by the client or contains a version prior to TLS 1.3, the client MUST abort the handshake with an "illegal_parameter" alert.',
  },
  61: {
    section: "4.1.1",
    text: 'If the server is unable to negotiate a supported set of parameters (i.e., there is no overlap between the client and server parameters), it MUST abort the handshake with either a "handshake_failure" or "insufficient_security" fatal alert (see Section 6).',
  },
  62: {
    section: "4.1.1",
    text: 'If there is no overlap between the received "supported_groups" and the groups supported by the server, then the server MUST abort the handshake with a "handshake_failure" or an "insufficient_security" alert.',
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
