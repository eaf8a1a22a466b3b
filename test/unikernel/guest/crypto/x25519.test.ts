/** guest/crypto/field25519 and x25519: against BigInt, the RFC's vectors, node:crypto and @noble/curves; every refusal. */
import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { x25519 as noble } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import rfc from "../../../vectors/x25519.json" with { type: "json" };
import wycheproof from "../../../vectors/x25519-wycheproof.json" with { type: "json" };

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("curve25519");
});

const P = 2n ** 255n - 19n;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
const number = (bytes: Uint8Array) => BigInt(`0x${hex(bytes.toReversed())}`);
const littleEndian = (value: bigint, length = 32) => unhex(value.toString(16).padStart(2 * length, "0")).toReversed();
const mod = (value: bigint) => ((value % P) + P) % P;
const power = (base: bigint, exponent: bigint) => {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
};

describe("field", () => {
  const OPERATIONS = [
    ...["add", "subtract", "multiply", "square", "multiplySmall", "squareTimes", "invert", "power252", "negateIf"],
    ...["swapIf", "setSmall", "isZero", "isNegative", "multiplyInPlace", "invertInPlace"],
  ] as const;
  const POSITION = [0n, 26n, 51n, 77n, 102n, 128n, 153n, 179n, 204n, 230n];
  const LARGEST = POSITION.map((_, i) => (i % 2 === 0 ? 2n ** 26n : 2n ** 25n + 2n ** 18n));
  const value = (limbs: bigint[]) => limbs.reduce((sum, limb, i) => sum + (limb << POSITION[i]!), 0n);
  const split = (x: bigint) =>
    POSITION.map((at, i) => (x >> at) & (i === 9 ? -1n : i % 2 === 0 ? 0x3ffffffn : 0x1ffffffn));
  const fold = (k: bigint, signs: (i: number) => bigint) => LARGEST.map((limb, i) => limb * k * signs(i));

  /** Runs one operation and gives its value in [0, p), its limbs and its answer. */
  function run(operation: (typeof OPERATIONS)[number], f: bigint[], g: bigint[] = split(0n), n = 0n) {
    h.write(new Uint8Array(BigInt64Array.from([...f, ...g]).buffer));
    const answer = h.call.field!(OPERATIONS.indexOf(operation), n) as number;
    const out = h.read(112);
    const result = number(out.subarray(0, 32));
    const limbs = [...new BigInt64Array(out.slice(32).buffer)];
    expect(result < P).toBe(true);
    expect(mod(value(limbs))).toBe(result);
    return { result, limbs, answer };
  }
  function expectOnefold(limbs: bigint[]) {
    limbs.forEach((limb, i) => {
      expect(limb <= LARGEST[i]! && limb >= (i === 1 ? -(2n ** 17n) : 0n), `limb ${i} = ${limb}`).toBe(true);
    });
  }

  const EDGES = [
    0n,
    1n,
    2n,
    18n,
    19n,
    20n,
    P - 2n,
    P - 1n,
    P,
    P + 1n,
    P + 18n,
    2n * P - 1n,
    2n * P,
    2n ** 255n - 1n,
    2n ** 254n,
  ];
  /** The largest limbs of one sign, of the other, and of both in turn: what makes the longest sums and carries. */
  const extremes = (k: bigint) => [
    ...[fold(k, () => 1n), fold(k, () => -1n)],
    ...[fold(k, (i) => (i % 2 ? 1n : -1n)), fold(k, (i) => (i % 2 ? -1n : 1n)), fold(k, (i) => (i < 5 ? 1n : -1n))],
  ];
  const limbs = (k: bigint) => fc.tuple(...LARGEST.map((limb) => fc.bigInt(-limb * k, limb * k)));

  it("agrees with BigInt at the edges, for every pair", () => {
    for (const a of EDGES) {
      const f = split(a);
      expect(run("square", f).result).toBe(mod(a * a));
      expect(run("invert", f).result).toBe(power(a, P - 2n));
      expect(run("invertInPlace", f).result).toBe(power(a, P - 2n));
      expect(run("power252", f).result).toBe(power(a, 2n ** 252n - 3n));
      expect(run("multiplySmall", f, f, 121665n).result).toBe(mod(a * 121665n));
      expect(run("squareTimes", f, f, 5n).result).toBe(power(a, 32n));
      expect(run("negateIf", f, f, -1n).result).toBe(mod(-a));
      expect(run("negateIf", f, f, 0n).result).toBe(mod(a));
      expect(run("isZero", f).answer).toBe(mod(a) === 0n ? 1 : 0);
      expect(run("isNegative", f).answer).toBe(Number(mod(a) & 1n));
      for (const b of EDGES) {
        const g = split(b);
        expect(run("add", f, g).result).toBe(mod(a + b));
        expect(run("subtract", f, g).result).toBe(mod(a - b));
        expect(run("multiply", f, g).result).toBe(mod(a * b));
        expect(run("multiplyInPlace", f, g).result).toBe(mod(a * b));
        expect(run("swapIf", f, g, 0n).result).toBe(mod(a));
        expect(run("swapIf", f, g, -1n).result).toBe(mod(b));
      }
    }
    expect(run("setSmall", split(P), split(P), 486662n).result).toBe(486662n);
  });

  it("multiplies the largest limbs that it says it takes, and the product is 1-fold", () => {
    for (const [m, n] of [
      [1n, 1n],
      [1n, 16n],
      [2n, 8n],
      [4n, 4n],
      [8n, 2n],
      [16n, 1n],
    ] as const) {
      for (const f of extremes(m)) {
        for (const g of extremes(n)) {
          const product = run("multiply", f, g);
          expect(product.result).toBe(mod(value(f) * value(g)));
          expectOnefold(product.limbs);
        }
      }
    }
    for (const f of extremes(4n)) {
      const square = run("square", f);
      expect(square.result).toBe(mod(value(f) ** 2n));
      expectOnefold(square.limbs);
      expect(run("invert", f).result).toBe(power(value(f), P - 2n));
    }
    for (const f of extremes(16n)) {
      const small = run("multiplySmall", f, f, 2n ** 26n - 1n);
      expect(small.result).toBe(mod(value(f) * (2n ** 26n - 1n)));
      expectOnefold(small.limbs);
    }
  });

  it("writes the number of the largest sums and differences", () => {
    for (const f of extremes(8n)) {
      for (const g of extremes(8n)) {
        expect(run("add", f, g).result).toBe(mod(value(f) + value(g)));
        expect(run("subtract", f, g).result).toBe(mod(value(f) - value(g)));
      }
    }
  });

  it("agrees with BigInt for any limbs", () => {
    fc.assert(
      fc.property(limbs(4n), limbs(4n), (f, g) => {
        const product = run("multiply", f, g);
        expect(product.result).toBe(mod(value(f) * value(g)));
        expectOnefold(product.limbs);
        expect(run("square", f).limbs).toEqual(run("multiply", f, f).limbs);
        expect(run("subtract", f, g).result).toBe(mod(value(f) - value(g)));
      }),
      { numRuns: 500 },
    );
  });

  it("inverts: a · 1/a is 1", () => {
    fc.assert(
      fc.property(limbs(4n), (f) => {
        fc.pre(mod(value(f)) !== 0n);
        expect(mod(run("invert", f).result * value(f))).toBe(1n);
      }),
      { numRuns: 50 },
    );
  });

  it("reads 32 bytes without their top bit and writes the number mod p", () => {
    const read = (a: bigint) => {
      h.write(littleEndian(a));
      h.call.fieldFromBytes!();
      return number(h.read(32));
    };
    for (const a of [...EDGES.filter((edge) => edge < 2n ** 255n), 2n ** 255n - 2n]) {
      expect(read(a)).toBe(mod(a));
      expect(read(a + 2n ** 255n)).toBe(mod(a));
    }
    for (let bit = 0n; bit < 255n; bit++) expect(read(1n << bit)).toBe(mod(1n << bit));
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 256n - 1n), (a) => read(a) === mod(a & (2n ** 255n - 1n))));
  });
});

/** The result and whether it was accepted. */
function shared(scalar: Uint8Array, u: Uint8Array): { ok: boolean; out: string } {
  h.write(scalar);
  h.write(u, 32);
  const ok = h.call.shared!(32, 32, 32) === 1;
  return { ok, out: hex(h.read(32)) };
}
function base(scalar: Uint8Array): string {
  h.write(scalar);
  h.call.base!(32, 32);
  return hex(h.read(32));
}

describe("x25519", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const privateKey = (raw: Uint8Array) =>
    createPrivateKey({
      key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw]),
      format: "der",
      type: "pkcs8",
    });
  const publicKey = (raw: Uint8Array) =>
    createPublicKey({
      key: Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), raw]),
      format: "der",
      type: "spki",
    });

  it("gives the results of RFC 7748 §5.2", () => {
    for (const { scalar, u, out } of rfc.single) expect(shared(unhex(scalar), unhex(u))).toEqual({ ok: true, out });
    for (const { times, k } of rfc.iterated) {
      h.write(littleEndian(9n));
      h.write(littleEndian(9n), 32);
      h.call.iterate!(times);
      expect(hex(h.read(32))).toBe(k);
    }
  });

  it("agrees on a secret as in RFC 7748 §6.1", () => {
    const { alicePrivate, alicePublic, bobPrivate, bobPublic, shared: secret } = rfc.diffieHellman;
    expect(base(unhex(alicePrivate))).toBe(alicePublic);
    expect(base(unhex(bobPrivate))).toBe(bobPublic);
    expect(shared(unhex(alicePrivate), unhex(bobPublic))).toEqual({ ok: true, out: secret });
    expect(shared(unhex(bobPrivate), unhex(alicePublic))).toEqual({ ok: true, out: secret });
  });

  it("gives Wycheproof's results for keys on the twist and keys of special form", () => {
    for (const test of wycheproof.tests) {
      expect(shared(unhex(test.private), unhex(test.public))).toEqual({ ok: true, out: test.shared });
    }
  });

  it("agrees with node:crypto and @noble/curves for any scalar and u", () => {
    fc.assert(
      fc.property(key, key, (scalar, u) => {
        const expected = hex(noble.getSharedSecret(scalar, u));
        expect(shared(scalar, u)).toEqual({ ok: true, out: expected });
        const node = diffieHellman({ privateKey: privateKey(scalar), publicKey: publicKey(u) });
        expect(hex(node)).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  it("makes the public key that the ladder makes from u = 9", () => {
    const nine = littleEndian(9n);
    const special = [0n, 1n, 8n, 2n ** 251n, 2n ** 252n, 2n ** 254n, 2n ** 255n - 1n, 2n ** 256n - 1n, P];
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const multiples = [1n, 2n, 3n, 4n, 5n, 6n, 7n].flatMap((k) => [k * order - 8n, k * order, k * order + 8n]);
    for (const a of [...special, ...multiples]) {
      expect(shared(littleEndian(a), nine)).toEqual({ ok: true, out: base(littleEndian(a)) });
    }
    fc.assert(
      fc.property(key, (scalar) => {
        const own = base(scalar);
        expect(shared(scalar, nine).out).toBe(own);
        expect(hex(noble.getPublicKey(scalar))).toBe(own);
      }),
      { numRuns: 200 },
    );
  });

  it("clamps a copy of the scalar, not the scalar", () => {
    const scalar = new Uint8Array(32).fill(0xff);
    const u = unhex(rfc.single[0]!.u);
    const { out } = shared(scalar, u);
    const clamped = scalar.slice();
    clamped[0] = 0xf8;
    clamped[31] = 0x7f;
    expect(shared(clamped, u).out).toBe(out);
    h.write(scalar);
    h.call.shared!(32, 32, 32);
    h.call.base!(32, 32);
    expect(hex(new Uint8Array(h.memory.buffer, h.call.input!(), 32))).toBe("ff".repeat(32));
  });

  it("ignores the top bit of u and takes u mod p", () => {
    const scalar = unhex(rfc.single[0]!.scalar);
    for (let u = 2n; u < 19n; u++) {
      const { ok, out } = shared(scalar, littleEndian(u));
      expect(ok).toBe(true);
      for (const same of [u + P, u + 2n ** 255n, u + P + 2n ** 255n]) {
        expect(shared(scalar, littleEndian(same))).toEqual({ ok: true, out });
      }
    }
  });

  it("refuses every u of small order, canonical or not, with or without the top bit", () => {
    const smallOrder = [
      ...[0n, 1n, P - 1n, P, P + 1n],
      325606250916557431795983626356110631294008115727848805560023387167927233504n,
      39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    ];
    for (const u of smallOrder.flatMap((low) => [low, low + 2n ** 255n])) {
      for (const scalar of [rfc.single[0]!.scalar, "00".repeat(32), "ff".repeat(32)]) {
        expect(shared(unhex(scalar), littleEndian(u)), u.toString(16)).toEqual({ ok: false, out: "00".repeat(32) });
      }
    }
  });

  it("traps on a buffer that is not 32 bytes long", () => {
    for (const wrong of [0, 31, 33, 64]) {
      expect(() => h.call.shared!(wrong, 32, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.shared!(32, wrong, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.shared!(32, 32, wrong)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.base!(wrong, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.base!(32, wrong)).toThrow(WebAssembly.RuntimeError);
    }
  });
});

describe("x25519 leaves nothing behind", () => {
  /** Two calls on different secrets must leave the same memory once input and output are cleared. */
  function memoryAfter(call: () => void): Uint8Array {
    call();
    h.write(new Uint8Array(4096));
    new Uint8Array(h.memory.buffer, h.call.output!(), 4096).fill(0);
    return new Uint8Array(h.memory.buffer).slice();
  }
  const secrets = ["a5", "5a"].map((byte) => unhex(byte.repeat(32)));
  const u = unhex(rfc.single[0]!.u);

  it("of the scalar or the result, in any form", () => {
    for (const call of [(secret: Uint8Array) => void shared(secret, u), (secret: Uint8Array) => void base(secret)]) {
      const top = h.call.heapTop!();
      const [first, second] = secrets.map((secret) => memoryAfter(() => call(secret)));
      expect(Buffer.from(first!).equals(second!)).toBe(true);
      expect(Buffer.from(second!).includes(Buffer.from(secrets[1]!.subarray(8, 16)))).toBe(false);
      expect(h.call.heapTop!()).toBe(top);
    }
  });

  it("and the search would find a scalar that stayed", () => {
    shared(secrets[0]!, u);
    expect(Buffer.from(h.memory.buffer).includes(Buffer.from(secrets[0]!.subarray(8, 16)))).toBe(true);
  });
});
