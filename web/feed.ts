/**
 * The one stream from the monitor (monitor/schema.ts): GET /v1/status and /v1/attempts, then SSE /v1/events with
 * Last-Event-ID, again with back-off whenever it breaks. Keeps the last valid word in memory and says how old it is:
 * after `SILENT_AFTER` without a valid status the snapshot is not fresh. What does not match the schema is never shown.
 * Changes carry the monitor's own event ids, so that an id means the same at every replica and after a restart.
 */
import type { z } from "zod";
import {
  type Attempt,
  attemptList,
  attempt as attemptSchema,
  type Status,
  status as statusSchema,
} from "../monitor/schema.ts";
import { type Clock, systemClock } from "./clock.ts";
import { readEvents, type ServerEvent } from "./event-stream.ts";

/** Milliseconds without a valid status after which nothing is shown as fresh. */
export const SILENT_AFTER = 10_000;
/** In quiet times the status is asked for this long after the last one, so that silence means trouble. */
export const PROBE_AFTER = 4_000;
const ANSWER_WITHIN = 5_000;
const BACK_OFF = { first: 500, longest: 8_000 } as const;
const ATTEMPTS_KEPT = 500;
const MAX_ANSWER = 4 << 20;

export interface Snapshot {
  /** The last valid status, however old; null before the first. */
  status: Status | null;
  /** Newest first, at most 500. */
  attempts: readonly Attempt[];
  /** True when `status` was heard at most {@link SILENT_AFTER} ago. */
  fresh: boolean;
  /** When the last valid status was heard, by this machine's clock; null before the first. */
  heard: number | null;
  /** When this feed began. */
  began: number;
  /** What is wrong with the monitor, in words; null when nothing is. */
  problem: string | null;
}

/**
 * `id`: the monitor's event that told of it; absent for what no event told (an answer, silence). `again`: nothing new, but the
 * event belongs to what is replayed. `gap`: events before `from` are not known here, and those after it come next.
 */
export type Change =
  | { kind: "status"; id?: number }
  | { kind: "attempt"; attempt: Attempt; id?: number; again?: true }
  | { kind: "gap"; from: number };

export interface Feed {
  snapshot(): Snapshot;
  /** One attempt by its id, from memory or else from the monitor; undefined when neither knows it. Throws when the monitor cannot say. */
  attempt(id: string): Promise<Attempt | undefined>;
  /**
   * The monitor's answer to GET `/path`, or to a POST of `question` as JSON; undefined when it knows no such thing (404).
   * Throws one clear line when it cannot say.
   */
  ask<T>(path: string, schema: z.ZodType<T>, question?: unknown): Promise<T | undefined>;
  /** Told of each change of status, freshness or attempt; the answer ends it. */
  subscribe(listener: (change: Change) => void): () => void;
  stop(): void;
}

/** Starts following the monitor at `monitorUrl` (http or https). It goes on until `stop`. */
export function startFeed({ monitorUrl, clock = systemClock }: { monitorUrl: string; clock?: Clock }): Feed {
  const follower = new Follower(new URL(monitorUrl.endsWith("/") ? monitorUrl : `${monitorUrl}/`), clock);
  void follower.run();
  return follower;
}

class Follower implements Feed {
  readonly #base: URL;
  readonly #clock: Clock;
  readonly #began: number;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #attempts = new Map<string, Attempt>();
  #sorted: readonly Attempt[] | null = null;
  #status: Status | null = null;
  #heard: number | null = null;
  #problem: string | null = null;
  /** Of the monitor's events; 0 asks for all that it remembers. */
  #lastEventId = 0;
  /** No event has come in this session yet. */
  #expectsFirst = true;
  #session = new AbortController();
  #stopped = false;
  #cancelSilence = () => {};
  #cancelProbe = () => {};
  #cancelPause = () => {};

  constructor(base: URL, clock: Clock) {
    this.#base = base;
    this.#clock = clock;
    this.#began = clock.now();
  }

  snapshot(): Snapshot {
    return {
      status: this.#status,
      attempts: this.#newestFirst(),
      fresh: this.#heard !== null && this.#clock.now() - this.#heard <= SILENT_AFTER,
      heard: this.#heard,
      began: this.#began,
      problem: this.#problem,
    };
  }

  async attempt(id: string): Promise<Attempt | undefined> {
    const known = this.#attempts.get(id);
    if (known !== undefined || !attemptSchema.shape.id.safeParse(id).success) return known;
    return this.ask(`v1/attempts/${id}`, attemptSchema);
  }

  async ask<T>(path: string, schema: z.ZodType<T>, question?: unknown): Promise<T | undefined> {
    const json = "application/json";
    const headers = question === undefined ? { accept: json } : { accept: json, "content-type": json };
    const text = await this.#within(path, headers, (answer) => (answer.status === 404 ? null : boundedText(answer)), {
      also: 404,
      question,
    });
    return text === null ? undefined : parsed(path, schema, text);
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopped = true;
    this.#session.abort(new Error("stopped"));
    this.#cancelSilence();
    this.#cancelProbe();
    this.#cancelPause();
    this.#listeners.clear();
  }

  /** Sessions one after another, with a longer pause after each one in a row that brought no status. */
  async run(): Promise<void> {
    let pause: number = BACK_OFF.first;
    while (!this.#stopped) {
      const heardBefore = this.#heard;
      try {
        await this.#follow();
        this.#problem = "the monitor closed its stream";
      } catch (error) {
        this.#problem = inWords(error);
      }
      this.#cancelProbe();
      if (this.#stopped) return;
      if (this.#heard !== heardBefore) pause = BACK_OFF.first;
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(pause, resolve);
        this.#cancelPause = () => {
          cancel();
          resolve();
        };
      });
      pause = Math.min(pause * 2, BACK_OFF.longest);
    }
  }

  /** One session: the stream is opened first and read after the two answers, so that nothing falls between them. */
  async #follow(): Promise<void> {
    const session = new AbortController();
    this.#session = session;
    if (this.#stopped) return;
    try {
      const headers = { accept: "text/event-stream", "last-event-id": String(this.#lastEventId) };
      this.#expectsFirst = true;
      const stream = await this.#within("v1/events", headers, eventStream, { signal: session.signal });
      const [status, latest] = await Promise.all([
        this.#json("v1/status", statusSchema),
        this.#json("v1/attempts?limit=50", attemptList),
      ]);
      for (const attempt of latest.attempts.toReversed()) this.#takeAttempt(attempt);
      this.#takeStatus(status);
      for await (const event of readEvents(stream)) this.#takeEvent(event);
    } finally {
      session.abort(new Error("the session is over"));
    }
  }

  #takeEvent({ id: text, event, data }: ServerEvent): void {
    const id = /^\d{1,16}$/.test(text) ? Number(text) : undefined;
    if (id !== undefined) this.#takeId(id);
    if (event === "status") {
      const status = statusSchema.safeParse(json(data));
      // A replayed status older than the one in hand says nothing about now.
      if (!status.success) this.#complain("the monitor sent a status that does not match its own schema");
      else if (this.#status === null || status.data.now >= this.#status.now) this.#takeStatus(status.data, id);
    } else if (event === "attempt") {
      const attempt = attemptSchema.safeParse(json(data));
      if (attempt.success) this.#takeAttempt(attempt.data, id);
      else this.#complain("the monitor sent an attempt that does not match its own schema");
    }
  }

  /** The first event of a session may come after others that the monitor has forgotten, or belong to a new monitor. */
  #takeId(id: number): void {
    const known = id === this.#lastEventId + 1 || (id === this.#lastEventId && !this.#expectsFirst);
    if ((this.#expectsFirst && !known) || id < this.#lastEventId) this.#tell({ kind: "gap", from: id });
    this.#expectsFirst = false;
    this.#lastEventId = id;
  }

  #takeStatus(status: Status, id?: number): void {
    if (this.#stopped) return;
    this.#status = status;
    this.#heard = this.#clock.now();
    this.#problem = null;
    this.#cancelSilence();
    this.#cancelSilence = this.#clock.after(SILENT_AFTER + 1, () => this.#tell({ kind: "status" }));
    this.#cancelProbe();
    this.#cancelProbe = this.#clock.after(PROBE_AFTER, () => void this.#probe());
    this.#tell(id === undefined ? { kind: "status" } : { kind: "status", id });
  }

  /** Asks for the status in a quiet stream; no good answer ends the session, and the next one starts afresh. */
  async #probe(): Promise<void> {
    const session = this.#session;
    try {
      this.#takeStatus(await this.#json("v1/status", statusSchema));
    } catch (error) {
      session.abort(error);
    }
  }

  #takeAttempt(attempt: Attempt, id?: number): void {
    const known = this.#attempts.get(attempt.id);
    // An ended attempt does not open again: this is an old event, replayed.
    if (known !== undefined && known.ended !== null && attempt.ended === null) return;
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(attempt)) {
      if (id !== undefined) this.#tell({ kind: "attempt", attempt, id, again: true });
      return;
    }
    this.#attempts.set(attempt.id, attempt);
    this.#sorted = null;
    if (this.#attempts.size > ATTEMPTS_KEPT) {
      const oldest = this.#newestFirst().at(-1);
      if (oldest !== undefined) this.#attempts.delete(oldest.id);
      this.#sorted = null;
    }
    this.#tell(id === undefined ? { kind: "attempt", attempt } : { kind: "attempt", attempt, id });
  }

  #newestFirst(): readonly Attempt[] {
    this.#sorted ??= [...this.#attempts.values()].sort((a, b) => b.started - a.started || number(b) - number(a));
    return this.#sorted;
  }

  #complain(problem: string): void {
    this.#problem = problem;
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  async #json<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const { signal } = this.#session;
    return parsed(path, schema, await this.#within(path, { accept: "application/json" }, boundedText, { signal }));
  }

  /** What `read` makes of the response, all within {@link ANSWER_WITHIN}; a status but 200 and `also` is an error. */
  async #within<T>(
    path: string,
    headers: Record<string, string>,
    read: (response: Response) => T | Promise<T>,
    { signal, also, question }: { signal?: AbortSignal; also?: number; question?: unknown },
  ): Promise<T> {
    const late = new AbortController();
    const cancel = this.#clock.after(ANSWER_WITHIN, () => late.abort(new Error("the monitor does not answer in time")));
    const stop = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    try {
      const sent = question === undefined ? {} : { method: "POST", body: JSON.stringify(question) };
      const response = await fetch(new URL(path, this.#base), { ...sent, headers, signal: stop });
      if (response.status !== 200 && response.status !== also) {
        throw new Error(`the monitor answered ${response.status} to /${path}`);
      }
      return await read(response);
    } finally {
      cancel();
    }
  }
}

/** What the monitor sent, checked. Throws one clear line. */
export function parsed<T>(path: string, schema: z.ZodType<T>, text: string): T {
  const result = schema.safeParse(json(text));
  if (!result.success) throw new Error(`the monitor's answer to /${path} does not match its own schema`);
  return result.data;
}

/** Connections of one boot are counted up: the number after the dash. */
function number(attempt: Attempt): number {
  return Number(attempt.id.slice(attempt.id.indexOf("-") + 1));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function eventStream(response: Response): AsyncIterable<Uint8Array> {
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("text/event-stream") || response.body === null)
    throw new Error("the monitor's /v1/events is no event stream");
  return response.body;
}

/** The body of an answer, at most 4 MiB. Throws one clear line when it is longer. */
export async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER) throw new Error("the monitor's answer is longer than 4 MiB");
  }
  return text;
}

/** `fetch` says "fetch failed" and hides why in the cause. */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return "the monitor cannot be reached";
  const cause: unknown = error.cause;
  if (error.message !== "fetch failed" || !(cause instanceof Error)) return error.message;
  const code = "code" in cause ? String(cause.code) : "";
  return code === "ECONNREFUSED"
    ? "nothing listens at the monitor's address"
    : `the monitor cannot be reached (${code || cause.message})`;
}
