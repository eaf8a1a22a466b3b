/**
 * A published case and its verdict: what the file says should happen, against what the guest did. A suite also gives its
 * cases with every expected value altered, which is how its test shows that it can fail.
 */
import type { Report, Suite } from "../suite.ts";

/** What the guest did with a case. */
export type Finding =
  /** Took it, and everything that it computed is what the file says. */
  | { is: "accepted" }
  /** Refused it, for the reason for which it is to be refused if it is: by its answer or, where lengths are the caller's to check, by a trap. */
  | { is: "refused" }
  /** It is of a kind that the guest has not, and the guest did not take it. */
  | { is: "outside"; why: string }
  /** Took it and computed something else, or refused it for another reason than it should. */
  | { is: "wrong"; why: string };

export interface VectorCase {
  name: string;
  expected: "valid" | "invalid";
  find(): Finding;
}

/** Gives what to expect in place of a value that the guest is to compute, or of a signature that it is to accept. */
export type Alter = (expected: Uint8Array) => Uint8Array;
export const unaltered: Alter = (expected) => expected;

export interface VectorSuite extends Suite {
  cases(length: "short" | "long", alter: Alter): Promise<VectorCase[]>;
}

export const ACCEPTED: Finding = { is: "accepted" };
export const REFUSED: Finding = { is: "refused" };
export const wrong = (why: string): Finding => ({ is: "wrong", why });

export function vectorSuite(suite: Omit<VectorSuite, "run">): VectorSuite {
  return {
    ...suite,
    async run(report, length) {
      for (const each of await suite.cases(length, unaltered)) judge(each, report);
    },
  };
}

export function judge({ name, expected, find }: VectorCase, report: Report): void {
  const found = find();
  if (found.is === "wrong") report(name, "failed", found.why);
  else if (found.is === "outside") report(name, "skipped", found.why);
  else if (found.is === "accepted" && expected === "valid") report(name, "passed");
  else if (found.is === "refused" && expected === "invalid") report(name, "refused");
  else report(name, "failed", `${found.is}, but it is ${expected}`);
}

/** Runs `call` and gives what it returned; undefined when the guest trapped, and nothing else may be thrown. */
export function unlessTrapped<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return undefined;
    throw error;
  }
}

/** Accepted when all named values are the same bytes, else which are not. */
export function compared(values: Record<string, [Uint8Array, Uint8Array]>): Finding {
  for (const [name, [got, expected]] of Object.entries(values)) {
    if (Buffer.compare(got, expected) !== 0) return wrong(`${name}: ${hex(got)} instead of ${hex(expected)}`);
  }
  return ACCEPTED;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
