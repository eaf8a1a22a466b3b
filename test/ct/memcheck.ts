/**
 * Runs the native program under valgrind's memcheck, with secrets marked as undefined: every conditional jump and every address that is made of one
 * is reported. And under callgrind, which counts the instructions that were looked at. What memcheck cannot see, divisions, is in divisions.ts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Build, MODULES } from "./build.ts";
import { type Names, namesOf } from "./names.ts";
import { output } from "./program.ts";

/** What is run: `line` for the native program, and what must come of it. */
export interface Run {
  name: string;
  /** Its line, under the id that it is given. */
  line(id: string): string;
}

export interface Leak {
  /** memcheck's words: a jump or an address. */
  kind: string;
  /** The guest's functions that the code is made of, as names.ts gives them. */
  functions: string[];
  /** In the generated C. */
  at: string;
}

export interface Checked {
  name: string;
  /** How often a secret was used for a jump or an address, and where. */
  uses: number;
  leaks: Leak[];
  /** Bytes that were marked, that were made public by site, and of the output that were secret. */
  secret: number;
  declassified: Record<string, number>;
  secretOutput: number;
  returned: number;
  output: string;
}

/** memcheck itself, the program or the scenario failed: nothing is known. */
export class ValgrindError extends Error {
  override name = "ValgrindError";
}

const MEMCHECK = [
  ...["--tool=memcheck", "--undef-value-errors=yes", "--expensive-definedness-checks=yes", "--leak-check=no"],
  ...["--error-limit=no", "--num-callers=20", "--fullpath-after=", "--suppressions=/dev/null"],
];
const CALLGRIND = ["--tool=callgrind", "--collect-atstart=no", "--dump-instr=yes", "--compress-pos=no"];

/** One process for all runs. `command`: cases or handshakes. */
export async function memcheck(
  build: Build,
  command: "cases" | "handshakes",
  runs: readonly Run[],
): Promise<Checked[]> {
  return inFolder(async (folder) => {
    const log = join(folder, "log");
    const out = await valgrind([...MEMCHECK, `--log-file=${log}`, build.program, command], runs);
    const leaks = readLog(readFileSync(log, "utf8"), build);
    const lines = out.trim().split("\n");
    if (lines.length !== runs.length) throw new ValgrindError(`${runs.length} runs, ${lines.length} results:\n${out}`);
    return lines.map((line, i) => {
      const { name, errors, undefined: secretOutput, ...rest } = JSON.parse(line);
      if (name !== idOf(i)) throw new ValgrindError(`results out of order: ${line}`);
      return { ...rest, name: runs[i]!.name, uses: errors, secretOutput, leaks: leaks.get(name) ?? [] } as Checked;
    });
  });
}

export interface Counted {
  /** Instructions of each run. */
  instructions: number[];
  /** Functions of the guest that at least one run has entered, as names.ts gives them. */
  entered: Set<string>;
}

/** The same runs under callgrind. */
export async function count(build: Build, command: "cases" | "handshakes", runs: readonly Run[]): Promise<Counted> {
  return inFolder(async (folder) => {
    await valgrind(
      [...CALLGRIND, `--log-file=${folder}/log`, `--callgrind-out-file=${folder}/out`, build.program, command],
      runs,
    );
    const counts = new Map<string, number>();
    const addresses = new Set<string>();
    for (const file of readdirSync(folder).filter((name) => name.startsWith("out"))) {
      const text = readFileSync(join(folder, file), "utf8");
      const id = /^desc: Trigger: Client Request: (\S+)$/m.exec(text)?.[1];
      if (id === undefined) continue;
      counts.set(id, Number(/^(?:totals|summary): (\d+)/m.exec(text)?.[1]));
      for (const [, address] of text.matchAll(/^(0x[0-9a-f]+) /gm)) addresses.add(address!);
    }
    const instructions = runs.map((_, i) => counts.get(idOf(i)) ?? Number.NaN);
    if (instructions.some(Number.isNaN)) throw new ValgrindError("callgrind did not count every run");
    return { instructions, entered: await functionsAt(build, [...addresses]) };
  });
}

/** The guest's functions that instructions are of; what gcc has inlined is in the debug information. */
async function functionsAt(build: Build, addresses: string[]): Promise<Set<string>> {
  const text = (await output("addr2line", ["-f", "-i", "-e", build.program], `${addresses.join("\n")}\n`)).toString();
  const lines = text.split("\n");
  const places = new Set<string>();
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const file = /([^/]+):[\d?]+(?: \(.*\))?$/.exec(lines[i + 1]!)?.[1];
    places.add(`${file} ${lines[i]}`);
  }
  const names = namesBySource(build);
  return new Set(
    [...places].flatMap((place) => {
      const [file, symbol] = place.split(" ") as [string, string];
      return names[file]?.(symbol) ?? [];
    }),
  );
}

const idOf = (i: number) => `run${i}`;

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "pinata-ct-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function valgrind(args: string[], runs: readonly Run[]): Promise<string> {
  return (await output("valgrind", args, runs.map((one, i) => `${one.line(idOf(i))}\n`).join(""))).toString();
}

/** The reports in memcheck's log by the run that they are of. */
function readLog(log: string, build: Build): Map<string, Leak[]> {
  const names = namesBySource(build);
  const leaks = new Map<string, Leak[]>();
  let id = "";
  let kind: string | undefined;
  for (const line of log.split("\n")) {
    const begun = /^\*\*\d+\*\* =ct= (\S+)/.exec(line)?.[1];
    if (begun !== undefined) id = begun;
    const text = /^==\d+== (.*)$/.exec(line)?.[1] ?? "";
    const place = /^ {3}(?:at|by) 0x[0-9A-F]+: (\S+) \((?:in )?(?:.*\/)?([^/)]+?)(?::(\d+))?\)$/.exec(text);
    if (/^(Conditional jump|Use of uninit|Uninitialised|Invalid|Syscall)/.test(text)) kind = text;
    else if (kind !== undefined && place !== null) {
      const [, symbol, file, number] = place;
      // A load or store is inlined: its caller's frame says which function it is part of.
      if (/^(i\d\d_(load|store)\w*|memory_fill)$/.test(symbol!)) continue;
      const functions = names[file!]?.(symbol!) ?? [symbol!];
      const all = leaks.get(id) ?? [];
      leaks.set(id, [...all, { kind, functions, at: number === undefined ? file! : `${file}:${number}` }]);
      kind = undefined;
    }
  }
  return leaks;
}

/** By the generated file. */
function namesBySource(build: Build): Record<string, Names> {
  return Object.fromEntries(MODULES.map((module) => [`${module}.c`, namesOf(build.wasm(module))]));
}
