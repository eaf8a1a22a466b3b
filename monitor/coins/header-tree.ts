/**
 * All block headers that any source showed and whose proof of work was checked, as one tree, and the branch of it with
 * most work. A header is a fact whoever told it, so sources share the tree; only more work moves the best tip, so a
 * source that went back, restarted empty or lags changes nothing here.
 *
 * Once it was told the network's rules ({@link HeaderTree.enforce}), a header must also follow them after the headers
 * below it: link, difficulty, time. What a rule needs from below the root is not checked until the tree reaches there.
 *
 * Heights count up from the tree's root. The root is the genesis block where a chain is short enough to be walked
 * back to it; otherwise the first tip seen, with the height its source claimed.
 */
import type { Hash } from "../proofs/bytes.ts";
import { type Ancestors, PERIOD } from "../proofs/difficulty.ts";
import { type Header, type NetworkRules, workOf } from "../proofs/header.ts";
import { checkHeaderRules, checkKnownBlock, checkNotAhead, medianTimePast } from "../proofs/header-rules.ts";

export interface Block {
  height: number;
  hash: Hash;
}

/** What the coins' state machine needs to know of the chain. */
export interface ChainView {
  tip: Block | null;
  contains(block: Block): boolean;
}

interface Node extends Block {
  header: Header;
}

/** What the store does not have yet. */
export interface Unsaved {
  headers: readonly { block: Block; raw: Uint8Array }[];
  /** The best tip when it is another one than last saved. */
  best: Hash | null;
}

export class HeaderTree implements ChainView {
  #nodes = new Map<Hash, Node>();
  /** The best branch by height. */
  #best = new Map<number, Hash>();
  #tip: Node | null = null;
  #root: Node | null = null;
  #unsaved: Node[] = [];
  #savedBest: Hash | null = null;
  #rules: NetworkRules | null = null;
  #now: (() => number) | null = null;

  /** `stored`: any order; `best`: the best tip when they were stored. */
  static restore(stored: readonly { height: number; header: Header }[], best: Hash | null): HeaderTree {
    const tree = new HeaderTree();
    for (const { height, header } of stored) tree.#nodes.set(header.hash, { height, hash: header.hash, header });
    for (const node of tree.#nodes.values()) if (!tree.#root || node.height < tree.#root.height) tree.#root = node;
    const tip = best === null ? undefined : tree.#nodes.get(best);
    if (tip) tree.#moveTo(tip);
    tree.#savedBest = tip?.hash ?? null;
    return tree;
  }

  /** Headers added from now on must follow these rules, and with `now` (milliseconds) not be ahead of the clock. */
  enforce(rules: NetworkRules, now?: () => number): void {
    this.#rules = rules;
    this.#now = now ?? this.#now;
  }

  get tip(): Block | null {
    return this.#tip && { height: this.#tip.height, hash: this.#tip.hash };
  }

  get root(): { block: Block; previous: Hash } | null {
    return (
      this.#root && {
        block: { height: this.#root.height, hash: this.#root.hash },
        previous: this.#root.header.previous,
      }
    );
  }

  get size(): number {
    return this.#nodes.size;
  }

  header(hash: Hash): Header | undefined {
    return this.#nodes.get(hash)?.header;
  }

  /** Of the best branch. */
  at(height: number): Header | undefined {
    return this.header(this.#best.get(height) ?? "");
  }

  heightOf(hash: Hash): number | undefined {
    return this.#nodes.get(hash)?.height;
  }

  contains(block: Block): boolean {
    return this.#best.get(block.height) === block.hash;
  }

  /** Starts an empty tree at `header`. Throws {@link ProofError} when the network has another block at that height. */
  plant(header: Header, height: number): void {
    if (this.#root) throw new Error("the tree has a root");
    if (this.#rules) checkKnownBlock(header, height, this.#rules);
    if (this.#now) checkNotAhead(header, this.#now());
    this.#root = this.#add(header, height);
    this.#moveTo(this.#root);
  }

  /**
   * Adds headers, oldest first, of which the first continues a known one; then moves to the branch with most work.
   * Throws {@link ProofError} at the first that breaks a rule; those before it stay, for they are right.
   */
  grow(headers: readonly Header[]): void {
    let last: Node | undefined;
    try {
      for (const header of headers) {
        const parent = this.#nodes.get(header.previous);
        const known = this.#nodes.get(header.hash);
        if (!known && !parent) throw new Error(`header ${header.hash} continues nothing`);
        if (!known && this.#rules) checkHeaderRules(header, parent!.height + 1, this.#branchOf(parent!), this.#rules);
        if (!known && this.#now) checkNotAhead(header, this.#now());
        last = known ?? this.#add(header, parent!.height + 1);
      }
    } finally {
      if (last && this.#hasMoreWork(last)) this.#moveTo(last);
    }
  }

  /**
   * Adds headers below the root, newest first, each the previous of the one before; the last becomes the root. Throws
   * {@link ProofError}, and adds none, when with them the best branch breaks a rule.
   */
  deepen(headers: readonly Header[]): void {
    if (!this.#root) throw new Error("the tree has no root");
    const lower = new Map<number, Header>();
    let above = this.#root.header;
    for (const header of headers) {
      if (above.previous !== header.hash) throw new Error("headers that do not reach the root");
      lower.set(this.#root.height - 1 - lower.size, header);
      above = header;
    }
    if (this.#rules) this.#checkLower(lower, this.#root.height, this.#rules);
    for (const [height, header] of lower) {
      this.#root = this.#add(header, height);
      this.#best.set(height, header.hash);
    }
  }

  /** What to write now; after it was written, give it to {@link saved}. */
  unsaved(): Unsaved {
    const best = this.#tip && this.#tip.hash !== this.#savedBest ? this.#tip.hash : null;
    return {
      headers: this.#unsaved.map(({ height, hash, header }) => ({ block: { height, hash }, raw: header.raw })),
      best,
    };
  }

  saved({ headers, best }: Unsaved): void {
    // New ones may have come in the meantime, behind those that were written.
    this.#unsaved = this.#unsaved.slice(headers.length);
    this.#savedBest = best ?? this.#savedBest;
  }

  /** Median time (seconds) of the eleven blocks below a known one; undefined when they are not all known. */
  medianTimeBefore({ hash, height }: Block): number | undefined {
    const node = this.#nodes.get(hash);
    return node && medianTimePast(height, this.#branchOf(node));
  }

  /** Blocks of the best branch above where `hash` leaves it: 0 for the tip; undefined when `hash` is not known. */
  behind(hash: Hash): number | undefined {
    let node = this.#nodes.get(hash);
    if (!node || !this.#tip) return undefined;
    while (node && !this.contains(node)) node = this.#nodes.get(node.header.previous);
    return node ? this.#tip.height - node.height : undefined;
  }

  /** Rules of the new headers, and of those above them that could not be checked without. */
  #checkLower(lower: ReadonlyMap<number, Header>, root: number, rules: NetworkRules): void {
    const lowest = root - lower.size;
    const at = (height: number): Header | undefined => {
      return lower.get(height) ?? this.#nodes.get(this.#best.get(height) ?? "")?.header;
    };
    checkKnownBlock(at(lowest)!, lowest, rules);
    for (let height = lowest + 1; height <= root + PERIOD; height++) {
      const header = at(height);
      if (!header) return;
      checkHeaderRules(header, height, at, rules);
    }
  }

  /** The branch that ends in `tip`. Quick downwards, and where it is the best branch. */
  #branchOf(tip: Node): Ancestors<Header> {
    let cursor = tip;
    return (height) => {
      if (height > tip.height || height < (this.#root?.height ?? 0)) return undefined;
      if (height > cursor.height) cursor = tip;
      while (cursor.height > height) {
        const best = this.contains(cursor) ? this.#best.get(height) : undefined;
        const next = this.#nodes.get(best ?? cursor.header.previous);
        if (!next) return undefined;
        cursor = next;
      }
      return cursor.header;
    };
  }

  #add(header: Header, height: number): Node {
    const node = { height, hash: header.hash, header };
    this.#nodes.set(node.hash, node);
    this.#unsaved.push(node);
    return node;
  }

  #hasMoreWork(candidate: Node): boolean {
    if (!this.#tip) return true;
    let ours: Node | undefined = this.#tip;
    let theirs: Node | undefined = candidate;
    let balance = 0n;
    while (ours && theirs && ours.hash !== theirs.hash) {
      if (theirs.height >= ours.height) {
        balance += workOf(theirs.header);
        theirs = this.#nodes.get(theirs.header.previous);
      } else {
        balance -= workOf(ours.header);
        ours = this.#nodes.get(ours.header.previous);
      }
    }
    return balance > 0n && ours !== undefined && theirs !== undefined;
  }

  #moveTo(tip: Node): void {
    for (let height = tip.height + 1; this.#best.has(height); height++) this.#best.delete(height);
    for (let node: Node | undefined = tip; node && !this.contains(node); node = this.#nodes.get(node.header.previous)) {
      this.#best.set(node.height, node.hash);
    }
    this.#tip = tip;
  }
}
