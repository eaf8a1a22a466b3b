/**
 * The status as data: the monitor's own (monitor/schema.ts), marked with how fresh it is. Who reads only the verdict must
 * not take an old one for a new one, so a stale one is `blind`.
 */
import { z } from "@hono/zod-openapi";
import { apiError, status as monitorStatus, type Status, verdict } from "../../monitor/schema.ts";
import type { Clock } from "../clock.ts";
import type { Feed, Snapshot } from "../feed.ts";
import type { Voice } from "../hub.ts";

export const webStatus = monitorStatus.extend({
  /** The monitor has been silent: `verdict` is `blind`, everything else as it was when `heard`. */
  stale: z.boolean(),
  lastVerdict: verdict,
  /** When the monitor's last valid status was heard, by this server's clock. */
  heard: z.number().int().nonnegative().nullable(),
  /** What is wrong with the monitor, in words; null when nothing is. */
  problem: z.string().nullable(),
});
type WebStatus = z.infer<typeof webStatus>;

export const nothingKnown = apiError.extend({ stale: z.literal(true) });

export function dataStatus(snapshot: Snapshot): WebStatus | z.infer<typeof nothingKnown> {
  const { status, fresh, heard, problem } = snapshot;
  if (status === null) {
    return { stale: true, error: `nothing is known: ${problem ?? "the monitor has not answered yet"}` };
  }
  return {
    ...status,
    verdict: fresh ? status.verdict : "blind",
    stale: !fresh,
    lastVerdict: status.verdict,
    heard,
    problem: fresh ? null : problem,
  };
}

/** How readers of the API's stream are told. */
export function dataVoice(feed: Feed, clock: Clock): Voice {
  return {
    status: () => dataStatus(feed.snapshot()),
    attempt: (attempt) => attempt,
    lasting() {
      const { status, fresh } = feed.snapshot();
      return JSON.stringify([fresh, status === null ? null : lasting(status)]);
    },
    now: () => clock.now(),
  };
}

function lasting({ now: _, ...rest }: Status): unknown {
  return rest;
}
