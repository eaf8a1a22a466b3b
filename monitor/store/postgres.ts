/**
 * The store in PostgreSQL, for several monitors of one piñata: the one that holds an advisory lock leads (lead.ts), the others
 * wait. Tables are made by whoever leads. The connection must be to the server itself or through a pool by session: the lock
 * belongs to a session. What is wrong with a server, a password or a database is said in words, never with the password.
 */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { Lead, type LeadTiming, leaderName, TIMING, tryLock } from "./lead.ts";
import { showDatabaseUrl } from "./location.ts";
import { readMeta, writeMeta } from "./meta.ts";
import { migrate, refuseNewer } from "./migrate.ts";
import { SqlStore } from "./sql-store.ts";
import { type Standby, type StoreAccess, StoreError, type StoreOptions, type Term } from "./store.ts";
import type { Tables } from "./tables.ts";

/** Milliseconds to connect, for the server to answer, and for us to hear it. */
const CONNECT = 5000;
const STATEMENT = 10_000;
const ANSWER = 15_000;
/** Enough for readers of the API beside the one writer. */
const CONNECTIONS = 4;
const INT8 = 20;

export function openPostgresAccess(url: string, options: StoreOptions, timing: LeadTiming = TIMING): StoreAccess {
  return new PostgresAccess(url, options, timing);
}

/** Who leads or that nobody does, for people; tries nothing and writes nothing. Throws {@link StoreError}. */
export async function checkPostgres(url: string): Promise<string> {
  const client = new pg.Client({ ...connection(url), query_timeout: ANSWER });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; replica: boolean; ours: boolean }>(
      `select current_setting('server_version') as version, pg_is_in_recovery() as replica,
         to_regclass('meta') is not null as ours`,
    );
    const { version, replica, ours } = rows[0]!;
    if (replica) throw new StoreError(`${showDatabaseUrl(url)}: is a replica; name the primary server`);
    const state = ours ? `last led by ${await leaderName(client)}` : "no monitor has used it yet";
    return `${showDatabaseUrl(url)} answers (PostgreSQL ${version}); ${state}`;
  } catch (error) {
    throw explain(url, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

class PostgresAccess implements StoreAccess {
  readonly #url: string;
  readonly #options: StoreOptions;
  readonly #timing: LeadTiming;
  /** Waits for the lock. */
  #client: pg.Client | undefined;

  constructor(url: string, options: StoreOptions, timing: LeadTiming) {
    this.#url = url;
    this.#options = options;
    this.#timing = timing;
  }

  async lead(): Promise<Term | Standby> {
    try {
      this.#client ??= await this.#connect();
      const { identity } = this.#options;
      if (!(await tryLock(this.#client, identity, this.#timing))) return { leader: await leaderName(this.#client) };
      const client = this.#client;
      this.#client = undefined;
      return await this.#begin(client);
    } catch (error) {
      await this.close();
      throw explain(this.#url, error);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ ...connection(this.#url), query_timeout: this.#timing.answer });
    // Whatever is asked next says it.
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  async #begin(client: pg.Client): Promise<Term> {
    const pool = new pg.Pool({
      ...connection(this.#url),
      max: CONNECTIONS,
      statement_timeout: STATEMENT,
      lock_timeout: STATEMENT,
      // A leader that stands still in a transaction holds up the next one no longer than this.
      idle_in_transaction_session_timeout: CONNECT,
      query_timeout: ANSWER,
    });
    // Of one that nobody uses, and of one in use: its next statement says it.
    pool.on("error", () => undefined);
    pool.on("connect", (each) => each.on("error", () => undefined));
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    try {
      await prepare(db, showDatabaseUrl(this.#url));
      const lead = await Lead.begin(client, db, this.#timing);
      const store = new SqlStore(db, this.#options, {
        fence: (transaction) => lead.fence(transaction),
        explain: async (error) => {
          const said = explain(this.#url, error);
          if (isUncertain(error)) lead.lose(said instanceof Error ? said.message : String(said));
          // After a pause, what was being written has failed because somebody else went on: nothing is wrong with the store.
          return error instanceof StoreError ? error : ((await lead.superseded(db)) ?? said);
        },
        close: async () => {
          // What is being written ends before another monitor can lead.
          await db.destroy().catch(() => undefined);
          await lead.end();
        },
      });
      return { store, lost: lead.lost };
    } catch (error) {
      await db.destroy().catch(() => undefined);
      await client.end().catch(() => undefined);
      throw error;
    }
  }
}

function connection(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: "pinata monitor",
    connectionTimeoutMillis: CONNECT,
    keepAlive: true,
    keepAliveInitialDelayMillis: CONNECT,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  };
}

/** Whole numbers of 64 bits come as text otherwise; none of ours is past what a number holds. */
function parserOf(oid: number, format?: "text" | "binary"): unknown {
  if (oid !== INT8 || format === "binary") return pg.types.getTypeParser(oid, format as "text");
  return (digits: string): number => {
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) throw new StoreError(`the store has a number that is too large (${digits})`);
    return value;
  };
}

/** Looks at the server, then makes or brings forward the tables. */
async function prepare(db: Kysely<Tables>, name: string): Promise<void> {
  const found = await sql<{ encoding: string; commit: string; replica: boolean; tables: number; ours: boolean }>`
    select current_setting('server_encoding') as encoding, current_setting('synchronous_commit') as commit,
      pg_is_in_recovery() as replica, to_regclass('meta') is not null as ours,
      (select count(*) from pg_tables where schemaname = current_schema()) as tables`.execute(db);
  const { encoding, commit, replica, tables, ours } = found.rows[0]!;
  if (replica) throw new StoreError(`${name}: is a replica that cannot be written; name the primary server`);
  if (encoding !== "UTF8") throw new StoreError(`${name}: has encoding ${encoding}; create the database with UTF8`);
  if (commit === "off") {
    throw new StoreError(
      `${name}: has synchronous_commit = off, so that alerts could be lost; set it on for this database`,
    );
  }
  await db.transaction().execute(async (transaction) => {
    const { schema } = ours ? await readMeta(transaction, ["schema"]) : {};
    const version = Number(schema ?? 0);
    refuseNewer(name, version);
    if (version === 0 && tables > 0) {
      throw new StoreError(`${name}: holds tables of some other program; create a database for the monitor alone`);
    }
    const note = (to: Kysely<Tables>, now: number) => writeMeta(to, "schema", String(now));
    await migrate(transaction, { version, translate, note });
  });
}

/** SQLite's integer has 64 bits; text is compared by its bytes there, whatever the locale. */
function translate(statement: string): string {
  if (!statement.startsWith("create table") && !statement.startsWith("alter table")) return statement;
  return statement
    .replaceAll("integer primary key autoincrement", "bigint primary key")
    .replaceAll(/\binteger\b/g, "bigint")
    .replaceAll(/\btext\b/g, 'text collate "C"');
}

/** Whether the server may have done what it was asked although it did not say so. */
function isUncertain(error: unknown): boolean {
  if (error instanceof StoreError || error instanceof TypeError || error instanceof RangeError) return false;
  const code = codeOf(error);
  return /^[0-9A-Z]{5}$/.test(code)
    ? /^(08|57P|40003)/.test(code)
    : !(error instanceof Error && error.name === "ZodError");
}

const REASONS: Readonly<Record<string, string>> = {
  "28P01": "refuses the password (of the URL, PGPASSWORD or PGPASSFILE)",
  "28000": "does not let this user in (pg_hba.conf says who may)",
  "3D000": "has no database of that name; create it with createdb",
  "42501": "does not let this user do that; make it the database's owner",
  "53100": "has no room left on its disk",
  "53300": "has too many connections; raise max_connections",
  "57P03": "is starting or stopping",
  "57014": "took too long",
  "55P03": "took too long: another session holds a lock",
};

function explain(url: string, error: unknown): unknown {
  if (error instanceof StoreError) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (/^E[A-Z]+$/.test(code)) {
    return new StoreError(
      `${showDatabaseUrl(url)}: cannot be reached (${code}); is PostgreSQL running there, and is the address right?`,
    );
  }
  if (!(error instanceof pg.DatabaseError) && !isUncertain(error)) return error;
  return new StoreError(`${showDatabaseUrl(url)}: ${REASONS[code] === undefined ? text : `${REASONS[code]}: ${text}`}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
