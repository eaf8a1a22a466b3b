/**
 * SHA-512 and SHA-384 (FIPS 180-4 §6.4, §6.5): one compression function, two initial values, two lengths of output.
 *
 * The whole state of a block (eight working variables, sixteen words of the message schedule) lives in locals; the
 * schedule is a ring of sixteen words, renewed in place after every sixteen rounds. No branch and no memory index
 * depends on the data, only on its length.
 */
import { Bytes } from "bytes";
import { Hash } from "./hash";

const BLOCK_LENGTH: u32 = 128;

/** What SHA-384 and SHA-512 share: everything but the initial value and how much of the state is the digest. */
abstract class Sha512Family extends Hash {
  protected h0: u64 = 0;
  protected h1: u64 = 0;
  protected h2: u64 = 0;
  protected h3: u64 = 0;
  protected h4: u64 = 0;
  protected h5: u64 = 0;
  protected h6: u64 = 0;
  protected h7: u64 = 0;
  /** Bytes appended so far; the last `total % 128` of them wait in `block`. */
  private total: u64 = 0;
  private block: Bytes = Bytes.alloc(BLOCK_LENGTH);

  get blockLength(): u32 {
    return BLOCK_LENGTH;
  }

  reset(): void {
    this.start();
    this.total = 0;
    this.block.wipe();
  }

  update(data: Bytes): void {
    const length = data.length;
    let at: u32 = 0;
    const filled = <u32>this.total & 127;
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
    const blocks = (length - at) / 128;
    this.compress(data, at, blocks);
    at += blocks * 128;
    this.block.put(0, VIEW.aim(data, at, length - at));
  }

  digest(out: Bytes): void {
    assert(out.length == this.length);
    const total = this.total;
    let filled = <u32>total & 127;
    this.block[filled++] = 0x80;
    if (filled > 112) {
      VIEW.aim(this.block, filled, 128 - filled).wipe();
      this.compress(this.block, 0, 1);
      filled = 0;
    }
    VIEW.aim(this.block, filled, 112 - filled).wipe();
    this.block.putU64be(112, total >> 61);
    this.block.putU64be(120, total << 3);
    this.compress(this.block, 0, 1);
    out.putU64be(0, this.h0);
    out.putU64be(8, this.h1);
    out.putU64be(16, this.h2);
    out.putU64be(24, this.h3);
    out.putU64be(32, this.h4);
    out.putU64be(40, this.h5);
    if (out.length == 48) return;
    out.putU64be(48, this.h6);
    out.putU64be(56, this.h7);
  }

  copyFrom(other: Hash): void {
    assert(other instanceof Sha512Family && other.length == this.length);
    const from = other as Sha512Family;
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

  /** Sets the initial value (§5.3.4, §5.3.5). */
  protected abstract start(): void;

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
    for (; blocks > 0; blocks--, at += 128) {
      let w0 = data.u64be(at);
      let w1 = data.u64be(at + 8);
      let w2 = data.u64be(at + 16);
      let w3 = data.u64be(at + 24);
      let w4 = data.u64be(at + 32);
      let w5 = data.u64be(at + 40);
      let w6 = data.u64be(at + 48);
      let w7 = data.u64be(at + 56);
      let w8 = data.u64be(at + 64);
      let w9 = data.u64be(at + 72);
      let w10 = data.u64be(at + 80);
      let w11 = data.u64be(at + 88);
      let w12 = data.u64be(at + 96);
      let w13 = data.u64be(at + 104);
      let w14 = data.u64be(at + 112);
      let w15 = data.u64be(at + 120);
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
        if (pass == 4) break;
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

@final
export class Sha384 extends Sha512Family {
  constructor() {
    super();
    this.reset();
  }

  get length(): u32 {
    return 48;
  }

  fresh(): Hash {
    return new Sha384();
  }

  protected start(): void {
    this.h0 = 0xcbbb9d5dc1059ed8;
    this.h1 = 0x629a292a367cd507;
    this.h2 = 0x9159015a3070dd17;
    this.h3 = 0x152fecd8f70e5939;
    this.h4 = 0x67332667ffc00b31;
    this.h5 = 0x8eb44a8768581511;
    this.h6 = 0xdb0c2e0d64f98fa7;
    this.h7 = 0x47b5481dbefa4fa4;
  }
}

@final
export class Sha512 extends Sha512Family {
  constructor() {
    super();
    this.reset();
  }

  get length(): u32 {
    return 64;
  }

  fresh(): Hash {
    return new Sha512();
  }

  protected start(): void {
    this.h0 = 0x6a09e667f3bcc908;
    this.h1 = 0xbb67ae8584caa73b;
    this.h2 = 0x3c6ef372fe94f82b;
    this.h3 = 0xa54ff53a5f1d36f1;
    this.h4 = 0x510e527fade682d1;
    this.h5 = 0x9b05688c2b3e6c1f;
    this.h6 = 0x1f83d9abfb41bd6b;
    this.h7 = 0x5be0cd19137e2179;
  }
}

/** SHA-384 of `data` to `out` (48 bytes, may overlap `data`). Keeps nothing of either. */
export function sha384(data: Bytes, out: Bytes): void {
  ONE_SHOT_384.update(data);
  ONE_SHOT_384.digest(out);
  ONE_SHOT_384.reset();
}

/** SHA-512 of `data` to `out` (64 bytes, may overlap `data`). Keeps nothing of either. */
export function sha512(data: Bytes, out: Bytes): void {
  ONE_SHOT_512.update(data);
  ONE_SHOT_512.digest(out);
  ONE_SHOT_512.reset();
}

function choose(x: u64, y: u64, z: u64): u64 {
  return z ^ (x & (y ^ z));
}
function majority(x: u64, y: u64, z: u64): u64 {
  return (y & z) | (x & (y | z));
}
function sum0(x: u64): u64 {
  return rotr(x, 28) ^ rotr(x, 34) ^ rotr(x, 39);
}
function sum1(x: u64): u64 {
  return rotr(x, 14) ^ rotr(x, 18) ^ rotr(x, 41);
}
function mix0(x: u64): u64 {
  return rotr(x, 1) ^ rotr(x, 8) ^ (x >> 7);
}
function mix1(x: u64): u64 {
  return rotr(x, 19) ^ rotr(x, 61) ^ (x >> 6);
}

/** The constants of sixteen rounds as fields: read at fixed offsets, without a bounds check for each. */
@final
class RoundConstants {
  constructor(
    readonly k0: u64,
    readonly k1: u64,
    readonly k2: u64,
    readonly k3: u64,
    readonly k4: u64,
    readonly k5: u64,
    readonly k6: u64,
    readonly k7: u64,
    readonly k8: u64,
    readonly k9: u64,
    readonly k10: u64,
    readonly k11: u64,
    readonly k12: u64,
    readonly k13: u64,
    readonly k14: u64,
    readonly k15: u64,
  ) {}
}

/** FIPS 180-4 §4.2.3: the first 64 bits of the fractional parts of the cube roots of the first 80 primes. */
// biome-ignore format: a table
const ROUND_CONSTANTS: StaticArray<RoundConstants> = [
  new RoundConstants(
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  ),
  new RoundConstants(
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  ),
  new RoundConstants(
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  ),
  new RoundConstants(
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  ),
  new RoundConstants(
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
  ),
];

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
const ONE_SHOT_384 = new Sha384();
const ONE_SHOT_512 = new Sha512();
