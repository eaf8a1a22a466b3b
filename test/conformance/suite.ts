/**
 * What a conformance suite is: a named list of cases from a named source, each with one outcome. `npm run conformance` runs all of them
 * and prints one table; the suite's own vitest file runs it (in its short form where it has one) and expects no failure.
 */

/** passed: it was to be accepted (or computed) and was; refused: it was to be refused, and was, in the way that it had to be. */
export type Outcome = "passed" | "refused" | "failed" | "skipped";

/** Tells the outcome of one case. `why` is required in effect for `failed` (what was expected, what came) and `skipped` (the reason). */
export type Report = (name: string, outcome: Outcome, why?: string) => void;

export interface Suite {
  /** As the table names it: "Wycheproof: ECDSA P-256". */
  name: string;
  /** Where the cases come from, with version or date. */
  source: string;
  /** The least number of cases: fewer is a failure, so that an empty file does not pass. */
  atLeast: number;
  /** `short` is what `npm test` has time for; the same as `long` for suites of fixed cases. */
  run(report: Report, length: "short" | "long"): Promise<void> | void;
}

export interface Tally {
  suite: Suite;
  cases: number;
  passed: number;
  refused: number;
  failed: { name: string; why: string }[];
  /** How many cases were skipped for each reason. */
  skipped: Map<string, number>;
}

/** Runs a suite and counts. A suite that throws, or has fewer cases than it should, fails. */
export async function tally(suite: Suite, length: "short" | "long"): Promise<Tally> {
  const result: Tally = { suite, cases: 0, passed: 0, refused: 0, failed: [], skipped: new Map() };
  const report: Report = (name, outcome, why) => {
    result.cases++;
    if (outcome === "passed") result.passed++;
    else if (outcome === "refused") result.refused++;
    else if (outcome === "failed") result.failed.push({ name, why: why ?? "no reason given" });
    else if (why === undefined) result.failed.push({ name, why: "skipped without a reason" });
    else result.skipped.set(why, (result.skipped.get(why) ?? 0) + 1);
  };
  try {
    await suite.run(report, length);
  } catch (error) {
    result.failed.push({ name: "the suite itself", why: (error as Error).stack ?? String(error) });
  }
  if (result.cases < suite.atLeast) {
    result.failed.push({ name: "the suite itself", why: `${result.cases} cases, at least ${suite.atLeast} expected` });
  }
  return result;
}
