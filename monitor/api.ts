/**
 * The HTTP API: schema.ts over Hono, described by the OpenAPI document that is made from the same schemas. Read-only and
 * public, but for the admin calls, which need a token. Mistakes are answered in JSON with a text that helps.
 */
import type { HttpBindings } from "@hono/node-server";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { routePath } from "hono/route";
import { type AdminParts, addAdmin } from "./admin/routes.ts";
import type { Clock } from "./clock.ts";
import { eventStream, STREAM_LIMITS, type StreamLimits } from "./event-stream.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { readOutpoint, showOutpoint } from "./proofs/transaction.ts";
import { publicAttempt, publicCoin, publicCoins, publicEvents } from "./publish.ts";
import { problemsOf } from "./readiness.ts";
import {
  apiError,
  attempt,
  attemptDetail,
  attemptList,
  coinDetail,
  coinList,
  readiness,
  type Status,
  status,
} from "./schema.ts";
import type { Store } from "./store/store.ts";
import type { TraceTotals } from "./trace/follow.ts";
import { addMine } from "./trace/mine.ts";
import { addTraceRoutes } from "./trace/routes.ts";
import type { Snapshot } from "./watch.ts";
import { addWitness, type WitnessParts } from "./witness/routes.ts";

export interface ApiParts {
  status: () => Status;
  snapshot: () => Snapshot;
  store: Pick<Store, "history" | "attempts" | "attempt">;
  hub: Hub;
  clock: Clock;
  log: Log;
  /** Absent: there are no admin calls. */
  admin?: AdminParts;
  limits?: StreamLimits;
  /** Why it cannot be relied on now. Absent: what the snapshot tells. */
  problems?: () => readonly string[];
  trace?: () => TraceTotals;
  metrics?: Metrics;
  witness?: WitnessParts;
}

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
const error = (description: string) => json(apiError, description);
const outpoint = z.string().openapi({ param: { name: "outpoint", in: "path" }, example: `${"0".repeat(64)}:0` });
const id = z.string().openapi({ param: { name: "id", in: "path" }, example: "5f3a000000000000-17" });
const AN_ID = "an attempt's id is 16 hex digits, a dash and a number";
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z
    .string()
    .regex(/^[0-9a-f]{16}-\d{1,16}$/, AN_ID)
    .optional(),
});

const routes = {
  status: createRoute({
    method: "get",
    path: "/v1/status",
    summary: "Everything at a glance",
    responses: { 200: json(status, "The piñata now") },
  }),
  coins: createRoute({
    method: "get",
    path: "/v1/coins",
    summary: "All coins, most valuable first",
    responses: { 200: json(coinList, "The coins") },
  }),
  coin: createRoute({
    method: "get",
    path: "/v1/coins/{outpoint}",
    summary: "One coin and its history",
    request: { params: z.object({ outpoint }) },
    responses: { 200: json(coinDetail, "The coin"), 400: error("Not an outpoint"), 404: error("No such coin") },
  }),
  attempts: createRoute({
    method: "get",
    path: "/v1/attempts",
    summary: "Attempts, newest first",
    request: { query: page },
    responses: {
      200: json(attemptList, "A page of attempts"),
      400: error("A query that makes no sense"),
      404: error("No such attempt"),
    },
  }),
  attempt: createRoute({
    method: "get",
    path: "/v1/attempts/{id}",
    summary: "One attempt and its trace",
    request: { params: z.object({ id }) },
    responses: { 200: json(attemptDetail, "The attempt"), 400: error("Not an id"), 404: error("No such attempt") },
  }),
  events: createRoute({
    method: "get",
    path: "/v1/events",
    summary: "Live: `status` and `attempt` events with increasing ids; Last-Event-ID replays the latest 1,000",
    request: { headers: z.object({ "last-event-id": z.string().optional() }) },
    responses: {
      200: { description: "Server-Sent Events", content: { "text/event-stream": { schema: z.string() } } },
      503: error("Too many clients"),
    },
  }),
  healthz: createRoute({
    method: "get",
    path: "/healthz",
    summary: "The process runs",
    responses: { 200: { description: "ok", content: { "text/plain": { schema: z.string() } } } },
  }),
  readyz: createRoute({
    method: "get",
    path: "/readyz",
    summary: "The coins were checked, a source is healthy, the store can be written and the watch moves",
    responses: { 200: json(readiness, "Ready"), 503: json(readiness, "Not ready, and why") },
  }),
};

/** The whole API as a Hono app: `app.fetch` serves it. */
export function createApi(parts: ApiParts): OpenAPIHono {
  const { hub, clock, limits = STREAM_LIMITS } = parts;
  const app = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return;
      const issue = result.error.issues[0];
      return context.json(
        { error: `${issue?.path.join(".") || "the request"}: ${issue?.message ?? "is not valid"}` },
        400,
      );
    },
  });
  app.use(async (context, next) => {
    const begin = performance.now();
    await next();
    const route = routePath(context, -1);
    parts.metrics?.answered(route === "/*" ? "none" : route, context.res.status, (performance.now() - begin) / 1000);
    context.header("x-content-type-options", "nosniff");
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });

  app.openapi(routes.status, (context) => context.json(parts.status(), 200));

  app.openapi(routes.coins, (context) => context.json(publicCoins(parts.snapshot().coins), 200));

  app.openapi(routes.coin, async (context) => {
    const wanted = readOutpoint(context.req.valid("param").outpoint);
    if (!wanted) return context.json({ error: "an outpoint is txid:vout, such as the `outpoint` of /v1/coins" }, 400);
    const key = showOutpoint(wanted);
    const found = parts.snapshot().coins.find((coin) => showOutpoint(coin.outpoint) === key);
    if (!found) return context.json({ error: `no coin ${key} of this piñata; /v1/coins lists them` }, 404);
    const history = await parts.store.history(key);
    return context.json({ ...publicCoin(found), keyOut: found.keyOut, history }, 200);
  });

  app.openapi(routes.attempts, async (context) => {
    const { limit, before } = context.req.valid("query");
    const records = await parts.store.attempts(limit + 1, { before });
    if (!records)
      return context.json({ error: `no attempt ${clip(before ?? "")} to page from; it may be too old` }, 404);
    const attempts = records.slice(0, limit).map(publicAttempt);
    return context.json({ attempts, next: records.length > limit ? attempts[limit - 1]!.id : null }, 200);
  });

  app.openapi(routes.attempt, async (context) => {
    const wanted = context.req.valid("param").id;
    if (!attempt.shape.id.safeParse(wanted).success) {
      return context.json({ error: AN_ID }, 400);
    }
    const record = await parts.store.attempt(wanted);
    if (!record) return context.json({ error: `no attempt ${wanted}; old ones are not kept` }, 404);
    const detail = { ...publicAttempt(record), events: publicEvents(record) };
    return context.json(attemptDetail.parse(detail), 200);
  });

  addMine(app, parts.store);
  if (parts.admin) addAdmin(app, parts.admin);
  if (parts.witness) addWitness(app, parts.witness);

  app.openapi(routes.events, (context) => {
    const header = context.req.valid("header")["last-event-id"];
    const last = header !== undefined && /^\d{1,16}$/.test(header) ? Number(header) : undefined;
    const outgoing = (context.env as Partial<HttpBindings> | undefined)?.outgoing;
    const disconnect = outgoing && (() => outgoing.destroy());
    const response = eventStream({ hub, clock, limits, last, disconnect });
    return response ?? context.json({ error: "too many clients follow the events; try again later" }, 503);
  });

  app.openapi(routes.healthz, (context) => context.text("ok\n"));

  app.openapi(routes.readyz, (context) => {
    const problems = parts.problems?.() ?? problemsOf({ snapshot: parts.snapshot(), store: null, still: 0 });
    if (problems.length === 0) return context.json({ ready: true, problem: null }, 200);
    return context.json({ ready: false, problem: problems.join("; ") }, 503);
  });

  if (parts.trace) addTraceRoutes(app, { trace: parts.trace, clock });
  if (parts.metrics) addMetrics(app, parts.metrics);

  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Piñata monitor",
      version: "1",
      description: "What the monitor of a bounty piñata knows and can prove.",
    },
  });
  app.notFound((context) => {
    return context.json({ error: `nothing at ${clip(context.req.path)}; /openapi.json says what there is` }, 404);
  });
  app.onError((mistake, context) => {
    parts.log.problem("api", `${context.req.method} ${clip(context.req.path)}: ${mistake.message}`);
    return context.json({ error: "the monitor could not answer; it is not your mistake" }, 500);
  });
  return app;
}

function addMetrics(app: OpenAPIHono, metrics: Metrics): void {
  const text = { "text/plain": { schema: z.string() } };
  const route = createRoute({
    method: "get",
    path: "/metrics",
    summary: "Prometheus metrics",
    responses: { 200: { description: "Text format 0.0.4", content: text } },
  });
  app.openapi(route, async (context) =>
    context.text(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
