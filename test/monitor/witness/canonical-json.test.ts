/** Canonical JSON: one text for each value, and only texts that can be read in one way. */
import { describe, expect, test } from "vitest";
import { canonical, JsonError, readPlainJson } from "../../../monitor/witness/canonical-json.ts";

test("keys in the order of UTF-16 units, strings as in RFC 8785's own example", () => {
  expect(canonical({ "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 })).toBe(
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
  );
  expect(canonical('€$\u000f\nA\'B"\\\\"/')).toBe('"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
  expect(canonical([null, true, -0, 9007199254740991, { b: [], a: {} }])).toBe(
    '[null,true,0,9007199254740991,{"a":{},"b":[]}]',
  );
});

test.each([0.5, Number.NaN, 2 ** 53, undefined, { a: undefined }, 1n, "\ud800", { "\udc00": 1 }])(
  "%o has none",
  (value) => {
    expect(() => canonical(value)).toThrow(TypeError);
  },
);

test("nor has what is nested without end", () => {
  const ring: unknown[] = [];
  ring.push(ring);
  expect(() => canonical(ring)).toThrow(TypeError);
});

describe("reading", () => {
  test.each([
    ['{"b": [1, 2],\r\n\t"a": "x  y"}', { b: [1, 2], a: "x  y" }],
    ['"a \\" b \\\\"', 'a " b \\'],
    ["  7 ", 7],
    ['["\\\\", " ", "\\"", " "]', ["\\", " ", '"', " "]],
  ])("%s", (text, value) => {
    expect(readPlainJson(text)).toEqual(value);
  });

  test.each([
    ['{"a":1,"a":2}', "two ways"],
    ['{"a":1,"\\u0061":2}', "two ways"],
    ["1.0", "two ways"],
    ["1e2", "two ways"],
    ["-0", "two ways"],
    ["12345678901234567890", "two ways"],
    ['"\\u0041"', "two ways"],
    ['"\\/"', "two ways"],
    ["{", "is not JSON"],
    ["", "is not JSON"],
    ["\ufeff1", "is not JSON"],
    [`${"[".repeat(200_000)}${"]".repeat(200_000)}`, "nested too deeply"],
  ])("refused, number %#", (text, reason) => {
    expect(() => readPlainJson(text)).toThrow(JsonError);
    expect(() => readPlainJson(text)).toThrow(reason);
  });

  test("a string of eight million characters", () => {
    const text = JSON.stringify({ a: "0".repeat(8_000_000) });
    expect(readPlainJson(text)).toHaveProperty("a");
  });
});
