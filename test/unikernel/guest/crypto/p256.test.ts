/**
 * guest/crypto/p256*: arithmetic against BigInt, points against @noble/curves, ECDH against vectors, node:crypto and
 * @noble, every refusal.
 */
import { createECDH } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import vectors from "../../../vectors/p256.json" with { type: "json" };

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const R = 2n ** 261n;
const LIMB = 2n ** 29n;
const G = p256.Point.BASE;

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("p256");
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const be = (value: bigint) => unhex(value.toString(16).padStart(64, "0"));
const mod = (value: bigint, modulus: bigint) => ((value % modulus) + modulus) % modulus;
const split = (value: bigint) =>
  Array.from({ length: 9 }, (_, i) => (i < 8 ? (value >> BigInt(29 * i)) & (LIMB - 1n) : value >> 232n));
const join = (limbs: bigint[]) => limbs.reduce((sum, limb, i) => sum + limb * LIMB ** BigInt(i), 0n);

function writeLimbs(slot: number, limbs: bigint[]): void {
  const bytes = Buffer.alloc(72);
  for (const [i, limb] of limbs.entries()) bytes.writeBigInt64LE(limb, 8 * i);
  h.write(bytes, 72 * slot);
}
function readLimbs(): bigint[] {
  const bytes = Buffer.from(h.read(72));
  return Array.from({ length: 9 }, (_, i) => bytes.readBigInt64LE(8 * i));
}
/** Calls an operation on limbs; the result's limbs. */
function op(name: string, ...operands: bigint[][]): bigint[] {
  for (const [slot, limbs] of operands.entries()) writeLimbs(slot, limbs);
  h.call[name]!();
  return readLimbs();
}
function expectCarried(limbs: bigint[]): void {
  for (const limb of limbs.slice(0, 8)) expect(limb >= 0n && limb < LIMB).toBe(true);
}

const EDGES = [0n, 1n, 2n, P - 2n, P - 1n, P, P + 1n, 2n ** 255n, 2n ** 256n - 1n, 2n ** 224n, 2n ** 96n - 1n, N];
/** A carried element: any value below 2^256, edges often. */
const element = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })).map(split);
/** Limbs of a weight, signed, extremes often; the top limb at its own bound of 2^28. */
const weighted = (weight: bigint) => {
  const limb = (max: bigint) => fc.oneof(fc.constantFrom(-max, 0n, max), fc.bigInt({ min: -max, max }));
  return fc
    .tuple(fc.array(limb(weight * (LIMB - 1n)), { minLength: 8, maxLength: 8 }), limb(2n ** 28n))
    .map(([low, top]) => [...low, top]);
};
const extreme = (weight: bigint, sign: bigint) => [
  ...Array<bigint>(8).fill(sign * weight * (LIMB - 1n)),
  sign * 2n ** 28n,
];

describe("field", () => {
  function checkProduct(result: bigint[], exact: bigint, subtracted = 0n): void {
    expectCarried(result);
    const value = join(result);
    expect(mod((value + subtracted) * R - exact, P)).toBe(0n);
    // (-|T| / R, |T| / R + p) around what was subtracted
    const bound = (exact < 0n ? -exact : exact) / R + 1n;
    expect(value + subtracted >= -bound && value + subtracted <= bound + P).toBe(true);
  }

  it("multiplies and squares at the extremes of the stated bounds without overflow", () => {
    for (const [wa, wb] of [
      [1n, 1n],
      [1n, 2n],
      [2n, 1n],
      [1n, 3n],
      [3n, 1n],
    ] as const) {
      for (const sa of [1n, -1n]) {
        for (const sb of [1n, -1n]) {
          const a = extreme(wa, sa);
          const b = extreme(wb, sb);
          checkProduct(op("mul", a, b), join(a) * join(b));
          const c = extreme(8n, sa);
          checkProduct(op("mulSub", a, b, c), join(a) * join(b), join(c));
        }
      }
    }
    for (const sign of [1n, -1n]) {
      const a = extreme(1n, sign);
      checkProduct(op("square", a), join(a) ** 2n);
      const c = extreme(8n, -sign);
      checkProduct(op("squareSub", a, c, c), join(a) ** 2n, 2n * join(c));
    }
  });

  it("agrees with BigInt on products, squares and their fused subtractions", () => {
    fc.assert(
      fc.property(weighted(1n), weighted(3n), weighted(2n), weighted(2n), (a, b, c, d) => {
        checkProduct(op("mul", a, b), join(a) * join(b));
        checkProduct(op("mul", b, a), join(a) * join(b));
        checkProduct(op("mulSub", a, b, c), join(a) * join(b), join(c));
        checkProduct(op("square", a), join(a) ** 2n);
        checkProduct(op("squareSub", a, c, d), join(a) ** 2n, join(c) + join(d));
      }),
      { numRuns: 300 },
    );
  });

  it("adds and subtracts limb by limb, and takes three halves", () => {
    fc.assert(
      fc.property(element, element, (a, b) => {
        expect(op("add", a, b)).toEqual(a.map((limb, i) => limb + b[i]!));
        expect(op("sub", a, b)).toEqual(a.map((limb, i) => limb - b[i]!));
        const half = op("threeHalves", a);
        for (const limb of half.slice(0, 8)) expect(limb >= -2n && limb <= LIMB + 2n).toBe(true);
        expect(mod(2n * join(half) - 3n * join(a), P)).toBe(0n);
      }),
    );
  });

  it("gives the canonical value of anything within 8p, and knows zero", () => {
    const zeros = Array.from({ length: 17 }, (_, i) => BigInt(i - 8) * P);
    for (const zero of zeros) {
      expect(join(op("plain", split(zero)))).toBe(0n);
      expect(h.call.zeroness!()).toBe(2);
    }
    for (const value of [1n, -1n, P - 1n, P + 1n, 7n * P + 5n, 1n - 8n * P, LIMB, 2n ** 255n]) {
      expect(join(op("plain", split(value)))).toBe(mod(value * inverse(R, P), P));
      expect(h.call.zeroness!()).toBeLessThan(2);
    }
    fc.assert(
      fc.property(fc.bigInt({ min: 1n - 8n * P, max: 8n * P - 1n }), (value) => {
        const plain = op("plain", split(value));
        expectCarried(plain);
        expect(join(plain)).toBe(mod(value * inverse(R, P), P));
      }),
    );
  });

  it("inverts", () => {
    expect(join(op("invert", split(0n)))).toBe(0n);
    fc.assert(
      fc.property(element, (a) => {
        const value = join(a);
        const inverted = join(op("invert", a));
        // (x R) -> (1/x) R
        expect(mod(inverted * value, P)).toBe(mod(value, P) === 0n ? 0n : mod(R * R, P));
      }),
    );
  });
});

describe("scalars", () => {
  const scalar = fc.oneof(
    fc.constantFrom(0n, 1n, 2n, N - 1n, N - 2n, (N - 1n) / 2n, (N + 1n) / 2n, 2n ** 255n),
    fc.bigInt({ min: 0n, max: N - 1n }),
  );

  it("agree with BigInt on products, sums and inverses", () => {
    fc.assert(
      fc.property(scalar, scalar, scalar, (a, b, c) => {
        const product = op("nMul", split(a), split(b));
        expectCarried(product);
        expect(join(product)).toBe((a * b) % N);
        expect(join(op("nSumMul", split(a), split(b), split(c)))).toBe(((a + b) * c) % N);
        expect(join(op("nInvert", split(a)))).toBe(a === 0n ? 0n : inverse(a, N));
      }),
      { numRuns: 300 },
    );
  });

  it("reduce 32 bytes modulo n", () => {
    for (const value of [0n, 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n]) {
      h.write(be(value));
      h.call.nReduceBytes!();
      expect(join(readLimbs())).toBe(value % N);
    }
  });

  it("become odd by negation", () => {
    for (const k of [1n, 2n, 3n, N - 1n, N - 2n, (N - 1n) / 2n, 2n ** 255n]) {
      const even = k % 2n === 0n;
      expect(join(op("nMakeOdd", split(k)))).toBe(even ? N - k : k);
      expect(h.call.nMakeOdd!()).toBe(even ? 1 : 0);
    }
  });

  it("are valid as keys exactly in [1, n - 1]", () => {
    for (const value of [1n, 2n, N - 1n, 2n ** 255n, LIMB, 2n ** 232n]) {
      h.write(be(value));
      expect(h.call.validScalar!(32)).toBe(1);
    }
    for (const value of [0n, N, N + 1n, P, 2n ** 256n - 1n]) {
      h.write(be(value));
      expect(h.call.validScalar!(32)).toBe(0);
    }
    for (const length of [0, 31, 33]) expect(() => h.call.validScalar!(length)).toThrow(WebAssembly.RuntimeError);
  });
});

/**
 * Scalars where a window method would go wrong if it did: small and large, window borders, windows of all ones,
 * zeros.
 */
function awkwardScalars(): bigint[] {
  const scalars = new Set<bigint>();
  for (let i = 1n; i <= 70n; i++) scalars.add(i).add(N - i);
  for (let i = 1n; i < 52n; i++) for (const j of [-1n, 0n, 1n]) scalars.add(32n ** i + j).add(N - 32n ** i + j);
  for (let a = 1n; a < 9n; a++) for (const d of [1n, 15n, 16n, 17n, 31n]) scalars.add(d << (30n * a));
  for (const k of [-1n, 0n, 1n, 2n]) scalars.add(N / 2n + k).add(2n ** 255n + k);
  const repeat = (window: bigint) => Array.from({ length: 51 }, () => window).reduce((sum, w) => (sum << 5n) + w, 0n);
  for (const window of [1n, 15n, 16n, 17n, 30n, 31n]) scalars.add(mod(repeat(window), N));
  return [...scalars].filter((k) => k > 0n && k < N);
}

describe("points", () => {
  const encode = (point: typeof G) => hex(point.toBytes(false).subarray(1));
  const writePeer = (point: typeof G) => h.write(point.toBytes(false), 144);

  it("has the base point's multiples that its table claims", () => {
    const words: string[] = [];
    const add = (k: bigint) => {
      const { x, y } = G.multiply(k).toAffine();
      for (const value of [(x * R) % P, (y * R) % P]) {
        for (let i = 0n; i < 4n; i++) words.push(((value >> (64n * i)) & (2n ** 64n - 1n)).toString(16));
      }
    };
    for (let block = 0n; block < 9n; block++) for (let j = 0n; j < 16n; j++) add((2n * j + 1n) << (30n * block));
    add(2n ** 230n);
    expect(h.call.tableLength!()).toBe(words.length);
    const table = words.map((_, i) => BigInt.asUintN(64, h.call.tableWord!(i) as bigint).toString(16));
    expect(table).toEqual(words);
  });

  it("multiplies the base and any point by every awkward scalar", () => {
    const point = G.multiply(0xdecafn);
    writePeer(point);
    for (const k of awkwardScalars()) {
      writeLimbs(0, split(k));
      h.call.timesBase!();
      expect(hex(h.read(64)), `${k} G`).toBe(encode(G.multiply(k)));
      h.call.timesPoint!();
      expect(hex(h.read(64)), `${k} Q`).toBe(encode(point.multiply(k)));
    }
  });

  it("multiplies by any scalar", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: N - 1n }), fc.bigInt({ min: 1n, max: N - 1n }), (k, q) => {
        const point = G.multiply(q);
        writePeer(point);
        writeLimbs(0, split(k));
        h.call.timesBase!();
        expect(hex(h.read(64))).toBe(encode(G.multiply(k)));
        h.call.timesPoint!();
        expect(hex(h.read(64))).toBe(encode(point.multiply(k)));
      }),
      { numRuns: 60 },
    );
  });

  function expectCombination(a: bigint, b: bigint, q: bigint): void {
    writePeer(G.multiply(mod(q, N)));
    writeLimbs(0, split(a));
    writeLimbs(1, split(b));
    const sum = mod(a + b * q, N);
    expect(h.call.combination!(), `${a} G + ${b} · ${q} G`).toBe(sum === 0n ? 0 : 1);
    if (sum !== 0n) expect(hex(h.read(64))).toBe(encode(G.multiply(sum)));
  }

  it("adds a G + b Q where sums meet equal and opposite points and infinity", () => {
    for (let q = -9n; q <= 9n; q++) {
      if (q === 0n) continue;
      for (let b = 0n; b <= 40n; b += 3n) {
        for (let a = 0n; a <= 40n; a += 5n) expectCombination(a, b, q);
        expectCombination(mod(-b * q, N), b, q); // infinity in the end
        expectCombination(mod(b * q, N), b, q); // equal halves
      }
    }
  });

  it("adds a G + b Q for any a, b and Q", () => {
    const scalar = fc.oneof(fc.constantFrom(0n, 1n, N - 1n, 2n ** 255n), fc.bigInt({ min: 0n, max: N - 1n }));
    fc.assert(
      fc.property(scalar, scalar, fc.bigInt({ min: 1n, max: N - 1n }), (a, b, q) => expectCombination(a, b, q)),
      { numRuns: 60 },
    );
  });
});

describe("keys and shared secrets", () => {
  const publicKey = (scalar: Uint8Array) => {
    h.write(scalar);
    h.call.publicKey!(32, 65);
    return h.read(65);
  };
  const sharedSecret = (scalar: Uint8Array, peer: Uint8Array): string | false => {
    h.write(scalar);
    h.write(peer, 32);
    return h.call.sharedSecret!(peer.length, 32) ? hex(h.read(32)) : false;
  };

  it("passes NIST's and Wycheproof's vectors", () => {
    for (const v of vectors.cavp) {
      expect(hex(publicKey(unhex(v.private)))).toBe(v.public);
      expect(sharedSecret(unhex(v.private), unhex(v.peer))).toBe(v.shared);
    }
    expect(vectors.wycheproof.length).toBe(16);
    for (const v of vectors.wycheproof) {
      expect(sharedSecret(unhex(v.private), unhex(v.public)), `tcId ${v.tcId}`).toBe(v.shared);
    }
  });

  it("agrees with node:crypto and @noble/curves in both directions", () => {
    const scalar = fc.bigInt({ min: 1n, max: N - 1n }).map(be);
    fc.assert(
      fc.property(scalar, scalar, (ours, theirs) => {
        const node = createECDH("prime256v1");
        node.setPrivateKey(theirs);
        const mine = publicKey(ours);
        expect(hex(mine)).toBe(hex(p256.getPublicKey(ours, false)));
        const secret = sharedSecret(ours, node.getPublicKey());
        expect(secret).toBe(node.computeSecret(mine).toString("hex"));
        expect(secret).toBe(hex(p256.getSharedSecret(theirs, mine).subarray(1)));
      }),
      { numRuns: 50 },
    );
  });

  it("refuses every point that is not on the curve or not in its one encoding", () => {
    const good = p256.getPublicKey(be(5n), false);
    const { x, y } = G.multiply(5n).toAffine();
    const point = (prefix: number, px: bigint, py: bigint) => Uint8Array.from([prefix, ...be(px), ...be(py)]);
    expect(sharedSecret(be(7n), good)).not.toBe(false);
    for (const prefix of [0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x84, 0xff]) {
      expect(sharedSecret(be(7n), point(prefix, x, y)), `prefix ${prefix}`).toBe(false);
    }
    const small = [0n, 5n].map((value) => [value, root(value)] as const); // points whose x + p still fits 256 bits
    for (const [px, py] of small) {
      expect(sharedSecret(be(7n), point(4, px, py))).not.toBe(false);
      expect(sharedSecret(be(7n), point(4, px + P, py))).toBe(false);
    }
    const flat = 0xd7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7n; // x of a point with y = 5
    expect(sharedSecret(be(7n), point(4, flat, 5n))).not.toBe(false);
    expect(sharedSecret(be(7n), point(4, flat, 5n + P))).toBe(false);
    for (const [px, py] of [
      [0n, 0n],
      [x, 0n],
      [0n, y],
      [x, P - y + 1n],
      [y, x],
      [x + 1n, y],
      [x, y ^ 1n],
      [P, root(0n)],
      [x, P],
      [P - 1n, P - 1n],
      [2n ** 256n - 1n, 2n ** 256n - 1n],
    ] as const) {
      expect(sharedSecret(be(7n), point(4, px, py)), `${px}, ${py}`).toBe(false);
    }
    for (let bit = 0; bit < 520; bit += 7) {
      const flipped = good.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(sharedSecret(be(7n), flipped), `bit ${bit}`).toBe(false);
    }
    expect(sharedSecret(be(7n), point(4, x, P - y))).toBe(sharedSecret(be(7n), good)); // -Q has the same x
  });

  it("writes nothing when it refuses", () => {
    h.write(be(7n));
    h.call.publicKey!(32, 65);
    const before = hex(h.read(65));
    expect(sharedSecret(be(7n), new Uint8Array(65).fill(4))).toBe(false);
    expect(hex(h.read(65))).toBe(before);
  });

  it("traps on a scalar outside [1, n - 1] and on buffers of another length", () => {
    const peer = p256.getPublicKey(be(5n), false);
    for (const scalar of [0n, N, N + 5n, 2n ** 256n - 1n]) {
      expect(() => publicKey(be(scalar))).toThrow(WebAssembly.RuntimeError);
      expect(() => sharedSecret(be(scalar), peer)).toThrow(WebAssembly.RuntimeError);
    }
    h.write(be(7n));
    h.write(peer, 32);
    for (const [scalar, out] of [
      [31, 65],
      [33, 65],
      [32, 64],
      [32, 66],
    ]) {
      expect(() => h.call.publicKey!(scalar, out)).toThrow(WebAssembly.RuntimeError);
    }
    for (const [length, out] of [
      [0, 32],
      [1, 32],
      [33, 32],
      [64, 32],
      [66, 32],
      [65, 31],
      [65, 33],
    ]) {
      expect(() => h.call.sharedSecret!(length, out)).toThrow(WebAssembly.RuntimeError);
    }
  });

  it("leaves nothing of a scalar in memory and allocates nothing", async () => {
    const own = await loadHarness("p256");
    const peer = p256.getPublicKey(be(5n), false);
    const memoryAfter = (scalar: bigint): Buffer => {
      own.write(be(scalar));
      own.write(peer, 32);
      own.call.publicKey!(32, 65);
      own.call.sharedSecret!(65, 32);
      own.write(new Uint8Array(1024));
      new Uint8Array(own.memory.buffer, own.call.output!(), 1024).fill(0);
      return Buffer.from(own.memory.buffer.slice(0));
    };
    own.call.heapTop!(); // writes a block header, the same one each time
    const first = memoryAfter(0x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefn);
    const top = own.call.heapTop!();
    expect(first.includes(0xff)).toBe(true); // it is the module's memory: its tables are there
    // Not one byte outside the caller's buffers differs with the scalar.
    expect(memoryAfter(N - 0xfedcba9876543210n).equals(first)).toBe(true);
    expect(own.call.heapTop!()).toBe(top);
  });
});

function inverse(value: bigint, modulus: bigint): bigint {
  let [r0, r1, s0, s1] = [modulus, mod(value, modulus), 0n, 1n];
  while (r1 !== 0n) {
    const q = r0 / r1;
    [r0, r1, s0, s1] = [r1, r0 - q * r1, s1, s0 - q * s1];
  }
  return mod(s0, modulus);
}

/** y of the curve's point with this x (which must have one): p ≡ 3 (mod 4). */
function root(x: bigint): bigint {
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
  const square = mod(x ** 3n - 3n * x + b, P);
  let [result, base] = [1n, square];
  for (let e = (P + 1n) / 4n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  expect((result * result) % P).toBe(square);
  return result;
}
