/**
 * Folds trace events into attempts, one for each connection, and into totals. No I/O: `apply` events, then `take` what
 * changed and write it. An event of a connection whose beginning was not seen is counted and otherwise ignored.
 */
import { ALERT_NAMES, explainFailure, STATE_NAMES } from "../../unikernel/failures.ts";
import type { TraceEvent } from "../../unikernel/trace.ts";
import type { Attempt, Status } from "../schema.ts";

/** An attempt with what is not published: the whole peer address, and whether we refused it. */
export interface AttemptRecord {
  attempt: Attempt;
  boot: string;
  refused: boolean;
  events: TraceEvent[];
}

export type Boot = NonNullable<Status["pinata"]>;

export interface Batch {
  /** In the order in which they were first changed. */
  records: AttemptRecord[];
  /** What to add to each counter. */
  counts: Record<string, number>;
  pinata: Boot | null;
  pinataChanged: boolean;
}

/** Ten minutes: the grain in which attempts of the last day are counted. */
export const BUCKET = 600_000;
/** State 8, closed, says nothing about how far a connection got. */
const LAST_STATE = 7;
const MAX_EVENTS = 64;
/** The piñata holds 64 connections; more than this many open ones are a trace that lost their ends. */
const MAX_OPEN = 1024;

const REFUSALS = {
  "too-many-connections": "the piñata had no free door",
  "too-many-from-peer": "too many connections from this peer",
  "dial-failed": "calling back failed: nobody answered on the peer's port",
} as const;
const CLOSED_BY = {
  peer: explainFailure(121).reason,
  pinata: "the piñata closed the connection",
  timeout: "the time for it was up",
  limit: "a limit was reached",
  trap: "a fault in the piñata's own code was contained (a trap)",
  shutdown: "the piñata was shut down",
} as const;

export class AttemptFold {
  #open = new Map<string, AttemptRecord>();
  #changed = new Map<string, AttemptRecord>();
  #counts: Record<string, number> = {};
  #pinata: Boot | null;
  #pinataChanged = false;

  /** `open`: the attempts that were open when last written, oldest first. */
  constructor(open: readonly AttemptRecord[], pinata: Boot | null) {
    for (const record of open) this.#open.set(record.attempt.id, record);
    this.#pinata = pinata;
  }

  get pinata(): Boot | null {
    return this.#pinata;
  }

  /** Counts something that is not an event: a line that was skipped. */
  count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  apply(event: TraceEvent): void {
    if (event.event === "boot") {
      const { boot, board, image, doors, time } = event;
      // The same line again, after a rotation that copied it, is no restart.
      if (this.#pinata?.boot === boot) return;
      this.#endAll(time, "the piñata was restarted");
      this.#pinata = { boot, board, image, doors, started: time, running: true };
      this.#pinataChanged = true;
      return;
    }
    if (event.event === "stopped") {
      if (this.#pinata?.boot !== event.boot) {
        this.count("orphans");
        return;
      }
      this.#endAll(event.time, `the piñata stopped: ${event.reason}`);
      this.#pinata = { ...this.#pinata, running: false };
      this.#pinataChanged = true;
      return;
    }
    const id = `${event.boot}-${event.conn}`;
    if (event.event === "accepted" || event.event === "refused") {
      this.#begin(id, event);
      return;
    }
    const record = this.#open.get(id);
    if (!record) {
      this.count("orphans");
      return;
    }
    if (record.events.length < MAX_EVENTS) record.events.push(event);
    this.#continue(record, event);
    this.#changed.set(id, record);
  }

  /** What changed since the last call. */
  take(): Batch {
    const batch = {
      records: [...this.#changed.values()],
      counts: this.#counts,
      pinata: this.#pinata,
      pinataChanged: this.#pinataChanged,
    };
    this.#changed = new Map();
    this.#counts = {};
    this.#pinataChanged = false;
    return batch;
  }

  #begin(id: string, event: Extract<TraceEvent, { event: "accepted" | "refused" }>): void {
    if (this.#open.has(id) || this.#changed.has(id)) {
      this.count("orphans");
      return;
    }
    const refused = event.event === "refused";
    const attempt: Attempt = {
      id,
      door: event.door,
      peer: event.peer.address,
      started: event.time,
      ended: refused ? event.time : null,
      reached: { state: 0, name: STATE_NAMES[0]! },
      outcome: refused ? "refused" : "open",
      reason: refused ? REFUSALS[event.reason] : "still going on",
      alert: null,
      fingerprint: null,
      subject: null,
      bytesIn: 0,
      bytesOut: 0,
    };
    const record: AttemptRecord = { attempt, boot: event.boot, refused, events: [event] };
    this.count("total");
    this.count("reached:0");
    this.count(`bucket:${Math.floor(event.time / BUCKET)}`);
    this.#changed.set(id, record);
    if (refused) return;
    this.#open.set(id, record);
    if (this.#open.size > MAX_OPEN)
      this.#end(this.#open.values().next().value!, event.time, "its end is not in the trace");
  }

  #continue(record: AttemptRecord, event: TraceEvent): void {
    const { attempt } = record;
    switch (event.event) {
      case "hello":
        attempt.fingerprint = event.fingerprint;
        return;
      case "state":
        this.#reach(attempt, event.state);
        return;
      case "certificate":
        attempt.subject = event.subject;
        if (event.verdict !== 0) refuse(record, event.verdict);
        return;
      case "alert": {
        const { direction, alert: code, failure } = event;
        const name = ALERT_NAMES[code] ?? `alert ${code}`;
        if (!attempt.alert || attempt.alert.code === 0) attempt.alert = { direction, name, code };
        if (code === 0) return;
        if (direction === "sent") refuse(record, failure ?? 0, `the piñata sent ${name}`);
        else if (!record.refused && attempt.outcome !== "opened")
          attempt.reason = `${explainFailure(120).reason}: ${name}`;
        return;
      }
      case "opened":
        if (attempt.outcome !== "opened") this.count("opened");
        this.#reach(attempt, LAST_STATE);
        attempt.outcome = "opened";
        attempt.reason = "the candy was given out";
        return;
      case "trap":
        record.refused = true;
        if (attempt.outcome !== "opened") attempt.reason = `${CLOSED_BY.trap} in ${event.compartment}`;
        return;
      case "closed":
        attempt.bytesIn = event.bytesIn;
        attempt.bytesOut = event.bytesOut;
        if (event.by === "timeout" || event.by === "limit" || event.by === "trap") record.refused = true;
        this.#end(record, event.time, CLOSED_BY[event.by]);
    }
  }

  #reach(attempt: Attempt, state: number): void {
    const reached = Math.min(state, LAST_STATE + 1);
    if (reached > LAST_STATE) return;
    for (let each = attempt.reached.state + 1; each <= reached; each++) this.count(`reached:${each}`);
    if (reached > attempt.reached.state) attempt.reached = { state: reached, name: STATE_NAMES[reached]! };
  }

  /** `reason` is used when nothing better is known. */
  #end(record: AttemptRecord, time: number, reason: string): void {
    const { attempt } = record;
    attempt.ended = Math.max(time, attempt.started);
    if (attempt.outcome === "open") {
      attempt.outcome = record.refused ? "refused" : "closed";
      if (attempt.reason === "still going on") attempt.reason = reason;
    }
    this.#open.delete(attempt.id);
    this.#changed.set(attempt.id, record);
  }

  #endAll(time: number, reason: string): void {
    for (const record of [...this.#open.values()]) this.#end(record, time, reason);
  }
}

function refuse(record: AttemptRecord, failure: number, otherwise = "refused"): void {
  if (record.refused) return;
  record.refused = true;
  const { reason, source } = explainFailure(failure);
  if (record.attempt.outcome === "opened") return;
  record.attempt.reason = failure === 0 ? otherwise : source === "" ? reason : `${reason} (${source})`;
}

/** How many attempts reached at least each state, from the counters, in the order of the handshake. */
export function funnelOf(counts: Readonly<Record<string, number>>): Status["attempts"]["funnel"] {
  return STATE_NAMES.slice(0, LAST_STATE + 1).map((name, state) => ({ name, count: counts[`reached:${state}`] ?? 0 }));
}

/** Attempts that began in the 24 hours before `now`, to within ten minutes. */
export function lastDayOf(counts: Readonly<Record<string, number>>, now: number): number {
  let sum = 0;
  for (const [name, count] of Object.entries(counts)) {
    if (!name.startsWith("bucket:")) continue;
    const start = Number(name.slice(7)) * BUCKET;
    if (start > now - 86_400_000 && start <= now) sum += count;
  }
  return sum;
}
