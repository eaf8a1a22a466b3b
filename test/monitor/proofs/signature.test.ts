/** Signatures: BIP-340's vectors, and ECDSA against @noble/curves with every wrong encoding. */
import { readFileSync } from "node:fs";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex } from "../../../monitor/proofs/bytes.ts";
import { readEcdsaSignature, verifyEcdsa, verifySchnorr } from "../../../monitor/proofs/signature.ts";
import { ecdsaKey, join, signEcdsa } from "./reference.ts";

const key = ecdsaKey("signer");
const message = sha256(Buffer.from("message"));

describe("BIP-340", () => {
  const { vectors } = JSON.parse(readFileSync(new URL("../vectors/bip340.json", import.meta.url), "utf8")) as {
    vectors: {
      index: number;
      publicKey: string;
      message: string;
      signature: string;
      valid: boolean;
      comment: string;
    }[];
  };

  test.each(vectors)("vector $index: $valid $comment", ({ publicKey, message: signed, signature, valid }) => {
    expect(verifySchnorr(fromHex(signed), fromHex(publicKey), fromHex(signature))).toBe(valid);
  });

  test("there are ten that must fail and five that must not", () => {
    expect([vectors.filter(({ valid }) => valid).length, vectors.length]).toEqual([5, 15]);
  });

  test("other lengths are no signature, not an error", () => {
    const [{ publicKey, message: signed, signature }] = vectors as [(typeof vectors)[0]];
    const [k, m, s] = [publicKey, signed, signature].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array];
    for (const [a, b, c] of [
      [m.subarray(1), k, s],
      [m, k.subarray(1), s],
      [m, k, s.subarray(1)],
      [m, k, new Uint8Array()],
    ] as [Uint8Array, Uint8Array, Uint8Array][]) {
      expect(verifySchnorr(a, b, c)).toBe(false);
    }
  });
});

describe("ECDSA", () => {
  test("property: what @noble/curves signs is read and verified; another message, key or signature is not", () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 0, max: 255 }), fc.nat(511), (one, other, type, bit) => {
        const { compact, hashType } = readEcdsaSignature(signEcdsa(one, key.secret, type), "relay");
        expect(hashType).toBe(type);
        expect(verifyEcdsa(one, key.point, compact)).toBe(true);
        expect(verifyEcdsa(one, secp256k1.getPublicKey(key.secret, false), compact)).toBe(true);
        if (Buffer.compare(one, other) !== 0) expect(verifyEcdsa(other, key.point, compact)).toBe(false);
        const flipped = Uint8Array.from(compact);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(verifyEcdsa(one, key.point, flipped)).toBe(false);
      }),
      { numRuns: 60 },
    );
    const { compact } = readEcdsaSignature(signEcdsa(message, key.secret, 1), "relay");
    expect(verifyEcdsa(message, ecdsaKey("another").point, compact)).toBe(false);
    expect(verifyEcdsa(message, new Uint8Array(33), compact)).toBe(false);
    expect(verifyEcdsa(message, key.point.subarray(1), compact)).toBe(false);
    expect(verifyEcdsa(message, key.point, new Uint8Array(64))).toBe(false);
    expect(verifyEcdsa(message, key.point, new Uint8Array(64).fill(0xff))).toBe(false);
  });

  test("a high s is valid in a block and refused outside one", () => {
    const high = signEcdsa(message, key.secret, 1, "high");
    expect(() => readEcdsaSignature(high, "relay")).toThrow("with a high s");
    expect(verifyEcdsa(message, key.point, readEcdsaSignature(high, "consensus").compact)).toBe(true);
  });

  test("exactly half the order is low, one more is high", () => {
    const half = (secp256k1.Point.Fn.ORDER - 1n) / 2n;
    const encode = (s: bigint) => join(new secp256k1.Signature(1n, s).toBytes("der"), Uint8Array.of(1));
    expect(readEcdsaSignature(encode(half), "relay").hashType).toBe(1);
    expect(() => readEcdsaSignature(encode(half + 1n), "relay")).toThrow("with a high s");
  });

  /** r = 1, s = 1, SIGHASH_ALL. */
  const tiny = "300602010102010101";

  test("the shortest encoding there is, padded to 32 bytes each", () => {
    const { compact } = readEcdsaSignature(fromHex(tiny), "relay");
    expect(Buffer.from(compact).toString("hex")).toBe(`${"00".repeat(31)}01${"00".repeat(31)}01`);
  });

  test.each([
    ["", "of 0 bytes"],
    ["3006020101020101", "of 8 bytes"],
    [`30${"00".repeat(73)}`, "of 74 bytes"],
    ["310602010102010101", "not DER"],
    ["300702010102010101", "not DER"],
    ["300502010102010101", "not DER"],
    ["300603010102010101", "not DER"],
    ["300602010103010101", "not DER"],
    ["300602000102010101", "not DER"],
    ["300602040102010101", "not DER"],
    ["300602010102000101", "not DER"],
    ["300602010102020101", "not DER"],
    ["30070201010201010101", "not DER"],
    ["300602018102010101", "negative"],
    ["300602010102018101", "negative"],
    ["30070202000102010101", "longer than needed"],
    ["30070201010202000101", "longer than needed"],
    [`30260221${"01".repeat(33)}02010101`, "past the group's order"],
    [`302602010102${"21"}${"01".repeat(33)}01`, "past the group's order"],
  ])("%s: %s", (hex, why) => {
    for (const policy of ["relay", "consensus"] as const) {
      expect(() => readEcdsaSignature(fromHex(hex), policy)).toThrow(why);
    }
  });

  test("a zero before a byte that would be negative is needed; zero alone is a number, of no valid signature", () => {
    expect(readEcdsaSignature(fromHex("30070202008102010101"), "relay").compact[31]).toBe(0x81);
    const zero = readEcdsaSignature(fromHex("300602010002010101"), "consensus");
    expect(verifyEcdsa(message, key.point, zero.compact)).toBe(false);
  });

  test("every truncation of a real one is refused, and every longer one", () => {
    const whole = signEcdsa(message, key.secret, 1);
    for (let length = 0; length < whole.length; length++) {
      expect(() => readEcdsaSignature(whole.subarray(0, length), "consensus"), `${length}`).toThrow();
    }
    expect(() => readEcdsaSignature(join(whole, Uint8Array.of(1)), "consensus")).toThrow();
  });
});
