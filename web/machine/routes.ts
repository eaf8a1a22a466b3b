/**
 * The addresses that machines ask for: feeds, badge, picture, icon, robots.txt, security.txt, metrics, API. Each is made once for
 * what it depends on and sent as it is until that changes.
 */
import type { Hono } from "hono";
import { NEVER, Prepared } from "./answer.ts";
import { addApi } from "./api.ts";
import { badge } from "./badge.ts";
import { tidingsOf } from "./entries.ts";
import { atom, jsonFeed } from "./feeds.ts";
import { icon } from "./icon.ts";
import { Kept } from "./kept.ts";
import { carriesToken } from "./metrics.ts";
import { drawPicture } from "./og/picture.ts";
import { pictureFacts } from "./og/picture-key.ts";
import type { MachineParts } from "./parts.ts";
import { basePath, originFor } from "./site.ts";
import { summaryOf } from "./summary.ts";
import { robotsTxt, securityTxt } from "./well-known.ts";

const MINUTE = "public, max-age=60";
const HALF_A_MINUTE = "public, max-age=30";
const A_DAY = "public, max-age=86400";
const TEXT = "text/plain; charset=utf-8";

const FEEDS = {
  "/feed.atom": { write: atom, type: "application/atom+xml; charset=utf-8" },
  "/feed.json": { write: jsonFeed, type: "application/feed+json; charset=utf-8" },
} as const;

export function addMachines(app: Hono, parts: MachineParts): void {
  const { feed, past, site, clock, headers, problem } = parts;
  const shared = (type: string, body: string | Uint8Array, cache: string) =>
    new Prepared({ type, body, cache, headers: headers.shared, lives: "shortly" });
  const kept = new Kept<Prepared>();

  for (const [path, { write, type }] of Object.entries(FEEDS)) {
    app.get(path, async (c) => {
      const origin = originFor(c, site);
      const snapshot = feed.snapshot();
      // Every two seconds at most, and at once when the state changes.
      const beat = Math.floor(clock.now() / 2_000);
      const made = await kept.of(path, `${origin} ${beat} ${snapshot.fresh} ${snapshot.status?.verdict}`, async () => {
        const tidings = tidingsOf(snapshot, past.now());
        return tidings === undefined ? undefined : shared(type, write(tidings, origin), MINUTE);
      });
      if (made !== undefined) return made.answer(c);
      const sentence = "Nothing is known yet: the monitor has not answered since this server started. Ask again soon.";
      return problem(c, 503, { title: "Not now", sentence }, { "retry-after": "10" });
    });
  }

  app.get("/badge.svg", async (c) => {
    const svg = badge(summaryOf(feed.snapshot()));
    const made = await kept.of("badge", svg, async () => shared("image/svg+xml", svg, HALF_A_MINUTE));
    return made!.answer(c);
  });

  app.get("/og.png", async (c) => {
    const facts = pictureFacts(feed.snapshot());
    const made = await kept.of("og", JSON.stringify(facts), async () =>
      shared("image/png", await drawPicture(facts), MINUTE),
    );
    return made!.answer(c);
  });

  app.get("/favicon.ico", async (c) => {
    const made = await kept.of("icon", "", async () => shared("image/x-icon", await icon(), A_DAY));
    return made!.answer(c);
  });

  app.get("/robots.txt", (c) => shared(TEXT, robotsTxt(basePath(site)), A_DAY).answer(c));

  app.get("/.well-known/security.txt", (c) => {
    const { securityContact: contact } = site;
    if (contact !== null) {
      return shared(TEXT, securityTxt({ contact, origin: originFor(c, site), now: clock.now() }), A_DAY).answer(c);
    }
    const sentence = "The operator named no contact. Breaking the piñata needs none: the coins are yours.";
    return problem(c, 404, { title: "No contact", sentence });
  });

  addMetrics(app, parts);
  addApi(app, parts);
}

function addMetrics(app: Hono, { site, metrics, headers, problem }: MachineParts): void {
  app.get("/metrics", async (c) => {
    if (site.metricsToken === null) {
      const sentence = "This server shows no metrics: start it with --metrics-token-file FILE.";
      return problem(c, 404, { title: "No metrics", sentence });
    }
    if (!carriesToken(c.req.header("authorization"), site.metricsToken)) {
      const sentence = "Metrics are for who has the token: Authorization: Bearer TOKEN.";
      return problem(c, 401, { title: "A token is needed", sentence }, { "www-authenticate": "Bearer" });
    }
    const content = { type: metrics.type, body: await metrics.text(), cache: NEVER, headers: headers.page } as const;
    return new Prepared({ ...content, lives: "shortly" }).answerAs(c, 200);
  });
}
