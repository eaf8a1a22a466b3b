/**
 * What an alert is: its kinds with how bad each is and whether it is repeated until a person says "seen", the JSON that
 * a webhook receives (`alertBody`, version 1), and how an alert gets its id.
 *
 * The id of what happens to a coin is made from outpoint, transaction, kind, block and how often that very thing has
 * happened, never from chance or time: the same event has the same id after a crash, a restart, or when a monitor with an
 * empty store derives it again. Receivers drop what they have seen by it.
 */
import { createHash } from "node:crypto";
import { z } from "zod";

export type Severity = "critical" | "warning" | "info";
type Kind = { severity: Severity; reminded: "until acknowledged" | "never" };
const told = (severity: Severity): Kind => ({ severity, reminded: "never" });
const insisted = (severity: Severity): Kind => ({ severity, reminded: "until acknowledged" });

export const KINDS = {
  /** A key-path signature was verified: the key is out. Never taken back. */
  breach: insisted("critical"),
  /** Spent in a block by a script that was never published. */
  "unknown-spend": insisted("critical"),
  refund: told("info"),
  replaced: told("critical"),
  vanished: told("warning"),
  returned: told("warning"),
  confirmed: told("critical"),
  final: told("critical"),
  reorged: told("critical"),
  conflict: told("critical"),
  "funding-seen": told("info"),
  "funding-confirmed": told("info"),
  "funding-reorged": told("warning"),
  "funding-gone": told("warning"),
  "funding-many": told("warning"),
  blind: insisted("critical"),
  disagree: told("warning"),
  clock: told("warning"),
  store: told("critical"),
  pinata: insisted("critical"),
  channel: told("warning"),
  test: told("info"),
} as const satisfies Record<string, Kind>;
export type AlertKind = keyof typeof KINDS;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const block = z.object({ height: z.number().int().nonnegative(), hash });
const millis = z.number().int().nonnegative();

/** The body of a webhook. New keys may come within version 1; a receiver must allow them. */
export const alertBody = z.object({
  version: z.literal(1),
  /** The idempotency key: the same id has the same body, however often it is sent. */
  id: z.string().regex(/^[0-9a-f]{32}$/, "an id of 32 hex digits"),
  /** Counts up in the order in which alerts were made; 0 when the store could not be written. */
  sequence: z.number().int().nonnegative(),
  kind: z.enum(Object.keys(KINDS) as [AlertKind, ...AlertKind[]]),
  /** `raised`: it happened or began; `reminder`: not acknowledged yet; `recovered`: it is over. */
  phase: z.enum(["raised", "reminder", "recovered"]),
  severity: z.enum(["critical", "warning", "info"]),
  at: millis,
  /** The id of the alert that this one reminds of or ends. */
  incident: z.string().nullable(),
  network: z.string(),
  address: z.string(),
  coin: z.object({ outpoint: z.string(), value: z.number().int().nonnegative().describe("satoshi") }).nullable(),
  /** The funding transaction or the spend that this is about, and where it is proven to be. */
  txid: hash.nullable(),
  block: block.nullable(),
  /** Sources that showed what this is about. What is said was verified by the monitor itself. */
  sources: z.array(z.string()),
  subject: z.string(),
  text: z.string(),
});
export type AlertBody = z.infer<typeof alertBody>;

/** An alert that is decided but not yet written: it has no id and no place in the order. */
export const draft = z.object({
  kind: alertBody.shape.kind,
  phase: alertBody.shape.phase,
  /** Where it differs from the kind's: a confirmed refund is no catastrophe. */
  severity: alertBody.shape.severity.optional(),
  at: millis,
  coin: alertBody.shape.coin,
  txid: alertBody.shape.txid,
  block: alertBody.shape.block,
  sources: alertBody.shape.sources,
  subject: z.string(),
  /** What is proven or observed, and what to do about it. */
  facts: z.array(z.string()),
  advice: z.array(z.string()),
  /** What an incident is about; an alert that only happens has none. */
  topic: z.string().optional(),
  /** The incident that this reminds of or ends. */
  incident: z.string().optional(),
  /** Reminders are numbered from 1. */
  number: z.number().int().optional(),
  /** A channel that shall not be told, because it is what is broken. */
  except: z.string().optional(),
});
export type Draft = z.infer<typeof draft>;

/**
 * What makes an alert this one, apart from how often it happened. Of coins: what anyone derives from the chain. Of all
 * else, which no chain tells again: when, so that a monitor whose store was lost does not repeat ids for other happenings.
 */
export function baseOf({ kind, phase, at, coin, txid, block: where, topic }: Draft): string {
  const about = coin ? [coin.outpoint, txid, where?.hash ?? null] : [topic ?? null, at];
  return JSON.stringify([kind, phase, ...about]);
}

/** 32 hex digits. `occurrence`: 1 for the first time. */
export function alertId(base: string, occurrence: number): string {
  return createHash("sha256").update(`${occurrence} ${base}`).digest("hex").slice(0, 32);
}

/** An alert on its way: everything that a channel may need, the same at each attempt. */
export interface Message {
  body: AlertBody;
  /** `body` as JSON, byte for byte as it was first written. */
  json: string;
}
