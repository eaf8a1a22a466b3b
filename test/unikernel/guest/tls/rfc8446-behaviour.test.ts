/**
 * What RFC 8446 says that an endpoint must send and must not send, where no other test looks: the fields of our hellos, the
 * form of our records, and the level of our alerts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { CANDY, makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import type { ReceivedRecord } from "../../../support/tls-peer/peer.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import {
  ALERT,
  Cursor,
  EXTENSION,
  GROUP,
  isGrease,
  MESSAGE,
  numbers,
  RETRY_RANDOM,
  TYPE,
} from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

/** A door and everything that it has sent. */
interface Heard<P> {
  door: TestDoor;
  peer: P;
  sent: Buffer[];
}
async function attack(): Promise<Heard<ClientPeer>> {
  const { door } = await openDoor(pki, Role.Server);
  const sent: Buffer[] = [];
  const peer = new ClientPeer((bytes) => {
    sent.push(Buffer.from(door.receive(bytes)));
    return sent.at(-1)!;
  });
  return { door, peer, sent };
}
async function host(): Promise<Heard<ServerPeer>> {
  const { door, first } = await openDoor(pki, Role.Client);
  const sent = [Buffer.from(first)];
  const peer = new ServerPeer((bytes) => {
    sent.push(Buffer.from(door.receive(bytes)));
    return sent.at(-1)!;
  });
  peer.accept(first);
  return { door, peer, sent };
}

/** A hello of either side, taken apart. */
function hello(message: Buffer, from: Role) {
  const fields = new Cursor(message.subarray(4));
  const legacyVersion = fields.uint(2);
  const random = fields.take(32);
  const sessionId = fields.vector(1);
  const suites = from === Role.Client ? numbers(fields.vector(2)) : [fields.uint(2)];
  const compression = from === Role.Client ? fields.vector(1) : fields.take(1);
  const block = new Cursor(fields.vector(2));
  expect(fields.left).toBe(0);
  const extensions: [number, Buffer][] = [];
  while (block.left > 0) extensions.push([block.uint(2), block.vector(2)]);
  return { legacyVersion, random, sessionId, suites, compression, extensions, byType: new Map(extensions) };
}
function shares(extension: Buffer): Map<number, Buffer> {
  const list = new Cursor(new Cursor(extension).vector(2));
  const found = new Map<number, Buffer>();
  while (list.left > 0) {
    const group = list.uint(2);
    expect(found.has(group)).toBe(false);
    found.set(group, list.vector(2));
  }
  return found;
}
function records(bytes: Buffer): { type: number; version: number; length: number; content: Buffer }[] {
  const list = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at + 3);
    const content = bytes.subarray(at + 5, at + 5 + length);
    expect(content.length).toBe(length);
    list.push({ type: bytes[at]!, version: bytes.readUInt16BE(at + 1), length, content });
    at += 5 + length;
  }
  return list;
}
/** The message that fills the first record of `bytes`: a hello, which a key change may follow. */
function onlyMessage(bytes: Buffer): Buffer {
  const { type, content } = records(bytes)[0]!;
  expect(type).toBe(TYPE.handshake);
  expect(content.length).toBe(4 + content.readUIntBE(1, 3));
  return content;
}

describe("our hellos", () => {
  it("a ClientHello says what the RFC fixes and offers nothing that it forbids", async () => {
    const { sent } = await host();
    const message = onlyMessage(sent[0]!);
    expect(message[0]).toBe(MESSAGE.clientHello);
    const said = hello(message, Role.Client);
    expect([said.legacyVersion, said.sessionId.length, said.compression.toString("hex")]).toEqual([0x0303, 32, "00"]);
    expect(said.suites.filter((suite) => !isGrease(suite))).toEqual([0x1301, 0x1303, 0x1302]);
    expect(said.byType.size).toBe(said.extensions.length);
    const versions = numbers(new Cursor(said.byType.get(EXTENSION.supportedVersions)!).vector(1));
    expect(versions.filter((version) => !isGrease(version))).toEqual([0x0304]);
    const groups = numbers(new Cursor(said.byType.get(EXTENSION.supportedGroups)!).vector(2));
    expect(groups.filter((group) => !isGrease(group))).toEqual([GROUP.hybrid, GROUP.x25519, GROUP.p256]);
    const schemes = numbers(new Cursor(said.byType.get(EXTENSION.signatureAlgorithms)!).vector(2));
    expect(schemes.filter((scheme) => !isGrease(scheme)).toSorted()).toEqual([0x0403, 0x0503, 0x0807]);
    // Shares only for groups in the list, in its order, each once.
    const shared = [...shares(said.byType.get(EXTENSION.keyShare)!).keys()];
    expect(shared.length).toBeGreaterThan(0);
    expect(shared).toEqual(groups.filter((group) => shared.includes(group)));
    const { cookie, preSharedKey, earlyData, pskModes, oidFilters } = EXTENSION;
    const postHandshakeAuth = 49;
    const truncatedHmac = 4;
    for (const type of [cookie, preSharedKey, earlyData, pskModes, oidFilters, postHandshakeAuth, truncatedHmac]) {
      expect(said.byType.has(type)).toBe(false);
    }
  });

  it("a second ClientHello is the first again, but for key_share and the cookie", async () => {
    for (const options of [{ group: GROUP.p256 }, { withoutGroup: true, cookie: Buffer.alloc(20, 5) }]) {
      const { peer, sent } = await host();
      peer.readHello();
      peer.retry(options);
      const first = hello(onlyMessage(sent[0]!), Role.Client);
      const second = records(sent[1]!).find(({ type }) => type === TYPE.handshake)!.content;
      const again = hello(second, Role.Client);
      const { cookie, keyShare } = EXTENSION;
      const fixed = ({ extensions }: typeof first) =>
        extensions.filter(([type]) => type !== cookie && type !== keyShare);
      expect({ ...again, extensions: fixed(again), byType: 0 }).toEqual({
        ...first,
        extensions: fixed(first),
        byType: 0,
      });
      if ("cookie" in options) {
        expect(again.byType.get(cookie)!.subarray(2).equals(options.cookie!)).toBe(true);
        expect(again.byType.get(keyShare)!.equals(first.byType.get(keyShare)!)).toBe(true);
      } else {
        expect(again.byType.has(cookie)).toBe(false);
        expect([...shares(again.byType.get(keyShare)!).keys()]).toEqual([GROUP.p256]);
      }
    }
  });

  it("randoms, session ids and key shares are new in every connection and drawn apart", async () => {
    const seen = new Set<string>();
    const note = (bytes: Buffer) => {
      expect(seen.has(bytes.toString("hex"))).toBe(false);
      seen.add(bytes.toString("hex"));
    };
    for (let i = 0; i < 20; i++) {
      const client = hello(onlyMessage((await host()).sent[0]!), Role.Client);
      note(client.random);
      note(client.sessionId);
      for (const [group, share] of shares(client.byType.get(EXTENSION.keyShare)!)) if (!isGrease(group)) note(share);
      const { peer, sent } = await attack();
      note(peer.random);
      peer.send(peer.hello());
      const server = hello(onlyMessage(sent[0]!), Role.Server);
      note(server.random);
      note(server.byType.get(EXTENSION.keyShare)!);
    }
  });

  it("ServerHello and HelloRetryRequest say what the RFC fixes, and have no extension but those that it needs", async () => {
    for (const shared of [[GROUP.x25519], []]) {
      const { peer, sent } = await attack();
      peer.send(peer.hello({ shares: shared, versions: [0x0305, 0x0304, 0x0303] }));
      const message = onlyMessage(sent[0]!);
      expect(message[0]).toBe(MESSAGE.serverHello);
      const said = hello(message, Role.Server);
      expect([said.legacyVersion, said.compression.toString("hex")]).toEqual([0x0303, "00"]);
      expect(said.sessionId.equals(Buffer.alloc(32, 0x5e))).toBe(true);
      expect(said.random.equals(RETRY_RANDOM)).toBe(shared.length === 0);
      expect(said.random.subarray(24, 31).toString()).not.toBe("DOWNGRD");
      expect(said.extensions.map(([type]) => type)).toEqual([EXTENSION.supportedVersions, EXTENSION.keyShare]);
      expect(said.byType.get(EXTENSION.supportedVersions)!.toString("hex")).toBe("0304");
    }
  });
});

/** Looks at all records of a whole handshake: `sent` as bytes, `opened` as the peer has read them. */
function checkRecords(sent: Buffer[], opened: ReceivedRecord[], from: Role): void {
  const list = records(Buffer.concat(sent));
  expect(list.length).toBe(opened.length);
  let finished = false;
  for (const [i, { type, version, length }] of list.entries()) {
    const { content, protected: sealed, type: inner } = opened[i]!;
    expect(version).toBe(i === 0 && from === Role.Client ? 0x0301 : 0x0303);
    expect(content.length).toBeGreaterThan(0);
    expect(content.length).toBeLessThanOrEqual(16384);
    // The rest is type, padding and tag. The last byte that is not zero was taken for the type, so the padding is zeros.
    if (sealed) {
      expect([type, KNOWN_TYPES.includes(inner)]).toEqual([TYPE.data, true]);
      expect(length).toBeGreaterThanOrEqual(content.length + 17);
      expect(length).toBeLessThanOrEqual(16384 + 17);
    }
    if (inner === TYPE.alert) expect(content.length).toBe(2);
    if (inner === TYPE.ccs) expect([content.toString("hex"), sealed]).toEqual(["01", false]);
    if (inner === TYPE.data) expect([sealed, finished]).toEqual([true, true]);
    if (inner !== TYPE.handshake) continue;
    // Whole messages, and what a key change may follow ends its record.
    const types: number[] = [];
    for (let at = 0; at < content.length; at += 4 + content.readUIntBE(at + 1, 3)) types.push(content[at]!);
    for (const before of [MESSAGE.clientHello, MESSAGE.serverHello, MESSAGE.finished, MESSAGE.keyUpdate]) {
      expect(types.slice(0, -1)).not.toContain(before);
    }
    expect(sealed).toBe(!types.includes(MESSAGE.clientHello) && !types.includes(MESSAGE.serverHello));
    finished ||= types.includes(MESSAGE.finished);
  }
  expect(finished).toBe(true);
}

const KNOWN_TYPES: number[] = [TYPE.alert, TYPE.handshake, TYPE.data];

describe("our records", () => {
  it("of the server door: versions, lengths, what is in the clear, where they end", async () => {
    for (const retried of [false, true]) {
      const { door, peer, sent } = await attack();
      if (retried) {
        peer.send(peer.hello({ shares: [] }));
        peer.readRetry();
      }
      peer.untilFlight();
      peer.authenticate(pki.player);
      expect(peer.outcome().data).toEqual(CANDY);
      checkRecords(sent, peer.records, Role.Server);
      expect(door.closed).toBe(true);
    }
  });

  it("of the client door: versions, lengths, what is in the clear, where they end", async () => {
    for (const group of [GROUP.x25519, GROUP.p256]) {
      const { door, peer, sent } = await host();
      peer.readHello();
      if (group === GROUP.p256) peer.retry({ group });
      peer.sendServerHello({ group });
      peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
      peer.readClientFlight("certificate");
      expect(peer.outcome().data).toEqual(CANDY);
      checkRecords(sent, peer.records, Role.Client);
      expect(door.closed).toBe(true);
    }
  });
});

describe("our alerts", () => {
  it("our alerts are fatal, but for close_notify", async () => {
    const plays: ((peer: ClientPeer) => void)[] = [
      (peer) => peer.sendRaw(Buffer.from("GET / HTTP/1.1")),
      (peer) => peer.send(peer.hello({ suites: [0x1304] })),
      (peer) => peer.send(peer.hello({ versions: [0x0303] })),
      (peer) => {
        peer.untilFlight();
        peer.send(peer.certificateMessage([]));
      },
      (peer) => {
        peer.untilFlight();
        peer.authenticate(pki.stranger);
      },
    ];
    for (const play of plays) {
      const { peer } = await attack();
      play(peer);
      peer.outcome();
      const { type, content } = peer.records.at(-1)!;
      expect([type, content[0], RFC8446_ALERTS.includes(content[1]!)]).toEqual([TYPE.alert, 2, true]);
    }
    const { peer } = await attack();
    peer.untilFlight();
    peer.authenticate(pki.player);
    peer.outcome();
    expect([...peer.records.at(-1)!.content]).toEqual([1, ALERT.closeNotify]);
  });
});

/** The error alerts that RFC 8446 §6 lets be sent (appendix B.2, without those of older TLS). */
const RFC8446_ALERTS = [
  ...[10, 20, 22, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86],
  ...[109, 110, 112, 113, 115, 116, 120],
];
