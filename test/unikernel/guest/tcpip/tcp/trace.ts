/**
 * Packet traces: `peer.sends("SYN seq=0 mss=1460")`, `peer.gets("SYN ACK seq=0 ack=1 win=8192 mss=1460")`. Sequence numbers are relative to
 * the first SYN of each side; time is moved by hand. `gets` takes all that the stack sends to this peer, in order, nothing more.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { ROOT } from "../../../../../infra/image/compile-guest.ts";
import { type Harness, loadHarness } from "../../../../support/harness.ts";

export const LOCAL = 0x0a00020f;
export const PEER = 0x0a000202;
export const PORT = 10000;
export const ESTABLISHED = 1;
export const READABLE = 2;
export const PEER_CLOSED = 4;
export const GONE = 8;

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;

export interface Wire {
  source: number;
  destination: number;
  flags: number;
  seq: number;
  ack: number;
  win: number;
  options: Uint8Array;
  data: Uint8Array;
}

function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff) + 6 + bytes.length;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

export function encode(wire: Wire, from: number, to: number): Buffer {
  const header = 20 + Math.ceil(wire.options.length / 4) * 4;
  const out = Buffer.alloc(header + wire.data.length);
  out.writeUInt16BE(wire.source, 0);
  out.writeUInt16BE(wire.destination, 2);
  out.writeUInt32BE(wire.seq >>> 0, 4);
  out.writeUInt32BE(wire.ack >>> 0, 8);
  out.writeUInt16BE(((header / 4) << 12) | wire.flags, 12);
  out.writeUInt16BE(wire.win, 14);
  out.set(wire.options, 20);
  out.set(wire.data, header);
  return fix(out, from, to);
}

/** Puts the right checksum in. */
export function fix(bytes: Buffer, from: number, to: number): Buffer {
  bytes.writeUInt16BE(0, 16);
  bytes.writeUInt16BE(sum(bytes, from, to), 16);
  return bytes;
}

export function decode(bytes: Buffer, from: number, to: number): Wire {
  expect(sum(bytes, from, to), "checksum").toBe(0);
  const header = (bytes[12]! >> 4) * 4;
  return {
    source: bytes.readUInt16BE(0),
    destination: bytes.readUInt16BE(2),
    seq: bytes.readUInt32BE(4),
    ack: bytes.readUInt32BE(8),
    flags: bytes[13]!,
    win: bytes.readUInt16BE(14),
    options: bytes.subarray(20, header),
    data: bytes.subarray(header),
  };
}

/** One stack with a clock. */
export class Host {
  now = 1_000_000;
  readonly log: { to: number; wire: Wire }[] = [];
  constructor(readonly h: Harness) {}

  static async start(secret = 7, local = LOCAL): Promise<Host> {
    const host = new Host(await loadHarness("tcp"));
    host.h.write(new Uint8Array(32).fill(secret));
    host.h.call.start!();
    host.h.call.setLocal!(local, 1460);
    host.local = local;
    host.h.call.listen!(PORT);
    return host;
  }
  local = LOCAL;

  call(name: string, ...args: number[]): number {
    return Number(this.h.call[name]!(...args));
  }
  receive(from: number, bytes: Uint8Array): void {
    this.h.write(bytes);
    this.h.call.receive!(from, bytes.length, BigInt(this.now));
  }
  /** The next segment, or undefined. */
  transmit(): { to: number; bytes: Buffer } | undefined {
    const length = this.h.call.transmit!(BigInt(this.now)) as number;
    if (length === 0) return undefined;
    return { to: this.h.call.destination!() >>> 0, bytes: Buffer.from(this.h.read(length)) };
  }
  /** Everything it wants to send goes to the log. */
  drain(): void {
    for (let out = this.transmit(); out; out = this.transmit())
      this.log.push({ to: out.to, wire: decode(out.bytes, this.local, out.to) });
  }
  /** Moves the clock, as a board would: never past a deadline without a tick. */
  wait(millis: number): void {
    const end = this.now + millis;
    for (;;) {
      this.drain();
      const deadline = this.deadline();
      if (deadline === 0 || deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.h.call.tick!(BigInt(this.now));
    }
    this.now = end;
    this.drain();
  }
  deadline(): number {
    return Number(this.h.call.deadline!());
  }
  /** News of all handles since the last time. */
  news(): Record<number, number> {
    const all: Record<number, number> = {};
    for (let handle = this.call("next"); handle >= 0; handle = this.call("next"))
      all[handle] = (all[handle] ?? 0) | this.call("take", handle);
    return all;
  }
  connect(address: number, port: number): number {
    return this.h.call.connect!(address, port, BigInt(this.now)) as number;
  }
  write(handle: number, data: Uint8Array | string): void {
    const bytes = Buffer.from(data);
    this.h.write(bytes);
    this.h.call.write!(handle, bytes.length);
  }
  read(handle: number, most = 65536): Buffer {
    const length = this.h.call.read!(handle, most) as number;
    return Buffer.from(this.h.read(length));
  }
  unreachable(to: number, code: number, quoted: Uint8Array): void {
    this.h.write(quoted);
    this.h.call.unreachable_!(to, code, quoted.length, BigInt(this.now));
  }
}

/** The other end of one flow, played by hand. */
export class Peer {
  /** The stack's initial sequence number, once seen. */
  theirs = 0;
  constructor(
    readonly host: Host,
    readonly port = 40000,
    readonly address = PEER,
    public mine = 0x10000000,
    public to = PORT,
  ) {}

  wire(text: string, data: Uint8Array | string = ""): Wire {
    const wire: Wire = {
      ...{ source: this.port, destination: this.to, flags: 0, seq: this.mine, ack: 0, win: 65535 },
      ...{ options: new Uint8Array(), data: Buffer.from(data) },
    };
    const options: number[] = [];
    for (const word of text.split(" ").filter((word) => word !== "")) {
      const [name, value = ""] = word.split("=");
      const flag = FLAGS.indexOf(name as (typeof FLAGS)[number]);
      const n = Number(value);
      if (flag >= 0) wire.flags |= 1 << flag;
      else if (name === "seq") wire.seq = this.mine + n;
      else if (name === "ack") wire.ack = this.theirs + n;
      else if (name === "win") wire.win = n;
      else if (name === "len") wire.data = pattern(n);
      else if (name === "mss") options.push(2, 4, n >> 8, n & 255);
      else if (name === "ws") options.push(1, 3, 3, n);
      else if (name === "sackok") options.push(1, 1, 4, 2);
      else if (name === "ts") options.push(1, 1, 8, 10, ...value.split(",").flatMap((v) => word32(Number(v))));
      else if (name === "raw") options.push(...Buffer.from(value, "hex"));
      else throw new Error(`what is ${word}?`);
    }
    return { ...wire, options: Uint8Array.from(options) };
  }
  sends(text: string, data: Uint8Array | string = ""): void {
    this.host.receive(this.address, encode(this.wire(text, data), this.address, this.host.local));
    this.host.drain();
  }
  /** All that has been sent to this peer since, as text. */
  take(): string[] {
    this.host.drain();
    const mine = this.host.log.filter(({ to, wire }) => to === this.address && wire.destination === this.port);
    for (const entry of mine) this.host.log.splice(this.host.log.indexOf(entry), 1);
    return mine.map(({ wire }) => this.show(wire));
  }
  gets(...lines: string[]): void {
    expect(this.take()).toEqual(lines);
  }
  show(wire: Wire): string {
    if (wire.flags & 2) this.theirs = wire.seq;
    const reset = (wire.flags & 4) !== 0;
    const words: string[] = FLAGS.filter((_, i) => wire.flags & (1 << i));
    words.push(`seq=${(wire.seq - this.theirs) | 0}`);
    if (wire.flags & 16) words.push(`ack=${(wire.ack - this.mine) | 0}`);
    if (!reset) words.push(`win=${wire.win}`);
    if (wire.data.length > 0) words.push(`len=${wire.data.length}`);
    for (let i = 0; i < wire.options.length; ) {
      const kind = wire.options[i]!;
      if (kind === 1) {
        i++;
        continue;
      }
      const value = Buffer.from(wire.options.subarray(i + 2, i + wire.options[i + 1]!));
      if (kind === 2) words.push(`mss=${value.readUInt16BE(0)}`);
      if (kind === 3) words.push(`ws=${value[0]}`);
      if (kind === 4) words.push("sackok");
      if (kind === 8) words.push(`ts=${value.readUInt32BE(4)}`);
      if (kind === 5)
        for (let k = 0; k < value.length; k += 8)
          words.push(`sack=${value.readUInt32BE(k) - this.mine}-${value.readUInt32BE(k + 4) - this.mine}`);
      i += wire.options[i + 1]!;
    }
    return words.join(" ");
  }
  /** Shakes hands from outside; the handle. */
  opens(options = "mss=1460", win = 65535): number {
    this.sends(`SYN seq=0 win=${win} ${options}`);
    expect(this.take()[0]).toMatch(/^SYN ACK seq=0 ack=1 /);
    this.sends(`ACK seq=1 ack=1 win=${win}`);
    this.gets();
    const [handle, news] = Object.entries(this.host.news())[0]!;
    expect(news).toBe(ESTABLISHED);
    return Number(handle);
  }
}

/** A size as the guest has it (tcpip/tcp/sizes.ts is AssemblyScript). */
export function sizeOf(name: string): number {
  const text = readFileSync(join(ROOT, "unikernel/guest/tcpip/tcp/sizes.ts"), "utf8");
  return Number(new RegExp(`const ${name}: \\w+ = (\\d+);`).exec(text)![1]);
}

export const pattern = (length: number, from = 0) =>
  Uint8Array.from({ length }, (_, i) => ((from + i) * 31 + ((from + i) >> 8)) & 255);
const word32 = (n: number) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

/** A seeded generator of 32-bit numbers (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}
