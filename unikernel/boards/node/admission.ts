/** The board's side of the net compartment: limits on connections, and their deadlines (unikernel/guest/net.ts). */
import { isIPv4 } from "node:net";
import { view } from "./memory.ts";

interface NetExports {
  memory: WebAssembly.Memory;
  inbox(): number;
  configure(connections: number, fromPeer: number, millis: number): void;
  open(now: bigint): number;
  authenticated(slot: number, now: bigint): void;
  close(slot: number): void;
  expired(now: bigint): number;
  deadline(): bigint;
}

export interface Limits {
  /** Connections at once, 1 to 64. */
  connections: number;
  /** Connections of one peer at once. */
  fromPeer: number;
  /** Milliseconds for a handshake, and again to end. */
  handshakeMillis: number;
}

export type Admission = { slot: number } | { refused: "too-many-connections" | "too-many-from-peer" };

export class AdmissionHost {
  private readonly net: NetExports;

  constructor(module: WebAssembly.Module, limits: Limits) {
    this.net = new WebAssembly.Instance(module, {}).exports as unknown as NetExports;
    this.net.configure(limits.connections, limits.fromPeer, limits.handshakeMillis);
  }

  /** A slot for a connection of `address` (textual IPv4 or IPv6), or why not. `now` in milliseconds. */
  open(address: string, now: number): Admission {
    view(this.net.memory, this.net.inbox(), 16).set(addressBytes(address));
    const slot = this.net.open(BigInt(now));
    if (slot >= 0) return { slot };
    return { refused: slot === -1 ? "too-many-connections" : "too-many-from-peer" };
  }

  authenticated(slot: number, now: number): void {
    this.net.authenticated(slot, BigInt(now));
  }

  close(slot: number): void {
    this.net.close(slot);
  }

  /** A slot whose time is up, or undefined; close it before asking again. */
  expired(now: number): number | undefined {
    const slot = this.net.expired(BigInt(now));
    return slot < 0 ? undefined : slot;
  }

  /** Milliseconds since 1970 of the earliest deadline; undefined when no connection is open. */
  deadline(): number | undefined {
    const deadline = this.net.deadline();
    return deadline === 0n ? undefined : Number(deadline);
  }
}

/** The 16 bytes of an IPv6 address, or of an IPv4 address mapped into IPv6. Throws a TypeError on anything else. */
export function addressBytes(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (isIPv4(address)) {
    bytes.set([0xff, 0xff, ...address.split(".").map(Number)], 10);
    return bytes;
  }
  // The URL parser knows every textual form of IPv6 and gives back one: hex groups, the longest run of zeros as "::".
  const host = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = tail === undefined ? front : [...front, ...Array(8 - front.length - back.length).fill(0), ...back];
  all.forEach((group, i) => {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  });
  return bytes;
}
