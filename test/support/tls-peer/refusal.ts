/**
 * A refusal, played: a hostile peer does one thing wrong, and the door must send exactly the alert, close, read nothing more
 * and not ask the vault for the candy; nor has it let a certificate or the candy out in the clear. docs/refusals.md names
 * these tests.
 */
import { expect } from "vitest";
import type { Failure } from "../../../unikernel/guest/failure.ts";
import { Role } from "../../../unikernel/guest/role.ts";
import { State } from "../../../unikernel/guest/trace.ts";
import { CANDY, openDoor, type Pki, type TestDoor } from "../door-host.ts";
import { ClientPeer } from "./client.ts";
import { ServerPeer } from "./server.ts";

/** What a hostile peer has at hand. */
export interface Scene<P> {
  peer: P;
  pki: Pki;
  door: TestDoor;
}

export type Refusal<P> = [name: string, failure: Failure, alert: number, play: (scene: Scene<P>) => void];

export async function refusedByServer(pki: Pki, [, failure, alert, play]: Refusal<ClientPeer>): Promise<void> {
  const { door } = await openDoor(pki, Role.Server);
  const said: Uint8Array[] = [];
  const peer = new ClientPeer((bytes) => keep(said, door.receive(bytes)));
  play({ peer, pki, door });
  expectRefused(door, peer, failure, alert);
  expectNothingLeaked(pki, said);
}

export async function refusedByClient(pki: Pki, [, failure, alert, play]: Refusal<ServerPeer>): Promise<void> {
  const { door, first } = await openDoor(pki, Role.Client);
  const said = [first];
  const peer = new ServerPeer((bytes) => keep(said, door.receive(bytes)));
  peer.accept(first);
  peer.readHello();
  play({ peer, pki, door });
  expectRefused(door, peer, failure, alert);
  expectNothingLeaked(pki, said);
}

function keep(said: Uint8Array[], bytes: Uint8Array): Uint8Array {
  said.push(bytes);
  return bytes;
}

/** On the wire is neither the candy nor a certificate of the piñata: they are encrypted where they are sent at all. */
function expectNothingLeaked(pki: Pki, said: Uint8Array[]): void {
  const wire = Buffer.concat(said);
  const secrets = [CANDY, ...pki.server.chain, ...pki.client.chain];
  expect(secrets.filter((secret) => wire.includes(Buffer.from(secret)))).toEqual([]);
}

function expectRefused(door: TestDoor, peer: ClientPeer | ServerPeer, failure: Failure, alert: number): void {
  const { alerts, data } = peer.outcome();
  expect({ alerts, data: data.length, sent: door.alertsSent }).toEqual({
    alerts: [alert],
    data: 0,
    sent: [[alert, failure]],
  });
  expect([door.closed, door.gaveCandy]).toEqual([true, false]);
  expect(door.vault.calls).not.toContain("candy");
  // The vault is asked about a peer once, and a ticket comes of that only where it was satisfied.
  expect(door.vault.calls.filter((call) => call === "authenticate").length).toBeLessThanOrEqual(1);
  expect(door.authenticated).toBe(door.states.includes(State.Authenticated));
  // Whatever comes now, valid or not, is not even read.
  door.memory(door.exports.inbox(), 100).fill(22);
  expect(door.exports.receive(100) & 1).toBe(0);
  expect(door.exports.outboxLength()).toBe(0);
  expect(door.traces.at(-1)).toMatchObject({ code: 2, a: 8 });
}
