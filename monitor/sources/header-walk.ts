/**
 * Brings a source's headers into the shared tree: from its tip back to a header that is already known (so that no block
 * in between can be missed, however long nobody looked), and below the tree's root down to a block that matters.
 * At most `MAX_STEPS` headers in one call; a longer walk is continued by the next one.
 *
 * An empty tree begins at the genesis block where that is near, else at the checkpoint if one is near enough, else at the
 * start of the tip's difficulty period, so that from there on every retarget is checked. On a signet, where work is
 * nearly free, a new tip must carry the signature that the challenge asks for.
 */
import type { HeaderTree } from "../coins/header-tree.ts";
import { type Hash, ProofError } from "../proofs/bytes.ts";
import { PERIOD } from "../proofs/difficulty.ts";
import { type Header, type NetworkRules, parseHeader } from "../proofs/header.ts";
import { checkSignetBlock } from "../proofs/signet.ts";
import { type Block, type ChainSource, SourceError } from "./source.ts";

const UNRELATED = "shows a chain that does not meet the one already verified";
const MAX_STEPS = 2016;
const BATCH = 64;
/** Headers walked down to a checkpoint at most: a year of blocks. */
const MAX_CHECKPOINT_DISTANCE = 52_560;
/** Headers kept in memory and in the store at most: five years of blocks. */
const MAX_HEADERS = 262_800;

interface Walk {
  /** Newest first; `next` is the previous of the last one. */
  headers: Header[];
  next: Hash;
  tip: Block;
}

/** Whether enough operators show a chain that begins at this block, the height of which only they tell. */
export type MayPlant = (root: Block) => boolean;

export class HeaderWalk {
  readonly #source: ChainSource;
  readonly #rules: NetworkRules;
  readonly #tree: HeaderTree;
  readonly #mayPlant: MayPlant;
  #walk: Walk | undefined;

  constructor(source: ChainSource, rules: NetworkRules, tree: HeaderTree, mayPlant: MayPlant = () => true) {
    this.#source = source;
    this.#rules = rules;
    this.#tree = tree;
    this.#mayPlant = mayPlant;
  }

  /** The source's tip (`asked` of it just now) once it hangs in the tree. Throws {@link SourceError} or {@link ProofError}. */
  async follow(asked?: Block): Promise<Block> {
    const tip = asked ?? (await this.#source.tip());
    if (this.#tree.heightOf(tip.hash) === undefined) {
      if (this.#rules.challenge) await this.#checkSigned(tip);
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
    const floor = root?.block.height ?? this.#floor(walk.tip);
    this.#walk = undefined;
    for (let steps = 0; this.#tree.heightOf(walk.next) === undefined; ) {
      const height = walk.tip.height - walk.headers.length;
      if (!root && this.#isRoot(walk, floor)) break;
      if (height < floor) throw new SourceError(root ? UNRELATED : this.#foreign());
      if (steps > MAX_STEPS) {
        this.#walk = walk;
        throw new SourceError(`is being caught up with (${walk.headers.length} headers so far)`, { goesOn: true });
      }
      // A known root is not asked for again.
      steps += await this.#take(walk, height, Math.min(BATCH, Math.max(1, height - floor + (root ? 0 : 1))));
    }
    this.#graft(walk);
  }

  /** The height at which an empty tree begins. */
  #floor({ height }: Block): number {
    if (height <= MAX_STEPS) return 0;
    const known = this.#known();
    const above = known ? height - known.height : -1;
    return above >= 0 && above <= MAX_CHECKPOINT_DISTANCE ? known!.height : height - (height % PERIOD);
  }

  #known(): Block | undefined {
    return this.#rules.anchor ?? this.#rules.checkpoint;
  }

  /** Whether the walk has come down to where the tree begins: nothing below the genesis block can be asked for. */
  #isRoot({ headers, tip }: Walk, floor: number): boolean {
    if (headers.at(-1)?.hash === this.#rules.genesis) return true;
    return floor > 0 && tip.height - headers.length < floor;
  }

  #foreign(): string {
    return `shows a chain whose first block is not the genesis block of ${this.#rules.name}`;
  }

  #graft(walk: Walk): void {
    const { headers, tip } = walk;
    if (this.#tree.size + headers.length > MAX_HEADERS) throw new SourceError("shows more headers than can be kept");
    const oldestFirst = headers.toReversed();
    // Asked anew: another source may have planted the tree while this one was walking.
    if (this.#tree.root === null) {
      const isGenesis = oldestFirst[0]!.hash === this.#rules.genesis;
      const root = { height: isGenesis ? 0 : tip.height - headers.length + 1, hash: oldestFirst[0]!.hash };
      if (!isGenesis && root.height !== this.#known()?.height && !this.#mayPlant(root)) {
        this.#walk = walk;
        throw new SourceError("waits for another operator to show a chain that begins at the same block");
      }
      this.#tree.plant(oldestFirst[0]!, root.height);
      this.#tree.grow(oldestFirst.slice(1));
      return;
    }
    const from = oldestFirst.findIndex((header) => this.#tree.heightOf(header.previous) !== undefined);
    if (from < 0) throw new SourceError(UNRELATED);
    this.#tree.grow(oldestFirst.slice(from));
  }

  /** Whoever cannot sign for the signet has no tip of it, whatever the work. */
  async #checkSigned(tip: Block): Promise<void> {
    const [raw] = await this.#source.headers(tip.hash, tip.height, 1);
    const coinbase = await this.#source.coinbaseProof?.(tip);
    if (!raw || !coinbase) throw new SourceError(`cannot show who signed the tip of ${this.#rules.name}`);
    checkSignetBlock(parseHeader(raw, this.#rules), coinbase, this.#rules);
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
      throw new SourceError(`is being asked for headers down to height ${height}`, { goesOn: true });
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
