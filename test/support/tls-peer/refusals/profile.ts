/**
 * What a peer can get wrong in the smaller extensions of the profile: certificate_authorities (RFC 8446 §4.2.4) and
 * record_size_limit (RFC 8449 §4), and in choosing ecdsa_secp384r1_sha384, which we take, for another key.
 */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal } from "../refusal.ts";
import type { ServerPeer } from "../server.ts";
import { ALERT, EXTENSION, type Extensions, extensionBlock, SCHEME, TYPE, uint, vector } from "../wire.ts";
import { helloAnd, inFlight as inClientFlight } from "./client-words.ts";
import { afterExtensions, inFlight, helloAnd as serverHelloAnd } from "./server-words.ts";

const limit = (value: number): Extensions[number] => [EXTENSION.recordSizeLimit, uint(2, value)];
const authorities = (...names: Uint8Array[]): Extensions[number] => [
  EXTENSION.authorities,
  vector(2, ...names.map((name) => vector(2, name))),
];
/** C=XX, as DER. */
const NAME = Buffer.from("300d310b3009060355040613025858", "hex");
const schemes: Extensions[number] = [EXTENSION.signatureAlgorithms, vector(2, uint(2, SCHEME.ecdsa))];

export const PROFILE_BY_SERVER_DOOR: Refusal<ClientPeer>[] = [
  ["a record_size_limit of 63", Failure.RecordSizeLimitInvalid, ALERT.illegalParameter, helloAnd(limit(63))],
  ["a record_size_limit of 0", Failure.RecordSizeLimitInvalid, ALERT.illegalParameter, helloAnd(limit(0))],
  [
    "a record_size_limit of one byte",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.recordSizeLimit, Buffer.from([64])]),
  ],
  [
    "a record_size_limit of three bytes",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.recordSizeLimit, Buffer.from([64, 0, 0])]),
  ],
  [
    "a client's Certificate with a record_size_limit",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    inClientFlight(({ peer, pki: { player } }) =>
      peer.send(peer.certificateMessage(player.chain, { entry: extensionBlock([limit(64)]) })),
    ),
  ],
  [
    "a second hello with another record_size_limit",
    Failure.RetryHelloChanged,
    ALERT.illegalParameter,
    ({ peer }) => {
      peer.send(peer.hello({ shares: [], edit: (list) => [...list, limit(100)] }));
      peer.readRetry();
      peer.send(peer.hello({ edit: (list) => [...list, limit(101)] }));
    },
  ],
  [
    "an empty list of certificate authorities in a hello",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd(authorities()),
  ],
  [
    "a certificate authority without a name in a hello",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd(authorities(NAME, Buffer.alloc(0))),
  ],
  [
    "certificate authorities cut short in a hello",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.authorities, vector(2, Buffer.from([0, 9, 1]))]),
  ],
  [
    "certificate authorities with a byte after their list in a hello",
    Failure.MessageMalformed,
    ALERT.decodeError,
    helloAnd([EXTENSION.authorities, Buffer.concat([authorities(NAME)[1], Buffer.alloc(1)])]),
  ],
  [
    "a CertificateVerify with ecdsa_secp384r1_sha384 by a P-256 key",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    inClientFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player, { scheme: SCHEME.p384 }));
    }),
  ],
];

export const PROFILE_BY_CLIENT_DOOR: Refusal<ServerPeer>[] = [
  ...[0, 63, 16386, 65535].map(
    (value): Refusal<ServerPeer> => [
      `a server's record_size_limit of ${value}`,
      Failure.RecordSizeLimitInvalid,
      ALERT.illegalParameter,
      inFlight(({ peer }) => peer.send(peer.encryptedExtensions([limit(value)]))),
    ],
  ),
  [
    "a server's record_size_limit of one byte",
    Failure.MessageMalformed,
    ALERT.decodeError,
    inFlight(({ peer }) => peer.send(peer.encryptedExtensions([[EXTENSION.recordSizeLimit, Buffer.from([64])]]))),
  ],
  [
    "record_size_limit in ServerHello",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    serverHelloAnd(limit(64)),
  ],
  [
    "record_size_limit in CertificateRequest",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage([schemes, limit(64)]))),
  ],
  [
    // Both together are illegal_parameter for a client that offered both (RFC 8449 §5); we never offer this one.
    "max_fragment_length beside record_size_limit",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight(({ peer }) => peer.send(peer.encryptedExtensions([limit(64), [MAX_FRAGMENT_LENGTH, Buffer.from([1])]]))),
  ],
  [
    "certificate_authorities in EncryptedExtensions",
    Failure.ExtensionNotAllowedHere,
    ALERT.illegalParameter,
    inFlight(({ peer }) => peer.send(peer.encryptedExtensions([authorities(NAME)]))),
  ],
  [
    "an empty list of certificate authorities in CertificateRequest",
    Failure.MessageMalformed,
    ALERT.decodeError,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage([schemes, authorities()]))),
  ],
  [
    "a certificate authority without a name in CertificateRequest",
    Failure.MessageMalformed,
    ALERT.decodeError,
    afterExtensions(({ peer }) => peer.send(peer.requestMessage([schemes, authorities(Buffer.alloc(0))]))),
  ],
  [
    "a CertificateVerify of a server with ecdsa_secp384r1_sha384 by a P-256 key",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    inFlight(({ peer, pki: { host } }) => {
      const messages = [
        peer.note(peer.encryptedExtensions()),
        peer.note(peer.certificateMessage(host.chain)),
        peer.note(peer.verifyMessage(host, { scheme: SCHEME.p384 })),
      ];
      peer.sendRecord(TYPE.handshake, Buffer.concat(messages));
    }),
  ],
];

const MAX_FRAGMENT_LENGTH = 1;
