/**
 * A refusal, played: a hostile peer does one thing wrong, and the door must send exactly the alert, close, read nothing more
 * and not ask the vault for the candy. docs/refusals.md names these tests.
 */
import { expect } from "vitest";
import type { Failure } from "../../../unikernel/guest/failure.ts";
import { Role } from "../../../unikernel/guest/role.ts";
import { State } from "../../../unikernel/guest/trace.ts";
import { openDoor, type Pki, type TestDoor } from "../door-host.ts";
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
  const peer = new ClientPeer((bytes) => door.receive(bytes));
  play({ peer, pki, door });
  expectRefused(door, peer, failure, alert);
}

export async function refusedByClient(pki: Pki, [, failure, alert, play]: Refusal<ServerPeer>): Promise<void> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  play({ peer, pki, door });
  expectRefused(door, peer, failure, alert);
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
  expect(door.authenticated).toBe(door.states.includes(State.Authenticated));
  // Whatever comes now, valid or not, is not even read.
  door.memory(door.exports.inbox(), 100).fill(22);
  expect(door.exports.receive(100) & 1).toBe(0);
  expect(door.exports.outboxLength()).toBe(0);
  expect(door.traces.at(-1)).toMatchObject({ code: 2, a: 8 });
}
