/**
 * Folds trace events into attempts, one for each connection, and into totals. No I/O: `apply` events, then `take` what
 * changed and write it. A connection begins once for each boot and number, whichever input told of it first; events of one
 * whose beginning was not seen are counted and otherwise ignored. In a flood not every attempt is kept, but all are counted.
 */
import { ALERT_NAMES, FAILURES, STATE_NAMES } from "../../unikernel/failures.ts";
import type { TraceEvent } from "../../unikernel/trace.ts";
import type { Attempt } from "../schema.ts";
import { type Boot, type BootState, Boots } from "./boots.ts";
import { NOTHING_READ, type Progress, type SavedUnkept } from "./progress.ts";
import { CLOSED_BY, FATES, REFUSALS, receivedAlert, refusedFor, sentAlert, stoppedFor, trapIn } from "./reasons.ts";
import type { SamplerOptions } from "./sampling.ts";

export type { Boot };

/** An attempt with what is not published: the whole peer address, whether we refused it, its token. */
export interface AttemptRecord {
  attempt: Attempt;
  boot: string;
  refused: boolean;
  /** SHA-256 of its ClientHello's random, as the trace says; null while no hello was read, and of older images. */
  token: string | null;
  events: TraceEvent[];
}

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
export const LAST_STATE = 7;
const MAX_EVENTS = 64;
/** A piñata holds 64 connections; more than this many open ones are traces that lost their ends. */
const MAX_OPEN = 1024;
/** No connection lasts this long: its end was lost. */
const LONGEST = 3_600_000;
/** Dates after it have no four-digit year. */
const LAST_TIME = Date.UTC(9999, 11, 31);
/** Attempts a second that get a row, where nothing else is said. */
export const ATTEMPTS_PER_SECOND = 50;

export interface FoldOptions {
  progress?: Progress | null;
  sampling?: SamplerOptions;
}

export class AttemptFold {
  readonly #boots: Boots;
  #open = new Map<string, AttemptRecord>();
  /** Open attempts that are counted without being kept. */
  #unkept = new Set<string>();
  #changed = new Map<string, AttemptRecord>();
  #counts: Record<string, number> = {};
  #pinata: Boot | null;
  #day = { number: -1, text: "" };

  /** `open`: the attempts that were open when last written, oldest first. */
  constructor(open: readonly AttemptRecord[], pinata: Boot | null, options: FoldOptions = {}) {
    const { progress, sampling = { perSecond: ATTEMPTS_PER_SECOND, random: Math.random } } = options;
    const { unkept, ...boots } = progress ?? NOTHING_READ;
    this.#boots = new Boots(boots, pinata, sampling);
    for (const record of open) {
      this.#open.set(record.attempt.id, record);
      // A monitor that wrote no progress knew no more than this.
      this.#boots.of(record.boot, record.attempt.started).seen.add(numberOf(record.attempt.id));
    }
    for (const saved of unkept) {
      this.#open.set(saved.id, restored(saved));
      this.#unkept.add(saved.id);
    }
    this.#pinata = this.#boots.latest ?? pinata;
  }

  /** The piñata that was started last, of those that run when any does. */
  get pinata(): Boot | null {
    return this.#boots.latest;
  }

  /** Most recently heard first. */
  get boots(): readonly BootState[] {
    return this.#boots.all;
  }

  /** Boots that have stopped and are the last ones that these inputs told of. */
  stoppedIn(inputs: readonly string[]): string[] {
    const stopped = this.#boots.carried.filter(({ lane, state }) => {
      return state.info?.running === false && inputs.some((key) => lane === key || lane.startsWith(`${key} `));
    });
    return [...new Set(stopped.map(({ state }) => state.boot))];
  }

  /** To be written with what {@link take} answers. */
  progress(): Omit<Progress, "cursors"> {
    const unkept = [...this.#unkept].flatMap((id): SavedUnkept[] => {
      const record = this.#open.get(id);
      if (!record) return [];
      const { started, reached, outcome } = record.attempt;
      return [{ id, started, reached: reached.state, refused: record.refused, opened: outcome === "opened" }];
    });
    return { ...this.#boots.save(), unkept };
  }

  /** Counts something that is not an event: a line that was skipped. */
  count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  /** `lane`: the input that the line came from; a boot line ends the boot that came from there before. */
  apply(event: TraceEvent, lane = ""): void {
    if (event.event === "boot") {
      const { ended, news } = this.#boots.begin(event, lane);
      if (!news) this.count("lines:repeated");
      if (ended !== undefined) this.#endAll(ended, event.time, FATES.restarted);
      return;
    }
    if (event.event === "stopped") {
      const state = this.#boots.get(event.boot);
      if (!state) this.count("orphans");
      else if (state.info?.running === false) this.count("lines:repeated");
      else {
        this.#endAll(event.boot, event.time, stoppedFor(event.reason));
        if (state.info) state.info = { ...state.info, running: false };
      }
      return;
    }
    const id = `${event.boot}-${event.conn}`;
    if (event.event === "accepted" || event.event === "refused") {
      this.#begin(id, event);
      return;
    }
    const state = this.#boots.get(event.boot);
    const record = this.#open.get(id);
    if (!state || !record) {
      this.count(state?.seen.has(event.conn) ? "lines:repeated" : "orphans");
      return;
    }
    state.heard = Math.max(state.heard, event.time);
    if (record.events.some((each) => isSame(each, event))) {
      this.count("lines:repeated");
      return;
    }
    // Kept ones begin with their first event; one that was restored without events has nothing to show.
    if (record.events.length > 0 && record.events.length < MAX_EVENTS) record.events.push(event);
    this.#continue(record, event, state);
    this.#keep(record);
  }

  /** What changed since the last call. */
  take(): Batch {
    this.#endLost();
    const pinata = this.#boots.latest;
    const pinataChanged = JSON.stringify(pinata) !== JSON.stringify(this.#pinata);
    const batch = { records: [...this.#changed.values()], counts: this.#counts, pinata, pinataChanged };
    this.#pinata = pinata;
    this.#changed = new Map();
    this.#counts = {};
    return batch;
  }

  #begin(id: string, event: Extract<TraceEvent, { event: "accepted" | "refused" }>): void {
    const state = this.#boots.of(event.boot, event.time);
    if (!state.seen.add(event.conn)) {
      this.count("lines:repeated");
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
      reason: refused ? REFUSALS[event.reason] : FATES.open,
      alert: null,
      fingerprint: null,
      subject: null,
      bytesIn: 0,
      bytesOut: 0,
    };
    const record: AttemptRecord = { attempt, boot: event.boot, refused, token: null, events: [event] };
    this.count("total");
    this.count(`bucket:${Math.floor(event.time / BUCKET)}`);
    this.#countReached(record, 0, state);
    if (refused) this.#countRefused(record, event.reason);
    const kept = state.sampler.begin(event.time);
    if (refused) {
      if (kept) this.#changed.set(id, record);
      else this.count("sampled-out");
      return;
    }
    this.#open.set(id, record);
    if (kept) this.#changed.set(id, record);
    else this.#unkept.add(id);
    if (this.#open.size > MAX_OPEN) this.#end(this.#open.values().next().value!, event.time, FATES.lost);
  }

  #continue(record: AttemptRecord, event: TraceEvent, state: BootState): void {
    const { attempt } = record;
    switch (event.event) {
      case "hello":
        attempt.fingerprint = event.fingerprint;
        record.token ??= event.token ?? null;
        return;
      case "state":
        this.#reach(record, event.state, state);
        return;
      case "certificate":
        attempt.subject = event.subject;
        if (event.verdict !== 0) this.#refuse(record, event.verdict);
        return;
      case "alert": {
        const { direction, alert: code, failure } = event;
        const name = ALERT_NAMES[code] ?? `alert ${code}`;
        if (!attempt.alert || attempt.alert.code === 0) attempt.alert = { direction, name, code };
        if (code === 0) return;
        if (direction === "sent") this.#refuse(record, failure ?? 0, sentAlert(name));
        else if (!record.refused && attempt.outcome !== "opened") attempt.reason = receivedAlert(name);
        return;
      }
      case "opened":
        if (attempt.outcome !== "opened") this.#countDaily(record, "opened");
        this.#reach(record, LAST_STATE, state);
        attempt.outcome = "opened";
        attempt.reason = FATES.opened;
        return;
      case "trap":
        if (!record.refused) this.#countRefused(record, "trap");
        record.refused = true;
        if (attempt.outcome !== "opened") attempt.reason = trapIn(event.compartment);
        return;
      case "closed": {
        const { by, time } = event;
        attempt.bytesIn = event.bytesIn;
        attempt.bytesOut = event.bytesOut;
        if (by === "timeout" || by === "limit" || by === "trap") {
          if (!record.refused) this.#countRefused(record, by);
          record.refused = true;
        }
        this.#end(record, time, CLOSED_BY[by]);
      }
    }
  }

  #reach(record: AttemptRecord, number: number, state: BootState): void {
    const { attempt } = record;
    if (number > LAST_STATE || number <= attempt.reached.state) return;
    for (let each = attempt.reached.state + 1; each <= number; each++) this.#countReached(record, each, state);
    attempt.reached = { state: number, name: STATE_NAMES[number]! };
    if (!this.#unkept.has(attempt.id)) state.sampler.reached(number);
    else if (record.events.length > 0 && state.sampler.promotes(number)) this.#unkept.delete(attempt.id);
  }

  #countReached(record: AttemptRecord, number: number, { reached }: BootState): void {
    this.#countDaily(record, `reached:${number}`);
    reached[number] = (reached[number] ?? 0) + 1;
  }

  /** For ever, and for the day on which the attempt began. */
  #countDaily({ attempt: { started } }: AttemptRecord, name: string): void {
    this.count(name);
    this.count(`day:${this.#dayOf(started)}:${name}`);
  }

  #dayOf(time: number): string {
    const number = Math.floor(Math.min(time, LAST_TIME) / 86_400_000);
    // Most often it is the same as the last time, and dates are slow to write.
    if (number !== this.#day.number)
      this.#day = { number, text: new Date(number * 86_400_000).toISOString().slice(0, 10) };
    return this.#day.text;
  }

  /** `why`: the number of a failure, or a word for what has no number. */
  #countRefused(record: AttemptRecord, why: number | string): void {
    if (record.attempt.outcome === "opened") return;
    // Numbers that nobody knows are one: they could be any.
    const key = typeof why === "number" && why !== 0 && !Object.hasOwn(FAILURES, why) ? "newer" : why;
    this.#countDaily(record, "refused");
    this.#countDaily(record, `refused:${key}`);
  }

  #refuse(record: AttemptRecord, failure: number, otherwise = "refused"): void {
    if (record.refused) return;
    this.#countRefused(record, failure);
    record.refused = true;
    if (record.attempt.outcome === "opened") return;
    record.attempt.reason = failure === 0 ? otherwise : refusedFor(failure);
  }

  /** `reason` is used when nothing better is known. */
  #end(record: AttemptRecord, time: number, reason: string): void {
    const { attempt } = record;
    attempt.ended = Math.max(time, attempt.started);
    if (attempt.outcome === "open") {
      attempt.outcome = record.refused ? "refused" : "closed";
      if (attempt.reason === FATES.open) attempt.reason = reason;
    }
    this.#open.delete(attempt.id);
    if (this.#unkept.has(attempt.id)) this.count("sampled-out");
    else this.#changed.set(attempt.id, record);
    this.#unkept.delete(attempt.id);
  }

  #keep(record: AttemptRecord): void {
    if (record.attempt.ended === null && !this.#unkept.has(record.attempt.id))
      this.#changed.set(record.attempt.id, record);
  }

  #endAll(boot: string, time: number, reason: string): void {
    for (const record of [...this.#open.values()]) if (record.boot === boot) this.#end(record, time, reason);
  }

  /** Ends what must be over: a gap in a trace must not leave attempts open for ever. */
  #endLost(): void {
    for (const record of this.#open.values()) {
      const { heard } = this.#boots.get(record.boot) ?? { heard: Number.POSITIVE_INFINITY };
      if (record.attempt.started >= heard - LONGEST) return;
      this.#end(record, record.attempt.started + LONGEST, FATES.lost);
    }
  }
}

function isSame(a: TraceEvent, b: TraceEvent): boolean {
  return a.event === b.event && a.time === b.time && JSON.stringify(a) === JSON.stringify(b);
}

function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}

/** Enough to count on with. */
function restored({ id, started, reached, refused, opened }: SavedUnkept): AttemptRecord {
  const attempt: Attempt = {
    id,
    door: "server",
    peer: "",
    started,
    ended: null,
    reached: { state: reached, name: STATE_NAMES[reached] ?? "" },
    outcome: opened ? "opened" : "open",
    reason: FATES.open,
    alert: null,
    fingerprint: null,
    subject: null,
    bytesIn: 0,
    bytesOut: 0,
  };
  return { attempt, boot: id.slice(0, id.indexOf("-")), refused, token: null, events: [] };
}
