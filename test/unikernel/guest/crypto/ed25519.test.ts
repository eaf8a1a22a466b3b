/** guest/crypto/scalar25519, edwards25519 and ed25519: BigInt, the RFC's vectors, node:crypto, @noble/curves; every refusal. */
import { createHash, createPrivateKey, createPublicKey, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import { ed25519 as noble } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import rfc from "../../../vectors/ed25519.json" with { type: "json" };
import speccheck from "../../../vectors/ed25519-speccheck.json" with { type: "json" };

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("curve25519");
});

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const { Point } = noble;
type Point = InstanceType<typeof Point>;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const number = (bytes: Uint8Array) => BigInt(`0x${hex(bytes.toReversed())}`);
const littleEndian = (value: bigint, length = 32) => unhex(value.toString(16).padStart(2 * length, "0")).toReversed();
const modL = (value: bigint) => ((value % L) + L) % L;
const join = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
const sha512 = (...parts: Uint8Array[]) =>
  Uint8Array.from(
    createHash("sha512")
      .update(join(...parts))
      .digest(),
  );
const flip = (bytes: Uint8Array, bit: number) =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const below = fc.oneof(fc.bigInt(0n, L - 1n), fc.bigInt(0n, 20n), fc.bigInt(L - 20n, L - 1n));
const below255 = fc.oneof(below, fc.bigInt(0n, 2n ** 255n - 1n));
const SCALAR_EDGES = [
  0n,
  1n,
  2n,
  L - 1n,
  L,
  L + 1n,
  2n * L - 1n,
  2n * L,
  2n ** 252n,
  2n ** 255n - 1n,
  2n ** 255n,
  15n * L,
  2n ** 256n - 1n,
];

const OPERATIONS = ["fromHash", "multiplyAdd", "signedBits", "clamp", "isBelowOrder"] as const;
function scalar(operation: (typeof OPERATIONS)[number], input: Uint8Array): { result: bigint; answer: number } {
  h.write(input);
  const answer = h.call.scalar!(OPERATIONS.indexOf(operation)) as number;
  return { result: number(h.read(32)), answer };
}

describe("scalar", () => {
  it("reduces 64 bytes mod L", () => {
    const reduce = (value: bigint) => scalar("fromHash", littleEndian(value, 64)).result;
    const edges = [
      ...SCALAR_EDGES,
      L * L,
      L * L - 1n,
      L << 259n,
      (L << 259n) - 1n,
      2n ** 512n - 1n,
      (2n ** 512n / L) * L,
    ];
    for (const a of edges) {
      for (const value of [a - 1n, a, a + 1n]) {
        if (value >= 0n && value < 2n ** 512n) expect(reduce(value)).toBe(value % L);
      }
    }
    for (let bit = 0n; bit < 512n; bit++) expect(reduce(1n << bit)).toBe((1n << bit) % L);
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 512n - 1n), (value) => reduce(value) === value % L));
  });

  it("compares with L", () => {
    for (const a of SCALAR_EDGES) {
      expect(scalar("isBelowOrder", littleEndian(a)).answer).toBe(a < L ? 1 : 0);
    }
    for (let bit = 0; bit < 256; bit++) {
      const a = number(flip(littleEndian(L), bit));
      expect(scalar("isBelowOrder", littleEndian(a)).answer).toBe(a < L ? 1 : 0);
    }
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 256n - 1n), (a) => {
        expect(scalar("isBelowOrder", littleEndian(a)).answer).toBe(a < L ? 1 : 0);
      }),
    );
  });

  it("multiplies and adds mod L", () => {
    const check = (a: bigint, b: bigint, c: bigint) => {
      const input = join(littleEndian(a), littleEndian(b), littleEndian(c));
      expect(scalar("multiplyAdd", input).result).toBe((a * b + c) % L);
    };
    const canonical = SCALAR_EDGES.filter((edge) => edge < L);
    for (const a of SCALAR_EDGES) for (const b of SCALAR_EDGES) for (const c of canonical) check(a, b, c);
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 256n - 1n), fc.bigInt(0n, 2n ** 256n - 1n), below, check));
  });

  it("clamps", () => {
    for (const a of [0n, 2n ** 256n - 1n, P]) {
      const expected = (a & (2n ** 255n - 8n)) | (1n << 254n);
      expect(scalar("clamp", littleEndian(a)).result).toBe(expected);
    }
  });

  it("spells a scalar in 256 signed bits", () => {
    const check = (a: bigint) => {
      const { result } = scalar("signedBits", littleEndian(a));
      expect(modL(2n * result - (2n ** 256n - 1n))).toBe(a % L);
    };
    for (const a of SCALAR_EDGES.filter((edge) => edge < 2n ** 255n)) check(a);
    fc.assert(fc.property(below255, check));
  });

  it("has a non-adjacent form: sparse, odd digits that add up", () => {
    const check = (a: bigint, width: number) => {
      h.write(littleEndian(a));
      h.call.nonAdjacentForm!(width);
      const digits = [...new Int8Array(h.read(256).buffer)];
      expect(digits.reduce((sum, digit, i) => sum + (BigInt(digit) << BigInt(i)), 0n)).toBe(a);
      digits.forEach((digit, i) => {
        if (digit === 0) return;
        expect(Math.abs(digit % 2)).toBe(1);
        expect(Math.abs(digit)).toBeLessThan(2 ** (width - 1));
        expect(digits.slice(i + 1, i + width).every((next) => next === 0)).toBe(true);
      });
    };
    for (const a of [0n, 1n, 15n, 16n, 17n, L - 1n, L, 2n ** 255n - 1n, 2n ** 252n - 1n])
      for (const w of [2, 5, 7]) check(a, w);
    fc.assert(fc.property(fc.bigInt(0n, L), fc.integer({ min: 2, max: 8 }), check));
  });
});

const torsion = Point.fromBytes(unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), true);
const SMALL_ORDER = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => torsion.multiplyUnsafe(BigInt(k)));

describe("group", () => {
  const multiple = (k: bigint, point: Point = Point.BASE) => point.multiplyUnsafe(modL(k));

  it("multiplies the base point by any scalar", () => {
    const check = (k: bigint) => {
      h.write(littleEndian(k));
      h.call.pointBase!();
      expect(hex(h.read(32))).toBe(multiple(k).toHex());
    };
    for (const k of SCALAR_EDGES.filter((edge) => edge < 2n ** 255n)) check(k);
    for (let bit = 0n; bit < 253n; bit++) check((1n << bit) % L);
    fc.assert(fc.property(below255, check), { numRuns: 200 });
  });

  it("adds two multiples, also when they cancel or the point is of small order", () => {
    const check = (a: bigint, point: Point, b: bigint) => {
      h.write(join(littleEndian(a), point.toBytes(), littleEndian(b)));
      expect(h.call.pointTwo!()).toBe(1);
      const expected = point.multiplyUnsafe(a % L).add(multiple(b));
      expect(hex(h.read(32))).toBe(expected.toHex());
    };
    for (const a of [0n, 1n, 2n, 15n, L - 1n]) for (const b of [0n, 1n, 2n, 15n, L - 1n]) check(a, Point.BASE, b);
    for (const point of SMALL_ORDER) check(7n, point, 3n);
    fc.assert(
      fc.property(below, below, below, (a, p, b) => check(a, multiple(p), b)),
      { numRuns: 100 },
    );
  });

  const decode = (bytes: Uint8Array) => {
    h.write(bytes);
    return h.call.pointDecode!() as number;
  };

  it("decodes what encodes a point and nothing else", () => {
    fc.assert(
      fc.property(bytes32, (bytes) => {
        let onCurve = true;
        try {
          Point.fromBytes(bytes);
        } catch {
          onCurve = false;
        }
        expect(decode(bytes)).toBe(onCurve ? 2 : 0);
        if (onCurve) expect(h.read(32)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("knows the eight points of small order", () => {
    expect(new Set(SMALL_ORDER.map((point) => point.toHex())).size).toBe(8);
    for (const point of SMALL_ORDER) {
      expect(decode(point.toBytes())).toBe(1);
      expect(hex(h.read(32))).toBe(point.toHex());
      const mixed = point.add(multiple(5n));
      expect(decode(mixed.toBytes())).toBe(2);
    }
  });

  it("refuses each encoding that is not canonical, although the same y below p is a point", () => {
    let points = 0;
    for (let y = 0n; y < 19n; y++) {
      const canonical = decode(littleEndian(y));
      if (canonical > 0) points += 1;
      expect(decode(littleEndian(P + y))).toBe(0);
      expect(decode(littleEndian(P + y + 2n ** 255n))).toBe(0);
    }
    expect(points).toBeGreaterThan(5);
    // x = 0 with the sign of a negative x
    for (const y of [1n, P - 1n]) {
      expect(decode(littleEndian(y))).toBe(1);
      expect(decode(littleEndian(y + 2n ** 255n))).toBe(0);
    }
  });
});

const nodePrivate = (seed: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
    format: "der",
    type: "pkcs8",
  });
const nodePublic = (key: Uint8Array) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]),
    format: "der",
    type: "spki",
  });
function publicKey(seed: Uint8Array): Uint8Array {
  h.write(seed);
  h.call.publicKey!(32, 32);
  return h.read(32);
}
function sign(seed: Uint8Array, key: Uint8Array, message: Uint8Array): Uint8Array {
  h.write(join(seed, key, message));
  h.call.sign!(32, 32, message.length, 64);
  return h.read(64);
}
function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  h.write(join(key, signature, message));
  return h.call.verify!(32, 64, message.length) === 1;
}
const opensslVerifies = (key: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
  nodeVerify(null, message, nodePublic(key), signature);

describe("ed25519", () => {
  it("makes the keys and signatures of RFC 8032 §7.1", () => {
    expect(rfc.tests.map((test) => test.message.length / 2)).toEqual([0, 1, 2, 1023, 64]);
    for (const test of rfc.tests) {
      const seed = unhex(test.seed);
      const message = unhex(test.message);
      expect(hex(publicKey(seed)), test.name).toBe(test.publicKey);
      expect(hex(sign(seed, unhex(test.publicKey), message)), test.name).toBe(test.signature);
      expect(verify(unhex(test.publicKey), message, unhex(test.signature)), test.name).toBe(true);
    }
  });

  it("signs and verifies as node:crypto and @noble/curves do, both ways", () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 400 }), (seed, message) => {
        const key = publicKey(seed);
        expect(key).toEqual(noble.getPublicKey(seed));
        const signature = sign(seed, key, message);
        expect(signature).toEqual(noble.sign(message, seed));
        expect(signature).toEqual(Uint8Array.from(nodeSign(null, message, nodePrivate(seed))));
        expect(verify(key, message, signature)).toBe(true);
        expect(opensslVerifies(key, message, signature)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("judges the edge cases of ed25519-speccheck strictly", () => {
    for (const test of speccheck.tests) {
      const verdict = verify(unhex(test.publicKey), unhex(test.message), unhex(test.signature));
      expect(verdict, test.comment).toBe(test.valid);
    }
  });

  it("traps on a seed, key or signature of another length", () => {
    for (const wrong of [0, 31, 33, 63, 65]) {
      const calls = [
        ...[() => h.call.publicKey!(wrong, 32), () => h.call.publicKey!(32, wrong)],
        ...[
          () => h.call.sign!(wrong, 32, 5, 64),
          () => h.call.sign!(32, wrong, 5, 64),
          () => h.call.sign!(32, 32, 5, wrong),
        ],
        ...[() => h.call.verify!(wrong, 64, 5), () => h.call.verify!(32, wrong, 5)],
      ];
      for (const call of calls) expect(call).toThrow(WebAssembly.RuntimeError);
    }
  });
});

describe("ed25519 refuses", () => {
  const seed = unhex(rfc.tests[2]!.seed);
  const key = unhex(rfc.tests[2]!.publicKey);
  const message = new TextEncoder().encode("to whom it may concern");
  const secret = (() => {
    const half = sha512(seed).slice(0, 32);
    half[0]! &= 0xf8;
    half[31] = (half[31]! & 0x7f) | 0x40;
    return number(half);
  })();
  const challenge = (r: Uint8Array, a: Uint8Array, m: Uint8Array) => modL(number(sha512(r, a, m)));
  const numbered = (n: number) => new TextEncoder().encode(`message ${n}`);

  it("a signature, key or message with any bit changed", () => {
    const signature = sign(seed, key, message);
    expect(verify(key, message, signature)).toBe(true);
    for (let bit = 0; bit < 512; bit++) expect(verify(key, message, flip(signature, bit)), `bit ${bit}`).toBe(false);
    for (let bit = 0; bit < 256; bit++) expect(verify(flip(key, bit), message, signature), `bit ${bit}`).toBe(false);
    for (let bit = 0; bit < 8 * message.length; bit++) expect(verify(key, flip(message, bit), signature)).toBe(false);
    expect(verify(key, message.slice(1), signature)).toBe(false);
    expect(verify(key, join(message, Uint8Array.of(0)), signature)).toBe(false);
    expect(verify(publicKey(sha512(message).slice(0, 32)), message, signature)).toBe(false);
  });

  it("S plus any multiple of L", () => {
    const signature = sign(seed, key, message);
    const s = number(signature.slice(32));
    for (let k = 1n; s + k * L < 2n ** 256n; k++) {
      expect(verify(key, message, join(signature.slice(0, 32), littleEndian(s + k * L)))).toBe(false);
    }
  });

  it("a key of small order, although the equation holds", () => {
    for (const point of SMALL_ORDER) {
      const a = point.toBytes();
      const r = Point.BASE.multiply(12345n).toBytes();
      let n = 0;
      while (challenge(r, a, numbered(n)) % 8n !== 0n) n += 1;
      const signature = join(r, littleEndian(12345n));
      expect(opensslVerifies(a, numbered(n), signature)).toBe(true);
      expect(verify(a, numbered(n), signature)).toBe(false);
    }
  });

  it("an R of small order, although the equation holds", () => {
    const neutral = Point.ZERO.toBytes();
    const signature = join(neutral, littleEndian(modL(challenge(neutral, key, message) * secret)));
    expect(opensslVerifies(key, message, signature)).toBe(true);
    expect(verify(key, message, signature)).toBe(false);
    // The others need a key of mixed order, whose part of small order comes out as R.
    for (const point of SMALL_ORDER.slice(1)) {
      const a = Point.BASE.multiply(modL(secret)).add(torsion).toBytes();
      const r = point.toBytes();
      let n = 0;
      while (!torsion.multiplyUnsafe(8n - (challenge(r, a, numbered(n)) % 8n)).equals(point)) n += 1;
      const mixed = join(r, littleEndian(modL(challenge(r, a, numbered(n)) * secret)));
      expect(opensslVerifies(a, numbered(n), mixed)).toBe(true);
      expect(verify(a, numbered(n), mixed)).toBe(false);
    }
  });

  it("an R of mixed order, which only the equation with the cofactor would take", () => {
    for (const point of SMALL_ORDER) {
      const r = Point.BASE.multiply(777n).add(point).toBytes();
      const s = modL(777n + challenge(r, key, message) * secret);
      expect(verify(key, message, join(r, littleEndian(s)))).toBe(point.equals(Point.ZERO));
    }
  });

  it("under a key of mixed order exactly what the equation without the cofactor refuses", () => {
    const a = Point.BASE.multiply(modL(secret)).add(torsion).toBytes();
    const r = Point.BASE.multiply(999n).toBytes();
    const verdicts = [];
    for (let n = 0; n < 64; n++) {
      const k = challenge(r, a, numbered(n));
      const signature = join(r, littleEndian(modL(999n + k * secret)));
      const verdict = verify(a, numbered(n), signature);
      expect(verdict).toBe(k % 8n === 0n);
      expect(opensslVerifies(a, numbered(n), signature)).toBe(verdict);
      verdicts.push(verdict);
    }
    expect(new Set(verdicts).size).toBe(2);
  });

  it("an R or a key that is no canonical encoding", () => {
    const signature = sign(seed, key, message);
    for (let y = 0n; y < 19n; y++) {
      for (const bad of [P + y, P + y + 2n ** 255n].map((value) => littleEndian(value))) {
        expect(verify(bad, message, signature)).toBe(false);
        const s = modL(challenge(bad, key, message) * secret);
        expect(verify(key, message, join(bad, littleEndian(s)))).toBe(false);
      }
    }
    // 2^255 − 18 is y = 1, the neutral element: with this S the equation holds, but for the encoding.
    const neutral = littleEndian(P + 1n);
    const s = modL(challenge(neutral, key, message) * secret);
    expect(verify(key, message, join(neutral, littleEndian(s)))).toBe(false);
  });
});

describe("ed25519 leaves nothing behind", () => {
  function memoryAfter(call: () => void): Uint8Array {
    call();
    h.write(new Uint8Array(4096));
    new Uint8Array(h.memory.buffer, h.call.output!(), 4096).fill(0);
    return new Uint8Array(h.memory.buffer).slice();
  }
  const seeds = ["c3", "3c"].map((byte) => unhex(byte.repeat(32)));
  const message = new TextEncoder().encode("forget me");

  it("of the seed, the scalar or the nonce, in any form", () => {
    const keys = seeds.map((seed) => publicKey(seed));
    const calls = [(i: number) => void publicKey(seeds[i]!), (i: number) => void sign(seeds[i]!, keys[i]!, message)];
    for (const call of calls) {
      const top = h.call.heapTop!();
      const [first, second] = [0, 1].map((i) => memoryAfter(() => call(i)));
      expect(Buffer.from(first!).equals(second!)).toBe(true);
      const expanded = sha512(seeds[1]!);
      for (const at of [8, 16, 32, 40, 48]) {
        expect(Buffer.from(second!).includes(Buffer.from(expanded.subarray(at, at + 8)))).toBe(false);
      }
      expect(Buffer.from(second!).includes(Buffer.from(seeds[1]!.subarray(0, 8)))).toBe(false);
      expect(h.call.heapTop!()).toBe(top);
    }
  });

  it("and verification does not allocate", () => {
    const key = publicKey(seeds[0]!);
    const signature = sign(seeds[0]!, key, message);
    const top = h.call.heapTop!();
    expect(verify(key, message, signature)).toBe(true);
    expect(h.call.heapTop!()).toBe(top);
  });
});
