/**
 * Wycheproof's cases for ML-KEM-768 (FIPS 203): key generation from a seed, encapsulation with given randomness, decapsulation by a key that
 * is made from a seed, and by one that is given whole. Among them are C2SP CCTV's "strcmp" and the short form of its "modulus".
 *
 * Keys, seeds and ciphertexts of another length trap: TLS has checked the length of a share before (tls/key-exchange). A whole decapsulation
 * key never comes from outside, so that the guest does not look for one whose parts contradict each other (FIPS 203 §7.3, hash check).
 */
import { z } from "zod";
import { type Harness, loadHarness } from "../../support/harness.ts";
import { compared, type Finding, REFUSED, unlessTrapped, type VectorSuite, wrong } from "../vectors/case.ts";
import { decaps, encaps, keyGen } from "../vectors/guest-ml-kem.ts";
import { bytes, wycheproof } from "../vectors/wycheproof.ts";

const GROUP = z.object({ parameterSet: z.literal("ML-KEM-768") });
const SEED = 64;
const ENCAPSULATION_KEY = 1184;
const DECAPSULATION_KEY = 2400;
const CIPHERTEXT = 1088;

/** A trap refuses a wrong length; on right ones it is a fault. */
function trapped(...lengths: [got: number, right: number][]): Finding {
  return lengths.some(([got, right]) => got !== right) ? REFUSED : wrong("trapped on right lengths");
}

function suite<T>(
  it: { name: string; file: string; atLeast: number; test: z.ZodType<T>; computed: (keyof T & string)[] },
  find: (h: Harness, test: T & { flags: string[] }) => Finding,
): VectorSuite {
  return wycheproof({
    ...it,
    name: `ML-KEM-768, ${it.name}`,
    algorithm: "ML-KEM",
    group: GROUP,
    async check() {
      const h = await loadHarness("ml-kem");
      return (test) => find(h, test);
    },
  });
}

export const mlKem: VectorSuite[] = [
  suite(
    {
      name: "key generation",
      file: "mlkem_768_keygen_seed",
      atLeast: 100,
      test: z.object({ seed: bytes, ek: bytes, dk: bytes }),
      computed: ["ek", "dk"],
    },
    (h, { seed, ek, dk }) => {
      const made = unlessTrapped(() => keyGen(h, seed));
      return made ? compared({ ek: [made.ek, ek], dk: [made.dk, dk] }) : trapped([seed.length, SEED]);
    },
  ),
  suite(
    {
      name: "encapsulation",
      file: "mlkem_768_encaps",
      atLeast: 265,
      test: z.object({ ek: bytes, m: bytes, c: bytes, K: bytes }),
      computed: ["c", "K"],
    },
    (h, { ek, m, c, K }) => {
      const sent = unlessTrapped(() => ({ made: encaps(h, ek, m) }));
      if (!sent) return trapped([ek.length, ENCAPSULATION_KEY]);
      return sent.made ? compared({ c: [sent.made.c, c], K: [sent.made.K, K] }) : REFUSED;
    },
  ),
  suite(
    {
      name: "decapsulation, key from a seed",
      file: "mlkem_768",
      atLeast: 193,
      test: z.object({ seed: bytes, ek: bytes.optional(), c: bytes, K: bytes }),
      computed: ["K", "ek"],
    },
    (h, { seed, ek, c, K }) => {
      const made = unlessTrapped(() => keyGen(h, seed));
      if (!made) return trapped([seed.length, SEED]);
      const got = unlessTrapped(() => decaps(h, made.dk, c));
      if (!got) return trapped([c.length, CIPHERTEXT]);
      return compared({ K: [got, K], ek: [made.ek, ek ?? made.ek] });
    },
  ),
  suite(
    {
      name: "decapsulation, whole key",
      file: "mlkem_768_semi_expanded_decaps",
      atLeast: 9,
      test: z.object({ dk: bytes, c: bytes, K: bytes.optional() }),
      computed: ["K"],
    },
    (h, { dk, c, K, flags }) => {
      if (flags.includes("InvalidDecapsulationKey")) {
        return { is: "outside", why: "a decapsulation key whose parts differ: the guest has only those that it made" };
      }
      const got = unlessTrapped(() => decaps(h, dk, c));
      if (!got) return trapped([dk.length, DECAPSULATION_KEY], [c.length, CIPHERTEXT]);
      return compared({ K: [got, K ?? new Uint8Array(32)] });
    },
  ),
];
