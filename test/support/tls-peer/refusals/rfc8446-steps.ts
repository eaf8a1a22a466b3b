/**
 * The handshake message by message, for tests that bend one of them: each step reads what has to come before it and returns
 * the peer's next message, noted and not yet sent. Both lists go through HelloRetryRequest, so that they have every message.
 */
import { Role } from "../../../../unikernel/guest/role.ts";
import { openDoor, type Pki, type TestDoor } from "../../door-host.ts";
import { ClientPeer } from "../client.ts";
import { suiteOf } from "../keys.ts";
import { ServerPeer } from "../server.ts";
import { GROUP } from "../wire.ts";

export type Step<P> = [name: string, message: (peer: P, pki: Pki) => Buffer];

/** A server that hands out its HelloRetryRequest instead of sending it. */
export class RetryingServer extends ServerPeer {
  noteRetry(): Buffer {
    this.suite = suiteOf(0x1301);
    this.replaceByHash();
    return this.note(this.retryMessage({ group: GROUP.p256 }));
  }
}

export const CLIENT_SAYS: Step<ClientPeer>[] = [
  ["ClientHello", (peer) => peer.note(peer.hello({ shares: [] }))],
  [
    "ClientHello after HelloRetryRequest",
    (peer) => {
      peer.readRetry();
      return peer.note(peer.hello({ shares: [GROUP.x25519] }));
    },
  ],
  [
    "Certificate",
    (peer, pki) => {
      peer.readServerHello();
      peer.readServerFlight();
      return peer.note(peer.certificateMessage(pki.player.chain));
    },
  ],
  ["CertificateVerify", (peer, pki) => peer.note(peer.verifyMessage(pki.player))],
  ["Finished", (peer) => peer.note(peer.finished())],
];

export const SERVER_SAYS: Step<RetryingServer>[] = [
  ["HelloRetryRequest", (peer) => peer.noteRetry()],
  [
    "ServerHello",
    (peer) => {
      peer.readHello();
      return peer.note(peer.serverHello({ group: GROUP.p256 }));
    },
  ],
  [
    "EncryptedExtensions",
    (peer) => {
      peer.takeHandshakeKeys();
      return peer.note(peer.encryptedExtensions());
    },
  ],
  ["CertificateRequest", (peer) => peer.note(peer.requestMessage())],
  ["a server's Certificate", (peer, pki) => peer.note(peer.certificateMessage(pki.host.chain))],
  ["a server's CertificateVerify", (peer, pki) => peer.note(peer.verifyMessage(pki.host))],
  ["a server's Finished", (peer) => peer.note(peer.finishedMessage(peer.handshakeSecrets.server))],
];

/** Steps with their places, for `it.each`. */
export function indexed<P>(says: Step<P>[]): (readonly [name: string, at: number])[] {
  return says.map(([name], at) => [name, at] as const);
}

export async function openServerDoor(pki: Pki): Promise<[TestDoor, ClientPeer]> {
  const { door } = await openDoor(pki, Role.Server);
  return [door, new ClientPeer((bytes) => door.receive(bytes))];
}

/** The door's first hello is read. */
export async function openClientDoor(pki: Pki): Promise<[TestDoor, RetryingServer]> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new RetryingServer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  return [door, peer];
}
