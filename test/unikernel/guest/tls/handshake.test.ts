/** Complete handshakes with the door in both roles: against the tests' own peer in every combination, and with itself. */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../unikernel/guest/role.ts";
import { State, TraceCode } from "../../../../unikernel/guest/trace.ts";
import { CANDY, makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { answerKey, Secrets, SUITES } from "../../../support/tls-peer/keys.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import {
  ALERT,
  alert,
  EXTENSION,
  GROUP,
  isGrease,
  numbers,
  record,
  SCHEME,
  TYPE,
  vector,
} from "../../../support/tls-peer/wire.ts";

const KINDS = ["p256", "ed25519"] as const;
const pkis = {} as Record<(typeof KINDS)[number], Pki>;
beforeAll(async () => {
  for (const kind of KINDS) pkis[kind] = await makePki(kind);
});

const GROUPS = [
  ["X25519MLKEM768", GROUP.hybrid],
  ["x25519", GROUP.x25519],
  ["secp256r1", GROUP.p256],
] as const;
const CASES = KINDS.flatMap((kind) =>
  SUITES.flatMap((suite) => GROUPS.map(([name, group]) => [suite.name, name, kind, suite.number, group] as const)),
);
const ALL_STATES = [1, 2, 3, 4, 5, 6, 7, 8];
const CCS = record(TYPE.ccs, Buffer.from([1]));

async function attack(pki: Pki): Promise<{ door: TestDoor; peer: ClientPeer }> {
  const { door } = await openDoor(pki, Role.Server);
  return { door, peer: new ClientPeer((bytes) => door.receive(bytes)) };
}

async function host(pki: Pki): Promise<{ door: TestDoor; peer: ServerPeer }> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  return { door, peer };
}

/** The door gave the candy and closed with close_notify, and its trace tells the whole story. */
function expectOpened(door: TestDoor, peer: ClientPeer | ServerPeer): void {
  expect(peer.outcome()).toEqual({ alerts: [ALERT.closeNotify], data: CANDY });
  expect([door.closed, door.authenticated, door.gaveCandy]).toEqual([true, true, true]);
  expect(door.states).toEqual(ALL_STATES);
  expect(door.vault.calls.filter((call) => call === "candy")).toEqual(["candy"]);
}

describe("server", () => {
  it.each(CASES)("%s, %s, %s", async (_suite, _group, kind, suite, group) => {
    const { door, peer } = await attack(pkis[kind]);
    peer.untilFlight({ suites: [suite], groups: [group] });
    expect([peer.suite.number, peer.group]).toEqual([suite, group]);
    expect(peer.authorities!.subarray(4).equals(pkis[kind].anchorName)).toBe(true);
    peer.authenticate(pkis[kind].player);
    expectOpened(door, peer);
    const negotiated = door.traces.find((trace) => trace.code === TraceCode.Negotiated)!;
    expect([negotiated.a, negotiated.b]).toEqual([suite, group]);
  });

  it.each(CASES)("HelloRetryRequest for %s, %s, %s", async (_suite, _group, kind, suite, group) => {
    const { door, peer } = await attack(pkis[kind]);
    const hello = { suites: [suite], groups: [GROUP.p521, group] };
    peer.send(peer.hello({ ...hello, shares: [] }));
    expect(peer.readRetry()).toBe(group);
    peer.sendRaw(CCS);
    peer.send(peer.hello({ ...hello, shares: [group] }));
    peer.readServerHello();
    peer.readServerFlight();
    peer.authenticate(pkis[kind].player);
    expectOpened(door, peer);
    // One ChangeCipherSpec: after the first message, so not again after ServerHello.
    expect(peer.records.map(({ type }) => type).filter((type) => type === TYPE.ccs).length).toBe(1);
    expect(peer.records[1]!.type).toBe(TYPE.ccs);
  });

  it("prefers AES-128-GCM, ChaCha20-Poly1305, AES-256-GCM, but what the client puts first when that is ChaCha20", async () => {
    for (const [offered, chosen] of [
      [[0x1302, 0x1303, 0x1301], 0x1301],
      [[0x1302, 0x1303], 0x1303],
      [[0x0a0a, 0x1303, 0x1301], 0x1303],
      [[0xc02f, 0x1302, 0x1302], 0x1302],
    ] as const) {
      const { peer } = await attack(pkis.p256);
      peer.send(peer.hello({ suites: [...offered] }));
      peer.readServerHello();
      expect(peer.suite.number).toBe(chosen);
    }
  });

  it("takes a share that is there before asking for another", async () => {
    for (const shared of [GROUP.x25519, GROUP.p256]) {
      const { peer } = await attack(pkis.p256);
      peer.untilFlight({ groups: [GROUP.hybrid, GROUP.x25519, GROUP.p256], shares: [shared] });
      expect(peer.group).toBe(shared);
    }
  });

  it("prefers X25519MLKEM768, x25519, secp256r1, whatever the client's order, in shares and in what it asks for", async () => {
    const ours = [GROUP.hybrid, GROUP.x25519, GROUP.p256];
    for (const best of [0, 1, 2]) {
      const groups = ours.slice(best).reverse();
      const { peer } = await attack(pkis.p256);
      peer.untilFlight({ groups, shares: groups });
      expect(peer.group).toBe(ours[best]);
      const unshared = await attack(pkis.p256);
      unshared.peer.send(unshared.peer.hello({ groups, shares: [] }));
      expect(unshared.peer.readRetry()).toBe(ours[best]);
    }
  });

  it("answers the hybrid with 1120 bytes: ciphertext, then the X25519 share", async () => {
    const { peer } = await attack(pkis.p256);
    peer.send(peer.hello({ groups: [GROUP.hybrid] }));
    peer.readServerHello();
    // type, length, version, random, session id, suite, compression, extensions, supported_versions, then key_share.
    const body = peer.records[0]!.content.subarray(4 + 2 + 32 + 33 + 3 + 2 + 6);
    expect(body.subarray(0, 8).toString("hex")).toBe("0033046411ec0460");
    expect(body.length).toBe(8 + 1120);
  });

  it("sends ChangeCipherSpec only to a client with a session id, and echoes that", async () => {
    const { door, peer } = await attack(pkis.p256);
    peer.untilFlight({ sessionId: Buffer.alloc(0) });
    peer.authenticate(pkis.p256.player);
    expectOpened(door, peer);
    expect(peer.records.some(({ type }) => type === TYPE.ccs)).toBe(false);
    const other = await attack(pkis.p256);
    other.peer.untilFlight({ sessionId: Buffer.from([7]) });
    expect(other.peer.records[1]!.type).toBe(TYPE.ccs);
  });

  it("tolerates GREASE, server_name, ALPN, padding, unknown extensions and suites", async () => {
    const { door, peer } = await attack(pkis.p256);
    const name = Buffer.from("piñata.example", "latin1");
    peer.untilFlight({
      suites: [0xdada, 0xc02b, 0x1301],
      groups: [0x4a4a, GROUP.x25519],
      shares: [GROUP.x25519],
      signatureSchemes: [0x1a1a, 0x0804, SCHEME.ecdsa],
      versions: [0x3a3a, 0x0304, 0x0303],
      edit: (extensions) => [
        [0x2a2a, Buffer.alloc(0)],
        [EXTENSION.serverName, vector(2, Buffer.from([0]), vector(2, name))],
        [EXTENSION.alpn, vector(2, vector(1, Buffer.from("h2")), vector(1, Buffer.from("http/1.1")))],
        ...extensions,
        [EXTENSION.recordSizeLimit, Buffer.from([0x40, 0x01])],
        [0xfafa, Buffer.from([0])],
        [EXTENSION.padding, Buffer.alloc(200)],
      ],
    });
    peer.authenticate(pkis.p256.player);
    expectOpened(door, peer);
  });

  it("passes over ChangeCipherSpec until the client's Finished, and user_canceled", async () => {
    const { door, peer } = await attack(pkis.p256);
    peer.untilFlight();
    peer.sendRaw(CCS, CCS);
    const [certificate, proof, finished] = peer.authentication(pkis.p256.player);
    peer.sendRecord(TYPE.handshake, certificate);
    peer.sendRaw(CCS);
    peer.sendRecord(TYPE.handshake, proof);
    peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1));
    peer.sendRecord(TYPE.handshake, finished);
    expectOpened(door, peer);
  });

  it("skips early data that it did not take, under the handshake key", async () => {
    const { door, peer } = await attack(pkis.p256);
    peer.send(peer.hello({ edit: (extensions) => [...extensions, [EXTENSION.earlyData, Buffer.alloc(0)]] }));
    for (let i = 0; i < 3; i++) peer.sendRaw(record(TYPE.data, Buffer.alloc(500, i)));
    peer.readServerHello();
    peer.readServerFlight();
    peer.authenticate(pkis.p256.player);
    expectOpened(door, peer);
  });

  it("skips early data after HelloRetryRequest until the second hello", async () => {
    const { door, peer } = await attack(pkis.p256);
    const early = (extensions: [number, Uint8Array][]) =>
      [...extensions, [EXTENSION.earlyData, Buffer.alloc(0)]] as [number, Uint8Array][];
    peer.send(peer.hello({ shares: [], edit: early }));
    for (let i = 0; i < 3; i++) peer.sendRaw(record(TYPE.data, Buffer.alloc(500, i)));
    peer.readRetry();
    peer.send(peer.hello({ shares: [GROUP.x25519] }));
    peer.readServerHello();
    peer.readServerFlight();
    peer.authenticate(pkis.p256.player);
    expectOpened(door, peer);
  });

  it("ignores a pre-shared key and makes a full handshake", async () => {
    const { door, peer } = await attack(pkis.p256);
    const identity = Buffer.concat([vector(2, Buffer.alloc(16)), Buffer.alloc(4)]);
    const psk = Buffer.concat([vector(2, identity), vector(2, vector(1, Buffer.alloc(32)))]);
    peer.untilFlight({
      edit: (extensions) => [
        ...extensions,
        [EXTENSION.pskModes, vector(1, Buffer.from([1]))],
        [EXTENSION.preSharedKey, psk],
      ],
    });
    peer.authenticate(pkis.p256.player);
    expectOpened(door, peer);
  });

  it("answers close_notify with close_notify at any time", async () => {
    const { door, peer } = await attack(pkis.p256);
    peer.sendRecord(TYPE.alert, alert(ALERT.closeNotify, 1));
    expect(peer.outcome().alerts).toEqual([ALERT.closeNotify]);
    expect(door.closed).toBe(true);
    const later = await attack(pkis.p256);
    later.peer.untilFlight();
    later.peer.sendRecord(TYPE.alert, alert(ALERT.closeNotify, 1));
    expect(later.peer.outcome().alerts).toEqual([ALERT.closeNotify]);
    expect([later.door.closed, later.door.gaveCandy]).toEqual([true, false]);
  });

  it("closes silently on any other alert, whatever its level", async () => {
    for (const level of [1, 2, 7]) {
      const { door, peer } = await attack(pkis.p256);
      // In the clear, as from a client that cannot follow our ServerHello.
      peer.send(peer.hello());
      peer.readServerHello();
      peer.readServerFlight();
      peer.sendRaw(record(TYPE.alert, alert(ALERT.illegalParameter, level)));
      expect(peer.outcome()).toEqual({ alerts: [], data: Buffer.alloc(0) });
      expect(door.closed).toBe(true);
      expect(door.traces.find((trace) => trace.code === TraceCode.AlertReceived)).toMatchObject({ a: 47, b: level });
    }
  });

  it("closes when the peer does, and sends nothing", async () => {
    const { door } = await attack(pkis.p256);
    expect(door.peerClosed().length).toBe(0);
    expect([door.closed, door.states]).toEqual([true, [State.Closed]]);
  });
});

describe("client", () => {
  it.each(CASES)("%s, %s, %s", async (_suite, _group, kind, suite, group) => {
    const { door, peer } = await host(pkis[kind]);
    if (group === GROUP.p256) peer.retry({ suite, group });
    peer.sendServerHello({ suite, group });
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis[kind].host)));
    peer.readClientFlight("certificate");
    expectOpened(door, peer);
    // One ChangeCipherSpec, before the second flight or the second hello.
    expect(peer.records.filter(({ type }) => type === TYPE.ccs).length).toBe(1);
    expect(peer.records[1]!.type).toBe(TYPE.ccs);
  });

  it("offers X25519MLKEM768 and x25519, with the same X25519 key for both, and asks for nothing more of a server without the hybrid", async () => {
    const { door, peer } = await host(pkis.p256);
    const groups = numbers(peer.offered.get(EXTENSION.supportedGroups)!.subarray(2));
    expect(groups.filter((group) => !isGrease(group))).toEqual([GROUP.hybrid, GROUP.x25519, GROUP.p256]);
    const hybrid = peer.share(GROUP.hybrid);
    expect(hybrid.length).toBe(1216);
    expect(peer.share(GROUP.x25519).equals(hybrid.subarray(1184))).toBe(true);
    peer.sendServerHello({ group: GROUP.x25519 });
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host)));
    peer.readClientFlight("certificate");
    expectOpened(door, peer);
  });

  it("ends in bad_record_mac when the ciphertext was changed on the way: both sides have another secret", async () => {
    const { door, peer } = await host(pkis.p256);
    const { share, shared } = answerKey(GROUP.hybrid, peer.share(GROUP.hybrid));
    share[700]! ^= 1;
    peer.send(peer.serverHello({ group: GROUP.hybrid, share }));
    peer.secrets = new Secrets(peer.suite, shared);
    peer.takeHandshakeKeys();
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host)));
    expect([door.closed, door.gaveCandy, door.alertsSent]).toEqual([
      true,
      false,
      [[ALERT.badRecordMac, Failure.BadRecordMac]],
    ]);
  });

  it("returns the cookie of a HelloRetryRequest, with or without a new group", async () => {
    for (const options of [
      { cookie: Buffer.alloc(300, 9), withoutGroup: true },
      { cookie: Buffer.alloc(8192, 8), group: GROUP.p256 },
    ]) {
      const { door, peer } = await host(pkis.p256);
      peer.retry(options);
      expect(peer.offered.get(EXTENSION.cookie)!.equals(vector(2, options.cookie))).toBe(true);
      peer.sendServerHello({ group: options.group ?? GROUP.x25519 });
      peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host)));
      peer.readClientFlight("certificate");
      expectOpened(door, peer);
    }
  });

  it("authenticates the server but not itself when it is not asked", async () => {
    const { door, peer } = await host(pkis.p256);
    peer.sendServerHello();
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host, { request: null })));
    peer.readClientFlight("none");
    expectOpened(door, peer);
    expect(door.vault.calls).toEqual(["authenticate", "candy"]);
  });

  it("sends an empty Certificate when the server takes no scheme of ours", async () => {
    const { door, peer } = await host(pkis.p256);
    peer.sendServerHello();
    const request = peer.requestMessage([[EXTENSION.signatureAlgorithms, vector(2, Buffer.from([8, 4]))]]);
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host, { request })));
    peer.readClientFlight("empty");
    expectOpened(door, peer);
    expect(door.vault.calls).not.toContain("sign");
  });

  it("takes supported_groups in EncryptedExtensions and unknown extensions in CertificateRequest", async () => {
    const { door, peer } = await host(pkis.p256);
    peer.sendServerHello();
    const request = peer.requestMessage([
      [0x7a7a, Buffer.alloc(3)],
      [EXTENSION.signatureAlgorithms, vector(2, Buffer.from([4, 3]))],
    ]);
    const encryptedExtensions: [number, Uint8Array][] = [
      [EXTENSION.supportedGroups, vector(2, Buffer.from([0x11, 0xec, 0, 29]))],
    ];
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pkis.p256.host, { request, encryptedExtensions })));
    peer.readClientFlight("certificate");
    expectOpened(door, peer);
  });

  it("says TLS 1.0 on the record of its first hello only", async () => {
    const { first } = await openDoor(pkis.p256, Role.Client);
    expect(Buffer.from(first.subarray(0, 3)).toString("hex")).toBe("160301");
  });
});

describe("the piñata with itself", () => {
  it.each(KINDS.flatMap((a) => KINDS.map((b) => [a, b] as const)))(
    "relayed: server with a %s, client with a %s certificate",
    async (serverKind, clientKind) => {
      // One authority, as a piñata has; only the leaves' kinds differ.
      const pki: Pki = { ...pkis[serverKind], client: (await makePki(clientKind, pkis[serverKind])).client };
      const server = await openDoor(pki, Role.Server);
      const client = await openDoor(pki, Role.Client);
      let toServer: Uint8Array = client.first;
      let toClient: Uint8Array;
      do {
        toClient = server.door.receive(toServer);
        toServer = client.door.receive(toClient);
      } while (toServer.length > 0 && !server.door.closed);
      for (const { door } of [server, client]) {
        expect([door.closed, door.gaveCandy, door.states]).toEqual([true, true, ALL_STATES]);
        expect(door.alertsSent).toEqual([[ALERT.closeNotify, 0]]);
        expect(door.traces.find((trace) => trace.code === TraceCode.Negotiated)!.b).toBe(GROUP.hybrid);
      }
    },
  );
});
