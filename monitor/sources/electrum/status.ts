/** What the Electrum protocol computes of scripts and their histories ("Protocol Basics": script hashes, status). */
import { createHash } from "node:crypto";
import { type Hash, showHash } from "../../proofs/bytes.ts";
import type { HistoryItem } from "./messages.ts";

/** Transactions that wait whose every order is tried: 120 of them. */
const MAX_PERMUTED = 5;

/** SHA-256 of an output's script, bytes reversed. */
export function scriptHashOf(script: Uint8Array): Hash {
  return showHash(createHash("sha256").update(script).digest());
}

/** The status of a history in this order; null of an empty one. */
export function statusOf(items: readonly HistoryItem[]): Hash | null {
  if (items.length === 0) return null;
  const hash = createHash("sha256");
  for (const { tx_hash, height } of items) hash.update(`${tx_hash}:${height}:`);
  return hash.digest("hex");
}

/**
 * Whether a history can have the status. Transactions that wait are in no particular order, neither in the history
 * nor in the status, so that of more than a few of them nothing can be said but that there is one.
 */
export function fitsStatus(items: readonly HistoryItem[], status: Hash | null): boolean {
  if (statusOf(items) === status) return true;
  const confirmed = items.filter(({ height }) => height > 0);
  const waiting = items.filter(({ height }) => height <= 0);
  if (waiting.length > MAX_PERMUTED) return status !== null;
  return ordersOf(waiting).some((order) => statusOf([...confirmed, ...order]) === status);
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first, index) => ordersOf(items.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}
