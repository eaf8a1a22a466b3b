/** Brings a store of an older version, or an empty one, to this version: all of it in one transaction. */
import { type Kysely, sql } from "kysely";
import { sealEvents } from "./events.ts";
import { StoreError } from "./store.ts";
import { MIGRATIONS, type Tables } from "./tables.ts";

export const SCHEMA_VERSION = MIGRATIONS.length;
/** The version in which events got hashes. */
const SEALED = 3;

export interface Schema {
  /** The version found: 0 for an empty store. */
  version: number;
  /** A statement as this database wants it. */
  translate: (statement: string) => string;
  /** Notes the version, inside the transaction. */
  note: (db: Kysely<Tables>, version: number) => Promise<void>;
}

/** Part of a transaction. */
export async function migrate(db: Kysely<Tables>, { version, translate, note }: Schema): Promise<void> {
  for (const statement of MIGRATIONS.slice(version).flat()) await sql.raw(translate(statement)).execute(db);
  if (version < SEALED) await sealEvents(db);
  await note(db, SCHEMA_VERSION);
}

/** Throws {@link StoreError} for the store of a newer monitor. */
export function refuseNewer(name: string, version: number): void {
  if (version <= SCHEMA_VERSION) return;
  throw new StoreError(
    `${name}: was written by a newer monitor (schema ${version}, this one knows ${SCHEMA_VERSION}); ` +
      "use that version, or another --store",
  );
}
