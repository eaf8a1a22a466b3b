/**
 * The development chain: a regtest node's view of blocks and transactions, without input or output of its own. It keeps every
 * valid block it is given, follows the branch with the most work (the first seen among equals), and on a reorganisation gives
 * the mempool its transactions back. Time is given to it, in seconds since 1970.
 */
import { type BlockPlace, checkBlock, decodeBlock, makeBlock, type ParsedBlock } from "./block.ts";
import { type Coin, Ledger, type Spend } from "./ledger.ts";
import {
  type Checked,
  Mempool,
  type MempoolEntry,
  type MempoolEvent,
  type MempoolView,
  type Replacement,
} from "./mempool.ts";
import { BLOCK_WORK, GENESIS, MAX_BLOCK_WEIGHT, subsidy } from "./params.ts";
import { Refused, type Undecodable } from "./refused.ts";
import { decodeTx, type Tx } from "./transaction.ts";

/** A block that is kept, on the best chain or not. */
export interface StoredBlock {
  hash: string;
  height: number;
  previous: StoredBlock | undefined;
  raw: Uint8Array;
  version: number;
  merkleRoot: string;
  time: number;
  /** Of this block and the ten before it. */
  medianTime: number;
  bits: number;
  nonce: number;
  /** Of this block and all before it. */
  work: bigint;
  txids: string[];
  weight: number;
  invalid: boolean;
}

/** A transaction and where it is: a block of the best chain, or the mempool. */
export interface Located {
  tx: Tx;
  block?: StoredBlock;
}

export interface ChainOptions {
  replacement?: Replacement;
  /** Told of each step as it is made, in order. */
  tell?: (event: ChainEvent) => void;
}

/** `tip`: a new tip above the fork, as after a block or a reorganisation, but not when blocks were only taken away. */
export type ChainEvent = MempoolEvent | { kind: "connected" | "disconnected" | "tip"; block: StoredBlock };

export interface MineOptions {
  /** Where the coinbase pays to. */
  script: Uint8Array;
  /** Seconds since 1970. */
  now: number;
  /** Makes blocks at the same place differ; up to 75 bytes. */
  extra: Uint8Array;
}

const MEDIAN_SPAN = 11;
const BLOCKS_IN_MEMORY = 64;
/** Room for header and coinbase in a block. */
const RESERVED_WEIGHT = 8_000;

export class Chain {
  readonly mempool: Mempool;
  readonly #ledger = new Ledger();
  readonly #blocks = new Map<string, StoredBlock>();
  /** The best chain, by height. */
  readonly #active: StoredBlock[] = [];
  readonly #places = new Map<string, StoredBlock>();
  /** The block in which a transaction was seen last, on any branch. */
  readonly #seen = new Map<string, StoredBlock>();
  readonly #parsed = new Map<string, ParsedBlock>();
  readonly #tell: (event: ChainEvent) => void;
  /** While it is, what enters the mempool may have been there before. */
  #rebuilding = false;

  constructor(options: ChainOptions = {}) {
    this.#tell = options.tell ?? (() => {});
    this.mempool = new Mempool(options.replacement, (event) => {
      if (!this.#rebuilding) this.#tell(event);
    });
    const genesis = this.#keep(decodeBlock(GENESIS), undefined);
    this.#active.push(genesis);
    this.#places.set(genesis.txids[0]!, genesis);
  }

  get tip(): StoredBlock {
    return this.#active[this.#active.length - 1]!;
  }

  get height(): number {
    return this.tip.height;
  }

  block(hash: string): StoredBlock | undefined {
    return this.#blocks.get(hash);
  }

  /** On the best chain. */
  blockAt(height: number): StoredBlock | undefined {
    return this.#active[height];
  }

  isActive(block: StoredBlock): boolean {
    return this.#active[block.height] === block;
  }

  contents(block: StoredBlock): ParsedBlock {
    const known = this.#parsed.get(block.hash);
    if (known) return known;
    const parsed = decodeBlock(block.raw);
    this.#remember(parsed);
    return parsed;
  }

  /** A transaction of the best chain or the mempool. */
  find(txid: string): Located | undefined {
    const entry = this.mempool.get(txid);
    if (entry) return { tx: entry.tx };
    const block = this.#places.get(txid);
    return block ? { tx: this.contents(block).txs[block.txids.indexOf(txid)]!, block } : undefined;
  }

  /** The output at "txid:vout", spent or not, confirmed or not, also of a branch that was left. */
  output(outpoint: string): Pick<Coin, "script" | "value"> | undefined {
    const known = this.#ledger.output(outpoint) ?? this.mempool.output(outpoint);
    if (known) return known;
    const [txid, vout] = outpoint.split(":");
    const block = this.#seen.get(txid!);
    return block && this.contents(block).txs[block.txids.indexOf(txid!)]!.parsed.outs[Number(vout)];
  }

  /** Unspent in the best chain; the mempool may spend it. */
  coin(outpoint: string): Coin | undefined {
    return this.#ledger.coin(outpoint);
  }

  /** Who spends the output, in the best chain or the mempool. */
  spender(outpoint: string): Spend | undefined {
    return this.#ledger.spender(outpoint) ?? this.mempool.spender(outpoint);
  }

  /** Who spends the output in the best chain. */
  confirmedSpender(outpoint: string): Spend | undefined {
    return this.#ledger.spender(outpoint);
  }

  /** Confirmed transactions that touch a script hash, oldest first. */
  history(scriptHash: string): readonly string[] {
    return this.#ledger.history(scriptHash);
  }

  /** Confirmed unspent outpoints of a script hash, oldest first; the mempool may spend them. */
  unspent(scriptHash: string): Iterable<string> {
    return this.#ledger.unspent(scriptHash);
  }

  /** What entering the mempool would do. Throws {@link Refused} or {@link Undecodable}; changes nothing. */
  test(raw: Uint8Array, now: number): Checked {
    return this.mempool.check(decodeTx(raw), this.#view(), now);
  }

  /** Takes a transaction into the mempool. Throws {@link Refused} or {@link Undecodable}. */
  submitTransaction(raw: Uint8Array, now: number): Checked {
    const checked = this.test(raw, now);
    this.mempool.add(checked);
    return checked;
  }

  /** Makes the next block out of the mempool and submits it. */
  mine(options: MineOptions): StoredBlock {
    const { tip } = this;
    const picked = this.#pick();
    const fees = picked.reduce((sum, { fee }) => sum + fee, 0n);
    const raw = makeBlock({
      previous: tip.hash,
      height: tip.height + 1,
      time: Math.max(options.now, tip.medianTime + 1),
      script: options.script,
      value: subsidy(tip.height + 1) + fees,
      extra: options.extra,
      transactions: picked.map(({ tx }) => tx.parsed),
    });
    return this.submitBlock(raw, options.now);
  }

  /**
   * Takes a block and follows the best branch. Throws {@link Undecodable} or {@link Refused}: when the block breaks a rule by itself, it
   * is not kept; when it breaks one as the next block of the best chain, it is kept as invalid and the chain stays where it was.
   */
  submitBlock(raw: Uint8Array, now: number): StoredBlock {
    return this.#accept(raw, now, now);
  }

  /** As {@link submitBlock}, for a block that was accepted before: its time was checked then, and the clock may have been set back. */
  replayBlock(raw: Uint8Array, now: number): StoredBlock {
    return this.#accept(raw, now, Number.POSITIVE_INFINITY);
  }

  #accept(raw: Uint8Array, now: number, clock: number): StoredBlock {
    const parsed = decodeBlock(raw);
    const known = this.#blocks.get(parsed.hash);
    if (known) throw new Refused(known.invalid ? "duplicate-invalid" : "duplicate");
    const previous = this.#blocks.get(parsed.previous);
    if (!previous) throw new Refused("prev-blk-not-found");
    if (previous.invalid) throw new Refused("bad-prevblk");
    const place: BlockPlace = { height: previous.height + 1, medianTime: previous.medianTime, now: clock };
    checkBlock(parsed, place);
    const block = this.#keep(parsed, previous);
    if (block.work <= this.tip.work) return block;
    const problem = this.#follow(block, now);
    if (problem) throw problem;
    return block;
  }

  /** Core's invalidateblock: the block and all after it are left for the best other branch. Throws RangeError for an unknown hash. */
  invalidate(hash: string, now: number): void {
    const block = this.#blocks.get(hash);
    if (!block) throw new RangeError("Block not found");
    if (!block.previous) throw new RangeError("the genesis block cannot be invalidated");
    this.#markInvalid(block);
    this.#follow(this.#best(), now);
  }

  #keep(parsed: ParsedBlock, previous: StoredBlock | undefined): StoredBlock {
    const block: StoredBlock = {
      hash: parsed.hash,
      height: previous ? previous.height + 1 : 0,
      previous,
      raw: parsed.raw,
      version: parsed.version,
      merkleRoot: parsed.merkleRoot,
      time: parsed.time,
      medianTime: medianTime(parsed.time, previous),
      bits: parsed.bits,
      nonce: parsed.nonce,
      work: (previous?.work ?? 0n) + BLOCK_WORK,
      txids: parsed.txs.map(({ txid }) => txid),
      weight: parsed.weight,
      invalid: false,
    };
    this.#blocks.set(block.hash, block);
    for (const txid of block.txids) this.#seen.set(txid, block);
    this.#remember(parsed);
    return block;
  }

  #remember(parsed: ParsedBlock): void {
    this.#parsed.set(parsed.hash, parsed);
    if (this.#parsed.size > BLOCKS_IN_MEMORY) this.#parsed.delete(this.#parsed.keys().next().value!);
  }

  #markInvalid(from: StoredBlock): void {
    from.invalid = true;
    // Children come after their parents in the map.
    for (const block of this.#blocks.values()) if (block.previous?.invalid) block.invalid = true;
  }

  /** Most work; the first seen among equals. */
  #best(): StoredBlock {
    let best: StoredBlock | undefined;
    for (const block of this.#blocks.values()) {
      if (!block.invalid && (!best || block.work > best.work)) best = block;
    }
    return best!;
  }

  /** Makes `target` the tip, or, when a block on the way there breaks a rule, the best valid one. Returns that problem. */
  #follow(target: StoredBlock, now: number): Refused | undefined {
    let returned: Tx[] = [];
    let reorganised = false;
    let problem: Refused | undefined;
    for (let best = target; best !== this.tip; best = problem ? this.#best() : best) {
      while (ancestorAt(best, Math.min(this.height, best.height)) !== this.tip) {
        returned = [...this.#disconnectTip(), ...returned];
        reorganised = true;
      }
      try {
        const from = this.tip;
        for (let height = this.height + 1; height <= best.height; height++) this.#connect(ancestorAt(best, height));
        if (this.tip !== from) this.#tell({ kind: "tip", block: this.tip });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        problem = error;
      }
    }
    if (reorganised) this.#rebuildMempool(returned, now);
    return problem;
  }

  #connect(block: StoredBlock): void {
    const parsed = this.contents(block);
    try {
      this.#ledger.connect(parsed, {
        height: block.height,
        medianTime: block.previous!.medianTime,
        medianTimeAt: (height) => this.#active[height]!.medianTime,
      });
    } catch (error) {
      if (error instanceof Refused) this.#markInvalid(block);
      throw error;
    }
    this.#active.push(block);
    for (const txid of block.txids) this.#places.set(txid, block);
    this.mempool.confirm(parsed.txs);
    this.#tell({ kind: "connected", block });
  }

  /** Returns the transactions that are confirmed no more, without the coinbase. */
  #disconnectTip(): Tx[] {
    const block = this.#active.pop()!;
    const parsed = this.contents(block);
    this.#ledger.disconnect(parsed);
    for (const txid of block.txids) this.#places.delete(txid);
    this.#tell({ kind: "disconnected", block });
    return parsed.txs.slice(1);
  }

  /** After a reorganisation: what was confirmed comes back, what was waiting is checked again; what no longer fits is dropped. */
  #rebuildMempool(returned: readonly Tx[], now: number): void {
    const waiting = this.mempool.entries();
    const before = new Set(waiting.map(({ tx }) => tx.txid));
    this.#rebuilding = true;
    this.mempool.clear();
    const retry = (tx: Tx, time: number) => {
      if (this.#places.has(tx.txid)) return;
      try {
        this.mempool.add(this.mempool.check(tx, this.#view(), time, "returned"));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    };
    for (const tx of returned) retry(tx, now);
    for (const { tx, time } of waiting) retry(tx, time);
    this.#rebuilding = false;
    for (const { tx } of waiting) {
      if (!this.mempool.get(tx.txid) && !this.#places.has(tx.txid)) {
        this.#tell({ kind: "left", tx, sequence: this.mempool.sequence++ });
      }
    }
    for (const { tx } of this.mempool.entries()) {
      if (!before.has(tx.txid)) this.#tell({ kind: "entered", tx, sequence: this.mempool.sequence++ });
    }
  }

  #view(): MempoolView {
    const { tip } = this;
    return {
      height: tip.height,
      medianTime: tip.medianTime,
      medianTimeAt: (height) => this.#active[Math.min(height, tip.height)]!.medianTime,
      coin: (outpoint) => this.#ledger.coin(outpoint),
    };
  }

  /** Best-paying first, each after the unconfirmed transactions that it needs, as many as fit. */
  #pick(): MempoolEntry[] {
    const order = this.mempool.entries();
    const place = new Map(order.map((entry, i) => [entry.tx.txid, i]));
    const byRate = [...order].sort((a, b) => Number(b.fee) / b.tx.vsize - Number(a.fee) / a.tx.vsize);
    const picked = new Set<MempoolEntry>();
    let weight = RESERVED_WEIGHT;
    for (const entry of byRate) {
      const needed = [...this.mempool.ancestors(entry.tx)].sort((a, b) => place.get(a)! - place.get(b)!);
      const group = [...needed.map((txid) => this.mempool.get(txid)!), entry].filter((one) => !picked.has(one));
      const more = group.reduce((sum, { tx }) => sum + tx.weight, 0);
      if (weight + more > MAX_BLOCK_WEIGHT) continue;
      weight += more;
      for (const one of group) picked.add(one);
    }
    return [...picked];
  }
}

function medianTime(time: number, previous: StoredBlock | undefined): number {
  const times = [time];
  for (let block = previous; block && times.length < MEDIAN_SPAN; block = block.previous) times.push(block.time);
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}

function ancestorAt(block: StoredBlock, height: number): StoredBlock {
  let at = block;
  while (at.height > height) at = at.previous!;
  return at;
}
