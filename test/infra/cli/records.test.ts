/** TLS records out of a byte stream: the same whatever pieces it comes in. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PassingRecord, RecordSplitter, recordName } from "../../../infra/cli/records.ts";

const record = fc.record({ type: fc.integer({ min: 0, max: 255 }), length: fc.integer({ min: 0, max: 600 }) });
const wire = (records: PassingRecord[]) =>
  Buffer.concat(
    records.map(({ type, length }) => Buffer.from([type, 3, 3, length >> 8, length & 255, ...Buffer.alloc(length, 7)])),
  );

describe("splitting into records", () => {
  it("finds each record, wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 })), (records, cuts) => {
        const bytes = wire(records);
        const splitter = new RecordSplitter();
        const found: PassingRecord[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...splitter.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...splitter.push(bytes.subarray(at)));
        expect(found).toEqual(records);
      }),
    );
  });

  it("tells a record only when its last byte is there", () => {
    const splitter = new RecordSplitter();
    const bytes = wire([{ type: 22, length: 2 }]);
    expect(splitter.push(bytes.subarray(0, 6))).toEqual([]);
    expect(splitter.push(bytes.subarray(6))).toEqual([{ type: 22, length: 2 }]);
  });

  it("reads the greatest length that two bytes hold", () => {
    expect(new RecordSplitter().push(wire([{ type: 23, length: 65_535 }]))).toEqual([{ type: 23, length: 65_535 }]);
  });

  it("names what RFC 8446 names, and numbers the rest", () => {
    expect([20, 21, 22, 23].map(recordName)).toEqual(["change_cipher_spec", "alert", "handshake", "application_data"]);
    expect(recordName(72)).toBe("type 72");
  });
});
