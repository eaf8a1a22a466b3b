/**
 * Who spends a coin, as a Core node tells it: gettxspendingprevout for all coins of a round in one call, blocks included
 * where txospenderindex exists. Without it, a coin that has left the UTXO set is looked for in the blocks since its
 * funding, newest first: those that touch its script by their filters, else all of them, each read once.
 */
import { z } from "zod";
import type { Hash } from "../../proofs/bytes.ts";
import { showOutpoint } from "../../proofs/transaction.ts";
import { findSpender } from "../block-scan.ts";
import { type Block, type Outpoint, SourceError, type Spender } from "../source.ts";
import { type CoreNode, previousOf } from "./node.ts";
import { hash, height, type RpcCall, RpcCode, RpcError } from "./rpc.ts";

/** What the node says of one coin. */
interface Answer {
  spendingtxid?: string | undefined;
  blockhash?: string | undefined;
  /** Not in the UTXO set, and no spender is known: it is to be looked for. */
  missing: boolean;
}

/** How far the search for one coin's spender went: blocks that hold none with the ones before them, or the block that does. */
interface Search {
  cleared: Map<Hash, Hash>;
  found?: Required<Spender>;
  /** By the filters, at this tip, newest first. */
  touching?: { tip: Hash; blocks: Block[] };
}

const spending = z.array(
  z.object({ txid: hash, vout: height, spendingtxid: hash.optional(), blockhash: hash.optional() }),
);
/** Blocks read in one call while looking for a spender; the next call goes on. */
const BLOCKS_PER_CALL = 144;

/** What {@link Spenders.ahead} asks of all coins. */
export interface Ahead {
  outpoints: readonly Outpoint[];
  indexed: boolean;
  calls: RpcCall[];
}

export class Spenders {
  readonly #node: CoreNode;
  /** Coins asked about in this round and in the one before, by "txid:vout". */
  #asked = new Map<string, Outpoint>();
  #before = new Map<string, Outpoint>();
  /** Of this round, each used once. */
  #answers = new Map<string, Answer>();
  /** Coins that nobody is named for, which may have been spent in a block: the UTXO set is still to be asked. */
  #unsure: Outpoint[] = [];
  #searches = new Map<string, Search>();
  /** Where blocks that hold a spend are, at this tip. */
  #places: { tip: Hash; blocks: Map<Hash, Block | undefined> } = { tip: "", blocks: new Map() };
  /** Spenders that were named: what becomes of them is news. */
  #named = new Set<Hash>();

  constructor(node: CoreNode) {
    this.#node = node;
  }

  /** The calls that answer for all these coins, to be sent with others; {@link take} reads the answers. */
  async ahead(outpoints: readonly Outpoint[]): Promise<Ahead> {
    const { spenders: indexed } = await this.#node.indexes();
    if (outpoints.length === 0) return { outpoints, indexed, calls: [] };
    const asked = outpoints.map(({ txid, vout }) => ({ txid, vout }));
    const params = indexed ? [asked, { mempool_only: false }] : [asked];
    return { outpoints, indexed, calls: [{ method: SPENDING, params }] };
  }

  /** An answer that cannot be used is left out: it is asked for again when it is needed, and told of then. */
  take({ outpoints, indexed }: Ahead, [answer]: readonly unknown[]): void {
    const told = spending.safeParse(answer);
    if (told.success) this.#note(told.data, outpoints, indexed);
  }

  /** Coins that were named as spent in the answers that wait. */
  spent(): Outpoint[] {
    return [...this.#before].filter(([key]) => this.#answers.get(key)?.spendingtxid).map(([, outpoint]) => outpoint);
  }

  /** What was answered so far is about the past. `coins`: those that will be asked about. */
  newRound(coins?: readonly Outpoint[]): void {
    this.#before = coins ? new Map(coins.map((each) => [showOutpoint(each), each])) : this.#asked;
    this.#asked = new Map();
    this.#answers.clear();
    this.#unsure = [];
    for (const key of this.#searches.keys()) if (!this.#before.has(key)) this.#searches.delete(key);
    if (this.#named.size > MAX_NAMED) this.#named.clear();
  }

  /** All coins that were asked about of late. */
  watched(): Outpoint[] {
    return [...new Map([...this.#before, ...this.#asked]).values()];
  }

  isNamed(txid: Hash): boolean {
    return this.#named.has(txid);
  }

  async find(outpoint: Outpoint, tip: Block, since: number | undefined, script?: Uint8Array) {
    const spender = await this.#find(outpoint, tip, since, script);
    if (spender) this.#named.add(spender.txid);
    return spender;
  }

  async #find(outpoint: Outpoint, tip: Block, since?: number, script?: Uint8Array): Promise<Spender | undefined> {
    const key = showOutpoint(outpoint);
    this.#asked.set(key, outpoint);
    const answer = await this.#answer(key, outpoint);
    const { spendingtxid: txid, blockhash, missing } = answer;
    if (txid !== undefined) {
      const block = blockhash === undefined ? undefined : await this.#place(blockhash, tip);
      return { txid, ...(block ? { block } : {}) };
    }
    if (missing) return this.#search(key, outpoint, tip, since, script);
    this.#searches.delete(key);
    return undefined;
  }

  /** Asked once for each tip: of many coins that are spent, none keeps the others waiting. */
  async #place(blockhash: Hash, tip: Block): Promise<Block | undefined> {
    if (this.#places.tip !== tip.hash) this.#places = { tip: tip.hash, blocks: new Map() };
    const { blocks } = this.#places;
    if (!blocks.has(blockhash)) blocks.set(blockhash, await this.#node.place(blockhash));
    return blocks.get(blockhash);
  }

  async #answer(key: string, outpoint: Outpoint): Promise<Answer> {
    if (this.#unsure.some((each) => showOutpoint(each) === key)) await this.#askOutputs();
    if (!this.#answers.has(key)) await this.#ask([...new Map([...this.#before, [key, outpoint]]).values()]);
    const answer = this.#answers.get(key);
    if (!answer) throw new SourceError("answered about another coin than the one asked for");
    this.#answers.delete(key);
    return answer;
  }

  async #ask(outpoints: readonly Outpoint[]): Promise<void> {
    const { spenders } = await this.#node.indexes();
    const { answer, indexed } = await this.#spending(outpoints, spenders);
    this.#note(answer, outpoints, indexed);
    await this.#askOutputs();
  }

  #note(told: z.infer<typeof spending>, outpoints: readonly Outpoint[], indexed: boolean): void {
    const wanted = new Set(outpoints.map(showOutpoint));
    this.#answers = new Map();
    this.#unsure = [];
    for (const { txid, vout, spendingtxid, blockhash } of told) {
      const key = showOutpoint({ txid, vout });
      if (!wanted.has(key)) continue;
      if (spendingtxid === undefined && !indexed) this.#unsure.push({ txid, vout });
      else this.#answers.set(key, { spendingtxid, blockhash, missing: false });
    }
  }

  async #askOutputs(): Promise<void> {
    const unsure = this.#unsure;
    this.#unsure = [];
    const params = unsure.map(({ txid, vout }) => [txid, vout, true]);
    const outputs = await this.#node.rpc.batch("gettxout", params, z.unknown());
    unsure.forEach((outpoint, i) => {
      const output = outputs[i];
      if (output instanceof RpcError) throw output;
      this.#answers.set(showOutpoint(outpoint), { missing: output === null });
    });
  }

  /** `indexed`: who is not named in the answer is unspent for certain. */
  async #spending(outputs: readonly Outpoint[], indexed: boolean) {
    const ask = (...options: unknown[]) =>
      this.#node.rpc.call(SPENDING, [outputs.map(({ txid, vout }) => ({ txid, vout })), ...options], spending);
    if (!indexed) return { answer: await ask(), indexed };
    try {
      return { answer: await ask({ mempool_only: false }), indexed };
    } catch (error) {
      // The index may lag behind a new tip.
      if (!(error instanceof RpcError) || error.code !== RpcCode.Misc) throw error;
      return { answer: await ask({ mempool_only: true }), indexed: false };
    }
  }

  /** undefined when none of the blocks since the funding has the spender. Throws while there are blocks left to read. */
  async #search(
    key: string,
    outpoint: Outpoint,
    tip: Block,
    since?: number,
    script?: Uint8Array,
  ): Promise<Spender | undefined> {
    const search = this.#searches.get(key) ?? { cleared: new Map<Hash, Hash>() };
    this.#searches.set(key, search);
    if (search.found && (await this.#node.place(search.found.block.hash))) return search.found;
    delete search.found;
    const { filters } = await this.#node.indexes();
    const lowest = Math.max(0, since ?? tip.height - BLOCKS_PER_CALL);
    const found =
      filters && script
        ? await this.#searchTouching(search, outpoint, tip, lowest, script)
        : await this.#searchAll(search, outpoint, tip, lowest);
    if (found) search.found = found;
    return found;
  }

  async #searchTouching(search: Search, outpoint: Outpoint, tip: Block, lowest: number, script: Uint8Array) {
    if (search.touching?.tip !== tip.hash) {
      search.touching = { tip: tip.hash, blocks: await this.#node.touching(script, lowest, tip.height) };
    }
    let read = 0;
    for (const block of search.touching.blocks) {
      if (search.cleared.has(block.hash)) continue;
      if (read++ === BLOCKS_PER_CALL) throw searching();
      const raw = await this.#node.block(block.hash);
      const txid = findSpender(raw, outpoint);
      if (txid !== undefined) return { txid, block };
      search.cleared.set(block.hash, previousOf(raw));
    }
    return undefined;
  }

  async #searchAll(search: Search, outpoint: Outpoint, tip: Block, lowest: number) {
    let at = tip;
    for (let read = 0; read < BLOCKS_PER_CALL; ) {
      if (at.height < lowest) return undefined;
      let previous = search.cleared.get(at.hash);
      if (previous === undefined) {
        const raw = await this.#node.block(at.hash);
        read++;
        const txid = findSpender(raw, outpoint);
        if (txid !== undefined) return { txid, block: at };
        previous = previousOf(raw);
        search.cleared.set(at.hash, previous);
      }
      if (at.height === 0) return undefined;
      at = { height: at.height - 1, hash: previous };
    }
    throw searching();
  }
}

const SPENDING = "gettxspendingprevout";
const MAX_NAMED = 10_000;

function searching(): SourceError {
  return new SourceError("is being searched for the transaction that spent a coin", { goesOn: true });
}
