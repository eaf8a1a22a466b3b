/**
 * The state machine of a coin, pure: (coin, news, chain, time) → coin and the transitions that this made.
 * awaited → funded → spent-unconfirmed ⇄ replaced → spent(n) → final, and back wherever the chain goes back.
 */

import {
  type Candidate,
  type Coin,
  FINAL_DEPTH,
  GONE_AFTER,
  type News,
  type Position,
  type Transition,
} from "./coin.ts";
import type { Block, ChainView } from "./header-tree.ts";

export interface Reduced {
  coin: Coin;
  transitions: Transition[];
}

/** `news` undefined: only the chain or the time has moved. */
export function reduce(coin: Coin, news: News | undefined, chain: ChainView, at: number): Reduced {
  const informed = news ? learn(coin, news) : coin;
  const position = locate(informed, chain, at);
  const next: Coin = { ...informed, position };
  return { coin: next, transitions: compare(next, coin.position, position, at) };
}

/** Adds what the news proves; never removes a fact. */
function learn(coin: Coin, news: News): Coin {
  const { source, operator, at, funding, spend } = news;
  const seen = { ...coin.seen, ...(funding ? { funding: at } : {}) };
  const fundingBlocks = withBlock(coin.fundingBlocks, funding?.block);
  if (spend === undefined) return { ...coin, seen, fundingBlocks };
  seen.spends = { ...seen.spends, [source]: spend && !spend.block ? spend.txid : null };
  if (spend === null) return { ...coin, seen, fundingBlocks };
  seen.spend = { ...seen.spend, [spend.txid]: at };
  return {
    ...coin,
    seen,
    fundingBlocks,
    candidates: withCandidate(coin.candidates, spend, operator, at),
    keyOut: coin.keyOut || spend.kind === "breach",
  };
}

function withBlock(blocks: Block[], block: Block | undefined): Block[] {
  return !block || blocks.some(({ hash }) => hash === block.hash) ? blocks : [...blocks, block];
}

function withCandidate(
  candidates: Candidate[],
  { txid, kind, proof, bytes, block }: NonNullable<News["spend"]>,
  operator: string,
  at: number,
): Candidate[] {
  const shown = block ? [{ ...block, by: [operator] }] : [];
  const known = candidates.find((candidate) => candidate.txid === txid);
  if (!known) {
    const said = bytes ? { proof, bytes } : { proof };
    return bounded([...candidates, { txid, kind, ...said, firstSeen: at, blocks: shown }]);
  }
  const before = known.blocks.find(({ hash }) => hash === block?.hash);
  if (!block || before?.by.includes(operator)) return candidates;
  const blocks = before
    ? known.blocks.map((each) => (each === before ? { ...before, by: [...before.by, operator] } : each))
    : [...known.blocks, ...shown];
  return candidates.map((candidate) => (candidate === known ? { ...known, blocks } : candidate));
}

/** Whoever has the key can sign without end: the first spend and the latest ones are kept, and all that are in a block. */
function bounded(candidates: Candidate[]): Candidate[] {
  if (candidates.length <= MAX_CANDIDATES) return candidates;
  const victim = candidates.findIndex(({ blocks }, index) => index > 0 && blocks.length === 0);
  return candidates.filter((_, index) => index !== victim);
}

function locate(coin: Coin, chain: ChainView, at: number): Position {
  const funding = coin.fundingBlocks.find((block) => chain.contains(block)) ?? null;
  for (const { txid, kind, blocks } of coin.candidates) {
    const block = blocks.find((each) => chain.contains(each));
    if (!block) continue;
    const confirmations = depth(chain, block);
    const state = confirmations >= FINAL_DEPTH ? "final" : "spent";
    const { by, ...where } = block;
    return { state, funding, spend: { txid, kind, block: where, by }, confirmations, dormant: false };
  }
  const pending = pendingSpend(coin, at);
  if (pending) {
    const { txid, kind } = pending.candidate;
    const spend = { txid, kind, block: null, by: [] };
    return { state: "spent-unconfirmed", funding, spend, confirmations: 0, dormant: pending.dormant };
  }
  if (funding) {
    return { state: "funded", funding, spend: null, confirmations: depth(chain, funding), dormant: false };
  }
  const gone = at - coin.seen.funding > GONE_AFTER;
  const state = gone ? "awaited" : "funding-unconfirmed";
  return { state, funding: null, spend: null, confirmations: 0, dormant: false };
}

/**
 * The unconfirmed spend to show: the one shown before as long as any source has it, else one that a source has, else
 * the one shown before, now dormant. A breach stays for ever; a refund is forgotten when it is gone, for the coin can
 * still be had; an unknown spend counts only in a block.
 */
function pendingSpend(coin: Coin, at: number): { candidate: Candidate; dormant: boolean } | undefined {
  const live = new Set(Object.values(coin.seen.spends));
  const possible = coin.candidates.filter(({ kind, txid }) => {
    return kind === "breach" || (kind === "refund" && (live.has(txid) || !isGone(coin, txid, at)));
  });
  const shown = possible.find(({ txid }) => txid === coin.position.spend?.txid);
  const alive = possible.filter(({ txid }) => live.has(txid));
  const candidate = shown && live.has(shown.txid) ? shown : (latest(alive) ?? shown ?? latest(possible));
  if (!candidate) return undefined;
  return { candidate, dormant: !live.has(candidate.txid) && isGone(coin, candidate.txid, at) };
}

function isGone(coin: Coin, txid: string, at: number): boolean {
  return at - (coin.seen.spend[txid] ?? 0) > GONE_AFTER;
}

function latest(candidates: Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>((a, b) => (a && a.firstSeen > b.firstSeen ? a : b), undefined);
}

function depth(chain: ChainView, block: Block): number {
  return chain.tip ? chain.tip.height - block.height + 1 : 0;
}

const MAX_CANDIDATES = 100;

/** The transitions between two positions, in the order in which they are told. */
function compare(coin: Coin, before: Position, after: Position, at: number): Transition[] {
  const transitions: Transition[] = [];
  const tell = (kind: Transition["kind"], txid: string, block: Block | null): void => {
    transitions.push({ at, kind, txid, block });
  };
  const fundingTxid = coin.outpoint.txid;
  if (after.funding && after.funding.hash !== before.funding?.hash) {
    if (before.funding) tell("funding-reorged", fundingTxid, before.funding);
    tell("funded", fundingTxid, after.funding);
  } else if (!after.funding && before.funding) {
    tell("funding-reorged", fundingTxid, before.funding);
  }
  if (before.state === "awaited" && after.state === "funding-unconfirmed") tell("funding-seen", fundingTxid, null);
  if (before.state !== "awaited" && after.state === "awaited") tell("funding-gone", fundingTxid, null);

  const was = before.spend;
  const is = after.spend;
  const sameTransaction = was?.txid === is?.txid;
  if (was?.block && is?.block?.hash !== was.block.hash) tell("spend-reorged", was.txid, was.block);
  if (is && !was) tell("spend-seen", is.txid, null);
  if (is && was && !sameTransaction) tell(is.block ? "spend-conflict" : "spend-replaced", is.txid, is.block);
  if (was && !is) tell("spend-gone", was.txid, null);
  if (is?.block && is.block.hash !== was?.block?.hash) tell("spend-confirmed", is.txid, is.block);
  if (is && sameTransaction && !is.block && after.dormant !== before.dormant) {
    tell(after.dormant ? "spend-dormant" : "spend-back", is.txid, null);
  }
  if (is?.block && after.state === "final" && (before.state !== "final" || is.block.hash !== was?.block?.hash)) {
    tell("spend-final", is.txid, is.block);
  }
  return transitions;
}
