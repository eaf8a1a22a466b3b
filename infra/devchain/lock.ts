/** One process for one directory: a lock file with the owner's process id and start time, so that a dead owner's lock is known. */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../cli/errors.ts";
import { isRunning, startTime } from "../processes.ts";

/** Takes the lock or throws CommandError. Returns what gives it back. */
export function lockDirectory(dir: string): () => void {
  const path = join(dir, "lock");
  const mine = JSON.stringify({ pid: process.pid, started: startTime(process.pid) });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, mine);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        // A link appears whole or not at all, and only where there is none.
        linkSync(draft, path);
        return () => {
          if (contents(path) === mine) rmSync(path, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = contents(path);
      if (holder !== undefined && isHeld(holder)) {
        throw new CommandError(`${dir} is in use by another development chain: end it, or choose another --dir`);
      }
      rmSync(path, { force: true });
    }
    throw new CommandError(`${dir} cannot be locked`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isHeld(holder: string): boolean {
  try {
    const { pid, started } = JSON.parse(holder) as { pid: number; started: string };
    return isRunning(pid, started);
  } catch {
    return false;
  }
}
