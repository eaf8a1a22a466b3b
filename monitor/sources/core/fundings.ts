/**
 * Outputs that pay the watched script. The UTXO set is scanned once; from then on each new block is read, so that a coin is
 * found even when it is spent in the block that made it. Coins spent before that are found in the blocks since the birth
 * height (all blocks of a short chain), by their filters where the node has them. Unconfirmed ones are those that were
 * seen in passing and are still in the mempool, or all of a mempool that is small.
 */
import { z } from "zod";
import { type Hash, toHex } from "../../proofs/bytes.ts";
import { showOutpoint } from "../../proofs/transaction.ts";
import { type Hits, scanBlock, scanTransaction } from "../block-scan.ts";
import { OutpointSet } from "../outpoint-set.ts";
import { type Block, type Funding, SourceError } from "../source.ts";
import { type CoreNode, previousOf } from "./node.ts";
import { amount, bytesOf, hash, height, hexBytes, RpcCode, RpcError, toSats } from "./rpc.ts";

export interface FundingsOptions {
  script: Uint8Array;
  /** Where to begin the search for coins that are spent already. */
  birth?: number;
  scanTimeout: number;
  /** Milliseconds to wait for the first scan before it is said that it goes on. */
  patience: number;
  /** Something was found in the background. */
  found(): void;
}

/** A block after the base, and what it pays to the script. */
interface Read {
  block: Block;
  fundings: Funding[];
}

const scan = z.object({
  success: z.boolean(),
  height,
  bestblock: hash,
  unspents: z.array(z.object({ txid: hash, vout: height, amount, height })),
});
const mempoolInfo = z.object({ size: height });
const txids = z.array(hash);
/** Blocks read in one call; the next goes on. */
const BLOCKS_PER_CALL = 144;
/** Blocks back to which a reorganisation needs no new scan. */
const MAX_TRAIL = 2_016;
/** A chain this short is read from its first block when no birth height is given. */
const SHORT_CHAIN = 2_016;
/** Before the base, where a reorganisation has reached below it. */
const REORG_MARGIN = 144;
/** A mempool up to this size is read whole. */
const SMALL_MEMPOOL = 500;
const MAX_SIGHTED = 100;
/** Ten standard transactions of the greatest length fit in one answer. */
const TRANSACTIONS_PER_BATCH = 10;
/** Calls for blocks in a row between pauses of the search in the background. */
const BACKGROUND_STEP = 50;
/** Of these, blocks asked for at the same time: a node answers four calls at once. */
const AT_ONCE = 4;

export class Fundings {
  readonly #node: CoreNode;
  readonly #options: FundingsOptions;
  readonly #nothing = new OutpointSet();
  /** Of blocks up to the base, by "txid:vout". */
  #known = new Map<string, Funding>();
  /** The block whose UTXO set was scanned, later the newest that the trail has left behind. */
  #base: Block | undefined;
  /** Consecutive blocks after the base. */
  #trail: Read[] = [];
  #beginning: { task: Promise<void>; problem?: unknown } | undefined;
  /** Unconfirmed, as last seen. */
  #sighted = new Map<Hash, Funding[]>();
  #looked = new Set<Hash>();
  /** Old blocks that are still to be read in the background, and whether that goes on now. */
  #left: { from: number; top: number } | undefined;
  #searching = false;
  #closed = false;

  constructor(node: CoreNode, options: FundingsOptions) {
    this.#node = node;
    this.#options = options;
  }

  /**
   * Throws {@link SourceError} while the first scan or a long catching up goes on. `mempool`: read when it is small, or only
   * looked at for what was sighted, which is quicker.
   */
  async find(tip: Block, mempool: "read" | "sighted"): Promise<Funding[]> {
    if (!this.#base) await this.#begun(tip);
    if (this.#left && !this.#searching) this.#searchOn(this.#left.from);
    await this.#follow(tip);
    const confirmed = [...this.#known.values(), ...this.#trail.flatMap(({ fundings }) => fundings)];
    if (mempool === "read") await this.#readSmallMempool();
    return [...confirmed, ...(await this.#unconfirmed(new Set(confirmed.map(({ txid }) => txid))))];
  }

  /** Notes what an unconfirmed transaction pays to the script. */
  sight({ payments }: Hits): void {
    for (const { txid, vout, value } of payments) {
      const others = this.#sighted.get(txid)?.filter((each) => each.vout !== vout) ?? [];
      this.#sighted.set(txid, [...others, { txid, vout, value }]);
    }
    while (this.#sighted.size > MAX_SIGHTED) this.#sighted.delete(this.#sighted.keys().next().value!);
  }

  close(): void {
    this.#closed = true;
  }

  /** Waits for the first scan, but not for long: on mainnet it takes minutes. */
  async #begun(tip: Block): Promise<void> {
    if (!this.#beginning) {
      const beginning: { task: Promise<void>; problem?: unknown } = { task: Promise.resolve() };
      beginning.task = this.#begin(tip).catch((error: unknown) => {
        beginning.problem = error;
      });
      this.#beginning = beginning;
    }
    const { task } = this.#beginning;
    await within(task, this.#options.patience);
    const { problem } = this.#beginning;
    if (problem !== undefined) {
      this.#beginning = undefined;
      throw problem;
    }
    if (!this.#base) throw new SourceError("is scanning its UTXO set for the piñata's coins");
    this.#beginning = undefined;
  }

  async #begin(tip: Block): Promise<void> {
    const objects = [{ desc: `raw(${toHex(this.#options.script)})` }];
    const before = this.#known;
    const { success, unspents, ...end } = await this.#node.rpc.call(
      "scantxoutset",
      ["start", objects],
      scan,
      this.#options.scanTimeout,
    );
    if (!success) throw new SourceError("did not finish its scan of the UTXO set");
    const known = new Map<string, Funding>();
    const heights = unspents.map(({ height: at }) => [at]);
    const ids = await this.#node.rpc.batch("getblockhash", heights, hash);
    unspents.forEach(({ txid, vout, amount: paid, height: at }, i) => {
      const id = ids[i]!;
      if (id instanceof RpcError) throw new SourceError("has another chain than when it scanned its UTXO set");
      const block = { height: at, hash: id };
      known.set(`${txid}:${vout}`, { txid, vout, value: toSats(paid), block });
    });
    for (const [key, funding] of before) {
      if (!known.has(key) && (await this.#node.place(funding.block!.hash))) known.set(key, funding);
    }
    const birth = this.#options.birth ?? (tip.height <= SHORT_CHAIN ? 0 : undefined);
    const from = before.size > 0 ? Math.max(birth ?? 0, end.height - REORG_MARGIN) : birth;
    this.#known = known;
    if (from !== undefined) await this.#history(from, end.height);
    this.#base = { height: end.height, hash: end.bestblock };
  }

  /** Coins made and perhaps spent in these blocks. A long search without filters goes on in the background. */
  async #history(from: number, to: number): Promise<void> {
    if (from > to) return;
    if ((await this.#node.indexes()).filters) {
      for (const block of await this.#node.touching(this.#options.script, from, to)) await this.#note(block);
      return;
    }
    this.#left = { from, top: to };
    // The coins of now do not depend on those of long ago.
    if (to - from <= SHORT_CHAIN) await this.#readDown(from);
    else this.#searchOn(from);
  }

  /** Goes on where a failure has ended it, when it is next called. */
  #searchOn(from: number): void {
    this.#searching = true;
    this.#readDown(from)
      .catch(() => undefined)
      .finally(() => {
        this.#searching = false;
      });
  }

  /** Newest first. */
  async #readDown(from: number): Promise<void> {
    for (let top = this.#left!.top; top >= from && !this.#closed; top -= BACKGROUND_STEP) {
      const bottom = Math.max(from, top - BACKGROUND_STEP + 1);
      const before = this.#known.size;
      const ids = await this.#node.hashes(bottom, top);
      const blocks = ids.map((id, i) => ({ height: bottom + i, hash: id })).reverse();
      for (let from = 0; from < blocks.length; from += AT_ONCE) {
        await Promise.all(blocks.slice(from, from + AT_ONCE).map((block) => this.#note(block)));
      }
      this.#left = { from, top: bottom - 1 };
      if (this.#known.size > before) this.#options.found();
    }
    if (!this.#closed) this.#left = undefined;
  }

  async #note(block: Block): Promise<void> {
    for (const funding of this.#paidIn(await this.#node.block(block.hash), block)) {
      this.#known.set(showOutpoint(funding), funding);
    }
  }

  /** Reads the blocks up to the tip, leaving those that are on the best chain no more. */
  async #follow(tip: Block): Promise<void> {
    for (let read = 0; ; ) {
      const last = this.#trail.at(-1)?.block ?? this.#base!;
      if (last.hash === tip.hash) return;
      if (last.height >= tip.height) {
        if (!this.#stepBack()) return this.#again(tip);
        continue;
      }
      const [id] = await this.#node.hashes(last.height + 1, last.height + 1);
      if (id === undefined) return;
      if (read++ === BLOCKS_PER_CALL) {
        const left = tip.height - last.height;
        throw new SourceError(`is being caught up with (${left} blocks to read)`, { goesOn: true });
      }
      const raw = await this.#node.block(id);
      if (previousOf(raw) !== last.hash) {
        if (!this.#stepBack()) return this.#again(tip);
        continue;
      }
      const block = { height: last.height + 1, hash: id };
      this.#trail.push({ block, fundings: this.#paidIn(raw, block) });
      this.#leaveBehind();
      // The tip has moved meanwhile: the next round goes on from there.
      if (block.height === tip.height) return;
    }
  }

  /** Leaves the newest block of the trail; what it paid may be back in the mempool. False when there is none. */
  #stepBack(): boolean {
    const left = this.#trail.pop();
    for (const { txid, vout, value } of left?.fundings ?? []) {
      this.sight({ payments: [{ txid, vout, value }], spends: [] });
    }
    return left !== undefined;
  }

  /** The base itself was reorganised away, unless the tip is only older than it. */
  async #again(tip: Block): Promise<void> {
    if (await this.#node.place(this.#base!.hash)) return;
    this.#base = undefined;
    await this.#begun(tip);
  }

  #leaveBehind(): void {
    if (this.#trail.length <= MAX_TRAIL) return;
    const { block, fundings } = this.#trail.shift()!;
    for (const funding of fundings) this.#known.set(showOutpoint(funding), funding);
    this.#base = block;
  }

  #paidIn(raw: Uint8Array, block: Block): Funding[] {
    const { payments } = scanBlock(raw, { outpoints: this.#nothing, script: this.#options.script });
    return payments.map((payment) => ({ ...payment, block }));
  }

  async #unconfirmed(confirmed: ReadonlySet<Hash>): Promise<Funding[]> {
    const waiting = [...this.#sighted.keys()].filter((txid) => !confirmed.has(txid));
    const entries = await this.#node.rpc.batch(
      "getmempoolentry",
      waiting.map((txid) => [txid]),
      z.unknown(),
    );
    return waiting.flatMap((txid, i) => (entries[i] instanceof RpcError ? [] : this.#sighted.get(txid)!));
  }

  async #readSmallMempool(): Promise<void> {
    const { size } = await this.#node.rpc.call("getmempoolinfo", [], mempoolInfo);
    if (size === 0 || size > SMALL_MEMPOOL) return;
    const now = await this.#node.rpc.call("getrawmempool", [false], txids);
    const unread = now.filter((txid) => !this.#looked.has(txid));
    const raws = await this.#node.rpc.batch(
      "getrawtransaction",
      unread.map((txid) => [txid, 0]),
      hexBytes,
      TRANSACTIONS_PER_BATCH,
    );
    for (const raw of raws) {
      if (raw instanceof RpcError) {
        if (raw.code !== RpcCode.NotFound) throw raw;
        continue;
      }
      const hits = scanTransaction(bytesOf(raw), { outpoints: this.#nothing, script: this.#options.script });
      if (hits) this.sight(hits);
    }
    this.#looked = new Set(now);
  }
}

/** Resolves when the task has, or the time is over. */
async function within(task: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([task, over]);
  clearTimeout(timer);
}
