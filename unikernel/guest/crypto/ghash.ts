/**
 * GHASH (NIST SP 800-38D §6.4): the universal hash of GCM, in GF(2^128).
 *
 * Carry-less products come from integer multiplications of numbers with holes: each operand is cut into four parts that
 * keep every fourth bit, so that the carries of a product die in the gaps and are masked away (the way of BearSSL's
 * ctmul64). The high half of a product is the low half of the bit-reversed one. No tables, no branch and no memory index
 * depends on key or data; integer multiplication must take constant time, which it does on 64-bit x86 and ARM.
 */
import { Bytes } from "bytes";

const BLOCK_LENGTH: u32 = 16;

@final
export class Ghash {
  /** The hash key: low and high word and their sum, as they are and bit-reversed. Blocks are read big-endian. */
  private low: Parts = new Parts();
  private high: Parts = new Parts();
  private sum: Parts = new Parts();
  private lowReversed: Parts = new Parts();
  private highReversed: Parts = new Parts();
  private sumReversed: Parts = new Parts();
  private y0: u64 = 0;
  private y1: u64 = 0;
  private block: Bytes = Bytes.alloc(BLOCK_LENGTH);

  /** Begins a message under the hash key (exactly 16 bytes, else a trap). */
  init(key: Bytes): void {
    assert(key.length == BLOCK_LENGTH);
    const high = key.u64be(0);
    const low = key.u64be(8);
    this.low.set(low);
    this.high.set(high);
    this.sum.set(low ^ high);
    const lowReversed = reverse(low);
    const highReversed = reverse(high);
    this.lowReversed.set(lowReversed);
    this.highReversed.set(highReversed);
    this.sumReversed.set(lowReversed ^ highReversed);
    this.y0 = 0;
    this.y1 = 0;
  }

  /** Appends `data` (any length) and zeros up to the next multiple of 16 bytes. */
  updatePadded(data: Bytes): void {
    const blocks = data.length / BLOCK_LENGTH;
    this.absorb(data, blocks);
    const whole = blocks * BLOCK_LENGTH;
    if (whole == data.length) return;
    this.block.wipe();
    this.block.put(0, VIEW.aim(data, whole, data.length - whole));
    this.absorb(this.block, 1);
  }

  /** Appends the block that ends a GCM message: both lengths, given in bytes, as 64-bit numbers of bits. */
  lengths(aad: u32, data: u32): void {
    this.block.putU64be(0, (<u64>aad) << 3);
    this.block.putU64be(8, (<u64>data) << 3);
    this.absorb(this.block, 1);
  }

  /** Writes the hash (exactly 16 bytes, else a trap) and forgets the key. */
  digest(out: Bytes): void {
    assert(out.length == BLOCK_LENGTH);
    out.putU64be(0, this.y1);
    out.putU64be(8, this.y0);
    this.wipe();
  }

  /** Forgets key and message; `init` makes the object usable again. */
  wipe(): void {
    this.low.set(0);
    this.high.set(0);
    this.sum.set(0);
    this.lowReversed.set(0);
    this.highReversed.set(0);
    this.sumReversed.set(0);
    this.y0 = 0;
    this.y1 = 0;
    this.block.wipe();
  }

  /** y = (y + block) * key for each block. */
  private absorb(data: Bytes, blocks: u32): void {
    let y0 = this.y0;
    let y1 = this.y1;
    for (let at: u32 = 0; blocks > 0; blocks--, at += BLOCK_LENGTH) {
      y1 ^= data.u64be(at);
      y0 ^= data.u64be(at + 8);
      const r0 = reverse(y0);
      const r1 = reverse(y1);

      // Karatsuba: three products of 64 × 64 bits, each as low half and reversed high half.
      const a = this.low.times(y0);
      const b = this.high.times(y1);
      const c = this.sum.times(y0 ^ y1) ^ a ^ b;
      const aHigh = this.lowReversed.times(r0);
      const bHigh = this.highReversed.times(r1);
      const cHigh = this.sumReversed.times(r0 ^ r1) ^ aHigh ^ bHigh;
      let v0 = a;
      let v1 = c ^ (reverse(aHigh) >> 1);
      let v2 = b ^ (reverse(cHigh) >> 1);
      let v3 = reverse(bHigh) >> 1;

      // GCM numbers bits from the left: the product of two reflected numbers is one bit short.
      v3 = (v3 << 1) | (v2 >> 63);
      v2 = (v2 << 1) | (v1 >> 63);
      v1 = (v1 << 1) | (v0 >> 63);
      v0 = v0 << 1;

      // Reduction by x^128 + x^7 + x^2 + x + 1, a word at a time.
      v2 ^= v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
      v1 ^= (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
      y1 = v3 ^ v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
      y0 = v2 ^ (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
    }
    this.y0 = y0;
    this.y1 = y1;
  }
}

/** A 64-bit polynomial in four parts: part i keeps the bits i, i + 4, i + 8, … */
@final
class Parts {
  private p0: u64 = 0;
  private p1: u64 = 0;
  private p2: u64 = 0;
  private p3: u64 = 0;

  set(value: u64): void {
    this.p0 = value & HOLES_0;
    this.p1 = value & HOLES_1;
    this.p2 = value & HOLES_2;
    this.p3 = value & HOLES_3;
  }

  /**
   * The low 64 bits of the carry-less product with `x`. At most 16 bits meet in one place, and only in the highest four,
   * whose carry leaves the word; elsewhere the sum fits in the four bits before the next place.
   */
  times(x: u64): u64 {
    const x0 = x & HOLES_0;
    const x1 = x & HOLES_1;
    const x2 = x & HOLES_2;
    const x3 = x & HOLES_3;
    const p0 = this.p0;
    const p1 = this.p1;
    const p2 = this.p2;
    const p3 = this.p3;
    const z0 = (x0 * p0) ^ (x1 * p3) ^ (x2 * p2) ^ (x3 * p1);
    const z1 = (x0 * p1) ^ (x1 * p0) ^ (x2 * p3) ^ (x3 * p2);
    const z2 = (x0 * p2) ^ (x1 * p1) ^ (x2 * p0) ^ (x3 * p3);
    const z3 = (x0 * p3) ^ (x1 * p2) ^ (x2 * p1) ^ (x3 * p0);
    return (z0 & HOLES_0) | (z1 & HOLES_1) | (z2 & HOLES_2) | (z3 & HOLES_3);
  }
}

/** The 64 bits in reverse order. */
function reverse(x: u64): u64 {
  x = ((x & 0x5555555555555555) << 1) | ((x >> 1) & 0x5555555555555555);
  x = ((x & 0x3333333333333333) << 2) | ((x >> 2) & 0x3333333333333333);
  x = ((x & 0x0f0f0f0f0f0f0f0f) << 4) | ((x >> 4) & 0x0f0f0f0f0f0f0f0f);
  return bswap(x);
}

const HOLES_0: u64 = 0x1111111111111111;
const HOLES_1: u64 = 0x2222222222222222;
const HOLES_2: u64 = 0x4444444444444444;
const HOLES_3: u64 = 0x8888888888888888;

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
