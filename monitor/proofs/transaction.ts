/**
 * A transaction as its raw bytes tell (BIP-144 encoding). The txid is computed from the bytes, never taken from a
 * source, and only the one canonical encoding is accepted: bytes that would serialise differently are refused, and so
 * is what no node would take whatever the coins say (Core's CheckTransaction).
 */
import { Transaction } from "bitcoinjs-lib";
import { equalBytes, type Hash, ProofError, sha256d, showHash } from "./bytes.ts";

/** No valid transaction is longer: a block is at most 4,000,000 weight units. */
export const MAX_TRANSACTION_BYTES = 4_000_000;
/** Satoshi. */
export const MAX_MONEY = 2_100_000_000_000_000n;
/** A lock time below this is a height, from it on a time in seconds (BIP-65). */
export const LOCKTIME_THRESHOLD = 500_000_000;
const FINAL_SEQUENCE = 0xffffffff;

export interface Outpoint {
  txid: Hash;
  vout: number;
}

export interface ParsedTransaction {
  txid: Hash;
  /** Length without witness data; 64 makes it useless as a merkle leaf (see merkle.ts). */
  strippedLength: number;
  parsed: Transaction;
}

/** Throws {@link ProofError} when the bytes are not exactly one transaction. */
export function parseTransaction(raw: Uint8Array): ParsedTransaction {
  if (raw.length > MAX_TRANSACTION_BYTES) throw new ProofError("a transaction longer than a block");
  let parsed: Transaction;
  try {
    parsed = Transaction.fromBuffer(raw);
  } catch (error) {
    throw new ProofError(`not a transaction: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (parsed.ins.length === 0 || parsed.outs.length === 0)
    throw new ProofError("a transaction without inputs or outputs");
  if (!equalBytes(parsed.toBuffer(), raw)) throw new ProofError("a transaction that is not encoded canonically");
  let paid = 0n;
  for (const { value } of parsed.outs) {
    if (value < 0n || value > MAX_MONEY) throw new ProofError("an output of more bitcoin than there can be");
    paid += value;
  }
  if (paid > MAX_MONEY) throw new ProofError("outputs of more bitcoin than there can be");
  checkInputs(parsed);
  const stripped = parsed.clone();
  stripped.stripWitnesses();
  const bytes = stripped.toBuffer();
  return { txid: showHash(sha256d(bytes)), strippedLength: bytes.length, parsed };
}

/** As {@link parseTransaction}, and the txid must be the one asked for. */
export function parseExpected(raw: Uint8Array, txid: Hash): ParsedTransaction {
  const transaction = parseTransaction(raw);
  if (transaction.txid !== txid) throw new ProofError(`asked for transaction ${txid}, got ${transaction.txid}`);
  return transaction;
}

/** One input, from nowhere. */
export function isCoinbase({ parsed: { ins } }: Pick<ParsedTransaction, "parsed">): boolean {
  return ins.length === 1 && ins[0]!.index === 0xffffffff && ins[0]!.hash.every((byte) => byte === 0);
}

/**
 * Whether a block at `height`, whose parents' median time is `medianTime`, may hold the transaction (lock time, BIP-113).
 * A block that breaks this is not valid whatever its work.
 */
export function isFinal({ parsed }: Pick<ParsedTransaction, "parsed">, height: number, medianTime: number): boolean {
  const { locktime, ins } = parsed;
  if (locktime === 0 || locktime < (locktime < LOCKTIME_THRESHOLD ? height : medianTime)) return true;
  return ins.every(({ sequence }) => sequence === FINAL_SEQUENCE);
}

/** The input of `spend` that spends `outpoint`, or -1. */
export function inputFor(spend: ParsedTransaction, outpoint: Outpoint): number {
  return spend.parsed.ins.findIndex((input) => showHash(input.hash) === outpoint.txid && input.index === outpoint.vout);
}

export function showOutpoint(outpoint: Outpoint): string {
  return `${outpoint.txid}:${outpoint.vout}`;
}

/** "txid:vout", or undefined when it is not one. */
export function readOutpoint(text: string): Outpoint | undefined {
  const match = /^([0-9a-f]{64}):(\d{1,10})$/.exec(text);
  if (!match) return undefined;
  const vout = Number(match[2]);
  return vout <= 0xffffffff ? { txid: match[1]!, vout } : undefined;
}

/** Each coin once (CVE-2018-17144), and none from nowhere but a coinbase's. */
function checkInputs(parsed: Transaction): void {
  if (isCoinbase({ parsed })) return;
  const seen = new Set<string>();
  for (const { hash, index } of parsed.ins) {
    const outpoint = showOutpoint({ txid: showHash(hash), vout: index });
    if (seen.has(outpoint)) throw new ProofError("a transaction that spends one coin twice");
    seen.add(outpoint);
    if (index === 0xffffffff && hash.every((byte) => byte === 0)) {
      throw new ProofError("a transaction with an input from nowhere");
    }
  }
}
