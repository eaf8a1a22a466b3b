/**
 * SHA-256 (FIPS 180-4 §6.2).
 *
 * The whole state of a block (eight working variables, sixteen words of the message schedule) lives in locals; the
 * schedule is a ring of sixteen words, renewed in place after every sixteen rounds. No branch and no memory index
 * depends on the data, only on its length.
 */
import { Bytes } from "bytes";
import { Hash } from "./hash";

const LENGTH: u32 = 32;
const BLOCK_LENGTH: u32 = 64;

@final
export class Sha256 extends Hash {
  private h0: u32 = 0;
  private h1: u32 = 0;
  private h2: u32 = 0;
  private h3: u32 = 0;
  private h4: u32 = 0;
  private h5: u32 = 0;
  private h6: u32 = 0;
  private h7: u32 = 0;
  /** Bytes appended so far; the last `total % 64` of them wait in `block`. */
  private total: u64 = 0;
  private block: Bytes = Bytes.alloc(BLOCK_LENGTH);

  constructor() {
    super();
    this.reset();
  }

  get length(): u32 {
    return LENGTH;
  }

  get blockLength(): u32 {
    return BLOCK_LENGTH;
  }

  reset(): void {
    this.h0 = 0x6a09e667;
    this.h1 = 0xbb67ae85;
    this.h2 = 0x3c6ef372;
    this.h3 = 0xa54ff53a;
    this.h4 = 0x510e527f;
    this.h5 = 0x9b05688c;
    this.h6 = 0x1f83d9ab;
    this.h7 = 0x5be0cd19;
    this.total = 0;
    this.block.wipe();
  }

  update(data: Bytes): void {
    const length = data.length;
    let at: u32 = 0;
    const filled = <u32>this.total & 63;
    this.total += length;
    if (filled > 0) {
      const room = BLOCK_LENGTH - filled;
      if (length < room) {
        this.block.put(filled, data);
        return;
      }
      this.block.put(filled, VIEW.aim(data, 0, room));
      this.compress(this.block, 0, 1);
      at = room;
    }
    const blocks = (length - at) / 64;
    this.compress(data, at, blocks);
    at += blocks * 64;
    this.block.put(0, VIEW.aim(data, at, length - at));
  }

  digest(out: Bytes): void {
    assert(out.length == LENGTH);
    const bits = this.total << 3;
    let filled = <u32>this.total & 63;
    this.block[filled++] = 0x80;
    if (filled > 56) {
      VIEW.aim(this.block, filled, 64 - filled).wipe();
      this.compress(this.block, 0, 1);
      filled = 0;
    }
    VIEW.aim(this.block, filled, 56 - filled).wipe();
    this.block.putU64be(56, bits);
    this.compress(this.block, 0, 1);
    out.putU32be(0, this.h0);
    out.putU32be(4, this.h1);
    out.putU32be(8, this.h2);
    out.putU32be(12, this.h3);
    out.putU32be(16, this.h4);
    out.putU32be(20, this.h5);
    out.putU32be(24, this.h6);
    out.putU32be(28, this.h7);
  }

  copyFrom(other: Hash): void {
    assert(other instanceof Sha256);
    const from = other as Sha256;
    this.h0 = from.h0;
    this.h1 = from.h1;
    this.h2 = from.h2;
    this.h3 = from.h3;
    this.h4 = from.h4;
    this.h5 = from.h5;
    this.h6 = from.h6;
    this.h7 = from.h7;
    this.total = from.total;
    this.block.put(0, from.block);
  }

  fresh(): Hash {
    return new Sha256();
  }

  /** Runs the compression function over `blocks` blocks of `data` from `at`; the state lives in locals meanwhile. */
  private compress(data: Bytes, at: u32, blocks: u32): void {
    let h0 = this.h0;
    let h1 = this.h1;
    let h2 = this.h2;
    let h3 = this.h3;
    let h4 = this.h4;
    let h5 = this.h5;
    let h6 = this.h6;
    let h7 = this.h7;
    for (; blocks > 0; blocks--, at += 64) {
      let w0 = data.u32be(at);
      let w1 = data.u32be(at + 4);
      let w2 = data.u32be(at + 8);
      let w3 = data.u32be(at + 12);
      let w4 = data.u32be(at + 16);
      let w5 = data.u32be(at + 20);
      let w6 = data.u32be(at + 24);
      let w7 = data.u32be(at + 28);
      let w8 = data.u32be(at + 32);
      let w9 = data.u32be(at + 36);
      let w10 = data.u32be(at + 40);
      let w11 = data.u32be(at + 44);
      let w12 = data.u32be(at + 48);
      let w13 = data.u32be(at + 52);
      let w14 = data.u32be(at + 56);
      let w15 = data.u32be(at + 60);
      let a = h0;
      let b = h1;
      let c = h2;
      let d = h3;
      let e = h4;
      let f = h5;
      let g = h6;
      let h = h7;
      for (let pass = 0; ; pass++) {
        const k = ROUND_CONSTANTS[pass];
        h += k.k0 + w0 + choose(e, f, g) + sum1(e);
        d += h;
        h += sum0(a) + majority(a, b, c);
        g += k.k1 + w1 + choose(d, e, f) + sum1(d);
        c += g;
        g += sum0(h) + majority(h, a, b);
        f += k.k2 + w2 + choose(c, d, e) + sum1(c);
        b += f;
        f += sum0(g) + majority(g, h, a);
        e += k.k3 + w3 + choose(b, c, d) + sum1(b);
        a += e;
        e += sum0(f) + majority(f, g, h);
        d += k.k4 + w4 + choose(a, b, c) + sum1(a);
        h += d;
        d += sum0(e) + majority(e, f, g);
        c += k.k5 + w5 + choose(h, a, b) + sum1(h);
        g += c;
        c += sum0(d) + majority(d, e, f);
        b += k.k6 + w6 + choose(g, h, a) + sum1(g);
        f += b;
        b += sum0(c) + majority(c, d, e);
        a += k.k7 + w7 + choose(f, g, h) + sum1(f);
        e += a;
        a += sum0(b) + majority(b, c, d);
        h += k.k8 + w8 + choose(e, f, g) + sum1(e);
        d += h;
        h += sum0(a) + majority(a, b, c);
        g += k.k9 + w9 + choose(d, e, f) + sum1(d);
        c += g;
        g += sum0(h) + majority(h, a, b);
        f += k.k10 + w10 + choose(c, d, e) + sum1(c);
        b += f;
        f += sum0(g) + majority(g, h, a);
        e += k.k11 + w11 + choose(b, c, d) + sum1(b);
        a += e;
        e += sum0(f) + majority(f, g, h);
        d += k.k12 + w12 + choose(a, b, c) + sum1(a);
        h += d;
        d += sum0(e) + majority(e, f, g);
        c += k.k13 + w13 + choose(h, a, b) + sum1(h);
        g += c;
        c += sum0(d) + majority(d, e, f);
        b += k.k14 + w14 + choose(g, h, a) + sum1(g);
        f += b;
        b += sum0(c) + majority(c, d, e);
        a += k.k15 + w15 + choose(f, g, h) + sum1(f);
        e += a;
        a += sum0(b) + majority(b, c, d);
        if (pass == 3) break;
        w0 += mix0(w1) + w9 + mix1(w14);
        w1 += mix0(w2) + w10 + mix1(w15);
        w2 += mix0(w3) + w11 + mix1(w0);
        w3 += mix0(w4) + w12 + mix1(w1);
        w4 += mix0(w5) + w13 + mix1(w2);
        w5 += mix0(w6) + w14 + mix1(w3);
        w6 += mix0(w7) + w15 + mix1(w4);
        w7 += mix0(w8) + w0 + mix1(w5);
        w8 += mix0(w9) + w1 + mix1(w6);
        w9 += mix0(w10) + w2 + mix1(w7);
        w10 += mix0(w11) + w3 + mix1(w8);
        w11 += mix0(w12) + w4 + mix1(w9);
        w12 += mix0(w13) + w5 + mix1(w10);
        w13 += mix0(w14) + w6 + mix1(w11);
        w14 += mix0(w15) + w7 + mix1(w12);
        w15 += mix0(w0) + w8 + mix1(w13);
      }
      h0 += a;
      h1 += b;
      h2 += c;
      h3 += d;
      h4 += e;
      h5 += f;
      h6 += g;
      h7 += h;
    }
    this.h0 = h0;
    this.h1 = h1;
    this.h2 = h2;
    this.h3 = h3;
    this.h4 = h4;
    this.h5 = h5;
    this.h6 = h6;
    this.h7 = h7;
  }
}

/** SHA-256 of `data` to `out` (32 bytes, may overlap `data`). Keeps nothing of either. */
export function sha256(data: Bytes, out: Bytes): void {
  ONE_SHOT.update(data);
  ONE_SHOT.digest(out);
  ONE_SHOT.reset();
}

function choose(x: u32, y: u32, z: u32): u32 {
  return z ^ (x & (y ^ z));
}
function majority(x: u32, y: u32, z: u32): u32 {
  return (y & z) | (x & (y | z));
}
function sum0(x: u32): u32 {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}
function sum1(x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}
function mix0(x: u32): u32 {
  return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
}
function mix1(x: u32): u32 {
  return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10);
}

/** The constants of sixteen rounds as fields: read at fixed offsets, without a bounds check for each. */
@final
class RoundConstants {
  constructor(
    readonly k0: u32,
    readonly k1: u32,
    readonly k2: u32,
    readonly k3: u32,
    readonly k4: u32,
    readonly k5: u32,
    readonly k6: u32,
    readonly k7: u32,
    readonly k8: u32,
    readonly k9: u32,
    readonly k10: u32,
    readonly k11: u32,
    readonly k12: u32,
    readonly k13: u32,
    readonly k14: u32,
    readonly k15: u32,
  ) {}
}

/** FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
// biome-ignore format: a table
const ROUND_CONSTANTS: StaticArray<RoundConstants> = [
  new RoundConstants(
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  ),
  new RoundConstants(
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  ),
  new RoundConstants(
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  ),
  new RoundConstants(
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ),
];

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
const ONE_SHOT = new Sha256();
