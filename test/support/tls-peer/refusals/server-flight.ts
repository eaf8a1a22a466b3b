/** Wrong flights of a server after ServerHello. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { TrafficKeys } from "../keys.ts";
import type { Refusal } from "../refusal.ts";
import type { ServerPeer } from "../server.ts";
import {
  ALERT,
  EXTENSION,
  extensionBlock,
  GROUP,
  handshake,
  MESSAGE,
  record,
  SCHEME,
  TYPE,
  uint,
  vector,
} from "../wire.ts";
import { afterExtensions, inFlight, share } from "./server-words.ts";

export const SERVER_FLIGHT_REFUSALS: Refusal<ServerPeer>[] = [
  [
    "a server's record that does not decrypt",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer }) => peer.sendRaw(record(TYPE.data, Buffer.alloc(40)))),
  ],
  [
    "a server's record under its own key of the other direction",
    Failure.BadRecordMac,
    ALERT.badRecordMac,
    inFlight(({ peer }) => {
      peer.write = new TrafficKeys(peer.suite, peer.handshakeSecrets.client);
      peer.send(peer.encryptedExtensions());
    }),
  ],
  [
    "a server's application data before Finished",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer }) => peer.sendRecord(TYPE.data, Buffer.from("early"))),
  ],
  [
    "a server's handshake message in the clear after ServerHello",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.sendRaw(record(TYPE.handshake, peer.encryptedExtensions()))),
  ],
  [
    "Certificate without EncryptedExtensions",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { host } }) => peer.send(peer.certificateMessage(host.chain))),
  ],
  [
    "EncryptedExtensions twice",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer }) => peer.send(peer.encryptedExtensions())),
  ],
  [
    "Finished straight after EncryptedExtensions",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer }) => peer.send(peer.finishedMessage(peer.handshakeSecrets.server))),
  ],
  [
    "NewSessionTicket before Finished",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer }) => peer.send(handshake(MESSAGE.newSessionTicket, Buffer.alloc(20)))),
  ],
  [
    "CertificateRequest after Certificate",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer, pki: { host } }) => {
      peer.send(peer.certificateMessage(host.chain));
      peer.send(peer.requestMessage());
    }),
  ],
  [
    "CertificateRequest twice",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage(), peer.requestMessage())),
  ],
  [
    "EncryptedExtensions that cannot be parsed",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer }) => peer.send(handshake(MESSAGE.encryptedExtensions, Buffer.from([0, 1, 0])))),
  ],
  [
    "key_share in EncryptedExtensions",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    inFlight(({ peer }) => peer.send(peer.encryptedExtensions([share(GROUP.x25519, Buffer.alloc(32, 9))]))),
  ],
  [
    "ALPN that we did not ask for",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight(({ peer }) =>
      peer.send(peer.encryptedExtensions([[EXTENSION.alpn, vector(2, vector(1, Buffer.from("h2")))]])),
    ),
  ],
  [
    "early_data that we did not ask for",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight(({ peer }) => peer.send(peer.encryptedExtensions([[EXTENSION.earlyData, Buffer.alloc(0)]]))),
  ],
  [
    "a CertificateRequest with a context",
    Failure.RequestContextInvalid,
    ALERT.illegalParameter,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage(undefined, Buffer.from([1])))),
  ],
  [
    "a CertificateRequest without signature_algorithms",
    Failure.MissingExtension,
    ALERT.missingExtension,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage([[0xbeef, Buffer.alloc(0)]]))),
  ],
  [
    "key_share in CertificateRequest",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage([share(GROUP.x25519, Buffer.alloc(32, 9))]))),
  ],
  [
    "a CertificateRequest with an odd list of schemes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    afterExtensions(({ peer }) =>
      peer.send(peer.requestMessage([[EXTENSION.signatureAlgorithms, vector(2, Buffer.alloc(3))]])),
    ),
  ],
  [
    "an empty Certificate of a server",
    Failure.MessageMalformed,
    ALERT.decodeError,
    afterExtensions(({ peer }) => peer.send(peer.certificateMessage([]))),
  ],
  [
    "a server's Certificate with a context",
    Failure.RequestContextInvalid,
    ALERT.illegalParameter,
    afterExtensions(({ peer, pki: { host } }) =>
      peer.send(peer.certificateMessage(host.chain, { context: uint(1, 1) })),
    ),
  ],
  [
    "a stapled OCSP response that we did not ask for",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    afterExtensions(({ peer, pki: { host } }) => {
      const entry = extensionBlock([[EXTENSION.statusRequest, Buffer.alloc(4)]]);
      peer.send(peer.certificateMessage(host.chain, { entry }));
    }),
  ],
  [
    "a server's CertificateVerify longer than any signature of ours",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    afterExtensions(({ peer, pki: { host } }) => {
      peer.send(peer.certificateMessage(host.chain));
      peer.send(handshake(MESSAGE.certificateVerify, uint(2, host.scheme), vector(2, Buffer.alloc(16_000, 0x30))));
    }),
  ],
  [
    "a server's CertificateVerify by another key",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    afterExtensions(({ peer, pki: { host, player } }) => {
      peer.send(peer.certificateMessage(host.chain));
      peer.send(peer.verifyMessage(player));
    }),
  ],
  [
    "a server's CertificateVerify in the client's context",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    afterExtensions(({ peer, pki: { host } }) => {
      peer.send(peer.certificateMessage(host.chain));
      peer.send(peer.verifyMessage(host, { role: Role.Client }));
    }),
  ],
  [
    "a server's CertificateVerify of a scheme that does not fit the key",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    afterExtensions(({ peer, pki: { host } }) => {
      peer.send(peer.certificateMessage(host.chain));
      peer.send(peer.verifyMessage(host, { scheme: SCHEME.ed25519 }));
    }),
  ],
  [
    "a client's certificate for a server",
    Failure.CertificatePurposeWrong,
    ALERT.unsupportedCertificate,
    inFlight(({ peer, pki: { player } }) => peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(player)))),
  ],
  [
    "a server of another authority",
    Failure.CertificateUnknownAuthority,
    ALERT.unknownCa,
    inFlight(({ peer, pki: { stranger } }) => peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(stranger)))),
  ],
  [
    "a server's wrong Finished",
    Failure.FinishedWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { host } }) => {
      const messages = peer.flight(host);
      messages.at(-1)![8]! ^= 0x80;
      peer.sendRecord(TYPE.handshake, Buffer.concat(messages));
    }),
  ],
  [
    "a server's Finished of no bytes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer, pki: { host } }) => {
      const messages = peer.flight(host).slice(0, -1);
      peer.sendRecord(TYPE.handshake, Buffer.concat([...messages, handshake(MESSAGE.finished)]));
    }),
  ],
  [
    "NewSessionTicket in the record of Finished",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { host } }) => {
      const ticket = handshake(MESSAGE.newSessionTicket, Buffer.alloc(20));
      peer.sendRecord(TYPE.handshake, Buffer.concat([...peer.flight(host), ticket]));
    }),
  ],
  [
    "a vault that cannot sign",
    Failure.VaultUnavailable,
    ALERT.internalError,
    inFlight(({ peer, door, pki: { host } }) => {
      door.vault.sign = () => new Uint8Array(0);
      peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(host)));
    }),
  ],
];
