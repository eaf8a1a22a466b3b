/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The addresses that people ask for: the front page, the guide, the timeline, the funnel, one attempt. Each is drawn in the
 * visitor's language, and drawn again only when what it shows has changed (machine/page-cache.ts).
 */
import type { Context, Hono } from "hono";
import type { Assets } from "../assets.ts";
import type { Language } from "../catalogue/language.ts";
import type { Clock } from "../clock.ts";
import { conversationOf } from "../conversation.ts";
import { explorersOf } from "../explorers.ts";
import type { Feed } from "../feed.ts";
import { ATTEMPTS_SHOWN } from "../hub.ts";
import type { Info } from "../info.ts";
import type { Draw, PageCache } from "../machine/page-cache.ts";
import type { Problem } from "../machine/parts.ts";
import type { PastFollower } from "../past.ts";
import { timelineRows } from "../timeline.ts";
import { createTraces } from "../traces.ts";
import { attemptRowIn, type View } from "../view.ts";
import { AttemptPage } from "./attempts.tsx";
import { FunnelPage } from "./funnel.tsx";
import { GuidePage } from "./guide.tsx";
import { Home } from "./home.tsx";
import { addMine } from "./mine-routes.tsx";
import { TimelinePage } from "./timeline.tsx";
import type { Visit } from "./visit.ts";
import { mistake, visitOf } from "./visitor.ts";

export interface PageParts {
  feed: Feed;
  clock: Clock;
  info: Info;
  past: PastFollower;
  pages: PageCache;
  assets: Assets;
  view: (language: Language) => View;
  /** The id of the newest event: a page drawn now has seen everything up to it. */
  lastId: () => string;
  problem: Problem;
}

export function addPages(
  app: Hono,
  { feed, clock, info, past, pages, assets, view, lastId, problem }: PageParts,
): void {
  const traces = createTraces(feed);
  const send = (c: Context, visit: Visit, draw: Draw, state = "") =>
    pages.send(c, `${visit.language.code} ${visit.query} ${state}`, draw);

  app.get("/", (c) => {
    const visit = visitOf(c);
    return send(c, visit, () => {
      const attempts = feed.snapshot().attempts.slice(0, ATTEMPTS_SHOWN).map(attemptRowIn(visit.language));
      return <Home view={view(visit.language)} attempts={attempts} assets={assets} after={lastId()} visit={visit} />;
    });
  });

  app.get("/guide", (c) => {
    const visit = visitOf(c);
    return send(c, visit, () => <GuidePage view={view(visit.language)} info={info} assets={assets} visit={visit} />);
  });

  app.get("/timeline", (c) => {
    const visit = visitOf(c);
    return send(c, visit, () => {
      const { status } = feed.snapshot();
      const explorers = explorersOf(status?.network ?? "", info.explorers);
      const rows = status === null ? [] : timelineRows(past.now(), status, visit.language, explorers);
      return <TimelinePage view={view(visit.language)} rows={rows} assets={assets} visit={visit} />;
    });
  });

  app.get("/funnel", (c) => {
    const visit = visitOf(c);
    return send(c, visit, () => (
      <FunnelPage view={view(visit.language)} counts={past.now().funnel} assets={assets} visit={visit} />
    ));
  });

  // Before /attempts/:id, which would take it for a name.
  addMine(app, { feed, clock, pages, assets, view });

  app.get("/attempts/:id", async (c) => {
    const visit = visitOf(c);
    let found: Awaited<ReturnType<Feed["attempt"]>>;
    try {
      found = await feed.attempt(c.req.param("id"));
    } catch {
      return problem(c, 503, mistake(c, "notNow"));
    }
    if (found === undefined) return problem(c, 404, mistake(c, "noAttempt"));
    const attempt = found;
    const trace = attempt.ended === null ? undefined : await traces.of(attempt.id);
    const draw = () => (
      <AttemptPage
        row={attemptRowIn(visit.language)(attempt)}
        view={view(visit.language)}
        assets={assets}
        after={lastId()}
        spoken={trace === undefined ? null : conversationOf(attempt, trace.events, visit.language)}
        visit={visit}
      />
    );
    // One that is over is never sent as it was while it went on: its open page loads it again just then.
    return send(c, visit, draw, trace === undefined ? attempt.outcome : "spoken");
  });
}
