/**
 * The tables, as types and as SQL. Facts that are read and written as a whole (a coin, an attempt's events) are JSON in
 * one column, checked by a schema when read; what is searched or counted has columns. The SQL is what SQLite and PostgreSQL
 * both understand.
 */
export interface Tables {
  /** One value a key: best tip, verdict, the piñata's last boot, the trace cursor. */
  meta: { key: string; value: string };
  /** Verified headers, 80 bytes as hex. */
  headers: { hash: string; height: number; raw: string };
  coins: { outpoint: string; facts: string };
  /** Append-only, chained by hashes: every transition of every coin, and of the verdict, and annotations. */
  events: { id: number; at: number; subject: string; kind: string; detail: string; hash: string };
  attempts: {
    /** Counts up in the order in which attempts were first written. */
    seq: number;
    id: string;
    boot: string;
    started: number;
    /** When it was first written: the piñata's own clock may be wrong. */
    kept: number;
    open: number;
    /** SHA-256 (hex) of its ClientHello's random, by which its peer finds it; null where the trace has none. Not unique. */
    token: string | null;
    attempt: string;
    /** JSON array of the trace events, bounded. */
    events: string;
  };
  /** Exact totals that outlive the rows they count. */
  counters: { name: string; value: number };
  /** Every alert with the bytes that are sent; `incident`: the alert that it reminds of or ends. */
  alerts: { sequence: number; id: string; incident: string | null; at: number; body: string };
  /** For each channel the alerts that it has to take, in order. */
  outbox: {
    channel: string;
    sequence: number;
    state: "waiting" | "sent" | "refused";
    attempts: number;
    next_try: number;
    problem: string | null;
  };
  /** What began and is not over, or never will be; `draft`: JSON of the alert that told it. */
  incidents: {
    topic: string;
    id: string;
    since: number;
    acknowledged: number | null;
    reminded: number;
    reminders: number;
    draft: string;
  };
  /** How often each thing was told, for as long as the store lives: a part of an alert's id. */
  alert_keys: { base: string; times: number };
  /** Everything that is needed to check a spend offline, as JSON text. */
  evidence: { txid: string; body: string };
  /** Signed statements, append-only, as they were signed. */
  statements: { number: number; at: number; body: string };
}

/**
 * What makes each version out of the one before; an empty store has version 0. Numbers of rows are given by who writes them,
 * not by the database. For PostgreSQL the two names of types that differ are exchanged (postgres.ts).
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    "create table meta (key text primary key, value text not null)",
    "create table headers (hash text primary key, height integer not null, raw text not null)",
    "create table coins (outpoint text primary key, facts text not null)",
    `create table events (id integer primary key autoincrement, at integer not null, subject text not null,
       kind text not null, detail text not null)`,
    `create table attempts (seq integer primary key autoincrement, id text not null unique, boot text not null,
       started integer not null, open integer not null, attempt text not null, events text not null)`,
    "create index attempts_open on attempts (open) where open = 1",
    "create table counters (name text primary key, value integer not null)",
  ],
  [
    `create table alerts (sequence integer primary key autoincrement, id text not null unique, incident text,
       at integer not null, body text not null)`,
    `create table outbox (channel text not null, sequence integer not null, state text not null, attempts integer not null,
       next_try integer not null, problem text, primary key (channel, sequence))`,
    "create index outbox_waiting on outbox (channel, sequence) where state = 'waiting'",
    `create table incidents (topic text primary key, id text not null, since integer not null, acknowledged integer,
       reminded integer not null, reminders integer not null, draft text not null)`,
    "create table alert_keys (base text primary key, times integer not null)",
  ],
  [
    "create table evidence (txid text primary key, body text not null)",
    "create table statements (number integer primary key, at integer not null, body text not null)",
    "alter table events add column hash text not null default ''",
    "create index events_subject on events (subject, id)",
    "alter table attempts add column kept integer not null default 0",
    "update attempts set kept = started",
    "create index attempts_kept on attempts (kept)",
  ],
  [
    "alter table attempts add column token text",
    "create index attempts_token on attempts (token, seq) where token is not null",
  ],
];
