/** guest/crypto/drbg: the stated construction over node's SHA-256 and ChaCha20, erasure of old keys, refusals. */
import { createCipheriv, createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
beforeEach(async () => {
  h = await loadHarness("generator");
});
const seed = (which: number, bytes: Uint8Array) => {
  h.write(bytes);
  h.call.seed!(which, bytes.length);
};
const fill = (which: number, length: number) => {
  h.call.fill!(which, length);
  return Buffer.from(h.read(length));
};
const SEED = Buffer.from("seed: thirty-two bytes, not less");

/** The construction in the file's header, written out. */
class Twin {
  key: Buffer = Buffer.alloc(32);
  /** Every key that must be gone from the guest's memory by now. */
  erased: Buffer[] = [];

  seed(bytes: Uint8Array): void {
    this.erased.push(this.key);
    this.key = createHash("sha256").update(this.key).update(bytes).digest();
  }
  fill(length: number): Buffer {
    const block = stream(this.key, 64);
    this.erased.push(this.key, block.subarray(32));
    this.key = block.subarray(0, 32);
    return stream(block.subarray(32), length);
  }
}
function stream(key: Buffer, length: number): Buffer {
  return createCipheriv("chacha20", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

describe("Generator", () => {
  it("traps before the first seed and after a wipe", () => {
    expect(() => fill(0, 32)).toThrow(WebAssembly.RuntimeError);
    seed(0, SEED);
    fill(0, 32);
    expect(() => fill(1, 32)).toThrow(WebAssembly.RuntimeError);
    h.call.wipe!(0);
    expect(() => fill(0, 32)).toThrow(WebAssembly.RuntimeError);
  });

  it("traps on a seed shorter than 32 bytes and stays unseeded", () => {
    for (const length of [0, 1, 31]) expect(() => h.call.seed!(0, length)).toThrow(WebAssembly.RuntimeError);
    expect(() => fill(0, 1)).toThrow(WebAssembly.RuntimeError);
  });

  it("is the stated construction, for any order of seeds and fills", () => {
    const step = fc.oneof(fc.nat(1000), fc.uint8Array({ minLength: 32, maxLength: 200 }));
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 64 }),
        fc.array(step, { maxLength: 12 }),
        (first, steps) => {
          h.call.wipe!(0);
          const twin = new Twin();
          for (const now of [first, ...steps]) {
            if (typeof now === "number") {
              expect(fill(0, now).equals(twin.fill(now)), "output").toBe(true);
            } else {
              seed(0, now);
              twin.seed(now);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("gives the same output for the same seed, another for another, and never the same twice", () => {
    seed(0, SEED);
    seed(1, SEED);
    const outputs = [fill(0, 32), fill(0, 32), fill(0, 32)];
    expect(fill(1, 32)).toEqual(outputs[0]);
    expect(fill(1, 32)).toEqual(outputs[1]);
    h.call.wipe!(1);
    const other = Buffer.from(SEED);
    other[31]! ^= 1;
    seed(1, other);
    outputs.push(fill(1, 32));
    expect(new Set(outputs.map((output) => output.toString("hex"))).size).toBe(4);
  });

  it("mixes a new seed with what it has: the same seed after different pasts gives different output", () => {
    seed(0, SEED);
    seed(1, Buffer.alloc(32, 7));
    seed(0, Buffer.alloc(40));
    seed(1, Buffer.alloc(40));
    expect(fill(0, 32)).not.toEqual(fill(1, 32));
  });

  it("has erased every earlier key, and its working copies, when output leaves", () => {
    const twin = new Twin();
    const memory = () => Buffer.from(h.memory.buffer);
    const clearBuffers = () => {
      h.write(new Uint8Array(4096));
      new Uint8Array(h.memory.buffer).fill(0, h.call.output!(), h.call.output!() + 16384);
    };
    seed(0, SEED);
    twin.seed(SEED);
    twin.erased = [];
    clearBuffers();
    expect(memory().includes(twin.key)).toBe(true);
    expect(memory().includes(SEED.subarray(0, 8))).toBe(false);
    for (const length of [32, 1, 0, 64, 1000]) {
      const output = twin.fill(length);
      expect(fill(0, length).equals(output), "output").toBe(true);
      clearBuffers();
      for (const old of twin.erased) {
        for (let at = 0; at < 32; at += 8) expect(memory().includes(old.subarray(at, at + 8))).toBe(false);
      }
      if (length >= 8) expect(memory().includes(output.subarray(0, 8))).toBe(false);
      expect(memory().includes(twin.key)).toBe(true);
    }
    h.call.wipe!(0);
    expect(memory().includes(twin.key.subarray(0, 8))).toBe(false);
  });

  it("allocates nothing", () => {
    seed(0, SEED);
    const top = h.call.heapTop!();
    for (let i = 0; i < 50; i++) fill(0, i * 10);
    seed(0, SEED);
    expect(h.call.heapTop!()).toBe(top);
  });
});
