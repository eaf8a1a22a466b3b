/**
 * `npm run fuzz`: every fuzz target for 10 minutes; a table at the end, and as the last line `N passed, N failed`. Arguments: `--seconds N` for
 * each target, `--jobs N` side by side (the processors, at most 2), `--target NAME` (any number of times), `--runs N` at most, `--controls`
 * (also the bugs of bugs.ts, which must be found), `--write` (the table into docs/fuzz.md). A finding is made small and kept in
 * test/fuzz/crashes, where regressions.test.ts replays it from then on; the program then ends with 1.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { BUGS, fuzzBug, whyMissed } from "./bugs.ts";
import { type Progress, type Report, runTarget } from "./run-target.ts";
import { sideBySide } from "./side-by-side.ts";
import { buildTarget, FUZZ, TARGET_NAMES, TARGETS, type TargetName } from "./targets.ts";

const DEFAULT_SECONDS = 600;
const PROGRESS_MILLIS = 30_000;
const PAGE = join(ROOT, "docs/fuzz.md");
const [TABLE_BEGINS, TABLE_ENDS] = ["<!-- figures -->\n", "<!-- end of figures -->"];
const HEAD = ["target", "edges", "of", "%", "features", "executions", "exec/s", "findings"];

const { seconds, runs, jobs, targets, options } = readArguments(process.argv.slice(2));
const underway = new Map<TargetName, { since: number; progress: Progress | undefined }>();
const timer = setInterval(tellProgress, PROGRESS_MILLIS);
const rows: [TargetName, Report][] = [];
let passed = 0;
let failed = 0;
const chosenBugs = options.has("--controls") ? BUGS : [];
await Promise.all(
  sideBySide(jobs, [
    ...targets.map((name) => () => counted(name, () => fuzz(name))),
    ...chosenBugs.map(
      (bug) => () =>
        counted(`control: ${bug.what}`, async () => {
          const report = await fuzzBug(bug);
          return whyMissed(bug, report) ?? { good: `found after ${report.executions} executions` };
        }),
    ),
  ]),
);
clearInterval(timer);
process.stdout.write(`\n${table([...rows].sort(inOrder))}\n\n`);
if (options.has("--write")) writeTable();
process.stdout.write(`${passed} passed, ${failed} failed\n`);
if (failed > 0) process.exitCode = 1;

/** Counts a job as passed or failed; `job` gives what is good, or else what is wrong. */
async function counted(name: string, job: () => Promise<string | { good: string }>): Promise<void> {
  let outcome: string | { good: string };
  try {
    outcome = await job();
  } catch (error) {
    outcome = (error as Error).message;
  }
  const isGood = typeof outcome !== "string";
  if (isGood) passed++;
  else failed++;
  process.stdout.write(`${name}: ${typeof outcome === "string" ? `FAILED ${outcome}` : outcome.good}\n`);
}

async function fuzz(name: TargetName): Promise<string | { good: string }> {
  process.stdout.write(`${name}: building\n`);
  const program = await buildTarget(name, TARGETS[name]);
  process.stdout.write(`${name}: ${seconds} s\n`);
  const running: { since: number; progress: Progress | undefined } = { since: performance.now(), progress: undefined };
  underway.set(name, running);
  try {
    const report = await runTarget(name, program, TARGETS[name], {
      ...{ seconds, learnt: "kept" },
      ...(runs === undefined ? {} : { runs }),
      onProgress: (progress) => {
        running.progress = progress;
      },
    });
    rows.push([name, report]);
    if (report.finding === undefined) return { good: `nothing found in ${report.executions} executions` };
    keep(name, report.finding);
    return report.finding.says;
  } finally {
    underway.delete(name);
  }
}

function tellProgress(): void {
  for (const [name, { since, progress }] of underway) {
    const spent = Math.round((performance.now() - since) / 1000);
    const reached = progress && `, ${progress.edges} edges, ${progress.features} features`;
    process.stdout.write(`${name}: ${spent} of ${seconds} s${reached ?? ""}\n`);
  }
}

function keep(name: TargetName, { input, says }: NonNullable<Report["finding"]>): void {
  const folder = join(FUZZ, "crashes", name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash("sha256").update(input).digest("hex").slice(0, 12));
  writeFileSync(file, input);
  process.stdout.write(`${name}: FOUND ${says}\n  kept as ${relative(ROOT, file)} (${input.length} bytes)\n`);
}

function cells([name, report]: [TargetName, Report]): string[] {
  const { edges, ofEdges, features, executions, perSecond, finding } = report;
  const percent = Math.round((100 * edges) / Math.max(1, ofEdges));
  return [name, edges, ofEdges, percent, features, executions, perSecond, finding === undefined ? 0 : 1].map(String);
}

function table(list: [TargetName, Report][]): string {
  const lines = list.map(cells);
  const widths = HEAD.map((text, i) => Math.max(text.length, ...lines.map((line) => line[i]!.length)));
  const row = (texts: string[]) =>
    texts.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join("  ");
  return [row(HEAD), ...lines.map(row)].join("\n");
}

/** Puts the rows of this run into the page; those of targets that were not run stay, each with its own date. */
function writeTable(): void {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(TABLE_BEGINS);
  const [old, after] = rest?.split(TABLE_ENDS) ?? [];
  if (before === undefined || old === undefined || after === undefined)
    throw new Error(`${PAGE} has no place for the table`);
  const line = (texts: string[]) => `| ${texts.join(" | ")} |\n`;
  const about = [new Date().toISOString().slice(0, 10), String(seconds), String(availableParallelism())];
  const fresh = new Map(rows.map((row) => [row[0], line([...cells(row), ...about])]));
  const kept = (name: TargetName) => old.split("\n").find((text) => text.startsWith(`| ${name} |`));
  const body = TARGET_NAMES.map((name) => fresh.get(name) ?? (kept(name) === undefined ? "" : `${kept(name)}\n`));
  const head = [...HEAD, "date", "seconds", "cores"];
  const lines = [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...body];
  writeFileSync(PAGE, `${before}${TABLE_BEGINS}${lines.join("")}${TABLE_ENDS}${after}`);
}

function inOrder([a]: [TargetName, Report], [b]: [TargetName, Report]): number {
  return TARGET_NAMES.indexOf(a) - TARGET_NAMES.indexOf(b);
}

interface Arguments {
  seconds: number;
  runs: number | undefined;
  jobs: number;
  targets: TargetName[];
  options: Set<string>;
}

function readArguments(args: string[]): Arguments {
  const chosen: TargetName[] = [];
  const options = new Set<string>();
  let seconds = DEFAULT_SECONDS;
  let jobs = Math.min(2, availableParallelism());
  let runs: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const option = args[i]!;
    if (option === "--controls" || option === "--write") {
      options.add(option);
      continue;
    }
    const value = args[++i] ?? "";
    if (option === "--target" && isTarget(value)) chosen.push(value);
    else if (option === "--seconds" && /^[1-9]\d{0,5}$/.test(value)) seconds = Number(value);
    else if (option === "--jobs" && /^[1-9]\d?$/.test(value)) jobs = Number(value);
    else if (option === "--runs" && /^[1-9]\d{0,11}$/.test(value)) runs = Number(value);
    else usage(`${option} ${value}`);
  }
  return { seconds, runs, jobs, targets: chosen.length > 0 ? chosen : TARGET_NAMES, options };
}

function isTarget(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

function usage(wrong: string): never {
  process.stderr.write(`fuzz: not understood: ${wrong}\n`);
  process.stderr.write(
    "usage: npm run fuzz -- [--seconds N] [--jobs N] [--runs N] [--controls] [--write] [--target NAME]…\n",
  );
  process.stderr.write(`targets: ${TARGET_NAMES.join(", ")}\n`);
  process.exit(2);
}
