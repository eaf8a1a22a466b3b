/**
 * Who of several monitors leads: whoever holds an advisory lock of PostgreSQL (§13.3.5 of its manual), whose key comes from
 * the piñata's identity. The lock is a session's, so it ends with the leader's process, host or connection. Since a leader can
 * lose it without noticing (a pause, a network), each of its transactions also checks that no later one has begun: a
 * number that counts up with each leader, in a row that the transaction locks.
 */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { type Kysely, sql } from "kysely";
import type pg from "pg";
import { z } from "zod";
import { readMeta, writeMeta } from "./meta.ts";
import { Superseded } from "./store.ts";
import type { Tables } from "./tables.ts";

/** Milliseconds. */
export interface LeadTiming {
  /** Between signs of life of the leader. */
  ping: number;
  /** Without an answer for this long it does not lead any more. */
  answer: number;
  /** A leader that shows no sign of life for this long stands still, and its session is ended. */
  silent: number;
}

export const TIMING: LeadTiming = { ping: 1000, answer: 10_000, silent: 15_000 };

const leaderRow = z.object({ epoch: z.number().int().positive(), name: z.string(), since: z.string() });
type Leader = z.infer<typeof leaderRow>;

/** Whether the session has the lock now. Ends the session of a leader that stands still. */
export async function tryLock(client: pg.Client, identity: string, { silent }: LeadTiming): Promise<boolean> {
  const key = lockKey(identity);
  const tried = await client.query<{ locked: boolean }>("select pg_try_advisory_lock($1::bigint) as locked", [
    key.toString(),
  ]);
  if (tried.rows[0]?.locked) return true;
  // state_change is when the session was asked something or answered; it is null for another role's session.
  await client.query(
    `select pg_terminate_backend(a.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.classid = $1::oid and l.objid = $2::oid
       and l.database = (select oid from pg_database where datname = current_database())
       and a.state_change < clock_timestamp() - $3::float8 * interval '1 millisecond'`,
    [(BigInt.asUintN(64, key) >> 32n).toString(), BigInt.asUintN(32, key).toString(), silent],
  );
  return false;
}

/** Who leads, for people. */
export async function leaderName(client: pg.Client): Promise<string> {
  const there = await client.query<{ ours: boolean }>("select to_regclass('meta') is not null as ours");
  if (!there.rows[0]?.ours) return "another monitor";
  const { rows } = await client.query<{ value: string }>("select value from meta where key = 'leader'");
  if (!rows[0]) return "another monitor";
  const { name, since } = leaderRow.parse(JSON.parse(rows[0].value));
  return `${name}, since ${since}`;
}

export class Lead {
  readonly #client: pg.Client;
  readonly #epoch: number;
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #asking = false;

  /** Milliseconds in which it has to be told who leads. */
  readonly #ask: number;

  private constructor(client: pg.Client, epoch: number, { ping }: LeadTiming) {
    this.#client = client;
    this.#epoch = epoch;
    this.#ask = ping;
    client.on("error", (error) => this.lose(`the connection to PostgreSQL broke: ${error.message}`));
    client.on("end", () => this.lose("the connection to PostgreSQL ended"));
    this.#timer = setInterval(() => void this.#ping(), ping);
  }

  /** `client` has the lock. */
  static async begin(client: pg.Client, db: Kysely<Tables>, timing: LeadTiming): Promise<Lead> {
    const epoch = await db.transaction().execute(async (transaction) => {
      const before = await lockLeader(transaction);
      const next = {
        epoch: (before?.epoch ?? 0) + 1,
        name: `${hostname()} ${process.pid}`,
        since: new Date().toISOString(),
      };
      await writeMeta(transaction, "leader", JSON.stringify(next));
      return next.epoch;
    });
    return new Lead(client, epoch, timing);
  }

  /** Aborted, with the reason, when this leader leads no more. */
  get lost(): AbortSignal {
    return this.#over.signal;
  }

  /** Throws when a later leader has begun; otherwise none can until the transaction ends. */
  async fence(transaction: Kysely<Tables>): Promise<void> {
    if (this.lost.aborted) throw new Superseded(`this monitor does not lead any more: ${this.lost.reason}`);
    const leader = await lockLeader(transaction);
    if (leader?.epoch !== this.#epoch) throw this.#supersededBy(leader);
  }

  /** Whether a later leader has begun, asked outside of any other transaction; undefined when not, or when nobody answers soon. */
  async superseded(db: Kysely<Tables>): Promise<Superseded | undefined> {
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      const timer = setTimeout(resolve, this.#ask, undefined);
      cancel = () => clearTimeout(timer);
    });
    // In turn: whoever waits to begin goes first.
    const asked = db.transaction().execute((transaction) => lockLeader(transaction, "share"));
    const leader = await Promise.race([asked.catch(() => undefined), late]);
    cancel();
    return leader === undefined || leader.epoch === this.#epoch ? undefined : this.#supersededBy(leader);
  }

  #supersededBy(leader: Leader | undefined): Superseded {
    this.lose(`another monitor leads now (${leader?.name ?? "unknown"})`);
    return new Superseded(`this monitor does not lead any more: ${this.lost.reason}`);
  }

  lose(reason: string): void {
    if (this.lost.aborted) return;
    this.#over.abort(reason);
    void this.end();
  }

  /** Gives up the lock. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#over.abort("it was given up");
    await this.#client.end().catch(() => undefined);
  }

  async #ping(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#client.query("select 1");
    } catch (error) {
      this.lose(`PostgreSQL does not answer: ${error instanceof Error ? error.message : error}`);
    }
    this.#asking = false;
  }
}

/** Nobody else begins to lead before the transaction ends. */
async function lockLeader(
  transaction: Kysely<Tables>,
  mode: "update" | "share" = "update",
): Promise<Leader | undefined> {
  await sql`select value from meta where key = 'leader' for ${sql.raw(mode)}`.execute(transaction);
  const { leader } = await readMeta(transaction, ["leader"]);
  return leader === undefined ? undefined : leaderRow.parse(JSON.parse(leader));
}

/** A signed number of 64 bits. */
function lockKey(identity: string): bigint {
  const digest = createHash("sha256").update(`pinata monitor ${identity}`).digest();
  return digest.readBigInt64BE(0);
}
