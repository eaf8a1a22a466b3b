/** Test harness for the ciphers, authenticators and AEADs of guest/crypto. AEAD numbers: 0 ChaCha20-Poly1305, 1 AES-128-GCM, 2 AES-256-GCM. */
import { mark, release, top } from "arena";
import { Bytes } from "bytes";
import { Aead } from "../../../../unikernel/guest/crypto/aead";
import { Aes } from "../../../../unikernel/guest/crypto/aes";
import { AesGcm } from "../../../../unikernel/guest/crypto/aes-gcm";
import { chacha20Block, chacha20Xor } from "../../../../unikernel/guest/crypto/chacha20";
import { ChaCha20Poly1305 } from "../../../../unikernel/guest/crypto/chacha20poly1305";
import { Ghash } from "../../../../unikernel/guest/crypto/ghash";
import { Poly1305 } from "../../../../unikernel/guest/crypto/poly1305";

/** Fixed places in the input: key, nonce, tag, AAD; the output buffer holds the data, in place. */
const IN = Bytes.alloc(8192);
const OUT = Bytes.alloc(32768);
const TAG_AT: u32 = 64;
const AAD_AT: u32 = 128;

const ZERO = Bytes.alloc(32);
const CHACHA: Aead = new ChaCha20Poly1305(ZERO);
const AES128: Aead = new AesGcm(ZERO.slice(0, 16));
const AES256: Aead = new AesGcm(ZERO);
const POLY = new Poly1305();
const GHASH = new Ghash();
const KEY = Bytes.empty();
const NONCE = Bytes.empty();
const TAG = Bytes.empty();
const AAD = Bytes.empty();
const DATA = Bytes.empty();

export function input(): usize {
  return IN.address;
}
export function output(): usize {
  return OUT.address;
}
export function heapTop(): usize {
  return top();
}

function aead(which: u32): Aead {
  return which == 0 ? CHACHA : which == 1 ? AES128 : AES256;
}

export function rekey(which: u32, keyLength: u32): void {
  aead(which).rekey(KEY.aim(IN, 0, keyLength));
}
export function create(which: u32, keyLength: u32): void {
  if (which == 0) new ChaCha20Poly1305(IN.slice(0, keyLength));
  else new AesGcm(IN.slice(0, keyLength));
}
export function seal(which: u32, nonceLength: u32, aadLength: u32, dataLength: u32, tagLength: u32): void {
  aead(which).seal(
    NONCE.aim(IN, 32, nonceLength),
    AAD.aim(IN, AAD_AT, aadLength),
    DATA.aim(OUT, 0, dataLength),
    TAG.aim(IN, TAG_AT, tagLength),
  );
}
export function open(which: u32, nonceLength: u32, aadLength: u32, dataLength: u32, tagLength: u32): bool {
  return aead(which).open(
    NONCE.aim(IN, 32, nonceLength),
    AAD.aim(IN, AAD_AT, aadLength),
    DATA.aim(OUT, 0, dataLength),
    TAG.aim(IN, TAG_AT, tagLength),
  );
}
export function wipe(which: u32): void {
  aead(which).wipe();
}

/** Key at 0, nonce at 32; the block goes to the output. */
export function block(keyLength: u32, nonceLength: u32, counter: u32, outLength: u32): void {
  chacha20Block(KEY.aim(IN, 0, keyLength), counter, NONCE.aim(IN, 32, nonceLength), DATA.aim(OUT, 0, outLength));
}
/** Key at 0, nonce at 32; the output buffer holds the data, in place. */
export function xor(counter: u32, length: u32): void {
  chacha20Xor(KEY.aim(IN, 0, 32), counter, NONCE.aim(IN, 32, 12), DATA.aim(OUT, 0, length));
}

export function polyInit(keyLength: u32): void {
  POLY.init(KEY.aim(IN, 0, keyLength));
}
/** Data from `start` of the output buffer. */
export function polyUpdate(start: u32, length: u32): void {
  POLY.update(DATA.aim(OUT, start, length));
}
export function polyDigest(length: u32): void {
  POLY.digest(TAG.aim(IN, TAG_AT, length));
}

/** Key at 0, nonce at 32; the sixteen blocks go to the output. Allocates the key schedule. */
export function counterBlocks(keyLength: u32, nonceLength: u32, first: u32, outLength: u32): void {
  const scope = mark();
  new Aes(IN.slice(0, keyLength)).encryptCounters(IN.slice(32, nonceLength), first, OUT.slice(0, outLength));
  release(scope);
}
/** Key at 0, message in the output buffer; the hash goes to the tag's place. */
export function ghash(keyLength: u32, length: u32, hashLength: u32): void {
  GHASH.init(KEY.aim(IN, 0, keyLength));
  GHASH.updatePadded(DATA.aim(OUT, 0, length));
  GHASH.digest(TAG.aim(IN, TAG_AT, hashLength));
}
