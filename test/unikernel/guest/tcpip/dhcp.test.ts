/** guest/tcpip/dhcp: a lease from the first question to its end, and what is not believed of a server. */
import { beforeEach, describe, expect, it } from "vitest";
import { Count } from "../../../../unikernel/guest/tcpip/count.ts";
import { concat, uint } from "../../../support/der.ts";
import {
  arpReply,
  arpRequest,
  BROADCAST,
  checksum,
  ipv4Bytes,
  ipv4Text,
  parseArp,
  parseIpv4,
  udp,
} from "../../../support/frames.ts";
import { MAC, TestStack } from "../../../support/stack.ts";

const SERVER = { mac: Uint8Array.from([2, 0, 0, 0, 0, 0x43]), address: "10.0.2.3" };
const ADDRESS = "10.0.2.77";
const EVERYBODY = { mac: BROADCAST, address: "255.255.255.255" };
const [DISCOVER, OFFER, REQUEST, ACK, NAK] = [1, 2, 3, 5, 6];

interface Question {
  type: number;
  xid: Uint8Array;
  own: string;
  flags: number;
  requested: string | undefined;
  server: string | undefined;
  source: string;
  destination: string;
  to: Uint8Array;
}

/** A frame of the client, taken apart; undefined when it is something else. */
function question(frame: Uint8Array): Question | undefined {
  const packet = parseIpv4(frame);
  if (packet?.protocol !== 17) return undefined;
  const { payload, source, destination, sound } = packet;
  expect(sound).toBe(true);
  expect(payload.subarray(0, 4)).toEqual(Uint8Array.from([0, 68, 0, 67]));
  const pseudo = concat(ipv4Bytes(source), ipv4Bytes(destination), uint(2, 17), uint(2, payload.length));
  expect(checksum(pseudo, payload)).toBe(0);
  const message = payload.subarray(8);
  expect(message).toHaveLength(300);
  expect(message.subarray(0, 4)).toEqual(Uint8Array.from([1, 1, 6, 0]));
  expect(message.subarray(28, 34)).toEqual(MAC);
  const options = new Map<number, Uint8Array>();
  for (let at = 240; message[at] !== 255; at += 2 + message[at + 1]!) {
    options.set(message[at]!, message.subarray(at + 2, at + 2 + message[at + 1]!));
  }
  const text = (option: number) => (options.has(option) ? ipv4Text(options.get(option)!) : undefined);
  return {
    type: options.get(53)![0]!,
    xid: message.slice(4, 8),
    own: ipv4Text(message.subarray(12, 16)),
    flags: (message[10]! << 8) | message[11]!,
    requested: text(50),
    server: text(54),
    source,
    destination,
    to: frame.slice(0, 6),
  };
}

const option = (kind: number, ...value: number[]) => Uint8Array.from([kind, value.length, ...value]);
const seconds = (value: number) => [...uint(4, value)];
const GIVEN = {
  type: option(53, OFFER),
  server: option(54, 10, 0, 2, 3),
  mask: option(1, 255, 255, 255, 0),
  router: option(3, 10, 0, 2, 2),
  lease: option(51, ...seconds(3600)),
};
type Options = { [name: string]: Uint8Array | undefined };

interface Answer {
  options?: Options;
  raw?: Uint8Array;
  address?: string;
  change?(message: Uint8Array): void;
  from?: typeof SERVER;
  to?: typeof SERVER;
  ports?: [number, number];
}

/** A server's message in a frame. */
function answer(
  xid: Uint8Array,
  type: number,
  { options = {}, raw, address = ADDRESS, change, from = SERVER, to = EVERYBODY, ports = [67, 68] }: Answer = {},
) {
  const all: Options = { ...GIVEN, type: option(53, type), ...options };
  const message = concat(
    ...[Uint8Array.from([2, 1, 6, 0]), xid, new Uint8Array(8), ipv4Bytes(address), new Uint8Array(8)],
    ...[MAC, new Uint8Array(10 + 192), uint(4, 0x63825363)],
    raw ?? concat(...Object.values(all).filter((value) => value !== undefined), Uint8Array.of(255)),
  );
  change?.(message);
  return udp({ from, to }, ports[0], ports[1], message);
}

let stack: TestStack;
beforeEach(async () => {
  stack = await TestStack.begin("ip=dhcp");
});

/** Waits until the client asks something. */
function ask(most = 70_000): Question {
  for (const end = stack.now + most; stack.now <= end; ) {
    const [asked] = stack.wait(Math.max(0, stack.patience() ?? most)).flatMap((frame) => question(frame) ?? []);
    if (asked !== undefined) return asked;
  }
  throw new Error("nothing was asked");
}

/** From nothing to an address. */
function bind(options: Options = {}): void {
  stack.hear(answer(ask().xid, OFFER, { options }));
  stack.hear(answer(ask().xid, ACK, { options }));
  expect(stack.get("local")).toBe(0x0a00024d);
}

describe("a lease", () => {
  it("is asked for, offered, requested, and taken", () => {
    const first = ask();
    expect(first).toMatchObject({
      type: DISCOVER,
      own: "0.0.0.0",
      source: "0.0.0.0",
      destination: "255.255.255.255",
      flags: 0x8000,
    });
    expect(first.to).toEqual(BROADCAST);
    expect(stack.get("local")).toBe(0);
    stack.hear(answer(first.xid, OFFER));
    const second = ask(0);
    expect(second).toMatchObject({
      type: REQUEST,
      requested: ADDRESS,
      server: SERVER.address,
      own: "0.0.0.0",
      xid: first.xid,
    });
    stack.hear(answer(second.xid, ACK));
    expect(stack.get("local")).toBe(0x0a00024d);
    expect(parseArp(stack.hear(arpRequest(SERVER, ADDRESS))[0]!)).toMatchObject({ operation: 2, sender: ADDRESS });
    expect(parseArp(stack.send("198.51.100.7")[0]!)).toMatchObject({ target: "10.0.2.2" });
  });

  it("without a router reaches the subnet only", () => {
    bind({ router: undefined });
    expect(stack.send("198.51.100.7")).toEqual([]);
    expect(stack.send("10.0.2.9")).toHaveLength(1);
  });

  it("with a router outside of the subnet has none", () => {
    bind({ router: option(3, 192, 0, 2, 1) });
    expect(stack.send("198.51.100.7")).toEqual([]);
  });

  it("is asked for again and again, ever more slowly, up to once a minute or so", () => {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      expect(ask().type).toBe(DISCOVER);
      times.push(stack.now);
    }
    const pauses = times.slice(1).map((time, i) => (time - times[i]!) / 1000);
    for (const [i, pause] of pauses.entries()) {
      expect(Math.abs(pause - Math.min(64, 2 ** i))).toBeLessThanOrEqual(0.5);
    }
  });

  it("that was offered but is not given is requested four times, then looked for elsewhere", () => {
    const first = ask();
    stack.hear(answer(first.xid, OFFER));
    for (let i = 0; i < 4; i++) expect(ask()).toMatchObject({ type: REQUEST, xid: first.xid });
    const next = ask();
    expect(next.type).toBe(DISCOVER);
    expect(next.xid).not.toEqual(first.xid);
  });

  it("is renewed with its server after half of its time", () => {
    bind();
    stack.hear(arpRequest(SERVER, ADDRESS));
    expect(stack.patience()).toBe(1_800_000);
    const renewal = ask(1_800_000);
    expect(renewal).toMatchObject({
      type: REQUEST,
      own: ADDRESS,
      source: ADDRESS,
      destination: SERVER.address,
      requested: undefined,
      flags: 0,
    });
    expect(renewal.to).toEqual(SERVER.mac);
    stack.hear(arpReply(SERVER, { mac: MAC, address: ADDRESS }));
    const to = { mac: MAC, address: ADDRESS };
    stack.hear(answer(renewal.xid, ACK, { to }));
    expect(stack.patience()).toBe(1_800_000);
    expect(stack.get("local")).toBe(0x0a00024d);
  });

  it("is renewed when its server says, where that makes sense", () => {
    bind({ t1: option(58, ...seconds(600)), t2: option(59, ...seconds(900)) });
    expect(stack.patience()).toBe(600_000);
  });

  it.each([
    ["rebinding before renewing", 900, 600],
    ["rebinding after the end", 600, 3600],
    ["only one of them", 600, 0],
  ])("is renewed after half of its time where what the server says makes none: %s", (_, t1, t2) => {
    bind({ t1: option(58, ...seconds(t1)), t2: option(59, ...seconds(t2)) });
    expect(stack.patience()).toBe(1_800_000);
  });

  it("is asked of any server after seven eighths of its time, and lost at its end", () => {
    bind();
    stack.hear(arpRequest(SERVER, ADDRESS));
    const start = stack.now;
    let asked = ask(4_000_000);
    while (asked.destination === SERVER.address) asked = ask(4_000_000);
    expect(stack.now - start).toBe(3_150_000);
    expect(asked).toMatchObject({ type: REQUEST, own: ADDRESS, destination: "255.255.255.255" });
    expect(asked.to).toEqual(BROADCAST);
    while (stack.get("local") !== 0) stack.wait(stack.patience()!);
    expect(stack.now - start).toBe(3_600_000);
    expect(ask().type).toBe(DISCOVER);
    expect(stack.hear(arpRequest(SERVER, ADDRESS))).toEqual([]);
  });

  it("may be renewed by another server in the end", () => {
    bind();
    let asked = ask(4_000_000);
    while (asked.destination === SERVER.address) asked = ask(4_000_000);
    const other = { ...SERVER, address: "10.0.2.4" };
    stack.hear(
      answer(asked.xid, ACK, {
        from: other,
        to: { mac: MAC, address: ADDRESS },
        options: { server: option(54, 10, 0, 2, 4) },
      }),
    );
    expect(stack.patience()).toBe(1_800_000);
  });

  it("is given up when the server says no", () => {
    bind();
    stack.hear(arpRequest(SERVER, ADDRESS));
    const asked = ask(1_800_000);
    stack.hear(
      answer(asked.xid, NAK, { options: { mask: undefined, lease: undefined }, to: { mac: MAC, address: ADDRESS } }),
    );
    expect(stack.get("local")).toBe(0);
    expect(ask().type).toBe(DISCOVER);
  });

  it("that is refused whenever it is asked for is not asked for without end", () => {
    let times = 0;
    for (const end = stack.now + 10_000; stack.now < end; times++) {
      stack.hear(answer(ask().xid, OFFER));
      stack.hear(answer(ask().xid, NAK));
    }
    expect(times).toBeLessThanOrEqual(11);
  });

  it("of one second is renewed after half of it, and lost at its end", () => {
    bind({ lease: option(51, ...seconds(1)) });
    expect(stack.patience()).toBe(500);
    while (stack.get("local") !== 0) stack.wait(stack.patience()!);
  });
});

describe("is not believed", () => {
  const filler = (length: number) => Uint8Array.from({ length }, () => 0);
  it.each<[string, Answer]>([
    ["an answer of another conversation", { change: (m) => m.set([9], 4) }],
    ["a request", { change: (m) => m.set([1], 0) }],
    ["an answer for another card", { change: (m) => m.set([9], 33) }],
    ["another hardware", { change: (m) => m.set([6], 1) }],
    ["another cookie", { change: (m) => m.set([0], 236) }],
    ["no type", { options: { type: undefined } }],
    ["a type of two bytes", { options: { type: option(53, OFFER, 0) } }],
    ["a type that servers do not send", { options: { type: option(53, 8) } }],
    ["no server", { options: { server: undefined } }],
    ["a server that nobody can be", { options: { server: option(54, 224, 0, 0, 1) } }],
    ["a server of three bytes", { options: { server: option(54, 10, 0, 2) } }],
    ["no mask", { options: { mask: undefined } }],
    ["a mask with holes", { options: { mask: option(1, 255, 0, 255, 0) } }],
    ["a mask without hosts", { options: { mask: option(1, 255, 255, 255, 254) } }],
    ["a mask for everybody", { options: { mask: option(1, 0, 0, 0, 0) } }],
    ["no lease", { options: { lease: undefined } }],
    ["a lease of no time", { options: { lease: option(51, 0, 0, 0, 0) } }],
    ["a router of five bytes", { options: { router: option(3, 10, 0, 2, 2, 0) } }],
    ["a router of no bytes", { options: { router: option(3) } }],
    ["options elsewhere", { options: { overload: option(52, 1) } }],
    ["the broadcast address", { address: "10.0.2.255" }],
    ["a loopback address", { address: "127.0.0.9" }],
    ["no address", { address: "0.0.0.0" }],
    ["no end", { raw: concat(...Object.values(GIVEN)) }],
    ["an option past the end", { raw: concat(...Object.values(GIVEN), Uint8Array.from([3, 200, 1])) }],
    ["an option without a length", { raw: concat(...Object.values(GIVEN), Uint8Array.from([3])) }],
    ["nothing but padding", { raw: filler(60) }],
    ["another port", { ports: [67, 69] }],
    ["another's port", { ports: [66, 68] }],
  ])("%s", (_, changes) => {
    const { xid } = ask();
    stack.hear(answer(xid, OFFER, changes));
    expect(stack.count(Count.DhcpRefused) + stack.count(Count.IpForeign)).toBe(1);
    expect(ask().type).toBe(DISCOVER);
    expect(stack.get("local")).toBe(0);
  });

  it.each(["0.0.0.0", "127.0.0.1", "255.255.255.255"])("an answer from %s", (address) => {
    const { xid } = ask();
    stack.hear(answer(xid, OFFER, { from: { ...SERVER, address } }));
    expect(ask().type).toBe(DISCOVER);
  });

  it("a server, when nobody asked for one: it is answered like any other datagram", async () => {
    const fixed = await TestStack.begin("ip=10.0.2.77/24");
    expect(fixed.hear(answer(uint(4, 0), OFFER, { to: { mac: MAC, address: ADDRESS } }))).toHaveLength(1);
    expect(fixed.count(Count.UdpRefused)).toBe(1);
  });

  it("a datagram with a wrong checksum, or longer or shorter than it says", () => {
    const { xid } = ask();
    for (const [at, value] of [
      [60, 0xaa],
      [38, 2],
      [39, 7],
    ] as const) {
      const frame = answer(xid, OFFER);
      frame[at] = value;
      if (at !== 60) frame.set([at === 38 ? 2 : 0, at === 38 ? 0 : 7], 38);
      stack.hear(frame);
    }
    expect(stack.count(Count.DhcpRefused)).toBe(3);
    expect(ask().type).toBe(DISCOVER);
  });

  it("an answer that was not asked for, once there is an address", () => {
    bind();
    stack.hear(answer(Uint8Array.from([0, 0, 0, 0]), NAK, { to: EVERYBODY }));
    expect(stack.get("local")).toBe(0x0a00024d);
  });

  it("another server than the one that was asked", () => {
    const { xid } = ask();
    stack.hear(answer(xid, OFFER));
    ask(0);
    stack.hear(answer(xid, ACK, { options: { server: option(54, 10, 0, 2, 4) } }));
    expect(stack.get("local")).toBe(0);
    stack.hear(answer(xid, ACK, { address: "10.0.2.78" }));
    expect(stack.get("local")).toBe(0);
    stack.hear(answer(xid, ACK));
    expect(stack.get("local")).toBe(0x0a00024d);
  });

  it("a datagram without a checksum is fine", () => {
    const { xid } = ask();
    const frame = answer(xid, OFFER);
    frame.set([0, 0], 40);
    stack.hear(frame);
    expect(ask(0).type).toBe(REQUEST);
  });
});
