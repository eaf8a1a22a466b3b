/** guest/crypto/aes, ghash and aes-gcm: FIPS 197 and NIST vectors, a slow GHASH, node:crypto, refusals. */
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import { behavesAsAead, type GuestAead, open, seal, some } from "./aead-behaviour.ts";

const bytes = z.string().transform((text) => Buffer.from(text, "hex"));
const vectors = z
  .object({
    blocks: z.array(z.object({ source: z.string(), key: bytes, plaintext: bytes, ciphertext: bytes })).length(2),
    cases: z
      .array(
        z.object({
          source: z.string(),
          ...{ key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, ciphertext: bytes, tag: bytes },
        }),
      )
      .length(13),
  })
  .parse(JSON.parse(readFileSync(new URL("../../../vectors/aes-gcm.json", import.meta.url), "utf8")));

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("aeads");
});
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const AES_128: GuestAead = { which: 1, theirs: "aes-128-gcm", keyLength: 16 };
const AES_256: GuestAead = { which: 2, theirs: "aes-256-gcm", keyLength: 32 };

/** The sixteen blocks that the guest makes for a nonce and a first counter. */
function counterBlocks(key: Uint8Array, nonce: Uint8Array, first: number): Buffer {
  h.write(key);
  h.write(nonce, 32);
  h.call.counterBlocks!(key.length, nonce.length, first, 256);
  return Buffer.from(h.read(256));
}
function theirBlocks(key: Uint8Array, blocks: Uint8Array): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(blocks), cipher.final()]);
}
function counterInputs(nonce: Uint8Array, first: number): Buffer {
  return Buffer.concat(
    Array.from({ length: 16 }, (_, i) => {
      const counter = Buffer.alloc(4);
      counter.writeUInt32BE(first + i);
      return first + i === 0 ? Buffer.alloc(16) : Buffer.concat([nonce, counter]);
    }),
  );
}

describe("AES", () => {
  it("encrypts the examples of FIPS 197", () => {
    for (const { source, key, plaintext, ciphertext } of vectors.blocks) {
      const counter = plaintext.readUInt32BE(12);
      const at = 16 * (counter & 15);
      const blocks = counterBlocks(key, plaintext.subarray(0, 12), counter - (counter & 15));
      expect(hex(blocks.subarray(at, at + 16)), source).toBe(hex(ciphertext));
    }
  });

  it("agrees with node:crypto on every block of a group, the first one standing for the zero block", () => {
    const byte = fc.uint8Array({ minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n })),
        byte,
        fc.oneof(fc.constantFrom(0, 1, 0xffffff, 0x8000000, 0xfffffff), fc.nat(0xfffffff)),
        (key, nonce, group) => {
          const expected = theirBlocks(key, counterInputs(nonce, group * 16));
          expect(hex(counterBlocks(key, nonce, group * 16))).toBe(hex(expected));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("agrees with node:crypto for every value of every key byte", () => {
    for (const length of [16, 32]) {
      for (let value = 0; value < 256; value++) {
        const key = Uint8Array.from({ length }, (_, i) => (value + i * 37) & 0xff);
        const expected = theirBlocks(key, counterInputs(some(12, value), 16));
        expect(hex(counterBlocks(key, some(12, value), 16))).toBe(hex(expected));
      }
    }
  });

  it("traps on a counter between groups, and on nonces and outputs of other lengths", () => {
    for (const [nonce, first, out] of [
      [12, 1, 256],
      [12, 15, 256],
      [12, 0xffffffff, 256],
      [11, 0, 256],
      [13, 0, 256],
      [16, 0, 256],
      [12, 0, 255],
      [12, 0, 257],
    ]) {
      expect(() => h.call.counterBlocks!(16, nonce, first, out)).toThrow(WebAssembly.RuntimeError);
    }
  });
});

function ghash(key: Uint8Array, message: Uint8Array): string {
  h.write(key);
  new Uint8Array(h.memory.buffer).set(message, h.call.output!());
  h.call.ghash!(key.length, message.length, 16);
  const at = h.call.input!() + 64;
  return hex(new Uint8Array(h.memory.buffer).slice(at, at + 16));
}
/** SP 800-38D §6.3 and §6.4 as they are written, bit by bit; bit 0 is the leftmost. */
function slowGhash(key: Uint8Array, message: Uint8Array): string {
  const number = (block: Uint8Array) => BigInt(`0x${hex(block)}`);
  const product = (x: bigint, y: bigint) => {
    let z = 0n;
    let v = y;
    for (let i = 127n; i >= 0n; i--) {
      if ((x >> i) & 1n) z ^= v;
      v = v & 1n ? (v >> 1n) ^ (0xe1n << 120n) : v >> 1n;
    }
    return z;
  };
  let y = 0n;
  for (let i = 0; i < message.length; i += 16) {
    const block = Buffer.alloc(16);
    block.set(message.subarray(i, i + 16));
    y = product(y ^ number(block), number(key));
  }
  return y.toString(16).padStart(32, "0");
}

describe("GHASH", () => {
  it("agrees with the definition for every single bit of key and message", () => {
    for (let i = 0; i < 128; i++) {
      const key = new Uint8Array(16);
      key[i >> 3] = 0x80 >> (i & 7);
      for (let j = 0; j < 128; j += 3) {
        const message = new Uint8Array(16);
        message[j >> 3] = 0x80 >> (j & 7);
        expect(ghash(key, message)).toBe(slowGhash(key, message));
      }
    }
  });

  it("agrees with the definition when all bits are set: the most that can meet in one place of a product", () => {
    const ones = new Uint8Array(16).fill(0xff);
    for (const length of [16, 64, 100]) {
      const message = new Uint8Array(length).fill(0xff);
      expect(ghash(ones, message)).toBe(slowGhash(ones, message));
      expect(ghash(some(16, 1), message)).toBe(slowGhash(some(16, 1), message));
    }
  });

  it("agrees with the definition at random lengths, dense and sparse", () => {
    const value = fc.oneof(fc.constantFrom(0, 0xff, 0x11, 0x88, 0x80, 1), fc.nat(255));
    const some = (min: number, max: number) =>
      fc.array(value, { minLength: min, maxLength: max }).map((values) => Uint8Array.from(values));
    fc.assert(
      fc.property(some(16, 16), some(0, 200), (key, message) => {
        expect(ghash(key, message)).toBe(slowGhash(key, message));
      }),
      { numRuns: 500 },
    );
  });

  it("traps on keys and hashes of other lengths", () => {
    for (const length of [0, 15, 17, 32]) expect(() => h.call.ghash!(length, 16, 16)).toThrow(WebAssembly.RuntimeError);
    for (const length of [0, 15, 17]) expect(() => h.call.ghash!(16, 16, length)).toThrow(WebAssembly.RuntimeError);
  });
});

describe("AES-GCM", () => {
  it("gives the published ciphertexts and tags", () => {
    for (const { source, key, nonce, aad, plaintext, ciphertext, tag } of vectors.cases) {
      const aead = key.length === 16 ? AES_128 : AES_256;
      const message = { key, nonce, aad, data: plaintext };
      const sealed = seal(h, aead, message);
      expect(hex(sealed.data), source).toBe(hex(ciphertext));
      expect(hex(sealed.tag), source).toBe(hex(tag));
      expect(open(h, aead, message, sealed), source).toEqual({ accepted: true, data: plaintext });
    }
  });
});

describe("AES-128-GCM", () => behavesAsAead(AES_128, () => h));
describe("AES-256-GCM", () => behavesAsAead(AES_256, () => h));
