/**
 * A small DHCP server (RFC 2131, options of RFC 2132) on a wire: it answers what a board broadcasts or sends to it, and passes every
 * other frame on, both ways. It keeps what it was asked, in order, for tests to look at.
 */
import { concat, uint } from "./der.ts";
import type { FrameWire } from "./frame-wire.ts";
import { BROADCAST, ipv4Bytes, ipv4Text, Protocol, parseIpv4, u16, udp } from "./frames.ts";

/** DHCP message types (option 53). */
export const Dhcp = { Discover: 1, Offer: 2, Request: 3, Decline: 4, Ack: 5, Nak: 6, Release: 7 } as const;
const Option = { Mask: 1, Router: 3, Requested: 50, Lease: 51, Type: 53, Server: 54, Renew: 58, Rebind: 59, End: 255 };
const MAGIC = Uint8Array.from([0x63, 0x82, 0x53, 0x63]);
const OPTIONS = 240;
const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const MAC = Uint8Array.from([2, 0, 0, 0, 0, 0x43]);

export interface Lease {
  server: string;
  address: string;
  mask: string;
  router?: string;
  /** Seconds; the client renews after half of it. */
  seconds: number;
}

/** A client's message. */
export interface DhcpRequest {
  type: number;
  mac: Uint8Array;
  transaction: Uint8Array;
  /** Source of the IP packet: 0.0.0.0 before there is an address, the address when it is renewed. */
  source: string;
  destination: string;
  requested: string | undefined;
  server: string | undefined;
}

/** What to say to a request: an answer's type, or nothing. */
export type Policy = (request: DhcpRequest) => number | undefined;

/** An ordinary server: OFFER for DISCOVER, ACK for REQUEST. */
export const willing: Policy = ({ type }) =>
  type === Dhcp.Discover ? Dhcp.Offer : type === Dhcp.Request ? Dhcp.Ack : undefined;

export class DhcpServer implements FrameWire {
  readonly requests: DhcpRequest[] = [];
  /** May be changed at any time. */
  policy: Policy = willing;
  private listener: (frame: Uint8Array) => void = () => {};
  private readonly waiting = new Set<() => void>();
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly inner: FrameWire,
    readonly lease: Lease,
  ) {
    inner.onFrame((frame) => this.listener(frame));
  }

  send(frame: Uint8Array): void {
    const request = parseRequest(frame);
    if (request === undefined) {
      this.inner.send(frame);
      return;
    }
    this.requests.push(request);
    const type = this.policy(request);
    // A real answer takes at least until the sender has returned.
    if (type !== undefined) {
      this.last = new Promise((resolve) =>
        setImmediate(() => {
          this.listener(this.answer(request, type));
          resolve();
        }),
      );
    }
    for (const wake of [...this.waiting]) wake();
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.listener = listener;
  }

  /** Resolves when so many requests that `match` accepts have come. */
  until(count: number, match: (request: DhcpRequest) => boolean): Promise<DhcpRequest[]> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.requests.filter(match);
        if (found.length < count) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Resolves when the answer to the last request is out. */
  answered(): Promise<void> {
    return this.last;
  }

  private answer({ mac, transaction }: DhcpRequest, type: number): Uint8Array {
    const { server, address, mask, router, seconds } = this.lease;
    const refused = type === Dhcp.Nak;
    const message = concat(
      ...[Uint8Array.from([2, 1, 6, 0]), transaction, uint(4, 0), uint(4, 0)],
      ...[ipv4Bytes(refused ? "0.0.0.0" : address), ipv4Bytes(server), uint(4, 0)],
      ...[mac, new Uint8Array(10), new Uint8Array(64 + 128), MAGIC],
      option(Option.Type, Uint8Array.of(type)),
      option(Option.Server, ipv4Bytes(server)),
      ...(refused
        ? []
        : [
            option(Option.Mask, ipv4Bytes(mask)),
            option(Option.Lease, uint(4, seconds)),
            ...(router === undefined ? [] : [option(Option.Router, ipv4Bytes(router))]),
          ]),
      Uint8Array.of(Option.End),
    );
    const to = { mac: BROADCAST, address: "255.255.255.255" };
    return udp({ from: { mac: MAC, address: server }, to }, SERVER_PORT, CLIENT_PORT, message);
  }
}

function option(code: number, value: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(code, value.length), value);
}

/** A BOOTP request to port 67 in a frame; undefined when the frame is anything else. */
function parseRequest(frame: Uint8Array): DhcpRequest | undefined {
  const packet = parseIpv4(frame);
  if (packet?.protocol !== Protocol.Udp || u16(packet.payload, 2) !== SERVER_PORT) return undefined;
  const message = packet.payload.subarray(8);
  if (message.length < OPTIONS || message[0] !== 1) return undefined;
  const options = new Map<number, Uint8Array>();
  for (let at = OPTIONS; at < message.length && message[at] !== Option.End; ) {
    const [code = 0, length = 0] = message.subarray(at, at + 2);
    if (code !== 0) options.set(code, message.slice(at + 2, at + 2 + length));
    at += code === 0 ? 1 : 2 + length;
  }
  const address = (code: number) => (options.has(code) ? ipv4Text(options.get(code)!) : undefined);
  return {
    type: options.get(Option.Type)?.[0] ?? 0,
    mac: message.slice(28, 34),
    transaction: message.slice(4, 8),
    source: packet.source,
    destination: packet.destination,
    requested: address(Option.Requested),
    server: address(Option.Server),
  };
}
