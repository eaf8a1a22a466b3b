/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * /attempts/mine: GET is the form, POST the answer. Answers to POST are sent once and kept nowhere. A form that another site
 * made a browser send is answered like any other: there is no session and nothing changes, that site cannot read the answer
 * (no CORS, no frames), and who knows the random can ask without a browser. So Origin is not looked at.
 */
import type { Context, Hono } from "hono";
import type { Assets } from "../assets.ts";
import type { Language } from "../catalogue/language.ts";
import type { Clock } from "../clock.ts";
import type { Feed } from "../feed.ts";
import { readForm } from "../machine/form.ts";
import type { Headers } from "../machine/headers.ts";
import type { Draw, PageCache } from "../machine/page-cache.ts";
import { createFinder, randomsIn } from "../mine.ts";
import type { View } from "../view.ts";
import { MineForm, MineFound } from "./mine.tsx";
import type { Visit } from "./visit.ts";
import { visitOf } from "./visitor.ts";

/** Bytes of a form: a key log of some sixty connections. */
const MAX_FORM = 65_536;

export interface MineParts {
  feed: Feed;
  clock: Clock;
  pages: PageCache;
  assets: Assets;
  view: (language: Language) => View;
}

export function addMine(app: Hono, { feed, clock, pages, assets, view }: MineParts): void {
  const find = createFinder({ feed, clock });
  const parts = (visit: Visit) => ({ view: view(visit.language), assets, visit });

  app.get("/attempts/mine", (c) => {
    const visit = visitOf(c);
    return pages.send(c, `${visit.language.code} ${visit.query}`, () => <MineForm {...parts(visit)} />);
  });

  app.post("/attempts/mine", async (c) => {
    const visit = visitOf(c);
    const { mine } = visit.language.says;
    const again = (status: number, problem: string, text = "", extra: Headers = {}) =>
      once(c, status, () => <MineForm {...parts(visit)} problem={problem} text={text} />, extra);
    const form = await readForm(c, MAX_FORM);
    if (form === 413) return again(413, mine.tooLong);
    if (form === 415) return again(415, mine.notForm);
    const text = form.get("random") ?? "";
    const randoms = randomsIn(text);
    if (randoms.length === 0) return again(400, mine.unread, text);
    const found = await find(randoms);
    switch (found.kind) {
      case "found":
        return once(c, 200, () => <MineFound {...parts(visit)} attempts={found.attempts} />);
      case "none":
        return again(404, mine.none, text);
      case "busy":
        return again(429, mine.busy, text, { "retry-after": String(found.seconds) });
      case "silent":
        return again(503, mine.silent, text);
    }
  });

  const once = (c: Context, status: number, draw: Draw, extra: Headers = {}) =>
    pages.sendProblem(c, status, draw, extra);
}
