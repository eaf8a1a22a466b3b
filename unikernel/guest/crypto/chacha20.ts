/**
 * ChaCha20 (RFC 8439 §2.3, §2.4): 32-byte key, 12-byte nonce, 32-bit block counter.
 *
 * Sixteen words in locals, additions, xors and fixed rotations: no branch and no memory index depends on key or data,
 * only on the data's length. Nothing is allocated.
 */
import { Bytes } from "bytes";

/** Bytes of a key, a nonce and a block. */
export const CHACHA20_KEY_LENGTH: u32 = 32;
export const CHACHA20_NONCE_LENGTH: u32 = 12;
export const CHACHA20_BLOCK_LENGTH: u32 = 64;

/** Writes the key stream's block number `counter` to `out` (64 bytes). Lengths other than stated trap. */
export function chacha20Block(key: Bytes, counter: u32, nonce: Bytes, out: Bytes): void {
  assert(out.length == CHACHA20_BLOCK_LENGTH);
  out.wipe();
  chacha20Xor(key, counter, nonce, out);
}

/**
 * Xors `data` (any length) in place with the key stream from block `counter` on: encrypts and decrypts. Traps when the
 * block counter would wrap, for the key stream would then repeat.
 */
export function chacha20Xor(key: Bytes, counter: u32, nonce: Bytes, data: Bytes): void {
  assert(key.length == CHACHA20_KEY_LENGTH && nonce.length == CHACHA20_NONCE_LENGTH);
  const blocks = data.length / CHACHA20_BLOCK_LENGTH;
  const whole = blocks * CHACHA20_BLOCK_LENGTH;
  const rest = data.length - whole;
  assert(<u64>counter + <u64>blocks + <u64>(rest > 0) <= 0x100000000);
  xorBlocks(key, counter, nonce, data, blocks);
  if (rest == 0) return;
  LAST.put(0, VIEW.aim(data, whole, rest));
  xorBlocks(key, counter + blocks, nonce, LAST, 1);
  data.put(whole, VIEW.aim(LAST, 0, rest));
  LAST.wipe();
}

function xorBlocks(key: Bytes, counter: u32, nonce: Bytes, data: Bytes, blocks: u32): void {
  const k0 = key.u32le(0);
  const k1 = key.u32le(4);
  const k2 = key.u32le(8);
  const k3 = key.u32le(12);
  const k4 = key.u32le(16);
  const k5 = key.u32le(20);
  const k6 = key.u32le(24);
  const k7 = key.u32le(28);
  const n0 = nonce.u32le(0);
  const n1 = nonce.u32le(4);
  const n2 = nonce.u32le(8);
  for (let at: u32 = 0; blocks > 0; blocks--, counter++, at += CHACHA20_BLOCK_LENGTH) {
    let x0: u32 = 0x61707865;
    let x1: u32 = 0x3320646e;
    let x2: u32 = 0x79622d32;
    let x3: u32 = 0x6b206574;
    let x4: u32 = k0;
    let x5: u32 = k1;
    let x6: u32 = k2;
    let x7: u32 = k3;
    let x8: u32 = k4;
    let x9: u32 = k5;
    let x10: u32 = k6;
    let x11: u32 = k7;
    let x12: u32 = counter;
    let x13: u32 = n0;
    let x14: u32 = n1;
    let x15: u32 = n2;
    for (let double = 0; double < 10; double++) {
      x0 += x4;
      x12 = rotl(x12 ^ x0, 16);
      x8 += x12;
      x4 = rotl(x4 ^ x8, 12);
      x0 += x4;
      x12 = rotl(x12 ^ x0, 8);
      x8 += x12;
      x4 = rotl(x4 ^ x8, 7);
      x1 += x5;
      x13 = rotl(x13 ^ x1, 16);
      x9 += x13;
      x5 = rotl(x5 ^ x9, 12);
      x1 += x5;
      x13 = rotl(x13 ^ x1, 8);
      x9 += x13;
      x5 = rotl(x5 ^ x9, 7);
      x2 += x6;
      x14 = rotl(x14 ^ x2, 16);
      x10 += x14;
      x6 = rotl(x6 ^ x10, 12);
      x2 += x6;
      x14 = rotl(x14 ^ x2, 8);
      x10 += x14;
      x6 = rotl(x6 ^ x10, 7);
      x3 += x7;
      x15 = rotl(x15 ^ x3, 16);
      x11 += x15;
      x7 = rotl(x7 ^ x11, 12);
      x3 += x7;
      x15 = rotl(x15 ^ x3, 8);
      x11 += x15;
      x7 = rotl(x7 ^ x11, 7);
      x0 += x5;
      x15 = rotl(x15 ^ x0, 16);
      x10 += x15;
      x5 = rotl(x5 ^ x10, 12);
      x0 += x5;
      x15 = rotl(x15 ^ x0, 8);
      x10 += x15;
      x5 = rotl(x5 ^ x10, 7);
      x1 += x6;
      x12 = rotl(x12 ^ x1, 16);
      x11 += x12;
      x6 = rotl(x6 ^ x11, 12);
      x1 += x6;
      x12 = rotl(x12 ^ x1, 8);
      x11 += x12;
      x6 = rotl(x6 ^ x11, 7);
      x2 += x7;
      x13 = rotl(x13 ^ x2, 16);
      x8 += x13;
      x7 = rotl(x7 ^ x8, 12);
      x2 += x7;
      x13 = rotl(x13 ^ x2, 8);
      x8 += x13;
      x7 = rotl(x7 ^ x8, 7);
      x3 += x4;
      x14 = rotl(x14 ^ x3, 16);
      x9 += x14;
      x4 = rotl(x4 ^ x9, 12);
      x3 += x4;
      x14 = rotl(x14 ^ x3, 8);
      x9 += x14;
      x4 = rotl(x4 ^ x9, 7);
    }
    xorPair(data, at, x0 + 0x61707865, x1 + 0x3320646e);
    xorPair(data, at + 8, x2 + 0x79622d32, x3 + 0x6b206574);
    xorPair(data, at + 16, x4 + k0, x5 + k1);
    xorPair(data, at + 24, x6 + k2, x7 + k3);
    xorPair(data, at + 32, x8 + k4, x9 + k5);
    xorPair(data, at + 40, x10 + k6, x11 + k7);
    xorPair(data, at + 48, x12 + counter, x13 + n0);
    xorPair(data, at + 56, x14 + n1, x15 + n2);
  }
}

function xorPair(data: Bytes, at: u32, low: u32, high: u32): void {
  data.putU64le(at, data.u64le(at) ^ (<u64>low | ((<u64>high) << 32)));
}

/** The last, partial block of a message while it is worked on. */
const LAST = Bytes.alloc(CHACHA20_BLOCK_LENGTH);
/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
