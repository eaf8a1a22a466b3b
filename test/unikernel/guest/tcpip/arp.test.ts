/** guest/tcpip/arp: who is answered, who is remembered, and that nobody can take a neighbour's place. */
import { beforeEach, describe, expect, it } from "vitest";
import { Count } from "../../../../unikernel/guest/tcpip/count.ts";
import { concat, uint } from "../../../support/der.ts";
import { arpRequest, BROADCAST, ethernet, ipv4Bytes, parseArp, parseIpv4 } from "../../../support/frames.ts";
import { MAC, NEIGHBOUR, ROUTER, TestStack, US } from "../../../support/stack.ts";

const STRANGER = Uint8Array.from([2, 0, 0, 0, 0, 0x66]);
const NOBODY = new Uint8Array(6);
interface Host {
  mac: Uint8Array;
  address: string;
}

/** An ARP packet with anything in it. */
function arp(
  operation: number,
  from: Host,
  to: Host,
  { source = from.mac, destination = MAC, head = "000108000604" } = {},
) {
  const body = concat(
    ...[Buffer.from(head, "hex"), uint(2, operation), from.mac, ipv4Bytes(from.address)],
    ...[to.mac, ipv4Bytes(to.address)],
  );
  return ethernet(destination, source, 0x0806, body);
}
const reply = (from: Host, options = {}) => arp(2, from, US, options);
const neighbour = (n: number): Host => ({ mac: Uint8Array.from([2, 0, 0, 0, 1, n]), address: `10.0.2.${n}` });

let stack: TestStack;
beforeEach(async () => {
  stack = await TestStack.begin();
});

describe("who asks for us", () => {
  it("is answered, to itself, in a frame of the least length", () => {
    const [answer, ...more] = stack.hear(arpRequest(NEIGHBOUR, US.address));
    expect(more).toEqual([]);
    expect(answer).toHaveLength(60);
    expect(answer!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);
    expect(answer!.subarray(6, 12)).toEqual(MAC);
    expect(parseArp(answer!)).toEqual({ operation: 2, senderMac: MAC, sender: US.address, target: NEIGHBOUR.address });
  });

  it("is remembered: what goes to it needs no question", () => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
    const [packet] = stack.send(NEIGHBOUR.address);
    expect(packet!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);
    expect(parseIpv4(packet!)).toMatchObject({ source: US.address, destination: NEIGHBOUR.address, sound: true });
  });

  it("is answered but not remembered when it has no address yet: a probe", () => {
    const probe = { mac: NEIGHBOUR.mac, address: "0.0.0.0" };
    expect(parseArp(stack.hear(arpRequest(probe, US.address))[0]!)).toMatchObject({ operation: 2, target: "0.0.0.0" });
    expect(parseArp(stack.send(NEIGHBOUR.address)[0]!)).toMatchObject({ operation: 1, target: NEIGHBOUR.address });
  });

  it.each([
    ["another address", () => arpRequest(NEIGHBOUR, "10.0.2.16")],
    [
      "from a group's MAC",
      () => arp(1, { ...NEIGHBOUR, mac: Uint8Array.from([3, 0, 0, 0, 0, 9]) }, US, { source: NEIGHBOUR.mac }),
    ],
    ["from no MAC", () => arp(1, { ...NEIGHBOUR, mac: NOBODY }, US, { source: NEIGHBOUR.mac })],
    ["from our own MAC", () => arp(1, { ...NEIGHBOUR, mac: MAC }, US, { source: NEIGHBOUR.mac })],
    ["with our own address", () => arpRequest({ ...NEIGHBOUR, address: US.address }, US.address)],
    ["from another subnet", () => arpRequest({ ...NEIGHBOUR, address: "10.0.3.9" }, US.address)],
    ["from the subnet's broadcast address", () => arpRequest({ ...NEIGHBOUR, address: "10.0.2.255" }, US.address)],
    ["from the subnet's own address", () => arpRequest({ ...NEIGHBOUR, address: "10.0.2.0" }, US.address)],
    ["for another than the frame's sender", () => arp(1, NEIGHBOUR, US, { source: STRANGER })],
    ["of another protocol", () => arp(1, NEIGHBOUR, US, { head: "000186dd0604" })],
    ["with other lengths", () => arp(1, NEIGHBOUR, US, { head: "000108000610" })],
    ["of an operation that is none", () => arp(3, NEIGHBOUR, US)],
    ["cut short", () => arpRequest(NEIGHBOUR, US.address).subarray(0, 41)],
  ])("is refused: %s", (_, frame) => {
    expect(stack.hear(frame())).toEqual([]);
    expect(stack.count(Count.ArpRefused)).toBe(1);
    expect(parseArp(stack.send(NEIGHBOUR.address)[0]!)).toMatchObject({ operation: 1 });
  });
});

describe("a neighbour that we want to reach", () => {
  it("is asked for by broadcast, and gets the packet that waited", () => {
    const [question, ...more] = stack.send(NEIGHBOUR.address);
    expect(more).toEqual([]);
    expect(question!.subarray(0, 6)).toEqual(BROADCAST);
    expect(parseArp(question!)).toEqual({
      operation: 1,
      senderMac: MAC,
      sender: US.address,
      target: NEIGHBOUR.address,
    });
    const [packet, ...rest] = stack.hear(reply(NEIGHBOUR));
    expect(rest).toEqual([]);
    expect(packet!.subarray(0, 12)).toEqual(concat(NEIGHBOUR.mac, MAC));
    expect(parseIpv4(packet!)!.payload).toEqual(Uint8Array.from({ length: 40 }, (_, i) => i));
  });

  it("behind the router is reached through it", () => {
    expect(parseArp(stack.send("198.51.100.7")[0]!)).toMatchObject({ target: ROUTER.address });
    const [packet] = stack.hear(reply(ROUTER));
    expect(packet!.subarray(0, 6)).toEqual(ROUTER.mac);
    expect(parseIpv4(packet!)).toMatchObject({ destination: "198.51.100.7" });
  });

  it("is asked three times, a second apart, then forgotten", () => {
    stack.send(NEIGHBOUR.address);
    expect(stack.patience()).toBe(1000);
    expect(stack.wait(999)).toEqual([]);
    expect(stack.wait(1).map(parseArp)).toMatchObject([{ operation: 1 }]);
    expect(stack.wait(1000).map(parseArp)).toMatchObject([{ operation: 1 }]);
    expect(stack.wait(1000)).toEqual([]);
    expect(stack.patience()).toBeUndefined();
    expect(stack.count(Count.ArpUnresolved)).toBe(1);
    expect(stack.hear(reply(NEIGHBOUR))).toEqual([]);
  });

  it("keeps one packet waiting; a second one is dropped and counted", () => {
    stack.send(NEIGHBOUR.address, { segments: 3 });
    expect(stack.count(Count.ArpUnresolved)).toBe(2);
    expect(stack.hear(reply(NEIGHBOUR))).toHaveLength(1);
  });

  it("is asked again, itself, after a minute of use, and stays known meanwhile", () => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
    stack.wait(60_000);
    const [question, packet] = stack.send(NEIGHBOUR.address).sort((a) => (parseArp(a) ? -1 : 1));
    expect(question!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);
    expect(parseArp(question!)).toMatchObject({ operation: 1, target: NEIGHBOUR.address });
    expect(packet!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);
    stack.hear(reply(NEIGHBOUR));
    expect(stack.patience()).toBeUndefined();
    expect(stack.send(NEIGHBOUR.address)).toHaveLength(1);
  });

  it("waits with at most eight others: more are dropped and counted", () => {
    for (let n = 20; n < 29; n++) stack.send(`10.0.2.${n}`);
    expect(stack.count(Count.ArpUnresolved)).toBe(1);
    for (let n = 20; n < 28; n++) expect(stack.hear(reply(neighbour(n)))).toHaveLength(1);
    expect(stack.hear(reply(neighbour(28)))).toEqual([]);
  });
});

describe("nobody takes a neighbour's place", () => {
  const rightful = (packets: Uint8Array[]) => expect(packets.at(-1)!.subarray(0, 6)).toEqual(NEIGHBOUR.mac);

  beforeEach(() => {
    stack.hear(arpRequest(NEIGHBOUR, US.address));
  });

  it.each([
    ["an answer that nobody asked for", () => reply({ ...NEIGHBOUR, mac: STRANGER })],
    ["an announcement", () => arp(1, { ...NEIGHBOUR, mac: STRANGER }, NEIGHBOUR, { destination: BROADCAST })],
    ["a gratuitous answer", () => arp(2, { ...NEIGHBOUR, mac: STRANGER }, NEIGHBOUR, { destination: BROADCAST })],
    ["a question for us", () => arpRequest({ ...NEIGHBOUR, mac: STRANGER }, US.address)],
  ])("by %s", (_, frame) => {
    stack.hear(frame());
    rightful(stack.send(NEIGHBOUR.address));
  });

  it("by being quicker when it is asked again", () => {
    stack.wait(60_000);
    stack.send(NEIGHBOUR.address);
    stack.hear(reply({ ...NEIGHBOUR, mac: STRANGER }));
    expect(stack.count(Count.ArpRefused)).toBe(1);
    rightful(stack.send(NEIGHBOUR.address));
  });

  it("but one that has gone is found anew, elsewhere", () => {
    stack.wait(60_000);
    stack.send(NEIGHBOUR.address);
    for (let i = 0; i < 3; i++) stack.wait(1000);
    expect(stack.send(NEIGHBOUR.address)[0]!.subarray(0, 6)).toEqual(BROADCAST);
    const [packet] = stack.hear(reply({ ...NEIGHBOUR, mac: STRANGER }));
    expect(packet!.subarray(0, 6)).toEqual(STRANGER);
  });
});

describe("the table of 64", () => {
  it("is not emptied by those who ask for us: they are answered, and not remembered", () => {
    for (let n = 20; n < 84; n++) stack.hear(arpRequest(neighbour(n), US.address));
    expect(stack.hear(arpRequest(neighbour(90), US.address))).toHaveLength(1);
    for (let n = 20; n < 84; n++) expect(parseIpv4(stack.send(`10.0.2.${n}`)[0]!)).toBeDefined();
    expect(stack.count(Count.ArpFull)).toBe(0);
  });

  it("makes room for one that we want to reach: the neighbour used longest ago goes", () => {
    for (let n = 20; n < 84; n++) {
      stack.now += 1;
      stack.hear(arpRequest(neighbour(n), US.address));
    }
    stack.now += 1;
    stack.send("10.0.2.20");
    expect(parseArp(stack.send("10.0.2.90")[0]!)).toMatchObject({ target: "10.0.2.90" });
    expect(parseIpv4(stack.send("10.0.2.20")[0]!)).toBeDefined();
    expect(parseArp(stack.send("10.0.2.21")[0]!)).toMatchObject({ target: "10.0.2.21" });
  });

  it("has half of its places for those that do not answer: known neighbours stay, each is asked for once, the rest is counted", () => {
    for (let n = 20; n < 60; n++) stack.hear(arpRequest(neighbour(n), US.address));
    const asked = Array.from({ length: 100 }, (_, i) => stack.send(`10.0.2.${100 + i}`)).flat();
    expect(asked.map((frame) => parseArp(frame)!.target)).toEqual(
      Array.from({ length: 32 }, (_, i) => `10.0.2.${100 + i}`),
    );
    expect(stack.count(Count.ArpFull)).toBe(68);
    // Eight known ones have given way to what was free no more.
    for (let n = 28; n < 60; n++) expect(parseIpv4(stack.send(`10.0.2.${n}`)[0]!)).toBeDefined();
    expect(stack.wait(1000)).toHaveLength(32);
    expect(stack.count(Count.QueueFull)).toBe(0);
  });
});
