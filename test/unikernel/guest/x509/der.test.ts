/** guest/x509/der and names: DER and nothing but DER; one encoding for each value. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { concat, constructed, element, encode, type Node, oid, primitive, uint } from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("x509");
});
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

function open(bytes: Uint8Array): void {
  h.write(bytes);
  h.call.open!(bytes.length);
}
/** What a reading step answers for `bytes`, or "refused" unless it took all of them. */
function read(bytes: Uint8Array, step: string, ...args: number[]): number | "refused" {
  open(bytes);
  const result = h.call[step]!(...args) as number;
  return h.call.done!() ? result : "refused";
}

describe("lengths", () => {
  it("reads short and long definite lengths", () => {
    for (const length of [0, 1, 127, 128, 255, 256, 1000, 65000]) {
      const content = new Uint8Array(length).fill(0x5a);
      expect(read(element(0x04, content), "value", 0x04)).toBe(length);
      expect(h.read(length)).toEqual(content);
    }
  });

  it.each([
    ["indefinite", "04 80 00 00"],
    ["one length byte where none is needed", "04 81 01 00"],
    ["two length bytes where one is enough", `04 82 00 80 ${"00".repeat(128)}`],
    ["two length bytes where none is needed", "04 82 00 01 00"],
    ["three length bytes", "04 83 00 00 01 00"],
    ["the reserved first byte", "04 ff"],
    ["a length past the end", "04 02 00"],
    ["a long length past the end", "04 82 ff ff 00"],
    ["no length", "04"],
    ["half a long length", "04 82 01"],
    ["a long form without its length", "04 81"],
    ["nothing", ""],
    ["another tag", "05 00"],
    ["bytes after it", "04 00 00"],
  ])("refuses %s", (_, text) => {
    expect(read(hex(text), "value", 0x04)).toBe("refused");
  });
});

describe("nesting", () => {
  it("leaves only what was read to its end, and is done only when everything was left", () => {
    open(hex("30 05 02 01 05 05 00"));
    h.call.enter!(0x30);
    expect(h.call.done!()).toBe(0);
    expect(h.call.smallInteger!()).toBe(5);
    h.call.skip!();
    expect(h.call.done!()).toBe(0);
    h.call.leave!();
    expect(h.call.done!()).toBe(1);

    open(hex("30 05 02 01 05 05 00"));
    h.call.enter!(0x30);
    h.call.smallInteger!();
    h.call.leave!();
    expect(h.call.peek!()).toBe(0x100);
    expect(h.call.done!()).toBe(0);
  });

  it("keeps an element inside the one around it", () => {
    open(hex("30 03 04 02 00 00"));
    h.call.enter!(0x30);
    expect(h.call.value!(0x04)).toBe(0);
    expect(h.call.done!()).toBe(0);
    expect(h.call.peek!()).toBe(0x100);
  });

  it("refuses more than sixteen levels, without a trap", () => {
    for (const [levels, fine] of [
      [16, 1],
      [17, 0],
      [100, 0],
    ] as const) {
      let nested: Node = constructed(0x30);
      for (let i = 1; i < levels; i++) nested = constructed(0x30, nested);
      open(encode(nested));
      for (let i = 0; i < levels; i++) h.call.enter!(0x30);
      for (let i = 0; i < levels; i++) h.call.leave!();
      expect(h.call.done!()).toBe(fine);
    }
  });

  it("skips one element of any low tag, refuses high tag numbers", () => {
    expect(read(hex("a3 02 05 00"), "skip")).not.toBe("refused");
    expect(read(hex("bf 1f 00"), "skip")).toBe("refused");
    expect(read(hex("1f 1f 00"), "skip")).toBe("refused");
    expect(read(hex(""), "skip")).toBe("refused");
  });
});

describe("primitive types", () => {
  it.each([
    ["02 01 00", 0],
    ["02 01 7f", 127],
    ["02 02 00 80", 128],
    ["02 04 7f ff ff ff", 0x7fffffff],
    ["02 00", "refused"],
    ["02 01 80", "refused"],
    ["02 01 ff", "refused"],
    ["02 02 00 7f", "refused"],
    ["02 02 ff 80", "refused"],
    ["02 05 00 80 00 00 00", "refused"],
    ["02 05 01 00 00 00 00", "refused"],
  ])("small INTEGER %s is %s", (text, value) => {
    expect(read(hex(text), "smallInteger")).toBe(value);
  });

  it("takes only TRUE as 0xff where FALSE is the default", () => {
    expect(read(hex("01 01 ff"), "onlyTrue")).not.toBe("refused");
    for (const text of ["01 01 00", "01 01 01", "01 01 fe", "01 00", "01 02 ff ff", "02 01 ff"]) {
      expect(read(hex(text), "onlyTrue")).toBe("refused");
    }
  });

  it.each([
    ["03 02 07 80", 0b1],
    ["03 02 01 06", 0b1100000],
    ["03 02 00 01", 0b10000000],
    ["03 03 07 00 80", 0b100000000],
    ["03 03 07 80 80", 0b100000001],
    ["03 02 00 ff", 0xff],
    ["03 01 00", "refused"],
    ["03 00", "refused"],
    ["03 02 07 00", "refused"],
    ["03 02 00 00", "refused"],
    ["03 02 06 80", "refused"],
    ["03 02 07 c0", "refused"],
    ["03 02 08 80", "refused"],
    ["03 02 ff 80", "refused"],
    ["03 03 00 80 00", "refused"],
    ["03 04 07 00 00 80", "refused"],
  ])("named bits %s are %s", (text, value) => {
    expect(read(hex(text), "namedBits")).toBe(value);
  });

  it("takes whole bytes of a BIT STRING only", () => {
    expect(read(hex("03 03 00 aa bb"), "wholeBits")).toBe(2);
    expect(h.read(2)).toEqual(hex("aa bb"));
    expect(read(hex("03 01 00"), "wholeBits")).toBe(0);
    for (const text of ["03 00", "03 02 01 aa", "03 02 08 aa", "04 02 00 aa"]) {
      expect(read(hex(text), "wholeBits")).toBe("refused");
    }
  });

  it("takes complete and minimal OBJECT IDENTIFIERs only", () => {
    for (const dotted of ["1.2.840.10045.2.1", "2.5.29.15", "0.0", "2.23.140", "1.3.268435455"]) {
      expect(read(oid(dotted), "objectIdentifier")).toBe(oid(dotted).length - 2);
    }
    for (const text of ["06 00", "06 01 80", "06 02 2a 86", "06 03 2a 80 01", "06 02 80 01"]) {
      expect(read(hex(text), "objectIdentifier")).toBe("refused");
    }
  });

  it("never accepts two encodings of one INTEGER", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 6 }), (content) => {
        const accepted = read(element(0x02, content), "integer");
        const value = content.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        let canonical = value.toString(16);
        if (canonical.length % 2 === 1) canonical = `0${canonical}`;
        if (Number.parseInt(canonical.slice(0, 2), 16) >= 0x80) canonical = `00${canonical}`;
        const isCanonical = content.length > 0 && Buffer.from(content).toString("hex") === canonical;
        expect(accepted).toBe(isCanonical ? content.length : "refused");
      }),
    );
  });
});

describe("names", () => {
  const attribute = (type: string, value: string | Uint8Array, tag = 0x0c): Uint8Array =>
    element(0x30, oid(type), element(tag, typeof value === "string" ? new TextEncoder().encode(value) : value));
  const name = (...sets: Uint8Array[][]) => element(0x30, ...sets.map((set) => element(0x31, ...set)));
  function text(bytes: Uint8Array): string | "refused" {
    h.write(bytes);
    const length = h.call.name!(bytes.length) as number;
    return length < 0 ? "refused" : Buffer.from(h.read(length)).toString("latin1");
  }

  it("shows attributes in their order with short names", () => {
    const all = ["2.5.4.3", "2.5.4.10", "2.5.4.11", "2.5.4.6", "2.5.4.8", "2.5.4.7", "2.5.4.5"];
    expect(text(name(...all.map((type, i) => [attribute(type, `v${i}`, 0x13)])))).toBe(
      "CN=v0,O=v1,OU=v2,C=v3,ST=v4,L=v5,?=v6",
    );
    expect(text(name())).toBe("");
  });

  it("shows nothing but printable ASCII, escapes separators, and cuts at 128", () => {
    expect(text(name([attribute("2.5.4.3", "piñata\n\u001b[31m")]))).toBe("CN=pi??ata??[31m");
    expect(text(name([attribute("2.5.4.3", 'x,O=admin+<">\\;')]))).toBe('CN=x\\,O\\=admin\\+\\<\\"\\>\\\\\\;');
    const long = text(name([attribute("2.5.4.3", "a".repeat(100))], [attribute("2.5.4.10", "b".repeat(500))]));
    expect(long).toBe(`CN=${"a".repeat(100)},O=${"b".repeat(22)}`);
  });

  it("accepts several attributes in one set when they are sorted and different", () => {
    const a = attribute("2.5.4.3", "a");
    const b = attribute("2.5.4.3", "b");
    const longer = attribute("2.5.4.3", "aa");
    expect(text(name([a, b]))).toBe("CN=a,CN=b");
    expect(text(name([a, longer]))).toBe("CN=a,CN=aa");
    for (const wrong of [
      [b, a],
      [a, a],
      [longer, a],
      [a, b, a],
    ])
      expect(text(name(wrong))).toBe("refused");
  });

  it.each([
    ["an empty set", name([])],
    ["an attribute without value", element(0x30, element(0x31, element(0x30, oid("2.5.4.3"))))],
    ["an empty value", name([attribute("2.5.4.3", "")])],
    [
      "two values",
      element(
        0x30,
        element(0x31, element(0x30, oid("2.5.4.3"), element(0x0c, uint(1, 65)), element(0x0c, uint(1, 65)))),
      ),
    ],
    ["a T61String", name([attribute("2.5.4.3", "a", 0x14)])],
    ["a BMPString", name([attribute("2.5.4.3", uint(2, 65), 0x1e)])],
    ["a constructed string", name([attribute("2.5.4.3", element(0x0c, uint(1, 65)), 0x2c)])],
    ["a sequence where a set belongs", element(0x30, element(0x30, attribute("2.5.4.3", "a")))],
    ["a broken type", element(0x30, element(0x31, element(0x30, hex("06 02 55 84"), element(0x0c, uint(1, 65)))))],
    ["bytes after it", concat(name(), uint(1, 0))],
    ["a string alone", encode(primitive(0x0c, "a"))],
  ])("refuses %s", (_, bytes) => {
    expect(text(bytes)).toBe("refused");
  });
});
