/** guest/net: the limits on connections, tested on the shipped module. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../../infra/image/compile-guest.ts";

interface Net {
  memory: WebAssembly.Memory;
  inbox(): number;
  configure(connections: number, fromPeer: number, millis: number): void;
  open(now: bigint): number;
  authenticated(slot: number, now: bigint): void;
  close(slot: number): void;
  expired(now: bigint): number;
  deadline(): bigint;
  connections(): number;
}

const TOO_MANY = -1;
const TOO_MANY_FROM_PEER = -2;
let module: WebAssembly.Module;
let net: Net;

beforeAll(async () => {
  await compileGuest({ ...GUEST_MODULES.net, out: guestModulePath("net") });
  module = new WebAssembly.Module(readFileSync(join(ROOT, guestModulePath("net"))));
});
beforeEach(() => {
  net = new WebAssembly.Instance(module).exports as unknown as Net;
});

function open(address: number[], now = 1000n): number {
  new Uint8Array(net.memory.buffer, net.inbox(), 16).set(address);
  return net.open(now);
}
const v4 = (a: number, b: number, c: number, d: number) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, a, b, c, d];
const v6 = (network: number, host: number) => [0x20, 1, 0xd, 0xb8, 0, 0, 0, network, 0, 0, 0, 0, 0, 0, 0, host];

describe("net", () => {
  it("imports nothing", () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it("gives 64 slots, each once, and refuses the next", () => {
    const slots = Array.from({ length: 64 }, (_, i) => open(v4(10, 0, 0, i)));
    expect(new Set(slots).size).toBe(64);
    expect(open(v4(10, 0, 1, 0))).toBe(TOO_MANY);
    net.close(slots[17]!);
    expect(open(v4(10, 0, 1, 0))).toBe(slots[17]);
    expect(open(v4(10, 0, 1, 1))).toBe(TOO_MANY);
    expect(net.connections()).toBe(64);
  });

  it("keeps to a configured number below the table's, and never above it", () => {
    net.configure(2, 64, 10_000);
    expect(open(v4(1, 1, 1, 1))).toBe(0);
    expect(open(v4(1, 1, 1, 2))).toBe(1);
    expect(open(v4(1, 1, 1, 3))).toBe(TOO_MANY);
    net.configure(1_000_000, 64, 10_000);
    for (let i = 2; i < 64; i++) expect(open(v4(1, 1, 2, i))).toBe(i);
    expect(open(v4(1, 1, 1, 4))).toBe(TOO_MANY);
  });

  it("gives one IPv4 peer its share and no more, and leaves the others theirs", () => {
    net.configure(64, 2, 10_000);
    const first = open(v4(192, 0, 2, 1));
    open(v4(192, 0, 2, 1));
    expect(open(v4(192, 0, 2, 1))).toBe(TOO_MANY_FROM_PEER);
    expect(open(v4(192, 0, 2, 2))).toBeGreaterThanOrEqual(0);
    net.close(first);
    expect(open(v4(192, 0, 2, 1))).toBe(first);
  });

  it("counts an IPv6 /64 as one peer", () => {
    net.configure(64, 2, 10_000);
    open(v6(1, 1));
    open(v6(1, 2));
    expect(open(v6(1, 3))).toBe(TOO_MANY_FROM_PEER);
    expect(open(v6(2, 1))).toBeGreaterThanOrEqual(0);
  });

  it("tells ::1 from other addresses", () => {
    net.configure(64, 1, 10_000);
    const loopback = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    expect(open(loopback)).toBe(0);
    expect(open(loopback)).toBe(TOO_MANY_FROM_PEER);
    expect(open(v4(127, 0, 0, 1))).toBe(1);
  });

  it("names a slot whose time is up, at the millisecond, until it is closed", () => {
    net.configure(64, 64, 10_000);
    const slot = open(v4(1, 2, 3, 4), 5000n);
    expect(net.deadline()).toBe(15_000n);
    expect(net.expired(14_999n)).toBe(-1);
    expect(net.expired(15_000n)).toBe(slot);
    net.close(slot);
    expect(net.expired(15_000n)).toBe(-1);
    expect(net.deadline()).toBe(0n);
  });

  it("gives an authenticated connection as long again, and a closed one nothing", () => {
    const slot = open(v4(1, 2, 3, 4), 5000n);
    net.authenticated(slot, 9000n);
    expect(net.expired(18_999n)).toBe(-1);
    expect(net.expired(19_000n)).toBe(slot);
    net.close(slot);
    net.authenticated(slot, 20_000n);
    expect(net.connections()).toBe(0);
  });

  it("answers with the earliest deadline of all", () => {
    open(v4(1, 2, 3, 4), 5000n);
    const early = open(v4(1, 2, 3, 5), 1000n);
    expect(net.deadline()).toBe(11_000n);
    net.close(early);
    expect(net.deadline()).toBe(15_000n);
  });

  it("leaves impossible slots alone", () => {
    const slot = open(v4(1, 2, 3, 4));
    for (const bad of [-1, 64, 2147483647, -2147483648]) {
      net.close(bad);
      net.authenticated(bad, 1n);
    }
    expect(net.connections()).toBe(1);
    net.close(slot);
    net.close(slot);
    expect(net.connections()).toBe(0);
  });
});
