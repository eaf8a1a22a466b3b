/** Which connection numbers have begun: the same as a set says, in bounded memory. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Seen } from "../../../monitor/trace/seen.ts";

describe("numbers seen", () => {
  test("in any order, each is new once; the ranges are in order and never touch; missing ones are counted", () => {
    const number = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(fc.array(number, { maxLength: 100 }), (numbers) => {
        const seen = new Seen();
        const set = new Set<number>();
        for (const each of numbers) {
          expect(seen.add(each)).toBe(!set.has(each));
          set.add(each);
        }
        for (let each = 1; each <= 61; each++) expect(seen.has(each)).toBe(set.has(each));
        expect(seen.missing).toBe(Math.max(0, ...set) - set.size);
        seen.ranges.slice(1).forEach(([first], at) => {
          expect(first).toBeGreaterThan(seen.ranges[at]![1] + 1);
        });
        expect(new Seen(JSON.parse(JSON.stringify(seen.ranges))).ranges).toEqual(seen.ranges);
      }),
      { numRuns: 300 },
    );
  });

  test("a dialled connection that is told long after its number was given is new", () => {
    const seen = new Seen();
    for (let each = 1; each <= 100_000; each++) if (each !== 7) seen.add(each);
    expect([seen.ranges.length, seen.add(7), seen.add(7), seen.missing]).toEqual([2, true, false, 0]);
  });

  test("with too many gaps the oldest one is closed: what was missing there counts as seen", () => {
    const seen = new Seen();
    for (let each = 1; each <= 2001; each += 2) seen.add(each);
    expect(seen.ranges.length).toBe(256);
    expect([seen.add(2), seen.add(2000)]).toEqual([false, true]);
  });
});
