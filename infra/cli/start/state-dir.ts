/**
 * The folder of one started piñata: who runs there (a lock), where its services are (run.json, read by the other
 * commands), and how it is put aside for a new one. Nothing in it is ever deleted.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { chainPlace } from "../chain/place.ts";
import { CommandError, UsageError } from "../errors.ts";

const doorPorts = z.object({ server: z.number(), dialback: z.number(), client: z.number(), dialTo: z.number() });

export const running = z.object({
  pid: z.number().int(),
  /** Name or address under which this machine reaches the doors. */
  host: z.string(),
  doors: doorPorts,
  web: z.string(),
  monitor: z.string(),
  /** The chain that the piñata's coins are on. */
  chain: chainPlace,
});
export type Running = z.infer<typeof running>;

/** Where `pinata start` keeps a piñata unless told otherwise; in the folder where it is called. */
export const DEFAULT_DIR = ".pinata";

export interface StateDir {
  path: string;
  practice: string;
  /** The development chain's data; there when this piñata hangs on it. */
  chain: string;
  /** bitcoind's data; there when this piñata hangs on that. */
  bitcoind: string;
  /** There once coins were put in: a smashed piñata is not filled again. */
  filled: string;
  logs: string;
  trace: string;
  store: string;
}

export function stateDir(dir: string): StateDir {
  const path = resolve(dir);
  return {
    path,
    practice: join(path, "practice"),
    chain: join(path, "chain"),
    bitcoind: join(path, "bitcoind"),
    filled: join(path, "filled"),
    logs: join(path, "logs"),
    trace: join(path, "trace.jsonl"),
    store: join(path, "monitor.sqlite"),
  };
}

/** Takes the folder for this process; throws when another live one has it. Returns what gives it back. */
export function lock(dir: StateDir): () => void {
  mkdirSync(dir.path, { recursive: true });
  const file = join(dir.path, "lock");
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new CommandError(`cannot write to ${dir.path}: ${(error as Error).message}`);
      }
    }
    const pid = Number(readFileSync(file, "utf8"));
    if (isAlive(pid)) {
      throw new CommandError(`a piñata already runs in ${dir.path} (process ${pid}); end it, or choose another --dir`);
    }
    rmSync(file, { force: true });
  }
}

/** Moves everything aside to `<dir>.<n>`; returns where to, or undefined when there was nothing. */
export function putAside(dir: StateDir): string | undefined {
  if (!existsSync(dir.path)) return undefined;
  for (let n = 1; ; n++) {
    const aside = `${dir.path}.${n}`;
    if (existsSync(aside)) continue;
    renameSync(dir.path, aside);
    return aside;
  }
}

export function writeRunning(dir: StateDir, state: Running): void {
  writeFileSync(join(dir.path, "run.json"), `${JSON.stringify(state, null, 2)}\n`);
}

export function clearRunning(dir: StateDir): void {
  rmSync(join(dir.path, "run.json"), { force: true });
}

/** What runs in the folder now; undefined when nothing does. Throws a UsageError when run.json is damaged. */
export function readRunning(dir: StateDir): Running | undefined {
  const file = join(dir.path, "run.json");
  if (!existsSync(file)) return undefined;
  const parsed = running.safeParse(parseJson(file));
  if (!parsed.success) throw new UsageError(`${file} is damaged: remove it and start the piñata again`);
  return isAlive(parsed.data.pid) ? parsed.data : undefined;
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
