/**
 * Attempts, totals and the trace cursor in the tables: what was read and how far reading got are written together, so that
 * after kill -9 no event is missing and none counted twice. Rows are bounded by age and number; totals are exact.
 */
import type { Kysely } from "kysely";
import { z } from "zod";
import { traceEvent } from "../../unikernel/trace.ts";
import { attempt as attemptSchema, status } from "../schema.ts";
import { type AttemptRecord, BUCKET } from "../trace/attempts.ts";
import { progress } from "../trace/progress.ts";
import { readMeta, writeMeta } from "./meta.ts";
import type { AttemptsOf, SavedTrace, TraceStep } from "./store.ts";
import type { Tables } from "./tables.ts";

export interface AttemptLimits {
  days: number;
  rows: number;
}

/** Rows in one statement. */
const ROWS = 500;
const DAY = 86_400_000;

const bootRow = status.shape.pinata.unwrap();
const attemptRow = z.object({ attempt: attemptSchema, refused: z.boolean() });
const eventRow = z.array(traceEvent);

export async function loadTrace(db: Kysely<Tables>): Promise<SavedTrace> {
  const meta = await readMeta(db, ["cursor", "pinata"]);
  const rows = await db.selectFrom("attempts").selectAll().where("open", "=", 1).orderBy("seq").execute();
  const counters = await db.selectFrom("counters").selectAll().execute();
  return {
    cursor: meta.cursor === undefined ? null : progress.parse(JSON.parse(meta.cursor)),
    open: rows.map(toRecord),
    pinata: meta.pinata === undefined ? null : bootRow.parse(JSON.parse(meta.pinata)),
    counts: Object.fromEntries(counters.map(({ name, value }) => [name, value])),
  };
}

/** Part of a transaction. */
export async function writeTrace(db: Kysely<Tables>, step: TraceStep, limits: AttemptLimits): Promise<void> {
  const { batch, cursor, at: now } = step;
  for (let at = 0; at < batch.records.length; at += ROWS) await keep(db, batch.records.slice(at, at + ROWS), now);
  if (batch.records.length > 0) {
    const newest = (await newestSeq(db)) ?? 0;
    await db
      .deleteFrom("attempts")
      .where("seq", "<=", newest - limits.rows)
      .execute();
    await db
      .deleteFrom("attempts")
      .where("kept", "<", now - limits.days * DAY)
      .execute();
  }
  await count(db, batch.counts, now);
  if (batch.pinataChanged && batch.pinata) await writeMeta(db, "pinata", JSON.stringify(batch.pinata));
  await writeMeta(db, "cursor", JSON.stringify(cursor));
}

export async function listAttempts(
  db: Kysely<Tables>,
  limit: number,
  { before, token }: AttemptsOf,
): Promise<AttemptRecord[] | undefined> {
  let query = db.selectFrom("attempts").selectAll().orderBy("seq", "desc").limit(limit);
  if (before !== undefined) {
    const row = await db.selectFrom("attempts").select("seq").where("id", "=", before).executeTakeFirst();
    if (!row) return undefined;
    query = query.where("seq", "<", row.seq);
  }
  if (token !== undefined) query = query.where("token", "=", token);
  return (await query.execute()).map(toRecord);
}

export async function getAttempt(db: Kysely<Tables>, id: string): Promise<AttemptRecord | undefined> {
  const row = await db.selectFrom("attempts").selectAll().where("id", "=", id).executeTakeFirst();
  return row && toRecord(row);
}

/** Known attempts keep their numbers and new ones get the next, without gaps, so that numbers tell how many there are. */
async function keep(db: Kysely<Tables>, records: readonly AttemptRecord[], now: number): Promise<void> {
  const ids = records.map(({ attempt }) => attempt.id);
  const known = await db.selectFrom("attempts").select(["id", "seq"]).where("id", "in", ids).execute();
  const numbers = new Map(known.map(({ id, seq }) => [id, seq]));
  let next = ((await newestSeq(db)) ?? 0) + 1;
  const rows = records.map(({ attempt, boot, refused, token, events }) => ({
    seq: numbers.get(attempt.id) ?? next++,
    id: attempt.id,
    boot,
    started: attempt.started,
    kept: now,
    open: attempt.ended === null ? 1 : 0,
    token,
    attempt: JSON.stringify({ attempt, refused }),
    events: JSON.stringify(events),
  }));
  await db
    .insertInto("attempts")
    .values(rows)
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((row) => ({
        open: row.ref("excluded.open"),
        token: row.ref("excluded.token"),
        attempt: row.ref("excluded.attempt"),
        events: row.ref("excluded.events"),
      })),
    )
    .execute();
}

async function count(db: Kysely<Tables>, counts: Readonly<Record<string, number>>, now: number): Promise<void> {
  const rows = Object.entries(counts).map(([name, value]) => ({ name, value }));
  for (let at = 0; at < rows.length; at += ROWS) {
    await db
      .insertInto("counters")
      .values(rows.slice(at, at + ROWS))
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet((row) => ({ value: row("counters.value", "+", row.ref("excluded.value")) })),
      )
      .execute();
  }
  if (!rows.some(({ name }) => name.startsWith("bucket:"))) return;
  // Names are compared as text: right as long as the numbers have seven digits, until the year 2160.
  const oldest = `bucket:${Math.floor(now / BUCKET) - 288}`;
  await db.deleteFrom("counters").where("name", "like", "bucket:%").where("name", "<", oldest).execute();
}

async function newestSeq(db: Kysely<Tables>): Promise<number | undefined> {
  const newest = db.selectFrom("attempts").select("seq").orderBy("seq", "desc");
  return (await newest.limit(1).executeTakeFirst())?.seq;
}

function toRecord(row: { boot: string; token: string | null; attempt: string; events: string }): AttemptRecord {
  return {
    ...attemptRow.parse(JSON.parse(row.attempt)),
    boot: row.boot,
    token: row.token,
    events: eventRow.parse(JSON.parse(row.events)),
  };
}
