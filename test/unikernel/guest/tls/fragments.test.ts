/** The same handshakes, cut and joined in every way that TCP and the record layer allow; and hellos of the worst shape. */
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { CANDY, makePki, openDoor, type Pki, type TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, EXTENSION, type Extensions, GROUP, TYPE, u16s, uint, vector } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("ed25519");
});

/** How a peer's bytes reach the door. */
type Delivery = (door: TestDoor, bytes: Uint8Array) => Uint8Array;
const cutAt =
  (cut: number): Delivery =>
  (door, bytes) =>
    Buffer.concat([door.receive(bytes.subarray(0, cut)), door.receive(bytes.subarray(cut))]);
const byteByByte: Delivery = (door, bytes) => door.receive(bytes, 1);

function expectCandy(door: TestDoor, peer: ClientPeer | ServerPeer): void {
  expect(peer.outcome()).toEqual({ alerts: [ALERT.closeNotify], data: CANDY });
  expect(door.closed).toBe(true);
}

async function attack(deliver: Delivery, play: (peer: ClientPeer) => void): Promise<void> {
  const { door } = await openDoor(pki, Role.Server);
  const peer = new ClientPeer((bytes) => deliver(door, bytes));
  play(peer);
  expectCandy(door, peer);
}

async function host(deliver: Delivery, play: (peer: ServerPeer) => void): Promise<void> {
  const { door, first } = await openDoor(pki, Role.Client);
  const peer = new ServerPeer((bytes) => deliver(door, bytes));
  peer.accept(first);
  peer.readHello();
  play(peer);
  peer.readClientFlight("certificate");
  expectCandy(door, peer);
}

describe("cut by TCP", () => {
  it("a client's flights cut in two at every byte", async () => {
    for (let cut = 1; cut < 850; cut++) {
      await attack(cutAt(cut), (peer) => {
        peer.untilFlight();
        peer.authenticate(pki.player);
      });
    }
  });

  it("a server's flights cut in two at every byte", async () => {
    for (let cut = 1; cut < 850; cut++) {
      await host(cutAt(cut), (peer) => {
        peer.sendServerHello();
        peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
      });
    }
  });

  it("byte by byte, both roles", async () => {
    await attack(byteByByte, (peer) => {
      peer.untilFlight();
      peer.authenticate(pki.player);
    });
    await host(byteByByte, (peer) => {
      peer.retry();
      peer.sendServerHello({ group: GROUP.p256 });
      peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
    });
  });
});

describe("cut by records", () => {
  it("a hello in records of any size", async () => {
    for (const size of [1, 2, 3, 4, 5, 64, 200]) {
      await attack(
        (door, bytes) => door.receive(bytes),
        (peer) => {
          const hello = peer.note(peer.hello());
          const records: Buffer[] = [];
          for (let at = 0; at < hello.length; at += size) {
            records.push(peer.pack(TYPE.handshake, hello.subarray(at, at + size)));
          }
          peer.sendRaw(...records);
          peer.readServerHello();
          peer.readServerFlight();
          peer.authenticate(pki.player);
        },
      );
    }
  });

  it("the second flight in two records, cut at every byte, padded", async () => {
    const flightLength = (peer: ClientPeer) => peer.certificateMessage(pki.player.chain).length + 4 + 4 + 64 + 4 + 32;
    let total = 1;
    for (let cut = 1; cut < total; cut++) {
      await attack(
        (door, bytes) => door.receive(bytes),
        (peer) => {
          peer.untilFlight();
          total = flightLength(peer);
          const flight = Buffer.concat(peer.authentication(pki.player));
          expect(flight.length).toBe(total);
          peer.sendRaw(
            peer.pack(TYPE.handshake, flight.subarray(0, cut), { padding: cut % 7 }),
            peer.pack(TYPE.handshake, flight.subarray(cut), { padding: cut % 3 }),
          );
        },
      );
    }
  });

  it("each message in a record of its own, and all padded to the limit", async () => {
    await host(
      (door, bytes) => door.receive(bytes),
      (peer) => {
        peer.sendServerHello();
        for (const message of peer.flight(pki.host)) {
          // 64 KiB are allowed in all before authentication: three full records, two small ones.
          const padding = message.length > 100 ? 16384 - message.length : 0;
          peer.sendRecord(TYPE.handshake, message, { padding });
        }
      },
    );
  });
});

describe("of the worst shape", () => {
  it("a hello of 16 KiB full of tiny extensions, suites, groups and shares is answered, and costs no memory", async () => {
    const hello = (peer: ClientPeer, filler: Extensions, more: Parameters<ClientPeer["hello"]>[0] = {}) =>
      peer.hello({ ...more, edit: (list) => [...(more.edit?.(list) ?? list), ...filler] });
    const tiny: Extensions = Array.from({ length: 4000 }, (_, i) => [0x2000 + i, Buffer.alloc(0)]);
    await attack(
      (door, bytes) => door.receive(bytes),
      (peer) => {
        peer.send(hello(peer, tiny));
        peer.readServerHello();
        peer.readServerFlight();
        peer.authenticate(pki.player);
      },
    );
    const suites = Array.from({ length: 8000 }, (_, i) => 0x2000 + i);
    await attack(
      (door, bytes) => door.receive(bytes),
      (peer) => {
        peer.send(peer.hello({ suites: [...suites, 0x1302] }));
        peer.readServerHello();
        peer.readServerFlight();
        peer.authenticate(pki.player);
      },
    );
    const groups = Array.from({ length: 2200 }, (_, i) => 0x4000 + i);
    const shares = groups.map((group) => Buffer.concat([uint(2, group), vector(2, Buffer.from([1]))]));
    await attack(
      (door, bytes) => door.receive(bytes),
      (peer) => {
        const all = [...groups.slice(0, 2000), GROUP.x25519];
        const own = Buffer.concat([uint(2, GROUP.x25519), vector(2, peer.pair(GROUP.x25519).publicKey)]);
        const bend = (list: Extensions): Extensions =>
          list.map(([type, data]) => {
            if (type === EXTENSION.supportedGroups) return [type, vector(2, u16s(...all))];
            if (type === EXTENSION.keyShare) return [type, vector(2, ...shares.slice(0, 2000), own)];
            return [type, data];
          });
        peer.send(peer.hello({ edit: bend }));
        peer.readServerHello();
        peer.readServerFlight();
        peer.authenticate(pki.player);
      },
    );
    const names = vector(2, ...Array.from({ length: 4000 }, () => Buffer.from([1, 0, 1, 0x61])));
    const protocols = vector(2, ...Array.from({ length: 8000 }, () => Buffer.from([1, 0x68])));
    for (const extension of [
      [EXTENSION.serverName, names.subarray(0, 15002)],
      [EXTENSION.alpn, protocols.subarray(0, 15002)],
    ] as Extensions) {
      extension[1].set(uint(2, extension[1].length - 2));
      await attack(
        (door, bytes) => door.receive(bytes),
        (peer) => {
          peer.send(hello(peer, [extension]));
          peer.readServerHello();
          peer.readServerFlight();
          peer.authenticate(pki.player);
        },
      );
    }
  });
});
