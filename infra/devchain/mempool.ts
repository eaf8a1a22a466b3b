/**
 * The mempool: transactions that could be in the next block, in an order where parents come before children. Full
 * replace-by-fee with Core's rules (what BIP-125 became): a replacement pays more than all that it evicts, at a better rate,
 * and for its own relay. Policy `signalled` only lets those be replaced that say so, as older nodes did.
 */

import { isTaproot } from "../bitcoin/networks.ts";
import { type Coin, checkInputs, checkScripts, outputsOf, type Spend, scriptHash } from "./ledger.ts";
import { Refused, showMoney } from "./refused.ts";
import { hasAnnex } from "./tapscript.ts";
import {
  checkStandard,
  checkTransaction,
  isFinal,
  outpointOf,
  sequenceLocksPass,
  signalsReplacement,
  type Tx,
} from "./transaction.ts";

export interface MempoolEntry {
  tx: Tx;
  fee: bigint;
  /** When it entered, seconds since 1970. */
  time: number;
  /** Of the tip when it entered. */
  height: number;
  /** Outputs it spends, in order. */
  coins: Coin[];
  /** Script hashes of its inputs and outputs. */
  touches: Set<string>;
}

/** What the mempool needs to know of the chain. */
export interface MempoolView {
  /** Of the tip. */
  height: number;
  /** Of the tip and the ten before it. */
  medianTime: number;
  medianTimeAt(height: number): number;
  coin(outpoint: string): Coin | undefined;
}

export type Replacement = "full" | "signalled";

export interface MempoolEvent {
  kind: "entered" | "left";
  tx: Tx;
  sequence: number;
}

/** Satoshi for each virtual byte, to be relayed at all and to replace. */
export const MIN_FEE_RATE = 1n;
const MAX_REPLACED = 100;
/** Unconfirmed transactions in a row, the new one included. */
const MAX_CHAIN = 25;

export class Mempool {
  readonly #entries = new Map<string, MempoolEntry>();
  readonly #spends = new Map<string, Spend>();
  /** Grows with each transaction that enters or leaves. */
  sequence = 1;

  constructor(
    private readonly replacement: Replacement = "full",
    /** Told of what enters, and of what leaves without being mined; with the sequence number of that moment. */
    private readonly tell: (event: MempoolEvent) => void = () => {},
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  get(txid: string): MempoolEntry | undefined {
    return this.#entries.get(txid);
  }

  /** Parents before children; otherwise as they came. */
  entries(): MempoolEntry[] {
    return [...this.#entries.values()];
  }

  spender(outpoint: string): Spend | undefined {
    return this.#spends.get(outpoint);
  }

  /** An output made in the mempool, spent there or not. */
  output(outpoint: string): Coin | undefined {
    const [txid, vout] = outpoint.split(":");
    const entry = this.#entries.get(txid!);
    if (!entry) return undefined;
    return outputsOf(entry.tx, entry.height + 1, false).find(([name]) => name === `${txid}:${vout}`)?.[1];
  }

  /** Unconfirmed transactions that touch a script hash, newest first. */
  history(script: string): MempoolEntry[] {
    return this.entries()
      .filter(({ touches }) => touches.has(script))
      .reverse();
  }

  /**
   * Checks a transaction as a node does on receiving one. Returns the entry and what it would evict; throws {@link Refused}. Changes
   * nothing: {@link add} does.
   */
  check(tx: Tx, view: MempoolView, now: number, limits: "enforced" | "returned" = "enforced"): Checked {
    checkTransaction(tx);
    if (tx.parsed.isCoinbase()) throw new Refused("coinbase");
    checkStandard(tx);
    const height = view.height + 1;
    if (!isFinal(tx, height, view.medianTime)) throw new Refused("non-final");
    const same = this.#entries.get(tx.txid);
    if (same)
      throw new Refused(same.tx.wtxid === tx.wtxid ? "txn-already-in-mempool" : "txn-same-nonwitness-data-in-mempool");
    const conflicts = this.#conflicts(tx);
    if (tx.parsed.outs.some((_, vout) => view.coin(`${tx.txid}:${vout}`))) throw new Refused("txn-already-known");
    const coins = tx.parsed.ins.map((input) => {
      const coin = this.output(outpointOf(input)) ?? view.coin(outpointOf(input));
      if (!coin) throw new Refused("bad-txns-inputs-missingorspent");
      return { ...coin, height: Math.min(coin.height, height) };
    });
    const heights = coins.map((coin) => coin.height);
    if (!sequenceLocksPass(tx, heights, height, view.medianTime, view.medianTimeAt))
      throw new Refused("non-BIP68-final");
    const fee = checkInputs(tx, coins, height);
    checkStandardInputs(tx, coins);
    const ancestors = this.ancestors(tx);
    if (limits === "enforced") {
      const least = BigInt(tx.vsize) * MIN_FEE_RATE;
      if (fee < least) throw new Refused("min relay fee not met", `${fee} < ${least}`);
      if (ancestors.size >= MAX_CHAIN) {
        throw new Refused("too-long-mempool-chain", `too many unconfirmed ancestors [limit: ${MAX_CHAIN}]`);
      }
    }
    for (const txid of conflicts) {
      if (ancestors.has(txid)) {
        throw new Refused("bad-txns-spends-conflicting-tx", `${tx.txid} spends conflicting transaction ${txid}`);
      }
    }
    const evicted = this.#checkReplacement(tx, fee, conflicts);
    checkScripts(tx, coins);
    const touches = new Set([...coins, ...tx.parsed.outs].map(({ script }) => scriptHash(script)));
    return { entry: { tx, fee, time: now, height: view.height, coins, touches }, evicted };
  }

  add({ entry, evicted }: Checked): void {
    for (const txid of evicted) this.#remove(txid, "unmined");
    this.#entries.set(entry.tx.txid, entry);
    entry.tx.parsed.ins.forEach((input, vin) => {
      this.#spends.set(outpointOf(input), { txid: entry.tx.txid, vin });
    });
    this.tell({ kind: "entered", tx: entry.tx, sequence: this.sequence++ });
  }

  /** A block has come: what it holds leaves, and so does what it contradicts, with descendants. */
  confirm(txs: readonly Tx[]): void {
    for (const { txid } of txs) if (this.#entries.has(txid)) this.#remove(txid, "mined");
    for (const tx of txs) {
      for (const txid of this.descendants(this.#conflicts(tx))) this.#remove(txid, "unmined");
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#spends.clear();
  }

  /** Unconfirmed transactions that `tx` needs, itself not included. */
  ancestors(tx: Tx): Set<string> {
    const found = new Set<string>();
    const queue = [tx];
    for (let next = queue.pop(); next; next = queue.pop()) {
      for (const { hash } of next.parsed.ins) {
        const parent = this.#entries.get(Buffer.from(hash).reverse().toString("hex"));
        if (parent && !found.has(parent.tx.txid)) {
          found.add(parent.tx.txid);
          queue.push(parent.tx);
        }
      }
    }
    return found;
  }

  /** `txids` and all unconfirmed transactions that need one of them. */
  descendants(txids: Iterable<string>): Set<string> {
    const found = new Set<string>(txids);
    const queue = [...found];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const outputs = this.#entries.get(next)?.tx.parsed.outs.length ?? 0;
      for (let vout = 0; vout < outputs; vout++) {
        const child = this.#spends.get(`${next}:${vout}`)?.txid;
        if (child !== undefined && !found.has(child)) {
          found.add(child);
          queue.push(child);
        }
      }
    }
    return found;
  }

  /** Those whose inputs `tx` spends too. */
  #conflicts(tx: Tx): Set<string> {
    return new Set(tx.parsed.ins.flatMap((input) => this.#spends.get(outpointOf(input))?.txid ?? []));
  }

  #checkReplacement(tx: Tx, fee: bigint, conflicts: Set<string>): Set<string> {
    if (conflicts.size === 0) return conflicts;
    const direct = [...conflicts].map((txid) => this.#entries.get(txid)!);
    if (this.replacement === "signalled" && !direct.every((entry) => signalsReplacement(entry.tx))) {
      throw new Refused("txn-mempool-conflict");
    }
    const evicted = this.descendants(conflicts);
    const rejecting = `rejecting replacement ${tx.txid}`;
    if (evicted.size > MAX_REPLACED) {
      throw new Refused(
        "too many potential replacements",
        `${rejecting}; too many potential replacements (${evicted.size} > ${MAX_REPLACED})`,
      );
    }
    const size = BigInt(tx.vsize);
    for (const old of direct) {
      if (fee * BigInt(old.tx.vsize) > old.fee * size) continue;
      const rates = [(fee * 1000n) / size, (old.fee * 1000n) / BigInt(old.tx.vsize)].map(
        (rate) => `${showRate(rate)} BTC/kvB`,
      );
      throw new Refused("insufficient fee", `${rejecting}; new feerate ${rates[0]} <= old feerate ${rates[1]}`);
    }
    const oldFees = [...evicted].reduce((sum, txid) => sum + this.#entries.get(txid)!.fee, 0n);
    if (fee < oldFees) {
      throw new Refused(
        "insufficient fee",
        `${rejecting}, less fees than conflicting txs; ${showMoney(fee)} < ${showMoney(oldFees)}`,
      );
    }
    if (fee - oldFees < size * MIN_FEE_RATE) {
      throw new Refused(
        "insufficient fee",
        `${rejecting}, not enough additional fees to relay; ${showMoney(fee - oldFees)} < ${showMoney(size * MIN_FEE_RATE)}`,
      );
    }
    return evicted;
  }

  #remove(txid: string, why: "mined" | "unmined"): void {
    const entry = this.#entries.get(txid);
    if (!entry) return;
    this.#entries.delete(txid);
    for (const input of entry.tx.parsed.ins) {
      if (this.#spends.get(outpointOf(input))?.txid === txid) this.#spends.delete(outpointOf(input));
    }
    // As in Core, the number grows with what was mined too, but nobody is told.
    const sequence = this.sequence++;
    if (why === "unmined") this.tell({ kind: "left", tx: entry.tx, sequence });
  }
}

export interface Checked {
  entry: MempoolEntry;
  /** Txids that leave the mempool when it enters. */
  evicted: Set<string>;
}

/** What nodes relay of taproot spends: no annex. Other outputs cannot be spent on this chain. */
function checkStandardInputs({ parsed }: Tx, coins: readonly Coin[]): void {
  parsed.ins.forEach((input, index) => {
    if (!isTaproot(coins[index]!.script)) {
      throw new Refused(
        "bad-txns-nonstandard-inputs",
        `this development chain only spends taproot outputs, input ${index}`,
      );
    }
    if (hasAnnex(input.witness)) throw new Refused("bad-witness-nonstandard");
  });
}

function showRate(satsPerKvb: bigint): string {
  return `${satsPerKvb / 100_000_000n}.${(satsPerKvb % 100_000_000n).toString().padStart(8, "0")}`;
}
