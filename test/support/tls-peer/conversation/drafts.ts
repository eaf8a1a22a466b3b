/**
 * Hellos and the server's other messages as drafts: their fields before they are written (RFC 8446 §4.1 to §4.4), so that a bend can change
 * any of them. A draft that nobody bends is right.
 */
import { EXTENSION, type Extensions, extensionBlock, handshake, u16s, uint, vector } from "../wire.ts";
import { MESSAGES } from "./steps.ts";

export interface HelloDraft {
  /** The first hello, or the one after HelloRetryRequest. */
  round: 1 | 2;
  legacyVersion: number;
  random: Uint8Array;
  sessionId: Uint8Array;
  suites: number[];
  compression: Uint8Array;
  versions: number[];
  groups: number[];
  schemes: number[];
  shares: [group: number, key: Uint8Array][];
  /** Those beside the four that the fields above make; a type of those replaces it. `undefined`: leave it out. */
  more: [type: number, data: Uint8Array | undefined][];
  /** Bytes after the end. */
  tail: Uint8Array;
}

export function encodeHello(draft: HelloDraft): Buffer {
  const shares = draft.shares.map(([group, key]) => Buffer.concat([uint(2, group), vector(2, key)]));
  const made: Extensions = [
    [EXTENSION.supportedVersions, vector(1, u16s(...draft.versions))],
    [EXTENSION.supportedGroups, vector(2, u16s(...draft.groups))],
    [EXTENSION.signatureAlgorithms, vector(2, u16s(...draft.schemes))],
    [EXTENSION.keyShare, vector(2, ...shares)],
  ];
  return handshake(MESSAGES.clientHello, helloHead(draft), extensionBlock(withMore(made, draft.more)), draft.tail);
}

/** What a client must not change in its second hello (§4.1.2), as one string. */
export function unchanging(draft: HelloDraft): string {
  const lists = u16s(...draft.versions, ...draft.groups, ...draft.schemes).toString("hex");
  const more = draft.more
    .filter(([type]) => !MAY_CHANGE.includes(type))
    .map(([type, data]) => `${type}:${data === undefined ? "-" : Buffer.from(data).toString("hex")}`);
  return [helloHead(draft).toString("hex"), lists, ...more].join(" ");
}

const MAY_CHANGE: readonly number[] = [
  EXTENSION.keyShare,
  EXTENSION.earlyData,
  EXTENSION.cookie,
  EXTENSION.preSharedKey,
  EXTENSION.padding,
];

function helloHead(draft: HelloDraft): Buffer {
  return Buffer.concat([
    uint(2, draft.legacyVersion),
    draft.random,
    vector(1, draft.sessionId),
    vector(2, u16s(...draft.suites)),
    vector(1, draft.compression),
  ]);
}

/** ServerHello or HelloRetryRequest. */
export interface ServerDraft {
  legacyVersion: number;
  random: Uint8Array;
  sessionId: Uint8Array;
  suite: number;
  compression: number;
  version: number;
  /** The contents of key_share. */
  share: Uint8Array | undefined;
  more: [type: number, data: Uint8Array | undefined][];
  tail: Uint8Array;
}

export function encodeServerHello(draft: ServerDraft): Buffer {
  const made: Extensions = [[EXTENSION.supportedVersions, uint(2, draft.version)]];
  if (draft.share !== undefined) made.push([EXTENSION.keyShare, draft.share]);
  return handshake(
    MESSAGES.serverHello,
    uint(2, draft.legacyVersion),
    draft.random,
    vector(1, draft.sessionId),
    uint(2, draft.suite),
    uint(1, draft.compression),
    extensionBlock(withMore(made, draft.more)),
    draft.tail,
  );
}

/** EncryptedExtensions (no context), CertificateRequest. */
export interface ExtensionsDraft {
  context: Uint8Array | undefined;
  extensions: Extensions;
  tail: Uint8Array;
}

export function encodeExtensions(type: number, draft: ExtensionsDraft): Buffer {
  const context = draft.context === undefined ? Buffer.alloc(0) : vector(1, draft.context);
  return handshake(type, context, extensionBlock(draft.extensions), draft.tail);
}

export interface CertificateDraft {
  context: Uint8Array;
  entries: { der: Uint8Array; extensions: Extensions }[];
  tail: Uint8Array;
}

export function encodeCertificate(draft: CertificateDraft): Buffer {
  const entries = draft.entries.flatMap(({ der, extensions }) => [vector(3, der), extensionBlock(extensions)]);
  return handshake(MESSAGES.certificate, vector(1, draft.context), vector(3, ...entries), draft.tail);
}

/** Replaces, leaves out and adds, in order. What is named twice is there twice; pre_shared_key stays last (§4.2.11). */
function withMore(made: Extensions, more: [number, Uint8Array | undefined][]): Extensions {
  let out = [...made];
  const replaceable = new Set(made.map(([type]) => type));
  for (const [type, data] of more) {
    if (data === undefined) out = out.filter(([known]) => known !== type);
    else if (replaceable.delete(type)) out = out.map((one) => (one[0] === type ? [type, data] : one));
    else out.push([type, data]);
  }
  const isLast = ([type]: [number, Uint8Array]) => type === EXTENSION.preSharedKey;
  return [...out.filter((one) => !isLast(one)), ...out.filter(isLast)];
}
