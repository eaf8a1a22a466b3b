/** Further mistakes of a client, one for each sentence of RFC 8446 that names them. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import { ALERT, alert, EXTENSION, GROUP, record, TYPE } from "../wire.ts";
import { afterRetry, hello, inFlight, type Play } from "./client-words.ts";

/** The first 50 bytes of a Certificate, then whatever comes between them and the rest. */
const betweenFragments = (play: Play): Play =>
  inFlight((scene) => {
    scene.peer.sendRecord(TYPE.handshake, scene.peer.certificateMessage(scene.pki.player.chain).subarray(0, 50));
    play(scene);
  });
/** A CertificateVerify of this scheme, over a good signature. */
const proofOf = (scheme: number): Play =>
  inFlight(({ peer, pki: { player } }) => {
    peer.send(peer.certificateMessage(player.chain));
    peer.send(peer.verifyMessage(player, { scheme }));
  });
const withoutVersions = (legacyVersion: number): Play =>
  hello({ legacyVersion, edit: (list) => list.filter(([type]) => type !== EXTENSION.supportedVersions) });

export const RFC8446_SERVER_DOOR_REFUSALS: Refusal<ClientPeer>[] = [
  [
    "a hello without supported_versions whose legacy_version is TLS 1.3",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    withoutVersions(0x0304),
  ],
  [
    "a hello without supported_versions whose legacy_version is TLS 1.1",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    withoutVersions(0x0302),
  ],
  [
    "a hello of another compression method",
    Failure.CompressionOffered,
    ALERT.illegalParameter,
    hello({ compression: Buffer.from([1]) }),
  ],
  [
    "a second hello with another legacy_version",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({ shares: [GROUP.x25519], legacyVersion: 0x0302 }),
  ],
  [
    "a second hello with an extension less",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    afterRetry({
      shares: [GROUP.x25519],
      edit: (list) => list.filter(([type]) => type !== EXTENSION.signatureAlgorithms),
    }),
  ],
  [
    "something after the second hello in the same record",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      peer.send(peer.hello({ shares: [] }));
      peer.readRetry();
      peer.send(peer.hello({ shares: [GROUP.x25519] }), Buffer.from([11]));
    },
  ],
  [
    "application data between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.data, Buffer.from("early"))),
  ],
  [
    "an empty handshake record between the fragments of a message",
    Failure.RecordEmpty,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.handshake, Buffer.alloc(0))),
  ],
  [
    "a hello that ends in a protected record",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      const message = peer.hello();
      peer.sendRaw(record(TYPE.handshake, message.subarray(0, 60)), record(TYPE.data, message.subarray(60)));
    },
  ],
  [
    "a CertificateVerify with RSASSA-PSS, which we did not offer",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    proofOf(0x0804),
  ],
  [
    "a CertificateVerify with RSASSA-PKCS1-v1_5",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    proofOf(0x0401),
  ],
  ["a CertificateVerify with SHA-1", Failure.CertificateVerifySchemeWrong, ALERT.illegalParameter, proofOf(0x0203)],
  [
    "early data between the fragments of the second hello",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    ({ peer }) => {
      peer.send(peer.hello({ shares: [], edit: (list) => [...list, [EXTENSION.earlyData, Buffer.alloc(0)]] }));
      peer.readRetry();
      const second = peer.hello({ shares: [GROUP.x25519] });
      peer.sendRaw(record(TYPE.handshake, second.subarray(0, 50)), record(TYPE.data, Buffer.alloc(40)));
    },
  ],
  [
    "a warning between the fragments of a message",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    betweenFragments(({ peer }) => peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1))),
  ],
];
