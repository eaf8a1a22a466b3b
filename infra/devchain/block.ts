/**
 * Blocks: decoding, the rules that do not depend on who spent what (proof of work at regtest's difficulty, merkle root, BIP-34
 * height, witness commitment of BIP-141), and making a new one.
 */
import { equalBytes, sha256d, showHash } from "../bitcoin/bytes.ts";
import { Block, opcodes, scripts, Transaction } from "../bitcoin/ecc.ts";
import { merkleRoot } from "./merkle.ts";
import { BITS, MAX_BLOCK_WEIGHT, MAX_FUTURE, TARGET } from "./params.ts";
import { Refused, Undecodable } from "./refused.ts";
import { checkTransaction, type Tx, toTx } from "./transaction.ts";

export interface ParsedBlock {
  hash: string;
  previous: string;
  version: number;
  /** Displayed. */
  merkleRoot: string;
  time: number;
  bits: number;
  nonce: number;
  txs: Tx[];
  raw: Uint8Array;
  weight: number;
}

const VERSION = 0x20000000;
const COMMITMENT = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);
const RESERVED = new Uint8Array(32);

/** Throws {@link Undecodable}. */
export function decodeBlock(raw: Uint8Array): ParsedBlock {
  let block: Block;
  try {
    block = Block.fromBuffer(raw);
  } catch {
    throw new Undecodable("Block decode failed");
  }
  if (!block.transactions?.length || !equalBytes(block.toBuffer(), raw)) throw new Undecodable("Block decode failed");
  return {
    hash: showHash(sha256d(raw.subarray(0, 80))),
    previous: showHash(block.prevHash!),
    version: block.version,
    merkleRoot: showHash(block.merkleRoot!),
    time: block.timestamp,
    bits: block.bits,
    nonce: block.nonce,
    txs: block.transactions.map(toTx),
    raw,
    weight: block.weight(),
  };
}

/** Where a block goes: what its predecessors say of it. */
export interface BlockPlace {
  height: number;
  /** Of the eleven blocks before it. */
  medianTime: number;
  /** The clock, in seconds. */
  now: number;
}

/** Everything about a block but its inputs. Throws {@link Refused}. */
export function checkBlock(block: ParsedBlock, place: BlockPlace): void {
  if (block.bits !== BITS) throw new Refused("bad-diffbits", "incorrect proof of work");
  if (BigInt(`0x${block.hash}`) > TARGET) throw new Refused("high-hash", "proof of work failed");
  if (block.version < 4) throw new Refused(`bad-version(0x${(block.version >>> 0).toString(16).padStart(8, "0")})`);
  if (block.time <= place.medianTime) throw new Refused("time-too-old", "block's timestamp is too early");
  if (block.time > place.now + MAX_FUTURE) throw new Refused("time-too-new", "block timestamp too far in the future");
  const leaves = block.txs.map(({ parsed }) => parsed.getHash());
  if (showHash(merkleRoot(leaves)) !== block.merkleRoot)
    throw new Refused("bad-txnmrklroot", "hashMerkleRoot mismatch");
  // Two equal leaves in a row can hide a tree that hashes alike (CVE-2012-2459).
  if (new Set(block.txs.map(({ txid }) => txid)).size !== leaves.length) throw new Refused("bad-txns-duplicate");
  if (block.weight > MAX_BLOCK_WEIGHT) throw new Refused("bad-blk-weight", "weight limit failed");
  block.txs.forEach(({ parsed }, i) => {
    if (parsed.isCoinbase() !== (i === 0)) throw new Refused(i === 0 ? "bad-cb-missing" : "bad-cb-multiple");
  });
  for (const tx of block.txs) checkTransaction(tx);
  const { script } = block.txs[0]!.parsed.ins[0]!;
  const height = heightScript(place.height);
  if (!equalBytes(script.subarray(0, height.length), height))
    throw new Refused("bad-cb-height", "block height mismatch in coinbase");
  checkCommitment(block);
}

function checkCommitment({ txs }: ParsedBlock): void {
  const coinbase = txs[0]!.parsed;
  const committed = coinbase.outs.filter(
    ({ script }) => script.length >= 38 && equalBytes(script.subarray(0, 6), COMMITMENT),
  );
  const last = committed[committed.length - 1];
  if (!last) {
    if (txs.some(({ parsed }) => parsed.hasWitnesses()))
      throw new Refused("unexpected-witness", "unexpected witness data found");
    return;
  }
  const { witness } = coinbase.ins[0]!;
  if (witness.length !== 1 || witness[0]!.length !== 32) throw new Refused("bad-witness-nonce-size");
  if (
    !equalBytes(
      witnessCommitment(
        txs.map(({ parsed }) => parsed),
        witness[0]!,
      ),
      last.script.subarray(6, 38),
    )
  ) {
    throw new Refused("bad-witness-merkle-match", "witness merkle commitment mismatch");
  }
}

function witnessCommitment(transactions: readonly Transaction[], reserved: Uint8Array): Uint8Array {
  const leaves = transactions.map((transaction, i) => (i === 0 ? new Uint8Array(32) : transaction.getHash(true)));
  return sha256d(Buffer.concat([merkleRoot(leaves), reserved]));
}

export interface NewBlock {
  /** Displayed. */
  previous: string;
  height: number;
  time: number;
  /** Where the coinbase pays to, and how much. */
  script: Uint8Array;
  value: bigint;
  /** Makes the coinbase, and so the block, different from others at the same place; up to 80 bytes. */
  extra: Uint8Array;
  /** In an order where parents come first. */
  transactions: readonly Transaction[];
}

/** Makes a block and finds its proof of work (two hashes on average). */
export function makeBlock(wanted: NewBlock): Uint8Array {
  const coinbase = new Transaction();
  coinbase.version = 2;
  const tag = scripts.compile([wanted.extra, Buffer.from("development")]);
  coinbase.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Buffer.concat([heightScript(wanted.height), tag]));
  coinbase.addOutput(wanted.script, wanted.value);
  coinbase.ins[0]!.witness = [RESERVED];
  const commitment = witnessCommitment([coinbase, ...wanted.transactions], RESERVED);
  coinbase.addOutput(Buffer.concat([COMMITMENT, commitment]), 0n);
  const block = new Block();
  block.version = VERSION;
  block.prevHash = new Uint8Array(Buffer.from(wanted.previous, "hex").reverse());
  block.transactions = [coinbase, ...wanted.transactions];
  block.merkleRoot = merkleRoot(block.transactions.map((transaction) => transaction.getHash()));
  block.timestamp = wanted.time;
  block.bits = BITS;
  while (BigInt(`0x${block.getId()}`) > TARGET) block.nonce++;
  return block.toBuffer();
}

/** BIP-34: how a coinbase's script starts. */
function heightScript(height: number): Uint8Array {
  if (height <= 16) return Uint8Array.of(opcodes.OP_1! - 1 + height);
  return scripts.compile([scripts.number.encode(height)]);
}
