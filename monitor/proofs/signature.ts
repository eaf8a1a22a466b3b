/**
 * Signatures on secp256k1: BIP-340's, and the ECDSA of the scripts before taproot with its strict DER (BIP-66) and the half
 * of `s` that nodes relay (BIP-146). A high `s` is valid by consensus, and anyone can make it from the low one, so a
 * signature in a block may have either. The arithmetic is libsecp256k1's; what it throws on is a wrong signature here.
 */
import * as ecc from "tiny-secp256k1";
import { ProofError } from "./bytes.ts";

/** BIP-340. `message` and `key`: 32 bytes; `signature`: 64. False for whatever is no key or no valid signature. */
export function verifySchnorr(message: Uint8Array, key: Uint8Array, signature: Uint8Array): boolean {
  return orFalse(() => ecc.verifySchnorr(message, key, signature));
}

/** What is asked of a signature: what a node relays, or what a block may hold. */
export type SignaturePolicy = "relay" | "consensus";

const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** A signature with its hash type, as scripts have it. */
export interface EcdsaSignature {
  /** r and s, 32 bytes each. */
  compact: Uint8Array;
  hashType: number;
}

/** Reads DER and the hash type after it; throws {@link ProofError} unless the encoding is the only one allowed. */
export function readEcdsaSignature(bytes: Uint8Array, policy: SignaturePolicy): EcdsaSignature {
  const bad = (what: string) => new ProofError(`an ECDSA signature ${what}`);
  if (bytes.length < 9 || bytes.length > 73) throw bad(`of ${bytes.length} bytes`);
  const der = bytes.subarray(0, -1);
  if (der[0] !== 0x30 || der[1] !== der.length - 2) throw bad("that is not DER");
  const compact = new Uint8Array(64);
  let at = 2;
  for (const half of [compact.subarray(0, 32), compact.subarray(32)]) {
    const length = der[at + 1];
    if (der[at] !== 0x02 || length === undefined || length === 0 || at + 2 + length > der.length) {
      throw bad("that is not DER");
    }
    const integer = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    if (integer[0]! >= 0x80) throw bad("with a negative number");
    if (integer[0] === 0 && length > 1 && integer[1]! < 0x80) throw bad("with a number longer than needed");
    const digits = integer[0] === 0 ? integer.subarray(1) : integer;
    if (digits.length > 32) throw bad("with a number past the group's order");
    half.set(digits, 32 - digits.length);
  }
  if (at !== der.length) throw bad("that is not DER");
  if (policy === "relay" && BigInt(`0x${Buffer.from(compact.subarray(32)).toString("hex")}`) > HALF_ORDER) {
    throw bad("with a high s");
  }
  return { compact, hashType: bytes[bytes.length - 1]! };
}

/** `key`: as scripts have it, 33 or 65 bytes. False for whatever is no key or no valid signature. */
export function verifyEcdsa(message: Uint8Array, key: Uint8Array, compact: Uint8Array): boolean {
  return orFalse(() => ecc.verify(message, key, compact));
}

/** The library throws on values outside the field or the group. */
function orFalse(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    return false;
  }
}
