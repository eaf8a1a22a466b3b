/**
 * What every AEAD of the guest must do, as tests: agree with node:crypto at all lengths, refuse whatever was changed,
 * leave refused data alone, trap on misuse. The suites of the two AEADs run these beside their published vectors.
 */
import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Harness, loadHarness } from "../../../support/harness.ts";

/** An AEAD of the harness `aeads`: its number there, and what node:crypto calls it. */
export interface GuestAead {
  which: number;
  theirs: "chacha20-poly1305" | "aes-128-gcm" | "aes-256-gcm";
  keyLength: number;
}

export interface Message {
  key: Uint8Array;
  nonce: Uint8Array;
  aad: Uint8Array;
  data: Uint8Array;
}
export interface Sealed {
  data: Buffer;
  tag: Buffer;
}

// Places in the harness's input buffer.
const NONCE_AT = 32;
const TAG_AT = 64;
const AAD_AT = 128;

function put(h: Harness, message: Message): void {
  h.write(message.key);
  h.write(message.nonce, NONCE_AT);
  h.write(message.aad, AAD_AT);
  new Uint8Array(h.memory.buffer).set(message.data, h.call.output!());
}
function tagOf(h: Harness): Buffer {
  const at = h.call.input!() + TAG_AT;
  return Buffer.from(new Uint8Array(h.memory.buffer).slice(at, at + 16));
}

/** Seals with the guest's code. */
export function seal(h: Harness, aead: GuestAead, message: Message): Sealed {
  put(h, message);
  h.call.rekey!(aead.which, message.key.length);
  h.call.seal!(aead.which, message.nonce.length, message.aad.length, message.data.length, 16);
  return { data: Buffer.from(h.read(message.data.length)), tag: tagOf(h) };
}
/** Opens with the guest's code: the verdict, and what the data buffer holds afterwards. */
export function open(
  h: Harness,
  aead: GuestAead,
  message: Message,
  sealed: Sealed,
): { accepted: boolean; data: Buffer } {
  put(h, { ...message, data: sealed.data });
  h.write(sealed.tag, TAG_AT);
  h.call.rekey!(aead.which, message.key.length);
  const { nonce, aad } = message;
  const accepted = h.call.open!(aead.which, nonce.length, aad.length, sealed.data.length, 16) === 1;
  return { accepted, data: Buffer.from(h.read(sealed.data.length)) };
}
function theirSeal(aead: GuestAead, { key, nonce, aad, data }: Message): Sealed {
  const cipher = createCipheriv(aead.theirs as "aes-128-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  return { data: Buffer.concat([cipher.update(data), cipher.final()]), tag: cipher.getAuthTag() };
}

export const some = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 151 + seed * 89 + (i >> 8) * 7 + (i >> 3)) & 0xff);

/** Declares the tests; `harness` is called when they run. */
export function behavesAsAead(aead: GuestAead, harness: () => Harness): void {
  const message = (aad: number, data: number): Message => ({
    key: some(aead.keyLength, 1),
    nonce: some(12, 2),
    aad: some(aad, 3),
    data: some(data, 4),
  });
  const agrees = (given: Message) => {
    const h = harness();
    const expected = theirSeal(aead, given);
    const sealed = seal(h, aead, given);
    expect(sealed.data.equals(expected.data), "ciphertext").toBe(true);
    expect(sealed.tag.toString("hex")).toBe(expected.tag.toString("hex"));
    const opened = open(h, aead, given, expected);
    expect(opened.accepted).toBe(true);
    expect(opened.data.equals(given.data), "plaintext").toBe(true);
  };

  it("agrees with node:crypto at every length from 0 to 600", () => {
    for (let n = 0; n <= 600; n++) agrees(message(5, n));
  });

  it("agrees with node:crypto at every length of associated data from 0 to 260", () => {
    for (let n = 0; n <= 260; n++) agrees(message(n, 20));
  });

  it("agrees with node:crypto for a whole record and its neighbours", () => {
    for (const n of [16383, 16384, 16385, 16401, 32768]) agrees(message(5, n));
  });

  it("agrees with node:crypto at random", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc.record({
          key: bytes(aead.keyLength),
          nonce: bytes(12),
          aad: fc.uint8Array({ maxLength: 300 }),
          data: fc.uint8Array({ maxLength: 5000 }),
        }),
        agrees,
      ),
      { numRuns: 150 },
    );
  });

  it("agrees with node:crypto for keys, nonces and data of all zeros and all ones", () => {
    for (const fill of [0, 0xff]) {
      const of = (length: number) => new Uint8Array(length).fill(fill);
      agrees({ key: of(aead.keyLength), nonce: of(12), aad: of(20), data: of(300) });
    }
  });

  it("refuses each single changed bit of the tag and leaves the data as it was", () => {
    for (const n of [0, 1, 16, 77, 300]) {
      const given = message(5, n);
      const sealed = seal(harness(), aead, given);
      for (let bit = 0; bit < 128; bit++) {
        const tag = Buffer.from(sealed.tag);
        tag[bit >> 3]! ^= 1 << (bit & 7);
        const opened = open(harness(), aead, given, { ...sealed, tag });
        expect(opened.accepted).toBe(false);
        expect(opened.data.equals(sealed.data), "data unchanged").toBe(true);
      }
    }
  });

  it("refuses each single changed bit of ciphertext, associated data, nonce and key", () => {
    const given = message(7, 37);
    const sealed = seal(harness(), aead, given);
    const flip = (bytes: Uint8Array, bit: number) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      return changed;
    };
    const refused = (other: Message, data: Buffer) => {
      const opened = open(harness(), aead, other, { ...sealed, data });
      expect(opened.accepted).toBe(false);
      expect(opened.data.equals(data), "data unchanged").toBe(true);
    };
    for (let bit = 0; bit < 8 * sealed.data.length; bit++) refused(given, flip(sealed.data, bit));
    for (let bit = 0; bit < 8 * given.aad.length; bit++) refused({ ...given, aad: flip(given.aad, bit) }, sealed.data);
    for (let bit = 0; bit < 96; bit++) refused({ ...given, nonce: flip(given.nonce, bit) }, sealed.data);
    for (let bit = 0; bit < 8 * aead.keyLength; bit++) refused({ ...given, key: flip(given.key, bit) }, sealed.data);
    expect(open(harness(), aead, given, sealed).accepted).toBe(true);
  });

  it("refuses bytes moved between associated data and ciphertext, cut off or put on", () => {
    const given = message(16, 32);
    const sealed = seal(harness(), aead, given);
    const refused = (aad: Uint8Array, data: Buffer) =>
      expect(open(harness(), aead, { ...given, aad }, { ...sealed, data }).accepted).toBe(false);
    refused(given.aad.subarray(0, 15), sealed.data);
    refused(Buffer.concat([given.aad, Buffer.alloc(1)]), sealed.data);
    refused(given.aad, sealed.data.subarray(0, 31));
    refused(given.aad, Buffer.concat([sealed.data, Buffer.alloc(1)]));
    refused(Buffer.concat([given.aad, sealed.data.subarray(0, 16)]), sealed.data.subarray(16));
    refused(new Uint8Array(), Buffer.concat([given.aad, sealed.data]));
  });

  it("traps on keys, nonces and tags of other lengths", () => {
    const h = harness();
    seal(h, aead, message(0, 10));
    for (const length of [0, 15, 17, 24, 31]) {
      if (length === aead.keyLength) continue;
      expect(() => h.call.rekey!(aead.which, length)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.create!(aead.which, length)).toThrow(WebAssembly.RuntimeError);
    }
    for (const length of [0, 8, 11, 13, 16]) {
      expect(() => h.call.seal!(aead.which, length, 0, 10, 16)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.open!(aead.which, length, 0, 10, 16)).toThrow(WebAssembly.RuntimeError);
    }
    for (const length of [0, 12, 15, 17]) {
      expect(() => h.call.seal!(aead.which, 12, 0, 10, length)).toThrow(WebAssembly.RuntimeError);
      expect(() => h.call.open!(aead.which, 12, 0, 10, length)).toThrow(WebAssembly.RuntimeError);
    }
    agrees(message(3, 50));
  });

  it("allocates nothing, not for a new key either", () => {
    const h = harness();
    const top = h.call.heapTop!();
    for (let i = 0; i < 20; i++) agrees(message(13, 700 + i));
    expect(h.call.heapTop!()).toBe(top);
  });

  it("leaves neither key nor key stream in memory once wiped", async () => {
    const own = await loadHarness("aeads");
    const given = {
      ...message(13, 0),
      key: Buffer.from("a key of 32 bytes: 0123456789abc").subarray(0, aead.keyLength),
    };
    const stream = theirSeal(aead, { ...given, data: new Uint8Array(1000) }).data;
    const before = Buffer.from(own.memory.buffer.slice(0));
    const plain = { ...given, data: some(1000, 9) };
    const sealed = seal(own, aead, plain);
    open(own, aead, plain, sealed);
    open(own, aead, plain, { ...sealed, tag: Buffer.alloc(16) });
    own.call.wipe!(aead.which);
    own.write(new Uint8Array(8192));
    new Uint8Array(own.memory.buffer).fill(0, own.call.output!(), own.call.output!() + 32768);
    const after = Buffer.from(own.memory.buffer);
    for (let at = 0; at + 8 <= stream.length; at += 8) expect(after.includes(stream.subarray(at, at + 8))).toBe(false);
    for (let at = 0; at + 8 <= aead.keyLength; at += 8)
      expect(after.includes(given.key.subarray(at, at + 8))).toBe(false);
    expect(changedBytes(before, after, own)).toBeLessThan(64);
  });
}

/** How many bytes outside the harness's buffers differ and are not zero: counters and view positions, no secrets. */
function changedBytes(before: Buffer, after: Buffer, h: Harness): number {
  const buffers = [
    [h.call.input!(), 8192],
    [h.call.output!(), 32768],
  ] as const;
  let changed = 0;
  for (let at = 0; at < after.length; at++) {
    if (buffers.some(([start, length]) => at >= start && at < start + length)) continue;
    if (after[at] !== 0 && after[at] !== before[at]) changed++;
  }
  return changed;
}
