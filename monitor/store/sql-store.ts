/**
 * The store over SQL, the same for every database: what differs (whether this process still may write, how an error is to be
 * understood, how to close) is the {@link Guard}'s.
 */
import type { Kysely } from "kysely";
import {
  acknowledge,
  addAlerts,
  forgetOtherChannels,
  listAlerts,
  loadIncidents,
  noteDelivery,
  waiting,
} from "./alerts.ts";
import { addAnnotation, loadAnnotations } from "./annotations.ts";
import { getAttempt, listAttempts, loadTrace, writeTrace } from "./attempts.ts";
import { history, latestStatement, loadChain, writeChain } from "./chain.ts";
import { checkEvents } from "./events.ts";
import { readMeta, writeMeta } from "./meta.ts";
import {
  type AlertQuery,
  ATTEMPT_DAYS,
  ATTEMPT_ROWS,
  type AttemptsOf,
  type Committed,
  type Saved,
  type Statement,
  type Step,
  type Store,
  StoreError,
  type StoreOptions,
} from "./store.ts";
import type { Tables } from "./tables.ts";

export interface Guard {
  /** First in each transaction: throws when another monitor leads; no other transaction of a store runs until this one ends. */
  fence(transaction: Kysely<Tables>): Promise<void>;
  /** In words, what a failed transaction means; {@link Superseded} when another monitor leads meanwhile. Never rejects. */
  explain(error: unknown): Promise<unknown>;
  close(): Promise<void>;
}

const ALERT_ROWS = 1000;

export class SqlStore implements Store {
  readonly #db: Kysely<Tables>;
  readonly #options: StoreOptions;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, options: StoreOptions, guard: Guard) {
    this.#db = db;
    this.#options = options;
    this.#guard = guard;
  }

  async load(): Promise<Saved> {
    const { identity, rules, channels } = this.#options;
    return this.#transaction(async (db) => {
      const meta = await readMeta(db, ["identity"]);
      if (meta.identity === undefined) await writeMeta(db, "identity", identity);
      else if (meta.identity !== identity) {
        throw new StoreError(`the store belongs to another piñata (${meta.identity}); choose another one with --store`);
      }
      return {
        ...(await loadChain(db, rules)),
        incidents: await loadIncidents(db),
        trace: await loadTrace(db),
        statement: await latestStatement(db),
        annotations: await loadAnnotations(db),
        events: await checkEvents(db),
        dropped: await forgetOtherChannels(db, channels),
      };
    });
  }

  async commit(step: Step): Promise<Committed> {
    const { channels, context, attemptDays: days = ATTEMPT_DAYS, attemptRows = ATTEMPT_ROWS } = this.#options;
    const { alertRows = ALERT_ROWS } = this.#options;
    return this.#transaction(async (db) => {
      await writeChain(db, step);
      for (const delivery of step.deliveries ?? []) await noteDelivery(db, delivery);
      if (step.acknowledged) await acknowledge(db, step.acknowledged);
      if (step.trace) await writeTrace(db, step.trace, { days, rows: attemptRows });
      const annotation = step.annotation && (await addAnnotation(db, step.annotation));
      const opened = await addAlerts(db, step.alerts ?? [], { channels, context, rows: alertRows });
      return { opened, ...(annotation ? { annotation } : {}) };
    });
  }

  history(outpoint: string) {
    return history(this.#db, outpoint);
  }

  waiting(channel: string) {
    return waiting(this.#db, channel);
  }

  alerts(query: AlertQuery) {
    return listAlerts(this.#db, query);
  }

  attempts(limit: number, of: AttemptsOf = {}) {
    return listAttempts(this.#db, limit, of);
  }

  attempt(id: string) {
    return getAttempt(this.#db, id);
  }

  statements(from: number, limit: number): Promise<Statement[]> {
    const all = this.#db.selectFrom("statements").selectAll();
    return all.where("number", ">=", from).orderBy("number").limit(limit).execute();
  }

  async evidence(txid: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom("evidence").select("body").where("txid", "=", txid).executeTakeFirst();
    return row?.body;
  }

  close(): Promise<void> {
    return this.#guard.close();
  }

  async #transaction<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    try {
      return await this.#db.transaction().execute(async (transaction) => {
        await this.#guard.fence(transaction);
        return work(transaction);
      });
    } catch (error) {
      throw await this.#guard.explain(error);
    }
  }
}
