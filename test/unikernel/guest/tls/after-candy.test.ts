/** After the candy and our close_notify (RFC 8446 §4.6, §6.1): what the peer may still say, what it may not, and what ends it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { State, TraceCode } from "../../../../unikernel/guest/trace.ts";
import { CANDY, makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { nextSecret, TrafficKeys } from "../../../support/tls-peer/keys.ts";
import type { Peer } from "../../../support/tls-peer/peer.ts";
import {
  AFTER_CANDY_BY_CLIENT_DOOR,
  AFTER_CANDY_BY_SERVER_DOOR,
  keyUpdate,
  ticket,
} from "../../../support/tls-peer/refusals/after-candy.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, alert, EXTENSION, record, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

interface Won<P> {
  door: TestDoor;
  peer: P;
}

/** The door has given its candy to this client, which has not answered close_notify yet. */
async function wonByClient(suite = 0x1301): Promise<Won<ClientPeer>> {
  const { door } = await openDoor(pki, Role.Server);
  const peer = new ClientPeer((bytes) => door.receive(bytes));
  peer.untilFlight({ suites: [suite] });
  peer.authenticate(pki.player);
  return expectWon({ door, peer });
}

async function wonByServer(suite = 0x1301): Promise<Won<ServerPeer>> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  peer.sendServerHello({ suite });
  peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
  peer.readClientFlight("certificate");
  return expectWon({ door, peer });
}

function expectWon<P extends Peer>(won: Won<P>): Won<P> {
  expect(won.peer.readOutcome()).toEqual({ alerts: [ALERT.closeNotify], data: CANDY });
  expect([won.door.closed, won.door.states.at(-1)]).toEqual([false, State.Opened]);
  won.peer.useApplicationKey();
  return won;
}

const failures = (door: TestDoor) => door.traces.filter(({ code }) => code === TraceCode.Failed).map(({ a }) => a);

/** It has closed, said nothing more than the candy and close_notify, and keeps no secret of the peer's. */
function expectClosed({ door, peer }: Won<Peer>, failed: Failure[]): void {
  expect([door.closed, failures(door)]).toEqual([true, failed]);
  expect(peer.readOutcome()).toEqual({ alerts: [], data: Buffer.alloc(0) });
  expect(door.alertsSent).toEqual([[ALERT.closeNotify, Failure.None]]);
  expect(door.states.at(-1)).toBe(State.Closed);
  expect(door.vault.calls.filter((call) => call === "candy")).toEqual(["candy"]);
  expect(holds(door, secretOf(peer))).toBe(false);
}

function secretOf(peer: Peer): Buffer {
  if (peer instanceof ClientPeer) return peer.applicationSecrets.client;
  return (peer as ServerPeer).applicationSecrets.server;
}

function holds(door: TestDoor, secret: Uint8Array): boolean {
  return Buffer.from(door.exports.memory.buffer).includes(Buffer.from(secret));
}

const ROLES: [string, (suite?: number) => Promise<Won<Peer>>][] = [
  ["the server door", wonByClient],
  ["the client door", wonByServer],
];

describe.each(ROLES)("%s reads on", (_role, won) => {
  it("and drops application data of any length, empty records and user_canceled", async () => {
    const { door, peer } = await won();
    for (const length of [0, 1, 1000, 16384]) peer.sendRecord(TYPE.data, Buffer.alloc(length, 0x41));
    peer.sendRecord(TYPE.data, Buffer.from("GET / HTTP/1.1\r\n\r\n"), { padding: 300 });
    peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1));
    expect([door.closed, failures(door)]).toEqual([false, []]);
    peer.sayCloseNotify();
    expectClosed({ door, peer }, []);
  });

  it.each([0x1301, 0x1302, 0x1303])("and follows sixteen KeyUpdates, suite %i", async (suite) => {
    const { door, peer } = await won(suite);
    const secrets = [secretOf(peer)];
    for (let i = 0; i < 16; i++) {
      // Asked for an update of our own too: we have closed our side, and owe none.
      peer.sendRecord(TYPE.handshake, keyUpdate(i & 1));
      peer.updateWriteKey();
      peer.sendRecord(TYPE.data, Buffer.from(`under key ${i + 1}`));
      secrets.push(nextSecret(peer.suite, secrets.at(-1)!));
    }
    expect([door.closed, failures(door)]).toEqual([false, []]);
    // Of all secrets only the last is there: who reads the memory now cannot read what came before.
    expect(secrets.map((secret) => holds(door, secret))).toEqual([...Array(16).fill(false), true]);
    expect(holds(door, new TrafficKeys(peer.suite, secrets[0]!).iv)).toBe(false);
    expect(holds(door, new TrafficKeys(peer.suite, secrets[16]!).iv)).toBe(true);
    peer.sayCloseNotify();
    expectClosed({ door, peer }, []);
    expect(holds(door, secrets[16]!)).toBe(false);
  });

  it("and takes a KeyUpdate cut into records of one byte", async () => {
    const { door, peer } = await won();
    for (const byte of keyUpdate(0)) peer.sendRecord(TYPE.handshake, Buffer.from([byte]));
    peer.updateWriteKey();
    peer.sayCloseNotify();
    expectClosed({ door, peer }, []);
  });

  it("up to 64 KiB, 1,024 records and no further", async () => {
    const bytes = await won();
    // Four records of 16,384 bytes with header, type and tag.
    for (let i = 0; i < 4; i++) bytes.peer.sendRecord(TYPE.data, Buffer.alloc(16384 - 22));
    expect(bytes.door.closed).toBe(false);
    bytes.peer.sendRaw(Buffer.from([TYPE.data]));
    expectClosed(bytes, [Failure.TooMuchAfterCandy]);
    const records = await won();
    for (let i = 0; i < 1024; i++) records.peer.sendRecord(TYPE.data, Buffer.alloc(1));
    expect(records.door.closed).toBe(false);
    records.peer.sayCloseNotify();
    expect(failures(records.door)).toEqual([Failure.TooMuchAfterCandy]);
  });

  it("and keeps no memory of what it read", async () => {
    const { door, peer } = await won();
    const used = () => new Uint8Array(door.exports.memory.buffer).findLastIndex((byte) => byte !== 0);
    const before = used();
    for (let i = 0; i < 16; i++) {
      peer.sendRecord(TYPE.handshake, keyUpdate(0));
      peer.updateWriteKey();
      for (let j = 0; j < 50; j++) peer.sendRecord(TYPE.data, Buffer.alloc(20, 0xff));
      if (peer.role === Role.Server) peer.sendRecord(TYPE.handshake, Buffer.concat([ticket(), ticket(), ticket()]));
    }
    expect(door.closed).toBe(false);
    // Counters of what is there already may have become longer; a leak would be kilobytes.
    expect(used() - before).toBeLessThan(16);
  });

  it("and holds of its own secrets none", async () => {
    const { door, peer } = await won();
    const own =
      peer instanceof ClientPeer ? peer.applicationSecrets.server : (peer as ServerPeer).applicationSecrets.client;
    expect(holds(door, own)).toBe(false);
    expect(holds(door, new TrafficKeys(peer.suite, own).iv)).toBe(false);
    expect(holds(door, CANDY)).toBe(false);
    // The control: what it reads with is there.
    expect(holds(door, secretOf(peer))).toBe(true);
  });

  it("until the peer says close_notify, sends FIN, or any other alert", async () => {
    const closed = await won();
    closed.peer.sayCloseNotify();
    expectClosed(closed, []);
    const gone = await won();
    expect(gone.door.peerClosed().length).toBe(0);
    expectClosed(gone, []);
    const upset = await won();
    upset.peer.sendRecord(TYPE.alert, alert(ALERT.internalError));
    expectClosed(upset, []);
    expect(upset.door.traces).toContainEqual(expect.objectContaining({ code: TraceCode.AlertReceived, a: 80, b: 2 }));
  });

  it("and reads nothing after close_notify in the same bytes", async () => {
    const { door, peer } = await won();
    const goodbye = peer.pack(TYPE.alert, alert(ALERT.closeNotify, 1));
    peer.sendRaw(goodbye, record(99, Buffer.alloc(5)));
    expectClosed({ door, peer }, []);
  });
});

describe("everything in one delivery", () => {
  it("Finished, KeyUpdate, data under the next key, close_notify", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    peer.untilFlight();
    const parts = [peer.pack(TYPE.handshake, Buffer.concat(peer.authentication(pki.player)))];
    peer.useApplicationKey();
    parts.push(peer.pack(TYPE.data, Buffer.from("hello")), peer.pack(TYPE.handshake, keyUpdate(1)));
    peer.updateWriteKey();
    parts.push(peer.pack(TYPE.data, Buffer.from("bye")), peer.pack(TYPE.alert, alert(ALERT.closeNotify, 1)));
    peer.sendRaw(...parts);
    expect(peer.readOutcome()).toEqual({ alerts: [ALERT.closeNotify], data: CANDY });
    expectClosed({ door, peer }, []);
  });

  it("KeyUpdate in the record of Finished spans the key change: no candy", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    peer.untilFlight();
    peer.sendRecord(TYPE.handshake, Buffer.concat([...peer.authentication(pki.player), keyUpdate(0)]));
    expect(door.alertsSent).toEqual([[ALERT.unexpectedMessage, Failure.MessageSpansKeyChange]]);
    expect(door.gaveCandy).toBe(false);
  });
});

describe("no candy", () => {
  it("from a vault that does not honour the ticket: an alert, and no secret is left", async () => {
    const { door } = await openDoor(pki, Role.Server);
    door.vault.candy = () => new Uint8Array(0);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    peer.untilFlight();
    expect(holds(door, secretOf(peer))).toBe(true);
    peer.authenticate(pki.player);
    expect([door.closed, door.alertsSent]).toEqual([true, [[ALERT.internalError, Failure.TicketRefused]]]);
    expect(holds(door, secretOf(peer))).toBe(false);
  });
});

describe("a server's tickets", () => {
  it("are checked and passed over: one, several in a record, cut at every byte, with early_data and unknown extensions", async () => {
    const { door, peer } = await wonByServer();
    peer.sendRecord(TYPE.handshake, ticket());
    const both = ticket([
      [EXTENSION.earlyData, Buffer.alloc(4, 0xff)],
      [0x7a7a, Buffer.alloc(3)],
    ]);
    peer.sendRecord(TYPE.handshake, Buffer.concat([ticket(), both, ticket([], Buffer.alloc(1))]));
    for (let cut = 1; cut < both.length; cut++) {
      peer.sendRecord(TYPE.handshake, both.subarray(0, cut));
      peer.sendRecord(TYPE.handshake, both.subarray(cut));
    }
    expect([door.closed, failures(door)]).toEqual([false, []]);
    peer.sayCloseNotify();
    expectClosed({ door, peer }, []);
  });
});

describe("the server door refuses after the candy", () => {
  it.each(AFTER_CANDY_BY_SERVER_DOOR)("%s", async (_name, failure, play) => {
    const won = await wonByClient();
    play(won.peer);
    expectClosed(won, [failure]);
  });
});

describe("the client door refuses after the candy", () => {
  it.each(AFTER_CANDY_BY_CLIENT_DOOR)("%s", async (_name, failure, play) => {
    const won = await wonByServer();
    play(won.peer);
    expectClosed(won, [failure]);
  });
});

describe("docs/refusals.md", () => {
  it("has a row for each of these, with its failure and a section, and no other", () => {
    const text = readFileSync(join(ROOT, "docs/refusals.md"), "utf8");
    const [, section] = text.split("## After the candy\n");
    const rows = section!
      .split("\n## ")[0]!
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| failure"))
      .map((line) => line.slice(2, -2).split(" | "));
    const tested = new Map(
      [...AFTER_CANDY_BY_SERVER_DOOR, ...AFTER_CANDY_BY_CLIENT_DOOR].map(([name, failure]) => [name, Failure[failure]]),
    );
    expect(rows.map(([failure, name]) => [name, failure]).toSorted()).toEqual([...tested].toSorted());
    for (const row of rows) expect(row[2]).toMatch(/^(RFC \d{4} §|our own)/);
  });
});
