/** Further mistakes of a server in its hellos and its proof, one for each sentence of RFC 8446 that names them. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Refusal } from "../refusal.ts";
import type { ServerHelloOptions, ServerPeer } from "../server.ts";
import { ALERT, EXTENSION, GROUP, handshake, MESSAGE, u16s, uint, vector } from "../wire.ts";
import { afterExtensions, hello, type Play, retry, sentinel, withoutVersion } from "./server-words.ts";

/** A ServerHello after a HelloRetryRequest that asked for P-256. */
const afterRetry =
  (options: ServerHelloOptions): Play =>
  ({ peer }) => {
    peer.retry();
    peer.send(peer.serverHello({ group: GROUP.p256, ...options }));
  };
/** A CertificateVerify of this scheme, over a good signature. */
const proofOf = (scheme: number): Play =>
  afterExtensions(({ peer, pki: { host } }) => {
    peer.send(peer.certificateMessage(host.chain));
    peer.send(peer.verifyMessage(host, { scheme }));
  });

export const RFC8446_CLIENT_DOOR_REFUSALS: Refusal<ServerPeer>[] = [
  [
    "a ServerHello whose legacy_version is SSL 3.0",
    Failure.LegacyVersionInvalid,
    ALERT.protocolVersion,
    hello({ legacyVersion: 0x0300 }),
  ],
  [
    "a later version than ours in supported_versions",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    hello({ version: 0x0305 }),
  ],
  ["TLS 1.0 in supported_versions", Failure.VersionNotOffered, ALERT.illegalParameter, hello({ version: 0x0301 })],
  [
    "a ServerHello with two key shares",
    Failure.DuplicateExtension,
    ALERT.illegalParameter,
    hello({ edit: ([version, share]) => [version!, share!, share!] }),
  ],
  [
    "a HelloRetryRequest with a suite that we did not offer",
    Failure.SuiteNotOffered,
    ALERT.illegalParameter,
    retry({ suite: 0x1304 }),
  ],
  [
    "a HelloRetryRequest with compression",
    Failure.CompressionOffered,
    ALERT.illegalParameter,
    retry({ compression: 1 }),
  ],
  [
    "a HelloRetryRequest whose legacy_version is not TLS 1.2",
    Failure.LegacyVersionInvalid,
    ALERT.protocolVersion,
    retry({ legacyVersion: 0x0304 }),
  ],
  [
    "a HelloRetryRequest without supported_versions",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    retry({ edit: (list) => list.filter(([type]) => type !== EXTENSION.supportedVersions) }),
  ],
  [
    "a HelloRetryRequest of a version that we did not offer",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    retry({ version: 0x0305 }),
  ],
  [
    "the same extension twice in a HelloRetryRequest",
    Failure.DuplicateExtension,
    ALERT.illegalParameter,
    retry({ edit: (list) => [...list, [EXTENSION.supportedVersions, uint(2, 0x0304)]] }),
  ],
  [
    "a HelloRetryRequest with supported_groups",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    retry({ edit: (list) => [...list, [EXTENSION.supportedGroups, vector(2, u16s(GROUP.p256))]] }),
  ],
  [
    "a HelloRetryRequest with pre_shared_key",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    retry({ edit: (list) => [...list, [EXTENSION.preSharedKey, uint(2, 0)]] }),
  ],
  [
    "something after HelloRetryRequest in the same record",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(peer.retryMessage(), handshake(MESSAGE.encryptedExtensions, vector(2))),
  ],
  [
    "another version after HelloRetryRequest",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    afterRetry({ version: 0x0303 }),
  ],
  [
    "a ServerHello of TLS 1.2 after HelloRetryRequest",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    ({ peer, ...scene }) => {
      peer.retry();
      withoutVersion({ group: GROUP.p256 })({ peer, ...scene });
    },
  ],
  [
    "TLS 1.2 with the sentinel of a TLS 1.3 server after HelloRetryRequest",
    Failure.DowngradeSentinel,
    ALERT.illegalParameter,
    ({ peer, ...scene }) => {
      peer.retry();
      withoutVersion({ group: GROUP.p256, random: sentinel(1) })({ peer, ...scene });
    },
  ],
  [
    "another session id after HelloRetryRequest",
    Failure.SessionIdNotEchoed,
    ALERT.illegalParameter,
    afterRetry({ sessionId: Buffer.alloc(32, 1) }),
  ],
  [
    "a CertificateVerify of a server with RSASSA-PSS, which we did not offer",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    proofOf(0x0804),
  ],
  [
    "a CertificateVerify of a server with RSASSA-PKCS1-v1_5",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    proofOf(0x0401),
  ],
  [
    "a CertificateVerify of a server with SHA-1",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    proofOf(0x0203),
  ],
  [
    "a CertificateVerify of a server over a transcript without its Certificate",
    Failure.CertificateVerifyWrong,
    ALERT.decryptError,
    afterExtensions(({ peer, pki: { host } }) => {
      const hash = peer.transcriptHash();
      peer.send(peer.certificateMessage(host.chain));
      peer.send(peer.verifyMessage(host, { hash }));
    }),
  ],
];
