/**
 * Why attempts ended, in the page's languages. The monitor says it in English; each of its texts is found again by the very
 * tables that it is made from (monitor/trace/reasons.ts, unikernel/failures.ts), so the two cannot drift apart. A text that is
 * in none of them (a newer monitor's) has no translation. Names that a text holds (alerts, compartments) stay as they are.
 */
import {
  CLOSED_BY,
  FATES,
  REFUSALS,
  receivedAlert,
  refusedFor,
  sentAlert,
  stoppedFor,
  trapIn,
} from "../../monitor/trace/reasons.ts";
import { explainFailure, FAILURES, type FailureNumber } from "../../unikernel/failures.ts";

/** A language's reasons; one that is missing does not compile. */
export interface Reasons {
  failures: Readonly<Record<FailureNumber, string>>;
  refusals: Readonly<Record<keyof typeof REFUSALS, string>>;
  closedBy: Readonly<Record<keyof typeof CLOSED_BY, string>>;
  fates: Readonly<Record<keyof typeof FATES, string>>;
  sentAlert: (alert: string) => string;
  receivedAlert: (alert: string) => string;
  trapIn: (compartment: string) => string;
  /** `why`: the trace's words, which stay English. */
  stoppedFor: (why: string) => string;
  /** A failure that this page does not know. */
  newer: (number: string) => string;
}

/** The monitor's text `english` in the language of `reasons`; undefined when it is not one of the monitor's that we know. */
export function translated(reasons: Reasons, english: string): string | undefined {
  const whole = WHOLE.get(english);
  if (whole !== undefined) return whole(reasons);
  for (const { slotOf, kind } of WITH_SLOT) {
    const slot = slotOf(english);
    if (slot !== undefined) return reasons[kind](slot);
  }
  return undefined;
}

/** Whether a number of the trace has a text. */
export function isKnown(failure: number): failure is FailureNumber {
  return failure !== 0 && Object.hasOwn(FAILURES, failure);
}

type Find = (reasons: Reasons) => string;

/** By the monitor's text. */
const WHOLE: ReadonlyMap<string, Find> = new Map<string, Find>([
  ...Object.keys(FAILURES)
    .map(Number)
    .filter(isKnown)
    .flatMap((number): [string, Find][] => {
      const { reason, source } = explainFailure(number);
      return [
        [reason, ({ failures }) => failures[number]],
        [refusedFor(number), ({ failures }) => (source === "" ? failures[number] : `${failures[number]} (${source})`)],
      ];
    }),
  ...keysOf(REFUSALS).map((key): [string, Find] => [REFUSALS[key], ({ refusals }) => refusals[key]]),
  ...keysOf(CLOSED_BY).map((key): [string, Find] => [CLOSED_BY[key], ({ closedBy }) => closedBy[key]]),
  ...keysOf(FATES).map((key): [string, Find] => [FATES[key], ({ fates }) => fates[key]]),
]);

/** The texts that name something: how to find the name again. */
const WITH_SLOT = [
  { kind: "sentAlert", slotOf: inverse(sentAlert("\0"), "\0") },
  { kind: "receivedAlert", slotOf: inverse(receivedAlert("\0"), "\0") },
  { kind: "trapIn", slotOf: inverse(trapIn("\0"), "\0") },
  { kind: "stoppedFor", slotOf: inverse(stoppedFor("\0"), "\0") },
  { kind: "newer", slotOf: inverse(refusedFor(Number.NaN), "NaN") },
] as const;

/** From a text of the form of `example`, what stands where `slot` stands in it. */
function inverse(example: string, slot: string): (text: string) => string | undefined {
  const [before = "", after = ""] = example.split(slot);
  return (text) => {
    const fits = text.length > before.length + after.length && text.startsWith(before) && text.endsWith(after);
    return fits ? text.slice(before.length, text.length - after.length) : undefined;
  };
}

function keysOf<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[];
}
