/**
 * The page's own copy of the monitor's public API under /api/v1, from the same schemas (monitor/schema.ts), with its OpenAPI
 * document: the status from memory, marked with its freshness; everything else asked of the monitor, checked, and kept for two
 * seconds, so that a crowd here is one reader there.
 */
import { OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { apiError, attempt, attemptDetail, attemptList, coinDetail, coinList, funnel } from "../../monitor/schema.ts";
import { NEVER, Prepared, SHORT } from "./answer.ts";
import { dataStatus, nothingKnown, webStatus } from "./data.ts";
import { Kept } from "./kept.ts";
import type { MachineParts } from "./parts.ts";

type Described = RouteConfig & { method: "get" };

/** Milliseconds for which an answer of the monitor's is good, and how many are kept. */
const BEAT = 2_000;
const KEPT = 256;
const HOUR = "public, max-age=3600";

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
const error = (description: string) => json(apiError, description);
const outpoint = z
  .string()
  .regex(/^[0-9a-f]{64}:\d{1,10}$/, "an outpoint is txid:vout, such as the `outpoint` of /api/v1/coins")
  .openapi({ param: { name: "outpoint", in: "path" }, example: `${"0".repeat(64)}:0` });
const id = attempt.shape.id.openapi({ param: { name: "id", in: "path" }, example: "5f3a000000000000-17" });
const page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: attempt.shape.id.optional(),
});

const days = z.object({ days: z.coerce.number().int().min(0).max(3_660).default(30) });
const statementPage = z.object({
  from: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(1),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
const number = z
  .string()
  .regex(/^([1-9]\d{0,14}|latest)$/, "a statement is a number from 1 on, or latest")
  .openapi({ param: { name: "number", in: "path" }, example: "latest" });
const txid = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "a txid is 64 small hex digits")
  .openapi({ param: { name: "txid", in: "path" }, example: "0".repeat(64) });
/** What a proof must hold is for who checks it to say. */
const proof = z.record(z.string(), z.unknown());

const routes = {
  status: {
    method: "get",
    path: "/v1/status",
    summary: "Everything at a glance; `verdict` is `blind` when the monitor is silent",
    responses: { 200: json(webStatus, "The piñata now"), 503: json(nothingKnown, "The monitor has not answered yet") },
  },
  coins: {
    method: "get",
    path: "/v1/coins",
    summary: "All coins, most valuable first",
    responses: { 200: json(coinList, "The coins"), 503: error("The monitor does not answer") },
  },
  coin: {
    method: "get",
    path: "/v1/coins/{outpoint}",
    summary: "One coin and its history",
    request: { params: z.object({ outpoint }) },
    responses: {
      200: json(coinDetail, "The coin"),
      400: error("Not an outpoint"),
      404: error("No such coin"),
      503: error("The monitor does not answer"),
    },
  },
  attempts: {
    method: "get",
    path: "/v1/attempts",
    summary: "Attempts, newest first",
    request: { query: page },
    responses: {
      200: json(attemptList, "A page of attempts"),
      400: error("A query that makes no sense"),
      404: error("No such attempt to page from"),
      503: error("The monitor does not answer"),
    },
  },
  attempt: {
    method: "get",
    path: "/v1/attempts/{id}",
    summary: "One attempt and its trace",
    request: { params: z.object({ id }) },
    responses: {
      200: json(attemptDetail, "The attempt"),
      400: error("Not an id"),
      404: error("No such attempt"),
      503: error("The monitor does not answer"),
    },
  },
  funnel: {
    method: "get",
    path: "/v1/funnel",
    summary: "How far attempts got and why they were refused, in all and by day (UTC), newest first",
    request: { query: days },
    responses: {
      200: json(funnel, "The funnel"),
      400: error("A query that makes no sense"),
      503: error("The monitor does not answer"),
    },
  },
  key: {
    method: "get",
    path: "/v1/witness-key",
    summary: "The key that signs the statements of the monitor",
    responses: { 200: json(proof, "The public key"), 503: error("The monitor does not answer") },
  },
  statements: {
    method: "get",
    path: "/v1/statements",
    summary: "Signed statements, oldest first; `pinata verify` checks them",
    request: { query: statementPage },
    responses: {
      200: json(proof, "A page of statements"),
      400: error("A query that makes no sense"),
      503: error("The monitor does not answer"),
    },
  },
  statement: {
    method: "get",
    path: "/v1/statements/{number}",
    summary: "One signed statement, or `latest`",
    request: { params: z.object({ number }) },
    responses: {
      200: json(proof, "The statement"),
      400: error("Neither a number nor latest"),
      404: error("No such statement"),
      503: error("The monitor does not answer"),
    },
  },
  breach: {
    method: "get",
    path: "/v1/breach/{txid}",
    summary: "The certificate of a spend: a self-contained proof that `pinata verify` checks offline",
    request: { params: z.object({ txid }) },
    responses: {
      200: json(proof, "The certificate"),
      400: error("Not a txid"),
      404: error("No certificate of such a spend"),
      503: error("The monitor does not answer"),
    },
  },
  /** Server-Sent Events have no schema of their own in OpenAPI. */
  events: {
    method: "get",
    path: "/v1/events",
    summary: "Live: `status` and `attempt` events with the monitor's ids; Last-Event-ID goes on after one",
    responses: {
      200: { description: "Server-Sent Events", content: { "text/event-stream": { schema: z.string() } } },
      503: error("Too many viewers"),
    },
  },
} satisfies Record<string, Described>;

export function addApi(app: Hono, { feed, clock, headers, problem, events }: MachineParts): void {
  const prepared = (body: string, cache: string) =>
    new Prepared({ type: "application/json", body, cache, headers: headers.shared, lives: "shortly" });
  const send = (c: Context, value: unknown) => prepared(`${JSON.stringify(value)}\n`, SHORT).answer(c);
  const nonsense = (c: Context, mistake: z.ZodError) => {
    const issue = mistake.issues[0];
    const sentence = `${issue?.path.join(".") || "the request"}: ${issue?.message ?? "is not valid"}`;
    return problem(c, 400, { title: "That makes no sense", sentence });
  };
  const kept = new Kept<{ value: unknown }>(KEPT);
  /** Passes on what the monitor answers, once it is checked. */
  const pass = async (c: Context, path: string, schema: z.ZodType, missing: string) => {
    const beat = String(Math.floor(clock.now() / BEAT));
    try {
      const answer = await kept.of(path, beat, async () => {
        const value = await feed.ask(path, schema);
        return value === undefined ? undefined : { value };
      });
      if (answer !== undefined) return send(c, answer.value);
      return problem(c, 404, { title: "No such thing", sentence: missing });
    } catch {
      const sentence = "the monitor, which knows this, does not answer just now";
      return problem(c, 503, { title: "Not now", sentence }, { "retry-after": "10" });
    }
  };

  // It makes the document; the answers have their own headers and codings, so it serves none of them.
  const described = new OpenAPIHono();
  const serve = (route: Described, handle: (c: Context) => Response | Promise<Response>) => {
    described.openAPIRegistry.registerPath({ ...route, path: `/api${route.path}` });
    app.get(`/api${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`, handle);
  };

  serve(routes.status, (c) => {
    const now = dataStatus(feed.snapshot());
    if (!("error" in now)) return send(c, now);
    return prepared(`${JSON.stringify(now)}\n`, NEVER).answerAs(c, 503, { "retry-after": "10" });
  });
  serve(routes.coins, (c) => pass(c, "v1/coins", coinList, "the monitor lists no coins"));
  serve(routes.coin, (c) => {
    const wanted = outpoint.safeParse(c.req.param("outpoint"));
    if (!wanted.success) return nonsense(c, wanted.error);
    const missing = `no coin ${wanted.data} of this piñata; /api/v1/coins lists them`;
    return pass(c, `v1/coins/${wanted.data}`, coinDetail, missing);
  });
  serve(routes.attempts, (c) => {
    const wanted = page.safeParse(c.req.query());
    if (!wanted.success) return nonsense(c, wanted.error);
    const missing = `no attempt ${wanted.data.before} to page from; it may be too old`;
    return pass(c, `v1/attempts?${query(wanted.data)}`, attemptList, missing);
  });
  serve(routes.attempt, (c) => {
    const wanted = id.safeParse(c.req.param("id"));
    if (!wanted.success) return nonsense(c, wanted.error);
    return pass(c, `v1/attempts/${wanted.data}`, attemptDetail, `no attempt ${wanted.data} among those that are kept`);
  });
  serve(routes.funnel, (c) => {
    const wanted = days.safeParse(c.req.query());
    if (!wanted.success) return nonsense(c, wanted.error);
    return pass(c, `v1/funnel?${query(wanted.data)}`, funnel, "the monitor counts no attempts");
  });
  serve(routes.key, (c) => pass(c, "v1/witness-key", proof, "this monitor signs no statements"));
  serve(routes.statements, (c) => {
    const wanted = statementPage.safeParse(c.req.query());
    if (!wanted.success) return nonsense(c, wanted.error);
    return pass(c, `v1/statements?${query(wanted.data)}`, proof, "this monitor signs no statements");
  });
  serve(routes.statement, (c) => {
    const wanted = number.safeParse(c.req.param("number"));
    if (!wanted.success) return nonsense(c, wanted.error);
    return pass(c, `v1/statements/${wanted.data}`, proof, `no statement ${wanted.data}; /api/v1/statements lists them`);
  });
  serve(routes.breach, (c) => {
    const wanted = txid.safeParse(c.req.param("txid"));
    if (!wanted.success) return nonsense(c, wanted.error);
    const missing = `no certificate of ${wanted.data}; /api/v1/coins lists the spends that were proven`;
    return pass(c, `v1/breach/${wanted.data}`, proof, missing);
  });
  serve(routes.events, events);

  const info = {
    title: "Piñata",
    version: "1",
    description: "What the page of a bounty piñata knows from its monitor. Read-only and public.",
  };
  let document: Prepared | undefined;
  app.get("/api/openapi.json", (c) => {
    document ??= prepared(JSON.stringify(described.getOpenAPI31Document({ openapi: "3.1.0", info })), HOUR);
    return document.answer(c);
  });
}

function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}
