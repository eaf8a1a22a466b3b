/** Whether the monitor can be relied on now, and if not, each reason in words: for /readyz, metrics and --check. */
import type { Snapshot } from "./watch.ts";

export interface ReadinessParts {
  snapshot: Pick<Snapshot, "checked" | "sources" | "verdict">;
  /** Why the store cannot be written; null when it can. */
  store: string | null;
  /** Milliseconds since the watch's loop moved last. */
  still: number;
}

/** The loop moves each second by itself. */
const STUCK = 30_000;

/** Empty when it is ready. */
export function problemsOf({ snapshot, store, still }: ReadinessParts): string[] {
  const { checked, sources } = snapshot;
  const problems: string[] = [];
  if (store !== null) problems.push(`the store cannot be written: ${store}`);
  if (still > STUCK) problems.push(`the watch has not moved for ${Math.floor(still / 1000)} seconds`);
  if (sources.length === 0) problems.push("there is no source");
  else if (!sources.some(({ healthy }) => healthy)) {
    problems.push(`no source is healthy: ${sources.map(({ name, problem }) => `${name} ${problem}`).join("; ")}`);
  } else if (checked === null) problems.push("the coins have not been checked yet");
  return problems;
}
