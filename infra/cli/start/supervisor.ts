/**
 * Runs the programs of one `pinata start` as child processes and keeps them up: a program that dies is started again with
 * back-off (1 s, 2 s, … 30 s), and said to be. The children end by themselves when this process is gone, because the
 * IPC channel closes; nothing is left running, not even after kill -9.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../../image/compile-guest.ts";
import { CommandError } from "../errors.ts";

export interface Program<Ready> {
  /** As people call it: "the monitor". */
  name: string;
  /** Entry file, relative to the project. */
  entry: string;
  /** Its arguments; after a crash it is given what it said when it was ready, so that it takes the same ports again. */
  args(before?: Ready): string[];
  /** Checks what the program says when it is ready, and takes out what the caller needs. */
  ready(message: unknown): Ready;
}

export interface Supervisor {
  /** Starts a program and waits until it is ready. Throws a CommandError with the program's own words when it is not. */
  run<Ready>(program: Program<Ready>): Promise<Ready>;
  /** Ends all programs, the last started first, each politely and after a few seconds by force. */
  stop(): Promise<void>;
}

/** What a program may tell whoever started all this, at any time. */
const asideSchema = z.object({ tell: z.string().max(1_000) });
const FIRST_PAUSE = 1_000;
const LAST_WORDS_MILLIS = 500;
const POLITE_MILLIS = 5_000;
const STEADY_MILLIS = 60_000;
const LONGEST_PAUSE = 30_000;

/** What the programs write to standard error goes to `logs`/<name>.log; `say` gets one line when one has died or come back. */
export function createSupervisor(logs: string, say: (line: string) => void): Supervisor {
  mkdirSync(logs, { recursive: true });
  const children = new Map<string, ChildProcess>();
  let stopping = false;

  async function run<Ready>(program: Program<Ready>): Promise<Ready> {
    const first = launch(program, program.args());
    const ready = await first.ready;
    keep(program, ready, first.child, FIRST_PAUSE);
    return ready;
  }

  function launch<Ready>(program: Program<Ready>, args: string[]): { child: ChildProcess; ready: Promise<Ready> } {
    const child = spawn(process.execPath, ["--import", "tsx", join(ROOT, program.entry), ...args], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    children.set(program.name, child);
    const log = createWriteStream(join(logs, `${plain(program.name)}.log`), { flags: "a" });
    let words = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-4_000);
      log.write(chunk);
    });
    child.once("close", () => log.end());
    child.on("message", (message) => {
      const told = asideSchema.safeParse(message);
      if (told.success && !stopping) say(`${program.name}: ${told.data.tell}`);
    });
    const ready = new Promise<Ready>((resolve, reject) => {
      child.on("message", (message) => {
        if (asideSchema.safeParse(message).success) return;
        try {
          resolve(program.ready(message));
        } catch (error) {
          reject(error);
        }
      });
      child.once("error", (error) => reject(new CommandError(`${program.name} does not start: ${error.message}`)));
      whenOver(child, (code, signal) =>
        reject(new CommandError(`${program.name} does not start: ${lastWords(words) || (signal ?? `exit ${code}`)}`)),
      );
    });
    ready.catch(() => {});
    whenOver(child, () => {
      if (!stopping && words.trim() !== "") say(`${program.name} said: ${lastWords(words)}`);
    });
    return { child, ready };
  }

  /** Starts the program again whenever it exits, unless we are stopping. */
  function keep<Ready>(program: Program<Ready>, ready: Ready, child: ChildProcess, pause: number): void {
    const since = Date.now();
    whenOver(child, (code, signal) => again(`ended (${signal ?? `exit ${code}`})`));
    // Without a process there is no exit: the system had no room for one just now.
    child.once("error", ({ message }) => {
      if (child.pid === undefined) again(`does not start: ${message}`);
    });
    const again = (what: string) => {
      if (stopping) return;
      const wait = Date.now() - since > STEADY_MILLIS ? FIRST_PAUSE : pause;
      say(`${program.name} ${what}; starting it again in ${wait / 1000} s`);
      setTimeout(() => {
        if (stopping) return;
        const next = launch(program, program.args(ready));
        next.ready.then(
          () => say(`${program.name} is back`),
          () => {},
        );
        keep(program, ready, next.child, Math.min(wait * 2, LONGEST_PAUSE));
      }, wait);
    };
  }

  async function stop(): Promise<void> {
    stopping = true;
    for (const child of [...children.values()].reverse()) await end(child);
  }

  return { run, stop };
}

/** When it has ended and its last words are read, which may come after its end; whoever else holds its pipe is not waited for. */
function whenOver(child: ChildProcess, then: (code: number | null, signal: NodeJS.Signals | null) => void): void {
  child.once("exit", (code, signal) => {
    const over = () => {
      clearTimeout(late);
      child.off("close", over);
      then(code, signal);
    };
    const late = setTimeout(over, LAST_WORDS_MILLIS);
    child.once("close", over);
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill("SIGKILL"), POLITE_MILLIS);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** As a file's name that can be typed anywhere: the-pinata. */
function plain(name: string): string {
  return name.normalize("NFD").replace(/\p{M}/gu, "").replace(/\W+/g, "-");
}

function lastWords(text: string): string {
  return text.trim().split("\n").slice(-1)[0] ?? "";
}
