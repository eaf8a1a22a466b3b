/**
 * A handshake as it was spoken: who sent what, and where it was refused, from the events of an attempt's trace. Messages
 * that the trace does not name but that must have been sent before what it does name (the server's flight, the client's)
 * stand in their place. Texts of the peer are kept apart from ours. Pure.
 */
import { z } from "@hono/zod-openapi";
import type { Attempt } from "../monitor/schema.ts";
import type { Language, Said } from "./catalogue/language.ts";
import { alertName, groupName, type Quote, quoteFor, suiteName } from "./rfc.ts";

export interface Step {
  /** Who sent it; null: nobody, it happened. */
  from: "peer" | "pinata" | null;
  /** Milliseconds after the first event. */
  at: number;
  label: string;
  note: string;
  /** Undefined: the page's language. */
  noteLang: "en" | undefined;
  /** What the peer named itself or asked for, as it came; empty mostly. */
  peerText: string;
  mark: "plain" | "good" | "bad";
}

export interface Conversation {
  steps: readonly Step[];
  /** Of the refusal, where the RFC has a sentence for it. */
  quote: Quote | null;
}

const time = z.number();
/** What is read of the trace's events; others are passed over. */
const known = z.discriminatedUnion("event", [
  z.object({ event: z.literal("accepted"), time }),
  z.object({ event: z.literal("refused"), time, reason: z.string() }),
  z.object({ event: z.literal("hello"), time, fingerprint: z.string(), serverName: z.string().optional() }),
  z.object({ event: z.literal("negotiated"), time, suite: z.number(), group: z.number() }),
  z.object({ event: z.literal("state"), time, state: z.number() }),
  z.object({ event: z.literal("certificate"), time, subject: z.string(), verdict: z.number() }),
  z.object({
    event: z.literal("alert"),
    time,
    direction: z.enum(["sent", "received"]),
    alert: z.number(),
    failure: z.number().optional(),
  }),
  z.object({ event: z.literal("opened"), time }),
  z.object({ event: z.literal("failed"), time, failure: z.number() }),
  z.object({ event: z.literal("trap"), time }),
  z.object({
    event: z.literal("closed"),
    time,
    by: z.enum(["peer", "pinata", "timeout", "limit", "trap", "shutdown"]),
    millis: z.number(),
    cpuMicros: z.number(),
  }),
]);
type Known = z.infer<typeof known>;

/** `State` numbers of the trace. */
const RECORD = 1;
const CERTIFICATE = 4;
const AUTHENTICATED = 5;
const CONNECTION = 6;

const SERVER_FLIGHT = "EncryptedExtensions … Finished";
const CLIENT_FLIGHT = "Certificate … Finished";

export function conversationOf(
  attempt: Pick<Attempt, "door" | "reason">,
  events: readonly { event: string }[],
  language: Language,
): Conversation {
  const read = events.flatMap((event) => {
    const result = known.safeParse(event);
    return result.success ? [result.data] : [];
  });
  const began = read[0]?.time ?? 0;
  const steps = read.flatMap((event) =>
    stepsOf(event, attempt, read, language).map((step): Step => {
      const at = Math.max(0, event.time - began);
      return { note: "", noteLang: undefined, peerText: "", mark: "plain", at, ...step };
    }),
  );
  const refusal = read.find(isRefusal);
  const offender = attempt.door === "server" ? "client" : "server";
  return { steps, quote: (refusal && quoteFor({ ...refusal, offender })) ?? null };
}

/** By an alert, or by silence when our close_notify is out. */
function isRefusal(event: Known): event is Extract<Known, { event: "alert" | "failed" }> {
  return event.event === "failed" || (event.event === "alert" && event.direction === "sent" && event.alert !== 0);
}

type Draft = Pick<Step, "from" | "label"> & Partial<Step>;

function stepsOf(
  event: Known,
  { door, reason }: Pick<Attempt, "door" | "reason">,
  all: readonly Known[],
  language: Language,
): Draft[] {
  const { conversation: says } = language.says;
  const isServer = door === "server";
  const server = isServer ? "pinata" : "peer";
  const client = isServer ? "peer" : "pinata";
  switch (event.event) {
    case "accepted":
      return door === "dialback"
        ? [{ from: "pinata", label: "TCP", note: says.calledBack }]
        : [{ from: "peer", label: "TCP", note: says.connects }];
    case "refused":
      return [{ from: null, label: says.turnedAway, ...noteOf(language.reason(reason)), mark: "bad" }];
    case "hello": {
      const peerText = [event.serverName, event.fingerprint].filter((text) => text !== undefined && text !== "");
      return [{ from: client, label: "ClientHello", peerText: peerText.join(" · ") }];
    }
    case "negotiated": {
      const note = says.agreed(suiteName(event.suite), groupName(event.group));
      const hello = { from: server, label: "ServerHello", note, mark: "good" } as const;
      return isServer ? [hello, { from: "pinata", label: SERVER_FLIGHT }] : [hello];
    }
    case "state":
      return stateSteps(event.state, isServer, all, language);
    case "certificate": {
      const good = event.verdict === 0;
      const note = good ? says.accepted : says.refusedChain;
      return [{ from: "peer", label: "Certificate", note, peerText: event.subject, mark: good ? "good" : "bad" }];
    }
    case "alert": {
      const note = isRefusal(event) ? noteOf(language.failure(event.failure, reason)) : {};
      const from = event.direction === "sent" ? "pinata" : "peer";
      return [{ from, label: `alert ${alertName(event.alert)}`, ...note, mark: event.alert === 0 ? "plain" : "bad" }];
    }
    case "opened":
      return [{ from: "pinata", label: "application data", note: says.candy, mark: "good" }];
    case "failed":
      return [{ from: null, label: says.failed, ...noteOf(language.failure(event.failure, reason)), mark: "bad" }];
    case "trap":
      return [{ from: null, label: says.fault, mark: "bad" }];
    case "closed": {
      const note = says.cost(language.number(event.millis), language.number(event.cpuMicros / 1000));
      const from = event.by === "peer" || event.by === "pinata" ? event.by : null;
      const bad = event.by === "timeout" || event.by === "limit" || event.by === "trap";
      return [{ from, label: says.ends[event.by], note, mark: bad ? "bad" : "plain" }];
    }
  }
}

function noteOf({ text, lang }: Said): Pick<Step, "note" | "noteLang"> {
  return { note: text, noteLang: lang };
}

/** Most states are told by an event of their own; these are left. */
function stateSteps(state: number, isServer: boolean, all: readonly Known[], { says }: Language): Draft[] {
  const { conversation } = says;
  const has = (name: Known["event"]) => all.some(({ event }) => event === name);
  if (state === RECORD && !has(isServer ? "hello" : "negotiated")) return [{ from: "peer", label: conversation.first }];
  if (state === CERTIFICATE && !has("certificate")) return [{ from: "peer", label: "Certificate" }];
  if (state === AUTHENTICATED) {
    return [{ from: "peer", label: "CertificateVerify", note: conversation.signed, mark: "good" }];
  }
  if (state !== CONNECTION) return [];
  const finished = { from: "peer", label: "Finished", note: conversation.finished, mark: "good" } as const;
  return isServer ? [finished] : [finished, { from: "pinata", label: CLIENT_FLIGHT }];
}
