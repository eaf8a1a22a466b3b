/** guest/crypto/sha256 and sha512: published digests, and node:crypto's for every way of cutting the input. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Harness, loadHarness } from "../../../support/harness.ts";

const vectors = z
  .object({
    cases: z.array(z.object({ bits: z.number(), message: z.string(), repeat: z.number(), digest: z.string() })).min(15),
  })
  .parse(JSON.parse(readFileSync(new URL("../../../vectors/sha2.json", import.meta.url), "utf8")));

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("hashes");
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const theirs = (bits: number, message: Uint8Array) => createHash(`sha${bits}`).update(message).digest("hex");
const pattern = Uint8Array.from({ length: 600 }, (_, i) => (i * 197 + (i >> 8)) & 0xff);

function oneShot(bits: number, message: Uint8Array): string {
  h.write(message);
  h.call.oneShot!(bits, message.length, bits / 8);
  return hex(h.read(bits / 8));
}
function digest(bits: number): string {
  h.call.hashDigest!(bits, bits / 8);
  return hex(h.read(bits / 8));
}

describe.each([
  [256, 64],
  [384, 128],
  [512, 128],
])("SHA-%i", (bits, block) => {
  it("says its lengths", () => {
    expect(h.call.hashLength!(bits)).toBe(bits / 8);
    expect(h.call.hashBlockLength!(bits)).toBe(block);
  });

  it("gives the published digests", () => {
    for (const vector of vectors.cases.filter((vector) => vector.bits === bits)) {
      const message = Buffer.from(vector.message, "hex");
      const piece = vector.repeat === 1 ? message : Buffer.alloc(10_000, message);
      h.write(piece);
      h.call.hashReset!(bits);
      const pieces = (message.length * vector.repeat) / Math.max(piece.length, 1);
      for (let i = 0; i < Math.max(pieces, 1); i++) h.call.hashUpdate!(bits, 0, piece.length);
      expect(digest(bits)).toBe(vector.digest);
    }
  });

  it("agrees with node:crypto at every length from 0 to 260", () => {
    for (let n = 0; n <= 260; n++) {
      expect(oneShot(bits, pattern.subarray(0, n))).toBe(theirs(bits, pattern.subarray(0, n)));
    }
  });

  it("agrees with node:crypto however the input is cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.array(fc.nat(5000), { maxLength: 8 }), (message, cuts) => {
        h.write(message);
        h.call.hashReset!(bits);
        let at = 0;
        for (const cut of [...cuts.map((cut) => Math.min(cut, message.length)).sort((a, b) => a - b), message.length]) {
          h.call.hashUpdate!(bits, at, cut - at);
          at = cut;
        }
        expect(digest(bits)).toBe(theirs(bits, message));
      }),
      { numRuns: 150 },
    );
  });

  it("agrees with node:crypto for a cut at every place around two blocks", () => {
    const message = pattern.subarray(0, 2 * block + 9);
    const expected = theirs(bits, message);
    h.write(message);
    for (let cut = 0; cut <= message.length; cut++) {
      h.call.hashReset!(bits);
      h.call.hashUpdate!(bits, 0, cut);
      h.call.hashUpdate!(bits, cut, message.length - cut);
      expect(digest(bits)).toBe(expected);
    }
  });

  it("lets a copy go its own way", () => {
    h.write(pattern);
    for (const n of [0, 1, block - 1, block, block + 1, 3 * block + 5]) {
      h.call.hashReset!(bits);
      h.call.hashUpdate!(bits, 0, n);
      h.call.digestOfCopy!(bits, 0, 0);
      expect(hex(h.read(bits / 8))).toBe(theirs(bits, pattern.subarray(0, n)));
      h.call.digestOfCopy!(bits, n, 150);
      expect(hex(h.read(bits / 8))).toBe(theirs(bits, pattern.subarray(0, n + 150)));
      h.call.hashUpdate!(bits, n, 77);
      expect(digest(bits)).toBe(theirs(bits, pattern.subarray(0, n + 77)));
    }
  });

  it("makes fresh hashes of the same function", () => {
    h.write(pattern);
    h.call.digestOfFresh!(bits, 200);
    expect(hex(h.read(bits / 8))).toBe(theirs(bits, pattern.subarray(0, 200)));
  });

  it("refuses to copy from another function, and to write a digest of another length", () => {
    for (const other of [256, 384, 512].filter((other) => other !== bits)) {
      expect(() => h.call.copyBetween!(bits, other)).toThrow(WebAssembly.RuntimeError);
    }
    for (const length of [0, bits / 8 - 1, bits / 8 + 1]) {
      h.call.hashReset!(bits);
      expect(() => h.call.hashDigest!(bits, length)).toThrow(WebAssembly.RuntimeError);
    }
    h.call.hashReset!(bits);
    expect(digest(bits)).toBe(theirs(bits, new Uint8Array()));
  });

  it("leaves no input behind after reset", () => {
    const secret = Buffer.from("a secret that is shorter than a block");
    h.write(secret);
    h.call.hashReset!(bits);
    h.call.hashUpdate!(bits, 0, secret.length);
    h.write(new Uint8Array(secret.length));
    expect(Buffer.from(h.memory.buffer).includes(secret)).toBe(true);
    h.call.hashReset!(bits);
    expect(Buffer.from(h.memory.buffer).includes(secret)).toBe(false);
  });

  it("allocates nothing", () => {
    const top = h.call.heapTop!();
    for (let i = 0; i < 50; i++) oneShot(bits, pattern);
    h.call.digestOfCopy!(bits, 0, 100);
    expect(h.call.heapTop!()).toBe(top);
  });
});
