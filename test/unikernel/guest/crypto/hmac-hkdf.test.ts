/** guest/crypto/hmac and hkdf: RFC 4231, RFC 5869 and RFC 8448 vectors, node:crypto at random, refusals. */
import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Harness, loadHarness } from "../../../support/harness.ts";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), "utf8"));
const bytes = z.string().transform((text) => Buffer.from(text, "hex"));
const hmacVectors = z
  .object({ cases: z.array(z.object({ bits: z.number(), key: bytes, data: bytes, tag: z.string() })).length(21) })
  .parse(read("hmac"));
const hkdfVectors = z
  .object({
    cases: z.array(z.object({ ikm: bytes, salt: bytes, info: bytes, prk: bytes, okm: bytes })).length(3),
    tls13: z.object({
      extract: z.array(z.object({ what: z.string(), salt: bytes, ikm: bytes, out: bytes })).length(3),
      expandLabel: z
        .array(z.object({ what: z.string(), secret: bytes, label: z.string(), context: bytes, out: bytes }))
        .length(16),
    }),
  })
  .parse(read("hkdf"));

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("hashes");
});

const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const some = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, i) => (i * 167 + seed * 31 + (i >> 7)) & 0xff);
const theirMac = (bits: number, key: Uint8Array, data: Uint8Array) =>
  createHmac(`sha${bits}`, key).update(data).digest("hex");

function mac(bits: number, key: Uint8Array, ...data: Uint8Array[]): string {
  h.write(key);
  h.call.hmacInit!(bits, key.length);
  for (const piece of data) {
    h.write(piece);
    h.call.hmacUpdate!(bits, 0, piece.length);
  }
  h.call.hmacDigest!(bits, bits / 8);
  return hex(h.read(bits / 8));
}
function extract(bits: number, salt: Uint8Array, ikm: Uint8Array): string {
  h.write(salt);
  h.write(ikm, salt.length);
  h.call.extract!(bits, salt.length, ikm.length, bits / 8);
  return hex(h.read(bits / 8));
}
function expand(bits: number, prk: Uint8Array, info: Uint8Array, length: number): string {
  h.write(prk);
  h.write(info, prk.length);
  h.call.expand!(bits, prk.length, info.length, length);
  return hex(h.read(length));
}
function expandLabel(bits: number, secret: Uint8Array, label: string, context: Uint8Array, length: number): string {
  h.write(secret);
  h.write(Buffer.from(label, "latin1"), secret.length);
  h.write(context, secret.length + label.length);
  h.call.expandLabel!(bits, secret.length, label.length, context.length, length);
  return hex(h.read(length));
}
/** RFC 8446 §7.1, written out over node's HMAC: a slow and obvious twin of the guest's. */
function theirExpandLabel(
  bits: number,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): string {
  const full = Buffer.from(`tls13 ${label}`, "latin1");
  const head = Buffer.from([length >> 8, length & 0xff, full.length]);
  const info = Buffer.concat([head, full, Buffer.from([context.length]), context]);
  let out = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    last = createHmac(`sha${bits}`, secret)
      .update(Buffer.concat([last, info, Buffer.from([i])]))
      .digest();
    out = Buffer.concat([out, last]);
  }
  return out.subarray(0, length).toString("hex");
}

describe("HMAC", () => {
  it("gives the tags of RFC 4231", () => {
    for (const { bits, key, data, tag } of hmacVectors.cases) {
      expect(mac(bits, key, data).slice(0, tag.length)).toBe(tag);
    }
  });

  it.each([256, 384, 512])("agrees with node:crypto for SHA-%i and every key length from 0 past a block", (bits) => {
    const data = some(75, 2);
    for (let n = 0; n <= 140; n++) expect(mac(bits, some(n), data)).toBe(theirMac(bits, some(n), data));
    expect(mac(bits, some(5000), data)).toBe(theirMac(bits, some(5000), data));
  });

  it("agrees with node:crypto for random keys and messages in pieces", () => {
    const piece = fc.uint8Array({ maxLength: 700 });
    fc.assert(
      fc.property(
        fc.constantFrom(256, 384, 512),
        fc.uint8Array({ maxLength: 300 }),
        fc.array(piece, { maxLength: 6 }),
        (bits, key, pieces) => {
          expect(mac(bits, key, ...pieces)).toBe(theirMac(bits, key, Buffer.concat(pieces)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("begins the next message under the same key by itself", () => {
    const key = some(40);
    mac(256, key, some(100, 3));
    for (const n of [0, 10, 64, 200]) {
      h.write(some(n, 4));
      h.call.hmacUpdate!(256, 0, n);
      h.call.hmacDigest!(256, 32);
      expect(hex(h.read(32))).toBe(theirMac(256, key, some(n, 4)));
    }
  });

  it("drops an unfinished message when it takes a new key", () => {
    h.write(some(99, 5));
    h.call.hmacUpdate!(256, 0, 99);
    expect(mac(256, some(20, 6), some(30))).toBe(theirMac(256, some(20, 6), some(30)));
  });

  it("traps on a tag of another length", () => {
    for (const length of [0, 31, 33, 64])
      expect(() => h.call.hmacDigest!(256, length)).toThrow(WebAssembly.RuntimeError);
  });

  it("forgets the key when wiped", async () => {
    const own = await loadHarness("hashes");
    const key = Buffer.from("0123456789abcdef0123456789ABCDEF");
    own.write(key);
    own.call.hmacInit!(256, key.length);
    own.call.hmacDigest!(256, 32);
    own.call.hmacWipe!(256);
    own.write(new Uint8Array(32));
    const memory = Buffer.from(own.memory.buffer);
    expect(memory.includes(key.subarray(0, 8))).toBe(false);
    for (const pad of [0x36, 0x5c])
      expect(memory.includes(Buffer.from(key.map((byte) => byte ^ pad).subarray(0, 8)))).toBe(false);
    own.call.hmacDigest!(256, 32);
    expect(hex(own.read(32))).not.toBe(theirMac(256, key, new Uint8Array()));
  });
});

describe("HKDF", () => {
  it("gives the keys of RFC 5869", () => {
    for (const { ikm, salt, info, prk, okm } of hkdfVectors.cases) {
      expect(extract(256, salt, ikm)).toBe(hex(prk));
      expect(expand(256, prk, info, okm.length)).toBe(hex(okm));
    }
  });

  it("walks the key schedule of RFC 8448", () => {
    for (const step of hkdfVectors.tls13.extract)
      expect(extract(256, step.salt, step.ikm), step.what).toBe(hex(step.out));
    for (const step of hkdfVectors.tls13.expandLabel) {
      expect(expandLabel(256, step.secret, step.label, step.context, step.out.length), step.what).toBe(hex(step.out));
    }
  });

  it("takes an empty salt for HashLen zeros", () => {
    for (const bits of [256, 384, 512]) {
      expect(extract(bits, some(0), some(50))).toBe(extract(bits, new Uint8Array(bits / 8), some(50)));
    }
  });

  it("agrees with node:crypto at random", () => {
    const input = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(
        fc.constantFrom(256, 384, 512),
        ...([input, input, input] as const),
        fc.nat(2000),
        (bits, salt, ikm, info, length) => {
          const ours = expand(bits, Buffer.from(extract(bits, salt, ikm), "hex"), info, length);
          expect(ours).toBe(Buffer.from(hkdfSync(`sha${bits}`, ikm, salt, info, length)).toString("hex"));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("expands up to 255 blocks and traps beyond", () => {
    for (const bits of [256, 384, 512]) {
      const most = (255 * bits) / 8;
      const ours = expand(bits, some(32), some(3), most);
      expect(ours).toBe(theirExpand(bits, some(32), some(3), most));
      expect(() => expand(bits, some(32), some(3), most + 1)).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("frames labels and contexts of every allowed length, and traps on the rest", () => {
    const label = "x".repeat(249);
    for (const bits of [256, 384]) {
      for (const n of [1, 2, 100, 249]) {
        for (const context of [0, 1, 48, 255]) {
          for (const length of [0, 12, 32, 49, 300]) {
            const args = [bits, some(bits / 8), label.slice(0, n), some(context, 9), length] as const;
            expect(expandLabel(...args)).toBe(theirExpandLabel(...args));
          }
        }
      }
    }
    expect(() => expandLabel(256, some(32), "", some(0), 32)).toThrow(WebAssembly.RuntimeError);
    expect(() => expandLabel(256, some(32), "x".repeat(250), some(0), 32)).toThrow(WebAssembly.RuntimeError);
    expect(() => expandLabel(256, some(32), "key", some(256), 32)).toThrow(WebAssembly.RuntimeError);
  });

  it("leaves neither key nor output behind", async () => {
    const own = await loadHarness("hashes");
    const secret = Buffer.from("0123456789abcdef0123456789ABCDEF");
    own.write(secret);
    own.write(Buffer.from("key"), 32);
    own.call.expandLabel!(256, 32, 3, 0, 32);
    const out = Buffer.from(own.read(32));
    own.write(new Uint8Array(64));
    const memory = Buffer.from(own.memory.buffer);
    expect(memory.includes(secret.subarray(0, 8))).toBe(false);
    for (const pad of [0x36, 0x5c])
      expect(memory.includes(Buffer.from(secret.map((b) => b ^ pad).subarray(0, 8)))).toBe(false);
    expect(memory.indexOf(out)).toBe(memory.lastIndexOf(out));
  });

  it("allocates nothing", () => {
    const top = h.call.heapTop!();
    for (let i = 0; i < 20; i++) expandLabel(256, some(32), "key", some(0), 16);
    extract(384, some(48), some(48));
    expect(h.call.heapTop!()).toBe(top);
  });
});

function theirExpand(bits: number, prk: Uint8Array, info: Uint8Array, length: number): string {
  let out = "";
  let last = Buffer.alloc(0);
  for (let i = 1; out.length < 2 * length; i++) {
    last = createHmac(`sha${bits}`, prk)
      .update(Buffer.concat([last, info, Buffer.from([i])]))
      .digest();
    out += last.toString("hex");
  }
  return out.slice(0, 2 * length);
}
