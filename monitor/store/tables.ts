/**
 * The tables, as types and as SQL. Facts that are read and written as a whole (a coin, an attempt's events) are JSON in
 * one column, checked by a schema when read; what is searched or counted has columns. A subset of SQL that PostgreSQL has too.
 */
import type { Generated } from "kysely";

export const SCHEMA_VERSION = 1;

export interface Tables {
  /** One value a key: best tip, verdict, the piñata's last boot, the trace cursor. */
  meta: { key: string; value: string };
  /** Verified headers, 80 bytes as hex. */
  headers: { hash: string; height: number; raw: string };
  coins: { outpoint: string; facts: string };
  /** Append-only: every transition of every coin, and of the verdict. */
  events: { id: Generated<number>; at: number; subject: string; kind: string; detail: string };
  attempts: {
    seq: Generated<number>;
    id: string;
    boot: string;
    started: number;
    open: number;
    attempt: string;
    /** JSON array of the trace events, bounded. */
    events: string;
  };
  /** Exact totals that outlive the rows they count. */
  counters: { name: string; value: number };
}

export const SCHEMA: readonly string[] = [
  "create table meta (key text primary key, value text not null)",
  "create table headers (hash text primary key, height integer not null, raw text not null)",
  "create table coins (outpoint text primary key, facts text not null)",
  `create table events (id integer primary key autoincrement, at integer not null, subject text not null,
     kind text not null, detail text not null)`,
  `create table attempts (seq integer primary key autoincrement, id text not null unique, boot text not null,
     started integer not null, open integer not null, attempt text not null, events text not null)`,
  "create index attempts_open on attempts (open) where open = 1",
  "create table counters (name text primary key, value integer not null)",
];
