/**
 * Asks one source everything and proves what it says. What comes out is safe to believe whoever said it: headers with
 * proof of work, fundings whose bytes were hashed, spends whose signature was verified, confirmations with a merkle
 * branch. A claim that cannot be proven becomes the source's `problem` and nothing else.
 */
import type { News } from "./coins/coin.ts";
import type { HeaderTree } from "./coins/header-tree.ts";
import type { Pinata } from "./pinata.ts";
import { equalBytes, type Hash, ProofError } from "./proofs/bytes.ts";
import { checkInclusion } from "./proofs/merkle.ts";
import { type Prevout, prevoutsNeeded, proveSpend } from "./proofs/taproot-spend.ts";
import { type Outpoint, type ParsedTransaction, parseTransaction, showOutpoint } from "./proofs/transaction.ts";
import { HeaderWalk } from "./sources/header-walk.ts";
import { type Block, type ChainSource, SourceError, type Spender } from "./sources/source.ts";

/** What is watched of a known coin. */
export interface Watched {
  outpoint: Outpoint;
  value: number;
  /** Height of the funding on the best chain. */
  since?: number;
}

export interface Found {
  outpoint: Outpoint;
  value: number;
  news: Omit<News, "source" | "at">;
}

export interface Observation {
  tip: Block | null;
  found: Found[];
  /** Why the source is not healthy, in words; null when it is. */
  problem: string | null;
  /** Milliseconds for which the source asked to be left alone. */
  retryAfter?: number;
}

const MAX_KEPT = 5000;
/** Fundings of one source that are not in a block: such a transaction can be made up by anyone. */
const MAX_UNCONFIRMED = 20;
/** More inputs than any transaction has that nodes relay (100,000 vbytes, 41 each): a thief must not hide behind their number. */
const MAX_INPUTS_FETCHED = 2_500;
/** A source this many blocks behind the best chain is not taken as an answer about now. */
const MAX_BEHIND = 2;

export class Observer {
  readonly #source: ChainSource;
  readonly #pinata: Pinata;
  readonly #tree: HeaderTree;
  readonly #walk: HeaderWalk;
  /** Proofs already made: they cannot become wrong. */
  #transactions = new Map<Hash, ParsedTransaction>();
  #included = new Set<string>();
  /** Where a transaction was last proven to be: while that is on the best chain, it need not be shown again. */
  #settled = new Map<Hash, Block>();
  #spends = new Map<string, { kind: "breach" | "refund" | "unknown"; proof: string }>();

  constructor(source: ChainSource, pinata: Pinata, tree: HeaderTree) {
    this.#source = source;
    this.#pinata = pinata;
    this.#tree = tree;
    tree.enforce(pinata.rules);
    this.#walk = new HeaderWalk(source, pinata.rules, tree);
  }

  /** One round. Never throws for what the source did. */
  async observe(watched: readonly Watched[]): Promise<Observation> {
    const result: Observation = { tip: null, found: [], problem: null };
    try {
      result.tip = await this.#walk.follow();
      const found = await this.#fundings(result);
      for (const coin of watched) {
        const key = showOutpoint(coin.outpoint);
        const spend = await this.#spend(coin, result);
        const before = found.get(key) ?? { outpoint: coin.outpoint, value: coin.value, news: {} };
        found.set(key, { ...before, news: { ...before.news, ...(spend === undefined ? {} : { spend }) } });
      }
      result.found = [...found.values()];
      const behind = this.#tree.behind(result.tip.hash);
      if (behind === undefined || behind > MAX_BEHIND) {
        result.problem ??= `is ${behind ?? "many"} blocks behind, or on a branch with less work`;
      }
    } catch (error) {
      result.problem = blame(error);
      if (error instanceof SourceError && error.retryAfter !== undefined) result.retryAfter = error.retryAfter;
    }
    return result;
  }

  async #fundings(result: Observation): Promise<Map<string, Found>> {
    const { output, address } = this.#pinata;
    const claims = await this.#source.fundings({ script: output.script, address }, (txid) => {
      const block = this.#settled.get(txid);
      return block !== undefined && this.#tree.contains(block);
    });
    const found = new Map<string, Found>();
    let unconfirmed = 0;
    for (const { txid, vout, block } of claims) {
      if (!block && ++unconfirmed > MAX_UNCONFIRMED) continue;
      try {
        const transaction = await this.#transaction(txid, block);
        const paid = transaction?.parsed.outs[vout];
        if (!paid || !equalBytes(paid.script, output.script)) {
          throw new SourceError(`claims that ${txid}:${vout} pays the piñata, which it does not`);
        }
        const where = block && (await this.#inclusion(transaction, block));
        const funding = where ? { block: where } : {};
        found.set(`${txid}:${vout}`, { outpoint: { txid, vout }, value: Number(paid.value), news: { funding } });
      } catch (error) {
        result.problem ??= blame(error);
        if (isLoss(error)) throw error;
      }
    }
    return found;
  }

  /** Proven spend, null for unspent, undefined when the source's claim is worth nothing. */
  async #spend({ outpoint, since }: Watched, result: Observation): Promise<News["spend"]> {
    let claim: Spender | undefined;
    try {
      claim = await this.#source.spender(outpoint, since);
      if (!claim) return null;
      const { txid, block } = claim;
      const transaction = await this.#transaction(txid, block);
      if (!transaction) throw new SourceError(`claims that ${txid} spends a coin, but does not have it`);
      const proven = await this.#prove(transaction, outpoint);
      const where = block && (await this.#inclusion(transaction, block));
      if (proven.kind === "unknown" && !where) return undefined;
      return { txid, ...proven, ...(where ? { block: where } : {}) };
    } catch (error) {
      const whose = claim ? `claims that ${claim.txid} spends ${showOutpoint(outpoint)}, but: ` : "";
      result.problem ??= whose + blame(error);
      if (isLoss(error)) throw error;
      return undefined;
    }
  }

  async #prove(transaction: ParsedTransaction, outpoint: Outpoint) {
    const key = `${transaction.txid} ${showOutpoint(outpoint)}`;
    const known = this.#spends.get(key);
    if (known) return known;
    const prevouts = new Map<string, Prevout>();
    const needed = prevoutsNeeded(transaction, outpoint);
    if (needed.length > MAX_INPUTS_FETCHED) throw new ProofError(`a transaction of ${needed.length} inputs`);
    for (const each of needed) {
      const paid = (await this.#transaction(each.txid))?.parsed.outs[each.vout];
      if (paid) prevouts.set(showOutpoint(each), { script: paid.script, value: paid.value });
    }
    const proven = proveSpend(transaction, outpoint, this.#pinata.output, prevouts);
    remember(this.#spends, key, proven);
    return proven;
  }

  /** The block once it is proven to hold the transaction; undefined while its header is not known. */
  async #inclusion(transaction: ParsedTransaction | undefined, block: Block): Promise<Block | undefined> {
    if (!transaction) return undefined;
    const key = `${transaction.txid} ${block.hash}`;
    if (this.#included.has(key)) return block;
    const header = await this.#walk.headerOf(block);
    if (!header) return undefined;
    const proof = await this.#source.merkleProof(transaction.txid, block);
    checkInclusion(transaction, proof, header);
    remember(this.#settled, transaction.txid, block);
    this.#included.add(key);
    if (this.#included.size > MAX_KEPT) this.#included.delete(this.#included.values().next().value!);
    return block;
  }

  async #transaction(txid: Hash, block?: Block): Promise<ParsedTransaction | undefined> {
    const known = this.#transactions.get(txid);
    if (known) return known;
    const raw = await this.#source.transaction(txid, block);
    if (!raw) return undefined;
    const transaction = parseTransaction(raw);
    if (transaction.txid !== txid) throw new SourceError("sent another transaction than the one asked for");
    remember(this.#transactions, txid, transaction);
    return transaction;
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_KEPT) map.delete(map.keys().next().value!);
}

/** The connection itself is in trouble: asking on would only cost time. */
function isLoss(error: unknown): boolean {
  return error instanceof SourceError && (error.retryAfter !== undefined || error.lost);
}

function blame(error: unknown): string {
  if (error instanceof ProofError) return `showed ${error.message}`;
  if (error instanceof SourceError) return error.message;
  throw error;
}
