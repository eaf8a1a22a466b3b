/**
 * What a spend of a P2WPKH output proves (BIP-141, BIP-143): the key that hashes to the program signed the transaction.
 * No prevout but its own is signed, so that one alone is needed.
 */
import { crypto } from "bitcoinjs-lib";
import { equalBytes, ProofError, toHex } from "./bytes.ts";
import type { Prevouts } from "./prevouts.ts";
import { readEcdsaSignature, type SignaturePolicy, verifyEcdsa } from "./signature.ts";
import { inputFor, type Outpoint, type ParsedTransaction, showOutpoint } from "./transaction.ts";

/** Hash types that nodes relay: ALL, NONE, SINGLE, each with or without ANYONECANPAY. */
const RELAYED_HASH_TYPES = [1, 2, 3, 0x81, 0x82, 0x83];

/** The script that a P2WPKH program stands for: pay to the hash of a public key. */
export function keyHashScript(program: Uint8Array): Uint8Array {
  return Uint8Array.from([0x76, 0xa9, 0x14, ...program, 0x88, 0xac]);
}

/**
 * Proves the spend of `outpoint`, an output to `program` (20 bytes), or throws {@link ProofError}. Answers what was
 * checked, in a sentence. `policy`: "relay" for a transaction that is in no block, "consensus" for one that is.
 */
export function proveKeyHashSpend(
  spend: ParsedTransaction,
  outpoint: Outpoint,
  program: Uint8Array,
  prevouts: Prevouts,
  policy: SignaturePolicy,
): string {
  if (program.length !== 20) throw new ProofError(`a key hash of ${program.length} bytes`);
  const index = inputFor(spend, outpoint);
  const input = spend.parsed.ins[index];
  if (!input) throw new ProofError(`transaction ${spend.txid} does not spend ${showOutpoint(outpoint)}`);
  const own = prevouts.get(showOutpoint(outpoint));
  if (!own || !equalBytes(own.script, Uint8Array.from([0x00, 0x14, ...program]))) {
    throw new ProofError("the spent output does not pay this key hash");
  }
  if (input.script.length !== 0) throw new ProofError("a P2WPKH spend with a signature script");
  const [signature, key] = input.witness;
  if (input.witness.length !== 2 || !signature || !key) {
    throw new ProofError("a P2WPKH spend whose witness is not signature and key");
  }
  if (!equalBytes(crypto.hash160(key), program)) throw new ProofError("a key that does not have the hash paid to");
  if (policy === "relay" && key.length !== 33) throw new ProofError("a P2WPKH key that is not compressed");
  const { compact, hashType } = readEcdsaSignature(signature, policy);
  if (policy === "relay" && !RELAYED_HASH_TYPES.includes(hashType)) {
    throw new ProofError(`a signature of hash type ${hashType}`);
  }
  const message = spend.parsed.hashForWitnessV0(index, keyHashScript(program), own.value, hashType);
  if (!verifyEcdsa(message, key, compact)) throw new ProofError("an ECDSA signature that is not valid");
  return (
    `P2WPKH: the ECDSA signature (hash type ${hashType}) of input ${index} of ${spend.txid} is valid for public key ` +
    `${toHex(key)} over the BIP-143 message.`
  );
}
