/**
 * What a script's transactions do: which outputs pay it and who spends them. The protocol lists transactions but
 * does not say that, so each is fetched once, hashed, read and reduced to its payments and inputs. Kept by txid,
 * whatever server said so, since a hash cannot become wrong; how much is kept is bounded.
 */
import { type Hash, showHash, toHex } from "../../proofs/bytes.ts";
import { type ParsedTransaction, showOutpoint } from "../../proofs/transaction.ts";
import { SourceError } from "../source.ts";
import type { HistoryItem } from "./messages.ts";

/** Inputs and payments kept at most, of all transactions together. */
export const MAX_PARTS = 300_000;
/** Transactions fetched for one question; a longer history is gone on with in the next one. */
export const MAX_FETCHED = 500;
const AT_ONCE = 8;

export interface Payment {
  txid: Hash;
  vout: number;
  value: number;
  height: number;
}

interface Digest {
  payments: { vout: number; value: number }[];
  /** "txid:vout" */
  inputs: string[];
}

export class HistoryIndex {
  readonly #script: string;
  readonly #digests = new Map<Hash, Digest>();
  #parts = 0;

  constructor(script: Uint8Array) {
    this.#script = toHex(script);
  }

  /** Reads what is not known of a history. Throws {@link SourceError}. */
  async read(items: readonly HistoryItem[], fetch: (txid: Hash) => Promise<ParsedTransaction>): Promise<void> {
    const listed = new Set(items.map(({ tx_hash }) => tx_hash));
    if (listed.size !== items.length) throw new SourceError("lists a transaction twice in the address's history");
    this.#forgetAllBut(listed);
    const unknown = [...listed].filter((txid) => !this.#digests.has(txid));
    await eachOf(unknown.slice(0, MAX_FETCHED), async (txid) => this.#add(txid, await fetch(txid)));
    if (unknown.length > MAX_FETCHED) {
      const known = listed.size - unknown.length + MAX_FETCHED;
      const sofar = `${known} of the address's ${listed.size} transactions so far`;
      throw new SourceError(`is being caught up with (${sofar})`, { goesOn: true });
    }
  }

  /** In the order of a history that was read. */
  payments(items: readonly HistoryItem[]): Payment[] {
    return items.flatMap(({ tx_hash: txid, height }) =>
      this.#digests.get(txid)!.payments.map((payment) => ({ txid, height, ...payment })),
    );
  }

  /** Who spends each outpoint in a history that was read; of several the one in a block, or the one listed first. */
  spends(items: readonly HistoryItem[]): Map<string, HistoryItem> {
    const spends = new Map<string, HistoryItem>();
    for (const item of items) {
      for (const outpoint of this.#digests.get(item.tx_hash)!.inputs) {
        const other = spends.get(outpoint);
        if (!other || (other.height <= 0 && item.height > 0)) spends.set(outpoint, item);
      }
    }
    return spends;
  }

  #add(txid: Hash, { parsed }: ParsedTransaction): void {
    if (this.#digests.has(txid)) return;
    const payments = parsed.outs.flatMap(({ script, value }, vout) =>
      toHex(script) === this.#script ? [{ vout, value: Number(value) }] : [],
    );
    const inputs = parsed.ins.map(({ hash, index }) => showOutpoint({ txid: showHash(hash), vout: index }));
    this.#parts += payments.length + inputs.length;
    if (this.#parts > MAX_PARTS) throw new SourceError("lists more transactions of the address than can be kept");
    this.#digests.set(txid, { payments, inputs });
  }

  #forgetAllBut(listed: ReadonlySet<Hash>): void {
    for (const txid of this.#digests.keys()) if (!listed.has(txid)) this.#digests.delete(txid);
    this.#parts = 0;
    for (const { payments, inputs } of this.#digests.values()) this.#parts += payments.length + inputs.length;
  }
}

/** Runs a few at once; the first failure ends it. */
export async function eachOf<T>(list: readonly T[], task: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < list.length) await task(list[next++]!);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } catch (error) {
    next = list.length;
    throw error;
  }
}
