/** Trace lines as a board prints them. */
import { createHash } from "node:crypto";
import { parseTraceLine, type TraceEvent } from "../../../unikernel/trace.ts";

export const BOOT = "00000000000000aa";
export const IMAGE = "1f".repeat(32);

/** A line with the fields that are the same in all of them; throws when it would not be a trace line. */
export function line(fields: Record<string, unknown>): string {
  const text = JSON.stringify({ v: 1, time: 1_750_000_000_000, boot: BOOT, ...fields });
  if (!parseTraceLine(text)) throw new Error(`not a trace line: ${text}`);
  return text;
}

export function event(fields: Record<string, unknown>): TraceEvent {
  return parseTraceLine(line(fields))!;
}

export const boot = (id = BOOT, time = 1_750_000_000_000) =>
  line({
    event: "boot",
    boot: id,
    time,
    board: "node",
    image: IMAGE,
    doors: { server: 10000, dialback: 10001, client: 10002 },
  });

export const accepted = (conn: number, more: Record<string, unknown> = {}) =>
  line({ event: "accepted", conn, door: "server", peer: { address: "203.0.113.77", port: 50_000 }, ...more });

export const closed = (conn: number, more: Record<string, unknown> = {}) =>
  line({ event: "closed", conn, by: "peer", bytesIn: 300, bytesOut: 1200, millis: 12, cpuMicros: 900, ...more });

/** The random (hex) of the hello of {@link refusedAttempt}. */
export const randomOf = (conn: number) => conn.toString(16).padStart(64, "d");

export const tokenOf = (random: string) => createHash("sha256").update(Buffer.from(random, "hex")).digest("hex");

/** A connection that ended for want of a certificate. */
export function refusedAttempt(conn: number, more: Record<string, unknown> = {}): string[] {
  const state = (number: number) => line({ event: "state", conn, state: number, ...more });
  return [
    accepted(conn, more),
    state(1),
    line({
      event: "hello",
      conn,
      fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1",
      suites: [4865],
      groups: [29],
      token: tokenOf(randomOf(conn)),
      ...more,
    }),
    state(2),
    line({ event: "negotiated", conn, suite: 4865, group: 29, ...more }),
    state(3),
    line({ event: "alert", conn, direction: "sent", alert: 116, failure: 80, ...more }),
    state(8),
    closed(conn, { by: "pinata", ...more }),
  ];
}
