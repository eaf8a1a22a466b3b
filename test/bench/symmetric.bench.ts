/**
 * The guest's hashes, HKDF and AEADs beside @noble/hashes and @noble/ciphers, all in V8. Ours are constant time;
 * the peer's AES-GCM looks secrets up in tables.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { expand } from "@noble/hashes/hkdf.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { loadHarness } from "../support/harness.ts";
import { type Comparison, compare } from "./measure.ts";

const RECORD = 16384;
const HASHES = "@noble/hashes";
const CIPHERS = "@noble/ciphers";

/** Every comparison; each is checked for equal output before it is timed. */
export async function rows(): Promise<Comparison[]> {
  return [...(await hashRows()), ...(await aeadRows())];
}

async function hashRows(): Promise<Comparison[]> {
  const h = await loadHarness("hashes");
  const data = Uint8Array.from({ length: RECORD }, (_, i) => (i * 31) & 0xff);
  h.write(data);
  const result: Comparison[] = [];
  for (const [bits, theirs, name] of [
    [256, sha256, "SHA-256"],
    [384, sha384, "SHA-384"],
    [512, sha512, "SHA-512"],
  ] as const) {
    for (const [length, what, target] of [
      [RECORD, "16 KiB", 1],
      [64, "64 bytes", 1],
    ] as const) {
      const input = data.subarray(0, length);
      const ours = () => void h.call.oneShot!(bits, length, bits / 8);
      ours();
      mustEqual(h.read(bits / 8), theirs(input), name);
      result.push(compare(`${name}, ${what}`, ours, { name: HASHES, run: () => void theirs(input) }, target));
    }
  }

  const label = Buffer.from("key");
  const secret = data.subarray(0, 32);
  h.write(label, 32);
  const info = Buffer.concat([Buffer.from([0, 32, 9]), Buffer.from("tls13 key"), Buffer.from([0])]);
  const ours = () => void h.call.expandLabel!(256, 32, label.length, 0, 32);
  ours();
  mustEqual(h.read(32), expand(sha256, secret, info, 32), "HKDF");
  const peer = { name: HASHES, run: () => void expand(sha256, secret, info, 32) };
  result.push(compare("HKDF-Expand-Label, SHA-256, 32 bytes", ours, peer, 1));
  return result;
}

async function aeadRows(): Promise<Comparison[]> {
  const h = await loadHarness("aeads");
  const memory = () => new Uint8Array(h.memory.buffer);
  const data = Uint8Array.from({ length: RECORD }, (_, i) => (i * 31) & 0xff);
  const aad = Uint8Array.from([23, 3, 3, 64, 16]);
  const nonce = Uint8Array.from({ length: 12 }, (_, i) => i + 100);
  const out = new Uint8Array(RECORD + 16);
  h.write(nonce, 32);
  h.write(aad, 128);
  const result: Comparison[] = [];
  for (const [which, name, keyLength, theirs, target] of [
    [0, "ChaCha20-Poly1305", 32, (key: Uint8Array) => chacha20poly1305(key, nonce, aad).encrypt(data, out), 2],
    [1, "AES-128-GCM", 16, (key: Uint8Array) => gcm(key, nonce, aad).encrypt(data), 1],
    [2, "AES-256-GCM", 32, (key: Uint8Array) => gcm(key, nonce, aad).encrypt(data), 1],
  ] as const) {
    const key = Uint8Array.from({ length: keyLength }, (_, i) => i * 3);
    h.write(key);
    h.call.rekey!(which, keyLength);
    const ours = () => void h.call.seal!(which, 12, aad.length, RECORD, 16);
    memory().set(data, h.call.output!());
    ours();
    mustEqual(h.read(RECORD), theirs(key).subarray(0, RECORD), name);
    const peer = { name: CIPHERS, run: () => void theirs(key) };
    result.push(compare(`${name}, seal 16 KiB`, ours, peer, target));
  }
  return result;
}

function mustEqual(ours: Uint8Array, theirs: Uint8Array, what: string): void {
  if (!Buffer.from(ours).equals(theirs)) throw new Error(`${what}: the two disagree`);
}
