/**
 * Makes a folder with its parents, one step at a time. Node's own recursive mkdir (20.20) never returns where a file system answers ENOENT
 * to making a folder, as /proc does; here that is the error that it is.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The first folder that had to be made, or undefined when `path` was there. Throws the system's error. */
export function makeDir(path: string): string | undefined {
  const missing: string[] = [];
  let at = resolve(path);
  while (statSync(at, { throwIfNoEntry: false }) === undefined) {
    missing.unshift(at);
    at = dirname(at);
  }
  for (const folder of missing) makeOne(folder);
  return missing[0];
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else made it in the meantime.
    const there = statSync(folder, { throwIfNoEntry: false });
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !there?.isDirectory()) throw error;
  }
}
