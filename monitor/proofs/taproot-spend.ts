/**
 * What a spend of the piñata's taproot output proves (BIP-341, BIP-342, BIP-340), from bytes alone.
 *
 * - breach: one witness item, a signature valid for the OUTPUT key over the BIP-341 message. Nobody without the key can
 *   make one, so a single source is enough to believe it.
 * - refund: the published leaf, committed to by the output key, with a valid signature of the refund key and the lock
 *   height respected. The leaf and its control block are public: without checking the signature anyone could claim one.
 * - unknown: another leaf that the output key commits to. Its script is not run here, so it counts only inside a block.
 *
 * Anything else is not a spend of this output, whatever a source says.
 */
import { crypto, script as scripts, type Transaction } from "bitcoinjs-lib";
import * as ecc from "tiny-secp256k1";
import { equalBytes, ProofError, showHash, toHex } from "./bytes.ts";
import type { Prevout, Prevouts } from "./prevouts.ts";
import { verifySchnorr } from "./signature.ts";
import { inputFor, LOCKTIME_THRESHOLD, type Outpoint, type ParsedTransaction, showOutpoint } from "./transaction.ts";

export type { Prevout } from "./prevouts.ts";

/** The output that the piñata's address pays to. */
export interface WatchedOutput {
  /** 34 bytes: OP_1, push of 32. */
  script: Uint8Array;
  outputKey: Uint8Array;
  refundKey: Uint8Array;
  refundHeight: number;
}

export type SpendKind = "breach" | "refund" | "unknown";
export interface ProvenSpend {
  kind: SpendKind;
  /** What was checked, in a sentence. */
  proof: string;
}

const LEAF_VERSION = 0xc0;
const ANNEX = 0x50;
const MAX_DEPTH = 128;
const HASH_TYPES: Readonly<Record<number, string>> = {
  0: "SIGHASH_DEFAULT",
  1: "SIGHASH_ALL",
  2: "SIGHASH_NONE",
  3: "SIGHASH_SINGLE",
  129: "SIGHASH_ALL|ANYONECANPAY",
  130: "SIGHASH_NONE|ANYONECANPAY",
  131: "SIGHASH_SINGLE|ANYONECANPAY",
};

/**
 * The one leaf: `<refund key> OP_CHECKSIGVERIFY <height> OP_CHECKLOCKTIMEVERIFY`, i.e. and_v(v:pk(R),after(H)).
 * Throws {@link ProofError} for a height that is none.
 */
export function refundLeaf({ refundKey, refundHeight }: Pick<WatchedOutput, "refundKey" | "refundHeight">): Uint8Array {
  if (!Number.isInteger(refundHeight) || refundHeight < 1 || refundHeight >= LOCKTIME_THRESHOLD) {
    throw new ProofError(`a refund height of ${refundHeight}`);
  }
  return scripts.compile([
    refundKey,
    scripts.OPS.OP_CHECKSIGVERIFY!,
    refundHeight <= 16 ? scripts.OPS.OP_RESERVED! + refundHeight : scripts.number.encode(refundHeight),
    scripts.OPS.OP_CHECKLOCKTIMEVERIFY!,
  ]);
}

/** What a leaf of exactly that form says; undefined for any other script, an unusual encoding of the same included. */
export function readRefundLeaf(leaf: Uint8Array): Pick<WatchedOutput, "refundKey" | "refundHeight"> | undefined {
  if (leaf.length < 36 || leaf.length > 40 || leaf[0] !== 32) return undefined;
  const refundKey = leaf.slice(1, 33);
  const push = leaf.subarray(34, -1);
  const small = push[0]! - scripts.OPS.OP_RESERVED!;
  const refundHeight =
    push.length === 1 ? small : push.subarray(1).reduceRight((number, byte) => number * 256 + byte, 0);
  if (refundHeight < 1 || refundHeight >= LOCKTIME_THRESHOLD || !ecc.isXOnlyPoint(refundKey)) return undefined;
  // Written out again it must be the same bytes: opcodes, and the shortest form of the number.
  const facts = { refundKey, refundHeight };
  return equalBytes(refundLeaf(facts), leaf) ? facts : undefined;
}

/** Output key (32 bytes) and parity of an internal key with one leaf; throws {@link ProofError}. */
export function outputKeyOf(internalKey: Uint8Array, leaf: Uint8Array): { key: Uint8Array; parity: number } {
  return tweak(internalKey, leafHash(LEAF_VERSION, leaf));
}

/** The previous outputs that {@link proveSpend} must be given: all inputs', or only our own with ANYONECANPAY. */
export function prevoutsNeeded(spend: ParsedTransaction, outpoint: Outpoint): Outpoint[] {
  const index = inputFor(spend, outpoint);
  if (index < 0) return [];
  const { stack } = splitAnnex(spend.parsed.ins[index]!.witness);
  const signature = stack[0];
  if (signature?.length === 65 && (signature[64]! & 0x80) !== 0) return [outpoint];
  return spend.parsed.ins.map((input) => ({ txid: showHash(input.hash), vout: input.index }));
}

/**
 * Proves the spend of `outpoint` or throws {@link ProofError}. `prevouts`: by "txid:vout", each taken from a raw previous
 * transaction whose txid was checked; our own outpoint's must pay to `output`.
 */
export function proveSpend(
  spend: ParsedTransaction,
  outpoint: Outpoint,
  output: WatchedOutput,
  prevouts: Prevouts,
): ProvenSpend {
  const index = inputFor(spend, outpoint);
  if (index < 0) throw new ProofError(`transaction ${spend.txid} does not spend ${showOutpoint(outpoint)}`);
  const own = prevouts.get(showOutpoint(outpoint));
  if (!own || !equalBytes(own.script, output.script)) throw new ProofError("the spent output does not pay the piñata");
  if (spend.parsed.ins[index]!.script.length !== 0) throw new ProofError("a taproot spend with a signature script");
  const { stack, annex } = splitAnnex(spend.parsed.ins[index]!.witness);
  if (stack.length === 0) throw new ProofError("a taproot spend without a witness");
  const signing = { spend: spend.parsed, index, prevouts, ...(annex ? { annex } : {}) };
  if (stack.length === 1) {
    // A message signed by the key (BIP-322) has this form too, with an output of nothing; the signature commits to the amount.
    if (own.value === 0n) throw new ProofError("a key-path spend of an output of nothing, which any signed message is");
    const type = checkSignature(signing, stack[0]!, output.outputKey);
    return {
      kind: "breach",
      proof:
        `Key path: the BIP-340 signature (${type}${annex ? ", with annex" : ""}) of input ${index} of ${spend.txid} is valid ` +
        `for output key ${toHex(output.outputKey)} over the BIP-341 message.`,
    };
  }
  return proveScriptPath(signing, stack, output, spend.txid);
}

interface Signing {
  spend: Transaction;
  index: number;
  prevouts: Prevouts;
  annex?: Uint8Array;
}

function proveScriptPath(signing: Signing, stack: Uint8Array[], output: WatchedOutput, txid: string): ProvenSpend {
  const control = stack[stack.length - 1]!;
  const leaf = stack[stack.length - 2]!;
  if (control.length < 33 || (control.length - 33) % 32 !== 0 || control.length > 33 + 32 * MAX_DEPTH) {
    throw new ProofError(`a control block of ${control.length} bytes`);
  }
  const version = control[0]! & 0xfe;
  let node = leafHash(version, leaf);
  const hash = node;
  for (let at = 33; at < control.length; at += 32) {
    const sibling = control.subarray(at, at + 32);
    const pair = Buffer.compare(node, sibling) < 0 ? [node, sibling] : [sibling, node];
    node = crypto.taggedHash("TapBranch", Buffer.concat(pair));
  }
  const committed = tweak(control.subarray(1, 33), node);
  if (!equalBytes(committed.key, output.outputKey) || committed.parity !== (control[0]! & 1)) {
    throw new ProofError("a control block that the output key does not commit to");
  }
  if (version !== LEAF_VERSION || !equalBytes(leaf, refundLeaf(output))) {
    return {
      kind: "unknown",
      proof: `Script path: the output key commits to the leaf that ${txid} shows, but it is not the published refund leaf.`,
    };
  }
  if (stack.length !== 3) throw new ProofError("a refund whose witness is not signature, leaf and control block");
  const { locktime, ins } = signing.spend;
  if (locktime < output.refundHeight || locktime >= LOCKTIME_THRESHOLD || ins[signing.index]!.sequence === 0xffffffff) {
    throw new ProofError(`a refund that is not locked until height ${output.refundHeight}`);
  }
  const type = checkSignature(signing, stack[0]!, output.refundKey, hash);
  return {
    kind: "refund",
    proof:
      `Script path: the output key commits to the published refund leaf, the refund key's BIP-340 signature (${type}) of ` +
      `${txid} is valid, and it is locked until height ${output.refundHeight} or later.`,
  };
}

/** Verifies a 64- or 65-byte signature for an x-only key; returns the hash type's name. */
function checkSignature(signing: Signing, signature: Uint8Array, key: Uint8Array, leaf?: Uint8Array): string {
  if (signature.length !== 64 && signature.length !== 65)
    throw new ProofError(`a signature of ${signature.length} bytes`);
  const type = signature.length === 65 ? signature[64]! : 0;
  const name = HASH_TYPES[type];
  // An explicit 65th byte must not say DEFAULT (BIP-341, common signature validation).
  if (name === undefined || (signature.length === 65 && type === 0))
    throw new ProofError(`a signature of hash type ${type}`);
  const { spend, index, prevouts, annex } = signing;
  if ((type & 3) === 3 && index >= spend.outs.length) throw new ProofError("SIGHASH_SINGLE without a matching output");
  const all = spend.ins.map((input, position): Prevout => {
    const outpoint = `${showHash(input.hash)}:${input.index}`;
    const prevout = prevouts.get(outpoint);
    if (prevout) return prevout;
    if ((type & 0x80) !== 0 && position !== index) return { script: new Uint8Array(), value: 0n };
    throw new ProofError(`the previous output ${outpoint} is not known`);
  });
  const message = spend.hashForWitnessV1(
    index,
    all.map((prevout) => prevout.script),
    all.map((prevout) => prevout.value),
    type,
    leaf,
    annex,
  );
  if (!verifySchnorr(message, key, signature.subarray(0, 64))) {
    throw new ProofError(`a signature (${name}) that is not valid`);
  }
  return name;
}

function splitAnnex(witness: readonly Uint8Array[]): { stack: Uint8Array[]; annex?: Uint8Array } {
  const last = witness[witness.length - 1];
  if (witness.length >= 2 && last !== undefined && last[0] === ANNEX)
    return { stack: witness.slice(0, -1), annex: last };
  return { stack: witness.slice() };
}

function leafHash(version: number, leaf: Uint8Array): Uint8Array {
  const length = leaf.length < 0xfd ? [leaf.length] : [0xfd, leaf.length & 0xff, leaf.length >>> 8];
  if (leaf.length > 0xffff) throw new ProofError("a leaf longer than 65,535 bytes");
  return crypto.taggedHash("TapLeaf", Buffer.concat([Uint8Array.from([version, ...length]), leaf]));
}

function tweak(internalKey: Uint8Array, root: Uint8Array): { key: Uint8Array; parity: number } {
  const scalar = crypto.taggedHash("TapTweak", Buffer.concat([internalKey, root]));
  let result: ecc.XOnlyPointAddTweakResult | null = null;
  try {
    result = ecc.xOnlyPointAddTweak(internalKey, scalar);
  } catch {
    // Not the x coordinate of a point.
  }
  if (result === null) throw new ProofError("an internal key that is not a point");
  return { key: result.xOnlyPubkey, parity: result.parity };
}
