/**
 * The bitsliced state of AES (FIPS 197): one row of sixteen states, and the steps of a round on it.
 *
 * A word for each bit of the row's bytes: bit 16 c + b of word p is bit p of the byte in column c of block b. So SubBytes
 * is a circuit over words, ShiftRows turns words by a multiple of 16, and MixColumns xors whole rows; every step does the
 * same whatever the bytes are. The S-box is the circuit of Boyar and Peralta (eprint 2009/191) without its four final
 * inversions, which amount to the constant 0x63: the caller adds that to the round keys.
 */
import { Bytes } from "bytes";

/** One row of sixteen states; word `xp` holds bit p of its 4 × 16 bytes. */
@final
export class AesRow {
  private x0: u64 = 0;
  private x1: u64 = 0;
  private x2: u64 = 0;
  private x3: u64 = 0;
  private x4: u64 = 0;
  private x5: u64 = 0;
  private x6: u64 = 0;
  private x7: u64 = 0;

  /** The same four bytes (at bits 0, 16, 32, 48 of `bytes`: columns 0 to 3) in every block; zero outside `lanes`. */
  load(bytes: u64, lanes: u64): void {
    this.x0 = spread(bytes) & lanes;
    this.x1 = spread(bytes >> 1) & lanes;
    this.x2 = spread(bytes >> 2) & lanes;
    this.x3 = spread(bytes >> 3) & lanes;
    this.x4 = spread(bytes >> 4) & lanes;
    this.x5 = spread(bytes >> 5) & lanes;
    this.x6 = spread(bytes >> 6) & lanes;
    this.x7 = spread(bytes >> 7) & lanes;
  }

  /** Adds 0 to 15 to the last byte of blocks 0 to 15; its low four bits must be zero. */
  countBlocks(): void {
    this.x0 ^= 0xaaaa << 48;
    this.x1 ^= 0xcccc << 48;
    this.x2 ^= 0xf0f0 << 48;
    this.x3 ^= 0xff00 << 48;
  }

  /** AddRoundKey. */
  add(key: AesRow): void {
    this.x0 ^= key.x0;
    this.x1 ^= key.x1;
    this.x2 ^= key.x2;
    this.x3 ^= key.x3;
    this.x4 ^= key.x4;
    this.x5 ^= key.x5;
    this.x6 ^= key.x6;
    this.x7 ^= key.x7;
  }

  /** SubBytes without its constant, then ShiftRows: column c takes from column c + `turn` / 16. */
  substitute(turn: u64): void {
    const x0 = this.x7;
    const x1 = this.x6;
    const x2 = this.x5;
    const x3 = this.x4;
    const x4 = this.x3;
    const x5 = this.x2;
    const x6 = this.x1;
    const x7 = this.x0;
    // Top linear layer.
    const y14 = x3 ^ x5;
    const y13 = x0 ^ x6;
    const y9 = x0 ^ x3;
    const y8 = x0 ^ x5;
    const t0 = x1 ^ x2;
    const y1 = t0 ^ x7;
    const y4 = y1 ^ x3;
    const y12 = y13 ^ y14;
    const y2 = y1 ^ x0;
    const y5 = y1 ^ x6;
    const y3 = y5 ^ y8;
    const t1 = x4 ^ y12;
    const y15 = t1 ^ x5;
    const y20 = t1 ^ x1;
    const y6 = y15 ^ x7;
    const y10 = y15 ^ t0;
    const y11 = y20 ^ y9;
    const y7 = x7 ^ y11;
    const y17 = y10 ^ y11;
    const y19 = y10 ^ y8;
    const y16 = t0 ^ y11;
    const y21 = y13 ^ y16;
    const y18 = x0 ^ y16;
    // Inversion in GF(2^4)^2: the products of the shared sums …
    const t2 = y12 & y15;
    const t3 = y3 & y6;
    const t4 = t3 ^ t2;
    const t5 = y4 & x7;
    const t6 = t5 ^ t2;
    const t7 = y13 & y16;
    const t8 = y5 & y1;
    const t9 = t8 ^ t7;
    const t10 = y2 & y7;
    const t11 = t10 ^ t7;
    const t12 = y9 & y11;
    const t13 = y14 & y17;
    const t14 = t13 ^ t12;
    const t15 = y8 & y10;
    const t16 = t15 ^ t12;
    const t17 = t4 ^ t14;
    const t18 = t6 ^ t16;
    const t19 = t9 ^ t14;
    const t20 = t11 ^ t16;
    const t21 = t17 ^ y20;
    const t22 = t18 ^ y19;
    const t23 = t19 ^ y21;
    const t24 = t20 ^ y18;
    // … the inverse in GF(2^4) …
    const t25 = t21 ^ t22;
    const t26 = t21 & t23;
    const t27 = t24 ^ t26;
    const t28 = t25 & t27;
    const t29 = t28 ^ t22;
    const t30 = t23 ^ t24;
    const t31 = t22 ^ t26;
    const t32 = t31 & t30;
    const t33 = t32 ^ t24;
    const t34 = t23 ^ t33;
    const t35 = t27 ^ t33;
    const t36 = t24 & t35;
    const t37 = t36 ^ t34;
    const t38 = t27 ^ t36;
    const t39 = t29 & t38;
    const t40 = t25 ^ t39;
    const t41 = t40 ^ t37;
    const t42 = t29 ^ t33;
    const t43 = t29 ^ t40;
    const t44 = t33 ^ t37;
    const t45 = t42 ^ t41;
    // … and the products that come back.
    const z0 = t44 & y15;
    const z1 = t37 & y6;
    const z2 = t33 & x7;
    const z3 = t43 & y16;
    const z4 = t40 & y1;
    const z5 = t29 & y7;
    const z6 = t42 & y11;
    const z7 = t45 & y17;
    const z8 = t41 & y10;
    const z9 = t44 & y12;
    const z10 = t37 & y3;
    const z11 = t33 & y4;
    const z12 = t43 & y13;
    const z13 = t40 & y5;
    const z14 = t29 & y2;
    const z15 = t42 & y9;
    const z16 = t45 & y14;
    const z17 = t41 & y8;
    // Bottom linear layer.
    const t46 = z15 ^ z16;
    const t47 = z10 ^ z11;
    const t48 = z5 ^ z13;
    const t49 = z9 ^ z10;
    const t50 = z2 ^ z12;
    const t51 = z2 ^ z5;
    const t52 = z7 ^ z8;
    const t53 = z0 ^ z3;
    const t54 = z6 ^ z7;
    const t55 = z16 ^ z17;
    const t56 = z12 ^ t48;
    const t57 = t50 ^ t53;
    const t58 = z4 ^ t46;
    const t59 = z3 ^ t54;
    const t60 = t46 ^ t57;
    const t61 = z14 ^ t57;
    const t62 = t52 ^ t58;
    const t63 = t49 ^ t58;
    const t64 = z4 ^ t59;
    const t65 = t61 ^ t62;
    const t66 = z1 ^ t63;
    const s0 = t59 ^ t63;
    const s6 = t56 ^ t62;
    const s7 = t48 ^ t60;
    const t67 = t64 ^ t65;
    const s3 = t53 ^ t66;
    const s4 = t51 ^ t66;
    const s5 = t47 ^ t65;
    const s1 = t64 ^ s3;
    const s2 = t55 ^ t67;
    this.x7 = rotr(s0, turn);
    this.x6 = rotr(s1, turn);
    this.x5 = rotr(s2, turn);
    this.x4 = rotr(s3, turn);
    this.x3 = rotr(s4, turn);
    this.x2 = rotr(s5, turn);
    this.x1 = rotr(s6, turn);
    this.x0 = rotr(s7, turn);
  }

  /** MixColumns for one row, 2 a + 3 b + c + d (a is this row's, b to d the rows below it in turn), and AddRoundKey. */
  mix(a: AesRow, b: AesRow, c: AesRow, d: AesRow, key: AesRow): void {
    const b0 = b.x0;
    const u0 = a.x0 ^ b0;
    const b1 = b.x1;
    const u1 = a.x1 ^ b1;
    const b2 = b.x2;
    const u2 = a.x2 ^ b2;
    const b3 = b.x3;
    const u3 = a.x3 ^ b3;
    const b4 = b.x4;
    const u4 = a.x4 ^ b4;
    const b5 = b.x5;
    const u5 = a.x5 ^ b5;
    const b6 = b.x6;
    const u6 = a.x6 ^ b6;
    const b7 = b.x7;
    const u7 = a.x7 ^ b7;
    this.x0 = u7 ^ b0 ^ c.x0 ^ d.x0 ^ key.x0;
    this.x1 = u0 ^ u7 ^ b1 ^ c.x1 ^ d.x1 ^ key.x1;
    this.x2 = u1 ^ b2 ^ c.x2 ^ d.x2 ^ key.x2;
    this.x3 = u2 ^ u7 ^ b3 ^ c.x3 ^ d.x3 ^ key.x3;
    this.x4 = u3 ^ u7 ^ b4 ^ c.x4 ^ d.x4 ^ key.x4;
    this.x5 = u4 ^ b5 ^ c.x5 ^ d.x5 ^ key.x5;
    this.x6 = u5 ^ b6 ^ c.x6 ^ d.x6 ^ key.x6;
    this.x7 = u6 ^ b7 ^ c.x7 ^ d.x7 ^ key.x7;
  }

  /** Transposes the 8 × 8 bits of each byte position over the eight words. */
  transpose(): void {
    let x0 = this.x0;
    let x1 = this.x1;
    let x2 = this.x2;
    let x3 = this.x3;
    let x4 = this.x4;
    let x5 = this.x5;
    let x6 = this.x6;
    let x7 = this.x7;
    const t10 = ((x0 >> 1) ^ x1) & 0x5555555555555555;
    x0 ^= t10 << 1;
    x1 ^= t10;
    const t12 = ((x2 >> 1) ^ x3) & 0x5555555555555555;
    x2 ^= t12 << 1;
    x3 ^= t12;
    const t14 = ((x4 >> 1) ^ x5) & 0x5555555555555555;
    x4 ^= t14 << 1;
    x5 ^= t14;
    const t16 = ((x6 >> 1) ^ x7) & 0x5555555555555555;
    x6 ^= t16 << 1;
    x7 ^= t16;
    const t20 = ((x0 >> 2) ^ x2) & 0x3333333333333333;
    x0 ^= t20 << 2;
    x2 ^= t20;
    const t21 = ((x1 >> 2) ^ x3) & 0x3333333333333333;
    x1 ^= t21 << 2;
    x3 ^= t21;
    const t24 = ((x4 >> 2) ^ x6) & 0x3333333333333333;
    x4 ^= t24 << 2;
    x6 ^= t24;
    const t25 = ((x5 >> 2) ^ x7) & 0x3333333333333333;
    x5 ^= t25 << 2;
    x7 ^= t25;
    const t40 = ((x0 >> 4) ^ x4) & 0x0f0f0f0f0f0f0f0f;
    x0 ^= t40 << 4;
    x4 ^= t40;
    const t41 = ((x1 >> 4) ^ x5) & 0x0f0f0f0f0f0f0f0f;
    x1 ^= t41 << 4;
    x5 ^= t41;
    const t42 = ((x2 >> 4) ^ x6) & 0x0f0f0f0f0f0f0f0f;
    x2 ^= t42 << 4;
    x6 ^= t42;
    const t43 = ((x3 >> 4) ^ x7) & 0x0f0f0f0f0f0f0f0f;
    x3 ^= t43 << 4;
    x7 ^= t43;
    this.x0 = x0;
    this.x1 = x1;
    this.x2 = x2;
    this.x3 = x3;
    this.x4 = x4;
    this.x5 = x5;
    this.x6 = x6;
    this.x7 = x7;
  }

  /** Exchanges the bits of this row selected by `mask` << `shift` with those of `other` selected by `mask`. */
  exchange(other: AesRow, shift: u64, mask: u64): void {
    const t0 = ((this.x0 >> shift) ^ other.x0) & mask;
    this.x0 ^= t0 << shift;
    other.x0 ^= t0;
    const t1 = ((this.x1 >> shift) ^ other.x1) & mask;
    this.x1 ^= t1 << shift;
    other.x1 ^= t1;
    const t2 = ((this.x2 >> shift) ^ other.x2) & mask;
    this.x2 ^= t2 << shift;
    other.x2 ^= t2;
    const t3 = ((this.x3 >> shift) ^ other.x3) & mask;
    this.x3 ^= t3 << shift;
    other.x3 ^= t3;
    const t4 = ((this.x4 >> shift) ^ other.x4) & mask;
    this.x4 ^= t4 << shift;
    other.x4 ^= t4;
    const t5 = ((this.x5 >> shift) ^ other.x5) & mask;
    this.x5 ^= t5 << shift;
    other.x5 ^= t5;
    const t6 = ((this.x6 >> shift) ^ other.x6) & mask;
    this.x6 ^= t6 << shift;
    other.x6 ^= t6;
    const t7 = ((this.x7 >> shift) ^ other.x7) & mask;
    this.x7 ^= t7 << shift;
    other.x7 ^= t7;
  }

  /** Writes eight finished blocks to `out` from `at`; this row has their columns 0 and 2, `odd` has 1 and 3. */
  store(odd: AesRow, out: Bytes, at: u32): void {
    storeBlock(this.x0, odd.x0, out, at);
    storeBlock(this.x1, odd.x1, out, at + 16);
    storeBlock(this.x2, odd.x2, out, at + 32);
    storeBlock(this.x3, odd.x3, out, at + 48);
    storeBlock(this.x4, odd.x4, out, at + 64);
    storeBlock(this.x5, odd.x5, out, at + 80);
    storeBlock(this.x6, odd.x6, out, at + 96);
    storeBlock(this.x7, odd.x7, out, at + 112);
  }

  wipe(): void {
    this.x0 = this.x1 = this.x2 = this.x3 = 0;
    this.x4 = this.x5 = this.x6 = this.x7 = 0;
  }

  /** SubWord of the key expansion (FIPS 197 §5.2): its four bytes are lanes 0, 8, 16 and 24. */
  substituteWord(word: u32): u32 {
    this.x0 = word & 0x01010101;
    this.x1 = (word >> 1) & 0x01010101;
    this.x2 = (word >> 2) & 0x01010101;
    this.x3 = (word >> 3) & 0x01010101;
    this.x4 = (word >> 4) & 0x01010101;
    this.x5 = (word >> 5) & 0x01010101;
    this.x6 = (word >> 6) & 0x01010101;
    this.x7 = (word >> 7) & 0x01010101;
    this.substitute(0);
    const low = this.x0 | (this.x1 << 1) | (this.x2 << 2) | (this.x3 << 3);
    const high = (this.x4 << 4) | (this.x5 << 5) | (this.x6 << 6) | (this.x7 << 7);
    return <u32>(low | high) ^ 0x63636363;
  }
}

/** Copies bits 0, 16, 32 and 48 to the sixteen bits from there on. */
function spread(bits: u64): u64 {
  const ones = bits & 0x0001000100010001;
  return (ones << 16) - ones;
}

function storeBlock(even: u64, odd: u64, out: Bytes, at: u32): void {
  out.putU64le(at, (even & 0xffffffff) | (odd << 32));
  out.putU64le(at + 8, (even >> 32) | (odd & 0xffffffff00000000));
}
