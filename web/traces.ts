/**
 * The traces of attempts, asked of the monitor when somebody looks at one: those that have ended do not change and are
 * kept, the latest {@link KEPT} that were looked at. An attempt without its trace is still shown.
 */
import type { z } from "@hono/zod-openapi";
import { attemptDetail } from "../monitor/schema.ts";
import type { Feed } from "./feed.ts";

export type AttemptDetail = z.infer<typeof attemptDetail>;

const KEPT = 200;

export interface Traces {
  /** `id`: of an attempt that is known. undefined: the monitor does not know it any more, or does not answer. */
  of(id: string): Promise<AttemptDetail | undefined>;
}

export function createTraces(feed: Pick<Feed, "ask">): Traces {
  const kept = new Map<string, AttemptDetail>();
  return {
    async of(id) {
      const known = kept.get(id);
      if (known !== undefined) return known;
      const detail = await feed.ask(`v1/attempts/${id}`, attemptDetail).catch(() => undefined);
      if (detail === undefined || detail.ended === null) return detail;
      kept.set(id, detail);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
      return detail;
    },
  };
}
