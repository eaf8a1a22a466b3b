/**
 * The Esplora HTTP API (Blockstream's esplora, mempool.space, and the development chain) as a source. Each answer passes
 * a schema; transactions and headers are hashed and compared before anyone sees them. A quiet round is two short requests, a
 * round at a new tip three. Where mempool.space's push channel is offered, it says when to ask, and nothing else.
 */
import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { fromHex, type Hash, ProofError, showHash, toHex } from "../proofs/bytes.ts";
import { type CoinbaseProof, rootOfBranch } from "../proofs/merkle.ts";
import { MAX_TRANSACTION_BYTES, type Outpoint, parseExpected, showOutpoint } from "../proofs/transaction.ts";
import { readEsploraAddress } from "./esplora/address.ts";
import { EsploraApi, hash, height, hexBytes } from "./esplora/api.ts";
import { Headers } from "./esplora/headers.ts";
import { AddressHistory, blockOf, place } from "./esplora/history.ts";
import { PushChannel } from "./esplora/push.ts";
import {
  type Asking,
  type Block,
  type ChainSource,
  type Funding,
  SourceError,
  type Spender,
  type Target,
} from "./source.ts";

const outspend = z.object({ spent: z.boolean(), txid: hash.nullish(), status: place.nullish() });
const branch = z.object({ block_height: height, merkle: z.array(hash).max(32), pos: z.number().int().nonnegative() });

const BRANCH_BYTES = 16_384;
/** Blocks by which the servers behind one name may differ. */
const LAG = 2;
/** Coinbases kept; several transactions of a block are proven with one. */
const KEPT_COINBASES = 16;
/** Of the requests that are allowed, what quiet rounds may use; the rest is for news. */
const QUIET_SHARE = 0.8;
const QUIET_REQUESTS = 2;
/** What proving a payment may take: its bytes, its branch, and the same of its block's coinbase. */
const COST = 5;
/** Requests that the proofs of payments leave for everything else in a round. */
const RESERVED = 5;
/** Payments shown; dust beyond that is nobody's concern. */
const MAX_FUNDINGS = 1_000;

export interface EsploraOptions {
  /** Such as https://blockstream.info/api (esplora/address.ts). */
  url: string;
  name?: string;
  /** Milliseconds for one request. */
  timeout?: number;
  clock?: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random?: () => number;
}

export class EsploraSource implements ChainSource {
  readonly kind = "esplora";
  readonly name: string;
  readonly operator: string;
  readonly pollMillis: number;
  readonly #api: EsploraApi;
  readonly #headers: Headers;
  readonly #push: PushChannel | undefined;
  readonly #clock: Clock;
  readonly #coinbases = new Map<Hash, CoinbaseProof>();
  #tip: Block | undefined;
  #history: AddressHistory | undefined;
  /** Payments shown in the round before, which need no more proofs. */
  #shown = new Set<string>();
  /** The history was read after the tip was asked for last. */
  #isFresh = false;
  /** It is read for the spends of this round; its payments come with them. */
  #begun: Promise<void> | undefined;
  /** Histories are read one after another. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: EsploraOptions) {
    const address = readEsploraAddress(options.url);
    // Without its text: there may be a password in it.
    if (!address) throw new Error("not the address of an Esplora API, such as https://host/api");
    const { clock = systemClock, random = Math.random, timeout = 10_000 } = options;
    const { limit, socket, authorization } = address;
    this.name = options.name ?? address.name;
    this.operator = address.operator;
    this.pollMillis = limit ? (1000 * QUIET_REQUESTS) / (limit.perSecond * QUIET_SHARE) : 0;
    this.#clock = clock;
    this.#api = new EsploraApi({ address, timeout, clock, random });
    this.#headers = new Headers(this.#api);
    if (socket !== undefined) {
      this.#push = new PushChannel({
        url: socket,
        clock,
        random,
        timeout,
        ...(authorization === undefined ? {} : { authorization }),
      });
    }
  }

  async tip(asking?: Asking): Promise<Block> {
    this.#isFresh = false;
    this.#begun = undefined;
    if (asking) this.#watch(asking.target);
    const tip = await this.#api.text("/blocks/tip/hash", hash, "its tip");
    if (this.#tip?.hash !== tip) this.#tip = await this.#headers.place(tip);
    return this.#tip;
  }

  headers(first: Hash, at: number, count: number): Promise<Uint8Array[]> {
    return this.#headers.read(first, at, count);
  }

  async fundings(target: Target): Promise<Funding[]> {
    const history = this.#watch(target);
    const begun = this.#begun;
    this.#begun = undefined;
    await (begun ?? this.#read(history));
    return this.#choose(history.fundings);
  }

  #watch({ address, script }: Target): AddressHistory {
    if (this.#history?.address !== address) this.#history = new AddressHistory(this.#api, address, toHex(script));
    this.#push?.track(address);
    return this.#history;
  }

  #read(history: AddressHistory): Promise<void> {
    const reading = this.#reading.then(async () => {
      const tip = this.#tip ?? (await this.tip());
      await history.read(tip.hash, this.#clock.now());
      this.#isFresh = true;
    });
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Where the history is of no use, each coin is asked about by itself. */
  async #begin(history: AddressHistory): Promise<void> {
    this.#begun ??= this.#read(history);
    try {
      await this.#begun;
    } catch (error) {
      if (!(error instanceof SourceError) || error.lost || error.retryAfter !== undefined) throw error;
    }
  }

  /**
   * The most valuable first, and new ones only as far as there are requests left to prove them with: whoever pays dust to the
   * address must not use them up.
   */
  #choose(fundings: readonly Funding[]): Funding[] {
    let room = this.#api.spare - RESERVED;
    const chosen: Funding[] = [];
    for (const funding of fundings.toSorted((a, b) => b.value - a.value)) {
      if (chosen.length >= MAX_FUNDINGS) break;
      if (!this.#shown.has(showOutpoint(funding))) {
        const cost = funding.block ? COST : 1;
        if (cost > room) continue;
        room -= cost;
      }
      chosen.push(funding);
    }
    this.#shown = new Set(chosen.map(showOutpoint));
    return chosen;
  }

  async spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    if (this.#history && !this.#isFresh) await this.#begin(this.#history);
    const history = this.#isFresh ? this.#history : undefined;
    if (!history) return this.#outspend(outpoint, since);
    const told = history.spender(outpoint);
    if (told) return told;
    if (history.lists(outpoint)) return history.isCrowded ? this.#outspend(outpoint, since) : undefined;
    // Who leaves out a coin that is in a block says nothing about whether it is spent.
    if (history.isWhole && this.#hasReached(since)) {
      throw new SourceError(`does not list the coin ${showOutpoint(outpoint)}`);
    }
    return this.#outspend(outpoint, since);
  }

  async transaction(txid: Hash): Promise<Uint8Array | undefined> {
    const text = await this.#api.maybeText(`/tx/${txid}/hex`, hexBytes, "a transaction", 2 * MAX_TRANSACTION_BYTES + 2);
    if (text === undefined) return undefined;
    const raw = fromHex(text);
    try {
      parseExpected(raw, txid);
    } catch (error) {
      throw error instanceof ProofError ? new SourceError(`sent ${error.message}`) : error;
    }
    return raw;
  }

  async merkleProof(txid: Hash, block: Block) {
    const proof = await this.#api.json(`/tx/${txid}/merkle-proof`, branch, "a merkle proof", BRANCH_BYTES);
    if (proof.block_height !== block.height) throw new SourceError("sent a merkle proof for another block");
    return { form: "branch", siblings: proof.merkle, position: proof.pos } as const;
  }

  async coinbaseProof(block: Block): Promise<CoinbaseProof> {
    const known = this.#coinbases.get(block.hash);
    if (known) return known;
    const txid = await this.#api.text(`/block/${block.hash}/txid/0`, hash, "a transaction's id");
    const raw = await this.transaction(txid);
    if (!raw) throw new SourceError(`does not have the coinbase ${txid} of block ${block.height}`);
    const proof = await this.merkleProof(txid, block);
    const found = { raw, proof };
    // Only what is right is kept, or a passing mistake would stay.
    const [header] = await this.#headers.read(block.hash, block.height, 1);
    if (rootOf(txid, proof.siblings) !== showHash(header!.subarray(36, 68))) return found;
    this.#coinbases.set(block.hash, found);
    if (this.#coinbases.size > KEPT_COINBASES) this.#coinbases.delete(this.#coinbases.keys().next().value!);
    return found;
  }

  onNews(listener: () => void): () => void {
    return this.#push?.onNews(listener) ?? (() => {});
  }

  close(): void {
    this.#push?.close();
  }

  async #outspend(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    const path = `/tx/${outpoint.txid}/outspend/${outpoint.vout}`;
    const answer = await this.#api.maybeJson(path, outspend, "who spends the coin");
    if (!answer && this.#hasReached(since)) throw new SourceError(`does not know the coin ${showOutpoint(outpoint)}`);
    if (!answer?.spent) return undefined;
    if (!answer.txid) throw new SourceError("claims that a coin is spent but not by which transaction");
    const block = answer.status ? blockOf(answer.status) : undefined;
    return { txid: answer.txid, ...(block ? { block } : {}) };
  }

  /** Whether every server behind this name should know a block of that height. */
  #hasReached(at: number | undefined): boolean {
    return at !== undefined && this.#tip !== undefined && at + LAG <= this.#tip.height;
  }
}

/** The root that follows from the first leaf; undefined when there is none. */
function rootOf(txid: Hash, siblings: readonly Hash[]): Hash | undefined {
  try {
    return rootOfBranch(txid, siblings, 0);
  } catch (error) {
    if (error instanceof ProofError) return undefined;
    throw error;
  }
}
