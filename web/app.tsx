/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The web page as a Hono app: stateless but for the feed's last snapshot and the open viewers. Every answer carries a
 * strict content security policy (nothing inline, nothing from elsewhere); pages have an ETag and a short cache life.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Context, Hono } from "hono";
import { loadAssets } from "./assets.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Feed } from "./feed.ts";
import { ATTEMPTS_SHOWN, createHub } from "./hub.ts";
import type { Info } from "./info.ts";
import { AttemptPage } from "./pages/attempts.tsx";
import { Home } from "./pages/home.tsx";
import { Problem } from "./pages/problem.tsx";
import { attemptRow, viewOf } from "./view.ts";

export interface AppOptions {
  feed: Feed;
  info: Info;
  clock?: Clock;
}

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;
const SHORT = "public, max-age=2";
const FOR_EVER = "public, max-age=31536000, immutable";
const PATHS = ["/", "/attempts/:id", "/events", "/status.json", "/healthz", "/assets/:name"];

export function createApp({ feed, info, clock = systemClock }: AppOptions): Hono {
  const app = new Hono();
  const assets = loadAssets();
  const view = () => viewOf(feed.snapshot(), info, clock.now());
  const hub = createHub({ feed, view, clock });

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
  });

  app.get("/", (c) => {
    const attempts = feed.snapshot().attempts.slice(0, ATTEMPTS_SHOWN).map(attemptRow);
    return page(c, <Home view={view()} attempts={attempts} info={info} assets={assets} after={hub.lastId()} />);
  });

  app.get("/attempts/:id", async (c) => {
    const problem = (title: string, sentence: string, status: 404 | 503) =>
      page(c, <Problem title={title} sentence={sentence} assets={assets} />, status);
    try {
      const found = await feed.attempt(c.req.param("id"));
      if (found === undefined) {
        const sentence =
          "No attempt of that name is among the latest that are kept. Names look like 5f3a09c1d2e4b687-17.";
        return problem("No such attempt", sentence, 404);
      }
      return page(c, <AttemptPage row={attemptRow(found)} view={view()} assets={assets} after={hub.lastId()} />);
    } catch {
      return problem(
        "Not now",
        "This attempt is not in memory, and the monitor, which keeps the older ones, does not answer.",
        503,
      );
    }
  });

  app.get("/events", (c) => {
    // A comeback names the last event that arrived; a fresh page names the one that it was drawn after.
    const after = c.req.header("last-event-id") ?? c.req.query("after") ?? "";
    const headers = {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    };
    return c.req.method === "HEAD" ? c.body(null, 200, headers) : c.body(hub.open(after), 200, headers);
  });

  app.get("/status.json", (c) => {
    const { status, fresh, heard, problem } = feed.snapshot();
    c.header("cache-control", "no-store");
    if (status === null)
      return c.json({ stale: true, error: `nothing is known: ${problem ?? "the monitor has not answered yet"}` }, 503);
    // Who reads only the verdict must not take an old one for a new one.
    const verdict = fresh ? status.verdict : "blind";
    return c.json({
      ...status,
      verdict,
      stale: !fresh,
      lastVerdict: status.verdict,
      heard,
      problem: fresh ? null : problem,
    });
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
    if (asset === undefined)
      return page(
        c,
        <Problem
          title="No such file"
          sentence="The page has changed since that file was named. Load it again."
          assets={assets}
        />,
        404,
      );
    const gzip = takesGzip(c);
    c.header("content-type", asset.type);
    c.header("cache-control", FOR_EVER);
    c.header("vary", "accept-encoding");
    if (gzip) c.header("content-encoding", "gzip");
    return c.body(gzip ? asset.gzipped : asset.bytes);
  });

  for (const path of PATHS) {
    app.all(path, (c) => {
      c.header("allow", "GET, HEAD");
      return page(
        c,
        <Problem
          title="This page only shows"
          sentence={`Nothing here can be changed by ${c.req.method}: only GET and HEAD are answered. The doors are elsewhere.`}
          assets={assets}
        />,
        405,
      );
    });
  }
  app.notFound((c) =>
    page(
      c,
      <Problem
        title="Nothing hangs here"
        sentence="There is no page at this address. Everything there is to see is on the front page."
        assets={assets}
      />,
      404,
    ),
  );
  app.onError((error, c) => {
    console.error(`web: ${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return c.text("Something went wrong on our side. The piñata does not depend on this page.\n", 500, {
      "cache-control": "no-store",
    });
  });
  return app;
}

/** Sends a page with its ETag; one that the visitor has already is answered 304 and not sent. */
function page(
  c: Context,
  element: { toString(): string | Promise<string> },
  status: 200 | 404 | 405 | 503 = 200,
): Response | Promise<Response> {
  const html = element.toString();
  if (typeof html !== "string") return html.then((text) => send(c, text, status));
  return send(c, html, status);
}

function send(c: Context, html: string, status: 200 | 404 | 405 | 503): Response {
  const text = `<!doctype html>${html}`;
  const gzip = takesGzip(c);
  c.header("vary", "accept-encoding");
  c.header("cache-control", status === 200 ? SHORT : "no-store");
  if (status === 200) {
    const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}${gzip ? "-gz" : ""}"`;
    c.header("etag", etag);
    const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
    if (known.includes(etag) || known.includes("*")) return c.body(null, 304);
  }
  c.header("content-type", "text/html; charset=utf-8");
  if (!gzip) return c.body(text, status);
  c.header("content-encoding", "gzip");
  return c.body(new Uint8Array(gzipSync(text)), status);
}

function takesGzip(c: Context): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?(\s|,|$))/.test(c.req.header("accept-encoding") ?? "");
}
