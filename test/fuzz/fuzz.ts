/**
 * `npm run fuzz`: every fuzz target for 10 minutes, one after the other; a table at the end. Arguments: `--seconds N` for each target,
 * `--target NAME` (any number of times), `--runs N` at most. A finding is made small and kept in test/fuzz/crashes, where
 * regressions.test.ts replays it from then on; the program then ends with 1.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { type Report, runTarget } from "./run-target.ts";
import { buildTarget, FUZZ, TARGET_NAMES, TARGETS, type TargetName } from "./targets.ts";

const DEFAULT_SECONDS = 600;

const { seconds, runs, targets } = readArguments(process.argv.slice(2));
const rows: [TargetName, Report][] = [];
for (const name of targets) {
  process.stdout.write(`${name}: building\n`);
  const program = await buildTarget(name, TARGETS[name]);
  process.stdout.write(`${name}: ${seconds} s\n`);
  const report = await runTarget(name, program, TARGETS[name], {
    ...{ seconds, learnt: "kept" },
    ...(runs === undefined ? {} : { runs }),
  });
  rows.push([name, report]);
  if (report.finding !== undefined) keep(name, report.finding);
}
process.stdout.write(`\n${table(rows)}\n`);
if (rows.some(([, { finding }]) => finding !== undefined)) process.exitCode = 1;

function keep(name: TargetName, { input, says }: NonNullable<Report["finding"]>): void {
  const folder = join(FUZZ, "crashes", name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash("sha256").update(input).digest("hex").slice(0, 12));
  writeFileSync(file, input);
  process.stdout.write(`${name}: FOUND ${says}\n  kept as ${relative(ROOT, file)} (${input.length} bytes)\n`);
}

function table(list: [TargetName, Report][]): string {
  const head = ["target", "edges", "of", "features", "executions", "exec/s", "findings"];
  const lines = list.map(([name, { edges, ofEdges, features, executions, perSecond, finding }]) =>
    [name, edges, ofEdges, features, executions, perSecond, finding === undefined ? 0 : 1].map(String),
  );
  const widths = head.map((text, i) => Math.max(text.length, ...lines.map((line) => line[i]!.length)));
  const row = (cells: string[]) =>
    cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join("  ");
  return [row(head), ...lines.map(row)].join("\n");
}

function readArguments(args: string[]): { seconds: number; runs: number | undefined; targets: TargetName[] } {
  const chosen: TargetName[] = [];
  let seconds = DEFAULT_SECONDS;
  let runs: number | undefined;
  for (let i = 0; i < args.length; i += 2) {
    const [option, value] = [args[i], args[i + 1] ?? ""];
    if (option === "--target" && isTarget(value)) chosen.push(value);
    else if (option === "--seconds" && /^[1-9]\d{0,5}$/.test(value)) seconds = Number(value);
    else if (option === "--runs" && /^[1-9]\d{0,11}$/.test(value)) runs = Number(value);
    else usage(`${option} ${value}`);
  }
  return { seconds, runs, targets: chosen.length > 0 ? chosen : TARGET_NAMES };
}

function isTarget(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

function usage(wrong: string): never {
  process.stderr.write(`fuzz: not understood: ${wrong}\n`);
  process.stderr.write(`usage: npm run fuzz -- [--seconds N] [--runs N] [--target ${TARGET_NAMES.join("|")}]…\n`);
  process.exit(2);
}
