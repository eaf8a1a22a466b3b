import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkedBody,
  descriptorChecksum,
  formatDescriptor,
  parseDescriptor,
  withChecksum,
} from "../../../infra/bitcoin/descriptor.ts";

const KEY = "0b55ff41ef09518c346bd6d66dc07f0223e3b9da53755f1a4924bd9d78fe9000";
const REFUND = "cd736ad62a11b991cfcedd12781a1b659bef7adf81e12f65a2d9345acf3a6924";

describe("descriptor checksum (BIP-380's test vectors)", () => {
  it("accepts the valid one", () => {
    expect(checkedBody("raw(deadbeef)#89f8spxm")).toBe("raw(deadbeef)");
    expect(withChecksum("raw(deadbeef)")).toBe("raw(deadbeef)#89f8spxm");
  });
  it.each([
    ["no checksum", "raw(deadbeef)"],
    ["missing checksum", "raw(deadbeef)#"],
    ["too long", "raw(deadbeef)#89f8spxmx"],
    ["too short", "raw(deadbeef)#89f8spx"],
    ["error in payload", "raw(deedbeef)#89f8spxm"],
    ["error in checksum", "raw(deedbeef)##9f8spxm"],
    ["invalid character in payload", "raw(Ü)#00000000"],
  ])("refuses: %s", (_, text) => {
    expect(checkedBody(text)).toBeUndefined();
  });
  it("has no checksum for characters outside the set", () => {
    expect(descriptorChecksum("raw(Ü)")).toBeUndefined();
    expect(() => withChecksum("raw(Ü)")).toThrow(RangeError);
  });
});

describe("the piñata's descriptor", () => {
  const text = formatDescriptor({ key: KEY, refundKey: REFUND, refundHeight: 52_560 });

  it("has miniscript's form", () => {
    expect(text).toMatch(/^tr\(0b55.*,and_v\(v:pk\(cd73.*\),after\(52560\)\)\)#[a-z0-9]{8}$/);
  });
  it("comes back as it went", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 499_999_999 }), (refundHeight) => {
        const terms = { key: KEY, refundKey: REFUND, refundHeight };
        expect(parseDescriptor(formatDescriptor(terms))).toEqual(terms);
      }),
    );
  });
  it("is refused when any one character is another", () => {
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "q" ? "p" : "q";
      expect(parseDescriptor(text.slice(0, at) + other + text.slice(at + 1)), `character ${at}`).toBeUndefined();
    }
  });
  it.each([
    `tr(${KEY})`,
    `tr(${KEY},pk(${REFUND}))`,
    `tr(${KEY},and_v(v:pk(${REFUND}),after(0)))`,
    `tr(${KEY},and_v(v:pk(${REFUND}),after(500000000)))`,
    `tr(${KEY},and_v(v:pk(${REFUND}),older(10)))`,
    `wpkh(${KEY})`,
  ])("refuses another form with a right checksum: %s", (body) => {
    expect(parseDescriptor(withChecksum(body))).toBeUndefined();
  });
});
