/**
 * C2SP's Community Cryptography Test Vectors (CCTV) on the guest's code, beside those that Wycheproof has taken over.
 *
 * ML-KEM-768: "unluckysample" (a matrix that needs far more output of the XOF than usual), "intermediate" (of the draft of FIPS 203, whose
 * key generation differs: its keys are encapsulated to and decapsulated with), "modulus" (a coefficient of q or more at every place of a key
 * and of every value, made by CCTV's rule from a key of our own) and the accumulated vectors, whose digest for the final standard is that of
 * Go's crypto/mlkem. ECDSA: the nonce of RFC 6979 §3.2 whose first candidate is no scalar.
 */
import { createHash } from "node:crypto";
import { shake128 } from "@noble/hashes/sha3.js";
import { z } from "zod";
import { type Harness, loadHarness } from "../../support/harness.ts";
import { ACCEPTED, type Alter, compared, REFUSED, type VectorCase, vectorSuite, wrong } from "../vectors/case.ts";
import { readVectors } from "../vectors/files.ts";
import { decaps, encaps, keyGen } from "../vectors/guest-ml-kem.ts";
import { bytes } from "../vectors/wycheproof.ts";

const Q = 3329;
const COEFFICIENTS = 768;

export const mlKemCctv = vectorSuite({
  name: "C2SP CCTV: ML-KEM-768",
  source: "C2SP/CCTV 81a4760 (unluckysample), 8235bf1 (intermediate), 6ec11f7 (modulus); Go crypto/mlkem (accumulated)",
  atLeast: 787,
  async cases(length, alter) {
    const h = await loadHarness("ml-kem");
    return [...unlucky(h, alter), ...intermediate(h, alter), ...modulus(h), accumulated(h, length, alter)];
  },
});

/** The lines `name = hex` of a text file. */
function valuesOf(path: string): (name: string) => Uint8Array {
  const lines = new Map(
    readVectors(path)
      .trim()
      .split("\n")
      .map((line) => line.split(" = ") as [string, string]),
  );
  return (name) => bytes.parse(lines.get(name));
}

function unlucky(h: Harness, alter: Alter): VectorCase[] {
  const value = valuesOf("cctv/ML-KEM-768-unluckysample.txt");
  const seed = Buffer.concat([value("d"), value("z")]);
  return [
    valid("unluckysample: key generation", () => {
      const { ek, dk } = keyGen(h, seed);
      return compared({ ek: [ek, alter(value("ek"))], dk: [dk, alter(value("dk"))] });
    }),
    ...bothWays(h, "unluckysample", value, alter),
  ];
}

function intermediate(h: Harness, alter: Alter): VectorCase[] {
  const value = valuesOf("cctv/ML-KEM-768-intermediate.txt");
  const rejected = Uint8Array.from(value("c"));
  rejected[0]! ^= 1;
  const rejection = createHash("shake256", { outputLength: 32 }).update(value("z")).update(rejected).digest();
  return [
    ...bothWays(h, "intermediate", value, alter),
    valid("intermediate: decapsulation of another ciphertext", () =>
      compared({ "secret of the rejection": [decaps(h, value("dk"), rejected), alter(rejection)] }),
    ),
  ];
}

function bothWays(h: Harness, name: string, value: (name: string) => Uint8Array, alter: Alter): VectorCase[] {
  return [
    valid(`${name}: encapsulation`, () => {
      const made = encaps(h, value("ek"), value("m"));
      return made ? compared({ c: [made.c, alter(value("c"))], K: [made.K, alter(value("K"))] }) : REFUSED;
    }),
    valid(`${name}: decapsulation`, () => compared({ K: [decaps(h, value("dk"), value("c")), alter(value("K"))] })),
  ];
}

/** CCTV's rule: the ends of each polynomial with q and 4095, then every place once, through all values from q to 4095. */
function modulus(h: Harness): VectorCase[] {
  const { ek } = keyGen(h, new Uint8Array(64).fill(0x42));
  const m = new Uint8Array(32).fill(0x42);
  const places: { at: number; value: number }[] = [];
  for (let at = 0; at < COEFFICIENTS; at += 256) {
    for (const value of [Q, 4095]) places.push({ at, value }, { at: at + 255, value });
  }
  for (let at = 0; at < COEFFICIENTS; at++) places.push({ at, value: Q + (at % (4096 - Q)) });
  return places.map(({ at, value }) => ({
    name: `modulus: coefficient ${at} is ${value}`,
    expected: "invalid",
    find() {
      const made = encaps(h, withCoefficient(ek, at, value), m);
      if (made) return ACCEPTED;
      // The same key is right but for this: it is taken with q − 1 there.
      return encaps(h, withCoefficient(ek, at, Q - 1), m) ? REFUSED : wrong("refused with q − 1 there too");
    },
  }));
}

/** ByteEncode12 (FIPS 203 §4.2.1): two coefficients in three bytes, the lower one first. */
function withCoefficient(ek: Uint8Array, index: number, value: number): Uint8Array {
  const key = Buffer.from(ek);
  const at = (index >> 1) * 3;
  const pair = key.readUIntLE(at, 3);
  key.writeUIntLE(index & 1 ? (pair & 0xfff) | (value << 12) : (pair & 0xfff000) | value, at, 3);
  return key;
}

/** All of ek, c, K and the secret of a random ciphertext, from randomness of SHAKE128, in one digest. */
const ACCUMULATED = {
  short: { rounds: 100, digest: "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415" },
  long: { rounds: 10_000, digest: "8a518cc63da366322a8e7a818c7a0d63483cb3528d34a4cf42f35d5ad73f22fc" },
};

function accumulated(h: Harness, length: "short" | "long", alter: Alter): VectorCase {
  const { rounds, digest } = ACCUMULATED[length];
  return valid(`accumulated: ${rounds} rounds`, () => {
    const source = shake128.create({ dkLen: 32 });
    const all = shake128.create({ dkLen: 32 });
    for (let round = 0; round < rounds; round++) {
      const { ek, dk } = keyGen(h, source.xof(64));
      const made = encaps(h, ek, source.xof(32));
      if (!made) return wrong(`round ${round}: a key of ours is refused`);
      if (Buffer.compare(decaps(h, dk, made.c), made.K) !== 0) return wrong(`round ${round}: decapsulated to another`);
      all.update(ek).update(made.c).update(made.K);
      all.update(decaps(h, dk, source.xof(1088)));
    }
    return compared({ digest: [all.digest(), alter(bytes.parse(digest))] });
  });
}

const RFC6979 = z.object({ private: bytes, public: bytes, message: z.string(), k: bytes, r: bytes, s: bytes });

export const nonceCctv = vectorSuite({
  name: "C2SP CCTV: RFC 6979, a rejected candidate",
  source: "C2SP/CCTV fd8cece, RFC6979",
  atLeast: 4,
  async cases(_length, alter) {
    const h = await loadHarness("p256");
    const it = RFC6979.parse(JSON.parse(readVectors("cctv/RFC6979-P256.json")));
    const digest = createHash("sha256").update(it.message).digest();
    const signature = alter(Buffer.concat([it.r, it.s]));
    const publicKey = (scalar: Uint8Array) => {
      h.write(scalar);
      h.call.publicKey!(32, 65);
      return h.read(65);
    };
    return [
      valid("the signature", () => {
        h.write(it.private);
        h.write(digest, 32);
        h.call.sign!(32, 0, 64);
        return compared({ "r ‖ s": [h.read(64), signature] });
      }),
      valid("the signature verifies", () => {
        h.write(digest);
        h.write(signature, 32);
        h.write(it.public, 96);
        return h.call.verify!(32, 64, 65) === 1 ? ACCEPTED : REFUSED;
      }),
      valid("the public key", () => compared({ public: [publicKey(it.private), alter(it.public)] })),
      valid("r is the abscissa of k", () => compared({ r: [publicKey(it.k).subarray(1, 33), alter(it.r)] })),
    ];
  },
});

function valid(name: string, find: VectorCase["find"]): VectorCase {
  return { name, expected: "valid", find };
}
