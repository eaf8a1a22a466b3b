/**
 * All block headers that any source showed and whose proof of work was checked, as one tree, and the branch of it with
 * most work. A header is a fact whoever told it, so sources share the tree; only more work moves the best tip, so a
 * source that went back, restarted empty or lags changes nothing here.
 *
 * Heights count up from the tree's root. The root is the genesis block where a chain is short enough to be walked
 * back to it; otherwise the first tip seen, with the height its source claimed.
 */
import type { Hash } from "../proofs/bytes.ts";
import { type Header, workOf } from "../proofs/header.ts";

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

  heightOf(hash: Hash): number | undefined {
    return this.#nodes.get(hash)?.height;
  }

  contains(block: Block): boolean {
    return this.#best.get(block.height) === block.hash;
  }

  /** Starts an empty tree at `header`. */
  plant(header: Header, height: number): void {
    if (this.#root) throw new Error("the tree has a root");
    this.#root = this.#add(header, height);
    this.#moveTo(this.#root);
  }

  /** Adds headers, oldest first, of which the first continues a known one; then moves to the branch with most work. */
  grow(headers: readonly Header[]): void {
    let last: Node | undefined;
    for (const header of headers) {
      const parent = this.#nodes.get(header.previous);
      const known = this.#nodes.get(header.hash);
      if (!known && !parent) throw new Error(`header ${header.hash} continues nothing`);
      last = known ?? this.#add(header, parent!.height + 1);
    }
    if (last && this.#hasMoreWork(last)) this.#moveTo(last);
  }

  /** Adds headers below the root, newest first, each the previous of the one before; the last becomes the root. */
  deepen(headers: readonly Header[]): void {
    for (const header of headers) {
      if (!this.#root || this.#root.header.previous !== header.hash)
        throw new Error("headers that do not reach the root");
      this.#root = this.#add(header, this.#root.height - 1);
      this.#best.set(this.#root.height, this.#root.hash);
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

  /** Blocks of the best branch above where `hash` leaves it: 0 for the tip; undefined when `hash` is not known. */
  behind(hash: Hash): number | undefined {
    let node = this.#nodes.get(hash);
    if (!node || !this.#tip) return undefined;
    while (node && !this.contains(node)) node = this.#nodes.get(node.header.previous);
    return node ? this.#tip.height - node.height : undefined;
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
