/** guest/crypto/ecdsa-p384: RFC 6979's signatures, node:crypto and @noble/curves, every refusal. */
import { createHash, generateKeyPairSync, sign as nodeSign } from "node:crypto";
import { p384 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";

const P = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const N = BigInt("0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");
const G = p384.Point.BASE;

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("p384");
});

const be = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(96, "0"), "hex"));
const join = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));
const sha384 = (data: Uint8Array) => Uint8Array.from(createHash("sha384").update(data).digest());
const big = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const keyOf = (x: bigint, y: bigint) => join(Uint8Array.of(4), be(x), be(y));

function verify(key: Uint8Array, digest: Uint8Array, r: bigint, s: bigint): boolean {
  h.write(join(digest, be(r), be(s), key));
  return h.call.verify!(key.length) === 1;
}

function inverse(value: bigint): bigint {
  let [result, base] = [1n, value % N];
  for (let e = N - 2n; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % N;
    base = (base * base) % N;
  }
  return result;
}

/** A key and the signature that it makes of `digest` with nonce k. */
function signature(d: bigint, k: bigint, digest: Uint8Array): { key: Uint8Array; r: bigint; s: bigint } {
  const r = G.multiply(k).toAffine().x % N;
  const s = (inverse(k) * (big(digest) + r * d)) % N;
  const { x, y } = G.multiply(d).toAffine();
  return { key: keyOf(x, y), r, s };
}

describe("accepts", () => {
  // RFC 6979 A.2.6, P-384 with SHA-384.
  const key = keyOf(
    BigInt("0xEC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13"),
    BigInt("0x8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720"),
  );
  it.each([
    [
      "sample",
      "0x94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
      "0x99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    ],
    [
      "test",
      "0x8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36AB775D509D7A5FEB0542A7F0812998DA8F1DD3CA3CF023DB",
      "0xDDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B827C2F13173923E06A739F040649A667BF3B828246BAA5A5",
    ],
  ])("RFC 6979's signature of %j, and of no other message", (message, r, s) => {
    expect(verify(key, sha384(Buffer.from(message)), BigInt(r), BigInt(s))).toBe(true);
    expect(verify(key, sha384(Buffer.from(`${message}.`)), BigInt(r), BigInt(s))).toBe(false);
  });

  it("what node:crypto signs", () => {
    for (let i = 0; i < 20; i++) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
      const { x, y } = publicKey.export({ format: "jwk" });
      const message = Buffer.from(`message ${i}`);
      const made = nodeSign("sha384", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
      const own = keyOf(big(Buffer.from(x!, "base64url")), big(Buffer.from(y!, "base64url")));
      const [r, s] = [big(made.subarray(0, 48)), big(made.subarray(48))];
      expect(verify(own, sha384(message), r, s)).toBe(true);
      expect(verify(own, sha384(message), r, N - s)).toBe(true);
      expect(verify(own, sha384(message), r, (s % (N - 1n)) + 1n)).toBe(false);
      expect(verify(own, sha384(message), (r % (N - 1n)) + 1n, s)).toBe(false);
    }
  });

  it("any key, nonce and digest, the extreme ones too, as @noble/curves computes them", () => {
    const scalars = fc.oneof(fc.constantFrom(1n, 2n, 3n, N - 1n, N - 2n), fc.bigInt({ min: 1n, max: N - 1n }));
    const digests = fc.oneof(
      fc.constantFrom(0n, 1n, N - 1n, N, N + 1n, 2n ** 384n - 1n).map(be),
      fc.uint8Array({ minLength: 48, maxLength: 48 }),
    );
    fc.assert(
      fc.property(scalars, scalars, digests, (d, k, digest) => {
        const { key, r, s } = signature(d, k, digest);
        fc.pre(s !== 0n);
        return verify(key, digest, r, s) && !verify(key, digest, r, (s + 1n) % N);
      }),
      { numRuns: 60 },
    );
  });

  it("a sum whose x is not below the order: r is then x less the order", () => {
    // The first x above the order that is on the curve; no discrete logarithm is needed: u1 = 0, so u2 Q = that point.
    let x = N + 1n;
    let point: { y: bigint } | undefined;
    while (point === undefined) {
      try {
        point = p384.Point.fromHex(`02${x.toString(16).padStart(96, "0")}`).toAffine();
      } catch {
        x++;
      }
    }
    const key = keyOf(x, point.y);
    const r = x - N;
    expect(verify(key, be(0n), r, r)).toBe(true);
    expect(verify(key, be(0n), r + 1n, r + 1n)).toBe(false);
  });
});

describe("refuses", () => {
  const digest = sha384(Buffer.from("refused"));
  const { key, r, s } = signature(0x1234567890abcdefn, 0xfedcba987654321n, digest);

  it("is about a signature that is right", () => {
    expect(verify(key, digest, r, s)).toBe(true);
  });

  it.each([
    ["r = 0", 0n, s],
    ["s = 0", r, 0n],
    ["r = the order", N, s],
    ["s = the order", r, N],
    ["r = 2^384 - 1", 2n ** 384n - 1n, s],
    ["s = 2^384 - 1", r, 2n ** 384n - 1n],
    ["both 0", 0n, 0n],
  ])("%s", (_, badR, badS) => {
    expect(verify(key, digest, badR, badS)).toBe(false);
  });

  it("keys that are no points of the curve", () => {
    const [x, y] = [big(key.slice(1, 49)), big(key.slice(49))];
    expect(verify(keyOf(x, y + 1n), digest, r, s)).toBe(false);
    expect(verify(keyOf(0n, 0n), digest, r, s)).toBe(false);
    expect(verify(keyOf(P, y), digest, r, s)).toBe(false);
    expect(verify(keyOf(x, P), digest, r, s)).toBe(false);
    expect(verify(keyOf(x, P - y), digest, r, s)).toBe(false);
  });

  it("keys of another form or length", () => {
    expect(verify(join(Uint8Array.of(2), key.slice(1)), digest, r, s)).toBe(false);
    expect(verify(key.slice(0, 49), digest, r, s)).toBe(false);
    expect(verify(join(key, Uint8Array.of(0)), digest, r, s)).toBe(false);
    expect(verify(new Uint8Array(0), digest, r, s)).toBe(false);
  });

  it("a signature whose sum is the point at infinity", () => {
    // Q = -G and u1 = u2: e = r.
    const { x, y } = G.toAffine();
    const any = 0x777n;
    expect(verify(keyOf(x, P - y), be(any), any, 5n)).toBe(false);
  });

  it("each flipped bit of signature, digest and key", () => {
    const whole = join(digest, be(r), be(s), key);
    for (let bit = 0; bit < whole.length * 8; bit += 5) {
      const bent = whole.slice();
      bent[bit >> 3]! ^= 1 << (bit & 7);
      h.write(bent);
      expect(h.call.verify!(key.length)).toBe(0);
    }
  });
});
