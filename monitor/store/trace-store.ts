/**
 * Attempts, totals and the trace cursor. A batch is one transaction: what was read and how far reading got are written
 * together, so that after kill -9 no event is missing and none counted twice. Rows are bounded; totals are exact.
 */
import { z } from "zod";
import { traceEvent } from "../../unikernel/trace.ts";
import { attempt as attemptSchema, status } from "../schema.ts";
import { type AttemptRecord, type Batch, type Boot, BUCKET } from "../trace/attempts.ts";
import type { Cursor } from "../trace/tail.ts";
import { readMeta, writeMeta } from "./chain-store.ts";
import type { Db } from "./database.ts";

/** Attempts kept as rows; older ones remain in the totals. */
export const MAX_ATTEMPTS = 10_000;
const ROWS = 500;

const bootRow = status.shape.pinata.unwrap();
const attemptRow = z.object({ attempt: attemptSchema, refused: z.boolean() });
const eventRow = z.array(traceEvent);
const cursorRow = z.object({
  inode: z.number(),
  offset: z.number().int().nonnegative(),
  skipping: z.boolean(),
  head: z.string(),
});

export interface SavedTrace {
  cursor: Cursor | null;
  /** Oldest first. */
  open: AttemptRecord[];
  pinata: Boot | null;
  counts: Record<string, number>;
}

export class TraceStore {
  readonly #db: Db;
  readonly #limit: number;

  constructor(db: Db, limit = MAX_ATTEMPTS) {
    this.#db = db;
    this.#limit = limit;
  }

  async load(): Promise<SavedTrace> {
    const meta = await readMeta(this.#db, ["cursor", "pinata"]);
    const rows = await this.#db.selectFrom("attempts").selectAll().where("open", "=", 1).orderBy("seq").execute();
    return {
      cursor: meta.cursor === undefined ? null : cursorRow.parse(JSON.parse(meta.cursor)),
      open: rows.map(toRecord),
      pinata: meta.pinata === undefined ? null : bootRow.parse(JSON.parse(meta.pinata)),
      counts: await this.counts(),
    };
  }

  /** `now`: to forget what was counted by the ten minutes more than a day ago. */
  async write(batch: Batch, cursor: Cursor, now: number): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const rows = batch.records.map(({ attempt, boot, refused, events }) => ({
        id: attempt.id,
        boot,
        started: attempt.started,
        open: attempt.ended === null ? 1 : 0,
        attempt: JSON.stringify({ attempt, refused }),
        events: JSON.stringify(events),
      }));
      for (let at = 0; at < rows.length; at += ROWS) {
        await transaction
          .insertInto("attempts")
          .values(rows.slice(at, at + ROWS))
          .onConflict((conflict) =>
            conflict.column("id").doUpdateSet((row) => ({
              open: row.ref("excluded.open"),
              attempt: row.ref("excluded.attempt"),
              events: row.ref("excluded.events"),
            })),
          )
          .execute();
      }
      if (rows.length > 0) {
        const all = transaction.selectFrom("attempts").select("seq").orderBy("seq", "desc");
        const oldest = await all.offset(this.#limit).limit(1).executeTakeFirst();
        if (oldest) await transaction.deleteFrom("attempts").where("seq", "<=", oldest.seq).execute();
      }
      for (const [name, value] of Object.entries(batch.counts)) {
        await transaction
          .insertInto("counters")
          .values({ name, value })
          .onConflict((conflict) =>
            conflict
              .column("name")
              .doUpdateSet((row) => ({ value: row("counters.value", "+", row.ref("excluded.value")) })),
          )
          .execute();
      }
      if (Object.keys(batch.counts).some((name) => name.startsWith("bucket:"))) {
        // Names are compared as text: right as long as the numbers have seven digits, until the year 2160.
        const oldest = `bucket:${Math.floor(now / BUCKET) - 288}`;
        await transaction.deleteFrom("counters").where("name", "like", "bucket:%").where("name", "<", oldest).execute();
      }
      if (batch.pinataChanged && batch.pinata) await writeMeta(transaction, "pinata", JSON.stringify(batch.pinata));
      await writeMeta(transaction, "cursor", JSON.stringify(cursor));
    });
  }

  async counts(): Promise<Record<string, number>> {
    const rows = await this.#db.selectFrom("counters").selectAll().execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  /** Newest first; `before`: only older ones than that attempt (an id). undefined when `before` is not kept. */
  async list(limit: number, before?: string): Promise<AttemptRecord[] | undefined> {
    let query = this.#db.selectFrom("attempts").selectAll().orderBy("seq", "desc").limit(limit);
    if (before !== undefined) {
      const row = await this.#db.selectFrom("attempts").select("seq").where("id", "=", before).executeTakeFirst();
      if (!row) return undefined;
      query = query.where("seq", "<", row.seq);
    }
    return (await query.execute()).map(toRecord);
  }

  async get(id: string): Promise<AttemptRecord | undefined> {
    const row = await this.#db.selectFrom("attempts").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }
}

function toRecord(row: { boot: string; attempt: string; events: string }): AttemptRecord {
  return {
    ...attemptRow.parse(JSON.parse(row.attempt)),
    boot: row.boot,
    events: eventRow.parse(JSON.parse(row.events)),
  };
}
