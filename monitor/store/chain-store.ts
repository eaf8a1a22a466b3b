/**
 * What the monitor knows of chain and coins, kept. One `write` is one transaction: headers, coins, transitions and verdict
 * change together or not at all, and nothing is announced before it.
 */
import type { Kysely } from "kysely";
import { z } from "zod";
import type { Facts, Transition } from "../coins/coin.ts";
import type { Unsaved } from "../coins/header-tree.ts";
import { fromHex, toHex } from "../proofs/bytes.ts";
import { type Header, type NetworkRules, parseHeader } from "../proofs/header.ts";
import { readOutpoint, showOutpoint } from "../proofs/transaction.ts";
import { verdict } from "../schema.ts";
import { type Db, StoreError } from "./database.ts";
import type { Tables } from "./tables.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const block = z.object({ height: count, hash });
const kind = z.enum(["breach", "refund", "unknown"]);
const facts = z.object({
  value: count,
  fundingBlocks: z.array(block),
  candidates: z.array(z.object({ txid: hash, kind, proof: z.string(), firstSeen: count, blocks: z.array(block) })),
  keyOut: z.boolean(),
  position: z.object({
    state: z.enum(["awaited", "funding-unconfirmed", "funded", "spent-unconfirmed", "spent", "final"]),
    funding: block.nullable(),
    spend: z.object({ txid: hash, kind, block: block.nullable() }).nullable(),
    confirmations: count,
    dormant: z.boolean(),
  }),
});
const verdictRow = z.object({ verdict, since: count, checked: count.nullable() });
/** The verdict as last announced, since when, and when the coins had last been checked by then. */
export type StoredVerdict = z.infer<typeof verdictRow>;

export interface Saved {
  headers: { height: number; header: Header }[];
  best: string | null;
  coins: Facts[];
  verdict: StoredVerdict | null;
}

export interface Step {
  chain?: Unsaved;
  coins?: Facts[];
  /** Outpoints of coins that are not watched any more. */
  dropped?: string[];
  transitions?: { outpoint: string; transition: Transition }[];
  verdict?: StoredVerdict;
}

/** Rows in one insert statement: far below SQLite's limit of 32,766 parameters. */
const ROWS = 500;

export class ChainStore {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Everything, checked again; a store of another piñata or network is refused with {@link StoreError}. */
  async load(identity: string, rules: NetworkRules): Promise<Saved> {
    const meta = await readMeta(this.#db, ["identity", "best", "verdict"]);
    if (meta.identity === undefined) await writeMeta(this.#db, "identity", identity);
    else if (meta.identity !== identity) {
      throw new StoreError(`the store belongs to another piñata (${meta.identity}); choose another --store FILE`);
    }
    const rows = await this.#db.selectFrom("headers").select(["height", "raw"]).execute();
    const coins = await this.#db.selectFrom("coins").selectAll().execute();
    return {
      headers: rows.map(({ height, raw }) => ({ height, header: parseHeader(fromHex(raw), rules) })),
      best: meta.best ?? null,
      coins: coins.map((row) => {
        const outpoint = readOutpoint(row.outpoint);
        if (!outpoint) throw new StoreError(`the store has a coin without an outpoint (${row.outpoint})`);
        return { outpoint, ...facts.parse(JSON.parse(row.facts)) };
      }),
      verdict: meta.verdict === undefined ? null : verdictRow.parse(JSON.parse(meta.verdict)),
    };
  }

  async write(step: Step): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const headers = step.chain?.headers ?? [];
      for (let at = 0; at < headers.length; at += ROWS) {
        const rows = headers.slice(at, at + ROWS).map((each) => ({ ...each.block, raw: toHex(each.raw) }));
        await transaction
          .insertInto("headers")
          .values(rows)
          .onConflict((row) => row.doNothing())
          .execute();
      }
      if (step.chain?.best) await writeMeta(transaction, "best", step.chain.best);
      for (const { outpoint, ...rest } of step.coins ?? []) {
        const row = { outpoint: showOutpoint(outpoint), facts: JSON.stringify(rest) };
        await transaction
          .insertInto("coins")
          .values(row)
          .onConflict((conflict) => conflict.column("outpoint").doUpdateSet({ facts: row.facts }))
          .execute();
      }
      for (const outpoint of step.dropped ?? []) {
        await transaction.deleteFrom("coins").where("outpoint", "=", outpoint).execute();
      }
      for (const { outpoint, transition } of step.transitions ?? []) {
        const { at, kind: what, txid, block: where } = transition;
        const detail = JSON.stringify({ txid, block: where });
        await transaction.insertInto("events").values({ at, subject: outpoint, kind: what, detail }).execute();
      }
      if (step.verdict) {
        await writeMeta(transaction, "verdict", JSON.stringify(step.verdict));
        const { since: at, verdict: what } = step.verdict;
        await transaction.insertInto("events").values({ at, subject: "verdict", kind: what, detail: "{}" }).execute();
      }
    });
  }

  /** Transitions of one coin, oldest first; the latest 1,000. */
  async history(outpoint: string): Promise<Transition[]> {
    const rows = await this.#db
      .selectFrom("events")
      .select(["at", "kind", "detail"])
      .where("subject", "=", outpoint)
      .orderBy("id", "desc")
      .limit(1000)
      .execute();
    const detail = z.object({ txid: hash, block: block.nullable() });
    return rows
      .reverse()
      .map((row) => ({ at: row.at, kind: row.kind as Transition["kind"], ...detail.parse(JSON.parse(row.detail)) }));
  }
}

/** Values of some keys; absent keys are absent. */
export async function readMeta(db: Kysely<Tables>, keys: string[]): Promise<Record<string, string | undefined>> {
  const rows = await db.selectFrom("meta").selectAll().where("key", "in", keys).execute();
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

export async function writeMeta(db: Kysely<Tables>, key: string, value: string): Promise<void> {
  await db
    .insertInto("meta")
    .values({ key, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}
