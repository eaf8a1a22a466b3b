/** The door's entry: its interface to the board, what it leaves in memory, and what a trap does. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileGuest, ROOT } from "../../../infra/image/compile-guest.ts";
import { DoorHost, DoorTrapped } from "../../../unikernel/boards/node/door.ts";
import { MemoryPool } from "../../../unikernel/boards/node/memory-pool.ts";
import type { VaultHost } from "../../../unikernel/boards/node/vault.ts";
import { Role } from "../../../unikernel/guest/role.ts";
import { CANDY, doorModule, FakeVault, makePki, openDoor, type Pki, TestDoor } from "../../support/door-host.ts";
import { ClientPeer } from "../../support/tls-peer/client.ts";
import { type Secrets, TrafficKeys } from "../../support/tls-peer/keys.ts";
import { ServerPeer } from "../../support/tls-peer/server.ts";
import { ALERT, alert, GROUP, record, TYPE } from "../../support/tls-peer/wire.ts";

let pki: Pki;
beforeAll(async () => {
  pki = await makePki("p256");
});

describe("the interface", () => {
  it("has the exports and imports of the contract, and three pages of memory", async () => {
    const module = await doorModule();
    const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(exports.sort()).toEqual(
      [
        ...["memory", "inbox", "inboxSize", "outbox", "start", "receive", "peerClosed"],
        ...["outboxLength", "outboxTaken", "wipe"],
      ].sort(),
    );
    const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
    expect(imports.sort()).toEqual(
      [
        ...["board.trace", "vault.authenticate", "vault.authority", "vault.candy"],
        ...["vault.certificates", "vault.scheme", "vault.sign", "env.memory"],
      ].sort(),
    );
    const { door } = await openDoor(pki, Role.Server);
    expect(door.exports.memory.buffer.byteLength).toBe(3 * 65536);
    expect(() => door.exports.memory.grow(1)).toThrow(RangeError);
    expect(door.exports.inboxSize()).toBeGreaterThanOrEqual(4096);
  });

  it("traps on calls that no board makes", async () => {
    const module = await doorModule();
    const fresh = () => new TestDoor(module, new FakeVault(pki)).exports;
    const started = () => {
      const exports = fresh();
      exports.start(Role.Server);
      return exports;
    };
    for (const misuse of [
      () => fresh().start(2),
      () => fresh().start(-1),
      () => fresh().receive(1),
      () => fresh().peerClosed(),
      () => started().start(Role.Server),
      () => started().receive(8193),
      () => started().receive(-1),
    ]) {
      expect(misuse).toThrow(WebAssembly.RuntimeError);
    }
    const wiped = started();
    wiped.wipe();
    wiped.wipe();
    expect(wiped.outboxLength()).toBe(0);
    for (const misuse of [
      () => wiped.receive(1),
      () => wiped.peerClosed(),
      () => wiped.outbox(),
      () => wiped.inbox(),
    ]) {
      expect(misuse).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("takes its randomness from the seed alone", async () => {
    const module = await doorModule();
    const first = (seed: Buffer) => new TestDoor(module, new FakeVault(pki)).start(Role.Client, seed);
    const seed = randomBytes(32);
    expect(first(seed)).toEqual(first(seed));
    expect(first(seed)).not.toEqual(first(randomBytes(32)));
  });

  it("traps when the board claims more than there was room for", async () => {
    const { door } = await openDoor(pki, Role.Server);
    const peer = new ClientPeer((bytes) => door.receive(bytes));
    door.vault.sign = () => new Uint8Array(129);
    // The fake board itself refuses to write that much; a board that did not would find the door's own check.
    expect(() => peer.send(peer.hello())).toThrow("129 bytes for a capacity of 128");
  });
});

/** Whether a door's memory holds any 16 bytes in a row of `secret`. */
function holds(door: TestDoor, secret: Uint8Array): boolean {
  const memory = Buffer.from(door.exports.memory.buffer);
  const window = Math.min(16, secret.length);
  for (let at = 0; at + window <= secret.length; at++) {
    if (memory.includes(Buffer.from(secret.subarray(at, at + window)))) return true;
  }
  return false;
}

interface Known {
  secrets: Secrets;
  handshakeSecrets: { client: Buffer; server: Buffer };
  applicationSecrets?: { client: Buffer; server: Buffer };
}

function secretsOf(peer: Known): Record<string, Buffer> {
  const { suite } = peer.secrets;
  const out: Record<string, Buffer> = {
    shared: peer.secrets.shared,
    handshake: peer.secrets.handshake,
    master: peer.secrets.master,
  };
  for (const [epoch, pair] of Object.entries({ hs: peer.handshakeSecrets, ap: peer.applicationSecrets ?? {} })) {
    for (const [side, secret] of Object.entries<Buffer>(pair)) {
      const keys = new TrafficKeys(suite, secret);
      out[`${side} ${epoch} traffic`] = secret;
      out[`${side} ${epoch} key`] = keys.key;
      out[`${side} ${epoch} iv`] = keys.iv;
    }
  }
  return out;
}

function found(door: TestDoor, peer: Known): string[] {
  return Object.entries(secretsOf(peer))
    .filter(([, secret]) => holds(door, secret))
    .map(([name]) => name);
}

describe("memory", () => {
  const SUITES = [0x1301, 0x1302, 0x1303];
  const CASES = SUITES.flatMap((suite) => Object.values(GROUP).map((group) => [suite, group] as const)).filter(
    ([, group]) => group !== GROUP.p521,
  );

  it.each(CASES)(
    "server, suite %i, group %i: only what is still needed is there, and nothing once it has closed",
    async (suite, group) => {
      const seed = randomBytes(32);
      const door = new TestDoor(await doorModule(), new FakeVault(pki));
      door.start(Role.Server, seed);
      expect(holds(door, seed)).toBe(false);
      const peer = new ClientPeer((bytes) => door.receive(bytes));
      peer.untilFlight({ suites: [suite], groups: [group] });
      // The control: the scan finds what must be there. AES keys are stored bitsliced, so they do not show.
      const now = found(door, peer);
      expect(now).toEqual(
        expect.arrayContaining(["client hs traffic", "client hs iv", "client ap traffic", "server ap iv"]),
      );
      expect(now.filter((name) => !name.endsWith(" key"))).toEqual([
        ...["client hs traffic", "client hs iv", "client ap traffic", "server ap iv"],
      ]);
      peer.authenticate(pki.player);
      expect(peer.outcome().data).toEqual(CANDY);
      expect(found(door, peer)).toEqual([]);
      expect(holds(door, CANDY)).toBe(false);
      door.wipe();
      expect(found(door, peer)).toEqual([]);
    },
  );

  it.each(CASES)("client, suite %i, group %i: the same", async (suite, group) => {
    const door = new TestDoor(await doorModule(), new FakeVault(pki));
    const peer = new ServerPeer((bytes) => door.receive(bytes));
    peer.accept(door.start(Role.Client));
    peer.readHello();
    if (group === GROUP.p256) peer.retry({ suite, group });
    peer.sendServerHello({ suite, group });
    const now = found(door, peer).filter((name) => !name.endsWith(" key"));
    expect(now.sort()).toEqual(["client hs iv", "client hs traffic", "handshake", "server hs iv", "server hs traffic"]);
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.host)));
    peer.readClientFlight("certificate");
    expect(peer.outcome().data).toEqual(CANDY);
    expect(found(door, peer)).toEqual([]);
    expect(holds(door, CANDY)).toBe(false);
  });

  it("holds no secret after a refusal, an alert of the peer, or its FIN", async () => {
    const ends: ((door: TestDoor, peer: ClientPeer) => void)[] = [
      (_door, peer) => peer.sendRecord(99, Buffer.alloc(1)),
      (_door, peer) => peer.sendRecord(TYPE.alert, alert(ALERT.handshakeFailure)),
      (_door, peer) => peer.sendRecord(TYPE.alert, alert(ALERT.closeNotify)),
      (door) => door.peerClosed(),
      (_door, peer) => peer.sendRaw(record(TYPE.data, Buffer.alloc(99))),
      (_door, peer) => peer.authenticate(pki.stranger),
    ];
    for (const end of ends) {
      const { door } = await openDoor(pki, Role.Server);
      const peer = new ClientPeer((bytes) => door.receive(bytes));
      peer.untilFlight();
      end(door, peer);
      expect(door.closed).toBe(true);
      expect(found(door, peer)).toEqual([]);
    }
  });

  it("stays below 176 KiB in the handshakes that allocate most, in both roles", async () => {
    // The arena only grows, so the last byte that is not zero tells how far it got.
    const used = ({ exports }: TestDoor) => new Uint8Array(exports.memory.buffer).findLastIndex((byte) => byte !== 0);
    let most = 0;
    for (const [suite, group] of CASES) {
      const server = (await openDoor(pki, Role.Server)).door;
      const attacker = new ClientPeer((bytes) => server.receive(bytes));
      attacker.send(attacker.hello({ suites: [suite], groups: [group], shares: [] }));
      attacker.readRetry();
      attacker.untilFlight({ suites: [suite], groups: [group] });
      attacker.authenticate(pki.player);
      expect(attacker.outcome().data).toEqual(CANDY);
      const { door: client, first } = await openDoor(pki, Role.Client);
      const host = new ServerPeer((bytes) => client.receive(bytes));
      host.accept(first);
      host.readHello();
      const cookie = Buffer.alloc(8192, 1);
      host.retry({ suite, cookie, ...(group === GROUP.p256 ? { group } : { withoutGroup: true }) });
      host.sendServerHello({ suite, group });
      host.sendRecord(TYPE.handshake, Buffer.concat(host.flight(pki.host)));
      host.readClientFlight("certificate");
      expect(host.outcome().data).toEqual(CANDY);
      most = Math.max(most, used(server), used(client));
    }
    expect(most).toBeGreaterThan(100 * 1024);
    expect(most).toBeLessThan(176 * 1024);
  });

  it("wipe() zeroes all that was allocated, in the middle of a handshake too", async () => {
    const module = await doorModule();
    for (const role of [Role.Server, Role.Client]) {
      const { door, first } = await openDoor(pki, role);
      if (role === Role.Server) {
        const peer = new ClientPeer((bytes) => door.receive(bytes));
        peer.untilFlight();
        peer.sendRaw(record(TYPE.data, Buffer.alloc(1000, 0xaa)).subarray(0, 900));
        door.wipe();
        expect(found(door, peer)).toEqual([]);
      } else {
        const peer = new ServerPeer((bytes) => door.receive(bytes));
        peer.accept(first);
        peer.readHello();
        peer.sendServerHello();
        door.wipe();
        expect(found(door, peer)).toEqual([]);
      }
      // What is left is what every door has before its first allocation: the module's constants.
      const memory = Buffer.from(door.exports.memory.buffer);
      const other = new TestDoor(module, new FakeVault(pki));
      const constants = Buffer.from(other.exports.memory.buffer).subarray(0, lowestBuffer(other));
      expect(memory.subarray(lowestBuffer(other)).every((byte) => byte === 0)).toBe(true);
      expect(digest(memory.subarray(0, 1024))).toBe(digest(constants.subarray(0, 1024)));
    }
  });

  function lowestBuffer(door: TestDoor): number {
    return Math.min(door.exports.inbox(), door.exports.outbox());
  }
  function digest(bytes: Uint8Array): string {
    return createHash("sha256").update(bytes).digest("hex");
  }
});

describe("a trap", () => {
  it("is seen by the board, which sends nothing of what the door had ready, then or later", async () => {
    const out = "build/harness/tls-trap.wasm";
    await compileGuest({ entry: "test/unikernel/guest/harness/tls-trap.ts", out, pages: 3, memory: "given" });
    const module = new WebAssembly.Module(readFileSync(join(ROOT, out)));
    const vault = new FakeVault(pki);
    const forgotten: number[] = [];
    const host = new DoorHost(
      module,
      7,
      {
        scheme: (role: Role) => vault.scheme(role),
        certificates: (role: Role) => vault.certificates(role),
        authority: () => vault.authority(),
        sign: (role: Role, hash: Uint8Array) => vault.sign(role, hash),
        authenticate: (
          _door: number,
          role: Role,
          _now: number,
          ...rest: [number, Uint8Array, Uint8Array, Uint8Array]
        ) => ({
          ...vault.authenticate(role, ...rest),
          subject: "",
        }),
        candy: (_door: number, ticket: Uint8Array) => Uint8Array.from(vault.candy(ticket)),
        forget: (door: number) => forgotten.push(door),
      } as unknown as VaultHost,
      { trace: () => {}, judged: () => {} },
      () => Date.now(),
      new MemoryPool(3),
    );
    host.start(Role.Server);
    const peer = new ClientPeer((bytes) => host.receive(bytes).output);
    peer.untilFlight();
    // By now the candy lies sealed in the outbox of the trapped door; the peer sees none of it.
    expect(() => peer.authenticate(pki.player)).toThrow(DoorTrapped);
    expect(vault.calls).toContain("candy");
    expect(peer.outcome()).toEqual({ alerts: [], data: Buffer.alloc(0) });
    expect(() => host.receive(Buffer.from([1]))).toThrow(DoorTrapped);
    expect(() => host.peerClosed()).toThrow(DoorTrapped);
    host.wipe();
    expect(forgotten).toEqual([7]);
  });
});
