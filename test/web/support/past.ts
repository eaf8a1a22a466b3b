/**
 * What a monitor answers about the past, for the page's tests: histories of coins, starts, counts, statements, traces. The
 * answers are checked by the schemas when the page asks for them.
 */
import type { Attempt } from "../../../monitor/schema.ts";
import { type HandFeed, NOW, SPEND, sampleStatus, TXID } from "./samples.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BLOCK = sampleStatus("sealed").tip!;
const FUNNEL = sampleStatus("sealed").attempts.funnel;
const BOOT = sampleStatus("sealed").pinata!;

/** Gives the feed a past that fits its status. */
export function givePast(feed: HandFeed): void {
  const { coins } = feed.snapshot().status ?? sampleStatus("sealed");
  for (const coin of coins) {
    const history: unknown[] = [
      { at: NOW - 40 * DAY, kind: "funding-seen", txid: TXID, block: null },
      { at: NOW - 40 * DAY + HOUR / 6, kind: "funded", txid: TXID, block: BLOCK },
    ];
    const { spend } = coin;
    if (spend !== undefined) history.push({ at: spend.firstSeen, kind: "spend-seen", txid: SPEND, block: null });
    if (spend?.block !== undefined) {
      history.push({ at: spend.firstSeen + 60_000, kind: "spend-confirmed", txid: SPEND, block: spend.block });
    }
    feed.answers.set(`v1/coins/${coin.outpoint}`, { ...coin, keyOut: spend?.kind === "breach", history });
  }
  const counted = { heard: NOW, total: 12, opened: 0, funnel: FUNNEL, missing: 0 };
  feed.answers.set("v1/pinatas", {
    pinatas: [
      { boot: BOOT.boot, info: BOOT, ...counted },
      {
        boot: "0123456789abcdef",
        info: { ...BOOT, boot: "0123456789abcdef", image: "8".repeat(64), started: NOW - 41 * DAY, running: false },
        ...counted,
      },
    ],
    inputs: [],
  });
  feed.answers.set("v1/funnel?days=30", sampleFunnel());
  const statements = [
    [1, NOW - 41 * DAY, "start", "awaited"],
    [2, NOW - 40 * DAY + HOUR / 6, "verdict", "sealed"],
    [3, NOW - 40 * DAY + 2 * HOUR, "start", "sealed"],
    [4, NOW - 40 * DAY + 2 * HOUR + 60_000, "start", "sealed"],
  ].map(([number, time, reason, verdict]) => ({
    signature: "0".repeat(128),
    statement: { number, time, reason, verdict, since: time, pinata: null },
  }));
  feed.answers.set("v1/statements/latest", statements.at(-1));
  feed.answers.set("v1/statements?from=1&limit=100", { statements, next: null });
}

export function sampleFunnel(): unknown {
  const reasons = [
    { cause: "11", reason: "something that is not TLS", source: "RFC 8446 §5", count: 400 },
    { cause: "80", reason: "no certificate", source: "RFC 8446 §4.4.2.4", count: 190 },
    { cause: "81", reason: "a certificate that cannot be parsed", source: "RFC 5280 §4.1", count: 3 },
    { cause: "83", reason: "a certificate that has expired", source: "RFC 5280 §6.1.3", count: 4 },
    { cause: "timeout", reason: "the time for it was up", source: "", count: 20 },
  ];
  const counted = { total: 1_234, opened: 2, refused: 617, funnel: FUNNEL, reasons };
  return { ...counted, sampledOut: 0, days: [{ day: "2026-03-01", ...counted }] };
}

/** Events of a connection that came as far as its certificate, as the monitor publishes them. */
export function sampleEvents({ started }: Attempt, texts: { subject: string; fingerprint: string }): unknown[] {
  const common = { v: 1, boot: BOOT.boot, conn: 17 };
  const events = [
    { event: "accepted", door: "server", peer: "203.0.x.x" },
    { event: "state", state: 1 },
    { event: "hello", fingerprint: texts.fingerprint, suites: [4865], groups: [29], serverName: "pinata.example" },
    { event: "state", state: 2 },
    { event: "negotiated", suite: 4865, group: 4588 },
    { event: "state", state: 3 },
    { event: "state", state: 4 },
    { event: "certificate", subject: texts.subject, verdict: 85 },
    { event: "alert", direction: "sent", alert: 48, failure: 85 },
    { event: "closed", by: "pinata", bytesIn: 1_200, bytesOut: 2_400, millis: 12, cpuMicros: 1_830 },
  ];
  return events.map((event, i) => ({ ...common, ...event, time: started + i * 2 }));
}

export function giveTrace(feed: HandFeed, attempt: Attempt, events: unknown[]): void {
  feed.answers.set(`v1/attempts/${attempt.id}`, { ...attempt, events });
}
