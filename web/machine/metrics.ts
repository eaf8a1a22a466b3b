/**
 * The page's own metrics in Prometheus' text format, in a registry of their own. Shown only to who has the token: behind a
 * reverse proxy every request seems to come from this machine, so an address proves nothing.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Counter, Gauge, Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Feed } from "../feed.ts";
import type { Hub } from "../hub.ts";
import type { PageCache } from "./page-cache.ts";

export interface Metrics {
  /** Counts an answer. */
  answered(status: number): void;
  /** The text of /metrics, and its content type. */
  text(): Promise<string>;
  type: string;
}

export function createMetrics(parts: { feed: Feed; hub: Hub; pages: PageCache; clock: Clock }): Metrics {
  const { feed, hub, pages, clock } = parts;
  const registry = new Registry();
  const registers = [registry];
  // Counted in plain numbers: an answer must not cost a look-up of labels.
  const answers = new Map<number, number>();
  const counter = (name: string, help: string, total: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(total());
      },
    });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  new Counter({
    name: "pinata_web_answers_total",
    help: "Answers to requests, by status",
    labelNames: ["status"],
    registers,
    collect() {
      this.reset();
      for (const [status, count] of answers) this.inc({ status: String(status) }, count);
    },
  });
  counter("pinata_web_pages_drawn_total", "Pages drawn; all others were sent as they were", () => pages.drawings);
  counter("pinata_web_events_sent_total", "Rounds of news written to viewers", () => hub.counts().sent);
  counter("pinata_web_viewers_dropped_total", "Viewers cut off because they did not read", () => hub.counts().dropped);
  gauge("pinata_web_viewers", "Open live streams", () => hub.viewers());
  gauge("pinata_web_monitor_fresh", "1 while the monitor's word is fresh, 0 while the page shows BLIND", () =>
    feed.snapshot().fresh ? 1 : 0,
  );
  gauge("pinata_web_monitor_age_seconds", "Seconds since the monitor's last valid status, or since the start", () => {
    const { heard, began } = feed.snapshot();
    return (clock.now() - (heard ?? began)) / 1000;
  });
  gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
  return {
    answered: (status) => void answers.set(status, (answers.get(status) ?? 0) + 1),
    text: () => registry.metrics(),
    type: registry.contentType,
  };
}

/** Whether an Authorization header carries the token; takes the same time for every wrong one. */
export function carriesToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
