/**
 * `npm run conformance`: every suite of test/conformance/suites in its long form, one after the other, and one table: suite, cases, passed, refused
 * as expected, failed, skipped; below it the reason for each skipped case and what failed. Options: `--short` (as `npm test` runs them),
 * `--only TEXT` (suites whose name has it), `--list`. Ends with 1 when a case failed.
 */
import { parseArgs } from "node:util";
import { allSuites } from "./all-suites.ts";
import { type Tally, tally } from "./suite.ts";

const USAGE = "usage: npm run conformance -- [--short] [--only TEXT] [--list]";

const { short, only, list } = readArguments();
const suites = (await allSuites()).filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
if (suites.length === 0) fail(`no suite has ${JSON.stringify(only)} in its name`);
if (list) {
  for (const { name, source } of suites) process.stdout.write(`${name}: ${source}\n`);
  process.exit(0);
}

const tallies: Tally[] = [];
for (const [i, suite] of suites.entries()) {
  const started = performance.now();
  process.stderr.write(`${i + 1}/${suites.length} ${suite.name} `);
  tallies.push(await tally(suite, short ? "short" : "long"));
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
process.stdout.write(`\n${table(tallies)}\n${reasons(tallies)}${failures(tallies)}`);
process.exit(tallies.some(({ failed }) => failed.length > 0) ? 1 : 0);

function table(all: Tally[]): string {
  const sum = (of: (one: Tally) => number) => all.reduce((total, one) => total + of(one), 0);
  const rows = [
    ["suite", "cases", "passed", "refused", "failed", "skipped"],
    ...all.map((one) => [one.suite.name, one.cases, one.passed, one.refused, one.failed.length, skipped(one)]),
    [
      "in all",
      sum((t) => t.cases),
      sum((t) => t.passed),
      sum((t) => t.refused),
      sum((t) => t.failed.length),
      sum(skipped),
    ],
  ].map((row) => row.map(String));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "))
    .join("\n");
}

function skipped({ skipped: reasonsOf }: Tally): number {
  return [...reasonsOf.values()].reduce((total, count) => total + count, 0);
}

function reasons(all: Tally[]): string {
  const lines = all.flatMap(({ suite, skipped: reasonsOf }) =>
    [...reasonsOf].map(([why, count]) => `  ${suite.name}: ${count} because ${why}`),
  );
  return lines.length === 0 ? "" : `\nskipped\n${lines.join("\n")}\n`;
}

function failures(all: Tally[]): string {
  const lines = all.flatMap(({ suite, failed }) => failed.map(({ name, why }) => `  ${suite.name}, ${name}: ${why}`));
  return lines.length === 0 ? "" : `\nFAILED\n${lines.join("\n")}\n`;
}

function readArguments(): { short: boolean; only: string; list: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        short: { type: "boolean", default: false },
        only: { type: "string", default: "" },
        list: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    fail((error as Error).message);
  }
}

function fail(what: string): never {
  process.stderr.write(`conformance: ${what}\n${USAGE}\n`);
  process.exit(2);
}
