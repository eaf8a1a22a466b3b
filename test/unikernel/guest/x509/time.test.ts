/** guest/x509/time: exactly the times of RFC 5280 §4.1.2.5, and the seconds that Node's own calendar says. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { element } from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("x509");
});

const REFUSED = -(2n ** 63n);

/** Seconds since 1970, or "refused". */
function time(text: string, tag = text.length > 13 ? 0x18 : 0x17): number | "refused" {
  const bytes = element(tag, Buffer.from(text, "latin1"));
  h.write(bytes);
  const answer = BigInt.asIntN(64, h.call.time!(bytes.length) as bigint);
  return answer === REFUSED ? "refused" : Number(answer);
}
const seconds = (iso: string) => Date.parse(iso) / 1000;

/** A time as RFC 5280 writes it: UTCTime through 2049, GeneralizedTime from 2050. */
function written(date: Date): string {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? digits.slice(2) : digits;
}

describe("times", () => {
  it.each([
    ["500101000000Z", "1950-01-01T00:00:00Z"],
    ["691231235959Z", "1969-12-31T23:59:59Z"],
    ["700101000000Z", "1970-01-01T00:00:00Z"],
    ["991231235959Z", "1999-12-31T23:59:59Z"],
    ["000101000000Z", "2000-01-01T00:00:00Z"],
    ["000229120000Z", "2000-02-29T12:00:00Z"],
    ["240229235959Z", "2024-02-29T23:59:59Z"],
    ["491231235959Z", "2049-12-31T23:59:59Z"],
    ["20500101000000Z", "2050-01-01T00:00:00Z"],
    ["20960229000000Z", "2096-02-29T00:00:00Z"],
    ["21000228235959Z", "2100-02-28T23:59:59Z"],
    ["21000301000000Z", "2100-03-01T00:00:00Z"],
    ["24000229000000Z", "2400-02-29T00:00:00Z"],
    ["99991231235959Z", "9999-12-31T23:59:59Z"],
  ])("%s is %s", (text, iso) => {
    expect(time(text)).toBe(seconds(iso));
  });

  it("agrees with Node's calendar on any second from 1950 to 9999", () => {
    fc.assert(
      fc.property(fc.integer({ min: seconds("1950-01-01T00:00:00Z"), max: seconds("9999-12-31T23:59:59Z") }), (at) => {
        expect(time(written(new Date(at * 1000)))).toBe(at);
      }),
      { numRuns: 2000 },
    );
  });

  it("agrees on the first and last second of every month from 1950 to 2105", () => {
    for (let year = 1950; year <= 2105; year++) {
      for (let month = 0; month < 12; month++) {
        const first = Date.UTC(year, month, 1) / 1000;
        for (const at of [first, first - 1]) {
          if (at < seconds("1950-01-01T00:00:00Z")) continue;
          expect(time(written(new Date(at * 1000)))).toBe(at);
        }
      }
    }
  });

  it.each([
    ["February 29 of a common year", "230229000000Z"],
    ["February 29 of 2100", "21000229000000Z"],
    ["February 30", "240230000000Z"],
    ["April 31", "240431000000Z"],
    ["day 0", "240100000000Z"],
    ["day 32", "240132000000Z"],
    ["month 0", "240001000000Z"],
    ["month 13", "241301000000Z"],
    ["hour 24", "240101240000Z"],
    ["minute 60", "240101006000Z"],
    ["a leap second", "161231235960Z"],
    ["no seconds", "2401010000Z"],
    ["an offset", "240101000000+0000"],
    ["local time", "240101000000"],
    ["a lower-case z", "240101000000z"],
    ["a fraction", "20500101000000.0Z"],
    ["GeneralizedTime in 2049", "20491231235959Z"],
    ["GeneralizedTime in 1950", "19500101000000Z"],
    ["year 0000", "00000101000000Z"],
    ["a sign", "-50101000000Z"],
    ["a blank", " 50101000000Z"],
    ["a letter in the year", "x40101000000Z"],
    ["a letter in the second", "24010100000xZ"],
    ["a byte above ASCII", "24010100000\xb0Z"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(time(text)).toBe("refused");
  });

  it("refuses the right digits under the wrong tag", () => {
    expect(time("240101000000Z", 0x18)).toBe("refused");
    expect(time("20500101000000Z", 0x17)).toBe("refused");
    expect(time("240101000000Z", 0x04)).toBe("refused");
  });

  it("takes any u64 of the board, the end of the year 9999 at most", () => {
    const last = BigInt(seconds("9999-12-31T23:59:59Z"));
    const sinceEpoch = (now: bigint) => BigInt.asUintN(64, h.call.sinceEpoch!(BigInt.asIntN(64, now)) as bigint);
    for (const now of [0n, 1n, last - 1n, last]) expect(sinceEpoch(now)).toBe(now);
    for (const now of [last + 1n, 2n ** 63n, 2n ** 64n - 1n]) expect(sinceEpoch(now)).toBe(last);
  });
});
