/**
 * What happened before, as the monitor keeps it: each coin's history, the starts of the piñata, counts by reason and day,
 * signed statements, what the maintainers wrote. Asked for when the status shows news of it, and now and then; kept in
 * memory, bounded. What cannot be had (the monitor is silent, or older than this page) is left as it was: the page says
 * less, never something wrong.
 */
import { z } from "@hono/zod-openapi";
import {
  type Annotation,
  annotationList,
  coinDetail,
  type FunnelAnswer,
  funnel,
  type PinataList,
  pinataList,
  type Status,
  verdict,
} from "../monitor/schema.ts";
import type { Clock } from "./clock.ts";
import type { Feed } from "./feed.ts";

export type CoinDetail = z.infer<typeof coinDetail>;

/** What the page reads of a signed statement (docs/witness.md). */
const stated = z.object({
  number: z.number().int().positive(),
  time: z.number().int().nonnegative(),
  reason: z.string(),
  verdict,
  since: z.number().int().nonnegative(),
  pinata: z.object({ image: z.string(), boot: z.string() }).nullable(),
});
export type Stated = z.infer<typeof stated>;
const signed = z.object({ statement: stated });
const statementPage = z.object({ statements: z.array(signed), next: z.number().nullable() });

export interface Past {
  coins: readonly CoinDetail[];
  /** Most recently heard first. */
  pinatas: PinataList["pinatas"];
  funnel: FunnelAnswer | null;
  /** In the order of their numbers, the latest {@link STATEMENTS_KEPT}. */
  statements: readonly Stated[];
  /** Newest first, the latest {@link ANNOTATIONS_KEPT}. */
  annotations: readonly Annotation[];
}

export const NO_PAST: Past = { coins: [], pinatas: [], funnel: null, statements: [], annotations: [] };

/** Milliseconds between two rounds of questions, when there is no news of coins and no new annotation. */
export const ASK_EVERY = 15_000;
const COINS = 20;
const STATEMENTS_KEPT = 200;
const STATEMENTS_A_PAGE = 100;
const ANNOTATIONS_KEPT = 200;
const DAYS = 30;

export interface PastFollower {
  now(): Past;
  /** Settled when no question is on its way. */
  idle(): Promise<void>;
}

/** Follows the feed for as long as the feed lives. */
export function followPast({ feed, clock }: { feed: Feed; clock: Clock }): PastFollower {
  let past = NO_PAST;
  let asked = Number.NEGATIVE_INFINITY;
  let newsKnown = "";
  let asking: Promise<void> | undefined;

  const round = async (newsNow: string, { annotations: newest, coins: list }: Status): Promise<void> => {
    const outpoints = list.slice(0, COINS).map(({ outpoint }) => outpoint);
    const [counts, starts, statements, annotations, ...coins] = await Promise.all([
      quietly(feed.ask(`v1/funnel?days=${DAYS}`, funnel)),
      quietly(feed.ask("v1/pinatas", pinataList)),
      quietly(laterStatements(feed, past.statements)),
      quietly(latestAnnotations(feed, past.annotations, newest)),
      ...outpoints.map((outpoint) => quietly(feed.ask(`v1/coins/${outpoint}`, coinDetail))),
    ]);
    const details = coins.filter((coin) => coin !== undefined);
    past = {
      coins: details.length === 0 ? past.coins : details,
      pinatas: starts?.pinatas ?? past.pinatas,
      funnel: counts ?? past.funnel,
      statements: statements ?? past.statements,
      annotations: annotations ?? past.annotations,
    };
    if (details.length === outpoints.length && annotations !== undefined) newsKnown = newsNow;
  };

  feed.subscribe(() => {
    const { status, fresh } = feed.snapshot();
    if (status === null || !fresh || asking !== undefined) return;
    const coinsNow = status.coins.map(({ outpoint, state, spend }) => [outpoint, state, spend?.txid]);
    const newsNow = JSON.stringify([coinsNow, status.annotations]);
    const wait = newsNow === newsKnown ? ASK_EVERY : ASK_EVERY / 10;
    const at = clock.now();
    if (at - asked < wait) return;
    asked = at;
    asking = round(newsNow, status).finally(() => {
      asking = undefined;
    });
  });

  return { now: () => past, idle: async () => await asking };
}

/** The statements known, and those that came since; all anew when the monitor has fewer than that (another store). */
async function laterStatements(feed: Feed, known: readonly Stated[]): Promise<Stated[] | undefined> {
  const latest = await feed.ask("v1/statements/latest", signed);
  if (latest === undefined) return undefined;
  const { number } = latest.statement;
  const last = known.at(-1)?.number ?? 0;
  const kept = last <= number ? [...known] : [];
  let from = Math.max((kept.at(-1)?.number ?? 0) + 1, number - STATEMENTS_KEPT + 1);
  while (from <= number) {
    const page = await feed.ask(`v1/statements?from=${from}&limit=${STATEMENTS_A_PAGE}`, statementPage);
    if (page === undefined || page.statements.length === 0) break;
    kept.push(...page.statements.map(({ statement }) => statement));
    from = (kept.at(-1)?.number ?? number) + 1;
  }
  return kept.slice(-STATEMENTS_KEPT);
}

/** The annotations known, or all anew when the status names another newest one; undefined: they cannot be had. */
async function latestAnnotations(
  feed: Feed,
  known: readonly Annotation[],
  newest: number | undefined,
): Promise<readonly Annotation[] | undefined> {
  if (newest === undefined) return [];
  if (known[0]?.number === newest) return known;
  return (await feed.ask("v1/annotations", annotationList))?.annotations.slice(0, ANNOTATIONS_KEPT);
}

async function quietly<T>(answer: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await answer;
  } catch {
    return undefined;
  }
}
