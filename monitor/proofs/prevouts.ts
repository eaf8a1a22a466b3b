/**
 * The outputs that a transaction spends, taken from the raw transactions that made them. BIP-341 signs the amount and
 * script of every input (BIP-143: the amount of its own), so a signature proves nothing until these are known for
 * certain; each is taken from bytes that hash to the txid which the input names.
 */
import { type Hash, ProofError } from "./bytes.ts";
import { type Outpoint, type ParsedTransaction, parseTransaction, showOutpoint } from "./transaction.ts";

export interface Prevout {
  script: Uint8Array;
  /** Satoshi. */
  value: bigint;
}

/** By "txid:vout". */
export type Prevouts = ReadonlyMap<string, Prevout>;

/** `transactions`: by txid, already parsed. Throws {@link ProofError} when one is another, or lacks the output. */
export function prevoutsOf(
  needed: readonly Outpoint[],
  transactions: ReadonlyMap<Hash, ParsedTransaction>,
): Map<string, Prevout> {
  const prevouts = new Map<string, Prevout>();
  for (const outpoint of needed) {
    const previous = transactions.get(outpoint.txid);
    if (!previous) throw new ProofError(`the previous transaction ${outpoint.txid} is not known`);
    if (previous.txid !== outpoint.txid) throw new ProofError(`a previous transaction that is not ${outpoint.txid}`);
    const output = previous.parsed.outs[outpoint.vout];
    if (!output) throw new ProofError(`the previous transaction has no output ${showOutpoint(outpoint)}`);
    prevouts.set(showOutpoint(outpoint), { script: output.script, value: output.value });
  }
  return prevouts;
}

/** As {@link prevoutsOf}, from raw bytes in any order; each must be one of the transactions that are needed. */
export function prevoutsFromRaw(needed: readonly Outpoint[], raws: readonly Uint8Array[]): Map<string, Prevout> {
  const wanted = new Set(needed.map(({ txid }) => txid));
  if (raws.length > wanted.size) throw new ProofError("more previous transactions than are needed");
  const transactions = new Map<Hash, ParsedTransaction>();
  for (const raw of raws) {
    const transaction = parseTransaction(raw);
    if (!wanted.has(transaction.txid)) {
      throw new ProofError(`a previous transaction that is not needed, ${transaction.txid}`);
    }
    transactions.set(transaction.txid, transaction);
  }
  return prevoutsOf(needed, transactions);
}
