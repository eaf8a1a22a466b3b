/** Runs a target's libFuzzer program over its seeds for a time and reads what it reports. A finding is made small before it is reported. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FUZZ, type Target } from "./targets.ts";

export interface Report {
  /** Edges of the guest and the harness that were reached, of how many there are. */
  edges: number;
  ofEdges: number;
  features: number;
  executions: number;
  perSecond: number;
  /** The smallest input found that makes the program stop, and what it said last. */
  finding: { input: Uint8Array; says: string } | undefined;
}

/** How far a run is. */
export interface Progress {
  executions: number;
  edges: number;
  features: number;
}

export interface RunOptions {
  /** 0: no limit. */
  seconds: number;
  /** Whether inputs that earlier runs have learnt are taken up and new ones kept (in build/fuzz), or only the seeds count. */
  learnt: "kept" | "forgotten";
  /** Executions at most. */
  runs?: number;
  /** The sequence of libFuzzer's random numbers; another in every run when absent. */
  seed?: number;
  /** Is told what libFuzzer says of itself, whenever it does. */
  onProgress?(progress: Progress): void;
  /** Seconds to make a finding smaller. */
  minimizeSeconds?: number;
}

/** No input of a few kilobytes may keep a compartment busy for longer. */
const LONGEST_SECONDS = 10;
const MEMORY_MEGABYTES = 1024;

/** `name` is that of the seeds: the folders in test/fuzz/corpus and test/fuzz/crashes. */
export async function runTarget(name: string, program: string, target: Target, options: RunOptions): Promise<Report> {
  const folder = dirname(program);
  const own = mkdtempSync(join(folder, "run-"));
  try {
    return await runIn(own, name, program, target, options);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** In a folder of this run's own: the name of a finding is its hash, and an old one could be mistaken for this run's. */
async function runIn(own: string, name: string, program: string, target: Target, options: RunOptions): Promise<Report> {
  const artifacts = join(own, "findings");
  const corpus = join(options.learnt === "kept" ? dirname(program) : own, "corpus");
  for (const path of [corpus, artifacts]) mkdirSync(path, { recursive: true });
  const seeds = ["corpus", "crashes"].map((kind) => join(FUZZ, kind, name)).filter((path) => existsSync(path));
  const limits = [`-timeout=${LONGEST_SECONDS}`, `-rss_limit_mb=${MEMORY_MEGABYTES}`, `-max_len=${target.maxLength}`];
  const { code, text } = await run(
    program,
    [
      ...limits,
      `-max_total_time=${options.seconds}`,
      ...(options.runs === undefined ? [] : [`-runs=${options.runs}`]),
      ...(options.seed === undefined ? [] : [`-seed=${options.seed}`]),
      ...(target.dictionary === undefined ? [] : [`-dict=${join(FUZZ, target.dictionary)}`]),
      `-artifact_prefix=${artifacts}/`,
      "-print_final_stats=1",
      corpus,
      ...seeds,
    ],
    (chunk) => {
      const [, executions, edges, features] =
        [...chunk.matchAll(/^#(\d+)\s.*cov: (\d+) ft: (\d+)/gm)].at(-1)?.map(Number) ?? [];
      if (executions !== undefined) options.onProgress?.({ executions, edges: edges!, features: features! });
    },
  );
  const found = readdirSync(artifacts)[0];
  const report: Report = {
    edges: last(text, /cov: (\d+)/g),
    ofEdges: last(text, /\((\d+) inline 8-bit counters\)/g),
    features: last(text, /ft: (\d+)/g),
    executions: last(text, /stat::number_of_executed_units: (\d+)/g),
    perSecond: last(text, /stat::average_exec_per_sec: +(\d+)/g),
    finding: undefined,
  };
  if (code === 0) return report;
  const says = text.match(/^(finding|trap|==\d+== ?ERROR|==\d+==ERROR|SUMMARY).*$/gm)?.join("; ") ?? text.slice(-2000);
  // libFuzzer was stopped by something that is no input, e.g. the harness's own start.
  if (found === undefined) throw new Error(`${name}: ${basename(program)} ended with ${code}: ${says}`);
  const input = await minimize(program, join(artifacts, found), options.minimizeSeconds ?? 20);
  return { ...report, finding: { input, says } };
}

async function minimize(program: string, path: string, seconds: number): Promise<Uint8Array> {
  const small = `${path}.small`;
  if (seconds > 0) {
    await run(program, ["-minimize_crash=1", `-max_total_time=${seconds}`, `-exact_artifact_path=${small}`, path]);
  }
  return readFileSync(existsSync(small) ? small : path);
}

function run(
  program: string,
  args: string[],
  onText: (chunk: string) => void = () => {},
): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const stop = () => child.kill("SIGKILL");
    process.once("exit", stop);
    let text = "";
    const add = (chunk: Buffer) => {
      // The beginning tells how many edges there are, the end what happened.
      text += chunk.toString();
      onText(chunk.toString());
      if (text.length > 400_000) text = text.slice(0, 20_000) + text.slice(-200_000);
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.once("error", reject);
    child.once("close", (code) => {
      process.off("exit", stop);
      resolve({ code, text });
    });
  });
}

function last(text: string, pattern: RegExp): number {
  return Number([...text.matchAll(pattern)].at(-1)?.[1] ?? 0);
}
