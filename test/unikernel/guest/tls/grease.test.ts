/** GREASE (RFC 8701): what both doors sprinkle into their lists, that it is random, and that it is the same when a hello is repeated. */
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { doorModule, FakeVault, makePki, openDoor, type Pki, TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { GREASE, REQUEST_GREASE } from "../../../support/tls-peer/refusals/grease.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { EXTENSION, GROUP, isGrease, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

async function host(): Promise<{ door: TestDoor; peer: ServerPeer }> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => door.receive(bytes));
  peer.accept(first);
  peer.readHello();
  return { door, peer };
}
async function attack(): Promise<ClientPeer> {
  const { door } = await openDoor(pki, Role.Server);
  const peer = new ClientPeer((bytes) => door.receive(bytes));
  peer.untilFlight();
  return peer;
}

/** All that a hello says of GREASE, as text. */
function greaseIn(peer: ServerPeer): string {
  const { suite, version, group, scheme, extension } = GREASE;
  const contents = peer.offered.get(extension(peer))!.toString("hex");
  return [suite(peer), version(peer), group(peer), scheme(peer), extension(peer), contents].join(" ");
}

describe("our ClientHello", () => {
  it("has one reserved value in each list, first in it, and a share of one byte for the group", async () => {
    const { peer } = await host();
    expect(isGrease(peer.suites[0]!)).toBe(true);
    expect(isGrease([...peer.offered.keys()][0]!)).toBe(true);
    const group = GREASE.group(peer);
    expect([...peer.shares().keys()]).toEqual([group, GROUP.hybrid, GROUP.x25519]);
    expect(peer.shares().get(group)!.length).toBe(1);
    // Throws when a list has none, or more than one.
    expect(greaseIn(peer)).not.toBe("");
  });

  it("draws them anew for each connection, each from all sixteen, with contents of zero to seven bytes", async () => {
    const seen = { suite: new Set(), version: new Set(), group: new Set(), scheme: new Set(), extension: new Set() };
    const lengths = new Set<number>();
    for (let i = 0; i < 250; i++) {
      const { peer } = await host();
      for (const [name, values] of Object.entries(seen)) values.add(GREASE[name as keyof typeof GREASE](peer));
      lengths.add(peer.offered.get(GREASE.extension(peer))!.length);
    }
    // That one of sixteen is not seen in 250 draws happens once in 600,000 runs for each list.
    for (const values of Object.values(seen)) expect(values.size).toBe(16);
    expect([...lengths].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("says the same after HelloRetryRequest, without a share for GREASE when one group was asked for", async () => {
    for (const options of [{ group: GROUP.p256 }, { withoutGroup: true, cookie: Buffer.alloc(9, 1) }]) {
      const { peer } = await host();
      const first = greaseIn(peer);
      const shares = peer.offered.get(EXTENSION.keyShare)!;
      peer.retry(options);
      expect(greaseIn(peer)).toBe(first);
      if (options.group) expect([...peer.shares().keys()]).toEqual([GROUP.p256]);
      else expect(peer.offered.get(EXTENSION.keyShare)!.equals(shares)).toBe(true);
    }
  });

  it("depends on the seed alone", async () => {
    const module = await doorModule();
    const say = () => new TestDoor(module, new FakeVault(pki)).start(Role.Client, Buffer.alloc(32, 7));
    expect(say()).toEqual(say());
  });
});

describe("our CertificateRequest", () => {
  it("has a reserved extension and a reserved scheme, new for each connection; nothing else that we send as server has one", async () => {
    const schemes = new Set<number>();
    const extensions = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const peer = await attack();
      schemes.add(REQUEST_GREASE.scheme(peer));
      extensions.add(REQUEST_GREASE.extension(peer));
      expect([...peer.encryptedExtensions.keys()].filter(isGrease)).toEqual([]);
    }
    expect(Math.min(schemes.size, extensions.size)).toBeGreaterThan(8);
  });

  it("names the trust anchor", async () => {
    const peer = await attack();
    const names = peer.request.get(EXTENSION.authorities)!;
    expect(names.readUInt16BE(0)).toBe(names.length - 2);
    expect(names.readUInt16BE(2)).toBe(pki.anchorName.length);
    expect(names.subarray(4).equals(pki.anchorName)).toBe(true);
  });
});

describe("a peer's GREASE", () => {
  it("in CertificateRequest and NewSessionTicket is passed over, and so is a certificate authority in either place", async () => {
    const { door, peer } = await host();
    peer.sendServerHello();
    const names = Buffer.from("00060004300230ff", "hex");
    const request = peer.requestMessage([
      [0xcaca, Buffer.alloc(9)],
      [EXTENSION.authorities, names],
      [EXTENSION.signatureAlgorithms, Buffer.from("00044a4a0403", "hex")],
    ]);
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host, { request })));
    peer.readClientFlight("certificate");
    peer.outcome();
    expect([door.closed, door.gaveCandy]).toEqual([true, true]);

    const { door: server } = await openDoor(pki, Role.Server);
    const client = new ClientPeer((bytes) => server.receive(bytes));
    client.untilFlight({ edit: (list) => [...list, [EXTENSION.authorities, names]] });
    client.authenticate(pki.player);
    client.outcome();
    expect([server.closed, server.gaveCandy]).toEqual([true, true]);
  });
});
