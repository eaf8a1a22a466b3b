import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ago, btc, count, grouped, iso, short, spoken, utc } from "../../web/text.ts";

describe("amounts", () => {
  it("are exact, with two to eight decimals", () => {
    expect(btc(0)).toBe("0.00");
    expect(btc(1)).toBe("0.00000001");
    expect(btc(50_000_000)).toBe("0.50");
    expect(btc(100_000_000)).toBe("1.00");
    expect(btc(1_000_012_345)).toBe("10.00012345");
    expect(btc(2_100_000_000_000_000)).toBe("21\u202f000\u202f000.00");
  });

  it("lose nothing, whatever the amount", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_100_000_000_000_000 }), (satoshi) => {
        const [whole, fraction] = btc(satoshi).replaceAll("\u202f", "").split(".");
        expect(BigInt(whole!) * 100_000_000n + BigInt(fraction!.padEnd(8, "0"))).toBe(BigInt(satoshi));
        expect(fraction!.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it("refuse what is no amount", () => {
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => btc(wrong)).toThrow(RangeError);
  });
});

describe("times", () => {
  const at = Date.UTC(2026, 10, 24, 13, 48, 23, 987);

  it("are UTC, for machines and for people", () => {
    expect(iso(at)).toBe("2026-11-24T13:48:23Z");
    expect(iso(null)).toBe("");
    expect(utc(iso(at))).toBe("2026-11-24 13:48:23 UTC");
    expect(spoken(iso(at))).toBe("13:48:23 UTC on 24 November 2026");
  });

  it("say how long ago, rounded down", () => {
    const said = (seconds: number) => ago("2026-03-01T12:00:00Z", Date.UTC(2026, 2, 1, 12) + seconds * 1000);
    expect(said(-5)).toBe("just now");
    expect(said(9.9)).toBe("just now");
    expect(said(10)).toBe("10 seconds ago");
    expect(said(59)).toBe("50 seconds ago");
    expect(said(60)).toBe("1 minute ago");
    expect(said(3599)).toBe("59 minutes ago");
    expect(said(3600)).toBe("1 hour ago");
    expect(said(47.9 * 3600)).toBe("47 hours ago");
    expect(said(48 * 3600)).toBe("2 days ago");
    expect(said(2000 * 86400)).toBe("2\u202f000 days ago");
  });
});

describe("words", () => {
  it("count", () => {
    expect(count(1, "source")).toBe("1 source");
    expect(count(0, "source")).toBe("0 sources");
    expect(grouped(1234567)).toBe("1\u202f234\u202f567");
  });

  it("shorten long hashes only", () => {
    expect(short("0123456789abcdef0123456789abcdef")).toBe("01234567…89abcdef");
    expect(short("0123456789")).toBe("0123456789");
  });
});
