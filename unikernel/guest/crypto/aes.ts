/**
 * AES-128 and AES-256 (FIPS 197), encryption of counter blocks only: what GCM needs.
 *
 * Bitsliced, sixteen blocks at once (see aes-row.ts): without tables, and no branch and no memory index depends on key or
 * data. The S-box's constant 0x63 goes through ShiftRows and MixColumns unchanged, so it is added to the round keys
 * instead of to every byte of every round. Nothing is allocated after the constructor.
 */
import { Bytes } from "bytes";
import { AesRow } from "./aes-row";

/** Blocks that one call encrypts, and their bytes. */
export const AES_GROUP: u32 = 16;
export const AES_GROUP_LENGTH: u32 = 256;

@final
export class Aes {
  private rounds: u32;
  /** Four rows for each round key. */
  private keys: StaticArray<AesRow>;

  /** `key` is 16 or 32 bytes, else a trap. */
  constructor(key: Bytes) {
    assert(key.length == 16 || key.length == 32);
    const rounds = key.length / 4 + 6;
    const rows: u32 = 4 * (rounds + 1);
    this.rounds = rounds;
    this.keys = new StaticArray<AesRow>(rows);
    for (let i: u32 = 0; i < rows; i++) this.keys[i] = new AesRow();
    this.rekey(key);
  }

  /** Replaces the key by another of the same length (else a trap). */
  rekey(key: Bytes): void {
    const words: u32 = key.length / 4;
    assert(4 * words == key.length && words + 6 == this.rounds);
    const total: u32 = 4 * (this.rounds + 1);
    EXPANDED.put(0, key);
    let constant: u32 = 1;
    for (let i = words; i < total; i++) {
      let word = EXPANDED.u32be(4 * (i - 1));
      if (i % words == 0) {
        word = A0.substituteWord(rotl(word, 8)) ^ (constant << 24);
        constant = (constant << 1) ^ ((constant >> 7) * 0x11b);
      } else if (words == 8 && i % 4 == 0) {
        word = A0.substituteWord(word);
      }
      EXPANDED.putU32be(4 * i, EXPANDED.u32be(4 * (i - words)) ^ word);
    }
    for (let i: u32 = 0; i < total; i++) {
      const at = 16 * (i / 4) + (i & 3);
      const bytes = columns(EXPANDED[at], EXPANDED[at + 4], EXPANDED[at + 8], EXPANDED[at + 12]);
      this.keys[i].load(i < 4 ? bytes : bytes ^ SBOX_CONSTANTS, ALL);
    }
    EXPANDED.wipe();
    A0.wipe();
  }

  /**
   * Writes the encryption of the sixteen blocks `nonce` ‖ `first`, `first` + 1, … to `out` (256 bytes). `first` must be a
   * multiple of 16 and `nonce` 12 bytes long, else a trap. With `first` = 0 the first block encrypted is not
   * `nonce` ‖ 0, which GCM never uses, but the zero block, which it does (its hash key).
   */
  encryptCounters(nonce: Bytes, first: u32, out: Bytes): void {
    assert(nonce.length == 12 && first % AES_GROUP == 0 && out.length == AES_GROUP_LENGTH);
    let a0 = A0;
    let a1 = A1;
    let a2 = A2;
    let a3 = A3;
    let b0 = B0;
    let b1 = B1;
    let b2 = B2;
    let b3 = B3;
    const lanes = first == 0 ? ALL_BUT_BLOCK_0 : ALL;
    a0.load(columns(nonce[0], nonce[4], nonce[8], first >> 24), lanes);
    a1.load(columns(nonce[1], nonce[5], nonce[9], (first >> 16) & 0xff), lanes);
    a2.load(columns(nonce[2], nonce[6], nonce[10], (first >> 8) & 0xff), lanes);
    a3.load(columns(nonce[3], nonce[7], nonce[11], first & 0xff), lanes);
    a3.countBlocks();

    const keys = this.keys;
    a0.add(keys[0]);
    a1.add(keys[1]);
    a2.add(keys[2]);
    a3.add(keys[3]);
    const last = 4 * this.rounds;
    for (let k: u32 = 4; ; k += 4) {
      a0.substitute(0);
      a1.substitute(16);
      a2.substitute(32);
      a3.substitute(48);
      if (k == last) break;
      b0.mix(a0, a1, a2, a3, keys[k]);
      b1.mix(a1, a2, a3, a0, keys[k + 1]);
      b2.mix(a2, a3, a0, a1, keys[k + 2]);
      b3.mix(a3, a0, a1, a2, keys[k + 3]);
      const c0 = a0;
      a0 = b0;
      b0 = c0;
      const c1 = a1;
      a1 = b1;
      b1 = c1;
      const c2 = a2;
      a2 = b2;
      b2 = c2;
      const c3 = a3;
      a3 = b3;
      b3 = c3;
    }
    a0.add(keys[last]);
    a1.add(keys[last + 1]);
    a2.add(keys[last + 2]);
    a3.add(keys[last + 3]);

    // From words for bits to words for columns: exchange the bits of "which word" with bits of "which lane".
    a0.transpose();
    a1.transpose();
    a2.transpose();
    a3.transpose();
    a0.exchange(a1, 8, 0x00ff00ff00ff00ff);
    a2.exchange(a3, 8, 0x00ff00ff00ff00ff);
    a0.exchange(a2, 16, 0x0000ffff0000ffff);
    a1.exchange(a3, 16, 0x0000ffff0000ffff);
    a0.store(a2, out, 0);
    a1.store(a3, out, 128);
    A0.wipe();
    A1.wipe();
    A2.wipe();
    A3.wipe();
    B0.wipe();
    B1.wipe();
    B2.wipe();
    B3.wipe();
  }

  /** Forgets the key. */
  wipe(): void {
    for (let i = 0; i < this.keys.length; i++) this.keys[i].wipe();
  }
}

/** Four bytes at bits 0, 16, 32 and 48. */
function columns(c0: u32, c1: u32, c2: u32, c3: u32): u64 {
  return <u64>c0 | ((<u64>c1) << 16) | ((<u64>c2) << 32) | ((<u64>c3) << 48);
}

const ALL: u64 = 0xffffffffffffffff;
const ALL_BUT_BLOCK_0: u64 = 0xfffefffefffefffe;
/** The S-box constant in each of four columns. */
const SBOX_CONSTANTS: u64 = 0x0063006300630063;

/** Working memory of the call in progress: the states before and after MixColumns, and the expanded key. */
const A0 = new AesRow();
const A1 = new AesRow();
const A2 = new AesRow();
const A3 = new AesRow();
const B0 = new AesRow();
const B1 = new AesRow();
const B2 = new AesRow();
const B3 = new AesRow();
const EXPANDED = Bytes.alloc(240);
