/**
 * Why an attempt ended, in the monitor's English: every text that `reason` of an attempt can be, each written once. The page
 * finds them again by these texts and functions to say them in other languages. Failures have theirs in unikernel/failures.ts.
 */
import { explainFailure } from "../../unikernel/failures.ts";

/** Turned away before there was a door, by the trace's word. */
export const REFUSALS = {
  "too-many-connections": "the piñata had no free door",
  "too-many-from-peer": "too many connections from this peer",
  "dial-failed": "calling back failed: nobody answered on the peer's port",
} as const;

/** Closed without a refusal, by the trace's word for who or what closed it. */
export const CLOSED_BY = {
  peer: explainFailure(121).reason,
  pinata: "the piñata closed the connection",
  timeout: "the time for it was up",
  limit: "a limit was reached",
  trap: "a fault in the piñata's own code was contained (a trap)",
  shutdown: "the piñata was shut down",
} as const;

/** What else becomes of an attempt. */
export const FATES = {
  open: "still going on",
  opened: "the candy was given out",
  lost: "its end is not in the trace",
  restarted: "the piñata was restarted",
} as const;

/** A refusal with where it is asked for; a number that this program does not know is said to be that. */
export function refusedFor(failure: number): string {
  const { reason, source } = explainFailure(failure);
  return source === "" ? reason : `${reason} (${source})`;
}

/** An alert that the piñata sent without telling why. */
export const sentAlert = (name: string): string => `the piñata sent ${name}`;

export const receivedAlert = (name: string): string => `${explainFailure(120).reason}: ${name}`;

export const trapIn = (compartment: string): string => `${CLOSED_BY.trap} in ${compartment}`;

/** @param why the trace's words for what ended the piñata. */
export const stoppedFor = (why: string): string => `the piñata stopped: ${why}`;
