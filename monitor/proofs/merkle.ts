/**
 * Proof that a transaction is in a block: a merkle branch (as Esplora and Electrum give it) or a partial merkle tree
 * (Core's gettxoutproof, the CMerkleBlock of BIP-37), each checked against the root in a header whose work was checked.
 *
 * The tree does not say which of its nodes are leaves. A transaction of 64 bytes without witness could be an inner node
 * in disguise and is refused as a leaf; an inner node whose 64 bytes are a transaction could be a leaf in disguise with a
 * forged tree below it, and is refused too. With the coinbase's own proof the depth of the tree is known, and both
 * forgeries are impossible. Two equal siblings (CVE-2012-2459) could hold a transaction that the block has not.
 */
import { equalBytes, type Hash, hashBytes, ProofError, sha256d, showHash } from "./bytes.ts";
import type { Header } from "./header.ts";
import { isCoinbase, MAX_MONEY, type ParsedTransaction, parseTransaction } from "./transaction.ts";

export type MerkleProof =
  | { form: "branch"; siblings: readonly Hash[]; position: number }
  /** The bytes that gettxoutproof returns: header, count, hashes, flags. */
  | { form: "partial-tree"; raw: Uint8Array };

/** The block's first transaction and its place: tells how deep the tree is. */
export interface CoinbaseProof {
  raw: Uint8Array;
  proof: MerkleProof;
}

/** From a leaf up to the root. */
export interface Branch {
  /** Leaf level first. */
  siblings: readonly Hash[];
  /** 0 = coinbase. */
  position: number;
}

/** No block has more: each transaction weighs at least 4 × 60. */
const MAX_TRANSACTIONS = 4_000_000 / 240;
const MAX_DEPTH = 16;

/** Throws {@link ProofError} unless `proof` shows that `transaction` is in the block of `header`. */
export function checkInclusion(
  transaction: ParsedTransaction,
  proof: MerkleProof,
  header: Header,
  coinbase?: CoinbaseProof,
): void {
  const { siblings } = provenBranch(transaction, proof, header);
  if (coinbase && checkCoinbase(coinbase, header).branch.siblings.length !== siblings.length) {
    throw new ProofError("a merkle proof that is not as deep as the coinbase's");
  }
}

/** The block's coinbase and its branch; throws {@link ProofError} unless it is one, the first of the block of `header`. */
export function checkCoinbase(
  coinbase: CoinbaseProof,
  header: Header,
): { transaction: ParsedTransaction; branch: Branch } {
  const transaction = parseTransaction(coinbase.raw);
  if (!isCoinbase(transaction)) throw new ProofError("a coinbase that is none");
  const branch = provenBranch(transaction, coinbase.proof, header);
  if (branch.position !== 0) throw new ProofError("a coinbase that is not the first transaction of its block");
  return { transaction, branch };
}

function provenBranch(transaction: ParsedTransaction, proof: MerkleProof, header: Header): Branch {
  if (transaction.strippedLength === 64) throw new ProofError("a 64-byte transaction proves nothing as a merkle leaf");
  const branch = proof.form === "branch" ? proof : branchFromTree(transaction, proof.raw, header);
  if (rootOfBranch(transaction.txid, branch.siblings, branch.position) !== header.merkleRoot) {
    throw new ProofError("a merkle branch that does not lead to the block's root");
  }
  return branch;
}

function branchFromTree({ txid }: ParsedTransaction, raw: Uint8Array, header: Header): Branch {
  const { header: claimed, root, matches } = readPartialTree(raw);
  if (!equalBytes(claimed, header.raw)) throw new ProofError("a merkle proof for another block");
  if (root !== header.merkleRoot) throw new ProofError("a merkle proof that does not lead to the block's root");
  const match = matches.find((each) => each.txid === txid);
  if (!match) throw new ProofError("a merkle proof for another transaction");
  return match;
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
    const right = index % 2 === 1;
    // An odd level repeats its last node on the right; on the left it would be a forgery.
    if (right && equalBytes(node, sibling)) throw new ProofError("a merkle branch with a repeated left node");
    const both = right ? Buffer.concat([sibling, node]) : Buffer.concat([node, sibling]);
    if (isTransaction(both)) throw new ProofError("a merkle branch through a node that is a 64-byte transaction");
    node = sha256d(both);
    index >>>= 1;
  }
  return showHash(node);
}

interface Match extends Branch {
  txid: Hash;
}

/** Reads a CMerkleBlock: the header's bytes, the root that follows from the tree, and the transactions it shows. */
export function readPartialTree(raw: Uint8Array): { header: Uint8Array; root: Hash; matches: Match[] } {
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
  const flags = raw.subarray(take(flagBytes), at);
  if (at !== raw.length) throw new ProofError("a merkle proof with bytes left over");
  const { root, matches } = walkTree(total, hashes, flags);
  return { header: raw.subarray(0, 80), root: showHash(root), matches };
}

interface Subtree {
  root: Uint8Array;
  matches: Match[];
}

/** Depth first, as BIP-37 describes: a flag for each node, a hash for each node that is not descended into. */
function walkTree(total: number, hashes: readonly Uint8Array[], flags: Uint8Array): Subtree {
  let usedHashes = 0;
  let usedFlags = 0;
  const width = (height: number): number => Math.ceil(total / 2 ** height);
  const walk = (height: number, position: number): Subtree => {
    if (usedFlags >= flags.length * 8) throw new ProofError("a merkle proof with too few flags");
    const flag = (flags[usedFlags >>> 3]! >>> (usedFlags & 7)) & 1;
    usedFlags++;
    if (height === 0 || flag === 0) {
      const hash = hashes[usedHashes++];
      if (hash === undefined) throw new ProofError("a merkle proof with too few hashes");
      const found = height === 0 && flag === 1 ? [{ txid: showHash(hash), position, siblings: [] }] : [];
      return { root: hash, matches: found };
    }
    const left = walk(height - 1, position * 2);
    if (position * 2 + 1 >= width(height - 1)) return joined(left, left.root, []);
    const right = walk(height - 1, position * 2 + 1);
    if (equalBytes(left.root, right.root)) throw new ProofError("a merkle proof with two equal siblings");
    return joined(left, right.root, right.matches);
  };
  let height = 0;
  while (width(height) > 1) height++;
  const tree = walk(height, 0);
  if (usedHashes !== hashes.length) throw new ProofError("a merkle proof with hashes left over");
  if (Math.ceil(usedFlags / 8) !== flags.length) throw new ProofError("a merkle proof with flags left over");
  return tree;
}

function joined(left: Subtree, right: Uint8Array, rightMatches: Match[]): Subtree {
  const under = (matches: Match[], sibling: Hash): Match[] =>
    matches.map((match) => ({ ...match, siblings: [...match.siblings, sibling] }));
  return {
    root: sha256d(Buffer.concat([left.root, right])),
    matches: [...under(left.matches, showHash(right)), ...under(rightMatches, showHash(left.root))],
  };
}

/**
 * Whether the 64 bytes of an inner node are a transaction: then they have one input and one output, whose scripts share
 * four bytes. Two hashes look like that once in some 2^42.
 */
function isTransaction(node: Uint8Array): boolean {
  const view = new DataView(node.buffer, node.byteOffset, node.length);
  const inputScript = node[41]!;
  if (node[4] !== 1 || inputScript > 4) return false;
  const output = 46 + inputScript;
  if (node[output] !== 1 || node[output + 9] !== 4 - inputScript) return false;
  return view.getBigUint64(output + 1, true) <= MAX_MONEY;
}
