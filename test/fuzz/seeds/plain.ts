/**
 * Conversations with the plain doors: the tests' own TLS peers with their record protection taken out as in the guest, playing every known
 * refusal (test/support/tls-peer/refusals) and the handshakes that succeed.
 */
import { Role } from "../../../unikernel/guest/role.ts";
import type { Pki, TestDoor } from "../../support/door-host.ts";
import { ClientPeer } from "../../support/tls-peer/client.ts";
import { type KeyPair, TrafficKeys } from "../../support/tls-peer/keys.ts";
import type { Link } from "../../support/tls-peer/peer.ts";
import type { Scene } from "../../support/tls-peer/refusal.ts";
import { CLIENT_FLIGHT_REFUSALS } from "../../support/tls-peer/refusals/client-flight.ts";
import { CLIENT_HELLO_REFUSALS } from "../../support/tls-peer/refusals/client-hello.ts";
import { LIMIT_REFUSALS } from "../../support/tls-peer/refusals/limits.ts";
import { RECORD_REFUSALS } from "../../support/tls-peer/refusals/records.ts";
import { RETRY_REQUEST_REFUSALS } from "../../support/tls-peer/refusals/retry-request.ts";
import { SECOND_HELLO_REFUSALS } from "../../support/tls-peer/refusals/second-hello.ts";
import { SERVER_FLIGHT_REFUSALS } from "../../support/tls-peer/refusals/server-flight.ts";
import { SERVER_HELLO_REFUSALS } from "../../support/tls-peer/refusals/server-hello.ts";
import { type ServerHelloOptions, ServerPeer } from "../../support/tls-peer/server.ts";
import { GROUP, record, TYPE } from "../../support/tls-peer/wire.ts";
import { type DoorModules, doorInput, FLAG, FuzzDoor } from "../replay-door.ts";
import type { Recorded } from "./programs.ts";

const TAG_LENGTH = 16;
const MOST_CHUNK = 0xffff;

/** Makes every {@link TrafficKeys} of this process the null cipher of the plain doors. */
export function takeProtectionOut(): void {
  TrafficKeys.prototype.seal = (type, content, options = {}) => {
    const inner = options.bare
      ? Buffer.from(content)
      : Buffer.concat([content, Buffer.from([type]), Buffer.alloc(options.padding ?? 0)]);
    return record(options.outerType ?? TYPE.data, Buffer.concat([inner, Buffer.alloc(TAG_LENGTH)]));
  };
  TrafficKeys.prototype.open = (sealed) => {
    const inner = sealed.subarray(5, -TAG_LENGTH);
    let end = inner.length;
    while (inner[end - 1] === 0) end--;
    return { type: inner[end - 1]!, content: inner.subarray(0, end - 1) };
  };
}

type Play<P> = (scene: Scene<P>) => void;

export interface PlainSeeds {
  /** The peer's hello that most of the conversations begin with. */
  prefix: Buffer;
  seeds: Recorded[];
}

export function recordPlainClients(modules: DoorModules, pki: Pki): PlainSeeds {
  const pattern = new ClientPeer(() => new Uint8Array(0));
  const prefix = record(TYPE.handshake, pattern.hello());
  const plays: [string, Play<ClientPeer>][] = [
    ["candy", handshake({})],
    ["candy-p256", handshake({ groups: [GROUP.p256] })],
    ["candy-hybrid", handshake({ groups: [GROUP.hybrid] })],
    ["candy-aes256", handshake({ suites: [0x1302] })],
    ["candy-chacha", handshake({ suites: [0x1303] })],
    ["candy-retry", afterRetry],
    ...[RECORD_REFUSALS, CLIENT_HELLO_REFUSALS, SECOND_HELLO_REFUSALS, CLIENT_FLIGHT_REFUSALS, LIMIT_REFUSALS]
      .flat()
      .map(([name, , , play]): [string, Play<ClientPeer>] => [name, play]),
  ];
  const open = (link: Link) => new SameClient(link, pattern);
  return { prefix, seeds: plays.map(([name, play]) => record1(modules, pki, prefix, name, open, play)) };
}

export function recordPlainServers(modules: DoorModules, pki: Pki): PlainSeeds {
  const door = new FuzzDoor(modules);
  const pattern = new ServerPeer((bytes) => door.deliver(bytes));
  pattern.accept(door.first);
  pattern.readHello();
  const hello = pattern.serverHello();
  const prefix = record(TYPE.handshake, hello);
  const plays: [string, Play<ServerPeer>][] = [
    ["candy", flight({})],
    ["candy-aes256", flight({ suite: 0x1302 })],
    ["candy-hybrid", flight({ group: GROUP.hybrid })],
    [
      "candy-not-asked",
      ({ peer }) => {
        peer.sendServerHello();
        peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.player, { request: null })));
      },
    ],
    [
      "candy-retry",
      ({ peer }) => {
        peer.retry({ cookie: Buffer.from("a cookie") });
        peer.sendServerHello({ group: GROUP.p256 });
        peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.player)));
      },
    ],
    ...[SERVER_HELLO_REFUSALS, RETRY_REQUEST_REFUSALS, SERVER_FLIGHT_REFUSALS]
      .flat()
      .map(([name, , , play]): [string, Play<ServerPeer>] => [name, play]),
  ];
  const open = (link: Link) => new SameServer(link, pattern, hello);
  return { prefix, seeds: plays.map(([name, play]) => record1(modules, pki, prefix, name, open, play)) };
}

function handshake(options: Parameters<ClientPeer["hello"]>[0]): Play<ClientPeer> {
  return ({ peer, pki }) => {
    peer.untilFlight(options);
    peer.authenticate(pki.player);
  };
}

const afterRetry: Play<ClientPeer> = ({ peer, pki }) => {
  peer.send(peer.hello({ shares: [] }));
  peer.readRetry();
  peer.send(peer.hello());
  peer.readServerHello();
  peer.readServerFlight();
  peer.authenticate(pki.player);
};

function flight(options: ServerHelloOptions): Play<ServerPeer> {
  return ({ peer, pki }) => {
    peer.sendServerHello(options);
    peer.sendRecord(TYPE.handshake, Buffer.concat(peer.flight(pki.player)));
  };
}

/** Plays once against a fresh door and keeps what was said to it, without the prefix where it begins with that. */
function record1<P extends ClientPeer | ServerPeer>(
  modules: DoorModules,
  pki: Pki,
  prefix: Buffer,
  name: string,
  open: (link: Link) => P,
  play: Play<P>,
): Recorded {
  const door = new FuzzDoor(modules);
  const chunks: Buffer[] = [];
  const peer = open((bytes) => {
    chunks.push(Buffer.from(bytes));
    return door.deliver(bytes);
  });
  if (modules.role === Role.Client && peer instanceof ServerPeer) {
    peer.accept(door.first);
    peer.readHello();
  }
  try {
    play({ peer, pki, door: door as unknown as TestDoor });
  } catch (error) {
    // A refusal that needs the other host of doors goes as far as it goes here.
    if (error instanceof WebAssembly.RuntimeError) throw error;
  }
  const begun = chunks[0]?.equals(prefix) ?? false;
  const said = (begun ? chunks.slice(1) : chunks).map((chunk) => chunk.subarray(0, MOST_CHUNK));
  const flags = begun ? FLAG.begun : 0;
  const records = framed(Buffer.concat(said));
  const input = records === undefined ? doorInput(flags, said) : doorInput(flags | FLAG.framed, records);
  return { name, input, candy: door.gaveCandy };
}

/** The chunks of a framed input that stand for these bytes; undefined when they are not whole records as the harness makes them. */
function framed(bytes: Buffer): Buffer[] | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + (at + 5 <= bytes.length ? bytes.readUInt16BE(at + 3) : bytes.length);
    if (end > bytes.length || bytes.readUInt16BE(at + 1) !== 0x0303) return undefined;
    const body = bytes.subarray(at + 5, end);
    if (bytes[at] === TYPE.data) {
      const inner = body.subarray(0, -TAG_LENGTH);
      if (inner.length === 0 || inner.at(-1) === 0 || body.subarray(-TAG_LENGTH).some((byte) => byte !== 0))
        return undefined;
      chunks.push(Buffer.concat([Buffer.from([0x80 | inner.at(-1)!]), inner.subarray(0, -1)]));
    } else {
      chunks.push(Buffer.concat([bytes.subarray(at, at + 1), body]));
    }
    at = end;
  }
  return chunks;
}

/** A client whose hello is always that of `pattern`. */
class SameClient extends ClientPeer {
  constructor(link: Link, pattern: ClientPeer) {
    super(link);
    Object.assign(this, { random: pattern.random, pairs: new Map<number, KeyPair>(pattern.pairs) });
  }
}

/** A server whose ServerHello, unless it is bent, is always that of `pattern`. */
class SameServer extends ServerPeer {
  constructor(
    link: Link,
    private readonly pattern: ServerPeer,
    private readonly hello: Buffer,
  ) {
    super(link);
  }

  override serverHello(options: ServerHelloOptions = {}): Buffer {
    if (Object.keys(options).length > 0) return super.serverHello(options);
    this.suite = this.pattern.suite;
    this.secrets = this.pattern.secrets;
    return this.hello;
  }
}
