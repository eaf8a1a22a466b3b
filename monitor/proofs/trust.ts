/**
 * The table "trust by claim" (docs/proofs.md): what a claim about the chain needs before it is believed. It follows from
 * who could lie. A signature cannot be forged, so one source is enough; work can, at its price, and branches can be
 * withheld, so confirmations and tips take several; silence proves nothing, so "unspent" takes a node of one's own or
 * independent operators, all of them lately. Pure: the time is given.
 */

/** What one source says, once everything in it that can be proven has been. */
export interface Testimony {
  source: string;
  /** Who runs the source: two URLs of one company are one voice. */
  operator: string;
  /** The node is ours, so that nobody between it and us omits anything. */
  own: boolean;
  /** When it last said so, in milliseconds. */
  at: number;
}

interface Rule {
  /** Who could say it falsely. */
  liar: string;
  /** What must have been proven before a source counts as having said it. */
  proof: string;
  /** Operators that must say it. */
  operators: number;
  /** A node of one's own that says it is enough. */
  ownIsEnough: boolean;
  /** Only what was said within the time given counts. */
  mustBeFresh: boolean;
}

export const TRUST = {
  spent: {
    liar: "nobody: the signature is checked",
    proof: "txid, outpoint, and the signature over every previous output that it commits to",
    operators: 1,
    ownIsEnough: true,
    mustBeFresh: false,
  },
  confirmed: {
    liar: "only who pays for the work of the blocks, and cuts us off from the others",
    proof: "merkle branch, and the header chain with most work",
    operators: 2,
    ownIsEnough: false,
    mustBeFresh: false,
  },
  unspent: {
    liar: "any source, by leaving it out",
    proof: "none is possible",
    operators: 2,
    ownIsEnough: true,
    mustBeFresh: true,
  },
  tip: {
    liar: "a source that is stale or cut off",
    proof: "headers from a checkpoint on; of all that were shown the one with most work",
    operators: 1,
    ownIsEnough: true,
    mustBeFresh: true,
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type Claim = keyof typeof TRUST;

export interface Weighed {
  believed: boolean;
  /** Operators that say it and count. */
  operators: string[];
  /** What is there and what is missing, in words. */
  reason: string;
}

/**
 * `now` and `freshFor` in milliseconds. A time ahead of `now` is not fresh: the clock jumped, and nothing is known.
 * `available`: operators that can be asked at all; where there is only one, it alone must do (and the page says so).
 */
export function weigh(
  claim: Claim,
  said: readonly Testimony[],
  now: number,
  freshFor: number,
  available = Number.POSITIVE_INFINITY,
): Weighed {
  const rule: Rule = TRUST[claim];
  const required = requiredOperators(claim, available);
  const counts = said.filter(({ at }) => !rule.mustBeFresh || (at <= now && now - at <= freshFor));
  const operators = [...new Set(counts.map(({ operator }) => operator))].sort();
  const own = rule.ownIsEnough && counts.some((each) => each.own);
  const believed = own || operators.length >= required;
  const who = own ? "our own node" : `${operators.length} of ${required} independent operators`;
  const when = rule.mustBeFresh ? ` within ${Math.round(freshFor / 1000)} s` : "";
  return { believed, operators, reason: `"${claim}" is said by ${who}${when}` };
}

/** Operators that must say it when `available` can be asked. */
export function requiredOperators(claim: Claim, available: number): number {
  return Math.max(1, Math.min(TRUST[claim].operators, available));
}

/** The latest time (ms) at which enough had said it since; undefined when there was none. */
export function lastBelieved(claim: Claim, said: readonly Testimony[], available: number): number | undefined {
  const latest = new Map<string, number>();
  for (const { operator, at } of said) latest.set(operator, Math.max(at, latest.get(operator) ?? at));
  const times = [...latest.values()].sort((a, b) => b - a);
  const enough = times[requiredOperators(claim, available) - 1];
  const own = said.filter((each) => each.own && TRUST[claim].ownIsEnough).map(({ at }) => at);
  const all = enough === undefined ? own : [...own, enough];
  return all.length === 0 ? undefined : Math.max(...all);
}

/** A node of our own that is more than this many blocks behind the chain with most work is stuck or cut off. */
export const MAX_OWN_LAG = 1;
