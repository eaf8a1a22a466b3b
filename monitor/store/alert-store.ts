/**
 * The outbox of alerts. `write` is one transaction with the step that the alerts are about: an alert is there if and only
 * if what it tells is. For each channel an alert has one row, which leaves the queue when the channel has taken it; the
 * alert's bytes are kept as they were first written, so that a repeated alert is the same alert.
 */
import type { Kysely, Transaction } from "kysely";
import { alertBody, alertId, baseOf, type Draft, draft as draftRow, type Message } from "../alerts/kinds.ts";
import { render } from "../alerts/texts.ts";
import { ChainStore, type Step } from "./chain-store.ts";
import type { Db } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Something that began and is not over: what it is about, and the alert that told it. */
export interface Incident {
  topic: string;
  id: string;
  since: number;
  acknowledged: number | null;
  reminded: number;
  reminders: number;
  /** The alert that opened it, to remind of it. */
  draft: Draft;
}

/** An alert that a channel has not taken yet. */
export interface Waiting extends Message {
  sequence: number;
  attempts: number;
  nextTry: number;
}

export interface AlertContext {
  network: string;
  address: string;
  /** Where the API listens, to say how to acknowledge; null when it cannot be done. */
  acknowledgeAt: string | null;
}

/** Alerts kept after every channel has taken them. */
const KEPT = 1000;

export class AlertStore {
  readonly #db: Db;
  readonly #channels: readonly string[];
  readonly #context: AlertContext;
  readonly #kept: number;

  constructor(db: Db, channels: readonly string[], context: AlertContext, kept = KEPT) {
    this.#db = db;
    this.#channels = channels;
    this.#context = context;
    this.#kept = kept;
  }

  /** The step and its alerts, or neither. Answers the incidents that this opened. */
  async write(step: Step, drafts: readonly Draft[]): Promise<Incident[]> {
    return this.#db.transaction().execute(async (transaction) => {
      await new ChainStore(joining(transaction)).write(step);
      return this.#add(transaction, drafts);
    });
  }

  /** Alerts that belong to no step. */
  async add(drafts: readonly Draft[]): Promise<Incident[]> {
    return this.#db.transaction().execute((transaction) => this.#add(transaction, drafts));
  }

  async incidents(): Promise<Incident[]> {
    const rows = await this.#db.selectFrom("incidents").selectAll().execute();
    return rows.map((row) => ({ ...row, draft: draftRow.parse(JSON.parse(row.draft)) }));
  }

  /** The oldest alert that the channel has not taken. */
  async next(channel: string): Promise<Waiting | undefined> {
    const row = await this.#db
      .selectFrom("outbox")
      .innerJoin("alerts", "alerts.sequence", "outbox.sequence")
      .select(["outbox.sequence", "alerts.body", "outbox.attempts", "outbox.next_try"])
      .where("outbox.channel", "=", channel)
      .where("outbox.state", "=", "waiting")
      .orderBy("outbox.sequence")
      .limit(1)
      .executeTakeFirst();
    if (!row) return undefined;
    const { sequence, body: json, attempts, next_try: nextTry } = row;
    return { body: alertBody.parse(JSON.parse(json)), json, sequence, attempts, nextTry };
  }

  async sent(channel: string, sequence: number): Promise<void> {
    await this.#db
      .updateTable("outbox")
      .set((row) => ({ state: "sent", problem: null, attempts: row("attempts", "+", 1) }))
      .where("channel", "=", channel)
      .where("sequence", "=", sequence)
      .execute();
  }

  /** The channel did not take it; with `refused` it never will, and the next alert gets its turn. */
  async failed(
    channel: string,
    sequence: number,
    outcome: { problem: string; nextTry: number; state: "waiting" | "refused" },
  ): Promise<void> {
    await this.#db
      .updateTable("outbox")
      .set((row) => ({
        state: outcome.state,
        problem: outcome.problem,
        next_try: outcome.nextTry,
        attempts: row("attempts", "+", 1),
      }))
      .where("channel", "=", channel)
      .where("sequence", "=", sequence)
      .execute();
  }

  /** Alerts for channels that are not configured any more would wait for ever. Answers how many were dropped. */
  async forgetOtherChannels(): Promise<number> {
    const result = await this.#db
      .deleteFrom("outbox")
      .where("state", "=", "waiting")
      .where("channel", "not in", this.#channels.length > 0 ? [...this.#channels] : [""])
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  /** The id of the incident that an alert (or a reminder of it) told; undefined when there is no such alert. */
  async incidentOf(id: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom("alerts").select(["id", "incident"]).where("id", "=", id).executeTakeFirst();
    return row && (row.incident ?? row.id);
  }

  async acknowledge(topic: string, at: number): Promise<void> {
    await this.#db.updateTable("incidents").set({ acknowledged: at }).where("topic", "=", topic).execute();
  }

  async #add(transaction: Transaction<Tables>, drafts: readonly Draft[]): Promise<Incident[]> {
    const opened: Incident[] = [];
    for (const draft of drafts) {
      const id = await idFor(transaction, draft);
      const { seq } = await transaction
        .insertInto("alerts")
        .values({ id, incident: draft.incident ?? null, at: draft.at, body: "" })
        .returning("sequence as seq")
        .executeTakeFirstOrThrow();
      const { json } = render(draft, { id, sequence: seq, ...this.#context });
      await transaction.updateTable("alerts").set({ body: json }).where("sequence", "=", seq).execute();
      await this.#queue(transaction, draft, seq);
      const incident = await keepIncident(transaction, draft, id);
      if (incident) opened.push(incident);
    }
    if (drafts.length > 0) await this.#prune(transaction);
    return opened;
  }

  async #queue(transaction: Transaction<Tables>, draft: Draft, sequence: number): Promise<void> {
    let channels = this.#channels.filter((name) => name !== draft.except);
    if (draft.phase === "reminder") {
      // A reminder behind an alert that has not arrived yet says nothing new, and would pile up.
      const busy = await transaction.selectFrom("outbox").select("channel").where("state", "=", "waiting").execute();
      channels = channels.filter((name) => !busy.some(({ channel }) => channel === name));
    }
    if (channels.length === 0) return;
    const rows = channels.map((channel) => ({
      channel,
      sequence,
      state: "waiting" as const,
      attempts: 0,
      next_try: 0,
      problem: null,
    }));
    await transaction.insertInto("outbox").values(rows).execute();
  }

  /** Forgets old alerts that nothing waits for. */
  async #prune(transaction: Transaction<Tables>): Promise<void> {
    const newest = transaction.selectFrom("alerts").select("sequence").orderBy("sequence", "desc");
    const oldest = await newest.offset(this.#kept).limit(1).executeTakeFirst();
    if (!oldest) return;
    const waiting = transaction.selectFrom("outbox").select("sequence").where("state", "=", "waiting");
    const { sequence } = oldest;
    await transaction
      .deleteFrom("alerts")
      .where("sequence", "<=", sequence)
      .where("sequence", "not in", waiting)
      .execute();
    const left = transaction.selectFrom("alerts").select("sequence");
    await transaction
      .deleteFrom("outbox")
      .where("sequence", "<=", sequence)
      .where("sequence", "not in", left)
      .execute();
  }
}

/** An alert that happens again is another one; a reminder's number is the incident's own. */
async function idFor(transaction: Transaction<Tables>, draft: Draft): Promise<string> {
  if (draft.phase === "reminder") return alertId(`reminder of ${draft.incident}`, draft.number ?? 0);
  const base = baseOf(draft);
  const row = await transaction
    .insertInto("alert_keys")
    .values({ base, times: 1 })
    .onConflict((conflict) =>
      conflict.column("base").doUpdateSet((was) => ({ times: was("alert_keys.times", "+", 1) })),
    )
    .returning("times")
    .executeTakeFirstOrThrow();
  return alertId(base, row.times);
}

async function keepIncident(db: Kysely<Tables>, draft: Draft, id: string): Promise<Incident | undefined> {
  const { topic, phase, at } = draft;
  if (draft.incident !== undefined && phase === "reminder") {
    await db
      .updateTable("incidents")
      .set({ reminded: at, reminders: draft.number ?? 0 })
      .where("id", "=", draft.incident)
      .execute();
    return undefined;
  }
  if (draft.incident !== undefined) {
    await db.deleteFrom("incidents").where("id", "=", draft.incident).execute();
    return undefined;
  }
  if (topic === undefined) return undefined;
  const incident = { topic, id, since: at, acknowledged: null, reminded: at, reminders: 0, draft };
  await db
    .insertInto("incidents")
    .values({ ...incident, draft: JSON.stringify(draft) })
    .execute();
  return incident;
}

/** A database whose `transaction` joins the one that is open already, so that a step and its alerts are one. */
function joining(transaction: Transaction<Tables>): Db {
  const execute = <T>(work: (open: Transaction<Tables>) => Promise<T>): Promise<T> => work(transaction);
  return { transaction: () => ({ execute }) } as unknown as Db;
}
