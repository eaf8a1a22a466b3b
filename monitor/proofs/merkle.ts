/**
 * Proof that a transaction is in a block: a merkle branch (as Esplora gives it) or a partial merkle tree (Core's
 * gettxoutproof, the CMerkleBlock of BIP-37), each checked against the root in a header whose work was checked.
 * A transaction of 64 bytes without witness could be an inner node of the tree in disguise and is refused as a leaf;
 * so is a tree with two equal siblings (CVE-2012-2459), which could hold a transaction that the block has not.
 */
import { equalBytes, type Hash, hashBytes, ProofError, sha256d, showHash } from "./bytes.ts";
import type { Header } from "./header.ts";
import type { ParsedTransaction } from "./transaction.ts";

export type MerkleProof =
  | { form: "branch"; siblings: readonly Hash[]; position: number }
  /** The bytes that gettxoutproof returns: header, count, hashes, flags. */
  | { form: "partial-tree"; raw: Uint8Array };

/** No block has more: each transaction weighs at least 4 × 60. */
const MAX_TRANSACTIONS = 4_000_000 / 240;
const MAX_DEPTH = 16;

/** Throws {@link ProofError} unless `proof` shows that `transaction` is in the block of `header`. */
export function checkInclusion(transaction: ParsedTransaction, proof: MerkleProof, header: Header): void {
  if (transaction.strippedLength === 64) throw new ProofError("a 64-byte transaction proves nothing as a merkle leaf");
  if (proof.form === "branch") {
    const root = rootOfBranch(transaction.txid, proof.siblings, proof.position);
    if (root !== header.merkleRoot) throw new ProofError("a merkle branch that does not lead to the block's root");
    return;
  }
  const { header: claimed, root, matches } = readPartialTree(proof.raw);
  if (!equalBytes(claimed, header.raw)) throw new ProofError("a merkle proof for another block");
  if (root !== header.merkleRoot) throw new ProofError("a merkle proof that does not lead to the block's root");
  if (!matches.includes(transaction.txid)) throw new ProofError("a merkle proof for another transaction");
}

/** The root that follows from a leaf at `position` (0 = coinbase) and its siblings, leaf level first. */
export function rootOfBranch(leaf: Hash, siblings: readonly Hash[], position: number): Hash {
  if (siblings.length > MAX_DEPTH) throw new ProofError("a merkle branch that is too long");
  if (!Number.isInteger(position) || position < 0 || position >= 2 ** siblings.length) {
    throw new ProofError("a merkle branch whose position is outside the tree");
  }
  let node = hashBytes(leaf);
  let index = position;
  for (const text of siblings) {
    const sibling = hashBytes(text);
    // An odd level repeats its last node on the right; on the left it would be a forgery.
    if (index % 2 === 1 && equalBytes(node, sibling)) throw new ProofError("a merkle branch with a repeated left node");
    node = index % 2 === 1 ? join(sibling, node) : join(node, sibling);
    index >>>= 1;
  }
  return showHash(node);
}

/** Reads a CMerkleBlock: the header's bytes, the root that follows from the tree, and the txids it proves. */
export function readPartialTree(raw: Uint8Array): { header: Uint8Array; root: Hash; matches: Hash[] } {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  let at = 80;
  const take = (length: number): number => {
    if (length > raw.length - at) throw new ProofError("a merkle proof that ends too early");
    at += length;
    return at - length;
  };
  const count = (): number => {
    const first = view.getUint8(take(1));
    if (first < 0xfd) return first;
    if (first === 0xfd) return view.getUint16(take(2), true);
    throw new ProofError("a merkle proof with an impossible count");
  };
  if (raw.length < 80) throw new ProofError("a merkle proof that ends too early");
  const total = view.getUint32(take(4), true);
  if (total === 0 || total > MAX_TRANSACTIONS) throw new ProofError("a merkle proof for an impossible block");
  const hashes: Uint8Array[] = [];
  for (let left = count(); left > 0; left--) {
    const start = take(32);
    hashes.push(raw.subarray(start, start + 32));
  }
  const flagBytes = count();
  const flagStart = take(flagBytes);
  if (at !== raw.length) throw new ProofError("a merkle proof with bytes left over");

  const matches: Hash[] = [];
  let usedHashes = 0;
  let usedFlags = 0;
  const width = (height: number): number => Math.ceil(total / 2 ** height);
  const walk = (height: number, position: number): Uint8Array => {
    if (usedFlags >= flagBytes * 8) throw new ProofError("a merkle proof with too few flags");
    const flag = (raw[flagStart + (usedFlags >>> 3)]! >>> (usedFlags & 7)) & 1;
    usedFlags++;
    if (height === 0 || flag === 0) {
      const hash = hashes[usedHashes++];
      if (hash === undefined) throw new ProofError("a merkle proof with too few hashes");
      if (height === 0 && flag === 1) matches.push(showHash(hash));
      return hash;
    }
    const left = walk(height - 1, position * 2);
    if (position * 2 + 1 >= width(height - 1)) return join(left, left);
    const right = walk(height - 1, position * 2 + 1);
    if (equalBytes(left, right)) throw new ProofError("a merkle proof with two equal siblings");
    return join(left, right);
  };
  let height = 0;
  while (width(height) > 1) height++;
  const root = showHash(walk(height, 0));
  if (usedHashes !== hashes.length) throw new ProofError("a merkle proof with hashes left over");
  if (Math.ceil(usedFlags / 8) !== flagBytes) throw new ProofError("a merkle proof with flags left over");
  return { header: raw.subarray(0, 80), root, matches };
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256d(Buffer.concat([left, right]));
}
