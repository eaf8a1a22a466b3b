/**
 * Poly1305 (RFC 8439 §2.5): a one-time authenticator, 32-byte key, 16-byte tag.
 *
 * Numbers mod 2^130 - 5 are five limbs of 26 bits in u64, so that a product of limbs and the sum of five of them fit.
 * No branch and no memory index depends on key or data. A key must never authenticate two messages.
 */
import { Bytes } from "bytes";

const BLOCK_LENGTH: u32 = 16;
const MASK: u64 = 0x3ffffff;

@final
export class Poly1305 {
  /** The clamped multiplier r. */
  private r0: u64 = 0;
  private r1: u64 = 0;
  private r2: u64 = 0;
  private r3: u64 = 0;
  private r4: u64 = 0;
  /** The accumulator: limbs of at most 27 bits between blocks. */
  private h0: u64 = 0;
  private h1: u64 = 0;
  private h2: u64 = 0;
  private h3: u64 = 0;
  private h4: u64 = 0;
  /** What is added at the end, mod 2^128. */
  private s0: u64 = 0;
  private s1: u64 = 0;
  private block: Bytes = Bytes.alloc(BLOCK_LENGTH);
  private filled: u32 = 0;

  /** Begins a message under `key` (r ‖ s, exactly 32 bytes, else a trap). */
  init(key: Bytes): void {
    assert(key.length == 32);
    const low = key.u64le(0) & 0x0ffffffc0fffffff;
    const high = key.u64le(8) & 0x0ffffffc0ffffffc;
    this.r0 = low & MASK;
    this.r1 = (low >> 26) & MASK;
    this.r2 = ((low >> 52) | (high << 12)) & MASK;
    this.r3 = (high >> 14) & MASK;
    this.r4 = high >> 40;
    this.h0 = this.h1 = this.h2 = this.h3 = this.h4 = 0;
    this.s0 = key.u64le(16);
    this.s1 = key.u64le(24);
    this.block.wipe();
    this.filled = 0;
  }

  /** Appends `data`, any length. */
  update(data: Bytes): void {
    const length = data.length;
    let at: u32 = 0;
    if (this.filled > 0) {
      const room = BLOCK_LENGTH - this.filled;
      const n = min(length, room);
      this.block.put(this.filled, VIEW.aim(data, 0, n));
      this.filled += n;
      if (this.filled < BLOCK_LENGTH) return;
      this.absorb(this.block, 0, 1, 1);
      this.filled = 0;
      at = n;
    }
    const blocks = (length - at) / BLOCK_LENGTH;
    this.absorb(data, at, blocks, 1);
    at += blocks * BLOCK_LENGTH;
    this.filled = length - at;
    this.block.put(0, VIEW.aim(data, at, this.filled));
  }

  /** Appends zeros up to the next multiple of 16 bytes (RFC 8439 §2.8). */
  pad(): void {
    if (this.filled == 0) return;
    VIEW.aim(this.block, this.filled, BLOCK_LENGTH - this.filled).wipe();
    this.absorb(this.block, 0, 1, 1);
    this.filled = 0;
  }

  /** Appends the two lengths that end an AEAD's message, as 64-bit little-endian numbers. */
  lengths(first: u32, second: u32): void {
    this.pad();
    this.block.putU64le(0, first);
    this.block.putU64le(8, second);
    this.absorb(this.block, 0, 1, 1);
  }

  /** Writes the tag (exactly 16 bytes, else a trap) and forgets the key. */
  digest(out: Bytes): void {
    assert(out.length == 16);
    if (this.filled > 0) {
      this.block[this.filled++] = 1;
      VIEW.aim(this.block, this.filled, BLOCK_LENGTH - this.filled).wipe();
      this.absorb(this.block, 0, 1, 0);
    }

    // Carry until every limb has 26 bits; the value is then below 2^130.
    let h0 = this.h0;
    let h1 = this.h1;
    let h2 = this.h2;
    let h3 = this.h3;
    let h4 = this.h4;
    h2 += h1 >> 26;
    h3 += h2 >> 26;
    h4 += h3 >> 26;
    h0 += (h4 >> 26) * 5;
    h1 = (h1 & MASK) + (h0 >> 26);
    h2 = (h2 & MASK) + (h1 >> 26);
    h3 = (h3 & MASK) + (h2 >> 26);
    h4 = (h4 & MASK) + (h3 >> 26);
    h0 &= MASK;
    h1 &= MASK;
    h2 &= MASK;
    h3 &= MASK;

    // g = h - p = h + 5 - 2^130; its top limb goes negative exactly when h < p, and then h is the reduced one.
    let g0 = h0 + 5;
    let g1 = h1 + (g0 >> 26);
    let g2 = h2 + (g1 >> 26);
    let g3 = h3 + (g2 >> 26);
    const g4 = h4 + (g3 >> 26) - (1 << 26);
    const keep: u64 = 0 - (g4 >> 63);
    h0 = (h0 & keep) | (g0 & MASK & ~keep);
    h1 = (h1 & keep) | (g1 & MASK & ~keep);
    h2 = (h2 & keep) | (g2 & MASK & ~keep);
    h3 = (h3 & keep) | (g3 & MASK & ~keep);
    h4 = (h4 & keep) | (g4 & ~keep);

    // (h + s) mod 2^128; the carry out of the low word comes from its bits, not from a comparison.
    const low = h0 | (h1 << 26) | (h2 << 52);
    const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
    const sum = low + this.s0;
    const carry = ((low & this.s0) | ((low | this.s0) & ~sum)) >> 63;
    out.putU64le(0, sum);
    out.putU64le(8, high + this.s1 + carry);
    this.wipe();
  }

  /** Forgets key and message; `init` makes the object usable again. */
  wipe(): void {
    this.r0 = this.r1 = this.r2 = this.r3 = this.r4 = 0;
    this.h0 = this.h1 = this.h2 = this.h3 = this.h4 = 0;
    this.s0 = this.s1 = 0;
    this.block.wipe();
    this.filled = 0;
  }

  /** h = (h + block) * r for each block; `top` is the bit above the block's 128 (1, or 0 for the padded last one). */
  private absorb(data: Bytes, at: u32, blocks: u32, top: u64): void {
    const r0 = this.r0;
    const r1 = this.r1;
    const r2 = this.r2;
    const r3 = this.r3;
    const r4 = this.r4;
    // 2^130 = 5: a limb that wraps comes back five-fold.
    const f1 = 5 * r1;
    const f2 = 5 * r2;
    const f3 = 5 * r3;
    const f4 = 5 * r4;
    const bit = top << 24;
    let h0 = this.h0;
    let h1 = this.h1;
    let h2 = this.h2;
    let h3 = this.h3;
    let h4 = this.h4;
    for (; blocks > 0; blocks--, at += BLOCK_LENGTH) {
      const low = data.u64le(at);
      const high = data.u64le(at + 8);
      h0 += low & MASK;
      h1 += (low >> 26) & MASK;
      h2 += ((low >> 52) | (high << 12)) & MASK;
      h3 += (high >> 14) & MASK;
      h4 += (high >> 40) | bit;

      const d0 = h0 * r0 + h1 * f4 + h2 * f3 + h3 * f2 + h4 * f1;
      const d1 = h0 * r1 + h1 * r0 + h2 * f4 + h3 * f3 + h4 * f2 + (d0 >> 26);
      const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * f4 + h4 * f3 + (d1 >> 26);
      const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * f4 + (d2 >> 26);
      const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + (d3 >> 26);
      h0 = (d0 & MASK) + 5 * (d4 >> 26);
      h1 = (d1 & MASK) + (h0 >> 26);
      h0 &= MASK;
      h2 = d2 & MASK;
      h3 = d3 & MASK;
      h4 = d4 & MASK;
    }
    this.h0 = h0;
    this.h1 = h1;
    this.h2 = h2;
    this.h3 = h3;
    this.h4 = h4;
  }
}

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
