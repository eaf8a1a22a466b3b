/**
 * Finds the transaction of a raw block that spends an outpoint: the 36 bytes of the outpoint are looked for first, and
 * the block is parsed only when they occur.
 */
import { Block } from "bitcoinjs-lib";
import { equalBytes, type Hash, sha256d, showHash } from "../proofs/bytes.ts";
import { SourceError } from "./source.ts";

/** The txid of the spender in `raw`, or undefined. `txid`: 32 bytes in internal order. */
export function findSpender(raw: Uint8Array, txid: Uint8Array, vout: number): Hash | undefined {
  const needle = Buffer.alloc(36);
  needle.set(txid);
  needle.writeUInt32LE(vout, 32);
  if (!Buffer.from(raw.buffer, raw.byteOffset, raw.length).includes(needle)) return undefined;
  let block: Block;
  try {
    block = Block.fromBuffer(raw);
  } catch {
    throw new SourceError(`sent something else than a block (${showHash(sha256d(raw.subarray(0, 80)))})`);
  }
  const spender = block.transactions?.find((transaction) =>
    transaction.ins.some((input) => input.index === vout && equalBytes(input.hash, txid)),
  );
  return spender?.getId();
}
