/**
 * What a peer can get wrong after the candy and our close_notify, when no alert can follow (RFC 8446 §6.1): the failure is in the
 * trace, and the door closes. docs/refusals.md names these too.
 */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import { TrafficKeys } from "../keys.ts";
import type { Peer } from "../peer.ts";
import type { ServerPeer } from "../server.ts";
import {
  alert,
  EXTENSION,
  type Extensions,
  extensionBlock,
  handshake,
  MESSAGE,
  record,
  TYPE,
  uint,
  vector,
} from "../wire.ts";
import { ccs, header } from "./client-words.ts";

export type AfterCandy<P> = [name: string, failure: Failure, play: (peer: P) => void];

export const keyUpdate = (...body: number[]): Buffer => handshake(MESSAGE.keyUpdate, Buffer.from(body));
export const ticket = (extensions: Extensions = [], identity = Buffer.alloc(40, 7)): Buffer =>
  handshake(
    MESSAGE.newSessionTicket,
    ...[uint(4, 7200), uint(4, 12345), vector(1, Buffer.alloc(8)), vector(2, identity), extensionBlock(extensions)],
  );
const say =
  (...messages: Buffer[]) =>
  (peer: Peer): void =>
    peer.sendRecord(TYPE.handshake, Buffer.concat(messages));
const raw =
  (bytes: Uint8Array) =>
  (peer: Peer): void =>
    peer.sendRaw(bytes);

/** The same in both roles. */
const BOTH: AfterCandy<Peer>[] = [
  ["a KeyUpdate of value 2", Failure.KeyUpdateInvalid, say(keyUpdate(2))],
  ["a KeyUpdate of value 255", Failure.KeyUpdateInvalid, say(keyUpdate(255))],
  ["a KeyUpdate of no bytes", Failure.MessageMalformed, say(keyUpdate())],
  ["a KeyUpdate of two bytes", Failure.MessageMalformed, say(keyUpdate(0, 0))],
  ["two KeyUpdates in one record", Failure.MessageSpansKeyChange, say(keyUpdate(0), keyUpdate(0))],
  [
    "half a message behind a KeyUpdate in its record",
    Failure.MessageSpansKeyChange,
    say(keyUpdate(1), keyUpdate(0).subarray(0, 2)),
  ],
  [
    "a record under the old key after KeyUpdate",
    Failure.BadRecordMac,
    (peer) => {
      peer.sendRecord(TYPE.handshake, keyUpdate(0));
      peer.sendRecord(TYPE.data, Buffer.from("old"));
    },
  ],
  [
    "a record under the new key without KeyUpdate",
    Failure.BadRecordMac,
    (peer) => {
      peer.updateWriteKey();
      peer.sendRecord(TYPE.data, Buffer.from("new"));
    },
  ],
  [
    "seventeen KeyUpdates",
    Failure.TooMuchAfterCandy,
    (peer) => {
      for (let i = 0; i < 17; i++) {
        peer.sendRecord(TYPE.handshake, keyUpdate(i & 1));
        peer.updateWriteKey();
      }
    },
  ],
  [
    "more than 64 KiB after the candy",
    Failure.TooMuchAfterCandy,
    (peer) => {
      for (let i = 0; i < 5; i++) peer.sendRecord(TYPE.data, Buffer.alloc(16000));
    },
  ],
  [
    "more than 1,024 records after the candy",
    Failure.TooMuchAfterCandy,
    (peer) => {
      for (let i = 0; i < 1025; i++) peer.sendRecord(TYPE.data, Buffer.alloc(0));
    },
  ],
  [
    "application data between the fragments of a message",
    Failure.UnexpectedContentType,
    (peer) => {
      peer.sendRecord(TYPE.handshake, keyUpdate(0).subarray(0, 3));
      peer.sendRecord(TYPE.data, Buffer.from("x"));
    },
  ],
  ["a Finished again", Failure.HandshakeAfterEnd, say(handshake(MESSAGE.finished, Buffer.alloc(32)))],
  ["a ClientHello after the candy", Failure.HandshakeAfterEnd, say(handshake(MESSAGE.clientHello, Buffer.alloc(60)))],
  ["a message of an unknown type", Failure.HandshakeAfterEnd, say(handshake(99))],
  ["ChangeCipherSpec after Finished", Failure.ChangeCipherSpecInvalid, raw(ccs([1]))],
  ["an alert in the clear", Failure.UnexpectedContentType, raw(record(TYPE.alert, alert(0, 1)))],
  ["a message in the clear", Failure.UnexpectedContentType, raw(record(TYPE.handshake, keyUpdate(0)))],
  ["a record of no type that we know", Failure.RecordType, raw(header(99, 9))],
  ["an alert of three bytes", Failure.AlertMalformed, (peer) => peer.sendRecord(TYPE.alert, Buffer.alloc(3))],
  ["a message longer than 16 KiB", Failure.MessageTooLong, say(Buffer.from([MESSAGE.newSessionTicket, 0, 0x40, 1]))],
  [
    "an inner plaintext longer than our record_size_limit",
    Failure.RecordOverflow,
    (peer) => peer.sendRecord(TYPE.data, Buffer.alloc(16000), { padding: 386 }),
  ],
];

export const AFTER_CANDY_BY_SERVER_DOOR: AfterCandy<ClientPeer>[] = [
  ...BOTH,
  ["NewSessionTicket of a client", Failure.HandshakeAfterEnd, say(ticket())],
  [
    "data under the client's handshake key",
    Failure.BadRecordMac,
    (peer) => {
      peer.write = new TrafficKeys(peer.suite, peer.handshakeSecrets.client);
      peer.sendRecord(TYPE.data, Buffer.from("late"));
    },
  ],
];

export const AFTER_CANDY_BY_CLIENT_DOOR: AfterCandy<ServerPeer>[] = [
  ...BOTH,
  [
    "a CertificateRequest after the handshake",
    Failure.HandshakeAfterEnd,
    (peer) => peer.sendRecord(TYPE.handshake, peer.requestMessage(undefined, Buffer.from([1]))),
  ],
  ["a NewSessionTicket without a ticket", Failure.MessageMalformed, say(ticket([], Buffer.alloc(0)))],
  [
    "a NewSessionTicket cut short",
    Failure.MessageMalformed,
    say(handshake(MESSAGE.newSessionTicket, ticket().subarray(4, -1))),
  ],
  [
    "a NewSessionTicket with a byte too many",
    Failure.MessageMalformed,
    say(handshake(MESSAGE.newSessionTicket, ticket().subarray(4), Buffer.alloc(1))),
  ],
  [
    "a NewSessionTicket with early_data of three bytes",
    Failure.MessageMalformed,
    say(ticket([[EXTENSION.earlyData, Buffer.alloc(3)]])),
  ],
  [
    "a NewSessionTicket with the same extension twice",
    Failure.DuplicateExtension,
    say(
      ticket([
        [0x7a7a, Buffer.alloc(0)],
        [0x7a7a, Buffer.alloc(0)],
      ]),
    ),
  ],
  [
    "a NewSessionTicket with key_share",
    Failure.ExtensionNotAllowedHere,
    say(ticket([[EXTENSION.keyShare, Buffer.alloc(2)]])),
  ],
];
