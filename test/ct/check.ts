/**
 * The two checks of constant time and their positive controls, as `npm run ct` and ct.test.ts run them: what is right for a case, and what is to be
 * said when it is not. docs/constant-time.md says what they show and what they do not.
 */
import type { Build } from "./build.ts";
import { CASES, type Case, LENGTH_CASES, scenarioLine } from "./cases.ts";
import { CONTROLS } from "./controls.ts";
import { divisions, unlisted } from "./divisions.ts";
import { notEntered } from "./entered.ts";
import { handshakeRuns } from "./handshakes.ts";
import { type Checked, type Counted, count, memcheck, type Run } from "./memcheck.ts";
import { DECLASSIFIED, ON_THE_WIRE } from "./patches.ts";

/** Of the table: one function or handshake. */
export interface Row {
  name: string;
  instructions: number | undefined;
  secretBytes: number | undefined;
  declassifiedBytes: number | undefined;
  /** What is wrong; empty when nothing is. */
  wrong: string[];
}

export interface MemcheckOptions {
  /** The long form has more lengths of data. */
  form: "short" | "long";
  /** Only what has this in its name. */
  only?: string | undefined;
  /** Whether instructions are counted, which takes another run under callgrind. */
  counted: "counted" | "uncounted";
}

/** Every case and every handshake. */
export async function checkMemcheck(build: Build, { form, only = "", counted }: MemcheckOptions): Promise<Row[]> {
  const cases = [...CASES, ...(form === "long" ? LENGTH_CASES : [])].filter(({ name }) => name.includes(only));
  const handshakes = (await handshakeRuns()).filter(({ name }) => name.includes(only));
  const caseRuns = cases.map(runOf);
  const checked = [
    ...(await memcheckAlone(build, "cases", caseRuns)),
    ...(await memcheckAlone(build, "handshakes", handshakes)),
  ];
  const counts =
    counted === "counted"
      ? [await countOf(build, "cases", caseRuns), await countOf(build, "handshakes", handshakes)]
      : [];
  const instructions = counts.flatMap((one) => one.instructions);
  const rows = checked.map((result, i): Row => {
    const one = cases[i];
    return {
      ...{ name: result.name, instructions: instructions[i], secretBytes: result.secret },
      declassifiedBytes: Object.values(result.declassified).reduce((sum, bytes) => sum + bytes, 0),
      wrong: [
        ...leaksOf(result),
        ...(one === undefined ? wrongHandshake(handshakes[i - cases.length]!.candies, result) : wrongCase(one, result)),
      ],
    };
  });
  if (only !== "") return rows;
  return [...rows, unused(checked), ...(counted === "counted" ? [left(counts)] : [])];
}

async function countOf(build: Build, command: "cases" | "handshakes", runs: readonly Run[]): Promise<Counted> {
  return runs.length > 0 ? count(build, command, runs) : { instructions: [], entered: new Set() };
}

/** A function that no case and no handshake enters has not been checked. */
function left(counts: readonly Counted[]): Row {
  const wrong = notEntered(new Set(counts.flatMap(({ entered }) => [...entered]))).map(
    (name) => `never entered: ${name}`,
  );
  return { ...NO_NUMBERS, name: "every function of guest/crypto and guest/vault is entered", wrong };
}

/** memcheck says the same thing once: what leaks without a word of its own runs again by itself. */
async function memcheckAlone(build: Build, command: "cases" | "handshakes", runs: readonly Run[]): Promise<Checked[]> {
  if (runs.length === 0) return [];
  const all = await memcheck(build, command, runs);
  for (const [i, { uses, leaks }] of all.entries()) {
    if (uses > 0 && leaks.length === 0) all[i] = (await memcheck(build, command, [runs[i]!]))[0]!;
  }
  return all;
}

function leaksOf({ uses, leaks }: Checked): string[] {
  if (uses === 0) return [];
  const places = leaks.map(({ kind, functions, at }) => `${kind}: ${functions.join(", ")} (${at})`);
  return [`a secret is used ${uses} times for a jump or an address`, ...new Set(places)];
}

/** A case that does not do what it is thought to do shows nothing. */
function wrongCase(one: Case, { returned, output, secretOutput, declassified }: Checked): string[] {
  const wrong: string[] = [];
  if (one.returns !== undefined && returned !== one.returns) wrong.push(`it returns ${returned}`);
  if (one.expected !== undefined && Buffer.from(one.expected).toString("hex") !== output)
    wrong.push(`it gives ${output}`);
  const marked = one.secretOutput ?? one.output;
  if (secretOutput !== marked) wrong.push(`${secretOutput} bytes of its output are secret, not ${marked}`);
  const sites = siteNames(declassified).join(", ");
  if (sites !== (one.declassifies ?? []).join(", ")) wrong.push(`it declassifies: ${sites || "nothing"}`);
  return wrong;
}

function wrongHandshake(candies: number, { returned, secretOutput }: Checked): string[] {
  const wrong: string[] = [];
  if (returned !== candies) wrong.push(`${returned} of the doors gave candy, not ${candies}`);
  if (secretOutput > 0) wrong.push(`${secretOutput} bytes of the doors' memory are secret after wipe`);
  return wrong;
}

/** A declassification that nothing needs would hide what comes to stand there. */
function unused(checked: readonly Checked[]): Row {
  const used = new Set(checked.flatMap(({ declassified }) => siteNames(declassified)));
  const wrong = DECLASSIFIED.filter(({ name }) => !used.has(name)).map(
    ({ name }) => `nothing is declassified as: ${name}`,
  );
  return { ...NO_NUMBERS, name: "every declassification is needed", wrong };
}

function siteNames(declassified: Record<string, number>): string[] {
  return Object.keys(declassified)
    .map(Number)
    .filter((site) => site !== ON_THE_WIRE)
    .map((site) => DECLASSIFIED[site - 1]!.name);
}

export async function checkDivisions(build: Build): Promise<Row> {
  const all = await divisions(build);
  const wrong = unlisted(all).map(
    ({ module, functions, instruction }) => `${module}: ${functions.join(", ")}: ${instruction}`,
  );
  const name = `divisions: ${all.length} in the object code, of public numbers`;
  return { ...NO_NUMBERS, name, wrong };
}

export interface Caught {
  control: string;
  caughtBy: string;
  /** What was reported, and in which function; undefined: nothing, or elsewhere. */
  report: string | undefined;
}

/** Every control, and that the handshakes see leaks in doors and vault. */
export async function checkControls(leaky: Build): Promise<Caught[]> {
  const cases = CASES.filter(({ name }) => CONTROLS.some((one) => one.case === name));
  const inCases = await memcheck(leaky, "cases", cases.map(runOf));
  const inHandshakes = await memcheck(leaky, "handshakes", await handshakeRuns());
  const reports = inHandshakes.flatMap(({ leaks }) => leaks.map(asReport));
  const forbidden = unlisted(await divisions(leaky)).map(asDivision);
  const unwiped = inHandshakes.reduce((most, { secretOutput }) => Math.max(most, secretOutput), 0);
  const caught = CONTROLS.map(({ name, caughtBy, case: where, blames }): Caught => {
    const report = {
      memcheck: () => reportOn(blames, inCases.find((one) => one.name === where)!.leaks.map(asReport)),
      divisions: () => reportOn(blames, forbidden),
      trace: () => reportOn(blames, reports),
      wipe: () => (unwiped > 0 ? `${blames}: ${unwiped} bytes` : undefined),
    }[caughtBy]();
    return { control: name, caughtBy, report };
  });
  for (const file of ["door.c", "vault.c"]) {
    const report = reportOn(
      EQUALS,
      reports.filter(({ says }) => says.includes(file)),
    );
    caught.push({ control: `the comparison in a handshake, ${file}`, caughtBy: "memcheck", report });
  }
  return caught;
}

interface Report {
  functions: string[];
  says: string;
}

/** The first report on a function. */
function reportOn(name: string, reports: readonly Report[]): string | undefined {
  const found = reports.find(({ functions }) => functions.includes(name));
  return found && `${name}: ${found.says}`;
}

function asReport({ kind, functions, at }: Checked["leaks"][number]): Report {
  return { functions, says: `${kind} (${at})` };
}

function asDivision({ functions, instruction }: { functions: string[]; instruction: string }): Report {
  return { functions, says: instruction };
}

function runOf(one: Case): Run {
  return { name: one.name, line: (id) => scenarioLine(id, one) };
}

/** Of a row that is about all of them. */
const NO_NUMBERS = { instructions: undefined, secretBytes: undefined, declassifiedBytes: undefined };
const EQUALS = "prim/bytes.ts Bytes#equals";
