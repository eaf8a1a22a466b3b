/**
 * Messages out of order (RFC 8446 §4: "MUST abort the handshake with an "unexpected_message" alert"): in every state of both
 * roles, every one of the 256 message types that the state does not take. The messages are empty, so that a
 * door that looked inside before it looked at the type would answer decode_error.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, GROUP, handshake, MESSAGE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("ed25519");
});

/** A state: how a peer brings the door into it, and the message types that it takes. */
type State<P> = [name: string, takes: number[], enter: (peer: P) => void];

const SERVER_STATES: State<ClientPeer>[] = [
  ["the first ClientHello", [MESSAGE.clientHello], () => {}],
  [
    "the ClientHello after HelloRetryRequest",
    [MESSAGE.clientHello],
    (peer) => {
      peer.send(peer.hello({ shares: [] }));
      peer.readRetry();
    },
  ],
  ["Certificate", [MESSAGE.certificate], (peer) => peer.untilFlight()],
  [
    "CertificateVerify",
    [MESSAGE.certificateVerify],
    (peer) => {
      peer.untilFlight();
      peer.send(peer.certificateMessage(pki.player.chain));
    },
  ],
  [
    "Finished",
    [MESSAGE.finished],
    (peer) => {
      peer.untilFlight();
      peer.send(peer.certificateMessage(pki.player.chain));
      peer.send(peer.verifyMessage(pki.player));
    },
  ],
];

/** The server's flight up to and without its message `until`. */
const flightUntil = (until: number) => (peer: ServerPeer) => {
  peer.sendServerHello();
  for (const message of peer.flight(pki.host).slice(0, until)) peer.sendRaw(peer.pack(22, message));
};
const CLIENT_STATES: State<ServerPeer>[] = [
  ["ServerHello or HelloRetryRequest", [MESSAGE.serverHello], () => {}],
  ["ServerHello after HelloRetryRequest", [MESSAGE.serverHello], (peer) => peer.retry({ group: GROUP.p256 })],
  ["EncryptedExtensions", [MESSAGE.encryptedExtensions], flightUntil(0)],
  ["CertificateRequest or Certificate", [MESSAGE.certificateRequest, MESSAGE.certificate], flightUntil(1)],
  ["Certificate after CertificateRequest", [MESSAGE.certificate], flightUntil(2)],
  ["a server's CertificateVerify", [MESSAGE.certificateVerify], flightUntil(3)],
  ["a server's Finished", [MESSAGE.finished], flightUntil(4)],
];

/** Plays each type; returns those that were not refused as a type that the state does not take. */
async function accepted(play: (type: number) => Promise<{ door: TestDoor; alerts: number[] }>): Promise<number[]> {
  const taken: number[] = [];
  for (let type = 0; type < 256; type++) {
    const { door, alerts } = await play(type);
    expect([door.closed, door.gaveCandy, alerts.length], `type ${type}`).toEqual([true, false, 1]);
    const unexpected = door.alertsSent[0]![1] === Failure.UnexpectedMessage;
    expect(alerts[0] === ALERT.unexpectedMessage, `type ${type}`).toBe(unexpected);
    if (!unexpected) taken.push(type);
  }
  return taken;
}

describe("the server door, waiting for", () => {
  it.each(SERVER_STATES)("%s", async (_, takes, enter) => {
    const taken = await accepted(async (type) => {
      const { door } = await openDoor(pki, Role.Server);
      const peer = new ClientPeer((bytes) => door.receive(bytes));
      enter(peer);
      peer.send(handshake(type));
      return { door, alerts: peer.outcome().alerts };
    });
    expect(taken).toEqual(takes.toSorted((a, b) => a - b));
  });
});

describe("the client door, waiting for", () => {
  it.each(CLIENT_STATES)("%s", async (_, takes, enter) => {
    const taken = await accepted(async (type) => {
      const { door, first } = await openDoor(pki, Role.Client);
      const peer = new ServerPeer((bytes) => door.receive(bytes));
      peer.accept(first);
      peer.readHello();
      enter(peer);
      peer.send(handshake(type));
      return { door, alerts: peer.outcome().alerts };
    });
    expect(taken).toEqual(takes.toSorted((a, b) => a - b));
  });
});
