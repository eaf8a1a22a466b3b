/** guest/crypto/chacha20, poly1305 and chacha20poly1305: RFC 8439 vectors, a slow twin, node:crypto, refusals. */
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
    blocks: z
      .array(z.object({ what: z.string(), key: bytes, counter: z.number(), nonce: bytes, block: bytes }))
      .length(6),
    encryption: z
      .array(z.object({ key: bytes, counter: z.number(), nonce: bytes, plaintext: bytes, ciphertext: bytes }))
      .length(1),
    macs: z.array(z.object({ what: z.string(), key: bytes, message: bytes, tag: bytes })).length(12),
    aeads: z
      .array(z.object({ key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, ciphertext: bytes, tag: bytes }))
      .length(2),
  })
  .parse(JSON.parse(readFileSync(new URL("../../../vectors/chacha20poly1305.json", import.meta.url), "utf8")));

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("aeads");
});
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const setData = (data: Uint8Array) => new Uint8Array(h.memory.buffer).set(data, h.call.output!());
const AEAD: GuestAead = { which: 0, theirs: "chacha20-poly1305", keyLength: 32 };

function block(key: Uint8Array, counter: number, nonce: Uint8Array): string {
  h.write(key);
  h.write(nonce, 32);
  h.call.block!(key.length, nonce.length, counter, 64);
  return hex(h.read(64));
}
function xor(key: Uint8Array, counter: number, nonce: Uint8Array, data: Uint8Array): string {
  h.write(key);
  h.write(nonce, 32);
  setData(data);
  h.call.xor!(counter, data.length);
  return hex(h.read(data.length));
}
function theirXor(key: Uint8Array, counter: number, nonce: Uint8Array, data: Uint8Array): string {
  const iv = Buffer.concat([Buffer.alloc(4), nonce]);
  iv.writeUInt32LE(counter);
  return createCipheriv("chacha20", key, iv).update(data).toString("hex");
}

describe("ChaCha20", () => {
  it("gives the key stream blocks of RFC 8439", () => {
    for (const vector of vectors.blocks) {
      expect(block(vector.key, vector.counter, vector.nonce), vector.what).toBe(hex(vector.block));
    }
  });

  it("encrypts as RFC 8439 §2.4.2", () => {
    for (const { key, counter, nonce, plaintext, ciphertext } of vectors.encryption) {
      expect(xor(key, counter, nonce, plaintext)).toBe(hex(ciphertext));
    }
  });

  it("agrees with node:crypto at random and at large counters", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.oneof(fc.nat(100), fc.integer({ min: 0x7ffffff0, max: 0x8000000f }), fc.constant(0xffffff00)),
        fc.uint8Array({ maxLength: 2000 }),
        (key, nonce, counter, data) => {
          expect(xor(key, counter, nonce, data)).toBe(theirXor(key, counter, nonce, data));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("uses the last block and traps rather than begin again", () => {
    const [key, nonce] = [some(32, 1), some(12, 2)];
    expect(xor(key, 0xffffffff, nonce, some(64, 3))).toBe(theirXor(key, 0xffffffff, nonce, some(64, 3)));
    expect(xor(key, 0xffffffff, nonce, some(63, 3))).toBe(theirXor(key, 0xffffffff, nonce, some(63, 3)));
    expect(() => xor(key, 0xffffffff, nonce, some(65, 3))).toThrow(WebAssembly.RuntimeError);
    expect(() => xor(key, 0xfffffffe, nonce, some(129, 3))).toThrow(WebAssembly.RuntimeError);
  });

  it("traps on keys, nonces and blocks of other lengths", () => {
    for (const [key, nonce, out] of [
      [31, 12, 64],
      [33, 12, 64],
      [16, 12, 64],
      [32, 8, 64],
      [32, 11, 64],
      [32, 13, 64],
      [32, 12, 63],
      [32, 12, 65],
    ]) {
      expect(() => h.call.block!(key, nonce, 0, out)).toThrow(WebAssembly.RuntimeError);
    }
  });
});

function mac(key: Uint8Array, message: Uint8Array, cuts: number[] = []): string {
  h.write(key);
  setData(message);
  h.call.polyInit!(key.length);
  let at = 0;
  for (const cut of [...cuts.map((cut) => Math.min(cut, message.length)).sort((a, b) => a - b), message.length]) {
    h.call.polyUpdate!(at, cut - at);
    at = cut;
  }
  h.call.polyDigest!(16);
  const start = h.call.input!() + 64;
  return hex(new Uint8Array(h.memory.buffer).slice(start, start + 16));
}
/** RFC 8439 §2.5.1 as it is written, in one big integer. */
function slowMac(key: Uint8Array, message: Uint8Array): string {
  const number = (le: Uint8Array) => BigInt(`0x${hex(Uint8Array.from(le).reverse()) || "0"}`);
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let i = 0; i < message.length; i += 16) {
    const part = message.subarray(i, i + 16);
    sum = ((sum + number(part) + (1n << BigInt(8 * part.length))) * r) % ((1n << 130n) - 5n);
  }
  const tag = (sum + number(key.subarray(16))) & ((1n << 128n) - 1n);
  return hex(Buffer.from(tag.toString(16).padStart(32, "0"), "hex").reverse());
}

describe("Poly1305", () => {
  it("gives the tags of RFC 8439 §2.5.2 and A.3", () => {
    for (const vector of vectors.macs) expect(mac(vector.key, vector.message), vector.what).toBe(hex(vector.tag));
  });

  it("agrees with the definition at every length from 0 to 260", () => {
    for (let n = 0; n <= 260; n++) expect(mac(some(32, n), some(n, 5))).toBe(slowMac(some(32, n), some(n, 5)));
  });

  it("agrees with the definition at random, near the modulus, and however the message is cut", () => {
    const edge = fc.constantFrom(0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff);
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.array(edge, { maxLength: 100 }).map((values) => Uint8Array.from(values)),
      fc
        .array(fc.constantFrom(0, 0xff), { maxLength: 20 })
        .map((values) => Uint8Array.from(values.flatMap((value) => Array<number>(16).fill(value)))),
    );
    const key = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.array(edge, { minLength: 32, maxLength: 32 }).map((values) => Uint8Array.from(values)),
    );
    fc.assert(
      fc.property(key, message, fc.array(fc.nat(600), { maxLength: 5 }), (k, m, cuts) => {
        expect(mac(k, m, cuts)).toBe(slowMac(k, m));
      }),
      { numRuns: 1500 },
    );
  });

  it("traps on keys and tags of other lengths", () => {
    for (const length of [0, 16, 31, 33]) expect(() => h.call.polyInit!(length)).toThrow(WebAssembly.RuntimeError);
    h.call.polyInit!(32);
    for (const length of [0, 15, 17]) expect(() => h.call.polyDigest!(length)).toThrow(WebAssembly.RuntimeError);
  });
});

describe("ChaCha20-Poly1305", () => {
  it("gives the ciphertexts and tags of RFC 8439 §2.8.2 and A.5", () => {
    for (const { key, nonce, aad, plaintext, ciphertext, tag } of vectors.aeads) {
      const message = { key, nonce, aad, data: plaintext };
      const sealed = seal(h, AEAD, message);
      expect(hex(sealed.data)).toBe(hex(ciphertext));
      expect(hex(sealed.tag)).toBe(hex(tag));
      expect(open(h, AEAD, message, sealed)).toEqual({ accepted: true, data: plaintext });
    }
  });

  behavesAsAead(AEAD, () => h);
});
