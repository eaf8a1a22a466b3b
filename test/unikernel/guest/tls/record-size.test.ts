/**
 * How long our protected records are: the peer's record_size_limit (RFC 8449) obeyed in both roles, ours kept to the byte, and
 * padding (RFC 8446 §5.4) that hides the length of chains and candy as far as that limit lets it.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer, type HelloOptions } from "../../../support/tls-peer/client.ts";
import type { Peer } from "../../../support/tls-peer/peer.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, EXTENSION, type Extensions, GROUP, TYPE, uint } from "../../../support/tls-peer/wire.ts";

/** TLSInnerPlaintext is padded to a multiple of this. */
const BLOCK = 512;
const OUR_LIMIT = 16385;

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

const limit = (value: number): Extensions[number] => [EXTENSION.recordSizeLimit, uint(2, value)];

/** Lengths of the TLSInnerPlaintexts that the door sent, in order, by the headers on the wire. */
class Wire {
  readonly inner: number[] = [];

  constructor(private readonly door: TestDoor) {}

  readonly link = (bytes: Uint8Array): Uint8Array => {
    const sent = Buffer.from(this.door.receive(bytes));
    for (let at = 0; at < sent.length; at += 5 + sent.readUInt16BE(at + 3)) {
      if (sent[at] === TYPE.data) this.inner.push(sent.readUInt16BE(at + 3) - 16);
    }
    return sent;
  };
}

interface Played {
  door: TestDoor;
  peer: Peer;
  inner: number[];
  data: Buffer;
}

async function asServer(options: HelloOptions, candy?: Buffer): Promise<Played & { peer: ClientPeer }> {
  const { door } = await openDoor(pki, Role.Server);
  if (candy) door.vault.candy = () => candy;
  const wire = new Wire(door);
  const peer = new ClientPeer(wire.link);
  peer.untilFlight(options);
  peer.authenticate(pki.player);
  const { alerts, data } = peer.outcome();
  expect([alerts, door.closed]).toEqual([[ALERT.closeNotify], true]);
  return { door, peer, inner: wire.inner, data };
}
async function asClient(extensions: Extensions, candy?: Buffer): Promise<Played & { peer: ServerPeer }> {
  const { door, first } = await openDoor(pki, Role.Client);
  if (candy) door.vault.candy = () => candy;
  const wire = new Wire(door);
  const peer = new ServerPeer(wire.link);
  peer.accept(first);
  peer.readHello();
  peer.sendServerHello();
  peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host, { encryptedExtensions: extensions })));
  peer.readClientFlight("certificate");
  const { alerts, data } = peer.outcome();
  expect([alerts, door.closed]).toEqual([[ALERT.closeNotify], true]);
  return { door, peer, inner: wire.inner, data };
}
const offered = (value: number): HelloOptions => ({ edit: (list) => [...list, limit(value)] });

/** A candy of any length, whose bytes say where they belong. */
const candyOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => 0x21 + (i % 90)));

describe("the peer's record_size_limit", () => {
  const LIMITS = [64, 65, 100, 511, 512, 513, 1000, 1024, 4097, 16384, 16385, 16386, 65535];

  it.each(LIMITS)("of %i holds for every record that the server door protects", async (value) => {
    const { peer, inner, data } = await asServer(offered(value), candyOf(2048));
    expect(data.equals(candyOf(2048))).toBe(true);
    expect(Math.max(...inner)).toBeLessThanOrEqual(Math.min(value, OUR_LIMIT));
    // It is made use of: all but the last record of a flight and the alert are as long as they may be.
    if (value <= 512) expect(inner.filter((length) => length < value)).toEqual([3]);
    expect([...peer.encryptedExtensions]).toEqual([[EXTENSION.recordSizeLimit, uint(2, OUR_LIMIT)]]);
  });

  it.each(LIMITS.filter((value) => value <= OUR_LIMIT))("of %i holds for the client door's", async (value) => {
    const { inner, data } = await asClient([limit(value)], candyOf(2048));
    expect(data.equals(candyOf(2048))).toBe(true);
    expect(Math.max(...inner)).toBeLessThanOrEqual(value);
    if (value <= 512) expect(inner.filter((length) => length < value)).toEqual([3]);
  });

  it("of 64 lets the longest flights that we ever make through", async () => {
    const long = { ...pki, anchorName: Buffer.alloc(1024, 5) };
    const chain = [...pki.server.chain, Buffer.alloc(8192 - 6 - pki.server.chain[0]!.length, 9)];
    for (const role of [Role.Server, Role.Client]) {
      const own = { ...long, server: { ...pki.server, chain }, client: { ...pki.client, chain } };
      const { door, first } = await openDoor(own, role);
      door.vault.candy = () => candyOf(2048);
      if (role === Role.Server) {
        const peer = new ClientPeer((bytes) => door.receive(bytes));
        peer.untilFlight({ groups: [GROUP.hybrid], ...offered(64) });
        peer.authenticate(pki.player);
        expect(peer.outcome().data.length).toBe(2048);
      } else {
        const peer = new ServerPeer((bytes) => door.receive(bytes));
        peer.accept(first);
        peer.readHello();
        peer.sendServerHello();
        const flight = peer.flight(pki.host, { encryptedExtensions: [limit(64)] });
        peer.sendRecord(TYPE.handshake, Buffer.concat(flight));
        expect(peer.readMessage()!.whole.length).toBeGreaterThan(8192);
        expect(door.gaveCandy).toBe(true);
      }
    }
  });

  it("of 64 holds for an alert, and for neither hello: those are in the clear", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const wire = new Wire(door);
    const peer = new ClientPeer(wire.link);
    peer.send(peer.hello({ groups: [GROUP.hybrid], ...offered(64) }));
    peer.readServerHello();
    expect(peer.records[0]!.content.length).toBeGreaterThan(1120);
    peer.readServerFlight();
    peer.send(peer.certificateMessage([]));
    expect(peer.outcome().alerts).toEqual([ALERT.certificateRequired]);
    expect(wire.inner.at(-1)).toBe(3);
  });

  it("is not answered to a client that sent none", async () => {
    const { peer, inner } = await asServer({});
    expect(peer.encryptedExtensions.size).toBe(0);
    expect(inner.length).toBe(3);
  });

  it("holds after HelloRetryRequest too", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const wire = new Wire(door);
    const peer = new ClientPeer(wire.link);
    peer.send(peer.hello({ shares: [], ...offered(100) }));
    peer.readRetry();
    peer.send(peer.hello(offered(100)));
    peer.readServerHello();
    peer.readServerFlight();
    peer.authenticate(pki.player);
    peer.outcome();
    expect([door.closed, Math.max(...wire.inner)]).toEqual([true, 100]);
  });
});

describe("our own record_size_limit", () => {
  it("is all that TLS 1.3 allows, in both roles", async () => {
    const { peer } = await asServer(offered(64));
    expect(peer.encryptedExtensions.get(EXTENSION.recordSizeLimit)!.readUInt16BE(0)).toBe(OUR_LIMIT);
    const { peer: server } = await asClient([]);
    expect(server.offered.get(EXTENSION.recordSizeLimit)!.readUInt16BE(0)).toBe(OUR_LIMIT);
  });

  it("is kept to the byte: padding counts", async () => {
    for (const more of [0, 1]) {
      const { door } = await openDoor(pki, Role.Server);
      const peer = new ClientPeer((bytes) => door.receive(bytes));
      peer.untilFlight(offered(64));
      const message = peer.certificateMessage(pki.player.chain);
      peer.sendRecord(TYPE.handshake, message, { padding: OUR_LIMIT - 1 - message.length + more });
      const refused = more === 0 ? [] : [[ALERT.recordOverflow, Failure.RecordOverflow]];
      expect(door.alertsSent).toEqual(refused);
    }
  });
});

describe("padding", () => {
  it("makes every protected record but alerts a multiple of 512 bytes when the peer has no limit of its own", async () => {
    for (const { inner } of [await asServer({}), await asClient([])]) {
      expect(inner.length).toBe(3);
      expect(inner.slice(0, 2).map((length) => length % BLOCK)).toEqual([0, 0]);
      expect(inner[2]).toBe(3);
    }
  });

  it("hides the candy's length within a block", async () => {
    const lengthOf = async (length: number) => (await asServer({}, candyOf(length))).inner[1];
    expect(await lengthOf(1)).toBe(BLOCK);
    expect(await lengthOf(BLOCK - 1)).toBe(BLOCK);
    expect(await lengthOf(BLOCK)).toBe(2 * BLOCK);
    expect(await lengthOf(2 * BLOCK - 1)).toBe(2 * BLOCK);
    expect(await lengthOf(2048)).toBe(5 * BLOCK);
  });

  it("hides the length of our certificates within a block", async () => {
    const flight = async (more: number) => {
      const own = { ...pki, server: { ...pki.server, chain: [...pki.server.chain, Buffer.alloc(more, 1)] } };
      const { door } = await openDoor(own, Role.Server);
      const wire = new Wire(door);
      new ClientPeer(wire.link).untilFlight();
      return wire.inner;
    };
    const lengths = await Promise.all(Array.from({ length: 40 }, (_, i) => flight(1 + 13 * i)));
    expect(lengths.flat().filter((length) => length % BLOCK !== 0)).toEqual([]);
    expect(new Set(lengths.flat()).size).toBeLessThanOrEqual(2);
  });

  it("gives way to the peer's limit, and never adds a record", async () => {
    const { inner } = await asServer(offered(700), candyOf(650));
    expect(inner.slice(-2)).toEqual([700, 3]);
    const exact = await asServer(offered(700), candyOf(699));
    expect(exact.inner.slice(-2)).toEqual([700, 3]);
    const one = await asServer(offered(700), candyOf(700));
    expect(one.inner.slice(-3)).toEqual([700, BLOCK, 3]);
  });
});
