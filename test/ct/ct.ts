/**
 * `npm run ct`: whether the guest's object code is constant time in its secrets. Arguments: `--long` (more lengths; half a minute and more for each
 * function that is timed), `--only NAME` (what has NAME in its name), `--valgrind` or `--timing` (one of the two checks). Ends with 1 when
 * something leaks or a positive control is not caught.
 */
import { buildCt, changedByDebug } from "./build.ts";
import { checkControls, checkDivisions, checkMemcheck, type Row } from "./check.ts";
import { POWER, THRESHOLD } from "./statistics.ts";
import { LEAKY_MEASUREMENTS, MEASUREMENTS, type Measured, measure } from "./timing.ts";

const SHORT_MILLISECONDS = 400;
const LONG_MILLISECONDS = 30_000;

const options = readArguments(process.argv.slice(2));
let failed = false;
/** Functions and handshakes that were looked at. */
let looked = 0;

say("building");
const guest = await buildCt("guest");
const leaky = await buildCt("leaky");
if (options.check !== "timing") await valgrindCheck();
if (options.check !== "valgrind") await timingCheck();
if (looked === 0) fail(`nothing has "${options.only}" in its name`);
say(failed ? "NOT constant time, or not shown to be" : "nothing found");
process.exitCode = failed ? 1 : 0;

async function valgrindCheck(): Promise<void> {
  say("memcheck: secrets marked as undefined");
  const { form, only } = options;
  const rows = await checkMemcheck(guest, { form, only, counted: "counted" });
  looked += rows.length;
  rows.push(await checkDivisions(guest));
  const cells = rows.map((row) => [row.name, ...numbersOf(row), row.wrong.length === 0 ? "constant time" : "FAILS"]);
  print(["function", "instructions", "secret bytes", "declassified bytes", "verdict"], cells);
  for (const { name, wrong } of rows.filter((row) => row.wrong.length > 0)) fail(`${name}:\n  ${wrong.join("\n  ")}`);
  if (form === "long") {
    const changed = await changedByDebug(guest);
    for (const module of changed) fail(`${module}.o is not the image's: -g changes the code`);
    if (changed.length === 0) say("the objects are those that the image's flags give, and debug information");
  }
  if (only !== undefined) return;

  say("positive controls: a guest with leaks put in");
  const caught = await checkControls(leaky);
  print(
    ["leak", "check", "report"],
    caught.map(({ control, caughtBy, report }) => [control, caughtBy, report ?? "MISSED"]),
  );
  for (const { control } of caught.filter(({ report }) => report === undefined)) fail(`not caught: ${control}`);
}

async function timingCheck(): Promise<void> {
  const { form, only = "" } = options;
  const milliseconds = form === "long" ? LONG_MILLISECONDS : SHORT_MILLISECONDS;
  say(`timing: a function fails with |t| > ${THRESHOLD} on the same side in three runs of growing size`);
  const cells: string[][] = [];
  const add = ({ name, runs, detectable }: Measured, word: string) => {
    const all = runs.map(({ t }) => t.toFixed(1)).join(", ");
    looked += 1;
    cells.push([name, String(runs.at(-1)!.samples), all, cyclesOf(detectable), word]);
    say(`${name}: t = ${all}`);
  };
  for (const one of MEASUREMENTS.filter(({ name }) => name.includes(only))) {
    const result = await measure(guest, one, milliseconds);
    add(result, result.differs ? "DIFFERS" : "no difference");
    if (result.differs) fail(`${one.name} takes longer for one class than for the other`);
  }
  for (const one of options.only === undefined ? LEAKY_MEASUREMENTS : []) {
    const result = await measure(leaky, one, SHORT_MILLISECONDS);
    add({ ...result, name: `leaky: ${one.name}` }, result.differs ? "caught" : "MISSED");
    if (!result.differs) fail(`the timing harness does not see the leak in ${one.name}`);
  }
  print(["function", "samples", "t of each run", `cycles found with probability ${POWER}`, "verdict"], cells);
}

/** A tenth of a cycle is below what can be told. */
function cyclesOf(cycles: number | undefined): string {
  return cycles === undefined ? "" : cycles.toFixed(cycles < 10 ? 1 : 0);
}

function numbersOf({ instructions, secretBytes, declassifiedBytes }: Row): string[] {
  return [instructions, secretBytes, declassifiedBytes].map((number) => (number === undefined ? "" : String(number)));
}

function print(head: string[], lines: string[][]): void {
  const widths = head.map((text, i) => Math.max(text.length, ...lines.map((line) => line[i]!.length)));
  const row = (cells: string[]) =>
    cells.map((text, i) => (/^[-\d., ]+$/.test(text) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!))).join("  ");
  process.stdout.write(`\n${[head, ...lines].map((line) => row(line).trimEnd()).join("\n")}\n\n`);
}

function say(text: string): void {
  process.stdout.write(`ct: ${text}\n`);
}

function fail(text: string): void {
  failed = true;
  process.stdout.write(`ct: ${text}\n`);
}

function readArguments(args: string[]): {
  form: "short" | "long";
  only: string | undefined;
  check: "both" | "valgrind" | "timing";
} {
  const read: ReturnType<typeof readArguments> = { form: "short", only: undefined, check: "both" };
  for (let i = 0; i < args.length; i++) {
    const option = args[i]!;
    if (option === "--long") read.form = "long";
    else if (option === "--valgrind" || option === "--timing")
      read.check = option === "--timing" ? "timing" : "valgrind";
    else if (option === "--only" && args[i + 1] !== undefined) read.only = args[++i];
    else usage(option);
  }
  return read;
}

function usage(wrong: string): never {
  process.stderr.write(
    `ct: not understood: ${wrong}\nusage: npm run ct -- [--long] [--only NAME] [--valgrind|--timing]\n`,
  );
  process.exit(2);
}
