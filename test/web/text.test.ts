import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { btc, iso, short } from "../../web/text.ts";

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
  it("are UTC, to the second", () => {
    expect(iso(Date.UTC(2026, 10, 24, 13, 48, 23, 987))).toBe("2026-11-24T13:48:23Z");
    expect(iso(null)).toBe("");
  });
});

describe("hashes", () => {
  it("are shortened when they are long only", () => {
    expect(short("0123456789abcdef0123456789abcdef")).toBe("01234567…89abcdef");
    expect(short("0123456789")).toBe("0123456789");
  });
});
