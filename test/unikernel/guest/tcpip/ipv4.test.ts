/** guest/tcpip/stack and ipv4: which frames and packets reach the transport, and what the others are counted as. */
import { beforeEach, describe, expect, it } from "vitest";
import { Count } from "../../../../unikernel/guest/tcpip/count.ts";
import { concat, uint } from "../../../support/der.ts";
import { arpRequest, BROADCAST, checksum, ethernet, ipv4, ipv4Bytes, parseIpv4 } from "../../../support/frames.ts";
import { MAC, NEIGHBOUR, ROUTER, TestStack, US } from "../../../support/stack.ts";

const SEGMENT = Uint8Array.from({ length: 24 }, (_, i) => i * 3);
const ROUTE = { from: NEIGHBOUR, to: US };

let stack: TestStack;
beforeEach(async () => {
  stack = await TestStack.begin();
});

interface Fields {
  first?: number;
  length?: number;
  fragment?: number;
  protocol?: number;
  source?: string;
  destination?: string;
  options?: number[];
  payload?: Uint8Array;
  padding?: number;
  broken?: boolean;
}

/** An IPv4 packet with anything in its header. */
function packet(fields: Fields = {}): Uint8Array {
  const options = Uint8Array.from(fields.options ?? []);
  const payload = fields.payload ?? SEGMENT;
  const header = concat(
    uint(1, fields.first ?? 0x45 + options.length / 4),
    ...[uint(1, 0), uint(2, fields.length ?? 20 + options.length + payload.length), uint(2, 7)],
    ...[uint(2, fields.fragment ?? 0x4000), uint(1, 64), uint(1, fields.protocol ?? 6), uint(2, 0)],
    ...[ipv4Bytes(fields.source ?? NEIGHBOUR.address), ipv4Bytes(fields.destination ?? US.address), options],
  );
  header.set(uint(2, checksum(header) ^ (fields.broken ? 1 : 0)), 10);
  return ethernet(MAC, NEIGHBOUR.mac, 0x0800, concat(header, payload, new Uint8Array(fields.padding ?? 0)));
}

describe("a packet", () => {
  it("for us reaches the transport, with its source", () => {
    expect(stack.hear(packet())).toEqual([]);
    expect(stack.segment()).toEqual(SEGMENT);
    expect(stack.get("receivedFrom")).toBe(0x0a000209);
  });

  it("from behind the router too", () => {
    stack.hear(packet({ source: "198.51.100.7" }));
    expect(stack.get("receivedFrom")).toBe(0xc6336407);
  });

  it("loses what the link has padded it with", () => {
    stack.hear(packet({ padding: 16 }));
    expect(stack.segment()).toEqual(SEGMENT);
  });

  it("may be as long as the link allows, and not longer", () => {
    stack.hear(packet({ payload: new Uint8Array(1480) }));
    expect(stack.segment()).toHaveLength(1480);
    stack.hear(packet({ payload: new Uint8Array(1481) }));
    expect(stack.get("received")).toBe(1);
    expect(stack.count(Count.FrameLength)).toBe(1);
  });

  it.each([
    ["no operations", [1, 1, 1, 0]],
    ["a timestamp", [0x44, 8, 5, 0, 0, 0, 0, 0]],
    ["an end, and anything after it", [0, 131, 255, 255]],
    ["router alert", [0x94, 4, 0, 0]],
  ])("may have options: %s", (_, options) => {
    stack.hear(packet({ options }));
    expect(stack.segment()).toEqual(SEGMENT);
  });

  it.each<[string, Fields, Count]>([
    ["of version 6", { first: 0x65 }, Count.IpHeader],
    ["of a header too short", { first: 0x44 }, Count.IpHeader],
    ["of a header longer than it is", { first: 0x4f, payload: new Uint8Array(8), length: 28 }, Count.IpHeader],
    ["shorter than its header", { length: 19 }, Count.IpHeader],
    ["longer than its frame", { length: 45 }, Count.IpHeader],
    ["with a wrong checksum", { broken: true }, Count.IpChecksum],
    ["with more fragments", { fragment: 0x2000 }, Count.IpFragment],
    ["of a fragment's end", { fragment: 0x0001 }, Count.IpFragment],
    ["of the last fragment possible", { fragment: 0x1fff }, Count.IpFragment],
    ["with a loose source route", { options: [131, 7, 4, 10, 0, 2, 9, 0] }, Count.IpSourceRoute],
    ["with a strict source route", { options: [1, 137, 3, 4] }, Count.IpSourceRoute],
    ["with an option of length 0", { options: [0x44, 0, 0, 0] }, Count.IpSourceRoute],
    ["with an option of length 1", { options: [0x44, 1, 0, 0] }, Count.IpSourceRoute],
    ["with an option past its end", { options: [0x44, 5, 0, 0] }, Count.IpSourceRoute],
    ["with an option cut off", { options: [1, 1, 1, 0x44] }, Count.IpSourceRoute],
    ["to another", { destination: "10.0.2.16" }, Count.IpForeign],
    ["to everybody", { destination: "255.255.255.255" }, Count.IpForeign],
    ["to our subnet", { destination: "10.0.2.255" }, Count.IpForeign],
    ["from nobody", { source: "0.0.0.0" }, Count.IpSource],
    ["from network 0", { source: "0.1.2.3" }, Count.IpSource],
    ["from loopback", { source: "127.0.0.1" }, Count.IpSource],
    ["from a group", { source: "224.0.0.1" }, Count.IpSource],
    ["from everybody", { source: "255.255.255.255" }, Count.IpSource],
    ["from our subnet's broadcast", { source: "10.0.2.255" }, Count.IpSource],
    ["from our subnet itself", { source: "10.0.2.0" }, Count.IpSource],
    ["from ourselves", { source: US.address }, Count.IpSource],
  ])("is dropped %s", (_, fields, count) => {
    expect(stack.hear(packet(fields))).toEqual([]);
    expect(stack.get("received")).toBe(0);
    expect(stack.count(count)).toBe(1);
  });
});

describe("a frame is dropped", () => {
  const whole = packet();
  const changed = (change: (frame: Uint8Array) => void) => {
    const frame = whole.slice();
    change(frame);
    return frame;
  };
  it.each([
    ["without a header", whole.subarray(0, 13), Count.FrameLength],
    ["that is empty", whole.subarray(0, 0), Count.FrameLength],
    ["that ends before its packet", whole.subarray(0, 33), Count.IpHeader],
    ["to another MAC", changed((frame) => frame.set([2, 9], 0)), Count.FrameForeign],
    ["to a group", changed((frame) => frame.set([1, 0, 0x5e], 0)), Count.FrameForeign],
    ["from a group", changed((frame) => frame.set([1], 6)), Count.FrameForeign],
    ["from no MAC", changed((frame) => frame.set(new Uint8Array(6), 6)), Count.FrameForeign],
    ["from our own MAC", changed((frame) => frame.set(MAC, 6)), Count.FrameForeign],
    ["of IPv6", changed((frame) => frame.set([0x86, 0xdd], 12)), Count.FrameForeign],
    ["with a VLAN's tag", changed((frame) => frame.set([0x81, 0], 12)), Count.FrameForeign],
    ["by the link's broadcast, with a packet for us", changed((frame) => frame.set(BROADCAST, 0)), Count.IpForeign],
  ])("%s", (_, frame, count) => {
    expect(stack.hear(frame)).toEqual([]);
    expect(stack.get("received")).toBe(0);
    expect(stack.count(count)).toBe(1);
  });
});

describe("what the transport sends", () => {
  it("has a right header: no fragments, 64 hops", () => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
    const [frame] = stack.send(NEIGHBOUR.address, { length: 100 });
    expect(frame).toHaveLength(134);
    expect(frame!.subarray(14, 24)).toEqual(Uint8Array.from([0x45, 0, 0, 120, 0, 0, 0x40, 0, 64, 6]));
    expect(parseIpv4(frame!)).toMatchObject({ sound: true, source: US.address, destination: NEIGHBOUR.address });
  });

  it("is padded to the least length, with zeros", () => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
    const [frame] = stack.send(NEIGHBOUR.address, { length: 20 });
    expect(frame).toHaveLength(60);
    expect(frame!.subarray(54)).toEqual(new Uint8Array(6));
  });

  it("goes out segment by segment while there are any", () => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
    expect(stack.send(NEIGHBOUR.address, { segments: 40, length: 1480 })).toHaveLength(40);
  });

  it.each(["127.0.0.1", "0.0.0.0", "224.0.0.5", "255.255.255.255", "10.0.2.255", "10.0.2.0", US.address])(
    "goes nowhere when it is for %s",
    (address) => {
      expect(stack.send(address)).toEqual([]);
      expect(stack.count(Count.IpNoRoute)).toBe(1);
    },
  );

  it("goes nowhere outside of the subnet without a router", async () => {
    const alone = await TestStack.begin("ip=10.0.2.15/24");
    expect(alone.send("198.51.100.7")).toEqual([]);
    expect(alone.count(Count.IpNoRoute)).toBe(1);
    expect(alone.send(ROUTER.address)).toHaveLength(1);
  });
});

describe("of other protocols", () => {
  const unreachable = (frames: Uint8Array[], code: number, about: Uint8Array) => {
    expect(frames).toHaveLength(1);
    const { protocol, payload, sound, destination } = parseIpv4(frames[0]!)!;
    expect({ protocol, sound, destination }).toEqual({ protocol: 1, sound: true, destination: NEIGHBOUR.address });
    expect(checksum(payload)).toBe(0);
    expect([payload[0], payload[1]]).toEqual([3, code]);
    expect(payload.subarray(8)).toEqual(about.subarray(14, 14 + 28));
  };

  it("what we do not speak is answered with protocol unreachable, and counted", () => {
    const frame = packet({ protocol: 132 });
    unreachable(stack.hear(frame), 2, frame);
    expect(stack.count(Count.IpProtocol)).toBe(1);
  });

  it("UDP is answered with port unreachable, and counted", () => {
    const frame = packet({
      protocol: 17,
      payload: concat(uint(2, 5000), uint(2, 53), uint(2, 12), uint(2, 0), uint(4, 1)),
    });
    unreachable(stack.hear(frame), 3, frame);
    expect(stack.count(Count.UdpRefused)).toBe(1);
  });

  it("a payload shorter than 8 bytes is quoted as it is", () => {
    const frames = stack.hear(packet({ protocol: 99, payload: uint(3, 1) }));
    expect(parseIpv4(frames[0]!)!.payload.subarray(8)).toHaveLength(23);
  });

  it("nothing is answered that came by broadcast", () => {
    expect(stack.hear(packet({ protocol: 17, destination: "10.0.2.255" }))).toEqual([]);
    expect(stack.hear(ipv4({ ...ROUTE, to: { ...US, mac: BROADCAST } }, 99, SEGMENT))).toEqual([]);
  });
});
