/**
 * Writes a directory of files all or nothing: they are made beside the target, synced, and renamed into place. A directory that
 * holds anything is never touched; the check is the rename itself, so two writers cannot both win.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CommandError, UsageError } from "../cli/errors.ts";
import { makeDir } from "../cli/make-dir.ts";

export interface NewFile {
  name: string;
  content: string | Uint8Array;
  /** Only its owner may read it (0600), or everyone (0644). */
  secret: boolean;
}

/** Throws {@link UsageError} that says what is in the way unless `dir` is absent or an empty directory. */
export function requireUnused(dir: string): void {
  guarded(dir, () => checkUnused(dir));
}

function checkUnused(dir: string): void {
  const at = lstatSync(dir, { throwIfNoEntry: false });
  if (!at) return;
  if (!at.isDirectory()) throw new UsageError(`${dir} is not a directory: choose another with --dir`);
  const held = readdirSync(dir);
  if (held.includes("seal")) {
    throw new UsageError(
      `${join(dir, "seal")} exists and is never overwritten: choose another --dir, or move ${dir} away yourself`,
    );
  }
  if (held.length > 0) throw new UsageError(`${dir} is not empty: choose another --dir, or empty it yourself`);
}

/**
 * Makes `dir` (0700) with these files, or leaves everything as it was and throws: {@link UsageError} when something is in the way,
 * {@link CommandError} when the disk says no.
 */
export function writeOnce(dir: string, files: readonly NewFile[]): void {
  const target = resolve(dir);
  checkUnused(target);
  guarded(target, () => write(target, files));
}

function write(target: string, files: readonly NewFile[]): void {
  const parent = dirname(target);
  const made = makeDir(parent);
  let temporary: string | undefined;
  try {
    temporary = mkdtempSync(join(parent, `.${basename(target)}-`));
    chmodSync(temporary, 0o700);
    for (const file of files) writeSynced(join(temporary, file.name), file);
    syncDirectory(temporary);
    renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    checkUnused(target);
    throw error;
  }
  syncDirectory(parent);
}

/** The system's errors in one line for a person. */
function guarded(dir: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new CommandError(`cannot write to ${dir}: ${(error as Error).message}`);
  }
}

function writeSynced(path: string, { content, secret }: NewFile): void {
  const file = openSync(path, "wx", 0o600);
  try {
    // Set, not asked for: the umask may not widen or narrow it.
    fchmodSync(file, secret ? 0o600 : 0o644);
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
