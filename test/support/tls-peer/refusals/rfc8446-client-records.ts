/** Wrong records of a server: what the client door refuses below the handshake (RFC 8446 §5). */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Refusal } from "../refusal.ts";
import type { ServerPeer } from "../server.ts";
import { ALERT, alert, handshake, MESSAGE, record, TYPE, uint } from "../wire.ts";
import { ccs, header } from "./client-words.ts";
import { afterExtensions, inFlight, type Play } from "./server-words.ts";

const raw =
  (...parts: Uint8Array[]): Play =>
  ({ peer }) =>
    peer.sendRaw(...parts);
/** The first 50 bytes of a Certificate, then whatever comes between them and the rest. */
const betweenFragments = (play: Play): Play =>
  afterExtensions((scene) => {
    scene.peer.sendRecord(TYPE.handshake, scene.peer.certificateMessage(scene.pki.host.chain).subarray(0, 50));
    play(scene);
  });

export const RFC8446_CLIENT_RECORD_REFUSALS: Refusal<ServerPeer>[] = [
  [
    "a server's record of an unknown type",
    Failure.RecordType,
    ALERT.unexpectedMessage,
    inFlight(raw(record(99, Buffer.alloc(1)))),
  ],
  [
    "a server's protected record of an unknown inner type",
    Failure.RecordType,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(99, Buffer.alloc(1))),
  ],
  [
    "a server's plaintext record longer than 2^14, by its header",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    raw(header(TYPE.handshake, 16385)),
  ],
  [
    "a server's protected record longer than 2^14 + 256, by its header",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    inFlight(raw(header(TYPE.data, 16641))),
  ],
  [
    "a server's inner plaintext longer than 2^14 + 1",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    inFlight(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(16000), { padding: 385 })),
  ],
  [
    "a server's message longer than 16 KiB, by its header",
    Failure.MessageTooLong,
    ALERT.decodeError,
    inFlight(({ peer }) =>
      peer.sendRecord(TYPE.handshake, Buffer.concat([Buffer.from([MESSAGE.encryptedExtensions]), uint(3, 16385)])),
    ),
  ],
  ["a server's empty handshake record", Failure.RecordEmpty, ALERT.unexpectedMessage, raw(header(TYPE.handshake, 0))],
  ["a server's empty alert record", Failure.RecordEmpty, ALERT.unexpectedMessage, raw(header(TYPE.alert, 0))],
  [
    "a server's empty protected handshake record with padding",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(0), { padding: 5 })),
  ],
  [
    "a server's empty protected alert record",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.alert, Buffer.alloc(0))),
  ],
  [
    "a server's protected record that is all padding",
    Failure.InnerTypeMissing,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(0, Buffer.alloc(20), { bare: true })),
  ],
  [
    "a server's protected record that is empty",
    Failure.InnerTypeMissing,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(0, Buffer.alloc(0), { bare: true })),
  ],
  [
    "a server's protected record shorter than a tag",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(raw(record(TYPE.data, Buffer.alloc(15)))),
  ],
  [
    "a server's protected record sent twice",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer }) => {
      const sealed = peer.pack(TYPE.handshake, peer.encryptedExtensions());
      peer.sendRaw(sealed, sealed);
    }),
  ],
  [
    "a server's protected record with another version in its header",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer }) => {
      const sealed = peer.pack(TYPE.handshake, peer.encryptedExtensions());
      sealed[2] = 1;
      peer.sendRaw(sealed);
    }),
  ],
  [
    "a server's ChangeCipherSpec of another value",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    raw(ccs([2])),
  ],
  ["a server's empty ChangeCipherSpec", Failure.ChangeCipherSpecInvalid, ALERT.unexpectedMessage, raw(ccs([]))],
  [
    "a server's ChangeCipherSpec of two bytes",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    inFlight(raw(ccs([1, 1]))),
  ],
  [
    "a server's protected ChangeCipherSpec",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.ccs, Buffer.from([1]))),
  ],
  [
    "a server's ChangeCipherSpec between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    betweenFragments(raw(ccs([1]))),
  ],
  [
    "a server's application data between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.data, Buffer.from("early"))),
  ],
  [
    "a server's empty handshake record between the fragments of a message",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(0))),
  ],
  [
    "a server's alert of one byte",
    Failure.AlertMalformed,
    ALERT.decodeError,
    raw(record(TYPE.alert, Buffer.from([2]))),
  ],
  [
    "two alerts of a server in one record",
    Failure.AlertMalformed,
    ALERT.decodeError,
    inFlight(({ peer }) => peer.sendRecord(TYPE.alert, Buffer.concat([alert(90, 1), alert(0, 1)]))),
  ],
  [
    "a server's alert in the clear after a protected record",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    afterExtensions(raw(record(TYPE.alert, alert(ALERT.handshakeFailure)))),
  ],
  [
    "a ServerHello that ends in a protected record",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      const message = peer.note(peer.serverHello());
      peer.sendRaw(record(TYPE.handshake, message.subarray(0, 60)));
      peer.takeHandshakeKeys();
      const rest = peer.pack(TYPE.handshake, message.subarray(60));
      // The door has no key yet, so what it says is in the clear.
      peer.read = undefined;
      peer.sendRaw(rest);
    },
  ],
  [
    "EncryptedExtensions that begin in the record of ServerHello",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(peer.serverHello(), handshake(MESSAGE.encryptedExtensions).subarray(0, 1)),
  ],
  [
    "a server's warning between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1))),
  ],
];
