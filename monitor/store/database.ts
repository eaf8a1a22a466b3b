/**
 * The store's one file: SQLite through libsql (better-sqlite3's API) under Kysely. Write-ahead log, synchronous=FULL: what
 * a transaction wrote survives kill -9 and loss of power. One process at a time; a second monitor on the same file is
 * refused. A file that is not ours, damaged, or of a newer version is reported with its path and left as it is.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CompiledQuery, Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import Database from "libsql";
import type { Tables } from "./tables.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "./tables.ts";

/** The store cannot be used; the message names the file and what to do. */
export class StoreError extends Error {
  override name = "StoreError";
}

export type Db = Kysely<Tables>;

/** Opens or makes the store at `path`. Throws {@link StoreError}. */
export async function openDatabase(path: string): Promise<Db> {
  refuseForeignFile(path);
  mkdirSync(dirname(path), { recursive: true });
  let raw: InstanceType<typeof Database>;
  try {
    raw = new Database(path, { timeout: 2000 });
  } catch (error) {
    throw new StoreError(`${path}: cannot be opened: ${text(error)}`);
  }
  try {
    raw.pragma("locking_mode = EXCLUSIVE");
    // Looked at before anything is written, even the kind of journal.
    const [check] = raw.pragma("quick_check(1)") as { quick_check?: string }[];
    if (check?.quick_check !== "ok") throw new StoreError(damaged(path, check?.quick_check ?? "no answer"));
    const version = versionOf(raw, path);
    raw.pragma("journal_mode = WAL");
    raw.pragma("synchronous = FULL");
    if (version < SCHEMA_VERSION) {
      const steps = MIGRATIONS.slice(version).flat();
      raw.exec(`begin; ${steps.join("; ")}; pragma user_version = ${SCHEMA_VERSION}; commit`);
    }
  } catch (error) {
    raw.close();
    if (error instanceof StoreError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code.startsWith("SQLITE_BUSY")) throw new StoreError(`${path}: is in use by another monitor`);
    throw new StoreError(damaged(path, text(error)));
  }
  const database = { prepare: (sql: string) => raw.prepare(sql), close: () => close(raw) };
  // Kysely's dialect asks for better-sqlite3's interface, of which libsql has the part that it uses.
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: database as unknown as SqliteDatabase }) });
  // Kysely closes only what was used.
  await db.executeQuery(CompiledQuery.raw("select 1"));
  return db;
}

/**
 * libsql finalizes statements when they are collected as garbage, and until then SQLite keeps a closed connection's
 * lock. Leaving the write-ahead log gives the lock up, so that the file can be opened again at once.
 */
function close(raw: InstanceType<typeof Database>): void {
  raw.pragma("journal_mode = DELETE");
  raw.pragma("locking_mode = NORMAL");
  raw.prepare("select count(*) from meta").all();
  raw.close();
}

/** 0 for a file that is still empty. */
function versionOf(raw: InstanceType<typeof Database>, path: string): number {
  const version = (raw.pragma("user_version") as { user_version: number }[])[0]?.user_version ?? 0;
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `${path}: was written by a newer monitor (schema ${version}, this one knows ${SCHEMA_VERSION}); ` +
        "use that version, or another --store FILE",
    );
  }
  const tables = raw.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[];
  if (version === 0 && tables.length > 0) {
    throw new StoreError(`${path}: is a database of some other program; choose another --store FILE`);
  }
  return version;
}

/** SQLite itself would take an empty or a short file for a new database and write to it. */
function refuseForeignFile(path: string): void {
  if (!existsSync(path)) return;
  const { size } = statSync(path);
  if (size === 0) return;
  const head = Buffer.alloc(16);
  const file = openSync(path, "r");
  readSync(file, head, 0, 16, 0);
  closeSync(file);
  if (head.toString("latin1") !== "SQLite format 3\0") throw new StoreError(damaged(path, "not an SQLite file"));
}

function damaged(path: string, why: string): string {
  return `${path}: is damaged or not a monitor's store (${why.replace(/\s+/g, " ")}); it was not changed. Move it away to start with an empty one`;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
