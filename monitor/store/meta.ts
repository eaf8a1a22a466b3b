/** Single values of the store, by key. */
import type { Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/** Values of some keys; absent keys are absent. */
export async function readMeta<K extends string>(
  db: Kysely<Tables>,
  keys: readonly K[],
): Promise<{ [key in K]?: string }> {
  const rows = await db.selectFrom("meta").selectAll().where("key", "in", keys).execute();
  return Object.fromEntries(rows.map(({ key, value }) => [key, value])) as { [key in K]?: string };
}

export async function writeMeta(db: Kysely<Tables>, key: string, value: string): Promise<void> {
  await db
    .insertInto("meta")
    .values({ key, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}
