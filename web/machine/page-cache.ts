/**
 * Pages as they were drawn, so that a visitor costs no drawing: one is sent again while what it shows has not changed, for
 * two seconds at most (it tells how long ago things were), and in a flood of attempts it is drawn a few times a second at most.
 * A change of state is never held back. Also what a page needs that depends on how the site is reached: base path, links for machines.
 */
import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Feed, Snapshot } from "../feed.ts";
import { Prepared, SHORT } from "./answer.ts";
import { headFor } from "./head.ts";
import type { Headers } from "./headers.ts";
import { basePath, onionLocation, originFor, type Site } from "./site.ts";

const FRESH_FOR = 2_000;
/** An older drawing of the same state is good for so long, however much changes. */
const CALM = 250;
const KEPT = 256;

export type Draw = () => { toString(): string | Promise<string> };

interface Drawn {
  at: number;
  snapshot: Snapshot;
  prepared: Prepared;
}

export interface PageCacheOptions {
  feed: Feed;
  clock: Clock;
  site: Site;
  headers: Headers;
}

export class PageCache {
  readonly #options: PageCacheOptions;
  readonly #drawn = new Map<string, Drawn>();
  /** Pages drawn since the start. */
  drawings = 0;

  constructor(options: PageCacheOptions) {
    this.#options = options;
  }

  /** Sends the page that `draw` draws, or drew lately. `key`: what it depends on beside the snapshot (language, links). */
  send(c: Context, key: string, draw: Draw): Response | Promise<Response> {
    const { feed, clock, site } = this.#options;
    const origin = originFor(c, site);
    const name = `${origin ?? ""} ${c.req.path} ${key}`;
    const snapshot = feed.snapshot();
    const at = clock.now();
    const known = this.#drawn.get(name);
    if (known !== undefined && isGood(known, snapshot, at)) return known.prepared.answer(c);
    const html = draw().toString();
    if (typeof html !== "string") return html.then((text) => this.#keep(c, name, { at, snapshot, text, origin }));
    return this.#keep(c, name, { at, snapshot, text: html, origin });
  }

  #keep(
    c: Context,
    name: string,
    drawn: { at: number; snapshot: Snapshot; text: string; origin: string | null },
  ): Response {
    const { at, snapshot, text, origin } = drawn;
    const prepared = this.prepare(text, origin, c);
    this.#drawn.delete(name);
    this.#drawn.set(name, { at, snapshot, prepared });
    if (this.#drawn.size > KEPT) this.#drawn.delete(this.#drawn.keys().next().value!);
    return prepared.answer(c);
  }

  /** Sends a page that tells of a mistake, or is for one visitor alone; it is never kept. */
  async sendProblem(c: Context, status: number, draw: Draw, extra: Headers): Promise<Response> {
    return this.prepare(await draw().toString(), null, c).answerAs(c, status, {
      vary: "accept, accept-encoding, accept-language",
      ...extra,
    });
  }

  /** What was drawn, made ready: links under the base path, and in the head what machines look for. */
  prepare(html: string, origin: string | null, c: Context): Prepared {
    const { feed, site, headers } = this.#options;
    this.drawings += 1;
    const base = basePath(site);
    // Quotation marks in texts are escaped, so these can only be attributes, and the first `</head>` is the head's end.
    const placed = base === "" ? html : html.replaceAll(/ (href|src|action)="\/(?!\/)/g, ` $1="${base}/`);
    const body = `<!doctype html>${placed.replace("</head>", () => `${headFor(feed.snapshot(), base, origin)}</head>`)}`;
    const onion = onionLocation(c, site);
    return new Prepared({
      type: "text/html; charset=utf-8",
      body,
      cache: SHORT,
      vary: "accept-language",
      headers: onion === null ? headers : { ...headers, "onion-location": onion },
      lives: "shortly",
    });
  }
}

function isGood({ at, snapshot: drawn }: Drawn, now: Snapshot, time: number): boolean {
  const age = time - at;
  if (age < 0 || age >= FRESH_FOR || drawn.fresh !== now.fresh) return false;
  if (drawn.status === now.status && drawn.attempts === now.attempts && drawn.problem === now.problem) return true;
  return age < CALM && drawn.status?.verdict === now.status?.verdict;
}
