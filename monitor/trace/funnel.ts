/** How far attempts got and why they were refused, in all and by day (UTC), read from the exact counters. */
import { explainFailure, STATE_NAMES } from "../../unikernel/failures.ts";
import type { FunnelDay, Status } from "../schema.ts";
import { BUCKET, LAST_STATE } from "./attempts.ts";
import { CLOSED_BY, REFUSALS } from "./reasons.ts";

type Counts = Readonly<Record<string, number>>;
export type Funnel = Status["attempts"]["funnel"];
export type Reason = FunnelDay["reasons"][number];

const DAY = 86_400_000;

/** How many attempts reached at least each state, in the order of the handshake. */
export function funnelOf(counts: Counts, prefix = ""): Funnel {
  return STATE_NAMES.slice(0, LAST_STATE + 1).map((name, state) => ({
    name,
    count: counts[`${prefix}reached:${state}`] ?? 0,
  }));
}

/** Attempts that began in the 24 hours before `now`, to within ten minutes. */
export function lastDayOf(counts: Counts, now: number): number {
  const last = Math.floor(now / BUCKET);
  let sum = 0;
  for (let bucket = last; bucket * BUCKET > now - DAY; bucket--) sum += counts[`bucket:${bucket}`] ?? 0;
  return sum;
}

/** Why attempts were refused, most frequent first. */
export function reasonsOf(counts: Counts, prefix = ""): Reason[] {
  return Object.keys(counts)
    .filter((name) => name.startsWith(`${prefix}refused:`))
    .map((name) => {
      const cause = name.slice(prefix.length + "refused:".length);
      return { cause, ...inWords(cause), count: counts[name]! };
    })
    .sort((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1));
}

/** The last `days` days up to that of `now`, newest first, those without an attempt too. */
export function daysOf(counts: Counts, now: number, days: number): FunnelDay[] {
  const wanted = Array.from({ length: days }, (_, ago) => new Date(now - ago * DAY).toISOString().slice(0, 10));
  // One pass for all of them: there are counters of every day that ever was.
  const byDay = new Map<string, Record<string, number>>(wanted.map((day) => [day, {}]));
  for (const [name, count] of Object.entries(counts)) {
    if (!name.startsWith("day:")) continue;
    const of = byDay.get(name.slice(4, 14));
    if (of) of[name.slice(15)] = count;
  }
  return wanted.map((day) => {
    const of = byDay.get(day)!;
    return {
      day,
      total: of["reached:0"] ?? 0,
      opened: of.opened ?? 0,
      refused: of.refused ?? 0,
      funnel: funnelOf(of),
      reasons: reasonsOf(of),
    };
  });
}

function inWords(cause: string): { reason: string; source: string } {
  if (/^\d+$/.test(cause)) {
    if (cause === "0") return { reason: "refused without a stated reason", source: "" };
    return explainFailure(Number(cause));
  }
  if (cause === "newer") return { reason: "a failure that is newer than this program", source: "" };
  const words: Readonly<Record<string, string>> = { ...REFUSALS, ...CLOSED_BY };
  return { reason: words[cause] ?? cause, source: "" };
}
