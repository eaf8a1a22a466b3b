/**
 * Brings a source's headers into the shared tree: from its tip back to a header that is already known (so that no block
 * in between can be missed, however long nobody looked), and below the tree's root down to a block that matters.
 * At most `MAX_STEPS` headers in one call; a longer walk is continued by the next one.
 */
import type { HeaderTree } from "../coins/header-tree.ts";
import { type Hash, ProofError } from "../proofs/bytes.ts";
import { type Header, type NetworkRules, parseHeader } from "../proofs/header.ts";
import { type Block, type ChainSource, SourceError } from "./source.ts";

const UNRELATED = "shows a chain that does not meet the one already verified";
const MAX_STEPS = 2016;
const BATCH = 64;
/** Headers kept in memory and in the store at most: five years of blocks. */
const MAX_HEADERS = 262_800;

interface Walk {
  /** Newest first; `next` is the previous of the last one. */
  headers: Header[];
  next: Hash;
  tip: Block;
}

export class HeaderWalk {
  readonly #source: ChainSource;
  readonly #rules: NetworkRules;
  readonly #tree: HeaderTree;
  #walk: Walk | undefined;

  constructor(source: ChainSource, rules: NetworkRules, tree: HeaderTree) {
    this.#source = source;
    this.#rules = rules;
    this.#tree = tree;
  }

  /** The source's tip once it hangs in the tree. Throws {@link SourceError} or {@link ProofError}. */
  async follow(): Promise<Block> {
    const tip = await this.#source.tip();
    if (this.#tree.heightOf(tip.hash) === undefined) {
      await this.#climb(this.#walk ?? { headers: [], next: tip.hash, tip });
      // What was walked was an older tip: the rest is short.
      if (this.#tree.heightOf(tip.hash) === undefined) await this.#climb({ headers: [], next: tip.hash, tip });
    }
    const height = this.#tree.heightOf(tip.hash);
    if (height !== tip.height) {
      throw new SourceError(`says that its tip has height ${tip.height}, but it has height ${height}`);
    }
    return tip;
  }

  /** The header of a block that the source names; undefined when it is on no branch that was walked yet. */
  async headerOf(block: Block): Promise<Header | undefined> {
    if (this.#tree.header(block.hash) === undefined) await this.#dig(block.height);
    const height = this.#tree.heightOf(block.hash);
    if (height !== undefined && height !== block.height) {
      throw new SourceError(`says that block ${block.hash} has height ${block.height}, but it has height ${height}`);
    }
    return this.#tree.header(block.hash);
  }

  async #climb(walk: Walk): Promise<void> {
    const { root } = this.#tree;
    // A chain that is short enough is walked back to its genesis block, which proves all heights.
    const toGenesis = root === null && walk.tip.height <= MAX_STEPS;
    this.#walk = undefined;
    for (let steps = 0; this.#tree.heightOf(walk.next) === undefined; ) {
      const height = walk.tip.height - walk.headers.length;
      if (root && height < root.block.height) throw new SourceError(UNRELATED);
      if (steps > MAX_STEPS) {
        this.#walk = walk;
        throw new SourceError(`is being caught up with (${walk.headers.length} headers so far)`);
      }
      const count = root || toGenesis ? Math.min(BATCH, Math.max(1, height - (root?.block.height ?? 0))) : 1;
      steps += await this.#take(walk, height, count);
      if (root) continue;
      if (!toGenesis || walk.headers.at(-1)!.hash === this.#rules.genesis) break;
      if (walk.headers.length > walk.tip.height) {
        throw new SourceError(`shows a chain whose first block is not the genesis block of ${this.#rules.name}`);
      }
    }
    this.#graft(walk, toGenesis);
  }

  #graft({ headers, tip }: Walk, toGenesis: boolean): void {
    if (this.#tree.size + headers.length > MAX_HEADERS) throw new SourceError("shows more headers than can be kept");
    const oldestFirst = headers.toReversed();
    // Asked anew: another source may have planted the tree while this one was walking.
    if (this.#tree.root === null) {
      this.#tree.plant(oldestFirst[0]!, toGenesis ? 0 : tip.height);
      this.#tree.grow(oldestFirst.slice(1));
      return;
    }
    const from = oldestFirst.findIndex((header) => this.#tree.heightOf(header.previous) !== undefined);
    if (from < 0) throw new SourceError(UNRELATED);
    this.#tree.grow(oldestFirst.slice(from));
  }

  /** Extends the tree below its root down to `height`. */
  async #dig(height: number): Promise<void> {
    const { root } = this.#tree;
    if (!root || height >= root.block.height) return;
    const walk: Walk = {
      headers: [],
      next: root.previous,
      tip: { height: root.block.height - 1, hash: root.previous },
    };
    while (walk.headers.length < Math.min(root.block.height - height, MAX_STEPS)) {
      const at = walk.tip.height - walk.headers.length;
      await this.#take(walk, at, Math.min(BATCH, at - height + 1));
    }
    // Another source may have been digging too.
    if (this.#tree.root?.block.hash === root.block.hash) this.#tree.deepen(walk.headers);
    if (root.block.height - walk.headers.length > height) {
      throw new SourceError(`is being asked for headers down to height ${height}`);
    }
  }

  async #take(walk: Walk, height: number, count: number): Promise<number> {
    const raws = await this.#source.headers(walk.next, height, count);
    if (raws.length === 0 || raws.length > count)
      throw new SourceError("sent another number of headers than asked for");
    for (const raw of raws) {
      const header = parseHeader(raw, this.#rules);
      if (header.hash !== walk.next) throw new ProofError("a block header that does not have the hash asked for");
      walk.headers.push(header);
      walk.next = header.previous;
    }
    return raws.length;
  }
}
