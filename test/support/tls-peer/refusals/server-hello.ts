/** Wrong ServerHellos, and what the client door answers. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Refusal } from "../refusal.ts";
import type { ServerPeer } from "../server.ts";
import { ALERT, EXTENSION, GROUP, handshake, MESSAGE, ML_KEM, record, TYPE, u16s, uint, vector } from "../wire.ts";
import { hello, helloAnd, helloWithout, hybridAnswer, sentinel, withoutVersion, withShare } from "./server-words.ts";

export const SERVER_HELLO_REFUSALS: Refusal<ServerPeer>[] = [
  [
    "plain text instead of ServerHello",
    Failure.PlainText,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.sendRaw(Buffer.from("220 mail.example\r\n")),
  ],
  [
    "a ServerHello with a byte too many",
    Failure.MessageMalformed,
    ALERT.decodeError,
    hello({}, (message) => handshake(MESSAGE.serverHello, message.subarray(4), Buffer.from([0]))),
  ],
  [
    "a ServerHello with a byte too few",
    Failure.MessageMalformed,
    ALERT.decodeError,
    hello({}, (message) => handshake(MESSAGE.serverHello, message.subarray(4, -1))),
  ],
  [
    "an empty ServerHello",
    Failure.MessageMalformed,
    ALERT.decodeError,
    hello({}, () => handshake(MESSAGE.serverHello)),
  ],
  [
    "a ServerHello with a key share of no bytes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    withShare(GROUP.x25519, Buffer.alloc(0)),
  ],
  [
    "EncryptedExtensions in the clear after ServerHello",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(peer.serverHello(), peer.encryptedExtensions()),
  ],
  [
    "a ClientHello as answer",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    hello({}, (message) => handshake(MESSAGE.clientHello, message.subarray(4))),
  ],
  [
    "the same extension twice in ServerHello",
    Failure.DuplicateExtension,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.supportedVersions, uint(2, 0x0304)]),
  ],
  [
    "supported_groups in ServerHello",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.supportedGroups, vector(2, u16s(29))]),
  ],
  [
    "an unknown extension in ServerHello",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    helloAnd([0xbeef, Buffer.alloc(0)]),
  ],
  [
    "pre_shared_key that we did not offer",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    helloAnd([EXTENSION.preSharedKey, uint(2, 0)]),
  ],
  [
    "a cookie in ServerHello",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.cookie, vector(2, Buffer.alloc(4))]),
  ],
  [
    "a ServerHello without key_share",
    Failure.MissingExtension,
    ALERT.missingExtension,
    helloWithout(EXTENSION.keyShare),
  ],
  ["a ServerHello of TLS 1.2", Failure.NoCommonVersion, ALERT.protocolVersion, withoutVersion()],
  [
    "a ServerHello of TLS 1.2 with its usual extensions",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    hello({
      suite: 0x1301,
      edit: () => [
        [0xff01, Buffer.from([0])],
        [0x0017, Buffer.alloc(0)],
      ],
    }),
  ],
  [
    "a ServerHello without extensions",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    hello({ edit: () => [] }, (message) => handshake(MESSAGE.serverHello, message.subarray(4, -2))),
  ],
  [
    "TLS 1.2 with the sentinel of a TLS 1.3 server",
    Failure.DowngradeSentinel,
    ALERT.illegalParameter,
    withoutVersion({ random: sentinel(1) }),
  ],
  [
    "TLS 1.1 with the sentinel of a TLS 1.3 server",
    Failure.DowngradeSentinel,
    ALERT.illegalParameter,
    withoutVersion({ random: sentinel(0), legacyVersion: 0x0302 }),
  ],
  [
    "a version that we did not offer in supported_versions",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    hello({ version: 0x0303 }),
  ],
  [
    "a legacy_version that is not TLS 1.2",
    Failure.LegacyVersionInvalid,
    ALERT.protocolVersion,
    hello({ legacyVersion: 0x0304 }),
  ],
  ["another session id", Failure.SessionIdNotEchoed, ALERT.illegalParameter, hello({ sessionId: Buffer.alloc(32, 1) })],
  ["no session id", Failure.SessionIdNotEchoed, ALERT.illegalParameter, hello({ sessionId: Buffer.alloc(0) })],
  [
    "a suite that we did not offer",
    Failure.SuiteNotOffered,
    ALERT.illegalParameter,
    hello({}, (message) => {
      const bent = Buffer.from(message);
      bent.writeUInt16BE(0x1304, 4 + 2 + 32 + 33);
      return bent;
    }),
  ],
  ["compression", Failure.CompressionOffered, ALERT.illegalParameter, hello({ compression: 1 })],
  [
    "a key share for a group that we sent none for",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    withShare(GROUP.p256, Buffer.alloc(65, 4)),
  ],
  [
    "a server's X25519 share of small order",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    withShare(GROUP.x25519, Buffer.alloc(32)),
  ],
  [
    "a server's X25519 share of 33 bytes",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    withShare(GROUP.x25519, Buffer.alloc(33, 9)),
  ],
  [
    "a server's X25519MLKEM768 share that is a byte short",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridAnswer((share) => share.subarray(0, -1)),
  ],
  [
    "a server's X25519MLKEM768 share that is a byte long",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridAnswer((share) => Buffer.concat([share, Buffer.alloc(1)])),
  ],
  [
    "a server's X25519MLKEM768 share as long as a client's",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridAnswer((share) => Buffer.concat([share, Buffer.alloc(ML_KEM.key - ML_KEM.ciphertext, 9)])),
  ],
  [
    "a server's X25519MLKEM768 share whose X25519 part is of small order",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridAnswer((share) => share.fill(0, ML_KEM.ciphertext)),
  ],
  [
    "a server's X25519 share under the name X25519MLKEM768",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridAnswer((share) => share.subarray(ML_KEM.ciphertext)),
  ],
  [
    "protected records before ServerHello",
    Failure.UnexpectedContentType,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.sendRaw(record(TYPE.data, Buffer.alloc(40))),
  ],
];
