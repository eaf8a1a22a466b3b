/** statistics.ts on made-up samples: what it finds, what it does not, and that the power it states is the power it has. */
import { describe, expect, it } from "vitest";
import { compare, detectable, judge, POWER, type Samples, THRESHOLD } from "./statistics.ts";

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

const STEP = 20;

/** Times as a machine gives them: most close together, some interrupted, on a clock that goes in steps. Class 1 takes `delta` longer. */
function samples(seed: number, count: number, delta: number): Samples {
  const next = numbers(seed);
  const classes = Uint8Array.from({ length: count }, () => (next() < 0.5 ? 0 : 1));
  const cycles = Float64Array.from(classes, (one) => {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    const interrupted = next() < 0.03 ? 30_000 * next() : 0;
    return Math.round((10_000 + 150 * normal + interrupted + delta * one) / STEP) * STEP;
  });
  return { classes, cycles };
}

describe("compare", () => {
  it("finds no difference where there is none", () => {
    const values = Array.from({ length: 200 }, (_, seed) => Math.abs(compare(samples(seed, 4000, 0)).t));
    // Of six tests that go together, the largest.
    expect(Math.max(...values)).toBeLessThan(4.5);
  });

  it("finds a difference on the side where it is", () => {
    expect(compare(samples(1, 4000, 100)).t).toBeGreaterThan(THRESHOLD);
    expect(compare(samples(1, 4000, -100)).t).toBeLessThan(-THRESHOLD);
  });

  it("finds what interrupts would hide from the mean of all", () => {
    const hidden = samples(2, 4000, 60);
    const wild = hidden.cycles.map((value, i) => (i % 50 === 0 ? value + 1e6 * (1 + (i % 7)) : value));
    expect(compare({ ...hidden, cycles: wild }).t).toBeGreaterThan(THRESHOLD);
  });

  it("says nothing of too few samples", () => {
    expect(compare(samples(3, 40, 1e6)).t).toBe(0);
  });
});

describe("detectable", () => {
  it("is found as often as is said, and half of it is not", () => {
    const count = 2000;
    const found = (delta: number) => {
      const values = Array.from({ length: 200 }, (_, i) => Math.abs(compare(samples(1000 + i, count, delta)).t));
      return values.filter((t) => t > THRESHOLD).length / values.length;
    };
    const stated = Array.from({ length: 10 }, (_, seed) => detectable(samples(seed, count, 0))).toSorted(
      (a, b) => a - b,
    );
    const median = stated[5]!;
    expect(found(median)).toBeGreaterThanOrEqual(POWER - 0.02);
    expect(found(median / 2)).toBeLessThan(0.1);
  });

  it("shrinks with the square root of the number of samples", () => {
    const ratio = detectable(samples(7, 4000, 0)) / detectable(samples(7, 64_000, 0));
    expect(ratio).toBeGreaterThan(3.3);
    expect(ratio).toBeLessThan(4.8);
  });
});

describe("judge", () => {
  const given = (deltas: number[]) => {
    const scales: number[] = [];
    const run = async (scale: number) => {
      scales.push(scale);
      return samples(scales.length, 2000 * scale, deltas[scales.length - 1]!);
    };
    return { run, scales };
  };

  it("ends with the first run that shows nothing", async () => {
    const { run, scales } = given([0]);
    const { differs, detectable: smallest } = await judge(run);
    expect([differs, scales]).toEqual([false, [1]]);
    expect(smallest).toBeGreaterThan(0);
  });

  it("lets pass what does not come back, or comes back on the other side", async () => {
    const once = given([200, 0]);
    expect([(await judge(once.run)).differs, once.scales]).toEqual([false, [1, 2]]);
    const turned = given([200, 200, -200]);
    expect([(await judge(turned.run)).differs, turned.scales]).toEqual([false, [1, 2, 4]]);
  });

  it("fails what is there three times", async () => {
    const { differs, runs, detectable: smallest } = await judge(given([-100, -100, -100]).run);
    expect([differs, smallest]).toEqual([true, undefined]);
    expect(runs.map(({ samples: count }) => count)).toEqual([2000, 4000, 8000]);
  });
});
