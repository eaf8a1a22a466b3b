/**
 * Messages of a generated conversation whose contents are fields (RFC 8446 §4.1 to §4.4.2): written as the conversation's parameters have it,
 * bent where the step says so, and claimed for what they are.
 */
import { answerKey, type KeyPair } from "../keys.ts";
import {
  ALERT,
  EXTENSION,
  extensionBlock,
  GROUP,
  handshake,
  RETRY_RANDOM,
  SCHEME,
  u16s,
  uint,
  vector,
} from "../wire.ts";
import {
  ANSWERED_LIMIT,
  type Bend,
  CERTIFICATE_BENDS,
  CERTIFICATE_REQUEST_BENDS,
  ENCRYPTED_EXTENSIONS_BENDS,
  HELLO_BENDS,
  RETRY_BENDS,
  SERVER_HELLO_BENDS,
  SERVER_HELLO_ONLY_BENDS,
} from "./bends.ts";
import type { Claims } from "./claims.ts";
import {
  encodeCertificate,
  encodeExtensions,
  encodeHello,
  encodeServerHello,
  type HelloDraft,
  type ServerDraft,
  unchanging,
} from "./drafts.ts";
import type { Random } from "./random.ts";
import { type Conversation, MESSAGES, type MessageContent } from "./steps.ts";
import type { Identity } from "./world.ts";

/** What the messages are made from: a connection of the peer's, as session.ts keeps it. */
export interface Session {
  readonly conversation: Conversation;
  readonly claims: Claims;
  readonly generator: Random;
  readonly identity: Identity;
  readonly random: Buffer;
  /** The group that a HelloRetryRequest asked for; 0: none came. */
  readonly askedFor: number;
  /** What the door's last ClientHello said. */
  readonly doorHello: { sessionId: Buffer; shares: Map<number, Buffer>; extensions: number[] } | undefined;
  /** A client's key pair for `group`, the same for the whole connection. */
  pair(group: number): KeyPair;
}

/** A ClientHello: the first, or the second once a HelloRetryRequest has come. */
export function makeClientHello(session: Session, { bend }: MessageContent): Buffer {
  const { conversation } = session;
  const share = (group: number): [number, Uint8Array] => [group, session.pair(group).publicKey];
  // Before HelloRetryRequest there is no share where one is to be asked for; after it the one that was asked for.
  const { retry, group, role } = conversation;
  const shared = session.askedFor !== 0 ? session.askedFor : retry === "none" || role === "server" ? group : 0;
  const draft: HelloDraft = {
    round: session.askedFor === 0 ? 1 : 2,
    legacyVersion: 0x0303,
    random: session.random,
    sessionId: Buffer.alloc(conversation.sessionId, 0x5e),
    suites: [conversation.suite],
    compression: Buffer.of(0),
    versions: [0x0304],
    groups: [group],
    schemes: [SCHEME.ecdsa, SCHEME.ed25519],
    shares: shared === 0 ? [] : [share(shared)],
    more: [],
    tail: Buffer.alloc(0),
  };
  for (const offer of conversation.offers) HELLO_BENDS[offer.name]!.apply(draft, offer.value);
  const faults = applyBend(HELLO_BENDS, draft, bend);
  const whole = encodeHello(draft);
  session.claims.note(whole, {
    faults,
    hello: {
      shares: draft.shares.map(([known]) => known),
      unchanging: unchanging(draft),
      earlyData: draft.more.some(([type]) => type === EXTENSION.earlyData),
    },
  });
  return whole;
}

export function makeServerHello(session: Session, { name, bend }: MessageContent): Buffer {
  const { conversation, doorHello } = session;
  const isRetry = name === "helloRetryRequest";
  const asksForGroup = conversation.retry === "group" || conversation.retry === "group and cookie";
  const hasCookie = isRetry && (conversation.retry === "cookie" || conversation.retry === "group and cookie");
  const answer = isRetry ? undefined : answerTo(session);
  const draft: ServerDraft = {
    legacyVersion: 0x0303,
    random: isRetry ? RETRY_RANDOM : session.generator.bytes(32),
    sessionId: doorHello?.sessionId ?? Buffer.alloc(0),
    suite: isRetry ? conversation.suite : (conversation.suiteAfterRetry ?? conversation.suite),
    compression: 0,
    version: 0x0304,
    share: undefined,
    more: [],
    tail: Buffer.alloc(0),
  };
  if (answer !== undefined) draft.share = Buffer.concat([uint(2, conversation.group), vector(2, answer.share)]);
  else if (isRetry && (asksForGroup || !hasCookie)) draft.share = uint(2, conversation.group);
  if (hasCookie) draft.more.push([EXTENSION.cookie, vector(2, Buffer.alloc(20, 0xc0))]);
  const faults = applyBend(serverBends(isRetry), draft, bend);
  const whole = encodeServerHello(draft);
  session.claims.note(whole, {
    faults,
    server: {
      isRetry,
      suite: draft.suite,
      group: draft.share === undefined ? 0 : Buffer.from(draft.share).readUInt16BE(0),
      hasCookie,
      shared: answer?.shared,
    },
  });
  return whole;
}

/** The bends of ServerHello, or of HelloRetryRequest. */
export function serverBends(isRetry: boolean): Record<string, Bend<ServerDraft>> {
  return { ...SERVER_HELLO_BENDS, ...(isRetry ? RETRY_BENDS : SERVER_HELLO_ONLY_BENDS) };
}

export function makeExtensions(session: Session, { name, bend }: MessageContent): Buffer {
  const isRequest = name === "certificateRequest";
  const draft = {
    context: isRequest ? Buffer.alloc(0) : undefined,
    extensions: isRequest
      ? ([[EXTENSION.signatureAlgorithms, vector(2, u16s(SCHEME.ecdsa, SCHEME.ed25519))]] as [number, Uint8Array][])
      : [],
    tail: Buffer.alloc(0),
  };
  const bends = isRequest ? CERTIFICATE_REQUEST_BENDS : ENCRYPTED_EXTENSIONS_BENDS;
  const applied = applyBend(bends, draft, bend);
  // A limit answers one that was offered (RFC 8449 §4).
  const isUnsolicited =
    bend?.name === ANSWERED_LIMIT && !session.doorHello?.extensions.includes(EXTENSION.recordSizeLimit);
  const faults = isUnsolicited ? [ALERT.unsupportedExtension] : applied;
  const whole = encodeExtensions(MESSAGES[isRequest ? "certificateRequest" : "encryptedExtensions"], draft);
  session.claims.note(whole, { faults });
  return whole;
}

/** A NewSessionTicket of a server that would resume (§4.6.1). */
export function makeTicket({ claims, generator }: Session): Buffer {
  const whole = handshake(
    MESSAGES.newSessionTicket,
    ...[uint(4, 7200), uint(4, generator.u32()), vector(1, Buffer.alloc(8)), vector(2, generator.bytes(40))],
    extensionBlock([]),
  );
  claims.note(whole, { faults: [] });
  return whole;
}

export function makeCertificate(session: Session, { bend }: MessageContent): Buffer {
  const { identity } = session;
  const draft = {
    context: Buffer.alloc(0),
    entries: identity.chain.map((der) => ({ der, extensions: [] })),
    tail: Buffer.alloc(0),
  };
  const faults = applyBend(CERTIFICATE_BENDS, draft, bend);
  const whole = encodeCertificate(draft);
  session.claims.note(whole, { faults, certificate: { identity, entries: draft.entries.length } });
  return whole;
}

/** A share for the door's, where the peer knows the door's; else something of that shape. */
function answerTo({ conversation: { group }, doorHello, generator }: Session): { share: Buffer; shared?: Buffer } {
  const share = doorHello?.shares.get(group);
  const random = (length: number) => generator.bytes(length);
  if (share !== undefined) return answerKey(group, share, random);
  return { share: generator.bytes(group === GROUP.x25519 ? 32 : group === GROUP.p256 ? 65 : 1120) };
}

/** Applies the bend if the message has one; what it is at fault for. */
function applyBend<D>(bends: Record<string, Bend<D>>, draft: D, bend: MessageContent["bend"]): readonly number[] {
  if (bend === undefined) return [];
  const found = bends[bend.name];
  if (found === undefined) throw new Error(`no bend is called ${bend.name}`);
  found.apply(draft, bend.value);
  return found.faults;
}
