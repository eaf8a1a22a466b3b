/**
 * A source of chain data: a node or an indexer. It may lie, lag, hang or vanish. Everything that it returns here is a
 * claim; what can be checked from the bytes alone is checked by the implementation (a transaction has the txid asked
 * for, a header the hash), the rest by observe.ts before the coins hear of it.
 */
import type { Block } from "../coins/header-tree.ts";
import type { Hash } from "../proofs/bytes.ts";
import type { CoinbaseProof, MerkleProof } from "../proofs/merkle.ts";
import type { Prevout } from "../proofs/prevouts.ts";
import type { Outpoint } from "../proofs/transaction.ts";

export type { Block, Outpoint };

/** A transaction output that pays the watched script. */
export interface Funding extends Outpoint {
  /** Satoshi, as claimed. */
  value: number;
  /** Absent while unconfirmed. */
  block?: Block;
}

export interface Spender {
  txid: Hash;
  block?: Block;
}

/** What to look for: the script and the same as an address, since sources index one or the other. */
export interface Target {
  script: Uint8Array;
  address: string;
}

/** What a round is going to ask, so that a source can ask its server for all of it at once. */
export interface Asking {
  target: Target;
  /** Coins that are known. */
  outpoints: readonly Outpoint[];
}

/** Every call ends within the source's timeout and throws {@link SourceError} when there is no usable answer. */
export interface ChainSource {
  readonly name: string;
  readonly kind: "esplora" | "core" | "electrum";
  /** Who runs it: sources of one operator are one voice. The name where it is not given. */
  readonly operator?: string;
  /** A node of our own, so that nobody between it and us leaves anything out. */
  readonly own?: boolean;
  /** Milliseconds from one round to the next at least while there is no news: what a public server puts up with. */
  readonly pollMillis?: number;
  /** The source's tip, asked now. Begins a round: what was answered before is about the past. */
  tip(asking?: Asking): Promise<Block>;
  /** Up to `count` headers of 80 bytes, newest first, beginning with block `hash` (at `height`); at least one. */
  headers(hash: Hash, height: number, count: number): Promise<Uint8Array[]>;
  /** Outputs that pay the target, spent ones too where the source can tell. `known`: txids that need not be shown again. */
  fundings(target: Target, known: (txid: Hash) => boolean): Promise<Funding[]>;
  /** Of the coins named to {@link tip}, those that it said to be spent: they are asked about before the others. */
  spent?(): Outpoint[];
  /** Who spends an output; undefined when nobody does as far as the source knows. `since`: height of the funding. */
  spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined>;
  /** Raw bytes whose txid is `txid`; undefined when the source does not have it. `block`: where it is, if known. */
  transaction(txid: Hash, block?: Block): Promise<Uint8Array | undefined>;
  merkleProof(txid: Hash, block: Block): Promise<MerkleProof>;
  /** The block's coinbase and its place: tells the merkle tree's depth, and on a signet who made the block. */
  coinbaseProof?: ((block: Block) => Promise<CoinbaseProof>) | undefined;
  /**
   * Amount and script of outputs that a transaction spends, by "txid:vout", as claimed, for a source that cannot show the
   * transactions that made them. A false one only makes a signature fail. What the source does not know is left out.
   */
  prevouts?: ((needed: readonly Outpoint[], spend: Spender) => Promise<ReadonlyMap<string, Prevout>>) | undefined;
  /** Calls `listener` when asking now may show something new; the answer ends it. A hint only: news may be missing. */
  onNews?(listener: () => void): () => void;
  /** Ends what is kept open between questions; nothing is asked afterwards. */
  close?(): void;
}

interface SourceErrorDetails {
  retryAfter?: number | undefined;
  lost?: boolean;
  goesOn?: boolean;
}

/** The source gave no usable answer; the message says what is wrong in words that can be published. */
export class SourceError extends Error {
  override name = "SourceError";
  /** Milliseconds for which the source asked to be left alone. */
  readonly retryAfter: number | undefined;
  /** There was no answer at all, so asking the next question would only cost time. */
  readonly lost: boolean;
  /** Nothing is wrong: there is more to read than one round takes, and the next one goes on. */
  readonly goesOn: boolean;

  constructor(message: string, { retryAfter, lost = false, goesOn = false }: SourceErrorDetails = {}) {
    super(message);
    this.retryAfter = retryAfter;
    this.lost = lost;
    this.goesOn = goesOn;
  }
}
