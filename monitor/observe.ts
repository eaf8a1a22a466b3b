/**
 * Asks one source everything and proves what it says. What comes out is safe to believe whoever said it: headers with
 * proof of work, fundings whose bytes were hashed, spends whose signature was verified, confirmations with a merkle
 * branch. A claim that cannot be proven becomes the source's `problem` and nothing else. Spends of known coins come first
 * and are told at once, whatever the rest of the round takes.
 */

import type { ProvenBlock } from "./certificate/make.ts";
import { MAX_RAW, type News, type SpendBytes } from "./coins/coin.ts";
import type { HeaderTree } from "./coins/header-tree.ts";
import { type Evidence, EvidenceMaker, type SpentCoin } from "./evidence.ts";
import type { Pinata } from "./pinata.ts";
import { equalBytes, type Hash, ProofError, showHash, toHex } from "./proofs/bytes.ts";
import { checkConfirmation } from "./proofs/confirmation.ts";
import { type Prevout, type ProvenSpend, prevoutsNeeded, proveSpend } from "./proofs/taproot-spend.ts";
import { type Outpoint, type ParsedTransaction, parseTransaction, showOutpoint } from "./proofs/transaction.ts";
import { MAX_OWN_LAG } from "./proofs/trust.ts";
import { HeaderWalk, type MayPlant } from "./sources/header-walk.ts";
import { type Block, type ChainSource, SourceError, type Spender } from "./sources/source.ts";

/** What is watched of a known coin. */
export interface Watched {
  outpoint: Outpoint;
  value: number;
  /** The block of the funding on the best chain. */
  funding?: Block;
  /** The key was told to be out: another spend is not urgent. */
  keyOut?: boolean;
  /** A spend was told. */
  spent?: boolean;
}

export interface Found {
  outpoint: Outpoint;
  value: number;
  news: Omit<News, "source" | "operator" | "at">;
}

interface Outcome {
  /** Why the source is not healthy, in words; null when it is. */
  problem: string | null;
  /** Milliseconds for which the source asked to be left alone. */
  retryAfter?: number;
  /** Nothing is asked any more in this round: it would only cost time. */
  lost: boolean;
  /** There is more to read than one round takes. */
  goesOn: boolean;
}

export interface Observation extends Outcome {
  tip: Block | null;
  found: Found[];
  /** Certificates that are new or say more than before. */
  evidence: Evidence[];
  /** Why a proven spend has no certificate: of the monitor, not of the source. */
  uncertified?: string;
}

/** Hears of proven spends; more may be proven while it is at work. Never rejects. */
export type Told = (found: Found[]) => Promise<void>;

interface Seen extends Spender {
  transaction: ParsedTransaction;
  proven: Proven;
}

/** What the first part of a round has shown. */
export interface Look extends Outcome {
  watched: readonly Watched[];
  tip: Block | null;
  /** null: unspent; coins about which nothing usable was said are left out. */
  spends: { coin: Watched; spend: Seen | null }[];
}

type Proven = ProvenSpend & { prevouts: ReadonlyMap<string, Prevout>; bytes: SpendBytes };

const MAX_KEPT = 5000;
/** Fundings of one source that are not in a block: such a transaction can be made up by anyone. */
const MAX_UNCONFIRMED = 20;
/** More inputs than any transaction has that nodes relay (100,000 vbytes, 41 each): a thief must not hide behind their number. */
const MAX_INPUTS_FETCHED = 2_500;
/** A source more than this many blocks behind the best chain is not taken as an answer about now. */
const MAX_BEHIND = 2;

export interface Surroundings {
  pinata: Pinata;
  /** Shared by all observers. */
  tree: HeaderTree;
  /** Sources that are asked for the transactions that this one does not have. */
  others?: readonly ChainSource[];
  mayPlant?: MayPlant;
}

export class Observer {
  readonly #source: ChainSource;
  readonly #others: readonly ChainSource[];
  readonly #pinata: Pinata;
  readonly #tree: HeaderTree;
  readonly #walk: HeaderWalk;
  /** Proofs already made: they cannot become wrong. */
  #transactions = new Map<Hash, ParsedTransaction>();
  #included = new Map<string, ProvenBlock>();
  /** Where a transaction was last proven to be: while that is on the best chain, it need not be shown again. */
  #settled = new Map<Hash, Block>();
  #spends = new Map<string, Proven>();
  readonly #evidence: EvidenceMaker;

  constructor(source: ChainSource, { pinata, tree, others = [], mayPlant }: Surroundings) {
    this.#source = source;
    this.#others = others;
    this.#pinata = pinata;
    this.#tree = tree;
    this.#walk = new HeaderWalk(source, pinata.rules, tree, mayPlant);
    this.#evidence = new EvidenceMaker(pinata, tree);
  }

  /** One round. Never throws for what the source did; what was proven before it failed counts. */
  async observe(watched: readonly Watched[], told?: Told): Promise<Observation> {
    return this.conclude(await this.look(watched, told));
  }

  /**
   * The first part of a round: the tip, and who spends the coins that are known. A signature needs neither headers nor
   * fundings nor a certificate, so `told` hears of what is proven before they are asked for. May be done again while a round
   * before is being concluded, but not while another look goes on.
   */
  async look(watched: readonly Watched[], told: Told = async () => {}): Promise<Look> {
    const look: Look = { watched, tip: null, spends: [], problem: null, lost: false, goesOn: false };
    const telling = inLots(told);
    const { output, address } = this.#pinata;
    const asking = {
      target: { script: output.script, address },
      outpoints: watched.map(({ outpoint }) => outpoint),
    };
    try {
      look.tip = await this.#goOn(look, () => this.#source.tip(asking));
      const spent = new Set(this.#source.spent?.().map(showOutpoint));
      const isSpent = ({ outpoint }: Watched) => spent.has(showOutpoint(outpoint));
      for (const coin of [...watched.filter(isSpent), ...watched.filter((each) => !isSpent(each))]) {
        if (look.lost) break;
        const spend = await this.#spend(coin, look, telling.add);
        if (spend !== undefined) look.spends.push({ coin, spend });
      }
    } finally {
      await telling.done();
    }
    return look;
  }

  /** The rest of it: headers, fundings, the blocks of the spends, certificates. */
  async conclude(look: Look): Promise<Observation> {
    const { watched, tip } = look;
    const { problem, lost, goesOn, retryAfter } = look;
    const result: Observation = { tip: null, found: [], evidence: [], problem, lost, goesOn };
    if (retryAfter !== undefined) result.retryAfter = retryAfter;
    const found = new Map<string, Found>();
    if (tip) {
      const isKnown = this.#tree.heightOf(tip.hash) === tip.height;
      result.tip = isKnown ? tip : await this.#goOn(result, () => this.#walk.follow(tip));
    }
    if (result.tip) await this.#goOn(result, () => this.#fundings(result, found));
    for (const { coin, spend } of look.spends) {
      const key = showOutpoint(coin.outpoint);
      const placed = spend && (await this.#placed(spend, result));
      const before = found.get(key) ?? { outpoint: coin.outpoint, value: coin.value, news: {} };
      if (placed !== undefined) found.set(key, { ...before, news: { ...before.news, spend: placed } });
    }
    result.found = [...found.values()];
    await this.#certify(result, watched);
    const behind = result.tip ? this.#tree.behind(result.tip.hash) : 0;
    if (behind === undefined || behind > (this.#source.own ? MAX_OWN_LAG : MAX_BEHIND)) {
      result.problem ??= `is ${behind ?? "many"} blocks behind, or on a branch with less work`;
    }
    return result;
  }

  /** Asks, unless the source was lost before in this round; notes what was wrong, and answers null then. */
  async #goOn<T>(round: Outcome, ask: () => Promise<T>): Promise<T | null> {
    if (round.lost) return null;
    try {
      return await ask();
    } catch (error) {
      fail(round, error);
      return null;
    }
  }

  async #fundings(result: Observation, found: Map<string, Found>): Promise<void> {
    const { output, address } = this.#pinata;
    const claims = await this.#source.fundings({ script: output.script, address }, (txid) => {
      const block = this.#settled.get(txid);
      return block !== undefined && this.#tree.contains(block);
    });
    let unconfirmed = 0;
    for (const { txid, vout, block } of claims) {
      if (!block && ++unconfirmed > MAX_UNCONFIRMED) continue;
      try {
        const transaction = await this.#transaction(txid, block);
        const paid = transaction?.parsed.outs[vout];
        if (!paid || !equalBytes(paid.script, output.script)) {
          throw new SourceError(`claims that ${txid}:${vout} pays the piñata, which it does not`);
        }
        // Nothing to take; and a signed message (BIP-322) has the form of a spend of nothing.
        if (paid.value === 0n) continue;
        const where = block && (await this.#inclusion(transaction, block));
        const funding = where ? { block: where } : {};
        found.set(`${txid}:${vout}`, { outpoint: { txid, vout }, value: Number(paid.value), news: { funding } });
      } catch (error) {
        fail(result, error);
        if (result.lost) return;
      }
    }
  }

  /** null for unspent, undefined when the source's claim is worth nothing. */
  async #spend(coin: Watched, look: Look, tell: (found: Found) => void): Promise<Seen | null | undefined> {
    const { outpoint, value, funding } = coin;
    let claim: Spender | undefined;
    try {
      claim = await this.#source.spender(outpoint, funding?.height);
      if (!claim) return null;
      const { txid, block } = claim;
      const transaction = await this.#transaction(txid, block);
      if (!transaction) throw new SourceError(`claims that ${txid} spends a coin, but does not have it`);
      const isNew = !this.#spends.has(`${txid} ${showOutpoint(outpoint)}`);
      const proven = await this.#prove(transaction, coin, claim);
      const { kind, proof, bytes } = proven;
      // Whether a block replaced the spend that was told is known only with the block.
      const isUrgent = isNew && kind !== "unknown" && !coin.keyOut && !(coin.spent && block);
      if (isUrgent) tell({ outpoint, value, news: { spend: { txid, kind, proof, bytes } } });
      return { ...claim, transaction, proven };
    } catch (error) {
      fail(look, error, claim && `claims that ${claim.txid} spends ${showOutpoint(outpoint)}, but: `);
      // A txid says nothing of witnesses: bytes that prove nothing are asked for anew.
      if (claim) this.#transactions.delete(claim.txid);
      return undefined;
    }
  }

  /** With its block where that is proven; undefined for one that counts only in a block. */
  async #placed({ txid, block, transaction, proven }: Seen, result: Observation): Promise<News["spend"]> {
    const where = block && (await this.#place(transaction, block, result));
    const { kind, proof, bytes } = proven;
    if (kind === "unknown" && !where) return undefined;
    return { txid, kind, proof, bytes, ...(where ? { block: where } : {}) };
  }

  /** A spend that was proven is told, whatever comes of its block. */
  async #place(transaction: ParsedTransaction, block: Block, result: Observation): Promise<Block | undefined> {
    const { txid } = transaction;
    if (result.lost) return this.#included.has(`${txid} ${block.hash}`) ? block : undefined;
    try {
      return await this.#inclusion(transaction, block);
    } catch (error) {
      fail(result, error, `claims that block ${block.height} holds ${txid}, but: `);
      return undefined;
    }
  }

  /**
   * The source is asked for the previous outputs first, then the others: a node without a transaction index does not have
   * them all. Outputs taken from bytes with the right txid are certain; claimed ones are tried, for a false one only
   * makes the signature fail.
   */
  async #prove(transaction: ParsedTransaction, { outpoint, value }: Watched, spend: Spender): Promise<Proven> {
    const key = `${transaction.txid} ${showOutpoint(outpoint)}`;
    const known = this.#spends.get(key);
    if (known) return known;
    const needed = prevoutsNeeded(transaction, outpoint);
    if (needed.length > MAX_INPUTS_FETCHED) throw new ProofError(`a transaction of ${needed.length} inputs`);
    const own: Prevout = { script: this.#pinata.output.script, value: BigInt(value) };
    const certain = new Map([[showOutpoint(outpoint), own]]);
    let failure: unknown;
    for (const source of [this.#source, ...this.#others]) {
      const missing = needed.filter((each) => !certain.has(showOutpoint(each)));
      const claimed = await this.#previous(source, missing, spend, certain);
      try {
        const prevouts = new Map([...claimed, ...certain]);
        const { kind, proof } = proveSpend(transaction, outpoint, this.#pinata.output, prevouts);
        const proven = { kind, proof, prevouts, bytes: bytesOf(transaction, prevouts) };
        remember(this.#spends, key, proven);
        return proven;
      } catch (error) {
        blame(error);
        failure = error;
        if (needed.every((each) => certain.has(showOutpoint(each)))) break;
      }
    }
    throw failure;
  }

  /** Adds to `certain` what the source can show, and answers what it only claims. Another source's failure is its own. */
  async #previous(
    source: ChainSource,
    missing: readonly Outpoint[],
    spend: Spender,
    certain: Map<string, Prevout>,
  ): Promise<ReadonlyMap<string, Prevout>> {
    if (missing.length === 0) return new Map();
    try {
      if (source.prevouts) return await source.prevouts(missing, spend);
      for (const each of missing) {
        const paid = (await this.#transaction(each.txid, undefined, source))?.parsed.outs[each.vout];
        if (paid) certain.set(showOutpoint(each), { script: paid.script, value: paid.value });
      }
    } catch (error) {
      if (source === this.#source) throw error;
      blame(error);
    }
    return new Map();
  }

  /** The block once it is proven to hold the transaction; undefined while its header is not known. */
  async #inclusion(transaction: ParsedTransaction | undefined, block: Block): Promise<Block | undefined> {
    if (!transaction) return undefined;
    const key = `${transaction.txid} ${block.hash}`;
    if (this.#included.has(key)) return block;
    const header = await this.#walk.headerOf(block);
    if (!header) return undefined;
    const proof = await this.#source.merkleProof(transaction.txid, block);
    const coinbase = await this.#source.coinbaseProof?.(block);
    const medianTime = this.#tree.medianTimeBefore(block);
    checkConfirmation(
      {
        transaction,
        proof,
        header,
        height: block.height,
        ...(medianTime === undefined ? {} : { medianTime }),
        ...(coinbase ? { coinbase } : {}),
      },
      this.#pinata.rules,
    );
    remember(this.#settled, transaction.txid, block);
    remember(this.#included, key, { height: block.height, header, proof, ...(coinbase ? { coinbase } : {}) });
    return block;
  }

  /** Certificates for the spends that were proven in this round. */
  async #certify(result: Observation, watched: readonly Watched[]): Promise<void> {
    const spends = new Map<Hash, Found[]>();
    for (const each of result.found) {
      const { spend } = each.news;
      if (spend && spend.kind !== "unknown") spends.set(spend.txid, [...(spends.get(spend.txid) ?? []), each]);
    }
    for (const [txid, coins] of spends) {
      const { block } = coins[0]!.news.spend!;
      if (!this.#evidence.isDue(txid, coins.length, block)) continue;
      const prevouts = new Map<string, Prevout>();
      const spent: SpentCoin[] = [];
      for (const { outpoint, news } of coins) {
        const known = this.#spends.get(`${txid} ${showOutpoint(outpoint)}`);
        for (const [key, prevout] of known?.prevouts ?? []) prevouts.set(key, prevout);
        const place = news.funding?.block ?? watched.find((each) => each.outpoint === outpoint)?.funding;
        const funding = await this.#anyTransaction(outpoint.txid, place);
        if (!funding) continue;
        const proven = place && this.#included.get(`${outpoint.txid} ${place.hash}`);
        spent.push({ outpoint, funding, ...(proven ? { block: proven } : {}) });
      }
      const spend = this.#transactions.get(txid);
      if (!spend || spent.length < coins.length) continue;
      const where = block && this.#included.get(`${txid} ${block.hash}`);
      const made = this.#evidence.make(spend, spent, prevouts, where, (problem) => {
        result.uncertified = problem;
      });
      if (made) result.evidence.push(made);
    }
  }

  /** From this source, else from any other. */
  async #anyTransaction(txid: Hash, block?: Block): Promise<ParsedTransaction | undefined> {
    for (const source of [this.#source, ...this.#others]) {
      try {
        const transaction = await this.#transaction(txid, block, source);
        if (transaction) return transaction;
      } catch (error) {
        blame(error);
      }
    }
    return undefined;
  }

  async #transaction(txid: Hash, block?: Block, source = this.#source): Promise<ParsedTransaction | undefined> {
    const known = this.#transactions.get(txid);
    if (known) return known;
    const raw = await source.transaction(txid, block);
    if (!raw) return undefined;
    const transaction = parseTransaction(raw);
    if (transaction.txid !== txid) throw new SourceError("sent another transaction than the one asked for");
    remember(this.#transactions, txid, transaction);
    return transaction;
  }
}

function bytesOf({ parsed }: ParsedTransaction, prevouts: ReadonlyMap<string, Prevout>): SpendBytes {
  const paid = parsed.outs.reduce((sum, { value }) => sum + value, 0n);
  let spent: bigint | undefined = 0n;
  for (const { hash, index } of parsed.ins) {
    const value: bigint | undefined = prevouts.get(`${showHash(hash)}:${index}`)?.value;
    spent = spent === undefined || value === undefined ? undefined : spent + value;
  }
  const fee = spent === undefined || spent < paid ? null : Number(spent - paid);
  const raw = parsed.byteLength() <= MAX_RAW ? toHex(parsed.toBuffer()) : null;
  return { size: parsed.virtualSize(), fee, raw };
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_KEPT) map.delete(map.keys().next().value!);
}

/** Hands on what comes in, one lot after another: while one is at work, the next one gathers. */
function inLots(hand: Told): { add: (found: Found) => void; done: () => Promise<void> } {
  let waiting: Found[] = [];
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lot = waiting;
      waiting = [];
      await hand(lot);
    }
    working = undefined;
  };
  return {
    add: (found) => {
      waiting.push(found);
      working ??= work();
    },
    done: async () => working,
  };
}

/** Notes what was wrong; throws on what is a mistake of ours. `about` comes before it. */
function fail(round: Outcome, error: unknown, about = ""): void {
  const problem = about + blame(error);
  round.problem ??= problem;
  if (!(error instanceof SourceError)) return;
  if (error.retryAfter !== undefined) round.retryAfter = error.retryAfter;
  // The connection itself is in trouble.
  if (error.lost || error.retryAfter !== undefined) round.lost = true;
  round.goesOn ||= error.goesOn;
}

function blame(error: unknown): string {
  if (error instanceof ProofError) return `showed ${error.message}`;
  if (error instanceof SourceError) return error.message;
  throw error;
}
