/** The lossy wire: each fault at its rate, the same course for the same seed, nothing without being asked. */
import { describe, expect, it } from "vitest";
import { cable } from "./frame-wire.ts";
import { ipv4, Protocol, parseIpv4 } from "./frames.ts";
import { Fate, type Impairment, LossyWire } from "./lossy-wire.ts";

const MAC = new Uint8Array(6);
const ROUTE = { from: { mac: MAC, address: "10.0.0.1" }, to: { mac: MAC, address: "10.0.0.2" } };
const frame = (n: number) => ipv4(ROUTE, Protocol.Udp, Uint8Array.of(n >> 8, n));
const FRAMES = Array.from({ length: 5_000 }, (_, n) => frame(n));

function course(impairment: Impairment) {
  const fate = new Fate(impairment);
  return { arrivals: FRAMES.map((each) => fate.of(each)), counts: fate.counts };
}

describe("what becomes of a frame", () => {
  it("is nothing special when nothing is asked for", () => {
    const { arrivals, counts } = course({ seed: 1 });
    expect(arrivals).toEqual(FRAMES.map((each) => [{ frame: each, delay: 0 }]));
    expect(counts).toEqual({ passed: 5_000, lost: 0, duplicated: 0, reordered: 0, corrupted: 0 });
  });

  it("is the same for the same seed, and not for another", () => {
    const bad = { loss: 0.1, duplication: 0.1, reordering: 0.1, corruption: 0.1, delayMillis: 3 };
    expect(course({ seed: 7, ...bad }).arrivals).toEqual(course({ seed: 7, ...bad }).arrivals);
    expect(course({ seed: 7, ...bad }).counts).not.toEqual(course({ seed: 8, ...bad }).counts);
  });

  it.each([
    ["loss", "lost"],
    ["duplication", "duplicated"],
    ["reordering", "reordered"],
    ["corruption", "corrupted"],
  ] as const)("%s happens as often as asked, and nothing else", (fault, count) => {
    const { counts } = course({ seed: 3, [fault]: 0.05 });
    expect(counts[count]).toBeGreaterThan(5_000 * 0.04);
    expect(counts[count]).toBeLessThan(5_000 * 0.06);
    const { passed, ...faults } = counts;
    expect(Object.values(faults).filter((n) => n > 0)).toEqual([counts[count]]);
    expect(passed).toBe(5_000 - counts.lost + counts.duplicated);
  });

  it("corrupts one bit behind the Ethernet header, which a checksum can find, and never the sender's frame", () => {
    const sent = frame(1);
    const fate = new Fate({ seed: 5, corruption: 1 });
    const places = new Set<number>();
    for (let i = 0; i < 500; i++) {
      const [{ frame: got } = { frame: sent }] = fate.of(sent);
      const flips = Array.from(got, (byte, at) => ({ at, bits: byte ^ sent[at]! })).filter(({ bits }) => bits !== 0);
      expect(flips.length).toBe(1);
      expect(flips[0]!.at).toBeGreaterThanOrEqual(14);
      expect(Math.log2(flips[0]!.bits) % 1).toBe(0);
      places.add(flips[0]!.at);
    }
    expect(places.size).toBe(sent.length - 14);
    expect(parseIpv4(sent)!.sound).toBe(true);
  });

  it("leaves what is not IPv4 uncorrupted: the link's own check would have dropped it", () => {
    const arp = Uint8Array.from(frame(1));
    arp[13] = 6;
    expect(new Fate({ seed: 5, corruption: 1 }).of(arp)).toEqual([{ frame: arp, delay: 0 }]);
  });
});

describe("the wire", () => {
  /** All that arrives at the far end until `count` frames have. */
  function collect(impairment: Impairment, count: number): Promise<number[]> {
    const [near, far] = cable();
    const wire = new LossyWire(near, impairment);
    return new Promise((resolve) => {
      const got: number[] = [];
      far.onFrame((each) => {
        got.push(parseIpv4(each)!.payload[1]!);
        if (got.length === count) resolve(got);
      });
      for (let n = 0; n < 100; n++) wire.send(frame(n));
    });
  }
  const ORDER = Array.from({ length: 100 }, (_, n) => n);

  it("passes frames in order, at once or after the delay", async () => {
    expect(await collect({ seed: 1 }, 100)).toEqual(ORDER);
    expect(await collect({ seed: 1, delayMillis: 2 }, 100)).toEqual(ORDER);
  });

  it("brings every frame out of order, or twice, when asked", async () => {
    const reordered = await collect({ seed: 1, reordering: 0.3 }, 100);
    expect(reordered).not.toEqual(ORDER);
    expect(reordered.toSorted((a, b) => a - b)).toEqual(ORDER);
    const twice = await collect({ seed: 1, duplication: 1 }, 200);
    expect(twice.toSorted((a, b) => a - b)).toEqual(ORDER.flatMap((n) => [n, n]));
  });

  it("treats the two ways differently", () => {
    const [near, far] = cable();
    const wire = new LossyWire(near, { seed: 9, loss: 0.5 });
    const got: number[][] = [[], []];
    wire.onFrame((each) => got[0]!.push(parseIpv4(each)!.payload[1]!));
    far.onFrame((each) => got[1]!.push(parseIpv4(each)!.payload[1]!));
    for (let n = 0; n < 100; n++) {
      wire.send(frame(n));
      far.send(frame(n));
    }
    expect(got[0]).not.toEqual(got[1]);
    expect([wire.in.counts.lost, wire.out.counts.lost]).toEqual(got.map((all) => 100 - all.length));
  });

  it("delivers nothing after it has stopped", async () => {
    const [near, far] = cable();
    const wire = new LossyWire(near, { seed: 1, delayMillis: 1 });
    let got = 0;
    far.onFrame(() => got++);
    wire.send(frame(1));
    wire.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got).toBe(0);
  });
});
