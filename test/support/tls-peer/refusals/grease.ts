/** GREASE values of ours that a peer chooses (RFC 8701 §3.1, §4.1): to be refused like anything else that we do not have. */
import { expect } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { ClientPeer } from "../client.ts";
import type { Refusal, Scene } from "../refusal.ts";
import type { ServerPeer } from "../server.ts";
import { ALERT, Cursor, EXTENSION, extensionBlock, GROUP, isGrease, numbers, TYPE } from "../wire.ts";
import { inFlight as inClientFlight } from "./client-words.ts";
import { hello, inFlight, retry, share } from "./server-words.ts";

/** The one GREASE value of a list, which must have one. */
export function greaseOf(list: number[]): number {
  const found = list.filter(isGrease);
  expect(found.length).toBe(1);
  return found[0]!;
}
/** What the door's ClientHello says of GREASE. */
export const GREASE = {
  suite: (peer: ServerPeer) => greaseOf(peer.suites),
  version: (peer: ServerPeer) => greaseOf(numbers(new Cursor(offer(peer, EXTENSION.supportedVersions)).vector(1))),
  group: (peer: ServerPeer) => greaseOf(numbers(new Cursor(offer(peer, EXTENSION.supportedGroups)).vector(2))),
  scheme: (peer: ServerPeer) => greaseOf(numbers(new Cursor(offer(peer, EXTENSION.signatureAlgorithms)).vector(2))),
  extension: (peer: ServerPeer) => greaseOf([...peer.offered.keys()]),
};

function offer(peer: ServerPeer, type: number): Buffer {
  return peer.offered.get(type)!;
}
const SUITE_AT = 4 + 2 + 32 + 33;
const withSuite =
  (message: (peer: ServerPeer) => Buffer) =>
  ({ peer }: Scene<ServerPeer>): void => {
    const bent = Buffer.from(message(peer));
    bent.writeUInt16BE(GREASE.suite(peer), SUITE_AT);
    peer.send(bent);
  };
const withExtension = (scene: Scene<ServerPeer>): [number, Uint8Array] => [
  GREASE.extension(scene.peer),
  Buffer.alloc(0),
];

export const GREASE_BY_CLIENT_DOOR: Refusal<ServerPeer>[] = [
  [
    "our GREASE suite in ServerHello",
    Failure.SuiteNotOffered,
    ALERT.illegalParameter,
    withSuite((peer) => peer.serverHello()),
  ],
  [
    "our GREASE suite in HelloRetryRequest",
    Failure.SuiteNotOffered,
    ALERT.illegalParameter,
    withSuite((peer) => peer.retryMessage()),
  ],
  [
    "our GREASE version in ServerHello",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    (scene) => hello({ version: GREASE.version(scene.peer) })(scene),
  ],
  [
    "our GREASE version in HelloRetryRequest",
    Failure.VersionNotOffered,
    ALERT.illegalParameter,
    (scene) => retry({ version: GREASE.version(scene.peer) })(scene),
  ],
  [
    "our GREASE group in ServerHello, with the share that we sent for it",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    (scene) => {
      const group = GREASE.group(scene.peer);
      const answer = share(group, scene.peer.shares().get(group)!);
      hello({ edit: (list) => list.map((known) => (known[0] === EXTENSION.keyShare ? answer : known)) })(scene);
    },
  ],
  [
    "our GREASE group in HelloRetryRequest",
    Failure.KeyShareNotOffered,
    ALERT.illegalParameter,
    (scene) => retry({ group: GREASE.group(scene.peer) })(scene),
  ],
  [
    "our GREASE extension in ServerHello",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    (scene) => hello({ edit: (list) => [...list, withExtension(scene)] })(scene),
  ],
  [
    "our GREASE extension in HelloRetryRequest",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    (scene) => retry({ group: GROUP.p256, edit: (list) => [...list, withExtension(scene)] })(scene),
  ],
  [
    "our GREASE extension in EncryptedExtensions",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight((scene) => scene.peer.send(scene.peer.encryptedExtensions([withExtension(scene)]))),
  ],
  [
    "our GREASE extension in a server's Certificate",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inFlight((scene) => {
      const { peer, pki } = scene;
      const entry = extensionBlock([withExtension(scene)]);
      peer.send(peer.encryptedExtensions());
      peer.send(peer.certificateMessage(pki.host.chain, { entry }));
    }),
  ],
  [
    "our GREASE scheme in a server's CertificateVerify",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    inFlight(({ peer, pki: { host } }) => {
      const messages = [
        peer.note(peer.encryptedExtensions()),
        peer.note(peer.certificateMessage(host.chain)),
        peer.note(peer.verifyMessage(host, { scheme: GREASE.scheme(peer) })),
      ];
      peer.sendRecord(TYPE.handshake, Buffer.concat(messages));
    }),
  ],
];

/** What the door's CertificateRequest says of GREASE. */
export const REQUEST_GREASE = {
  scheme: (peer: ClientPeer) =>
    greaseOf(numbers(new Cursor(peer.request.get(EXTENSION.signatureAlgorithms)!).vector(2))),
  extension: (peer: ClientPeer) => greaseOf([...peer.request.keys()]),
};

export const GREASE_BY_SERVER_DOOR: Refusal<ClientPeer>[] = [
  [
    "our GREASE extension in a client's Certificate",
    Failure.UnsolicitedExtension,
    ALERT.unsupportedExtension,
    inClientFlight(({ peer, pki: { player } }) => {
      const entry = extensionBlock([[REQUEST_GREASE.extension(peer), Buffer.alloc(0)]]);
      peer.send(peer.certificateMessage(player.chain, { entry }));
    }),
  ],
  [
    "our GREASE scheme in a client's CertificateVerify",
    Failure.CertificateVerifySchemeWrong,
    ALERT.illegalParameter,
    inClientFlight(({ peer, pki: { player } }) => {
      peer.send(peer.certificateMessage(player.chain));
      peer.send(peer.verifyMessage(player, { scheme: REQUEST_GREASE.scheme(peer) }));
    }),
  ],
];
