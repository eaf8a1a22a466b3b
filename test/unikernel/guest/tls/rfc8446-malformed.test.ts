/**
 * Messages that cannot be parsed (RFC 8446 §6: "MUST terminate the connection with a "decode_error" alert"): every message of
 * both roles cut short at every byte, with the right length in its header, and with bytes too many. What happens to be
 * a message of an older TLS when it is cut is refused for its version.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { makePki, type Pki, type TestDoor } from "../../../support/door-host.ts";
import type { Peer } from "../../../support/tls-peer/peer.ts";
import {
  CLIENT_SAYS,
  indexed,
  openClientDoor,
  openServerDoor,
  SERVER_SAYS,
  type Step,
} from "../../../support/tls-peer/refusals/rfc8446-steps.ts";
import { ALERT, handshake, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

/** Plays up to message number `at`, whose body is bent; returns the alert for it. */
function alertFor<P extends Peer>(
  [door, peer]: [TestDoor, P],
  says: Step<P>[],
  at: number,
  bend: (body: Buffer) => Buffer,
): number {
  for (const [, message] of says.slice(0, at)) peer.sendRecord(TYPE.handshake, message(peer, pki));
  const message = says[at]![1](peer, pki);
  peer.sendRecord(TYPE.handshake, handshake(message[0]!, bend(message.subarray(4))));
  const { alerts, data } = peer.outcome();
  expect([alerts.length, data.length, door.closed, door.gaveCandy]).toEqual([1, 0, true, false]);
  return alerts[0]!;
}

/** The lengths at which a body that is cut there is refused otherwise than with decode_error, and how. */
async function exceptions(play: (bend: (body: Buffer) => Buffer) => Promise<number>): Promise<[number, number][]> {
  const found: [number, number][] = [];
  for (let length = 0, whole = 1; length < whole; length++) {
    const alert = await play((body) => {
      // A signature's length differs from one play to the next: the message is cut in each of them.
      whole = body.length;
      return body.subarray(0, Math.min(length, whole - 1));
    });
    if (alert !== ALERT.decodeError) found.push([length, alert]);
  }
  for (const more of [Buffer.alloc(1), Buffer.alloc(2), Buffer.alloc(300, 0xff)]) {
    expect(await play((body) => Buffer.concat([body, more])), `${more.length} bytes more`).toBe(ALERT.decodeError);
  }
  return found;
}

/** Version, random, session id of 32 bytes, and what stands before the extensions of three suites or of one. */
const CLIENT_HEAD = 2 + 32 + 33 + 8 + 2;
const SERVER_HEAD = 2 + 32 + 33 + 2 + 1;
/** Without extensions it is a hello of an older TLS. */
const OLDER: Record<string, [number, number][]> = {
  ClientHello: [[CLIENT_HEAD, ALERT.protocolVersion]],
  ServerHello: [[SERVER_HEAD, ALERT.protocolVersion]],
  HelloRetryRequest: [[SERVER_HEAD, ALERT.protocolVersion]],
  // As second hello it is above all another one than the first.
  "ClientHello after HelloRetryRequest": [[CLIENT_HEAD, ALERT.illegalParameter]],
};

describe("cut at every byte, or with bytes too many", () => {
  it.each(indexed(CLIENT_SAYS))("the server door cannot parse %s", async (name, at) => {
    const found = await exceptions(async (bend) => alertFor(await openServerDoor(pki), CLIENT_SAYS, at, bend));
    expect(found).toEqual(OLDER[name] ?? []);
  });

  it.each(indexed(SERVER_SAYS))("the client door cannot parse %s", async (name, at) => {
    const found = await exceptions(async (bend) => alertFor(await openClientDoor(pki), SERVER_SAYS, at, bend));
    expect(found).toEqual(OLDER[name] ?? []);
  });
});
