/** guest/crypto/ml-kem: C2SP's accumulated vectors, @noble/post-quantum with the same randomness, and every refusal. */
import { createHash } from "node:crypto";
import { shake128 } from "@noble/hashes/sha3.js";
import { ml_kem768 as noble } from "@noble/post-quantum/ml-kem.js";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await loadHarness("ml-kem");
});

const Q = 3329;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

function keyGen(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  h.write(seed);
  h.call.keyGen!(64, 1184, 2400);
  return { publicKey: h.read(1184), secretKey: h.read(2400, 1184) };
}
function encaps(key: Uint8Array, random: Uint8Array): { cipherText: Uint8Array; sharedSecret: Uint8Array } | null {
  h.write(key);
  h.write(random, 1184);
  return h.call.encaps!(1184, 32, 1088, 32) === 1 ? { cipherText: h.read(1088), sharedSecret: h.read(32, 1088) } : null;
}
function decaps(cipherText: Uint8Array, key: Uint8Array): Uint8Array {
  h.write(key);
  h.write(cipherText, 2400);
  h.call.decaps!(2400, 1088, 32);
  return h.read(32);
}
/** The implicit rejection secret (FIPS 203 §6.3): J(z ‖ c). */
const rejection = (key: Uint8Array, cipherText: Uint8Array) =>
  createHash("shake256", { outputLength: 32 }).update(key.subarray(2368)).update(cipherText).digest("hex");

describe("ML-KEM-768", () => {
  it("agrees with C2SP's accumulated vectors (CCTV, ML-KEM, 100 rounds)", () => {
    const source = shake128.create({ dkLen: 32 });
    const all = shake128.create({ dkLen: 32 });
    for (let i = 0; i < 100; i++) {
      const { publicKey, secretKey } = keyGen(source.xof(64));
      all.update(publicKey);
      const { cipherText, sharedSecret } = encaps(publicKey, source.xof(32))!;
      all.update(cipherText).update(sharedSecret);
      expect(hex(decaps(cipherText, secretKey))).toBe(hex(sharedSecret));
      all.update(decaps(source.xof(1088), secretKey));
    }
    expect(hex(all.digest())).toBe("1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
  });

  it("agrees with @noble/post-quantum: keys, ciphertext, secret, and the secret of a wrong ciphertext", () => {
    fc.assert(
      fc.property(bytes(64), bytes(32), fc.nat(8 * 1088 - 1), bytes(1088), (seed, random, bit, garbage) => {
        const own = keyGen(seed);
        const peer = noble.keygen(seed);
        expect([hex(own.publicKey), hex(own.secretKey)]).toEqual([hex(peer.publicKey), hex(peer.secretKey)]);
        const sent = encaps(own.publicKey, random)!;
        const theirs = noble.encapsulate(peer.publicKey, random);
        expect([hex(sent.cipherText), hex(sent.sharedSecret)]).toEqual([
          hex(theirs.cipherText),
          hex(theirs.sharedSecret),
        ]);
        expect(hex(decaps(sent.cipherText, own.secretKey))).toBe(hex(sent.sharedSecret));
        const changed = sent.cipherText.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        for (const wrong of [changed, garbage]) {
          const secret = hex(decaps(wrong, own.secretKey));
          expect(secret).toBe(hex(noble.decapsulate(wrong, own.secretKey)));
          expect(secret).toBe(rejection(own.secretKey, wrong));
          expect(secret).not.toBe(hex(sent.sharedSecret));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("rejects a ciphertext that differs in any one byte", () => {
    const { publicKey, secretKey } = keyGen(new Uint8Array(64).fill(7));
    const { cipherText, sharedSecret } = encaps(publicKey, new Uint8Array(32).fill(9))!;
    for (let i = 0; i < 1088; i++) {
      const wrong = cipherText.slice();
      wrong[i]! ^= 0x80;
      expect(hex(decaps(wrong, secretKey)), `byte ${i}`).toBe(rejection(secretKey, wrong));
    }
    expect(hex(decaps(cipherText, secretKey))).toBe(hex(sharedSecret));
  });

  it("refuses an encapsulation key with a coefficient of q or more, wherever it is, and takes q − 1", () => {
    const good = keyGen(new Uint8Array(64).fill(3)).publicKey;
    const withCoefficient = (index: number, value: number) => {
      const key = Buffer.from(good);
      const at = (index >> 1) * 3;
      const three = key.readUIntLE(at, 3);
      const bent = index & 1 ? (three & 0xfff) | (value << 12) : (three & 0xfff000) | value;
      key.writeUIntLE(bent, at, 3);
      return key;
    };
    const random = new Uint8Array(32).fill(1);
    for (let index = 0; index < 768; index += index < 4 ? 1 : 17) {
      for (const value of [Q, Q + 1, 4095]) expect(encaps(withCoefficient(index, value), random)).toBeNull();
      const edge = withCoefficient(index, Q - 1);
      expect(hex(encaps(edge, random)!.cipherText)).toBe(hex(noble.encapsulate(edge, random).cipherText));
    }
    for (const value of [Q, 4095]) expect(encaps(withCoefficient(767, value), random)).toBeNull();
    expect(() => noble.encapsulate(withCoefficient(767, Q), random)).toThrow(/modulus/);
  });

  it("writes nothing when it refuses", () => {
    const output = () => new Uint8Array(h.memory.buffer, h.call.output!(), 1120);
    output().fill(0x55);
    expect(encaps(new Uint8Array(1184).fill(0xff), new Uint8Array(32))).toBeNull();
    expect(output().every((byte) => byte === 0x55)).toBe(true);
  });

  it("traps on a buffer of another length", () => {
    for (const wrong of [-1, 1]) {
      expect(() => h.call.keyGen!(64 + wrong, 1184, 2400)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.keyGen!(64, 1184 + wrong, 2400)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.keyGen!(64, 1184, 2400 + wrong)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.encaps!(1184 + wrong, 32, 1088, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.encaps!(1184, 32 + wrong, 1088, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.encaps!(1184, 32, 1088 + wrong, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.encaps!(1184, 32, 1088, 32 + wrong)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.decaps!(2400 + wrong, 1088, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.decaps!(2400, 1088 + wrong, 32)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.decaps!(2400, 1088, 32 + wrong)).toThrow(WebAssembly.RuntimeError);
    }
  });
});

describe("its coding", () => {
  it("compresses every coefficient as FIPS 203 says, to 1, 4 and 10 bits", () => {
    for (const width of [1, 4, 10]) {
      for (let x = 0; x < Q; x++) {
        // ⌈2^d · x / q⌋, ties upwards, in whole numbers.
        const expected = Math.floor((2 * x * 2 ** width + Q) / (2 * Q)) % 2 ** width;
        expect(h.call.compressed!(x, width)).toBe(expected);
      }
    }
  });

  it.each([1, 4, 10, 12])("reads %i bits as decompression says, and writes them again", (width) => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** width - 1), { minLength: 256, maxLength: 256 }), (values) => {
        let stream = 0n;
        values.forEach((value, i) => {
          stream |= BigInt(value) << BigInt(i * width);
        });
        const packed = Buffer.from(stream.toString(16).padStart(64 * width, "0"), "hex").reverse();
        h.write(packed);
        h.call.recode!(width);
        expect(hex(h.read(32 * width))).toBe(hex(packed));
        const decompress = (y: number) => (width === 12 ? y : Math.round((y * Q) / 2 ** width));
        values.forEach((value, i) => {
          expect(h.call.coefficient!(i)).toBe(decompress(value));
        });
      }),
      { numRuns: 20 },
    );
  });
});

describe("ML-KEM-768 leaves nothing behind", () => {
  /** Two calls on different secrets must leave the same memory once input and output are cleared. */
  function memoryAfter(call: () => void): Buffer {
    call();
    h.write(new Uint8Array(32768));
    new Uint8Array(h.memory.buffer, h.call.output!(), 8192).fill(0);
    return Buffer.from(h.memory.buffer.slice(0));
  }
  const seeds = [1, 2].map((value) => new Uint8Array(64).fill(value));

  it("of seed, randomness, message or secret, and allocates nothing", () => {
    const { publicKey, secretKey } = keyGen(seeds[0]!);
    const other = keyGen(seeds[1]!);
    const random = [3, 4].map((value) => new Uint8Array(32).fill(value));
    const sent = random.map((value) => encaps(publicKey, value)!.cipherText);
    const top = h.call.heapTop!();
    // What is public may stay: the last matrix entry and block of SHAKE128. So the key is the same in each pair.
    const pairs: [string, () => void, () => void][] = [
      ["encaps", () => void encaps(publicKey, random[0]!), () => void encaps(publicKey, random[1]!)],
      ["decaps", () => void decaps(sent[0]!, secretKey), () => void decaps(sent[1]!, secretKey)],
      ["rejected", () => void decaps(new Uint8Array(1088), secretKey), () => void decaps(sent[1]!, secretKey)],
    ];
    for (const [name, first, second] of pairs) {
      expect(memoryAfter(first).equals(memoryAfter(second)), name).toBe(true);
    }
    for (const secret of [seeds[1]!.subarray(0, 32), other.secretKey.subarray(0, 32), other.secretKey.subarray(2368)]) {
      const memory = memoryAfter(() => void keyGen(seeds[1]!));
      expect(memory.includes(Buffer.from(secret.subarray(0, 16)))).toBe(false);
    }
    expect(h.call.heapTop!()).toBe(top);
  });

  it("and the search would find a secret that stayed", () => {
    keyGen(seeds[1]!);
    expect(Buffer.from(h.memory.buffer).includes(Buffer.from(seeds[1]!.subarray(0, 16)))).toBe(true);
  });
});
