/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The web page as a Hono app: stateless but for the feed's last snapshot and the open viewers. Every answer carries the
 * security headers (machine/headers.ts: nothing inline, nothing from elsewhere); pages are sent as they were drawn for a
 * short while (machine/page-cache.ts), and mistakes are answered in the format that was asked for.
 */
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { getPath } from "hono/utils/url";
import { loadAssets } from "./assets.ts";
import { LANGUAGES } from "./catalogue/choose.ts";
import type { Language } from "./catalogue/language.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Feed } from "./feed.ts";
import { createHub, type Voice } from "./hub.ts";
import type { Info } from "./info.ts";
import { formatFor } from "./machine/accept.ts";
import { isComplete, NEVER, Prepared } from "./machine/answer.ts";
import { dataStatus, dataVoice } from "./machine/data.ts";
import { type Audience, securityHeaders } from "./machine/headers.ts";
import { createMetrics } from "./machine/metrics.ts";
import { PageCache } from "./machine/page-cache.ts";
import type { Problem } from "./machine/parts.ts";
import { addMachines } from "./machine/routes.ts";
import { basePath, type Site, UNKNOWN_SITE } from "./machine/site.ts";
import { openStream, streamHeaders } from "./machine/viewer.ts";
import type { AdminClient } from "./maintain/admin-client.ts";
import { addMaintain } from "./maintain/routes.tsx";
import { Problem as Mistake } from "./pages/problem.tsx";
import { addPages } from "./pages/routes.tsx";
import { mistake, visitOf } from "./pages/visitor.ts";
import { followPast } from "./past.ts";
import { attemptRowIn, type View, viewOf } from "./view.ts";

export interface AppOptions {
  feed: Feed;
  info: Info;
  clock?: Clock;
  site?: Site;
  /** The monitor's admin calls, for the maintainers' pages; absent: there are no such pages. */
  admin?: AdminClient;
}

/** Viewers of the live stream at once; each may hold `BUFFER` bytes. */
const MOST_VIEWERS = 20_000;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export function createApp({ feed, info, clock = systemClock, site = UNKNOWN_SITE, admin }: AppOptions): Hono {
  const base = basePath(site);
  const app = new Hono({ getPath: (request) => withoutBase(getPath(request), base) });
  const headers = securityHeaders(site);
  const assets = loadAssets(headers.page, admin === undefined ? "none" : "linked");
  const past = followPast({ feed, clock });
  const viewIn = (language: Language) => viewOf(feed.snapshot(), info, clock.now(), { language, past: past.now() });
  const pages = new PageCache({ feed, clock, site, headers: headers.page });
  const voices: Record<string, Voice> = Object.fromEntries(
    LANGUAGES.map((language) => [language.code, pageVoice(() => viewIn(language), attemptRowIn(language))]),
  );
  voices.data = dataVoice(feed, clock);
  const hub = createHub({ feed, clock, voices, limit: MOST_VIEWERS });
  const metrics = createMetrics({ feed, hub, pages, clock });

  /** Answers a mistake as a page, as JSON or as a line, by Accept. */
  const problem: Problem = (c, status, { title, sentence }, extra = {}) => {
    const format = c.req.path.startsWith("/api/") ? "json" : formatFor(c.req.header("accept"));
    if (format === "html") {
      return pages.sendProblem(
        c,
        status,
        () => <Mistake title={title} sentence={sentence} assets={assets} visit={visitOf(c)} />,
        extra,
      );
    }
    const json = format === "json";
    const body = json ? `${JSON.stringify({ error: sentence })}\n` : `${sentence}\n`;
    const type = json ? "application/json" : "text/plain; charset=utf-8";
    const content = { type, body, cache: NEVER, vary: "accept", headers: headers.shared, lives: "shortly" } as const;
    return new Prepared(content).answerAs(c, status, extra);
  };
  addPages(app, { feed, clock, info, past, pages, assets, view: viewIn, lastId: hub.lastId, problem });

  if (admin !== undefined) {
    addMaintain(app, { admin, feed, clock, site, pages, assets, view: viewIn });
  }

  const events = (c: Context, voice: string, audience: Audience) => {
    // A comeback names the last event that arrived; a fresh page names the one that it was drawn after.
    const after = c.req.header("last-event-id") ?? c.req.query("after") ?? "";
    if (c.req.method === "HEAD") return c.body(null, 200, streamHeaders(headers[audience]));
    const outgoing = (c.env as Partial<HttpBindings> | undefined)?.outgoing;
    const opened = outgoing && openStream({ hub, outgoing, headers: headers[audience], voice, after });
    if (opened !== undefined) return opened;
    const sentence = "Too many viewers follow this server live; load the page now and then.";
    return problem(c, 503, { title: "Too many viewers", sentence }, { "retry-after": "30" });
  };
  app.get("/events", (c) => events(c, visitOf(c).language.code, "page"));

  app.get("/status.json", (c) => {
    const now = dataStatus(feed.snapshot());
    c.header("cache-control", "no-store");
    return c.json(now, "error" in now ? 503 : 200);
  });

  app.get("/healthz", (c) => {
    const { fresh, problem } = feed.snapshot();
    c.header("cache-control", "no-store");
    return c.json({
      ok: true,
      monitor: fresh ? "answers" : "silent",
      problem: fresh ? null : problem,
      viewers: hub.viewers(),
    });
  });

  app.get("/assets/:name", (c) => {
    const asset = assets.find(c.req.param("name"));
    if (asset !== undefined) return asset.answer(c);
    return problem(c, 404, mistake(c, "noFile"));
  });

  addMachines(app, { feed, past, site, clock, headers, metrics, problem, events: (c) => events(c, "data", "shared") });

  // No route of its own for 405: a second match would make every answer wait for promises.
  app.notFound((c) => {
    const allowed = METHODS.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (allowed.length === 0) return problem(c, 404, mistake(c, "nowhere"));
    const allow = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    const { problems } = visitOf(c).language.says;
    const sentence = problems.readOnlyText(c.req.method, allow);
    return problem(c, 405, { title: problems.readOnly, sentence }, { allow });
  });
  app.onError((error, c) => {
    console.error(`web: ${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return c.text("Something went wrong on our side. The piñata does not depend on this page.\n", 500, {
      "cache-control": "no-store",
    });
  });
  onTheWayOut(app, (response) => {
    metrics.answered(response.status);
    if (isComplete(response)) return;
    for (const [name, value] of Object.entries(headers.page)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
  });
  return app;
}

/** Sees every answer. Not a middleware, which would make each of them wait for promises: a page from memory needs none. */
function onTheWayOut(app: Hono, see: (response: Response) => void): void {
  const { fetch } = app;
  const seen = (response: Response) => {
    see(response);
    return response;
  };
  app.fetch = (...call) => {
    const response = fetch(...call);
    return response instanceof Promise ? response.then(seen) : seen(response);
  };
}

/** A proxy may pass the base path on or take it off: both are served. */
function withoutBase(path: string, base: string): string {
  return base !== "" && (path === base || path.startsWith(`${base}/`)) ? path.slice(base.length) || "/" : path;
}

function pageVoice(view: () => View, attempt: Voice["attempt"]): Voice {
  return {
    status: view,
    attempt,
    lasting: () => JSON.stringify({ ...view(), now: 0 }),
    now: () => view().now,
  };
}
