/** Wrong second flights of a client. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import { ALERT, EXTENSION, extensionBlock, handshake, MESSAGE, SCHEME, TYPE, u16s, uint, vector } from "../wire.ts";
import { inFlight } from "./client-words.ts";

export const CLIENT_FLIGHT_REFUSALS: Refusal<ClientPeer>[] = [
  [
    "an empty Certificate",
    Failure.CertificateMissing,
    ALERT.certificateRequired,
    inFlight(({ peer }) => peer.send(peer.certificateMessage([]), peer.finished())),
  ],
  [
    "Finished instead of Certificate",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.send(peer.finished())),
  ],
  [
    "CertificateVerify instead of Certificate",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => peer.send(peer.verifyMessage(player))),
  ],
  [
    "Certificate and Finished without CertificateVerify",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.finished());
    }),
  ],
  [
    "Certificate twice",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      const message = peer.certificateMessage(player.chain);
      peer.send(message, message);
    }),
  ],
  [
    "CertificateVerify twice",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player));
      peer.send(peer.verifyMessage(player));
    }),
  ],
  [
    "EndOfEarlyData",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.send(handshake(MESSAGE.endOfEarlyData))),
  ],
  [
    "KeyUpdate before Finished",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.send(handshake(MESSAGE.keyUpdate, Buffer.from([1])))),
  ],
  [
    "a second ClientHello without HelloRetryRequest",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    inFlight(({ peer }) => peer.send(peer.hello())),
  ],
  [
    "a Certificate with a context",
    Failure.RequestContextInvalid,
    ALERT.illegalParameter,
    inFlight(({ peer, pki: { player } }) => peer.send(peer.certificateMessage(player.chain, { context: uint(1, 7) }))),
  ],
  [
    "a Certificate cut short",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer, pki: { player } }) =>
      peer.send(handshake(MESSAGE.certificate, peer.certificateMessage(player.chain).subarray(4, -1))),
    ),
  ],
  [
    "a Certificate with an entry of no bytes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer }) => peer.send(peer.certificateMessage([Buffer.alloc(0)]))),
  ],
  [
    "a Certificate with an extension that we know from elsewhere",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    inFlight(({ peer, pki: { player } }) => {
      const entry = extensionBlock([[EXTENSION.signatureAlgorithms, vector(2, u16s(SCHEME.ecdsa))]]);
      peer.send(peer.certificateMessage(player.chain, { entry }));
    }),
  ],
  [
    "a Certificate with an extension that we did not ask for",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight(({ peer, pki: { player } }) => {
      const entry = extensionBlock([[EXTENSION.statusRequest, Buffer.alloc(4)]]);
      peer.send(peer.certificateMessage(player.chain, { entry }));
    }),
  ],
  [
    "five certificates",
    Failure.CertificatePathTooLong,
    ALERT.unknownCa,
    inFlight(({ peer, pki: { player } }) =>
      peer.send(peer.certificateMessage([1, 2, 3, 4, 5].flatMap(() => player.chain))),
    ),
  ],
  [
    "a CertificateVerify cut short",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(handshake(MESSAGE.certificateVerify, peer.verifyMessage(player).subarray(4, -1)));
    }),
  ],
  [
    "a CertificateVerify longer than any signature of ours",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(handshake(MESSAGE.certificateVerify, uint(2, player.scheme), vector(2, Buffer.alloc(16_000, 0x30))));
    }),
  ],
  [
    "a CertificateVerify by another key",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player, stranger } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(stranger));
    }),
  ],
  [
    "a CertificateVerify in the server's context",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player, { role: Role.Server }));
    }),
  ],
  [
    "a CertificateVerify over another transcript",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player, { hash: Buffer.alloc(32) }));
    }),
  ],
  [
    "a CertificateVerify of a scheme that does not fit the key",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player, { scheme: SCHEME.ed25519 }));
    }),
  ],
  [
    "a certificate of another authority",
    Failure.CertificateUnknownAuthority,
    ALERT.unknownCa,
    inFlight(({ peer, pki: { stranger } }) => peer.authenticate(stranger)),
  ],
  [
    "a server's certificate for a client",
    Failure.CertificatePurposeWrong,
    ALERT.unsupportedCertificate,
    inFlight(({ peer, pki: { host } }) => peer.authenticate(host)),
  ],
  [
    "something that is no certificate",
    Failure.CertificateMalformed,
    ALERT.badCertificate,
    inFlight(({ peer, pki: { player } }) => peer.authenticate({ ...player, chain: [Buffer.from("garbage")] })),
  ],
  [
    "a wrong Finished",
    Failure.FinishedWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player } }) => {
      const [certificate, proof, finished] = peer.authentication(player);
      finished[10]! ^= 1;
      peer.sendRecord(TYPE.handshake, Buffer.concat([certificate, proof, finished]));
    }),
  ],
  [
    "the server's own Finished sent back",
    Failure.FinishedWrong,
    ALERT.decryptError,
    inFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player));
      peer.send(peer.finishedMessage(peer.handshakeSecrets.server));
    }),
  ],
  [
    "a Finished of another length",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer, pki: { player } }) => {
      const [certificate, proof, finished] = peer.authentication(player);
      const short = handshake(MESSAGE.finished, finished.subarray(4, -1));
      peer.sendRecord(TYPE.handshake, Buffer.concat([certificate, proof, short]));
    }),
  ],
  [
    "something after Finished in the same record",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    inFlight(({ peer, pki: { player } }) => {
      const update = handshake(MESSAGE.keyUpdate, Buffer.from([0]));
      peer.sendRecord(TYPE.handshake, Buffer.concat([...peer.authentication(player), update]));
    }),
  ],
];
