/**
 * What a run of generated conversations saw: how often each mutation, verdict, state and alert occurred, and the failures in words. Tallies
 * of several processes are added up; what never occurred is named, so that a generator that has lost half of its catalogue does not pass.
 */
import { alertName } from "../../support/tls-peer/conversation/check.ts";
import { type Conversed, MUTATION_KINDS } from "../../support/tls-peer/conversation/generate.ts";
import { MODEL_STATES } from "../../support/tls-peer/conversation/model.ts";

export interface Tally {
  conversations: number;
  mutations: Record<string, number>;
  verdicts: Record<string, number>;
  /** The same without the failures. */
  right: Record<string, number>;
  states: Record<string, number>;
  alerts: Record<string, number>;
  /** Everything about the first failures. */
  failures: string[];
  failed: number;
}

const MOST_FAILURES = 10;

/** The least share of all conversations that is accepted. */
const LEAST_ACCEPTED = 0.1;

export function newTally(): Tally {
  return { conversations: 0, mutations: {}, verdicts: {}, right: {}, states: {}, alerts: {}, failures: [], failed: 0 };
}

/** Counts one; `explanation` is asked for when it has failed and there is still room. */
export function count(tally: Tally, conversed: Conversed, explanation: () => string): void {
  const { verdict, state } = conversed.result.judgement;
  const { alert, complaints } = conversed.result;
  tally.conversations++;
  for (const { kind } of conversed.mutations) increase(tally.mutations, kind);
  increase(tally.verdicts, verdict.is);
  increase(tally.states, stateName(conversed.conversation.role, state));
  increase(tally.alerts, alert === undefined ? "none" : alertName(alert));
  if (complaints.length === 0) {
    increase(tally.right, verdict.is);
    return;
  }
  tally.failed++;
  if (tally.failures.length < MOST_FAILURES) tally.failures.push(explanation());
}

export function add(to: Tally, from: Tally): void {
  to.conversations += from.conversations;
  to.failed += from.failed;
  to.failures.push(...from.failures.slice(0, MOST_FAILURES - to.failures.length));
  for (const part of ["mutations", "verdicts", "right", "states", "alerts"] as const) {
    for (const [name, times] of Object.entries(from[part])) increase(to[part], name, times);
  }
}

/** What is wrong with the distribution: mutations and states that never occurred, too few accepted. */
export function gaps(tally: Tally): string[] {
  const never = [
    ...MUTATION_KINDS.filter((kind) => !Object.hasOwn(tally.mutations, kind)).map((kind) => `no mutation: ${kind}`),
    ...allStates()
      .filter((state) => !Object.hasOwn(tally.states, state))
      .map((state) => `no end in state: ${state}`),
  ];
  const accepted = (tally.verdicts.accept ?? 0) / tally.conversations;
  if (!(accepted >= LEAST_ACCEPTED)) never.push(`${percent(accepted)} accepted, at least ${percent(LEAST_ACCEPTED)}`);
  return never;
}

export function report(tally: Tally): string {
  const table = (title: string, counts: Record<string, number>) => {
    const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
    return [title, ...rows.map(([name, times]) => `  ${String(times).padStart(8)}  ${name}`)].join("\n");
  };
  return [
    table("by mutation", tally.mutations),
    table("by what the door waited for at the end", tally.states),
    table("by the door's alert", tally.alerts),
    table("by verdict of the model", tally.verdicts),
    `${tally.conversations} conversations, ${tally.failed} failures`,
  ].join("\n\n");
}

function allStates(): string[] {
  return (["client", "server"] as const).flatMap((role) =>
    [...MODEL_STATES[role], "complete"].map((state) => stateName(role, state)),
  );
}

/** `role` is the peer's. */
function stateName(role: "client" | "server", state: string): string {
  return `${role === "client" ? "server" : "client"} door: ${state}`;
}

function increase(counts: Record<string, number>, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
