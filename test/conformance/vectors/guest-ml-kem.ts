/** The guest's ML-KEM-768 through the harness `ml-kem`: names and order of FIPS 203. Inputs of another length trap. */
import type { Harness } from "../../support/harness.ts";

const ENCAPSULATION_KEY = 1184;
const DECAPSULATION_KEY = 2400;
const CIPHERTEXT = 1088;

/** `seed` is d ‖ z. */
export function keyGen(h: Harness, seed: Uint8Array): { ek: Uint8Array; dk: Uint8Array } {
  h.write(seed);
  h.call.keyGen!(seed.length, ENCAPSULATION_KEY, DECAPSULATION_KEY);
  return { ek: h.read(ENCAPSULATION_KEY), dk: h.read(DECAPSULATION_KEY, ENCAPSULATION_KEY) };
}

/** Undefined when the key is refused. */
export function encaps(h: Harness, ek: Uint8Array, m: Uint8Array): { c: Uint8Array; K: Uint8Array } | undefined {
  h.write(ek);
  h.write(m, ek.length);
  if (h.call.encaps!(ek.length, m.length, CIPHERTEXT, 32) !== 1) return undefined;
  return { c: h.read(CIPHERTEXT), K: h.read(32, CIPHERTEXT) };
}

export function decaps(h: Harness, dk: Uint8Array, c: Uint8Array): Uint8Array {
  h.write(dk);
  h.write(c, dk.length);
  h.call.decaps!(dk.length, c.length, 32);
  return h.read(32);
}
