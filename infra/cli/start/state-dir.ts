/**
 * The folder of one started piñata: who runs there (a lock), where its services are (run.json, read by the other
 * commands), and how it is put aside for a new one. Nothing in it is ever deleted.
 */
import { existsSync, linkSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { isRunning, startTime } from "../../processes.ts";
import { chainPlace } from "../chain/place.ts";
import { CommandError, UsageError } from "../errors.ts";
import { makeDir } from "../make-dir.ts";

const doorPorts = z.object({ server: z.number(), dialback: z.number(), client: z.number(), dialTo: z.number() });

export const running = z.object({
  pid: z.number().int(),
  /** What the piñata runs on. */
  board: z.enum(["metal", "node"]),
  /** SHA-256 of what hangs there: the image, or the guest's modules. */
  image: z.string(),
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
  /** The maintainers' token, when the monitor's settings name none of their own. */
  adminToken: string;
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
    adminToken: join(path, "admin-token"),
  };
}

/**
 * Takes the folder for this process, making it when it is not there; throws when another live one has it. Returns what gives it
 * back, and takes a folder away again that was made for this and is still empty.
 */
export function lock(dir: StateDir): () => void {
  const file = join(dir.path, "lock");
  const draft = `${file}.${process.pid}`;
  const mine = `${process.pid} ${startTime(process.pid)}`;
  let made: string | undefined;
  try {
    made = makeDir(dir.path);
    writeFileSync(draft, mine);
    for (;;) {
      // A link appears with its content or not at all: nobody sees a lock that does not say whose it is.
      if (linked(draft, file)) return () => giveBack(file, mine, made);
      const holder = contents(file);
      if (holder !== undefined && isHeld(holder)) {
        throw new CommandError(
          `a piñata already runs in ${dir.path} (process ${parseInt(holder, 10)}); end it, or choose another --dir`,
        );
      }
      rmSync(file, { force: true });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new CommandError(`cannot write to ${dir.path}: ${(error as Error).message}`);
  } finally {
    if (contents(draft) !== undefined) rmSync(draft, { force: true });
  }
}

/**
 * Moves everything aside to `<dir>.<n>`; returns where to, or undefined when there was nothing. A folder that holds other
 * things than a piñata is left where it is: a UsageError.
 */
export function putAside(dir: StateDir): string | undefined {
  const held = existsSync(dir.path) ? readdirSync(dir.path) : [];
  if (held.length === 0) return undefined;
  if (!held.includes(basename(dir.practice)) && held.some((name) => name !== basename(dir.logs))) {
    throw new UsageError(`${dir.path} holds other things than a piñata, so it is not moved: choose another --dir`);
  }
  for (let n = 1; ; n++) {
    const aside = `${dir.path}.${n}`;
    if (existsSync(aside)) continue;
    try {
      renameSync(dir.path, aside);
    } catch (error) {
      throw new CommandError(`cannot put ${dir.path} aside: ${(error as Error).message}`);
    }
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
  return isRunning(parsed.data.pid) ? parsed.data : undefined;
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function giveBack(file: string, mine: string, made: string | undefined): void {
  if (contents(file) === mine) rmSync(file, { force: true });
  if (made === undefined) return;
  for (let path = dirname(file); path.startsWith(made); path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch {
      // Something is in it by now: it stays.
      return;
    }
  }
}

function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether the process that wrote this lock still runs. */
function isHeld(holder: string): boolean {
  const [pid = "", started = ""] = holder.split(" ");
  return isRunning(Number(pid), started);
}
