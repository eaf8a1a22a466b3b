/**
 * One coin: an output that pays the piñata. What is known of it is of two kinds. Facts only ever grow: blocks proven
 * to hold its funding, spends proven by their signature, blocks proven to hold those. Its position (funded, spent, how
 * deep) is computed anew from the facts and the best chain each time, so a reorg needs no code of its own. "The key is
 * out" is a fact: nothing that happens to a transaction afterwards takes it back.
 */
import type { Hash } from "../proofs/bytes.ts";
import type { SpendKind } from "../proofs/taproot-spend.ts";
import type { Outpoint } from "../proofs/transaction.ts";
import type { Block } from "./header-tree.ts";

/** Confirmations from which a spend is called final. */
export const FINAL_DEPTH = 6;
/** A transaction that no source shows any more counts as gone after this many milliseconds. */
export const GONE_AFTER = 30_000;

export interface ShownBlock extends Block {
  by: readonly string[];
}

/** The transaction itself, for whoever is told of it. */
export interface SpendBytes {
  /** Virtual bytes (BIP-141). */
  size: number;
  /** Satoshi; null where the other inputs' amounts are not known. */
  fee: number | null;
  /** Hex; null when it is longer than {@link MAX_RAW} bytes. */
  raw: string | null;
}

export const MAX_RAW = 1_000;

export interface Candidate {
  txid: Hash;
  kind: SpendKind;
  proof: string;
  bytes?: SpendBytes | undefined;
  firstSeen: number;
  /** Every block that it was proven to be in, on whatever branch, and the operators that showed it there. */
  blocks: ShownBlock[];
}

export type CoinState = "awaited" | "funding-unconfirmed" | "funded" | "spent-unconfirmed" | "spent" | "final";

export interface Position {
  state: CoinState;
  funding: Block | null;
  /** `by`: the operators that showed it in that block. */
  spend: { txid: Hash; kind: SpendKind; block: Block | null; by: readonly string[] } | null;
  /** Of the funding while unspent, of the spend afterwards; 0 when unconfirmed. */
  confirmations: number;
  /** No source shows the unconfirmed spend any more. */
  dormant: boolean;
}

/** What the store keeps. */
export interface Facts {
  outpoint: Outpoint;
  /** Satoshi. */
  value: number;
  fundingBlocks: Block[];
  candidates: Candidate[];
  /** A key-path signature for this coin was verified once. */
  keyOut: boolean;
  position: Position;
}

/** When, and as what, each source showed the coin last; not kept, because it means nothing after a restart. */
export interface Sightings {
  funding: number;
  /** Which unconfirmed spend each source shows now (null: none). */
  spends: Readonly<Record<string, Hash | null>>;
  spend: Readonly<Record<Hash, number>>;
}

export interface Coin extends Facts {
  seen: Sightings;
}

/** What one source showed of one coin at one time, everything in it proven. */
export interface News {
  source: string;
  operator: string;
  at: number;
  /** Absent: the source does not list the funding. */
  funding?: { block?: Block };
  /** null: the source says unspent; absent: not asked, or its claim could not be proven. */
  spend?: (Omit<Candidate, "firstSeen" | "blocks"> & { block?: Block }) | null;
}

export type TransitionKind =
  | "funding-seen"
  | "funding-gone"
  | "funded"
  | "funding-reorged"
  | "spend-seen"
  | "spend-replaced"
  | "spend-dormant"
  | "spend-back"
  | "spend-gone"
  | "spend-confirmed"
  | "spend-reorged"
  | "spend-conflict"
  | "spend-final";

export interface Transition {
  at: number;
  kind: TransitionKind;
  txid: Hash;
  block: Block | null;
}

export const AWAITED: Position = { state: "awaited", funding: null, spend: null, confirmations: 0, dormant: false };

export function newCoin(outpoint: Outpoint, value: number, at: number): Coin {
  return wake({ outpoint, value, fundingBlocks: [], candidates: [], keyOut: false, position: AWAITED }, at);
}

/** A coin from the store; each of its transactions gets the time of grace anew. */
export function wake(facts: Facts, at: number): Coin {
  const spend = Object.fromEntries(facts.candidates.map(({ txid }) => [txid, at]));
  return { ...facts, seen: { funding: at, spends: {}, spend } };
}

export function factsOf({ outpoint, value, fundingBlocks, candidates, keyOut, position }: Coin): Facts {
  return { outpoint, value, fundingBlocks, candidates, keyOut, position };
}
