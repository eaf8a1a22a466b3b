/**
 * Bends: everything that a generated conversation may do to the contents of a message, and what RFC 8446 says of each: the alerts of which
 * one has to answer it (`faults`), or none where the receiver has to take it. Written from the RFC and docs/refusals.md, not from the guest.
 */
import { ALERT, EXTENSION, type Extensions, GROUP, RETRY_RANDOM, u16s, uint, vector } from "../wire.ts";
import type { CertificateDraft, ExtensionsDraft, HelloDraft, ServerDraft } from "./drafts.ts";

export interface Bend<Draft> {
  /** Any of these alerts refuses the message; empty: it is as good as an unbent one. */
  faults: readonly number[];
  /** A hello may say so in both rounds, and anybody who offers it gets a handshake. */
  offered?: true;
  apply(draft: Draft, value: number): void;
}

/** A value that RFC 8701 reserves for being ignored. */
export function grease(value: number): number {
  const byte = (value & 0xf0) | 0x0a;
  return byte * 0x101;
}

const NOTHING = Buffer.alloc(0);
const PSK = Buffer.concat([
  vector(2, vector(2, Buffer.alloc(16)), Buffer.alloc(4)),
  vector(2, vector(1, Buffer.alloc(32))),
]);
const SMALL_ORDER = Buffer.alloc(32);
/** A server that answers GREASE is refused (RFC 8701 §3.1): the value may have been offered, or not. */
const GREASE_ANSWERED = [ALERT.unsupportedExtension, ALERT.illegalParameter];

const fault = <D>(alert: number | readonly number[], apply: Bend<D>["apply"]): Bend<D> => ({
  faults: typeof alert === "number" ? [alert] : alert,
  apply,
});
const offer = (apply: Bend<HelloDraft>["apply"]): Bend<HelloDraft> => ({ faults: [], offered: true, apply });
const fine = <D>(apply: Bend<D>["apply"]): Bend<D> => ({ faults: [], apply });
const add = (type: number, data: Uint8Array) => (draft: HelloDraft | ServerDraft) => {
  draft.more.push([type, data]);
};
const without = (type: number) => (draft: HelloDraft | ServerDraft) => {
  draft.more.push([type, undefined]);
};

export const HELLO_BENDS: Record<string, Bend<HelloDraft>> = {
  "GREASE in every list": offer((draft, value) => {
    draft.suites.unshift(grease(value));
    draft.groups.unshift(grease(value >>> 4));
    draft.schemes.push(grease(value >>> 8));
    draft.versions.unshift(grease(value >>> 12));
    draft.more.push([grease(value >>> 16), NOTHING]);
  }),
  "a GREASE key share": offer((draft, value) => {
    draft.groups.unshift(grease(value));
    // After HelloRetryRequest there is one share, the one that was asked for (§4.1.2).
    if (draft.round === 1 && draft.shares.length > 0) draft.shares.unshift([grease(value), Buffer.of(0)]);
  }),
  "an unknown extension": offer((draft, value) => {
    draft.more.push([0x8001 | (value & 0x3ff0), Buffer.alloc(value & 15, 7)]);
  }),
  "suites of TLS 1.2": offer((draft) => draft.suites.push(0xc02b, 0xc02f, 0x00ff)),
  "TLS 1.2 beside TLS 1.3": offer((draft) => draft.versions.push(0x0303, 0x0302)),
  "more signature schemes": offer((draft) => draft.schemes.unshift(0x0804, 0x0806, 0x0201)),
  "server_name and ALPN": offer((draft) => {
    draft.more.push([EXTENSION.serverName, vector(2, Buffer.of(0), vector(2, Buffer.from("pinata.example")))]);
    draft.more.push([EXTENSION.alpn, vector(2, vector(1, Buffer.from("h2")))]);
  }),
  "padding of its own": offer((draft, value) => draft.more.push([EXTENSION.padding, Buffer.alloc(value & 0x3ff)])),
  "a record size limit": offer((draft, value) =>
    draft.more.push([EXTENSION.recordSizeLimit, uint(2, 64 + (value % (16385 - 63)))]),
  ),
  "a pre-shared key that nobody knows": offer((draft) => {
    draft.more.push([EXTENSION.pskModes, vector(1, Buffer.of(1))], [EXTENSION.preSharedKey, PSK]);
  }),
  // Nobody takes it; the second hello must not have it (§4.2.10).
  early_data: offer((draft) => {
    if (draft.round === 1) draft.more.push([EXTENSION.earlyData, NOTHING]);
  }),
  "a record size limit of 63": fault(ALERT.illegalParameter, add(EXTENSION.recordSizeLimit, uint(2, 63))),
  "a legacy version of old": offer((draft, value) => {
    draft.legacyVersion = [0x0301, 0x0302, 0x0304, 0x7f1c][value & 3]!;
  }),
  "legacy_version of SSL 3": fault(ALERT.protocolVersion, (draft) => {
    draft.legacyVersion = 0x0300;
  }),
  "no TLS 1.3": fault(ALERT.protocolVersion, (draft) => {
    draft.versions = [0x0303];
  }),
  "no supported_versions": fault(ALERT.protocolVersion, without(EXTENSION.supportedVersions)),
  "no supported_groups": fault(ALERT.missingExtension, without(EXTENSION.supportedGroups)),
  "no signature_algorithms": fault(ALERT.missingExtension, without(EXTENSION.signatureAlgorithms)),
  "no key_share": fault(ALERT.missingExtension, without(EXTENSION.keyShare)),
  "compression beside none": fault(ALERT.illegalParameter, (draft) => {
    draft.compression = Buffer.of(1, 0);
  }),
  "no compression method": fault(ALERT.decodeError, (draft) => {
    draft.compression = NOTHING;
  }),
  "a session id of 33 bytes": fault(ALERT.decodeError, (draft) => {
    draft.sessionId = Buffer.alloc(33);
  }),
  "only suites of TLS 1.2": fault(ALERT.handshakeFailure, (draft) => {
    draft.suites = [0xc02b, 0xc02f];
  }),
  "only groups that nobody has": fault(ALERT.handshakeFailure, (draft) => {
    draft.groups = [GROUP.p521];
    draft.shares = [];
  }),
  "only schemes that nobody has": fault(ALERT.handshakeFailure, (draft) => {
    draft.schemes = [0x0804];
  }),
  "the same extension twice": fault(ALERT.illegalParameter, (draft) => {
    draft.more.push([0xffa5, NOTHING], [0xffa5, NOTHING]);
  }),
  "oid_filters in a hello": fault(ALERT.illegalParameter, add(EXTENSION.oidFilters, vector(2))),
  "a cookie that nobody sent": fault(ALERT.unsupportedExtension, add(EXTENSION.cookie, vector(2, Buffer.alloc(8)))),
  "a share for a group that is not listed": fault(ALERT.illegalParameter, (draft) => {
    draft.shares.push([GROUP.p521, Buffer.alloc(133, 4)]);
  }),
  "an X25519 share of small order": fault(ALERT.illegalParameter, (draft) => {
    draft.groups = [GROUP.x25519];
    draft.shares = [[GROUP.x25519, SMALL_ORDER]];
  }),
  "a P-256 share beside the curve": fault(ALERT.illegalParameter, (draft) => {
    draft.groups = [GROUP.p256];
    draft.shares = [[GROUP.p256, Buffer.concat([Buffer.of(4), Buffer.alloc(64, 9)])]];
  }),
  "a key share cut short": fault(
    ALERT.decodeError,
    add(EXTENSION.keyShare, vector(2, Buffer.concat([uint(2, GROUP.x25519), uint(2, 40), Buffer.alloc(32)]))),
  ),
  "bytes after the end": fault(ALERT.decodeError, (draft) => {
    draft.tail = Buffer.alloc(3);
  }),
};

export const SERVER_HELLO_BENDS: Record<string, Bend<ServerDraft>> = {
  "another session id": fault(ALERT.illegalParameter, (draft) => {
    draft.sessionId = Buffer.alloc(32, 3);
  }),
  "no session id": fault(ALERT.illegalParameter, (draft) => {
    draft.sessionId = NOTHING;
  }),
  "legacy_version of TLS 1.3": fault(ALERT.protocolVersion, (draft) => {
    draft.legacyVersion = 0x0304;
  }),
  "a suite that was not offered": fault(ALERT.illegalParameter, (draft, value) => {
    draft.suite = [0xc02b, 0x1304, 0x0000, 0x1305][value & 3]!;
  }),
  compression: fault(ALERT.illegalParameter, (draft) => {
    draft.compression = 1;
  }),
  "an unknown extension": fault(ALERT.unsupportedExtension, add(0xffa5, NOTHING)),
  "a GREASE extension": fault(GREASE_ANSWERED, (draft, value) => {
    draft.more.push([grease(value), NOTHING]);
  }),
  "the same extension twice": fault(ALERT.illegalParameter, (draft) => {
    draft.more.push([EXTENSION.supportedVersions, uint(2, 0x0304)], [EXTENSION.supportedVersions, uint(2, 0x0304)]);
  }),
  supported_groups: fault(ALERT.illegalParameter, add(EXTENSION.supportedGroups, vector(2, u16s(GROUP.x25519)))),
  pre_shared_key: fault(ALERT.unsupportedExtension, add(EXTENSION.preSharedKey, uint(2, 0))),
  "TLS 1.2 in supported_versions": fault(ALERT.illegalParameter, (draft) => {
    draft.version = 0x0303;
  }),
  "no supported_versions": fault(ALERT.protocolVersion, without(EXTENSION.supportedVersions)),
  "a group that nobody offered": fault(ALERT.illegalParameter, (draft) => {
    const isRetry = RETRY_RANDOM.equals(draft.random);
    draft.share = isRetry ? uint(2, GROUP.p521) : Buffer.concat([uint(2, GROUP.p521), vector(2, Buffer.alloc(133, 4))]);
  }),
  "bytes after the end": fault(ALERT.decodeError, (draft) => {
    draft.tail = Buffer.alloc(1);
  }),
};

/** Of ServerHello only: a HelloRetryRequest's random says what it is, and it need not have a share. */
export const SERVER_HELLO_ONLY_BENDS: Record<string, Bend<ServerDraft>> = {
  "no key_share": fault(ALERT.missingExtension, (draft) => {
    draft.share = undefined;
  }),
  "the sentinel of a downgrade, without a version": fault([ALERT.illegalParameter], (draft) => {
    draft.random = Buffer.concat([Buffer.alloc(24, 1), Buffer.from("DOWNGRD\u0001", "latin1")]);
    draft.more.push([EXTENSION.supportedVersions, undefined]);
  }),
  "an X25519 share of small order": fault(ALERT.illegalParameter, (draft) => {
    draft.share = Buffer.concat([uint(2, GROUP.x25519), vector(2, SMALL_ORDER)]);
  }),
  "a share that is a byte long": fault(ALERT.illegalParameter, (draft) => {
    draft.share = Buffer.concat([uint(2, GROUP.x25519), vector(2, Buffer.alloc(33, 9))]);
  }),
  // Not asked for, and not for this message either: both sentences of §4.2 apply.
  "a cookie": fault(
    [ALERT.illegalParameter, ALERT.unsupportedExtension],
    add(EXTENSION.cookie, vector(2, Buffer.alloc(8))),
  ),
};

/** Of HelloRetryRequest only. */
export const RETRY_BENDS: Record<string, Bend<ServerDraft>> = {
  "a request for nothing": fault(ALERT.illegalParameter, (draft) => {
    draft.share = undefined;
    draft.more.push([EXTENSION.cookie, undefined]);
  }),
  "a request for a share that is there": fault(ALERT.illegalParameter, (draft, value) => {
    draft.share = uint(2, value & 1 ? GROUP.x25519 : GROUP.hybrid);
  }),
  "a whole key share": fault(ALERT.decodeError, (draft) => {
    draft.share = Buffer.concat([uint(2, GROUP.p256), vector(2, Buffer.alloc(65, 4))]);
  }),
};

const extension =
  (...more: Extensions) =>
  (draft: ExtensionsDraft) => {
    draft.extensions.push(...more);
  };

/** A name of {@link ENCRYPTED_EXTENSIONS_BENDS}. */
export const ANSWERED_LIMIT = "a record size limit";

export const ENCRYPTED_EXTENSIONS_BENDS: Record<string, Bend<ExtensionsDraft>> = {
  supported_groups: fine(extension([EXTENSION.supportedGroups, vector(2, u16s(GROUP.hybrid, GROUP.x25519, 0x2a2a))])),
  // Right where the hello has offered one.
  [ANSWERED_LIMIT]: fine((draft, value) => {
    draft.extensions.push([EXTENSION.recordSizeLimit, uint(2, 64 + (value % (16385 - 63)))]);
  }),
  "a record size limit of 63": fault(ALERT.illegalParameter, extension([EXTENSION.recordSizeLimit, uint(2, 63)])),
  "a record size limit of 16386": fault(ALERT.illegalParameter, extension([EXTENSION.recordSizeLimit, uint(2, 16386)])),
  "an unknown extension": fault(ALERT.unsupportedExtension, extension([0xffa5, NOTHING])),
  "a GREASE extension": fault(GREASE_ANSWERED, (draft, value) => draft.extensions.push([grease(value), NOTHING])),
  ALPN: fault(ALERT.unsupportedExtension, extension([EXTENSION.alpn, vector(2, vector(1, Buffer.from("h2")))])),
  early_data: fault(ALERT.unsupportedExtension, extension([EXTENSION.earlyData, NOTHING])),
  key_share: fault(ALERT.illegalParameter, extension([EXTENSION.keyShare, u16s(GROUP.x25519)])),
  "bytes after the end": fault(ALERT.decodeError, (draft) => {
    draft.tail = Buffer.alloc(1);
  }),
};

export const CERTIFICATE_REQUEST_BENDS: Record<string, Bend<ExtensionsDraft>> = {
  "an unknown extension": fine(extension([0xffa5, Buffer.alloc(3)])),
  "a GREASE extension": fine((draft, value) => draft.extensions.push([grease(value), NOTHING])),
  certificate_authorities: fine(extension([EXTENSION.authorities, vector(2, vector(2, Buffer.from("3000", "hex")))])),
  "schemes that the door does not have": fine((draft) => {
    draft.extensions = [[EXTENSION.signatureAlgorithms, vector(2, u16s(0x0804, 0x0806))]];
  }),
  "a context": fault(ALERT.illegalParameter, (draft) => {
    draft.context = Buffer.of(7);
  }),
  "no signature_algorithms": fault(ALERT.missingExtension, (draft) => {
    draft.extensions = [[0xffa5, NOTHING]];
  }),
  "an odd list of schemes": fault(ALERT.decodeError, (draft) => {
    draft.extensions = [[EXTENSION.signatureAlgorithms, vector(2, Buffer.of(4, 3, 8))]];
  }),
  key_share: fault(ALERT.illegalParameter, extension([EXTENSION.keyShare, u16s(GROUP.x25519)])),
  "bytes after the end": fault(ALERT.decodeError, (draft) => {
    draft.tail = Buffer.alloc(1);
  }),
};

const onFirst = (der: (der: Uint8Array) => Uint8Array) => (draft: CertificateDraft) => {
  const first = draft.entries[0];
  if (first !== undefined) first.der = der(first.der);
};

export const CERTIFICATE_BENDS: Record<string, Bend<CertificateDraft>> = {
  // Refused too, but with an alert for each role: the model sees that there is none.
  "no certificate": fine((draft) => {
    draft.entries = [];
  }),
  "an entry of no bytes": fault(
    ALERT.decodeError,
    onFirst(() => NOTHING),
  ),
  "five entries": fault(ALERT.unknownCa, (draft) => {
    const first = draft.entries[0];
    if (first !== undefined) draft.entries = [first, first, first, first, first];
  }),
  "a context": fault(ALERT.illegalParameter, (draft) => {
    draft.context = Buffer.of(7);
  }),
  "a stapled response": fault(ALERT.unsupportedExtension, (draft) => {
    draft.entries[0]?.extensions.push([EXTENSION.statusRequest, Buffer.alloc(4)]);
  }),
  "an extension from elsewhere": fault(ALERT.illegalParameter, (draft) => {
    draft.entries[0]?.extensions.push([EXTENSION.signatureAlgorithms, vector(2, u16s(0x0403))]);
  }),
  "bytes after the end": fault(ALERT.decodeError, (draft) => {
    draft.tail = Buffer.alloc(2);
  }),
};

/** Of CertificateVerify and Finished: names only, as the model verifies both by itself. Those in `fine` are right in an unusual way. */
export const VERIFY_BENDS = {
  fine: ["the other of the two signatures"],
  wrong: [
    "by another key",
    "in the other role's context",
    "over no transcript",
    "over an earlier transcript",
    "over an earlier connection",
    "of another scheme's number",
    "of an unknown scheme",
    "with a flipped bit",
    "of no bytes",
    "of too many bytes",
    "cut short",
    "with bytes after the end",
  ],
} as const;

export const FINISHED_BENDS = [
  "with a flipped bit",
  "of zeros",
  "of no bytes",
  "a byte short",
  "a byte long",
  "of the other direction",
  "over an earlier transcript",
  "of an earlier connection",
] as const;
