/** Headers, coins, verdict, evidence and statements in the tables; what is read is checked again. */
import type { Kysely } from "kysely";
import { z } from "zod";
import type { Facts, Transition } from "../coins/coin.ts";
import { fromHex, toHex } from "../proofs/bytes.ts";
import { type NetworkRules, parseHeader } from "../proofs/header.ts";
import { readOutpoint, showOutpoint } from "../proofs/transaction.ts";
import { verdict } from "../schema.ts";
import { appendEvents } from "./events.ts";
import { readMeta, writeMeta } from "./meta.ts";
import { type Saved, type Statement, type Step, StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const block = z.object({ height: count, hash });
const kind = z.enum(["breach", "refund", "unknown"]);
const facts = z.object({
  value: count,
  fundingBlocks: z.array(block),
  candidates: z.array(
    z.object({
      txid: hash,
      kind,
      proof: z.string(),
      bytes: z.object({ size: count, fee: count.nullable(), raw: z.string().nullable() }).optional(),
      firstSeen: count,
      blocks: z.array(block.extend({ by: z.array(z.string()).default([]) })),
    }),
  ),
  keyOut: z.boolean(),
  position: z.object({
    state: z.enum(["awaited", "funding-unconfirmed", "funded", "spent-unconfirmed", "spent", "final"]),
    funding: block.nullable(),
    spend: z.object({ txid: hash, kind, block: block.nullable(), by: z.array(z.string()).default([]) }).nullable(),
    confirmations: count,
    dormant: z.boolean(),
  }),
});
const verdictRow = z.object({ verdict, since: count, checked: count.nullable() });
const detailRow = z.object({ txid: hash, block: block.nullable() });

/** Rows in one insert statement: far below SQLite's limit of 32,766 parameters and PostgreSQL's of 65,535. */
const ROWS = 500;
/** Transitions of one coin that are answered. */
const HISTORY = 1000;

export async function loadChain(
  db: Kysely<Tables>,
  rules: NetworkRules,
): Promise<Pick<Saved, "headers" | "best" | "coins" | "verdict">> {
  const meta = await readMeta(db, ["best", "verdict"]);
  const rows = await db.selectFrom("headers").select(["height", "raw"]).execute();
  const coins = await db.selectFrom("coins").selectAll().execute();
  return {
    headers: rows.map(({ height, raw }) => ({ height, header: parseHeader(fromHex(raw), rules) })),
    best: meta.best ?? null,
    coins: coins.map((row) => toFacts(row)),
    verdict: meta.verdict === undefined ? null : verdictRow.parse(JSON.parse(meta.verdict)),
  };
}

/** Part of a transaction. */
export async function writeChain(db: Kysely<Tables>, step: Step): Promise<void> {
  const headers = step.chain?.headers ?? [];
  for (let at = 0; at < headers.length; at += ROWS) {
    const rows = headers.slice(at, at + ROWS).map((each) => ({ ...each.block, raw: toHex(each.raw) }));
    await db
      .insertInto("headers")
      .values(rows)
      .onConflict((row) => row.doNothing())
      .execute();
  }
  if (step.chain?.best) await writeMeta(db, "best", step.chain.best);
  for (const { outpoint, ...rest } of step.coins ?? []) {
    const row = { outpoint: showOutpoint(outpoint), facts: JSON.stringify(rest) };
    await db
      .insertInto("coins")
      .values(row)
      .onConflict((conflict) => conflict.column("outpoint").doUpdateSet({ facts: row.facts }))
      .execute();
  }
  for (const outpoint of step.dropped ?? []) {
    await db.deleteFrom("coins").where("outpoint", "=", outpoint).execute();
  }
  await appendEvents(db, eventsOf(step));
  if (step.verdict) await writeMeta(db, "verdict", JSON.stringify(step.verdict));
  for (const { txid, body } of step.evidence ?? []) {
    await db
      .insertInto("evidence")
      .values({ txid, body })
      .onConflict((conflict) => conflict.column("txid").doUpdateSet({ body }))
      .execute();
  }
  if (step.statement) await db.insertInto("statements").values(step.statement).execute();
}

export async function history(db: Kysely<Tables>, outpoint: string): Promise<Transition[]> {
  const rows = await db
    .selectFrom("events")
    .select(["at", "kind", "detail"])
    .where("subject", "=", outpoint)
    .orderBy("id", "desc")
    .limit(HISTORY)
    .execute();
  return rows
    .reverse()
    .map((row) => ({ at: row.at, kind: row.kind as Transition["kind"], ...detailRow.parse(JSON.parse(row.detail)) }));
}

export async function latestStatement(db: Kysely<Tables>): Promise<Statement | null> {
  const newest = db.selectFrom("statements").selectAll().orderBy("number", "desc");
  return (await newest.limit(1).executeTakeFirst()) ?? null;
}

function eventsOf({ transitions = [], verdict: judged }: Step) {
  const events = transitions.map(({ outpoint, transition: { at, kind: what, txid, block: where } }) => {
    return { at, subject: outpoint, kind: what as string, detail: JSON.stringify({ txid, block: where }) };
  });
  if (judged) events.push({ at: judged.since, subject: "verdict", kind: judged.verdict, detail: "{}" });
  return events;
}

function toFacts(row: Tables["coins"]): Facts {
  const outpoint = readOutpoint(row.outpoint);
  if (!outpoint) throw new StoreError(`the store has a coin without an outpoint (${row.outpoint})`);
  return { outpoint, ...facts.parse(JSON.parse(row.facts)) };
}
