/**
 * Tells every open page and reader what changed: Server-Sent Events with ids, replay by Last-Event-ID, keep-alives, and a
 * bounded buffer for each viewer (who falls behind by more than `BUFFER` bytes is cut off and comes back with its last id).
 * Ids are the monitor's own, so they mean the same at every replica and after a restart; one that is not remembered gets
 * everything afresh. News is told in rounds: rendered and encoded once for each voice, written once to each viewer, and the
 * next round waits in proportion to what the last one took, so that a flood of attempts cannot keep the process busy.
 */
import type { Attempt } from "../monitor/schema.ts";
import type { Clock } from "./clock.ts";
import { writeEvent } from "./event-stream.ts";
import type { Feed } from "./feed.ts";

const KEEP_ALIVE_EVERY = 5_000;
/** Bytes that may wait for one viewer. */
export const BUFFER = 64 * 1024;
/** More news at once than this is told as the present state instead. */
const MUCH = BUFFER / 2;
const EVENTS_KEPT = 256;
/** Milliseconds until a cut-off viewer comes back: spread, so that a restart does not bring all of them at once. */
const RETRY = { least: 500, spread: 1_500 } as const;
/** Milliseconds between two rounds of telling at least, and how many times as long as the last round took. */
const CALM = { least: 20, times: 4 } as const;
/** How many attempts the page lists. */
export const ATTEMPTS_SHOWN = 8;

/** How one kind of listener (a language of the page, the API) is told. What it answers is sent as JSON. */
export interface Voice {
  status(): unknown;
  attempt(attempt: Attempt): unknown;
  /** The status without what moves all the time: equal text, no news. */
  lasting(): string;
  now(): number;
}

/** Where a viewer's bytes go. */
export interface Viewer {
  write(bytes: Uint8Array): void;
  /** Bytes that wait to be sent. */
  waiting(): number;
  cut(): void;
}

export interface Hub {
  /** The id of the newest event: a page drawn now has seen everything up to it. Empty before the first. */
  lastId(): string;
  /** Begins to tell a viewer, after the event `after` (empty: with everything). The answer ends it; undefined: there are too many. */
  join(viewer: Viewer, listens: { voice: string; after: string }): (() => void) | undefined;
  viewers(): number;
  /** Viewers cut off because they did not read, and events written, since the start. */
  counts(): Readonly<{ dropped: number; sent: number }>;
}

interface Room {
  voice: Voice;
  viewers: Set<Viewer>;
  lasting: string;
}

interface Kept {
  id: number;
  attempt: Attempt;
  encoded: Map<Voice, Uint8Array>;
}

export interface HubOptions {
  feed: Feed;
  clock: Clock;
  voices: Readonly<Record<string, Voice>>;
  /** Viewers at once. */
  limit: number;
}

export function createHub({ feed, clock, voices, limit }: HubOptions): Hub {
  const rooms = new Map(Object.entries(voices).map(([name, voice]) => [name, roomOf(voice)]));
  let kept: Kept[] = [];
  /** Everything after this id is in `kept`; undefined before the first id. */
  let since: number | undefined;
  let last: number | undefined;
  let viewers = 0;
  const counts = { dropped: 0, sent: 0 };
  let cancelKeepAlive = () => {};
  let news: Kept[] = [];
  let round: "none" | "due" = "none";
  let calmUntil = 0;

  const leave = (room: Room, viewer: Viewer) => {
    if (!room.viewers.delete(viewer)) return;
    viewers -= 1;
    if (viewers === 0) cancelKeepAlive();
  };
  const send = (room: Room, bytes: Uint8Array) => {
    for (const viewer of room.viewers) {
      if (viewer.waiting() > BUFFER) {
        leave(room, viewer);
        counts.dropped += 1;
        viewer.cut();
        continue;
      }
      viewer.write(bytes);
      counts.sent += 1;
    }
  };

  const statusNow = (room: Room): Uint8Array => encode("status", room.voice.status(), last);
  const latestAttempts = (room: Room): Uint8Array => {
    const rows = feed.snapshot().attempts.slice(0, ATTEMPTS_SHOWN);
    return encode("attempts", rows.map(room.voice.attempt));
  };
  /** News that holds too much is told as what it led to. */
  const inBrief = (room: Room, events: readonly Kept[]): Uint8Array[] | undefined => {
    const bytes = events.map((event) => encodeAttempt(room.voice, event));
    return bytes.reduce((sum, each) => sum + each.length, 0) > MUCH ? undefined : bytes;
  };

  const tellRound = () => {
    round = "none";
    const attempts = news;
    news = [];
    const began = clock.now();
    for (const room of rooms.values()) {
      if (room.viewers.size === 0) continue;
      const parts = inBrief(room, attempts) ?? [latestAttempts(room)];
      const lasting = room.voice.lasting();
      if (lasting !== room.lasting) parts.push(statusNow(room));
      room.lasting = lasting;
      if (parts.length > 0) send(room, Buffer.concat(parts));
    }
    const now = clock.now();
    calmUntil = now + Math.max(CALM.least, (now - began) * CALM.times);
  };
  const makeRound = () => {
    if (viewers === 0) news = [];
    if (viewers === 0 || round === "due") return;
    round = "due";
    clock.after(Math.max(0, calmUntil - clock.now()), tellRound);
  };

  const remember = (event: Kept) => {
    kept.push(event);
    if (kept.length > EVENTS_KEPT) since = kept.shift()!.id;
  };
  feed.subscribe((change) => {
    if (change.kind === "gap") {
      kept = [];
      since = change.from - 1;
      last = undefined;
      return;
    }
    const { id } = change;
    if (id !== undefined) {
      since ??= id - 1;
      last = Math.max(last ?? id, id);
    }
    if (change.kind === "attempt") {
      // Told by no event: the reader's last id stays as it is.
      const event = { id: id ?? 0, attempt: change.attempt, encoded: new Map() };
      if (id !== undefined) remember(event);
      if (change.again === true) return;
      news.push(event);
      if (news.length > EVENTS_KEPT) news.shift();
    }
    makeRound();
  });

  const keepAlive = () => {
    for (const room of rooms.values()) {
      // The comment keeps proxies awake; the event tells the page itself that its server is there, and the time.
      send(room, encoder.encode(`: keep-alive\nevent: alive\ndata: ${room.voice.now()}\n\n`));
    }
    if (viewers > 0) cancelKeepAlive = clock.after(KEEP_ALIVE_EVERY, keepAlive);
  };

  /** What a viewer that has seen `after` has missed; undefined when that is not known any more, or is much. */
  const missed = (room: Room, after: string): Uint8Array[] | undefined => {
    if (!/^\d{1,16}$/.test(after) || since === undefined || last === undefined) return undefined;
    const seen = Number(after);
    if (seen > last || seen < since) return undefined;
    return inBrief(
      room,
      kept.filter(({ id }) => id > seen),
    );
  };

  return {
    lastId: () => (last === undefined ? "" : String(last)),
    viewers: () => viewers,
    counts: () => counts,
    join(viewer, { voice, after }) {
      const room = rooms.get(voice);
      if (room === undefined) throw new RangeError(`no such voice: ${voice}`);
      if (viewers >= limit) return undefined;
      const retry = encoder.encode(`retry: ${RETRY.least + Math.floor(Math.random() * RETRY.spread)}\n\n`);
      // Always the present state last: freshness may have changed without an event of its own.
      const hello = [retry, ...(missed(room, after) ?? [latestAttempts(room)]), statusNow(room)];
      room.viewers.add(viewer);
      viewers += 1;
      // While nobody was in it, the room heard nothing: what its first viewer is told now is no news later.
      if (room.viewers.size === 1) room.lasting = room.voice.lasting();
      if (viewers === 1) cancelKeepAlive = clock.after(KEEP_ALIVE_EVERY, keepAlive);
      viewer.write(Buffer.concat(hello));
      return () => leave(room, viewer);
    },
  };
}

function roomOf(voice: Voice): Room {
  return { voice, viewers: new Set(), lasting: "" };
}

function encode(event: string, data: unknown, id?: number): Uint8Array {
  const text = id === undefined || id === 0 ? "" : String(id);
  return encoder.encode(writeEvent({ id: text, event, data: JSON.stringify(data) }));
}

/** The same event goes to every viewer of a voice: it is rendered and encoded once. */
function encodeAttempt(voice: Voice, { id, attempt, encoded }: Kept): Uint8Array {
  const known = encoded.get(voice);
  if (known !== undefined) return known;
  const bytes = encode("attempt", voice.attempt(attempt), id);
  encoded.set(voice, bytes);
  return bytes;
}

const encoder = new TextEncoder();
