/** The API of what traces tell in all: the funnel by day with the reasons, and the piñatas that were heard. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Clock } from "../clock.ts";
import { apiError, type FunnelAnswer, funnel, type PinataList, pinataList } from "../schema.ts";
import type { TraceTotals } from "./follow.ts";
import { daysOf, funnelOf, reasonsOf } from "./funnel.ts";

export interface TraceRouteParts {
  trace: () => TraceTotals;
  clock: Clock;
}

/** Ten years: more than that is not asked for by accident. */
const MAX_DAYS = 3660;

const routes = {
  funnel: createRoute({
    method: "get",
    path: "/v1/funnel",
    summary: "How far attempts got and why they were refused, in all and by day (UTC), newest first",
    request: { query: z.object({ days: z.coerce.number().int().min(0).max(MAX_DAYS).default(30) }) },
    responses: {
      200: { description: "The funnel", content: { "application/json": { schema: funnel } } },
      400: { description: "A query that makes no sense", content: { "application/json": { schema: apiError } } },
    },
  }),
  pinatas: createRoute({
    method: "get",
    path: "/v1/pinatas",
    summary: "Each start of a piñata that is remembered, and where traces come from",
    responses: { 200: { description: "Piñatas", content: { "application/json": { schema: pinataList } } } },
  }),
};

export function addTraceRoutes(app: OpenAPIHono, { trace, clock }: TraceRouteParts): void {
  app.openapi(routes.funnel, (context) => {
    return context.json(funnelAnswer(trace(), clock.now(), context.req.valid("query").days), 200);
  });
  app.openapi(routes.pinatas, (context) => context.json(pinatasAnswer(trace()), 200));
}

function funnelAnswer({ counts }: TraceTotals, now: number, days: number): FunnelAnswer {
  return {
    total: counts.total ?? 0,
    opened: counts.opened ?? 0,
    refused: counts.refused ?? 0,
    funnel: funnelOf(counts),
    reasons: reasonsOf(counts),
    sampledOut: counts["sampled-out"] ?? 0,
    days: daysOf(counts, now, days),
  };
}

function pinatasAnswer({ boots = [], inputs = [] }: TraceTotals): PinataList {
  const pinatas = boots.map(({ boot, info, heard, seen, reached }) => {
    const steps = Object.fromEntries(reached.map((count, state) => [`reached:${state}`, count]));
    const [total = 0] = reached;
    const funnelSteps = funnelOf(steps);
    return { boot, info, heard, total, opened: funnelSteps.at(-1)!.count, funnel: funnelSteps, missing: seen.missing };
  });
  return { pinatas, inputs: [...inputs] };
}
