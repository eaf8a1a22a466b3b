/** How net ends a connection whose time is up: a stranger's by a reset, a winner's in order, since a reset could overtake the candy. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../../../infra/image/compile-guest.ts";
import { arpRequest, parseIpv4, type Route, TcpFlag, tcp } from "../../../support/frames.ts";

interface Net {
  memory: WebAssembly.Memory;
  inbox(): number;
  outbox(): number;
  boot(length: number, now: bigint): number;
  frame(length: number, now: bigint): void;
  transmit(now: bigint): number;
  tick(now: bigint): void;
  next(now: bigint): number;
  port(door: number): number;
  authenticated(slot: number, now: bigint): void;
  connections(): number;
}

const US = { mac: Uint8Array.from([2, 0, 0, 0, 0, 0x15]), address: "10.0.2.15" };
const PEER = { mac: Uint8Array.from([2, 0, 0, 0, 0, 2]), address: "10.0.2.2" };
const ROUTE: Route = { from: PEER, to: US };
const [OPENED, ENDED] = [1, 5];
const PATIENCE = 10_000n;

describe("a connection whose time is up", () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    await compileGuest({ ...GUEST_MODULES.net, out: guestModulePath("net") });
    module = new WebAssembly.Module(readFileSync(join(ROOT, guestModulePath("net"))));
  });

  it.each([
    ["of a stranger is reset", false, TcpFlag.Rst],
    ["of a winner is ended with FIN", true, TcpFlag.Fin],
  ])("%s, and its slot is free", (_, wins, flag) => {
    const net = new WebAssembly.Instance(module, {}).exports as unknown as Net;
    let now = 1_000_000n;
    const put = (bytes: Uint8Array) => {
      new Uint8Array(net.memory.buffer, net.inbox(), bytes.length).set(bytes);
      return bytes.length;
    };
    /** Segments that net sends: flags and sequence number. */
    const sent = () => {
      const segments: { flags: number; sequence: number }[] = [];
      for (let length = net.transmit(now); length > 0; length = net.transmit(now)) {
        const packet = parseIpv4(new Uint8Array(net.memory.buffer, net.outbox(), length).slice());
        if (packet?.protocol !== 6) continue;
        const payload = Buffer.from(packet.payload);
        segments.push({ flags: payload[13]!, sequence: payload.readUInt32BE(4) });
      }
      return segments;
    };
    const send = (frame: Uint8Array) => net.frame(put(frame), now);
    const line = Buffer.from(`ip=${US.address}/24 gateway=${PEER.address}`);
    expect(net.boot(put(Buffer.concat([Buffer.alloc(48, 5), US.mac, line])), now)).toBe(0);
    send(arpRequest(PEER, US.address));
    sent();

    const ports = { fromPort: 40_000, toPort: net.port(0) };
    send(tcp(ROUTE, { ...ports, sequence: 1, flags: TcpFlag.Syn, mss: 1460 }));
    const [synAck] = sent();
    expect(synAck?.flags).toBe(TcpFlag.Syn | TcpFlag.Ack);
    send(tcp(ROUTE, { ...ports, sequence: 2, acknowledgment: synAck!.sequence + 1, flags: TcpFlag.Ack }));
    expect(net.next(now)).toBe(OPENED);
    expect(net.connections()).toBe(1);
    if (wins) net.authenticated(0, now);

    now += PATIENCE;
    net.tick(now);
    expect(net.next(now)).toBe(ENDED);
    expect(net.connections()).toBe(0);
    const [last, ...more] = sent();
    expect(more).toEqual([]);
    expect(last!.flags & (TcpFlag.Rst | TcpFlag.Fin)).toBe(flag);
  });
});
