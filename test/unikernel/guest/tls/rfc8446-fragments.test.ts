/**
 * Fragments (RFC 8446 §5.1): every handshake message of both roles cut at every byte into two records; all messages
 * joined in every way that the key changes allow; and what is not allowed: a message that spans a key change, and anything
 * between two fragments. Each legal case is a whole handshake that ends with the candy.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { CANDY, makePki, type Pki, type TestDoor } from "../../../support/door-host.ts";
import type { Peer } from "../../../support/tls-peer/peer.ts";
import {
  CLIENT_SAYS,
  indexed,
  openClientDoor,
  openServerDoor,
  SERVER_SAYS,
  type Step,
} from "../../../support/tls-peer/refusals/rfc8446-steps.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, alert, MESSAGE, record, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("ed25519");
});

/** How a message goes out. */
type Send = (peer: Peer, message: Buffer) => void;
const inRecords = (peer: Peer, ...contents: Uint8Array[]) =>
  peer.sendRaw(...contents.map((content) => peer.pack(TYPE.handshake, content)));
const whole: Send = (peer, message) => inRecords(peer, message);
const cutAt =
  (cut: number): Send =>
  (peer, message) =>
    inRecords(peer, message.subarray(0, cut), message.subarray(cut));
const bytewise: Send = (peer, message) => inRecords(peer, ...[...message].map((byte) => Buffer.from([byte])));

/** A whole handshake; message number `at` goes out by `send`, the others whole. Returns that message's length. */
async function opens<P extends Peer>(
  [door, peer]: [TestDoor, P],
  says: Step<P>[],
  at: number,
  send: Send,
  context: string,
): Promise<number> {
  let length = 0;
  for (const [i, [, message]] of says.entries()) {
    const bytes = message(peer, pki);
    if (i === at) length = bytes.length;
    (i === at ? send : whole)(peer, bytes);
  }
  if (peer instanceof ServerPeer) peer.readClientFlight("certificate");
  expect(peer.outcome(), context).toEqual({ alerts: [ALERT.closeNotify], data: CANDY });
  expect([door.closed, door.gaveCandy], context).toEqual([true, true]);
  return length;
}
/** The same up to message number `at`, which `send` gets wrong: refused with unexpected_message and one of `failures`. */
function refused<P extends Peer>(
  [door, peer]: [TestDoor, P],
  says: Step<P>[],
  at: number,
  send: Send,
  failures: Failure[],
  context: string,
): number {
  for (const [, message] of says.slice(0, at)) whole(peer, message(peer, pki));
  const bytes = says[at]![1](peer, pki);
  send(peer, bytes);
  expect(peer.outcome().alerts, context).toEqual([ALERT.unexpectedMessage]);
  expect(failures, context).toContain(door.alertsSent[0]![1]);
  expect([door.closed, door.gaveCandy], context).toEqual([true, false]);
  return bytes.length;
}

describe("cut into two records at every byte, and byte by byte", () => {
  it.each(indexed(CLIENT_SAYS))("the server door takes %s", async (_, at) => {
    const length = await opens(await openServerDoor(pki), CLIENT_SAYS, at, bytewise, "bytewise");
    for (let cut = 1; cut < length; cut++) {
      await opens(await openServerDoor(pki), CLIENT_SAYS, at, cutAt(cut), `cut at ${cut}`);
    }
  });

  it.each(indexed(SERVER_SAYS))("the client door takes %s", async (_, at) => {
    const length = await opens(await openClientDoor(pki), SERVER_SAYS, at, bytewise, "bytewise");
    for (let cut = 1; cut < length; cut++) {
      await opens(await openClientDoor(pki), SERVER_SAYS, at, cutAt(cut), `cut at ${cut}`);
    }
  });
});

/** Every way to put `items` into consecutive groups: 2^(n-1). */
function groupings(items: Buffer[]): Buffer[][] {
  return Array.from({ length: 1 << (items.length - 1) }, (_, bits) => {
    const groups: Buffer[][] = [[items[0]!]];
    for (const [i, item] of items.slice(1).entries()) {
      if ((bits >> i) & 1) groups.push([item]);
      else groups.at(-1)!.push(item);
    }
    return groups.map((group) => Buffer.concat(group));
  });
}
/** The client's second flight or the server's whole flight, sent by `send` after everything before it. */
async function flightOpens(role: Role, send: (peer: Peer, messages: Buffer[]) => void, asked = true): Promise<number> {
  let count = 0;
  if (role === Role.Server) {
    const [door, peer] = await openServerDoor(pki);
    peer.untilFlight();
    const messages = peer.authentication(pki.player);
    count = messages.length;
    send(peer, messages);
    expect([door.gaveCandy, peer.outcome().data]).toEqual([true, CANDY]);
  } else {
    const [door, peer] = await openClientDoor(pki);
    peer.sendServerHello();
    const messages = peer.flight(pki.host, asked ? {} : { request: null });
    count = messages.length;
    send(peer, messages);
    peer.readClientFlight(asked ? "certificate" : "none");
    expect([door.gaveCandy, peer.outcome().data]).toEqual([true, CANDY]);
  }
  return 1 << (count - 1);
}

describe("joined", () => {
  it.each([
    ["the client's flight", Role.Server, true, 4],
    ["the server's flight", Role.Client, true, 16],
    ["the server's flight without CertificateRequest", Role.Client, false, 8],
  ] as const)("%s in every grouping", async (_, role, asked, ways) => {
    for (let way = 0; way < ways; way++) {
      const all = await flightOpens(role, (peer, messages) => inRecords(peer, ...groupings(messages)[way]!), asked);
      expect(all).toBe(ways);
    }
  });

  it("the server's flight as one, cut at every byte", async () => {
    let length = 2;
    for (let cut = 1; cut < length; cut++) {
      await flightOpens(Role.Client, (peer, messages) => {
        const flight = Buffer.concat(messages);
        length = flight.length;
        cutAt(cut)(peer, flight);
      });
    }
    expect(length).toBeGreaterThan(400);
  });

  it("both flights in records of any lengths, padded anyhow", async () => {
    const pieces = fc.array(fc.record({ length: fc.integer({ min: 1, max: 300 }), padding: fc.nat(40) }), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(Role.Server, Role.Client), async (list, role) => {
        await flightOpens(role, (peer, messages) => {
          const flight = Buffer.concat(messages);
          const records: Buffer[] = [];
          for (let at = 0, i = 0; at < flight.length; i++) {
            const { length, padding } = list[i % list.length]!;
            records.push(peer.pack(TYPE.handshake, flight.subarray(at, at + length), { padding }));
            at += length;
          }
          peer.sendRaw(...records);
        });
      }),
      { numRuns: 200 },
    );
  });
});

/** More in the record that ends a message: one byte, half a header, a whole message. */
const MORE = [
  Buffer.from([MESSAGE.certificate]),
  Buffer.from([8, 0]),
  Buffer.from([MESSAGE.encryptedExtensions, 0, 0, 0]),
];
const KEY_CHANGES = [
  "ClientHello",
  "ClientHello after HelloRetryRequest",
  "Finished",
  "ServerHello",
  "a server's Finished",
];
const atKeyChange = <P>(says: Step<P>[]) => indexed(says).filter(([name]) => KEY_CHANGES.includes(name));

describe("a record that goes on after the last message under a key, however that message is cut", () => {
  const play =
    (cut: number, more: Buffer): Send =>
    (peer, message) => {
      const end = Buffer.concat([message.subarray(cut), more]);
      inRecords(peer, ...(cut > 0 ? [message.subarray(0, cut), end] : [end]));
    };
  it.each(atKeyChange(CLIENT_SAYS))("the server door refuses it after %s", async (_, at) => {
    for (const more of MORE) {
      for (let cut = 0, length = 1; cut < length; cut++) {
        const context = `${more.length} bytes, cut at ${cut}`;
        const failures = [Failure.MessageSpansKeyChange];
        length = refused(await openServerDoor(pki), CLIENT_SAYS, at, play(cut, more), failures, context);
      }
    }
  });
  it.each(atKeyChange(SERVER_SAYS))("the client door refuses it after %s", async (_, at) => {
    for (const more of MORE) {
      for (let cut = 0, length = 1; cut < length; cut++) {
        const context = `${more.length} bytes, cut at ${cut}`;
        const failures = [Failure.MessageSpansKeyChange];
        length = refused(await openClientDoor(pki), SERVER_SAYS, at, play(cut, more), failures, context);
      }
    }
  });
});

describe("any other record between two fragments, at every byte", () => {
  const { UnexpectedContentType, ChangeCipherSpecInvalid, RecordEmpty, RecordType, PlainText } = Failure;
  const INTRUDERS: [string, (peer: Peer) => Buffer, Failure[]][] = [
    [
      "ChangeCipherSpec",
      () => record(TYPE.ccs, Buffer.from([1])),
      // Before the first ClientHello is whole, no ChangeCipherSpec is tolerated at all.
      [UnexpectedContentType, ChangeCipherSpecInvalid],
    ],
    ["application data", (peer) => peer.pack(TYPE.data, Buffer.from("x")), [UnexpectedContentType]],
    ["a warning", (peer) => peer.pack(TYPE.alert, alert(ALERT.userCanceled, 1)), [UnexpectedContentType]],
    ["an empty handshake record", (peer) => peer.pack(TYPE.handshake, Buffer.alloc(0)), [RecordEmpty]],
    ["a record of an unknown type", (peer) => peer.pack(99, Buffer.from("x")), [RecordType, PlainText]],
  ];
  const play =
    (cut: number, intruder: (peer: Peer) => Buffer): Send =>
    (peer, message) => {
      const first = peer.pack(TYPE.handshake, message.subarray(0, cut));
      peer.sendRaw(first, intruder(peer), peer.pack(TYPE.handshake, message.subarray(cut)));
    };
  it.each(INTRUDERS)("%s", async (_, intruder, failures) => {
    for (const [name, at] of indexed(CLIENT_SAYS)) {
      for (let cut = 1, length = 2; cut < length; cut++) {
        const context = `${name} cut at ${cut}`;
        length = refused(await openServerDoor(pki), CLIENT_SAYS, at, play(cut, intruder), failures, context);
      }
    }
    for (const [name, at] of indexed(SERVER_SAYS)) {
      for (let cut = 1, length = 2; cut < length; cut++) {
        const context = `${name} cut at ${cut}`;
        length = refused(await openClientDoor(pki), SERVER_SAYS, at, play(cut, intruder), failures, context);
      }
    }
  });
});
