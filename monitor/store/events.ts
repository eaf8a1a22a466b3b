/**
 * The event log: every transition of every coin, and of the verdict, and what maintainers wrote. Append-only, and each event's hash is SHA-256 over the
 * one before it and its own content, with the latest hash kept apart; so an event that was changed, removed or put in
 * between is found, unless whoever did it computed all later hashes anew.
 */
import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import { z } from "zod";
import { readMeta, writeMeta } from "./meta.ts";
import { type EventsHead, StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

interface Event {
  at: number;
  subject: string;
  kind: string;
  detail: string;
}

const START: EventsHead = { id: 0, hash: "0".repeat(64) };
const headRow = z.object({ id: z.number().int().positive(), hash: z.string().regex(/^[0-9a-f]{64}$/) });
/** Rows read or written at a time. */
const ROWS = 500;

/** The hash of event `id` after one with hash `previous`: 64 hex digits. */
export function eventHash(previous: string, id: number, { at, subject, kind, detail }: Event): string {
  return createHash("sha256")
    .update(`${previous} ${JSON.stringify([id, at, subject, kind, detail])}`)
    .digest("hex");
}

/** Inside a transaction that no other one of its kind runs beside. Answers the events' numbers. */
export async function appendEvents(db: Kysely<Tables>, events: readonly Event[]): Promise<number[]> {
  if (events.length === 0) return [];
  let { id, hash } = await readHead(db);
  const rows = events.map((event) => {
    id++;
    hash = eventHash(hash, id, event);
    return { id, ...event, hash };
  });
  for (let at = 0; at < rows.length; at += ROWS) {
    await db
      .insertInto("events")
      .values(rows.slice(at, at + ROWS))
      .execute();
  }
  await writeMeta(db, "events", JSON.stringify({ id, hash }));
  return rows.map((row) => row.id);
}

/** Goes through the whole log. Throws {@link StoreError} that names the first event that is not as it was written. */
export async function checkEvents(db: Kysely<Tables>): Promise<EventsHead> {
  const kept = await readHead(db);
  const end = await walk(db, ({ id, hash, expected }) => {
    if (hash !== expected) throw changed(`event ${id} is not the one that was written`);
  });
  if (end.id !== kept.id || end.hash !== kept.hash) {
    throw changed(`it ends with event ${end.id}, and the latest one written is ${kept.id}`);
  }
  return kept;
}

/** Gives their hashes to events of a store that had none. */
export async function sealEvents(db: Kysely<Tables>): Promise<void> {
  const head = await walk(db, async ({ id, expected }) => {
    await db.updateTable("events").set({ hash: expected }).where("id", "=", id).execute();
  });
  if (head.id > 0) await writeMeta(db, "events", JSON.stringify(head));
}

async function walk(
  db: Kysely<Tables>,
  visit: (event: { id: number; hash: string; expected: string }) => void | Promise<void>,
): Promise<EventsHead> {
  let { id: last, hash: previous } = START;
  for (;;) {
    const rows = await db.selectFrom("events").selectAll().where("id", ">", last).orderBy("id").limit(ROWS).execute();
    for (const row of rows) {
      const expected = eventHash(previous, row.id, row);
      await visit({ id: row.id, hash: row.hash, expected });
      last = row.id;
      previous = expected;
    }
    if (rows.length < ROWS) return { id: last, hash: previous };
  }
}

async function readHead(db: Kysely<Tables>): Promise<EventsHead> {
  const { events } = await readMeta(db, ["events"]);
  return events === undefined ? START : headRow.parse(JSON.parse(events));
}

function changed(what: string): StoreError {
  return new StoreError(
    `the store's event log was changed from outside: ${what}; go back to a copy of the store, or start with an empty one`,
  );
}
