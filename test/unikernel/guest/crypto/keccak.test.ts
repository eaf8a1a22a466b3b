/** guest/crypto/keccak: published digests, and node:crypto's for every length and every way of cutting input and output. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("ml-kem");
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const pattern = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 197 + (i >> 8)) & 0xff);

/** Number in the harness, name in node:crypto, bytes of a block, bytes of output, digest of nothing (FIPS 202's examples). */
const FUNCTIONS = [
  [0, "sha3-256", 136, 32, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"],
  [
    ...[1, "sha3-512", 72, 64],
    "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6" +
      "15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
  ],
  [2, "shake128", 168, 32, "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"],
  [3, "shake256", 136, 32, "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f"],
] as [number, string, number, number, string][];

const ours = (which: number, message: Uint8Array, length: number) => {
  h.write(message);
  h.call.begin!(which);
  h.call.absorb!(0, message.length);
  h.call.squeeze!(0, length);
  return hex(h.read(length));
};
const theirs = (name: string, message: Uint8Array, length: number) =>
  createHash(name, name.startsWith("shake") ? { outputLength: length } : {})
    .update(message)
    .digest("hex");

describe.each(FUNCTIONS)("function %i, %s", (which, name, block, length, ofNothing) => {
  it("gives the published digest of nothing", () => {
    expect(ours(which, new Uint8Array(), length)).toBe(ofNothing);
  });

  it("agrees with node:crypto at every length from 0 to 300, and at long ones around whole blocks", () => {
    const long = [7, 20, 100].flatMap((blocks) => [-1, 0, 1].map((more) => blocks * block + more));
    for (const n of [...Array.from({ length: 301 }, (_, i) => i), ...long, 20_000]) {
      expect(ours(which, pattern.subarray(0, n), length), `${n} bytes`).toBe(
        theirs(name, pattern.subarray(0, n), length),
      );
    }
  });

  it("agrees with node:crypto however the input is cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), fc.array(fc.nat(1000), { maxLength: 8 }), (message, cuts) => {
        h.write(message);
        h.call.begin!(which);
        let at = 0;
        for (const cut of [...cuts.map((cut) => Math.min(cut, message.length)).sort((a, b) => a - b), message.length]) {
          h.call.absorb!(at, cut - at);
          at = cut;
        }
        h.call.squeeze!(0, length);
        expect(hex(h.read(length))).toBe(theirs(name, message, length));
      }),
      { numRuns: 150 },
    );
  });

  it("traps when it is to absorb after squeezing, or is used before it was begun", () => {
    ours(which, pattern.subarray(0, 10), length);
    expect(() => h.call.absorb!(0, 1)).toThrow(WebAssembly.RuntimeError);
    h.call.wipe!();
    expect(() => h.call.absorb!(0, 1)).toThrow(WebAssembly.RuntimeError);
    expect(() => h.call.squeeze!(0, 1)).toThrow(WebAssembly.RuntimeError);
  });

  it("leaves nothing of its input behind once it is wiped, and allocates nothing", () => {
    const secret = Buffer.from("a secret that is shorter than a block");
    const top = h.call.heapTop!();
    h.write(secret);
    h.call.begin!(which);
    h.call.absorb!(0, secret.length);
    h.write(new Uint8Array(secret.length));
    expect(Buffer.from(h.memory.buffer).includes(secret)).toBe(true);
    h.call.wipe!();
    expect(Buffer.from(h.memory.buffer).includes(secret)).toBe(false);
    expect(h.call.heapTop!()).toBe(top);
  });
});

describe.each([
  [2, "shake128"],
  [3, "shake256"],
] as const)("function %i, %s, as a stream", (which, name) => {
  it("gives the same bytes however the output is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 12 }), (pieces) => {
        const total = pieces.reduce((sum, piece) => sum + piece, 0);
        h.write(pattern.subarray(0, 34));
        h.call.begin!(which);
        h.call.absorb!(0, 34);
        let at = 0;
        for (const piece of pieces) {
          h.call.squeeze!(at, piece);
          at += piece;
        }
        fc.pre(total > 0);
        expect(hex(h.read(total))).toBe(theirs(name, pattern.subarray(0, 34), total));
      }),
      { numRuns: 150 },
    );
  });
});
