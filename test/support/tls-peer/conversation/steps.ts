/**
 * What a generated conversation is: parameters, and a list of steps that the peer takes one after the other. A step sends one thing: a
 * handshake message, a record of another kind, or an end. How it is sent (key, cuts, padding, damage) is the step's; what is right is
 * nobody's business here: {@link validConversation} makes a handshake as RFC 8446 has it, mutations bend it, and the model judges.
 */
import { GROUP, MESSAGE, TYPE } from "../wire.ts";
import type { Random } from "./random.ts";
import { PINATA_KINDS, type PinataKind, type World } from "./world.ts";

/** The role of the peer; the door has the other one. */
export type PeerRole = "client" | "server";

/** Every message that a peer can be made to send, whatever its role; the last is of a type that nobody has given a meaning. */
export const MESSAGES = {
  clientHello: MESSAGE.clientHello,
  helloRetryRequest: MESSAGE.serverHello,
  serverHello: MESSAGE.serverHello,
  encryptedExtensions: MESSAGE.encryptedExtensions,
  certificateRequest: MESSAGE.certificateRequest,
  certificate: MESSAGE.certificate,
  certificateVerify: MESSAGE.certificateVerify,
  finished: MESSAGE.finished,
  newSessionTicket: MESSAGE.newSessionTicket,
  endOfEarlyData: MESSAGE.endOfEarlyData,
  keyUpdate: MESSAGE.keyUpdate,
  messageHash: MESSAGE.messageHash,
  helloRequest: 0,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  unknown: 77,
} as const;
export type MessageName = keyof typeof MESSAGES;
export const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[];

/** Which keys protect a record: the ones in force, none, or ones that are wrong at this place. */
export type KeyChoice = "own" | "clear" | "handshake" | "application" | "other direction" | "earlier connection";

/** What becomes of a message: it is sent and belongs to the peer's transcript, or only one of both. */
export type Noted = "sent and noted" | "noted, not sent" | "sent, not noted";

export interface MessageContent {
  is: "message";
  name: MessageName;
  noted: Noted;
  /** How the message is made wrong, or right in an unusual way: a name of bends.ts, with a number that it may use. */
  bend?: { name: string; value: number };
  /** Not part of the handshake as planned: no keys change with it. */
  extra?: true;
  /** Bits to flip, cuts and edits on the way, after the peer has noted the message; fractions of its length. */
  damage?: { how: "flip" | "length" | "truncate" | "append"; where: number; value: number };
}

export interface RecordContent {
  is: "record";
  type: number;
  content: Uint8Array;
}

export type Content =
  | MessageContent
  | RecordContent
  /** Any bytes beside all records. */
  | { is: "bytes"; bytes: Uint8Array }
  /** One of the door's own messages, sent back to it. */
  | { is: "reflection"; value: number }
  /** The last record once more, as it was. */
  | { is: "replay" }
  /** The peer has sent its last byte. */
  | { is: "fin" };

export interface Step {
  content: Content;
  key: KeyChoice;
  /** Zero bytes after the content, where the record is protected. */
  padding: number;
  /** Where the content is cut into records: fractions of its length. */
  cuts: number[];
  /** A record between the first two of those, in the clear or under the same keys. */
  between?: { type: number; content: Uint8Array };
  /** Whether the next step's message goes into the same record. */
  together: boolean;
  /** Whether its bytes wait for those of the next step. */
  held: boolean;
  /** Of the record's header. */
  version: number;
  /** Numbers of records that were never sent: sequence numbers to skip. */
  skipped: number;
  /** What happens to the record's bytes on the way: a flipped bit, another length in the header, a missing end. */
  damage?: { how: "flip" | "length" | "truncate"; where: number; value: number };
}

export interface Conversation {
  seed: number;
  number: number;
  role: PeerRole;
  pinata: PinataKind;
  suite: number;
  /** In ServerHello, where that is another one than in HelloRetryRequest. */
  suiteAfterRetry?: number;
  group: number;
  /** HelloRetryRequest: none, for a share of `group`, with a cookie only, or both. The last two are a server's to send. */
  retry: "none" | "group" | "cookie" | "group and cookie";
  /** The name of the identity in the world. */
  identity: string;
  /** What the peer's hellos offer beside what is needed: names of bends.ts that change nothing. */
  offers: { name: string; value: number }[];
  sessionId: number;
  /** Whether a server asks for the door's certificate. */
  asks: boolean;
  /** Bytes for the door at once. */
  piece: number;
  steps: Step[];
}

/** A step that sends something in the ordinary way. */
export function step(content: Content, rest: Partial<Step> = {}): Step {
  return {
    content,
    key: "own",
    padding: 0,
    cuts: [],
    together: false,
    held: false,
    version: 0x0303,
    skipped: 0,
    ...rest,
  };
}

export function message(name: MessageName, rest: Partial<MessageContent> = {}): MessageContent {
  return { is: "message", name, noted: "sent and noted", ...rest };
}

export function changeCipherSpec(): Step {
  return step({ is: "record", type: TYPE.ccs, content: Uint8Array.of(1) }, { key: "clear" });
}

/** A handshake without any fault, its parameters drawn from `random`. */
export function validConversation(seed: number, number: number, random: Random, world: World): Conversation {
  const role: PeerRole = random.chance(0.55) ? "client" : "server";
  const group = random.pick([GROUP.x25519, GROUP.x25519, GROUP.p256, GROUP.p256, GROUP.hybrid]);
  const asks = role === "server" && random.chance(0.85);
  return {
    ...{ seed, number, role, group, asks },
    pinata: random.pick(PINATA_KINDS),
    suite: random.pick([0x1301, 0x1302, 0x1303]),
    retry: retryFor(role, group, random),
    identity: random.pick(world.trusted[role]).name,
    offers: [],
    sessionId: 32,
    piece: 1 << 16,
    steps: [],
  };
}

/** The steps of the valid handshake that the parameters describe. */
export function planSteps(conversation: Conversation): void {
  const names: MessageName[] =
    conversation.role === "client"
      ? ["clientHello", ...(conversation.retry === "none" ? [] : (["clientHello"] as const))]
      : [
          ...(conversation.retry === "none" ? [] : (["helloRetryRequest"] as const)),
          ...(["serverHello", "encryptedExtensions"] as const),
          ...(conversation.asks ? (["certificateRequest"] as const) : []),
        ];
  const plan: MessageName[] = [...names, "certificate", "certificateVerify", "finished"];
  conversation.steps = plan.map((name) => step(message(name)));
}

/** The door as client has shares for x25519 and the hybrid only, so a server that wants P-256 has to ask. */
function retryFor(role: PeerRole, group: number, random: Random): Conversation["retry"] {
  if (role === "client") return random.chance(0.3) ? "group" : "none";
  if (group === GROUP.p256) return random.pick(["group", "group and cookie"] as const);
  return random.chance(0.2) ? "cookie" : "none";
}

/** The indices of the steps that send one of `names`; without names, of those that send a message. */
export function stepsOf({ steps }: Conversation, ...names: MessageName[]): number[] {
  return steps.flatMap(({ content }, index) =>
    content.is === "message" && (names.length === 0 || names.includes(content.name)) ? [index] : [],
  );
}
