/** What the machines' routes are given. */
import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Feed } from "../feed.ts";
import type { PastFollower } from "../past.ts";
import type { Audience, Headers } from "./headers.ts";
import type { Metrics } from "./metrics.ts";
import type { Site } from "./site.ts";

export interface MachineParts {
  feed: Feed;
  past: PastFollower;
  site: Site;
  clock: Clock;
  headers: Readonly<Record<Audience, Headers>>;
  metrics: Metrics;
  problem: Problem;
  /** Opens the live stream of data. */
  events: (c: Context) => Response | Promise<Response>;
}

/** Answers a mistake in the format that was asked for. `extra`: headers that go with it. */
export type Problem = (
  c: Context,
  status: number,
  texts: { title: string; sentence: string },
  extra?: Headers,
) => Response | Promise<Response>;
