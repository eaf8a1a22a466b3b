/** Wrong ClientHellos, and what the server door answers. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import {
  ALERT,
  EXTENSION,
  GROUP,
  handshake,
  MESSAGE,
  ML_KEM,
  record,
  SCHEME,
  TYPE,
  u16s,
  uint,
  vector,
} from "../wire.ts";
import { hello, helloAnd, helloWith, helloWithout, hybridShare, keyShares, PSK, raw } from "./client-words.ts";

export const CLIENT_HELLO_REFUSALS: Refusal<ClientPeer>[] = [
  [
    "a message longer than 16 KiB, by its header",
    Failure.MessageTooLong,
    ALERT.decodeError,
    raw(record(TYPE.handshake, Buffer.concat([Buffer.from([MESSAGE.clientHello]), uint(3, 16385)]))),
  ],
  [
    "a hello with a byte too many",
    Failure.MessageMalformed,
    ALERT.decodeError,
    ({ peer }) => peer.send(handshake(MESSAGE.clientHello, peer.hello().subarray(4), Buffer.from([0]))),
  ],
  [
    "a hello with a byte too few",
    Failure.MessageMalformed,
    ALERT.decodeError,
    ({ peer }) => peer.send(handshake(MESSAGE.clientHello, peer.hello().subarray(4, -1))),
  ],
  ["a session id of 33 bytes", Failure.MessageMalformed, ALERT.decodeError, hello({ sessionId: Buffer.alloc(33) })],
  ["no cipher suites", Failure.MessageMalformed, ALERT.decodeError, hello({ suites: [] })],
  ["no compression methods", Failure.MessageMalformed, ALERT.decodeError, hello({ compression: Buffer.alloc(0) })],
  [
    "an odd list of groups",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloWith(EXTENSION.supportedGroups, vector(2, Buffer.from([0, 29, 0]))),
  ],
  [
    "an empty list of signature schemes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloWith(EXTENSION.signatureAlgorithms, vector(2)),
  ],
  [
    "an extension with a byte after its list",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloWith(EXTENSION.supportedVersions, Buffer.from([2, 3, 4, 0])),
  ],
  [
    "a key share cut short",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloWith(EXTENSION.keyShare, vector(2, Buffer.from([0, 29, 0, 32, 1]))),
  ],
  [
    "a key share of no bytes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloWith(EXTENSION.keyShare, vector(2, Buffer.from([0, 29, 0, 0]))),
  ],
  [
    "an empty server_name list",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.serverName, vector(2)]),
  ],
  [
    "an empty ALPN protocol",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.alpn, vector(2, Buffer.from([0, 0]))]),
  ],
  ["an empty cookie", Failure.MessageMalformed, ALERT.decodeError, helloAnd([EXTENSION.cookie, vector(2)])],
  [
    "early_data with contents",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.earlyData, Buffer.from([0])]),
  ],
  [
    "a pre_shared_key without binders",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.preSharedKey, PSK.subarray(0, 24)]),
  ],
  [
    "something after the hello in the same record",
    Failure.MessageSpansKeyChange,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(peer.hello(), Buffer.from([MESSAGE.certificate])),
  ],
  [
    "another message instead of the hello",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(handshake(MESSAGE.serverHello, peer.hello().subarray(4))),
  ],
  [
    "a HelloRequest of an older TLS",
    Failure.UnexpectedMessage,
    ALERT.unexpectedMessage,
    ({ peer }) => peer.send(handshake(0)),
  ],
  [
    "the same extension twice",
    Failure.DuplicateExtension,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.supportedGroups, vector(2, u16s(GROUP.x25519))]),
  ],
  [
    "an unknown extension twice",
    Failure.DuplicateExtension,
    ALERT.illegalParameter,
    helloAnd([0xbeef, Buffer.alloc(1)], [0xbeef, Buffer.alloc(2)]),
  ],
  [
    "an extension that has no place in a hello",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.oidFilters, vector(2)]),
  ],
  [
    "a cookie that we never sent",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    helloAnd([EXTENSION.cookie, vector(2, Buffer.alloc(8))]),
  ],
  ["no supported_groups", Failure.MissingExtension, ALERT.missingExtension, helloWithout(EXTENSION.supportedGroups)],
  ["no key_share", Failure.MissingExtension, ALERT.missingExtension, helloWithout(EXTENSION.keyShare)],
  [
    "no signature_algorithms",
    Failure.MissingExtension,
    ALERT.missingExtension,
    helloWithout(EXTENSION.signatureAlgorithms),
  ],
  [
    "pre_shared_key without psk_key_exchange_modes",
    Failure.MissingExtension,
    ALERT.missingExtension,
    helloAnd([EXTENSION.preSharedKey, PSK]),
  ],
  [
    "pre_shared_key that is not last",
    Failure.PskNotLast,
    ALERT.illegalParameter,
    helloAnd([EXTENSION.pskModes, Buffer.from([1, 1])], [EXTENSION.preSharedKey, PSK], [0xbeef, Buffer.alloc(0)]),
  ],
  [
    "an X25519 share of 31 bytes",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    keyShares([GROUP.x25519, Buffer.alloc(31, 9)]),
  ],
  [
    "an X25519 share of small order",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    keyShares([GROUP.x25519, Buffer.alloc(32)]),
  ],
  [
    "a P-256 share that is not on the curve",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    keyShares([GROUP.p256, Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)])]),
  ],
  [
    "a compressed P-256 share",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    ({ peer, ...scene }) =>
      keyShares([GROUP.p256, Buffer.concat([Buffer.from([2]), peer.pair(GROUP.p256).publicKey.subarray(1, 33)])])({
        peer,
        ...scene,
      }),
  ],
  [
    "a P-256 share in the hybrid form",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    ({ peer, ...scene }) =>
      keyShares([GROUP.p256, Buffer.concat([Buffer.from([6]), peer.pair(GROUP.p256).publicKey.subarray(1)])])({
        peer,
        ...scene,
      }),
  ],
  [
    "an X25519MLKEM768 share that is a byte short",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => share.subarray(0, -1)),
  ],
  [
    "an X25519MLKEM768 share that is a byte long",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => Buffer.concat([share, Buffer.alloc(1)])),
  ],
  [
    "an X25519MLKEM768 share of the ML-KEM key alone",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => share.subarray(0, ML_KEM.key)),
  ],
  [
    "an X25519MLKEM768 share with a first coefficient of 3329",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => {
      share.writeUInt16LE((share.readUInt16LE(0) & 0xf000) | 3329, 0);
      return share;
    }),
  ],
  [
    "an X25519MLKEM768 share with a last coefficient of 4095",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => {
      share.writeUInt16LE(share.readUInt16LE(1150) | 0xfff0, 1150);
      return share;
    }),
  ],
  [
    "an X25519MLKEM768 share whose X25519 part is of small order",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    hybridShare((share) => share.fill(0, ML_KEM.key)),
  ],
  [
    "an X25519MLKEM768 share with its parts exchanged",
    Failure.KeyShareInvalid,
    ALERT.illegalParameter,
    // Read as a key, the misplaced bytes are 768 random coefficients: not all of them are below 3329.
    hybridShare((share) => Buffer.concat([share.subarray(ML_KEM.key), share.subarray(0, ML_KEM.key)])),
  ],
  [
    "a share for a group that is not in supported_groups",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    hello({ groups: [GROUP.x25519], shares: [GROUP.x25519, GROUP.p256] }),
  ],
  [
    "two shares for one group",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    hello({ groups: [GROUP.x25519], shares: [GROUP.x25519, GROUP.x25519] }),
  ],
  ["legacy_version SSL 3.0", Failure.LegacyVersionInvalid, ALERT.protocolVersion, hello({ legacyVersion: 0x0300 })],
  [
    "compression offered beside none",
    Failure.CompressionOffered,
    ALERT.illegalParameter,
    hello({ compression: Buffer.from([1, 0]) }),
  ],
  [
    "compression offered alone",
    Failure.CompressionOffered,
    ALERT.illegalParameter,
    hello({ compression: Buffer.from([1]) }),
  ],
  ["a hello of TLS 1.2", Failure.NoCommonVersion, ALERT.protocolVersion, helloWithout(EXTENSION.supportedVersions)],
  [
    "a hello of TLS 1.2 without extensions",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    ({ peer }) => {
      const whole = peer.hello({ edit: () => [] });
      peer.send(handshake(MESSAGE.clientHello, whole.subarray(4, -2)));
    },
  ],
  [
    "supported_versions without TLS 1.3",
    Failure.NoCommonVersion,
    ALERT.protocolVersion,
    hello({ versions: [0x0303, 0x0305, 0x7f1c] }),
  ],
  ["no suite of ours", Failure.NoCommonSuite, ALERT.handshakeFailure, hello({ suites: [0x1304, 0xc02b] })],
  ["no group of ours", Failure.NoCommonGroup, ALERT.handshakeFailure, hello({ groups: [GROUP.p521, 30], shares: [] })],
  [
    "no signature scheme of our certificate",
    Failure.NoCommonSignature,
    ALERT.handshakeFailure,
    hello({ signatureSchemes: [SCHEME.ed25519, SCHEME.rsaPss] }),
  ],
];
