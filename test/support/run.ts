/** Runs a program to its end, with a time limit that only a hang can reach, and gives back what it said. */
import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { isOnPath } from "../../infra/cli/on-path.ts";

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Sent to standard input, which is then closed; without it standard input stays open until the program ends. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const PATIENCE_MILLIS = 30_000;

export function run(program: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(program, args, { env: options.env ?? process.env, ...(options.cwd ? { cwd: options.cwd } : {}) });
  // A program may end without having read its input; what it said and its code tell the rest.
  child.stdin.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  if (options.input !== undefined) child.stdin.end(options.input);
  return collect(child);
}

/** Starts a server for the test that is running: it is ended with that test, however the test ends. Gives its output once it has ended. */
export function serve(program: string, args: string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(program, args);
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, outcome: collect(child) };
}

/** Gathers the output of a running child until it ends. */
export function collect(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      child.stdin?.destroy();
      resolve({ code, stdout, stderr });
    });
  });
}

/**
 * Whether a program is installed. Where CI asks for all tools (PINATA_TEST_REQUIRE_TOOLS), a missing one is an error; elsewhere one
 * line says what is skipped.
 */
export function hasTool(program: string): boolean {
  if (isOnPath(program)) return true;
  if (process.env.PINATA_TEST_REQUIRE_TOOLS) throw new Error(`${program} is not installed`);
  process.stderr.write(`${program} is not installed: its tests are skipped (see npx pinata doctor)\n`);
  return false;
}
