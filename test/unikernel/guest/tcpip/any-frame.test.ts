/** guest/tcpip/stack under anything: no frame makes it trap, allocate, or send to a group. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uint } from "../../../support/der.ts";
import {
  arpRequest,
  BROADCAST,
  checksum,
  echoRequest,
  ipv4,
  parseArp,
  parseIpv4,
  tcp,
  udp,
} from "../../../support/frames.ts";
import { LINE, MAC, NEIGHBOUR, TestStack, US } from "../../../support/stack.ts";

const ROUTE = { from: NEIGHBOUR, to: US };
const SEEDS = [
  arpRequest(NEIGHBOUR, US.address),
  echoRequest(ROUTE, 1, 2, new Uint8Array(56)),
  ipv4(ROUTE, 99, new Uint8Array(40)),
  udp(ROUTE, 5000, 53, new Uint8Array(30)),
  udp({ from: NEIGHBOUR, to: { mac: BROADCAST, address: "255.255.255.255" } }, 67, 68, new Uint8Array(300)),
  tcp(ROUTE, { fromPort: 5000, toPort: 10000, sequence: 1, flags: 2, mss: 1460 }),
];

/** A frame of {@link SEEDS} with some bytes changed, cut or stretched; with a right IP checksum as often as not. */
const mutated = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    edits: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
    cut: fc.option(fc.nat(400), { nil: undefined }),
    mended: fc.boolean(),
  })
  .map(({ seed, edits, cut, mended }) => {
    const frame = seed.slice(0, cut);
    for (const [at, value] of edits) if (at < frame.length) frame[at] = value;
    if (mended && frame.length >= 34) {
      frame.set([0, 0], 24);
      frame.set(uint(2, checksum(frame.subarray(14, 34))), 24);
    }
    return frame;
  });
const frames = fc.oneof(
  { weight: 4, arbitrary: mutated },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 1600 }) },
);

describe.each([LINE, "ip=dhcp"])("any frame, with %s", (line) => {
  it("is answered soundly or not at all, 20,000 times", async () => {
    const stack = await TestStack.begin(line);
    const before = stack.harness.call.allocated!();
    fc.assert(
      fc.property(frames, fc.nat(3000), (frame, millis) => {
        const out = [...stack.hear(frame), ...stack.wait(millis)];
        for (const sent of out) {
          expect(sent.length).toBeGreaterThanOrEqual(60);
          expect(sent.length).toBeLessThanOrEqual(1514);
          expect(sent.subarray(6, 12)).toEqual(MAC);
          const packet = parseIpv4(sent);
          if (packet === undefined) expect(parseArp(sent)).toMatchObject({ senderMac: MAC });
          else expect(packet.sound).toBe(true);
          const toGroup = (sent[0]! & 1) === 1;
          if (toGroup) expect(packet === undefined || packet.protocol === 17).toBe(true);
        }
      }),
      { numRuns: 20_000 },
    );
    expect(stack.harness.call.allocated!()).toBe(before);
  });
});
