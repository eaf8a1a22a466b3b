/** Wrong records: what the server door refuses below the handshake. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import { TrafficKeys } from "../keys.ts";
import type { Refusal } from "../refusal.ts";
import { ALERT, alert, record, TYPE } from "../wire.ts";
import { ccs, header, inFlight, raw } from "./client-words.ts";

/** The record type of heartbeat (RFC 6520 §3). */
const HEARTBEAT = 24;

export const RECORD_REFUSALS: Refusal<ClientPeer>[] = [
  ["plain text instead of TLS", Failure.PlainText, ALERT.unexpectedMessage, raw(Buffer.from("GET / HTTP/1.1\r\n\r\n"))],
  ["an SSL 2 hello", Failure.PlainText, ALERT.unexpectedMessage, raw(Buffer.from("802e0100020015", "hex"))],
  [
    "a record of an unknown type",
    Failure.RecordType,
    ALERT.unexpectedMessage,
    inFlight(raw(record(99, Buffer.alloc(1)))),
  ],
  [
    // A request that promises more than it has (RFC 6520): the record is refused by its type, before its length is looked at.
    "a heartbeat request before any key",
    Failure.PlainText,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.sendRaw(record(HEARTBEAT, Buffer.from([1, 0x40, 0]))),
  ],
  [
    "a protected heartbeat request",
    Failure.RecordType,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(HEARTBEAT, Buffer.from([1, 0x40, 0]))),
  ],
  [
    "a protected record of an unknown inner type",
    Failure.RecordType,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(99, Buffer.alloc(1))),
  ],
  [
    "a plaintext record longer than 2^14, by its header",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    raw(header(TYPE.handshake, 16385)),
  ],
  [
    "a protected record longer than 2^14 + 256, by its header",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    inFlight(raw(header(TYPE.data, 16641))),
  ],
  [
    "an inner plaintext longer than 2^14 + 1",
    Failure.RecordOverflow,
    ALERT.recordOverflow,
    inFlight(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(16000), { padding: 385 })),
  ],
  ["an empty handshake record", Failure.RecordEmpty, ALERT.unexpectedMessage, raw(header(TYPE.handshake, 0))],
  ["an empty alert record", Failure.RecordEmpty, ALERT.unexpectedMessage, raw(header(TYPE.alert, 0))],
  [
    "an empty protected handshake record with padding",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(0), { padding: 5 })),
  ],
  [
    "an empty protected alert record",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.alert, Buffer.alloc(0))),
  ],
  [
    "a protected record with one bit changed",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer, pki: { player } }) => {
      const sealed = peer.pack(TYPE.handshake, peer.certificateMessage(player.chain));
      sealed[20]! ^= 1;
      peer.sendRaw(sealed);
    }),
  ],
  [
    "a protected record sent twice",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer, pki: { player } }) => {
      const sealed = peer.pack(TYPE.handshake, peer.certificateMessage(player.chain));
      peer.sendRaw(sealed, sealed);
    }),
  ],
  [
    "a protected record with another version in its header",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer, pki: { player } }) => {
      const sealed = peer.pack(TYPE.handshake, peer.certificateMessage(player.chain));
      sealed[2] = 1;
      peer.sendRaw(sealed);
    }),
  ],
  [
    "a protected record shorter than a tag",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(raw(record(TYPE.data, Buffer.alloc(15)))),
  ],
  [
    "a record under the application key before Finished",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer }) => {
      peer.write = new TrafficKeys(peer.suite, peer.applicationSecrets.client);
      peer.sendRecord(TYPE.data, Buffer.from("hello"));
    }),
  ],
  [
    "a protected record that is all padding",
    Failure.InnerTypeMissing,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(0, Buffer.alloc(20), { bare: true })),
  ],
  [
    "a protected record that is empty",
    Failure.InnerTypeMissing,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(0, Buffer.alloc(0), { bare: true })),
  ],
  ["ChangeCipherSpec before the hello", Failure.ChangeCipherSpecInvalid, ALERT.unexpectedMessage, raw(ccs([1]))],
  [
    "ChangeCipherSpec of another value",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    inFlight(raw(ccs([2]))),
  ],
  ["an empty ChangeCipherSpec", Failure.ChangeCipherSpecInvalid, ALERT.unexpectedMessage, inFlight(raw(ccs([])))],
  [
    "ChangeCipherSpec of two bytes",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    inFlight(raw(ccs([1, 1]))),
  ],
  [
    "a protected ChangeCipherSpec",
    Failure.ChangeCipherSpecInvalid,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.ccs, Buffer.from([1]))),
  ],
  [
    "ChangeCipherSpec between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      peer.sendRecord(TYPE.handshake, peer.certificateMessage(player.chain).subarray(0, 50));
      peer.sendRaw(ccs([1]));
    }),
  ],
  ["an alert of one byte", Failure.AlertMalformed, ALERT.decodeError, raw(record(TYPE.alert, Buffer.from([2])))],
  [
    "two alerts in one record",
    Failure.AlertMalformed,
    ALERT.decodeError,
    raw(record(TYPE.alert, Buffer.concat([alert(0, 1), alert(0, 1)]))),
  ],
  [
    "application data before any key",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    raw(record(TYPE.data, Buffer.alloc(40))),
  ],
  [
    "application data under the handshake key",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRecord(TYPE.data, Buffer.from("hello"))),
  ],
  [
    "a handshake message in the clear after ServerHello",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) =>
      peer.sendRaw(record(TYPE.handshake, peer.certificateMessage(player.chain))),
    ),
  ],
  [
    "an alert in the clear after a protected record",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      peer.sendRecord(TYPE.handshake, peer.certificateMessage(player.chain));
      peer.sendRaw(record(TYPE.alert, alert(ALERT.handshakeFailure)));
    }),
  ],
];
