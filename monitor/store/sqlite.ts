/**
 * The store in one file: SQLite through libsql (better-sqlite3's API) under Kysely. Write-ahead log, synchronous=FULL: what
 * a transaction wrote survives kill -9 and loss of power. One process at a time; a second monitor on the same file is
 * refused. A file that is not ours, damaged, or of a newer version is reported with its path and left as it is.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import Database from "libsql";
import { migrate, refuseNewer, SCHEMA_VERSION } from "./migrate.ts";
import { SqlStore } from "./sql-store.ts";
import { type Store, StoreError, type StoreOptions } from "./store.ts";
import type { Tables } from "./tables.ts";

/** Milliseconds to wait for a process that is ending. */
const PATIENCE = 2000;

/** Opens or makes the store at `path`. Throws {@link StoreError}. */
export async function openSqliteStore(path: string, options: StoreOptions): Promise<Store> {
  const db = await openDatabase(path);
  return new SqlStore(db, options, {
    // The file's lock is the fence, and the one connection takes one transaction after another.
    fence: async () => {},
    explain: async (error) => error,
    close: () => db.destroy(),
  });
}

export async function openDatabase(path: string): Promise<Kysely<Tables>> {
  refuseForeignFile(path);
  mkdirSync(dirname(path), { recursive: true });
  let raw: InstanceType<typeof Database>;
  try {
    raw = new Database(path, { timeout: PATIENCE });
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
    const database = { prepare: (query: string) => raw.prepare(query), close: () => close(raw) };
    // Kysely's dialect asks for better-sqlite3's interface, of which libsql has the part that it uses.
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: database as unknown as SqliteDatabase }) });
    if (version < SCHEMA_VERSION)
      await db.transaction().execute((transaction) => migrate(transaction, schema(version)));
    // Kysely closes only what was used.
    await sql`select 1`.execute(db);
    return db;
  } catch (error) {
    raw.close();
    if (error instanceof StoreError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code.startsWith("SQLITE_BUSY")) throw new StoreError(`${path}: is in use by another monitor`);
    throw new StoreError(damaged(path, text(error)));
  }
}

function schema(version: number) {
  const note = async (db: Kysely<Tables>, now: number): Promise<void> => {
    await sql.raw(`pragma user_version = ${now}`).execute(db);
  };
  return { version, translate: (statement: string) => statement, note };
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
  refuseNewer(path, version);
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
