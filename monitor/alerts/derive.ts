/**
 * From a step of the coins' state machine to the alerts that it makes. Pure. A breach is not derived from a transition
 * but from the coin: whenever the key is out and that has not been told, it is, so that no order of events, no restart
 * and no alerts that were switched on later can lose it.
 */
import type { Coin, News, Transition } from "../coins/coin.ts";
import { showOutpoint } from "../proofs/transaction.ts";
import { amount } from "../verdict.ts";
import type { AlertKind, Draft } from "./kinds.ts";
import { type Spending, type Words, words } from "./texts.ts";

export interface ChainStep {
  at: number;
  /** The source whose answer made the step; undefined when only time passed. */
  source: string | undefined;
  /** What that source showed, by outpoint. */
  news: ReadonlyMap<string, News>;
  transitions: readonly { outpoint: string; transition: Transition }[];
  /** All coins after the step. */
  coins: ReadonlyMap<string, Coin>;
  /** Coins that are not watched any more after it, as they were before it. */
  gone: ReadonlyMap<string, Coin>;
  network: string;
}

/** `open`: ids of open incidents by topic. The most urgent first, then in the order in which it happened. */
export function chainDrafts(step: ChainStep, open: (topic: string) => string | undefined): Draft[] {
  const breaches: Draft[] = [];
  for (const [outpoint, coin] of step.coins) {
    const topic = `breach ${outpoint}`;
    if (coin.keyOut && open(topic) === undefined) breaches.push(breachOf(step, coin, topic));
  }
  return [...breaches, ...step.transitions.flatMap((each) => transitionDrafts(step, each, open))];
}

function breachOf(step: ChainStep, coin: Coin, topic: string): Draft {
  const spends = coin.candidates.filter(({ kind }) => kind === "breach");
  const shown = spends.find(({ txid }) => txid === coin.position.spend?.txid) ?? spends[0]!;
  const about = aboutOf(step, coin, shown.txid);
  return draftOf(step, coin, { kind: "breach", txid: shown.txid, block: null, topic }, words.breach(about));
}

interface What {
  kind: AlertKind;
  txid: string;
  block: Draft["block"];
  topic?: string;
  incident?: string | undefined;
  severity?: Draft["severity"];
}

function transitionDrafts(
  step: ChainStep,
  { outpoint, transition }: ChainStep["transitions"][number],
  open: (topic: string) => string | undefined,
): Draft[] {
  const coin = step.coins.get(outpoint) ?? step.gone.get(outpoint);
  if (!coin) return [];
  const { kind, txid, block } = transition;
  const about = { ...aboutOf(step, coin, txid), block };
  const quiet = about.kind === "refund" ? { severity: "info" as const } : {};
  const tell = (what: Omit<What, "txid" | "block">, said: Words): Draft[] => [
    draftOf(step, coin, { ...what, txid, block }, said),
  ];
  /** Opened only if the same step does not end it again. */
  const until = (topic: string, end: Transition["kind"]): { topic?: string } =>
    step.transitions.some((each) => each.outpoint === outpoint && each.transition.kind === end) ||
    open(topic) !== undefined
      ? {}
      : { topic };
  const reorged = `reorged ${outpoint}`;
  const unfunded = `unfunded ${outpoint}`;
  switch (kind) {
    case "spend-seen":
      if (about.kind === "breach") return [];
      if (about.kind === "refund") return tell({ kind: "refund" }, words.refund(about));
      return tell(
        { kind: "unknown-spend", ...until(`unknown ${outpoint}`, "spend-gone") },
        words["unknown-spend"](about),
      );
    case "spend-replaced":
      return tell({ kind: "replaced", ...quiet }, words.replaced(about));
    case "spend-dormant":
    case "spend-gone":
      return tell({ kind: "vanished" }, words.vanished(about));
    case "spend-back":
      return tell({ kind: "returned" }, words.returned(about));
    case "spend-confirmed":
      return tell({ kind: "confirmed", incident: open(reorged), ...quiet }, words.confirmed(about));
    case "spend-reorged":
      return tell({ kind: "reorged", ...until(reorged, "spend-confirmed"), ...quiet }, words.reorged(about));
    case "spend-conflict":
      return tell({ kind: "conflict", ...quiet }, words.conflict(about));
    case "spend-final":
      return tell({ kind: "final", ...quiet }, words.final(about));
    case "funding-seen":
      return tell({ kind: "funding-seen" }, words.fundingSeen(about));
    case "funded":
      return tell({ kind: "funding-confirmed", incident: open(unfunded) }, words.fundingConfirmed(about));
    case "funding-reorged":
      return tell({ kind: "funding-reorged", ...until(unfunded, "funded") }, words.fundingReorged(about));
    case "funding-gone":
      return tell({ kind: "funding-gone" }, words.fundingGone(about));
  }
}

function aboutOf({ network }: ChainStep, coin: Coin, txid: string): Spending {
  const spend = coin.candidates.find((each) => each.txid === txid);
  const block = coin.position.spend?.txid === txid ? coin.position.spend.block : null;
  const money = amount(coin.value, network);
  return { money, txid, kind: spend?.kind ?? "unknown", proof: spend?.proof ?? "", block, bytes: spend?.bytes };
}

function draftOf(step: ChainStep, coin: Coin, what: What, { subject, facts, advice }: Words): Draft {
  const { kind, txid, block, topic, incident, severity } = what;
  const outpoint = showOutpoint(coin.outpoint);
  return {
    kind,
    phase: "raised",
    ...(severity === undefined ? {} : { severity }),
    at: step.at,
    coin: { outpoint, value: coin.value },
    txid,
    block,
    sources: showing(step, coin, what),
    subject,
    facts: facts.filter((each) => each !== ""),
    advice,
    ...(topic === undefined ? {} : { topic }),
    ...(incident === undefined ? {} : { incident }),
  };
}

/** Who shows what the alert says: of a transaction that is gone nobody, of chain and funding whoever made the step. */
function showing({ source, news }: ChainStep, coin: Coin, { kind, txid }: What): string[] {
  if (kind === "vanished" || kind === "funding-gone") return [];
  const now = Object.entries(coin.seen.spends).filter(([, seen]) => seen === txid);
  const made = kind !== "breach" || news.get(showOutpoint(coin.outpoint))?.spend?.txid === txid;
  return [...new Set([...(source !== undefined && made ? [source] : []), ...now.map(([name]) => name)])];
}
