/** guest/crypto/ecdsa-p256 and ecdsa-der: vectors, node:crypto and @noble/curves in both directions, every refusal. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import vectors from "../../../vectors/ecdsa-p256.json" with { type: "json" };

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const G = p256.Point.BASE;
const NONE = new Uint8Array(0);

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("p256");
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const be = (value: bigint) => unhex(value.toString(16).padStart(64, "0"));
const big = (bytes: Uint8Array) => BigInt(`0x${hex(bytes)}`);
const join = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
const mod = (value: bigint) => ((value % N) + N) % N;
const sha256 = (data: Uint8Array) => Uint8Array.from(createHash("sha256").update(data).digest());

function sign(scalar: Uint8Array, digest: Uint8Array, extra: Uint8Array = NONE): Uint8Array {
  h.write(join(scalar, digest, extra));
  h.call.sign!(digest.length, extra.length, 64);
  return h.read(64);
}
function verify(key: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  h.write(join(digest, signature, key));
  return h.call.verify!(digest.length, signature.length, key.length) === 1;
}
function toDer(raw: Uint8Array): Uint8Array {
  h.write(raw);
  return h.read(h.call.toDer!(64, 72));
}
function fromDer(der: Uint8Array): Uint8Array | false {
  h.write(der);
  return h.call.fromDer!(der.length, 64) === 1 && h.read(64);
}
function inverse(value: bigint): bigint {
  let [result, base] = [1n, mod(value)];
  for (let e = N - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % N;
    base = (base * base) % N;
  }
  return result;
}

const scalars = fc.oneof(fc.constantFrom(1n, 2n, N - 1n, N - 2n, 2n ** 255n), fc.bigInt({ min: 1n, max: N - 1n }));
const digests = fc.oneof(
  fc.constantFrom(0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n).map(be),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
);

describe("signing", () => {
  it("gives RFC 6979's signatures when no randomness is added", () => {
    const { rfc6979 } = vectors;
    for (const v of rfc6979.signatures) {
      const digest = sha256(Buffer.from(v.message));
      const signature = sign(unhex(rfc6979.private), digest);
      expect(hex(signature)).toBe(v.r + v.s);
      expect(verify(unhex(rfc6979.public), digest, signature)).toBe(true);
    }
  });

  it("agrees with @noble/curves, with and without added randomness, for any key and digest", () => {
    const extras = fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: NONE });
    fc.assert(
      fc.property(scalars.map(be), digests, extras, (key, digest, extra) => {
        const theirs = p256.sign(digest, key, {
          prehash: false,
          lowS: false,
          ...(extra.length > 0 ? { extraEntropy: extra } : {}),
        });
        expect(hex(sign(key, digest, extra))).toBe(hex(theirs));
      }),
      { numRuns: 100 },
    );
  });

  it("gives signatures that node:crypto accepts", () => {
    fc.assert(
      fc.property(scalars.map(be), fc.uint8Array({ maxLength: 100 }), (key, message) => {
        const signature = sign(key, sha256(message), sha256(Buffer.from("any randomness")));
        const { publicKey } = nodeKeys(key);
        expect(nodeVerify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
        expect(nodeVerify("sha256", message, publicKey, toDer(signature))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("gives different signatures for different randomness, all of them good", () => {
    const key = be(0xc0ffeen);
    const digest = sha256(Buffer.from("same"));
    const seen = new Set<string>();
    for (const extra of [NONE, be(0n), be(1n), be(2n ** 256n - 1n)]) {
      const signature = sign(key, digest, extra);
      seen.add(hex(signature));
      expect(verify(p256.getPublicKey(key, false), digest, signature)).toBe(true);
    }
    expect(seen.size).toBe(4);
  });

  it("traps on a scalar outside [1, n - 1] and on buffers of another length", () => {
    for (const scalar of [0n, N, N + 1n, 2n ** 256n - 1n]) {
      expect(() => sign(be(scalar), be(5n))).toThrow(WebAssembly.RuntimeError);
    }
    h.write(be(7n));
    for (const [digest, extra, out] of [
      [31, 0, 64],
      [33, 0, 64],
      [0, 0, 64],
      [32, 1, 64],
      [32, 31, 64],
      [32, 33, 64],
      [32, 0, 63],
      [32, 0, 65],
    ]) {
      expect(() => h.call.sign!(digest, extra, out)).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("leaves nothing of key, nonce or digest in memory and allocates nothing", async () => {
    const own = await loadHarness("p256");
    const memoryAfter = (scalar: bigint, digest: bigint): Buffer => {
      own.write(join(be(scalar), be(digest), be(digest + 1n)));
      own.call.sign!(32, 32, 64);
      own.write(new Uint8Array(1024));
      new Uint8Array(own.memory.buffer, own.call.output!(), 1024).fill(0);
      return Buffer.from(own.memory.buffer.slice(0));
    };
    own.call.heapTop!(); // writes a block header, the same one each time
    const first = memoryAfter(0x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefn, 3n);
    const top = own.call.heapTop!();
    expect(first.includes(0xff)).toBe(true); // it is the module's memory: its tables are there
    // Not one byte outside the caller's buffers differs with what was signed by which key.
    expect(memoryAfter(N - 0xfedcba9876543210n, 2n ** 255n).equals(first)).toBe(true);
    expect(own.call.heapTop!()).toBe(top);
  });
});

describe("verifying", () => {
  const key = be(0xdecafn);
  const publicKey = p256.getPublicKey(key, false);
  const digest = sha256(Buffer.from("message"));
  const good = () => sign(key, digest);

  it("passes NIST's vector", () => {
    for (const v of vectors.cavp) {
      expect(verify(unhex(v.public), sha256(unhex(v.message)), unhex(v.r + v.s))).toBe(true);
      expect(verify(unhex(v.public), sha256(unhex(`${v.message}00`)), unhex(v.r + v.s))).toBe(false);
    }
  });

  it("judges Wycheproof's signatures as it says, through DER", () => {
    expect(vectors.wycheproof.length).toBe(38);
    for (const v of vectors.wycheproof) {
      const raw = fromDer(unhex(v.signature));
      const valid = raw !== false && verify(unhex(v.public), sha256(unhex(v.message)), raw);
      expect(valid, `tcId ${v.tcId}: ${v.comment}`).toBe(v.valid);
    }
  });

  it("accepts what @noble/curves and node:crypto sign", () => {
    fc.assert(
      fc.property(scalars.map(be), fc.uint8Array({ maxLength: 100 }), (secret, message) => {
        const theirKey = p256.getPublicKey(secret, false);
        const hash = sha256(message);
        expect(verify(theirKey, hash, p256.sign(hash, secret, { prehash: false }))).toBe(true);
        const raw = nodeSign("sha256", message, { key: nodeKeys(secret).privateKey, dsaEncoding: "ieee-p1363" });
        expect(verify(theirKey, hash, raw)).toBe(true);
        const der = nodeSign("sha256", message, nodeKeys(secret).privateKey);
        const fromTheirs = fromDer(der);
        expect(fromTheirs !== false && verify(theirKey, hash, fromTheirs)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("says what @noble/curves says of any key, digest and small or large r and s", () => {
    const numbers = fc.oneof(
      fc.constantFrom(1n, 2n, N - 1n, (N - 1n) / 2n, P - N, 2n ** 255n),
      fc.bigInt({ min: 1n, max: N - 1n }),
    );
    fc.assert(
      fc.property(scalars.map(be), digests, numbers, numbers, (secret, hash, r, s) => {
        const theirKey = p256.getPublicKey(secret, false);
        const raw = join(be(r), be(s));
        expect(verify(theirKey, hash, raw)).toBe(p256.verify(raw, hash, theirKey, { prehash: false, lowS: false }));
      }),
      { numRuns: 100 },
    );
  });

  it("accepts both s and n - s, as the standard does", () => {
    const signature = good();
    const other = join(signature.subarray(0, 32), be(N - big(signature.subarray(32))));
    expect(verify(publicKey, digest, signature)).toBe(true);
    expect(verify(publicKey, digest, other)).toBe(true);
  });

  it("refuses every flipped bit of signature, digest and key", () => {
    const signature = good();
    const flip = (bytes: Uint8Array, bit: number) => {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      return flipped;
    };
    for (let bit = 0; bit < 512; bit++) expect(verify(publicKey, digest, flip(signature, bit)), `${bit}`).toBe(false);
    for (let bit = 0; bit < 256; bit++) expect(verify(publicKey, flip(digest, bit), signature), `${bit}`).toBe(false);
    for (let bit = 0; bit < 520; bit++) expect(verify(flip(publicKey, bit), digest, signature), `${bit}`).toBe(false);
  });

  it("refuses r and s outside [1, n - 1], also where they are right modulo n", () => {
    const signature = good();
    const [r, s] = [big(signature.subarray(0, 32)), big(signature.subarray(32))];
    for (const wrong of [0n, N, N + 1n, P, 2n ** 256n - 1n]) {
      expect(verify(publicKey, digest, join(be(wrong), be(s)))).toBe(false);
      expect(verify(publicKey, digest, join(be(r), be(wrong)))).toBe(false);
      expect(verify(publicKey, digest, join(be(wrong), be(wrong)))).toBe(false);
    }
    // An r and an s small enough that r + n and s + n fit in 32 bytes.
    const { r: small, key: made } = keyFor(firstPoint(1n), 5n);
    expect(verify(made, digest, join(be(small), be(5n)))).toBe(true);
    expect(verify(made, digest, join(be(small), be(5n + N)))).toBe(false);
    expect(verify(made, digest, join(be(small + N), be(5n)))).toBe(false);
  });

  /** The key for which verifying r and s over `digest` arrives at `point`; r is its x, reduced, if not given. */
  function keyFor(point: typeof G, s: bigint, r = mod(point.toAffine().x)): { r: bigint; key: Uint8Array } {
    const inverted = inverse(r);
    const minus = mod(-mod(big(digest)) * inverted);
    return {
      r,
      key: point
        .multiply(mod(s * inverted))
        .add(G.multiply(minus))
        .toBytes(false),
    };
  }

  it("accepts an x-coordinate of n or more for r = x - n, and x - n alone for no other point", () => {
    // Such points are one in 2^32, but about every second x has one: take the first few from n upwards.
    for (let x = N + 1n, found = 0; found < 5; found++) {
      const point = firstPoint(x);
      x = point.toAffine().x + 1n;
      const { r, key: made } = keyFor(point, 0x1234n);
      expect(r).toBe(point.toAffine().x - N);
      expect(verify(made, digest, join(be(r), be(0x1234n)))).toBe(true);
      expect(verify(made, digest, join(be(r + 1n), be(0x1234n)))).toBe(false);
    }
    // An x below p - n stands for itself too; an r of p - n has no second coordinate.
    for (let x = 1n, found = 0; found < 5; found++) {
      const point = firstPoint(x);
      x = point.toAffine().x + 1n;
      const { r, key: made } = keyFor(point, 0x1234n);
      expect(r).toBe(point.toAffine().x);
      expect(verify(made, digest, join(be(r), be(0x1234n)))).toBe(true);
    }
    // If r + n were reduced modulo p, r = x + p - n would stand for the point with a small x.
    for (let x = 0n, found = 0; found < 5; found++) {
      const point = firstPoint(x);
      x = point.toAffine().x + 1n;
      const r = point.toAffine().x + P - N;
      const { key: made } = keyFor(point, 0x1234n, r);
      expect(verify(made, digest, join(be(r), be(0x1234n)))).toBe(false);
    }
    const edge = join(be(P - N), be(0x1234n));
    expect(verify(publicKey, digest, edge)).toBe(false);
  });

  it("refuses where u1 G + u2 Q is infinity", () => {
    // e + r d = 0: with d = -e / r the sum vanishes for every s.
    for (const r of [1n, 5n, N - 3n, 0x123456789n]) {
      const secret = mod(-mod(big(digest)) * inverse(r));
      const made = p256.getPublicKey(be(secret), false);
      for (const s of [1n, 2n, N - 1n, 0xabcdefn]) expect(verify(made, digest, join(be(r), be(s)))).toBe(false);
    }
  });

  it("accepts where the two halves are equal: u1 G = u2 Q", () => {
    // Both are t G for d = e / r, so R = 2 t G; r must be its x-coordinate: choose t, then e follows from r and s.
    for (const t of [1n, 3n, 0x777n, N - 5n]) {
      const r = mod(G.multiply(mod(2n * t)).toAffine().x);
      const s = 0x99n;
      const e = mod(t * s);
      const secret = mod(e * inverse(r));
      expect(verify(p256.getPublicKey(be(secret), false), be(e), join(be(r), be(s)))).toBe(true);
    }
  });

  it("refuses keys that are not a point in the uncompressed form", () => {
    const signature = good();
    const compressed = p256.getPublicKey(key, true);
    for (const prefix of [0x00, 0x02, 0x03, 0x05, 0x06, 0x07]) {
      expect(verify(join(Uint8Array.of(prefix), publicKey.subarray(1)), digest, signature)).toBe(false);
    }
    expect(verify(new Uint8Array(65), digest, signature)).toBe(false);
    expect(verify(join(Uint8Array.of(4), new Uint8Array(64)), digest, signature)).toBe(false);
    expect(() => verify(compressed, digest, signature)).toThrow(WebAssembly.RuntimeError);
    expect(() => verify(Uint8Array.of(0), digest, signature)).toThrow(WebAssembly.RuntimeError);
  });

  it("traps on buffers of another length", () => {
    for (const [d, s, k] of [
      [31, 64, 65],
      [33, 64, 65],
      [32, 63, 65],
      [32, 65, 65],
      [32, 64, 64],
      [32, 64, 66],
    ] as const) {
      h.write(join(digest.subarray(0, d), new Uint8Array(Math.max(0, d - 32)), sign(key, digest).subarray(0, s)));
      h.write(join(new Uint8Array(Math.max(0, s - 64)), publicKey, Uint8Array.of(0)), d + Math.min(s, 64));
      expect(() => h.call.verify!(d, s, k), `${d} ${s} ${k}`).toThrow(WebAssembly.RuntimeError);
    }
  });
});

describe("DER", () => {
  const number = fc.oneof(
    fc.constantFrom(1n, 0x7fn, 0x80n, 0xffn, 0x100n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 256n - 1n),
    fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }),
  );

  it("gives back what it wrote, in the form that @noble/curves writes", () => {
    fc.assert(
      fc.property(number, number, (r, s) => {
        const raw = join(be(r), be(s));
        const der = toDer(raw);
        expect(der.length).toBeLessThanOrEqual(72);
        const back = fromDer(der);
        expect(back !== false && hex(back)).toBe(hex(raw));
        if (r < N && s < N) expect(hex(der)).toBe(hex(p256.Signature.fromBytes(raw).toBytes("der")));
      }),
      { numRuns: 300 },
    );
  });

  it("accepts nothing but what it would write", () => {
    const valid = toDer(join(be(0x80n), be(0x7fn)));
    expect(hex(valid)).toBe("300702020080" + "02017f");
    const long = toDer(join(be(2n ** 256n - 1n), be(2n ** 255n)));
    expect(long.length).toBe(72);
    fc.assert(
      fc.property(fc.constantFrom(valid, long), fc.nat(), fc.integer({ min: 0, max: 255 }), (der, at, byte) => {
        const changed = der.slice();
        changed[at % der.length] = byte;
        const raw = fromDer(changed);
        if (raw !== false) expect(hex(toDer(raw))).toBe(hex(changed));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        const raw = fromDer(noise);
        if (raw !== false) expect(hex(toDer(raw))).toBe(hex(noise));
      }),
    );
  });

  it.each([
    ["empty", ""],
    ["a tag alone", "30"],
    ["an empty sequence", "3000"],
    ["one integer only", "3003020101"],
    ["three integers", "3009020101020101020101"],
    ["a set", "3106020101020101"],
    ["a primitive sequence tag", "1006020101020101"],
    ["a bit string for r", "3006030101020101"],
    ["an octet string for s", "3006020101040101"],
    ["a byte behind", "300602010102010100"],
    ["a byte behind, inside", "30070201010201 0100"],
    ["a length too long by one", "3007020101020101"],
    ["a length too short by one", "3005020101020101"],
    ["a long-form length of the sequence", "308106020101020101"],
    ["a two-byte length of the sequence", "30820006020101020101"],
    ["an indefinite length", "30800201010201010000"],
    ["a long-form length of r", "300702810101020101"],
    ["a long-form length of s", "300702010102810101"],
    ["an indefinite length of r", "300602800101020101"],
    ["an empty r", "30050200020101"],
    ["an empty s", "30050201010200"],
    ["r = 0", "3006020100020101"],
    ["s = 0", "3006020101020100"],
    ["a negative r", "3006020180020101"],
    ["a negative s", "30060201010201ff"],
    ["a zero byte too many before r", "300702020001020101"],
    ["a zero byte too many before s", "30070201010202007f"],
    ["two zero bytes before r", "30080203000080020101"],
    ["r of 33 bytes", `30260221${"01".repeat(33)}020101`],
    ["r of 33 bytes behind a zero byte", `302702220080${"00".repeat(32)}020101`],
    ["s of 33 bytes", `30260201010221${"7f".repeat(33)}`],
    ["r of 32 bytes that is negative", `30250220${"ff".repeat(32)}020101`],
    ["an s that is cut short", "300602010102027f"],
  ])("refuses %s", (_, text) => {
    expect(fromDer(unhex(text.replaceAll(" ", "")))).toBe(false);
  });

  it("refuses every truncation and every extension of a good signature", () => {
    const der = toDer(sign(be(3n), be(4n)));
    expect(fromDer(der)).not.toBe(false);
    for (let length = 0; length < der.length; length++) expect(fromDer(der.subarray(0, length))).toBe(false);
    for (const byte of [0, 1, 0x30]) expect(fromDer(join(der, Uint8Array.of(byte)))).toBe(false);
  });

  it("traps when r or s is 0 and on buffers of another length", () => {
    for (const raw of [join(be(0n), be(1n)), join(be(1n), be(0n))]) {
      expect(() => toDer(raw)).toThrow(WebAssembly.RuntimeError);
    }
    h.write(join(be(1n), be(1n), be(1n)));
    for (const [raw, out] of [
      [63, 72],
      [65, 72],
      [64, 71],
    ]) {
      expect(() => h.call.toDer!(raw, out)).toThrow(WebAssembly.RuntimeError);
    }
    for (const raw of [0, 63, 65]) expect(() => h.call.fromDer!(8, raw)).toThrow(WebAssembly.RuntimeError);
  });

  it("uses no memory up", async () => {
    const own = await loadHarness("p256");
    const top = own.call.heapTop!();
    own.write(join(be(1n), be(2n)));
    own.call.toDer!(64, 72);
    own.write(unhex("3006020101020102"));
    expect(own.call.fromDer!(8, 64)).toBe(1);
    own.write(unhex("ff"));
    expect(own.call.fromDer!(8, 64)).toBe(0);
    expect(own.call.heapTop!()).toBe(top);
  });
});

function nodeKeys(scalar: Uint8Array): { privateKey: KeyObject; publicKey: KeyObject } {
  const point = p256.getPublicKey(scalar, false);
  const coordinate = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  const jwk = {
    ...{ kty: "EC", crv: "P-256", d: coordinate(scalar) },
    ...{ x: coordinate(point.subarray(1, 33)), y: coordinate(point.subarray(33)) },
  };
  const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** The point with the smallest x from `x` upwards that has one, and an even y. */
function firstPoint(x: bigint): typeof G {
  for (let candidate = x; candidate < P; candidate++) {
    try {
      return p256.Point.fromBytes(join(Uint8Array.of(2), be(candidate)));
    } catch {
      // no point has this x
    }
  }
  throw new Error("no point from there upwards");
}
