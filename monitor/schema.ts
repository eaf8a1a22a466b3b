/**
 * What the monitor publishes: the zod schemas of its JSON and SSE API. The web page, `pinata` and anyone else who reads
 * the API use these types; nothing else of the monitor is imported from outside its folder.
 */
import { z } from "@hono/zod-openapi";
import { alertBody } from "./alerts/kinds.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const millis = z.number().int().nonnegative();

/**
 * One word for the whole piñata. `blind`: no source has answered for a stated time, so nothing is claimed.
 * `moving`: a proven spend by the key path is seen and not yet in a block; `smashed`: it is in a block.
 */
export const verdict = z.enum(["awaited", "sealed", "moving", "smashed", "refunded", "blind"]);
export type Verdict = z.infer<typeof verdict>;

export const block = z.object({ height: z.number().int().nonnegative(), hash });

export const spend = z.object({
  txid: hash,
  /** `breach`: key path, signature verified against the output key; `refund`: the published leaf; `unknown`: neither could be proven. */
  kind: z.enum(["breach", "refund", "unknown"]),
  /** What was checked, in a sentence. */
  proof: z.string(),
  firstSeen: millis,
  /** The block it is in, with a merkle branch that checks out; absent while unconfirmed. */
  block: block.optional(),
});

export const coin = z.object({
  /** txid:vout */
  outpoint: z.string().regex(/^[0-9a-f]{64}:\d+$/),
  value: z.number().int().nonnegative().describe("satoshi"),
  state: z.enum(["funding-unconfirmed", "funded", "spent-unconfirmed", "spent", "final"]),
  funding: block.optional(),
  spend: spend.optional(),
  /** Of the funding while unspent, of the spend afterwards; 0 when unconfirmed. */
  confirmations: z.number().int().nonnegative(),
});
export type Coin = z.infer<typeof coin>;

export const source = z.object({
  name: z.string(),
  kind: z.enum(["esplora", "core", "electrum"]),
  healthy: z.boolean(),
  lastAnswer: millis.nullable(),
  tip: block.nullable(),
  /** What is wrong, in words; null when healthy. */
  problem: z.string().nullable(),
});

export const attempt = z.object({
  /** boot-conn, e.g. 5f3a…-17: the permalink. */
  id: z.string().regex(/^[0-9a-f]{16}-\d+$/),
  door: z.enum(["server", "dialback", "client"]),
  /** Shortened: the last half of an address is hidden. */
  peer: z.string(),
  started: millis,
  ended: millis.nullable(),
  /** The furthest `State` reached, and its name. */
  reached: z.object({ state: z.number().int(), name: z.string() }),
  outcome: z.enum(["open", "refused", "closed", "opened"]),
  /** Why it ended, in words, with the RFC section where there is one. */
  reason: z.string(),
  alert: z.object({ direction: z.enum(["sent", "received"]), name: z.string(), code: z.number().int() }).nullable(),
  fingerprint: z.string().nullable(),
  subject: z.string().nullable(),
  bytesIn: z.number().int().nonnegative(),
  bytesOut: z.number().int().nonnegative(),
});
export type Attempt = z.infer<typeof attempt>;

export const status = z.object({
  verdict,
  /** One sentence a passer-by understands. */
  sentence: z.string(),
  network: z.string(),
  address: z.string(),
  /** Public output descriptor with checksum. */
  descriptor: z.string(),
  refundHeight: z.number().int().nonnegative(),
  /** Satoshi hanging (unspent), and ever funded. */
  hanging: z.number().int().nonnegative(),
  funded: z.number().int().nonnegative(),
  coins: z.array(coin),
  tip: block.nullable(),
  sources: z.array(source),
  /** When the coins were last checked successfully; null before the first time. */
  checked: millis.nullable(),
  /** When the verdict became what it is. */
  since: millis,
  attempts: z.object({
    total: z.number().int().nonnegative(),
    last24h: z.number().int().nonnegative(),
    opened: z.number().int().nonnegative(),
    /** How many reached at least each state, by name, in the order of the handshake. */
    funnel: z.array(z.object({ name: z.string(), count: z.number().int().nonnegative() })),
    /** Counted above, but too many in a second to have a row each; absent when there were none. */
    sampledOut: z.number().int().positive().optional(),
  }),
  /** The piñata as its trace tells: null before its first boot event. */
  pinata: z
    .object({
      boot: z.string(),
      board: z.string(),
      image: hash,
      started: millis,
      running: z.boolean(),
      doors: z.object({ server: z.number(), dialback: z.number(), client: z.number() }),
    })
    .nullable(),
  /** Who signs statements, and the number of the latest; absent when nobody does. */
  witness: z.object({ key: hash, latest: z.number().int().positive().nullable() }).optional(),
  /** The highest number of an annotation, so that a reader knows when to ask for them; absent when there is none. */
  annotations: z.number().int().positive().optional(),
  now: millis,
});
export type Status = z.infer<typeof status>;

/** Events of `/v1/events` (SSE): `event: status` with {@link status}, `event: attempt` with {@link attempt}; `id` counts up. */
export const apiError = z.object({ error: z.string() });

/** GET /v1/coins. */
export const coinList = z.array(coin);

/** One step of a coin's history, as it was recorded and never changed. */
export const transition = z.object({
  at: millis,
  kind: z.enum([
    "funding-seen",
    "funding-gone",
    "funded",
    "funding-reorged",
    "spend-seen",
    "spend-replaced",
    "spend-dormant",
    "spend-back",
    "spend-gone",
    "spend-confirmed",
    "spend-reorged",
    "spend-conflict",
    "spend-final",
  ]),
  /** The funding transaction or the spend that this is about. */
  txid: hash,
  block: block.nullable(),
});

/** GET /v1/coins/{outpoint}: the coin, its history (oldest first), and whether its key-path signature was ever seen. */
export const coinDetail = coin.extend({ keyOut: z.boolean(), history: z.array(transition) });

/** GET /v1/attempts: newest first; `next` is the `before` of the next page, null on the last one. */
export const attemptList = z.object({ attempts: z.array(attempt), next: z.string().nullable() });

/** GET /v1/attempts/{id}: with its trace events (unikernel/trace.ts; `peer` is a shortened address), at most 64. */
export const attemptDetail = attempt.extend({
  events: z.array(z.looseObject({ event: z.string(), time: millis })),
});

/** POST /v1/attempts/mine: the random of one's own ClientHello, as a key log has it after the label. */
export const mineQuestion = z.object({
  random: z.string().regex(/^[0-9a-f]{64}$/i),
});

/**
 * An attempt as its peer may see it: trace events whole. Where peers of several addresses used the same random, it is no
 * secret of one of them: `peerAddress` and `peerPort` are null then, and the events as everyone sees them.
 */
export const attemptMine = attemptDetail.extend({
  peerAddress: z.string().nullable(),
  peerPort: z.number().int().nullable(),
});
export type AttemptMine = z.infer<typeof attemptMine>;

/** Newest first, at most 10 with that random: relaying a hello makes two. */
export const mineAnswer = z.object({ attempts: z.array(attemptMine).min(1).max(10) });

const count = z.number().int().nonnegative();
const counted = {
  total: count,
  opened: count,
  refused: count,
  /** How many reached at least each state. */
  funnel: status.shape.attempts.shape.funnel,
  /** `cause`: the number of a failure (unikernel/failures.ts), or a word for what has none. */
  reasons: z.array(z.object({ cause: z.string(), reason: z.string(), source: z.string(), count })),
};

/** The attempts that began on one day, UTC. */
export const funnelDay = z.object({ day: z.string().regex(/^\d{4}-\d\d-\d\d$/), ...counted });
export type FunnelDay = z.infer<typeof funnelDay>;

/** GET /v1/funnel: all attempts that were ever counted, and those of the latest days, newest first. */
export const funnel = z.object({ ...counted, sampledOut: count, days: z.array(funnelDay) });
export type FunnelAnswer = z.infer<typeof funnel>;

/** GET /v1/pinatas: each start of each piñata that is remembered, most recently heard first, and where traces come from. */
export const pinataList = z.object({
  pinatas: z.array(
    z.object({
      boot: z.string(),
      /** null while its boot line was not seen. */
      info: status.shape.pinata,
      heard: millis,
      total: count,
      opened: count,
      funnel: counted.funnel,
      /** Connections that it numbered and no line told of. */
      missing: count,
    }),
  ),
  inputs: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["file", "pipe", "tcp", "tcp-listen"]),
      /** What is wrong, in words; null when nothing is. */
      problem: z.string().nullable(),
      /** When a line last came; null: never since the start. */
      heard: millis.nullable(),
    }),
  ),
});
export type PinataList = z.infer<typeof pinataList>;

/** GET /readyz. */
export const readiness = z.object({ ready: z.boolean(), problem: z.string().nullable() });
export type Readiness = z.infer<typeof readiness>;

/** POST /v1/alerts/{id}/ack: no more reminders of what that alert told. */
export const acknowledgement = z.object({ acknowledged: z.literal(true) });

/** What a maintainer has written: public, dated, part of the event log's chain of hashes, never changed. Nobody proves it. */
export const annotation = z.object({
  /** Its number in the event log. */
  number: z.number().int().positive(),
  at: millis,
  text: z.string(),
  /** The alert that it is about: what was told, and when; null: about none. */
  about: z.object({ alert: alertBody.shape.id, kind: alertBody.shape.kind, at: millis }).nullable(),
});
export type Annotation = z.infer<typeof annotation>;

/** GET /v1/annotations: newest first, the latest 200. */
export const annotationList = z.object({ annotations: z.array(annotation) });

/** POST /v1/annotations (admin). */
export const annotationDraft = z.strictObject({
  /** Line breaks are kept; no other control characters. */
  text: z
    .string()
    .trim()
    .min(1, "a text of 1 to 1,000 characters")
    .max(1_000, "a text of 1 to 1,000 characters")
    .regex(/^[^\p{Cc}\p{Cs}]*(?:\n[^\p{Cc}\p{Cs}]*)*$/u, "a text without control characters or halves of characters"),
  alert: alertBody.shape.id.optional(),
});

const severity = alertBody.shape.severity;

/** GET /v1/admin: what whoever maintains the piñata needs to know at once. */
export const overview = z.object({
  now: millis,
  /** Why it cannot be relied on, as /readyz says; empty when it can. */
  problems: z.array(z.string()),
  /** Independent operators that must say that the coins hang; a node of our own counts for all. */
  operatorsNeeded: count,
  sources: z.array(
    source.extend({
      operator: z.string(),
      /** The operator's own node. */
      own: z.boolean(),
      /** Blocks behind the best chain; null when its tip is not on it, or it has shown none. */
      behind: count.nullable(),
      /**
       * What it said of the coins that are watched when it was last asked, beside what is believed; `silent`: nothing that could
       * be used, or too long ago (monitor/testimonies.ts says exactly).
       */
      coins: z.object({ agrees: count, differs: count, silent: count }),
    }),
  ),
  /** What began and is not over, newest first. */
  incidents: z.array(
    z.object({
      id: alertBody.shape.id,
      kind: alertBody.shape.kind,
      severity,
      subject: z.string(),
      since: millis,
      /** Whether it is reminded of until somebody acknowledges it. */
      insists: z.boolean(),
      acknowledged: millis.nullable(),
      reminders: count,
    }),
  ),
  channels: z.array(
    z.object({
      name: z.string(),
      /** Since the start: taken, attempts that failed, set aside. */
      sent: count,
      failed: count,
      refused: count,
      waiting: count,
      /** When the oldest one that waits was written; null when none does. */
      oldest: millis.nullable(),
      /** Why the latest attempt failed, in words after "channel X …"; null when it did not. */
      problem: z.string().nullable(),
    }),
  ),
  /** null: none is configured. */
  heartbeat: z
    .object({
      everySeconds: z.number(),
      /** When the receiver last took one; null: not since the start. */
      taken: millis.nullable(),
      /** "is withheld: …" or "was not taken: …", of the latest one; null when all is well. */
      problem: z.string().nullable(),
    })
    .nullable(),
});
export type Overview = z.infer<typeof overview>;

/** One alert as it was written, and what came of it at each channel. */
export const keptAlert = z.object({
  sequence: z.number().int().positive(),
  id: alertBody.shape.id,
  incident: alertBody.shape.incident,
  kind: alertBody.shape.kind,
  phase: alertBody.shape.phase,
  severity,
  at: millis,
  subject: z.string(),
  text: z.string(),
  deliveries: z.array(
    z.object({
      channel: z.string(),
      state: z.enum(["waiting", "sent", "refused"]),
      /** Made so far. */
      attempts: count,
      /** When it is tried again; null when it is not, or was not tried yet. */
      nextTry: millis.nullable(),
      problem: z.string().nullable(),
    }),
  ),
});
export type KeptAlert = z.infer<typeof keptAlert>;

/** GET /v1/admin/alerts: newest first; `next` is the `before` of the next page, null on the last one. */
export const keptAlerts = z.object({ alerts: z.array(keptAlert), next: z.number().int().positive().nullable() });
