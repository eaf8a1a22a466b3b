/** Which attempts get a row in a flood. */
import { describe, expect, test } from "vitest";
import { Sampler } from "../../../monitor/trace/sampling.ts";

const T = 1_750_000_000_000;

/** A small generator with a fixed seed, so that no run differs from another. */
function random(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function keptOf(sampler: Sampler, second: number, count: number): number[] {
  const kept: number[] = [];
  for (let at = 0; at < count; at++) if (sampler.begin(T + second * 1000 + (at * 1000) / count)) kept.push(at);
  return kept;
}

describe("rows in a flood", () => {
  test("up to the limit a second, every attempt is kept, second after second", () => {
    const sampler = new Sampler({ perSecond: 50, random: random() });
    for (let second = 0; second < 20; second++) expect(keptOf(sampler, second, 50).length).toBe(50);
  });

  test("above it never more than the limit; a half of the rows comes from all over the second", () => {
    const sampler = new Sampler({ perSecond: 50, random: random() });
    expect(keptOf(sampler, 0, 10_000)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    const places: number[] = [];
    for (let second = 1; second <= 40; second++) {
      const kept = keptOf(sampler, second, 10_000);
      expect(kept.length).toBeLessThanOrEqual(50);
      expect(kept.slice(0, 25)).toEqual(Array.from({ length: 25 }, (_, at) => at));
      places.push(...kept.slice(25));
    }
    expect(places.length).toBeGreaterThan(40 * 15);
    const quarters = [0, 1, 2, 3].map((q) => places.filter((at) => Math.floor(at / 2500) === q).length / places.length);
    for (const share of quarters.slice(0, 3)) expect(share).toBeGreaterThan(0.17);
    expect(quarters[3]).toBeGreaterThan(0.1);
  });

  test("whoever gets further than all that were kept is kept; the next one as far is not, one that authenticated is", () => {
    const sampler = new Sampler({ perSecond: 1, random: random() });
    sampler.begin(T);
    sampler.reached(1);
    expect(sampler.begin(T)).toBe(false);
    expect([1, 2, 2, 4, 5, 5].map((state) => sampler.promotes(state))).toEqual([false, true, false, true, true, true]);
  });

  test("those are bounded too", () => {
    const sampler = new Sampler({ perSecond: 1, random: random() });
    sampler.begin(T);
    const promoted = Array.from({ length: 1000 }, () => sampler.promotes(7)).filter(Boolean);
    expect(promoted.length).toBe(20);
  });

  test("a clock that is set back begins anew, one that trembles does not", () => {
    const sampler = new Sampler({ perSecond: 10, random: random() });
    keptOf(sampler, 0, 100);
    expect(sampler.begin(T - 2000)).toBe(false);
    expect(keptOf(sampler, -3600, 10).length).toBe(10);
  });
});
