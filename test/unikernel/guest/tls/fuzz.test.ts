/**
 * Conversations with peers that have everything but a key: right messages in wrong orders, wrong messages, bytes flipped,
 * dropped and repeated. Whatever they do, the door neither traps nor gives candy, and what it says last is an alert.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../../../unikernel/guest/role.ts";
import { type Credential, doorModule, FakeVault, makePki, type Pki, TestDoor } from "../../../support/door-host.ts";
import { ClientPeer } from "../../../support/tls-peer/client.ts";
import type { Peer } from "../../../support/tls-peer/peer.ts";
import { ServerPeer } from "../../../support/tls-peer/server.ts";
import { ALERT, alert, GROUP, handshake, MESSAGE, record, TYPE } from "../../../support/tls-peer/wire.ts";

let pki: Pki;
let module: WebAssembly.Module;
/** The player's public certificate with somebody else's key: all that an attacker can have. */
let thief: Credential;
let impostor: Credential;
beforeAll(async () => {
  pki = await makePki("p256");
  module = await doorModule();
  thief = { ...pki.stranger, chain: pki.player.chain };
  impostor = { ...pki.stranger, chain: pki.host.chain };
});

/** A change to one delivery of bytes. */
type Mutation = { call: number; at: number; kind: "flip" | "drop" | "repeat" | "cut"; value: number };

const mutations = fc.array(
  fc.record({
    call: fc.nat(6),
    at: fc.nat(1200),
    kind: fc.constantFrom("flip", "drop", "repeat", "cut"),
    value: fc.integer({ min: 1, max: 255 }),
  }) as fc.Arbitrary<Mutation>,
  { maxLength: 3 },
);

function mutate(bytes: Uint8Array, { at, kind, value }: Mutation): Uint8Array {
  const position = at % Math.max(1, bytes.length);
  const [head, tail] = [bytes.subarray(0, position), bytes.subarray(position)];
  switch (kind) {
    case "flip":
      return Buffer.concat([head, Buffer.from([(tail[0] ?? 0) ^ value]), tail.subarray(1)]);
    case "drop":
      return Buffer.concat([head, tail.subarray(value)]);
    case "repeat":
      return Buffer.concat([head, tail.subarray(0, value), tail]);
    case "cut":
      return head;
  }
}

/** A link that bends what passes through it. */
function link(door: TestDoor, list: Mutation[]): (bytes: Uint8Array) => Uint8Array {
  let call = 0;
  return (bytes) => {
    const mine = list.filter((mutation) => mutation.call === call);
    call += 1;
    return door.receive(mine.reduce(mutate, bytes));
  };
}

/** Plays as far as it goes: a peer that can no longer follow gives up; a trap of the door does not pass as that. */
function play(steps: (() => void)[]): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
  }
}

function expectNoCandy(door: TestDoor): void {
  expect([door.gaveCandy, door.authenticated]).toEqual([false, false]);
  expect(door.vault.calls).not.toContain("candy");
  if (!door.closed) door.peerClosed();
  expect(door.closed).toBe(true);
  expect(door.alertsSent.length).toBeLessThanOrEqual(1);
  expect(door.traces.at(-1)).toMatchObject({ code: 2, a: 8 });
}

const anybody = (peer: Peer): Record<string, () => void> => ({
  ccs: () => peer.sendRaw(record(TYPE.ccs, Buffer.from([1]))),
  canceled: () => peer.sendRecord(TYPE.alert, alert(ALERT.userCanceled, 1)),
  data: () => peer.sendRecord(TYPE.data, Buffer.from("GET / HTTP/1.1\r\n\r\n")),
  keyUpdate: () => peer.send(handshake(MESSAGE.keyUpdate, Buffer.from([1]))),
  emptyCertificate: () => peer.send(peer.certificateMessage([])),
  unknown: () => peer.send(handshake(99, Buffer.alloc(9))),
});

const clientActions = (peer: ClientPeer): Record<string, () => void> => ({
  ...anybody(peer),
  hello: () => peer.send(peer.hello()),
  helloHybrid: () => peer.send(peer.hello({ groups: [GROUP.hybrid, GROUP.x25519] })),
  bareHello: () => peer.send(peer.hello({ shares: [] })),
  readRetry: () => void peer.readRetry(),
  readHello: () => peer.readServerHello(),
  readFlight: () => peer.readServerFlight(),
  certificate: () => peer.send(peer.certificateMessage(thief.chain)),
  strangersCertificate: () => peer.send(peer.certificateMessage(pki.stranger.chain)),
  verify: () => peer.send(peer.verifyMessage(thief)),
  asServer: () => peer.send(peer.verifyMessage(thief, { role: Role.Server })),
  finished: () => peer.send(peer.finished()),
  echo: () => peer.send(peer.finishedMessage(peer.handshakeSecrets.server)),
  all: () => peer.authenticate(thief),
});

const serverActions = (peer: ServerPeer): Record<string, () => void> => ({
  ...anybody(peer),
  retry: () => peer.retry(),
  hello: () => peer.sendServerHello(),
  helloHybrid: () => peer.sendServerHello({ group: GROUP.hybrid }),
  helloP256: () => peer.sendServerHello({ group: GROUP.p256 }),
  extensions: () => peer.send(peer.encryptedExtensions()),
  request: () => peer.send(peer.requestMessage()),
  certificate: () => peer.send(peer.certificateMessage(impostor.chain)),
  verify: () => peer.send(peer.verifyMessage(impostor)),
  asClient: () => peer.send(peer.verifyMessage(impostor, { role: Role.Client })),
  finished: () => peer.send(peer.finishedMessage(peer.handshakeSecrets.server)),
  all: () => peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(impostor))),
});

const names = (actions: object) => Object.keys(actions);
/** Often the usual beginning, so that the states behind it are reached; then anything. */
const script = (usual: string[], all: string[]) =>
  fc
    .tuple(fc.nat(usual.length), fc.array(fc.constantFrom(...all), { maxLength: 6 }))
    .map(([n, rest]) => [...usual.slice(0, n), ...rest]);

describe("peers without a key", () => {
  it("2,000 clients get nothing", () => {
    const usual = ["readHello", "readFlight", "certificate", "verify", "finished"];
    const all = names(clientActions({} as ClientPeer));
    const scripts = fc.oneof(script(["hello", ...usual], all), script(["helloHybrid", ...usual], all));
    fc.assert(
      fc.property(scripts, mutations, (steps, list) => {
        const door = new TestDoor(module, new FakeVault(pki));
        door.start(Role.Server);
        const peer = new ClientPeer(link(door, list));
        const actions = clientActions(peer);
        play(steps.map((step) => actions[step]!));
        expectNoCandy(door);
      }),
      { numRuns: 2000 },
    );
  });

  it("1,000 servers get nothing", () => {
    const usual = ["extensions", "request", "certificate", "verify", "finished"];
    const all = names(serverActions({} as ServerPeer));
    const scripts = fc.oneof(script(["hello", ...usual], all), script(["helloHybrid", ...usual], all));
    fc.assert(
      fc.property(scripts, mutations, (steps, list) => {
        const door = new TestDoor(module, new FakeVault(pki));
        const peer = new ServerPeer(link(door, list));
        peer.accept(door.start(Role.Client));
        peer.readHello();
        const actions = serverActions(peer);
        play(steps.map((step) => actions[step]!));
        expectNoCandy(door);
      }),
      { numRuns: 1000 },
    );
  });

  it("300 streams of anything at all, to both roles", () => {
    fc.assert(
      fc.property(fc.constantFrom(Role.Server, Role.Client), fc.uint8Array({ maxLength: 3000 }), (role, bytes) => {
        const door = new TestDoor(module, new FakeVault(pki));
        door.start(role);
        // As TLS records, so that more than the first header is read.
        for (let at = 0; at < bytes.length && !door.closed; at += 50) {
          door.receive(record(20 + (bytes[at]! & 3), bytes.subarray(at, at + 50)));
        }
        expectNoCandy(door);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a player with a key, over a wire that bends bytes", () => {
  it("800 handshakes: candy for the whole one, and nothing for one that was changed under protection", () => {
    const changed = mutations.filter((list) => list.length > 0 && list.every(({ call }) => call <= 1));
    fc.assert(
      fc.property(changed, (list) => {
        const door = new TestDoor(module, new FakeVault(pki));
        door.start(Role.Server);
        const sent: { before: Uint8Array; after: Uint8Array }[] = [];
        let call = 0;
        const peer = new ClientPeer((bytes) => {
          const after = list.filter((mutation) => mutation.call === call).reduce(mutate, bytes);
          sent.push({ before: bytes, after });
          call += 1;
          return door.receive(after);
        });
        play([() => peer.untilFlight(), () => peer.authenticate(pki.player)]);
        const intact = sent.length === 2 && sent.every(({ before, after }) => sameRecords(before, after));
        expect(door.gaveCandy).toBe(intact);
      }),
      { numRuns: 800 },
    );
  });
});

/** Equal, but for the version in a plaintext record's header, which a receiver must ignore, and what follows the end. */
function sameRecords(before: Uint8Array, after: Uint8Array): boolean {
  const normal = (bytes: Uint8Array) => {
    const copy = Buffer.from(bytes);
    if (copy[0] === TYPE.handshake && copy.length > 2) copy.fill(0, 1, 3);
    return copy;
  };
  const [expected, actual] = [normal(before), normal(after)];
  return expected[0] === TYPE.data ? actual.subarray(0, expected.length).equals(expected) : actual.equals(expected);
}
