/**
 * What an Esplora API lists for one address: who pays it and who spends those coins. In a quiet round only what waits in the
 * mempool is asked for; the transactions in blocks are read anew when the tip has moved, when one has left the mempool,
 * and after a minute, since the servers behind one name need not agree. Of blocks that stayed, what was read stays.
 */
import { z } from "zod";
import type { Hash } from "../../proofs/bytes.ts";
import { type Outpoint, showOutpoint } from "../../proofs/transaction.ts";
import { type Block, type Funding, SourceError, type Spender } from "../source.ts";
import { type EsploraApi, hash, height } from "./api.ts";

const index = z.number().int().min(0).max(0xffffffff);
export const place = z.object({ confirmed: z.boolean(), block_height: height.nullish(), block_hash: hash.nullish() });
const transactions = z
  .array(
    z.object({
      txid: hash,
      vin: z.array(z.object({ txid: hash, vout: index, prevout: z.object({ scriptpubkey: z.string() }).nullish() })),
      vout: z.array(z.object({ scriptpubkey: z.string(), value: height })),
      status: place,
    }),
  )
  .max(200);
type Listed = z.infer<typeof transactions>[number];

interface Entry {
  txid: Hash;
  pays: { vout: number; value: number }[];
  /** Outpoints that it spends and that paid the address, or may have. */
  spends: string[];
  block?: Block;
}

/** A page holds 25 transactions in blocks and up to 50 others, each of up to 100,000 vbytes. */
const PAGE_BYTES = 16_000_000;
/** Pages read for one question; a longer history is gone on with in the next one. */
const PAGES_AT_ONCE = 10;
/** Transactions in blocks that are kept; of older ones each coin is asked about by itself. */
const MAX_KEPT = 10_000;
/** Servers list 50 at most that are not in a block. One that lists as many as this may have left some out. */
const CROWD = 25;
const MAX_AGE = 60_000;

export class AddressHistory {
  readonly address: string;
  readonly #script: string;
  readonly #api: EsploraApi;
  #waiting: Entry[] = [];
  /** In blocks, newest first, without a gap. */
  #settled: Entry[] = [];
  #complete = false;
  #readAt: { tip: Hash; time: number } | undefined;
  #payments = new Set<string>();
  #spenders = new Map<string, Spender>();

  /** `script` in hex. */
  constructor(api: EsploraApi, address: string, script: string) {
    this.#api = api;
    this.address = address;
    this.#script = script;
  }

  /** What pays the address, as far back as it was read; the newest first. */
  get fundings(): Funding[] {
    return this.#entries().flatMap(({ txid, pays, block }) =>
      pays.map(({ vout, value }) => ({ txid, vout, value, ...(block ? { block } : {}) })),
    );
  }

  /** The history is known down to the first transaction, and the mempool's part of it is not cut off. */
  get isWhole(): boolean {
    return this.#complete && !this.isCrowded;
  }

  /** More waits in the mempool than the server may be willing to list. */
  get isCrowded(): boolean {
    return this.#waiting.length >= CROWD;
  }

  /** Whether a spend of the coin would be known too. */
  lists(outpoint: Outpoint): boolean {
    return this.#payments.has(showOutpoint(outpoint));
  }

  spender(outpoint: Outpoint): Spender | undefined {
    return this.#spenders.get(showOutpoint(outpoint));
  }

  /** Brings it up to date; `tip` was asked just before. Throws {@link SourceError}. */
  async read(tip: Hash, now: number): Promise<void> {
    const isCurrent = this.#readAt?.tip === tip && now - this.#readAt.time < MAX_AGE;
    if (!isCurrent || !(await this.#readWaiting())) await this.#readAll(tip, now);
    if (!this.#complete) await this.#readOlder();
    this.#collect();
  }

  /** Only the mempool's part; false when one that was in it has gone, maybe into a block. */
  async #readWaiting(): Promise<boolean> {
    const list = (await this.#page(`/address/${this.address}/txs/mempool`)).filter(({ block }) => !block);
    const listed = new Set(list.map(({ txid }) => txid));
    const isWhole = this.#waiting.every(({ txid }) => listed.has(txid));
    this.#waiting = list;
    return isWhole;
  }

  async #readAll(tip: Hash, now: number): Promise<void> {
    const first = await this.#page(`/address/${this.address}/txs`);
    let newer = first.filter(({ block }) => block);
    let page = newer;
    let joined = this.#join(newer);
    for (let pages = 1; !joined && page.length > 0 && pages < PAGES_AT_ONCE; pages++) {
      page = (await this.#page(`/address/${this.address}/txs/chain/${page.at(-1)!.txid}`)).filter(({ block }) => block);
      newer = [...newer, ...page];
      joined = this.#join(newer);
    }
    // Without any page of which a part was known, what was known is on another branch, or too far away.
    if (!joined) this.#complete = page.length === 0;
    this.#settled = joined ?? newer;
    const inBlocks = new Set(this.#settled.map(({ txid }) => txid));
    this.#waiting = first.filter(({ txid, block }) => !block && !inBlocks.has(txid));
    this.#readAt = { tip, time: now };
  }

  /**
   * `newer` on top of what is known, when they share a transaction in the same block: that block's ancestors are the same then.
   */
  #join(newer: readonly Entry[]): Entry[] | undefined {
    const known = new Map(this.#settled.map(({ txid, block }) => [txid, block!.hash]));
    const shared = newer.find(({ txid, block }) => known.get(txid) === block!.hash);
    if (!shared) return undefined;
    const listed = new Set(newer.map(({ txid }) => txid));
    const older = this.#settled.filter(({ txid, block }) => block!.height <= shared.block!.height && !listed.has(txid));
    return [...newer, ...older];
  }

  async #readOlder(): Promise<void> {
    for (let pages = 0; pages < PAGES_AT_ONCE && this.#settled.length < MAX_KEPT; pages++) {
      const last = this.#settled.at(-1)!;
      const known = new Set(this.#settled.map(({ txid }) => txid));
      const page = await this.#page(`/address/${this.address}/txs/chain/${last.txid}`);
      const older = page.filter(({ txid, block }) => block && !known.has(txid));
      if (older.length === 0) {
        this.#complete = true;
        return;
      }
      this.#settled.push(...older);
    }
  }

  async #page(path: string): Promise<Entry[]> {
    const list = await this.#api.json(path, transactions, "the address's history", PAGE_BYTES);
    return list.map((each) => this.#entry(each));
  }

  #entry({ txid, vin, vout, status }: Listed): Entry {
    const pays = vout.flatMap(({ scriptpubkey, value }, number) =>
      scriptpubkey === this.#script ? [{ vout: number, value }] : [],
    );
    const spends = vin
      .filter(({ prevout }) => !prevout || prevout.scriptpubkey === this.#script)
      .map((input) => showOutpoint({ txid: input.txid, vout: input.vout }));
    const block = blockOf(status);
    return { txid, pays, spends, ...(block ? { block } : {}) };
  }

  #entries(): Entry[] {
    return [...this.#waiting, ...this.#settled];
  }

  #collect(): void {
    // Within a block the order is the server's own: a spend may be on the page after its coin's.
    const floor = this.#complete ? -1 : (this.#settled.at(-1)?.block?.height ?? -1);
    this.#payments = new Set(this.fundings.filter(({ block }) => !block || block.height > floor).map(showOutpoint));
    this.#spenders = new Map();
    for (const { txid, spends, block } of this.#entries()) {
      for (const outpoint of spends) {
        // Of several the one in a block counts, or the one listed first.
        if (this.#spenders.has(outpoint) && !block) continue;
        if (this.#spenders.get(outpoint)?.block) continue;
        this.#spenders.set(outpoint, { txid, ...(block ? { block } : {}) });
      }
    }
  }
}

/** undefined while unconfirmed. Throws {@link SourceError}. */
export function blockOf(status: z.infer<typeof place>): Block | undefined {
  if (!status.confirmed) return undefined;
  const { block_height: at, block_hash: id } = status;
  if (at == null || id == null) throw new SourceError("claims a confirmation without naming the block");
  return { height: at, hash: id };
}
