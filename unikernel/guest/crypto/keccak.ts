/**
 * Keccak-f[1600] and the sponge over it (FIPS 202): SHA3-256, SHA3-512, SHAKE128, SHAKE256.
 *
 * A round works on the 25 lanes in locals; no branch and no memory index depends on the data, only on its length. Nothing is
 * allocated after construction.
 */
import { Bytes } from "bytes";

const STATE_LENGTH: u32 = 200;
/** Domain separation and the first bit of the padding (FIPS 202 §6.1, §6.2). */
const SHA3_SUFFIX: u8 = 0x06;
const SHAKE_SUFFIX: u8 = 0x1f;

/** One computation at a time: begin, absorb as often as needed, then squeeze. Wipe it after a secret. */
@final
export class Sponge {
  private state: Bytes = Bytes.alloc(STATE_LENGTH);
  private rate: u32 = 0;
  private suffix: u8 = 0;
  /** Bytes of the present block absorbed, or squeezed. */
  private at: u32 = 0;
  private squeezing: bool = false;

  /** SHA3-256: squeeze 32 bytes. */
  beginSha3_256(): void {
    this.begin(136, SHA3_SUFFIX);
  }

  /** SHA3-512: squeeze 64 bytes. */
  beginSha3_512(): void {
    this.begin(72, SHA3_SUFFIX);
  }

  /** SHAKE128: squeeze any number of bytes; its blocks are of {@link SHAKE128_RATE} bytes. */
  beginShake128(): void {
    this.begin(SHAKE128_RATE, SHAKE_SUFFIX);
  }

  /** SHAKE256: squeeze any number of bytes. */
  beginShake256(): void {
    this.begin(136, SHAKE_SUFFIX);
  }

  /** Appends `data`, any length including none. Traps once squeezing has begun. */
  absorb(data: Bytes): void {
    assert(this.rate > 0 && !this.squeezing);
    const state = this.state;
    let at = this.at;
    for (let i: u32 = 0; i < data.length; ) {
      // Eight bytes at a time where a lane begins: every rate is a multiple of eight.
      if ((at & 7) == 0 && data.length - i >= 8) {
        state.putU64le(at, state.u64le(at) ^ data.u64le(i));
        at += 8;
        i += 8;
      } else {
        state[at] = state[at] ^ data[i];
        at++;
        i++;
      }
      if (at == this.rate) {
        permute(state);
        at = 0;
      }
    }
    this.at = at;
  }

  /** Fills `out`; goes on where the last call ended. */
  squeeze(out: Bytes): void {
    assert(this.rate > 0);
    if (!this.squeezing) this.pad();
    for (let i: u32 = 0; i < out.length; ) {
      if (this.at == this.rate) {
        permute(this.state);
        this.at = 0;
      }
      const length = min<u32>(this.rate - this.at, out.length - i);
      out.put(i, VIEW.aim(this.state, this.at, length));
      this.at += length;
      i += length;
    }
  }

  wipe(): void {
    this.begin(0, 0);
  }

  private begin(rate: u32, suffix: u8): void {
    this.state.wipe();
    this.rate = rate;
    this.suffix = suffix;
    this.at = 0;
    this.squeezing = false;
  }

  private pad(): void {
    this.state[this.at] = this.state[this.at] ^ this.suffix;
    this.state[this.rate - 1] = this.state[this.rate - 1] ^ 0x80;
    permute(this.state);
    this.at = 0;
    this.squeezing = true;
  }
}

/** Keccak-f[1600] (FIPS 202 §3.3): lane (x, y) is a[x + 5y]. */
function permute(state: Bytes): void {
  let a0 = state.u64le(0);
  let a1 = state.u64le(8);
  let a2 = state.u64le(16);
  let a3 = state.u64le(24);
  let a4 = state.u64le(32);
  let a5 = state.u64le(40);
  let a6 = state.u64le(48);
  let a7 = state.u64le(56);
  let a8 = state.u64le(64);
  let a9 = state.u64le(72);
  let a10 = state.u64le(80);
  let a11 = state.u64le(88);
  let a12 = state.u64le(96);
  let a13 = state.u64le(104);
  let a14 = state.u64le(112);
  let a15 = state.u64le(120);
  let a16 = state.u64le(128);
  let a17 = state.u64le(136);
  let a18 = state.u64le(144);
  let a19 = state.u64le(152);
  let a20 = state.u64le(160);
  let a21 = state.u64le(168);
  let a22 = state.u64le(176);
  let a23 = state.u64le(184);
  let a24 = state.u64le(192);
  for (let round = 0; round < 24; round++) {
    // θ
    const c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20;
    const c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21;
    const c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22;
    const c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23;
    const c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24;
    const d0 = c4 ^ rotl(c1, 1);
    const d1 = c0 ^ rotl(c2, 1);
    const d2 = c1 ^ rotl(c3, 1);
    const d3 = c2 ^ rotl(c4, 1);
    const d4 = c3 ^ rotl(c0, 1);
    // ρ and π
    const b0 = a0 ^ d0;
    const b1 = rotl(a6 ^ d1, 44);
    const b2 = rotl(a12 ^ d2, 43);
    const b3 = rotl(a18 ^ d3, 21);
    const b4 = rotl(a24 ^ d4, 14);
    const b5 = rotl(a3 ^ d3, 28);
    const b6 = rotl(a9 ^ d4, 20);
    const b7 = rotl(a10 ^ d0, 3);
    const b8 = rotl(a16 ^ d1, 45);
    const b9 = rotl(a22 ^ d2, 61);
    const b10 = rotl(a1 ^ d1, 1);
    const b11 = rotl(a7 ^ d2, 6);
    const b12 = rotl(a13 ^ d3, 25);
    const b13 = rotl(a19 ^ d4, 8);
    const b14 = rotl(a20 ^ d0, 18);
    const b15 = rotl(a4 ^ d4, 27);
    const b16 = rotl(a5 ^ d0, 36);
    const b17 = rotl(a11 ^ d1, 10);
    const b18 = rotl(a17 ^ d2, 15);
    const b19 = rotl(a23 ^ d3, 56);
    const b20 = rotl(a2 ^ d2, 62);
    const b21 = rotl(a8 ^ d3, 55);
    const b22 = rotl(a14 ^ d4, 39);
    const b23 = rotl(a15 ^ d0, 41);
    const b24 = rotl(a21 ^ d1, 2);
    // χ, and ι on the first lane
    a0 = b0 ^ (~b1 & b2) ^ ROUND_CONSTANTS[round];
    a1 = b1 ^ (~b2 & b3);
    a2 = b2 ^ (~b3 & b4);
    a3 = b3 ^ (~b4 & b0);
    a4 = b4 ^ (~b0 & b1);
    a5 = b5 ^ (~b6 & b7);
    a6 = b6 ^ (~b7 & b8);
    a7 = b7 ^ (~b8 & b9);
    a8 = b8 ^ (~b9 & b5);
    a9 = b9 ^ (~b5 & b6);
    a10 = b10 ^ (~b11 & b12);
    a11 = b11 ^ (~b12 & b13);
    a12 = b12 ^ (~b13 & b14);
    a13 = b13 ^ (~b14 & b10);
    a14 = b14 ^ (~b10 & b11);
    a15 = b15 ^ (~b16 & b17);
    a16 = b16 ^ (~b17 & b18);
    a17 = b17 ^ (~b18 & b19);
    a18 = b18 ^ (~b19 & b15);
    a19 = b19 ^ (~b15 & b16);
    a20 = b20 ^ (~b21 & b22);
    a21 = b21 ^ (~b22 & b23);
    a22 = b22 ^ (~b23 & b24);
    a23 = b23 ^ (~b24 & b20);
    a24 = b24 ^ (~b20 & b21);
  }
  state.putU64le(0, a0);
  state.putU64le(8, a1);
  state.putU64le(16, a2);
  state.putU64le(24, a3);
  state.putU64le(32, a4);
  state.putU64le(40, a5);
  state.putU64le(48, a6);
  state.putU64le(56, a7);
  state.putU64le(64, a8);
  state.putU64le(72, a9);
  state.putU64le(80, a10);
  state.putU64le(88, a11);
  state.putU64le(96, a12);
  state.putU64le(104, a13);
  state.putU64le(112, a14);
  state.putU64le(120, a15);
  state.putU64le(128, a16);
  state.putU64le(136, a17);
  state.putU64le(144, a18);
  state.putU64le(152, a19);
  state.putU64le(160, a20);
  state.putU64le(168, a21);
  state.putU64le(176, a22);
  state.putU64le(184, a23);
  state.putU64le(192, a24);
}

/** Bytes of a block of SHAKE128. */
export const SHAKE128_RATE: u32 = 168;

const ROUND_CONSTANTS: StaticArray<u64> = [
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
  0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
  0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
  0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
];

/** Re-aimed on every use, so that no call allocates. */
const VIEW = Bytes.empty();
