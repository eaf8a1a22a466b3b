/**
 * What the monitor keeps, whatever keeps it: one interface, of which sqlite.ts and postgres.ts make the two kinds. A step is
 * one transaction: all of it is kept, or nothing, and nothing is told before it. Only who leads has a store to write to;
 * after another monitor took over, every write is refused.
 */
import type { AlertBody, Draft, Message } from "../alerts/kinds.ts";
import type { Facts, Transition } from "../coins/coin.ts";
import type { Unsaved } from "../coins/header-tree.ts";
import type { Header, NetworkRules } from "../proofs/header.ts";
import type { Annotation, Verdict } from "../schema.ts";
import type { AttemptRecord, Batch, Boot } from "../trace/attempts.ts";
import type { Progress } from "../trace/progress.ts";

/** Attempts kept as rows unless told otherwise. */
export const ATTEMPT_DAYS = 90;
export const ATTEMPT_ROWS = 100_000;

/** The store cannot be used, or refuses; the message names it and what to do. */
export class StoreError extends Error {
  override name = "StoreError";
}

/** Another monitor leads now: nothing was written. */
export class Superseded extends StoreError {
  override name = "Superseded";
}

export interface Store {
  /** Everything that is needed to go on, checked. Throws {@link StoreError} when it is another piñata's or was changed. */
  load(): Promise<Saved>;
  /** One transaction. */
  commit(step: Step): Promise<Committed>;
  /** Transitions of one coin, oldest first; the latest 1,000. */
  history(outpoint: string): Promise<Transition[]>;
  /** The oldest alert that the channel has not taken. */
  waiting(channel: string): Promise<Waiting | undefined>;
  /** Alerts that are kept, newest first, with what came of them. */
  alerts(query: AlertQuery): Promise<StoredAlert[]>;
  /** Newest first. undefined when `before` is not kept. */
  attempts(limit: number, of?: AttemptsOf): Promise<AttemptRecord[] | undefined>;
  attempt(id: string): Promise<AttemptRecord | undefined>;
  /** Statements from number `from` on, oldest first. */
  statements(from: number, limit: number): Promise<Statement[]>;
  /** What is kept to check the spend `txid` offline. */
  evidence(txid: string): Promise<string | undefined>;
  /** Ends writing; another monitor can lead at once. */
  close(): Promise<void>;
}

/** Which attempts: all, unless told otherwise. */
export interface AttemptsOf {
  /** Older ones than this (an id). */
  before?: string | undefined;
  /** Those with this token. More than one when a hello was relayed, or a random used again. */
  token?: string;
}

export interface Saved {
  headers: { height: number; header: Header }[];
  best: string | null;
  coins: Facts[];
  verdict: StoredVerdict | null;
  incidents: Incident[];
  trace: SavedTrace;
  /** The latest one. */
  statement: Statement | null;
  /** The latest 200, newest first. */
  annotations: Annotation[];
  /** The end of the event log's chain of hashes. */
  events: EventsHead;
  /** Alerts that waited for channels that are not configured any more, and were dropped now. */
  dropped: number;
}

/** What changes together. */
export interface Step {
  chain?: Unsaved;
  coins?: Facts[];
  /** Outpoints of coins that are not watched any more. */
  dropped?: string[];
  transitions?: { outpoint: string; transition: Transition }[];
  verdict?: StoredVerdict;
  /** What is needed to check a spend offline, as JSON text; takes the place of what was kept of that transaction. */
  evidence?: { txid: string; body: string }[];
  /** The next signed statement; a number that is there already is refused. */
  statement?: Statement;
  /** Made into alerts, in this order, for every channel. */
  alerts?: readonly Draft[];
  /** What came of sending. */
  deliveries?: readonly Delivery[];
  /** The incident of this topic is reminded of no more. */
  acknowledged?: { topic: string; at: number };
  /** What was read of traces, and how far reading got. */
  trace?: TraceStep;
  /** What a maintainer wrote; the event log gives it its number. */
  annotation?: Omit<Annotation, "number">;
}

/** What the store made of a step. */
export interface Committed {
  /** The incidents that its alerts opened. */
  opened: Incident[];
  /** Its annotation, with its number. */
  annotation?: Annotation;
}

/** One alert by its id, or up to `limit` of those with a smaller number than `before`. */
export type AlertQuery = { id: string } | { limit: number; before?: number | undefined };

/** An alert as it was written, and what came of it at each channel that it was for, in the order of their names. */
export interface StoredAlert {
  body: AlertBody;
  deliveries: {
    channel: string;
    state: "waiting" | "sent" | "refused";
    /** Made so far. */
    attempts: number;
    nextTry: number;
    /** Why the latest attempt failed; null when none did, or it was sent. */
    problem: string | null;
  }[];
}

/** The verdict as last announced, since when, and when the coins had last been checked by then. */
export interface StoredVerdict {
  verdict: Verdict;
  since: number;
  checked: number | null;
}

/** A signed statement as it was signed; numbers count up from 1. */
export interface Statement {
  number: number;
  at: number;
  body: string;
}

/** Number and hash of the latest event; 0 and 64 zeros when there is none. */
export interface EventsHead {
  id: number;
  hash: string;
}

/** Something that began and is not over: what it is about, and the alert that told it. */
export interface Incident {
  topic: string;
  id: string;
  since: number;
  acknowledged: number | null;
  reminded: number;
  reminders: number;
  /** The alert that opened it, to remind of it. */
  draft: Draft;
}

/** An alert that a channel has not taken yet. */
export interface Waiting extends Message {
  sequence: number;
  /** Alerts that wait for the channel, this one included. */
  queued?: number;
  attempts: number;
  nextTry: number;
}

/** `waiting`: to be tried again; `refused`: the channel will never take it, and the next alert gets its turn. */
export type Delivery = { channel: string; sequence: number } & (
  | { state: "sent" }
  | { state: "waiting" | "refused"; problem: string; nextTry: number }
);

export interface TraceStep {
  batch: Batch;
  cursor: Progress;
  /** To forget what is too old. */
  at: number;
}

export interface SavedTrace {
  cursor: Progress | null;
  /** Oldest first. */
  open: AttemptRecord[];
  pinata: Boot | null;
  counts: Record<string, number>;
}

export interface AlertContext {
  network: string;
  address: string;
  /** Where the API listens, to say how to acknowledge; null when it cannot be done. */
  acknowledgeAt: string | null;
}

export interface StoreOptions {
  /** Of which piñata, on which network; a store of another one is refused. */
  identity: string;
  rules: NetworkRules;
  /** Names of the channels that alerts are for. */
  channels: readonly string[];
  context: AlertContext;
  /** Attempts are kept as rows for so many days, and so many of them at most; totals count all. */
  attemptDays?: number;
  attemptRows?: number;
  /** Alerts kept after every channel has taken them. */
  alertRows?: number;
}

/** The time in which this process alone may write. */
export interface Term {
  store: Store;
  /** Aborted, with the reason, when that is over: another monitor may have taken over. */
  lost: AbortSignal;
}

/** Another monitor leads. */
export interface Standby {
  leader: string;
}

export interface StoreAccess {
  /** Tries once to lead. Throws {@link StoreError} when the store cannot be used. */
  lead(): Promise<Term | Standby>;
  /** Ends waiting; a term's store is closed by itself. */
  close(): Promise<void>;
}
