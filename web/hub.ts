/**
 * Tells every open page what changed: Server-Sent Events with ids, replay by Last-Event-ID, keep-alives, and a bounded
 * buffer for each viewer (who falls behind by more than `BUFFER` bytes is cut off and comes back with its last id).
 * Ids are `<life>-<n>`; an id of another life, or one too old to replay, gets everything afresh.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";
import { writeEvent } from "./event-stream.ts";
import type { Feed } from "./feed.ts";
import { attemptRow, type View } from "./view.ts";

const KEEP_ALIVE_EVERY = 5_000;
const BUFFER = 64 * 1024;
const EVENTS_KEPT = 256;
/** How many attempts the page lists. */
export const ATTEMPTS_SHOWN = 10;

type Viewer = ReadableStreamDefaultController<Uint8Array>;

export interface Hub {
  /** The id of the newest event: a page drawn now has seen everything up to it. */
  lastId(): string;
  /** A viewer's stream, beginning after the event `after` (empty: with everything). */
  open(after: string): ReadableStream<Uint8Array>;
  viewers(): number;
}

export function createHub({ feed, view, clock }: { feed: Feed; view: () => View; clock: Clock }): Hub {
  const life = randomBytes(6).toString("hex");
  const encoder = new TextEncoder();
  const viewers = new Set<Viewer>();
  const kept: { n: number; bytes: Uint8Array }[] = [];
  let n = 0;
  let lastStatus = "";
  let cancelKeepAlive = () => {};

  const leave = (viewer: Viewer) => {
    viewers.delete(viewer);
    if (viewers.size === 0) cancelKeepAlive();
  };
  const send = (viewer: Viewer, bytes: Uint8Array) => {
    viewer.enqueue(bytes);
    if ((viewer.desiredSize ?? 0) > 0) return;
    leave(viewer);
    viewer.error(new Error("the viewer is too slow"));
  };
  const publish = (event: string, data: string) => {
    n += 1;
    const bytes = encoder.encode(writeEvent({ id: `${life}-${n}`, event, data }));
    kept.push({ n, bytes });
    if (kept.length > EVENTS_KEPT) kept.shift();
    for (const viewer of viewers) send(viewer, bytes);
  };
  const publishStatus = () => {
    const now = view();
    const lasting = JSON.stringify({ ...now, now: 0 });
    if (lasting === lastStatus) return;
    lastStatus = lasting;
    publish("status", JSON.stringify(now));
  };
  const keepAlive = () => {
    // The comment keeps proxies awake; the event tells the page itself that its server is there, and the time.
    const bytes = encoder.encode(`: keep-alive\nevent: alive\ndata: ${view().now}\n\n`);
    for (const viewer of viewers) send(viewer, bytes);
    if (viewers.size > 0) cancelKeepAlive = clock.after(KEEP_ALIVE_EVERY, keepAlive);
  };

  feed.subscribe((change) => {
    if (change.kind === "attempt") publish("attempt", JSON.stringify(attemptRow(change.attempt)));
    else publishStatus();
  });

  /** What a viewer that has seen `after` has missed; undefined when that is not known any more, or is much. */
  const missed = (after: string): Uint8Array[] | undefined => {
    const [ofLife, count] = after.split("-");
    if (ofLife !== life || count === undefined || !/^\d{1,15}$/.test(count)) return undefined;
    const seen = Number(count);
    if (seen > n || seen < n - kept.length) return undefined;
    const events = kept.filter((event) => event.n > seen).map((event) => event.bytes);
    return events.reduce((sum, bytes) => sum + bytes.length, 0) > BUFFER / 2 ? undefined : events;
  };

  return {
    lastId: () => `${life}-${n}`,
    viewers: () => viewers.size,
    open(after) {
      let self: Viewer;
      const stream = new ReadableStream<Uint8Array>(
        {
          start(viewer) {
            self = viewer;
            viewers.add(viewer);
            viewer.enqueue(encoder.encode("retry: 1000\n\n"));
            const replay = missed(after);
            if (replay === undefined) {
              const rows = feed.snapshot().attempts.slice(0, ATTEMPTS_SHOWN).map(attemptRow);
              viewer.enqueue(encoder.encode(writeEvent({ id: "", event: "attempts", data: JSON.stringify(rows) })));
            }
            for (const bytes of replay ?? []) viewer.enqueue(bytes);
            // Always the present state last: freshness may have changed without an event of its own.
            const data = JSON.stringify(view());
            viewer.enqueue(encoder.encode(writeEvent({ id: `${life}-${n}`, event: "status", data })));
            if (viewers.size === 1) cancelKeepAlive = clock.after(KEEP_ALIVE_EVERY, keepAlive);
          },
          cancel() {
            leave(self);
          },
        },
        new ByteLengthQueuingStrategy({ highWaterMark: BUFFER }),
      );
      return stream;
    },
  };
}
