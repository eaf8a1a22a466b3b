/**
 * The outbox's tables. For each channel an alert has one row, which leaves the queue when the channel has taken it; the
 * alert's bytes are kept as they were first written, so that a repeated alert is the same alert, whichever monitor sends it.
 */
import type { Kysely } from "kysely";
import { alertBody, alertId, baseOf, type Draft, draft as draftRow } from "../alerts/kinds.ts";
import { render } from "../alerts/texts.ts";
import type { AlertContext, AlertQuery, Delivery, Incident, StoredAlert, Waiting } from "./store.ts";
import type { Tables } from "./tables.ts";

export interface AlertTables {
  channels: readonly string[];
  context: AlertContext;
  /** Alerts kept after every channel has taken them; at least one, because it holds the place in the order. */
  rows: number;
}

export async function loadIncidents(db: Kysely<Tables>): Promise<Incident[]> {
  const rows = await db.selectFrom("incidents").selectAll().execute();
  return rows.map((row) => ({ ...row, draft: draftRow.parse(JSON.parse(row.draft)) }));
}

export async function waiting(db: Kysely<Tables>, channel: string): Promise<Waiting | undefined> {
  const row = await db
    .selectFrom("outbox")
    .innerJoin("alerts", "alerts.sequence", "outbox.sequence")
    .select(["outbox.sequence", "alerts.body", "outbox.attempts", "outbox.next_try"])
    .where("outbox.channel", "=", channel)
    .where("outbox.state", "=", "waiting")
    .orderBy("outbox.sequence")
    .limit(1)
    .executeTakeFirst();
  if (!row) return undefined;
  const { queued } = await db
    .selectFrom("outbox")
    .select((outbox) => outbox.fn.countAll().as("queued"))
    .where("channel", "=", channel)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  const { sequence, body: json, attempts, next_try: nextTry } = row;
  return { body: alertBody.parse(JSON.parse(json)), json, sequence, attempts, nextTry, queued: Number(queued) };
}

/** In one statement, so that no transaction comes between an alert and its deliveries. */
export async function listAlerts(db: Kysely<Tables>, query: AlertQuery): Promise<StoredAlert[]> {
  let wanted = db.selectFrom("alerts").select(["sequence", "body"]).orderBy("sequence", "desc");
  if ("id" in query) wanted = wanted.where("id", "=", query.id);
  else {
    wanted = wanted.limit(query.limit);
    if (query.before !== undefined) wanted = wanted.where("sequence", "<", query.before);
  }
  const rows = await db
    .selectFrom(wanted.as("kept"))
    .leftJoin("outbox", "outbox.sequence", "kept.sequence")
    .select(["kept.sequence", "kept.body", "outbox.channel", "outbox.state"])
    .select(["outbox.attempts", "outbox.next_try", "outbox.problem"])
    .orderBy("kept.sequence", "desc")
    .orderBy("outbox.channel")
    .execute();
  const alerts = new Map<number, StoredAlert>();
  for (const { sequence, body, channel, state, attempts, next_try: nextTry, problem } of rows) {
    const alert = alerts.get(sequence) ?? { body: alertBody.parse(JSON.parse(body)), deliveries: [] };
    alerts.set(sequence, alert);
    // An alert that was for no channel has no row there.
    if (channel === null || state === null || attempts === null || nextTry === null) continue;
    alert.deliveries.push({ channel, state, attempts, nextTry, problem });
  }
  return [...alerts.values()];
}

export async function noteDelivery(db: Kysely<Tables>, delivery: Delivery): Promise<void> {
  const { channel, sequence, state } = delivery;
  // PostgreSQL's text holds no NUL, which an answer from outside may have.
  const problem = state === "sent" ? null : delivery.problem.replaceAll("\0", "");
  await db
    .updateTable("outbox")
    .set((row) => ({
      state,
      problem,
      ...(state === "sent" ? {} : { next_try: delivery.nextTry }),
      attempts: row("attempts", "+", 1),
    }))
    .where("channel", "=", channel)
    .where("sequence", "=", sequence)
    .execute();
}

export async function acknowledge(db: Kysely<Tables>, { topic, at }: { topic: string; at: number }): Promise<void> {
  await db.updateTable("incidents").set({ acknowledged: at }).where("topic", "=", topic).execute();
}

/** Alerts for channels that are not configured any more would wait for ever. Answers how many were dropped. */
export async function forgetOtherChannels(db: Kysely<Tables>, channels: readonly string[]): Promise<number> {
  const result = await db
    .deleteFrom("outbox")
    .where("state", "=", "waiting")
    .where("channel", "not in", channels.length > 0 ? [...channels] : [""])
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Part of a transaction. Answers the incidents that were opened. */
export async function addAlerts(
  db: Kysely<Tables>,
  drafts: readonly Draft[],
  tables: AlertTables,
): Promise<Incident[]> {
  if (drafts.length === 0) return [];
  const opened: Incident[] = [];
  const newest = await db
    .selectFrom("alerts")
    .select("sequence")
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  let sequence = newest?.sequence ?? 0;
  for (const draft of drafts) {
    sequence++;
    const id = await idFor(db, draft);
    const { json } = render(draft, { id, sequence, ...tables.context });
    await db
      .insertInto("alerts")
      .values({ sequence, id, incident: draft.incident ?? null, at: draft.at, body: json })
      .execute();
    await queue(db, draft, sequence, tables.channels);
    const incident = await keepIncident(db, draft, id);
    if (incident) opened.push(incident);
  }
  await prune(db, sequence - tables.rows);
  return opened;
}

async function queue(db: Kysely<Tables>, draft: Draft, sequence: number, configured: readonly string[]): Promise<void> {
  let channels = configured.filter((name) => name !== draft.except);
  if (draft.phase === "reminder") {
    // A reminder behind an alert that has not arrived yet says nothing new, and would pile up.
    const busy = await db.selectFrom("outbox").select("channel").where("state", "=", "waiting").execute();
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
  await db.insertInto("outbox").values(rows).execute();
}

/** Forgets alerts up to `last` that nothing waits for. */
async function prune(db: Kysely<Tables>, last: number): Promise<void> {
  if (last <= 0) return;
  const held = db.selectFrom("outbox").select("sequence").where("state", "=", "waiting");
  await db.deleteFrom("alerts").where("sequence", "<=", last).where("sequence", "not in", held).execute();
  const left = db.selectFrom("alerts").select("sequence");
  await db.deleteFrom("outbox").where("sequence", "<=", last).where("sequence", "not in", left).execute();
}

/** An alert that happens again is another one; a reminder's number is the incident's own. */
async function idFor(db: Kysely<Tables>, draft: Draft): Promise<string> {
  if (draft.phase === "reminder") return alertId(`reminder of ${draft.incident}`, draft.number ?? 0);
  const base = baseOf(draft);
  const row = await db
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
