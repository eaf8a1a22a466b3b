/** guest/tcpip/icmp: echo, what is passed on to TCP, and the limits. */
import { beforeEach, describe, expect, it } from "vitest";
import { Count } from "../../../../unikernel/guest/tcpip/count.ts";
import { concat, uint } from "../../../support/der.ts";
import { BROADCAST, checksum, echoRequest, ipv4, ipv4Bytes, parseIpv4 } from "../../../support/frames.ts";
import { NEIGHBOUR, TestStack, US } from "../../../support/stack.ts";

const ROUTE = { from: NEIGHBOUR, to: US };
const PEER = "198.51.100.7";

let stack: TestStack;
beforeEach(async () => {
  stack = await TestStack.begin();
});

/** An ICMP message with a right checksum. */
function message(type: number, code: number, rest: Uint8Array): Uint8Array {
  const bytes = concat(Uint8Array.from([type, code, 0, 0]), rest);
  bytes.set(uint(2, checksum(bytes)), 2);
  return bytes;
}
const icmp = (type: number, code: number, rest: Uint8Array) => ipv4(ROUTE, 1, message(type, code, rest));

describe("echo", () => {
  it.each([0, 1, 56, 1472])("answers %i bytes with the same, to who sent them", (length) => {
    const data = Uint8Array.from({ length }, (_, i) => i * 7);
    const frames = stack.hear(echoRequest(ROUTE, 0x1234, 0x5678, data));
    expect(frames).toHaveLength(1);
    expect(frames[0]!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);
    const { payload, sound, source, destination } = parseIpv4(frames[0]!)!;
    expect({ sound, source, destination }).toEqual({ sound: true, source: US.address, destination: NEIGHBOUR.address });
    expect(checksum(payload)).toBe(0);
    expect(payload.subarray(0, 2)).toEqual(Uint8Array.from([0, 0]));
    expect(payload.subarray(4)).toEqual(concat(uint(2, 0x1234), uint(2, 0x5678), data));
  });

  it.each([
    [
      "with a wrong checksum",
      () => echoRequest(ROUTE, 1, 2, uint(4, 3)).map((byte, i) => (i === 45 ? byte ^ 1 : byte)),
    ],
    ["without a whole header", () => icmp(8, 0, uint(3, 0))],
    ["with a code", () => icmp(8, 1, uint(4, 0))],
    ["as a reply that nobody asked for", () => icmp(0, 0, uint(4, 0))],
    ["as a timestamp request", () => icmp(13, 0, new Uint8Array(16))],
    ["as a redirect", () => icmp(5, 1, new Uint8Array(36))],
  ])("is not answered %s", (_, frame) => {
    expect(stack.hear(frame())).toEqual([]);
    expect(stack.count(Count.IcmpRefused)).toBe(1);
  });

  it("is not answered to everybody", () => {
    const subnet = { mac: BROADCAST, address: "10.0.2.255" };
    expect(stack.hear(echoRequest({ from: NEIGHBOUR, to: subnet }, 1, 1, uint(4, 0)))).toEqual([]);
  });

  it("is answered twenty times at once and then fifty times a second; the rest is counted", () => {
    const ask = () => stack.hear(echoRequest(ROUTE, 1, 1, uint(4, 0))).length;
    for (let i = 0; i < 20; i++) expect(ask()).toBe(1);
    for (let i = 0; i < 5; i++) expect(ask()).toBe(0);
    expect(stack.count(Count.IcmpLimited)).toBe(5);
    stack.now += 60;
    expect([ask(), ask(), ask(), ask()]).toEqual([1, 1, 1, 0]);
    stack.now += 86_400_000;
    for (let i = 0; i < 20; i++) expect(ask()).toBe(1);
    expect(ask()).toBe(0);
  });
});

describe("unreachable", () => {
  /** The header and the first bytes of a segment that we are said to have sent. */
  function about({ first = 0x45, protocol = 6, source = US.address, bytes = 8 } = {}): Uint8Array {
    const header = concat(
      ...[uint(1, first), uint(1, 0), uint(2, 60), uint(4, 0), uint(1, 60), uint(1, protocol), uint(2, 0)],
      ...[ipv4Bytes(source), ipv4Bytes(PEER)],
    );
    return concat(
      uint(4, 0),
      header,
      Uint8Array.from({ length: bytes }, (_, i) => i + 1),
    );
  }

  it("about a segment of ours is passed on, with its code and what it quotes", () => {
    expect(stack.hear(icmp(3, 3, about()))).toEqual([]);
    expect(stack.get("unreachables")).toBe(1);
    expect(stack.get("unreachableCode")).toBe(3);
    expect(stack.get("unreachableAbout")).toBe(0xc6336407);
    expect(stack.harness.read(8)).toEqual(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
  });

  it("is not answered, whatever it is about", () => {
    expect(stack.hear(icmp(3, 2, about({ protocol: 99 })))).toEqual([]);
    expect(stack.hear(icmp(11, 0, about()))).toEqual([]);
  });

  it.each([
    ["about another's packet", about({ source: "10.0.2.16" })],
    ["about another protocol", about({ protocol: 17 })],
    ["about another version", about({ first: 0x65 })],
    ["about a header too short", about({ first: 0x44 })],
    ["about a header longer than what is quoted", about({ first: 0x4f })],
    ["with less than 8 bytes of the segment", about({ bytes: 7 })],
    ["with nothing quoted", uint(4, 0)],
  ])("is refused %s", (_, rest) => {
    expect(stack.hear(icmp(3, 1, rest))).toEqual([]);
    expect(stack.get("unreachables")).toBe(0);
    expect(stack.count(Count.IcmpRefused)).toBe(1);
  });
});
