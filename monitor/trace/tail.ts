/**
 * Follows a file of lines: growth, rotation (the name gets a new inode; the old file is read to its end first, also
 * when that happened while nobody followed, as long as it lies in the same folder) and truncation. Only whole lines are
 * returned; the cursor stands behind the last of them, so it can be stored with what the lines meant.
 */
import { constants } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface Cursor {
  inode: number;
  /** Bytes read, up to the end of a line (or inside a line that is being skipped). */
  offset: number;
  /** Inside a line that is too long. */
  skipping: boolean;
  /** The file's first bytes (hex, at most 64), because an inode number is used again for another file. */
  head: string;
}

export interface Lines {
  lines: string[];
  /** Lines that were longer than the limit. */
  tooLong: number;
  /** Lines that were never finished before the file was rotated away or truncated. */
  torn: number;
  cursor: Cursor;
  /** There may be more at once. */
  more: boolean;
}

export const MAX_LINE = 16_384;
const CHUNK = 262_144;
const HEAD = 64;
const NEWLINE = 10;

export class Tail {
  readonly #path: string;
  #cursor: Cursor | null;
  #file: FileHandle | undefined;

  /** `cursor`: as stored by the reader before, null to begin at the start of the file. */
  constructor(path: string, cursor: Cursor | null) {
    this.#path = path;
    this.#cursor = cursor;
  }

  /** The next whole lines, at most 256 KiB of them; undefined when there is nothing new. */
  async read(): Promise<Lines | undefined> {
    const file = this.#file ?? (await this.#open());
    if (!file) return undefined;
    const cursor = this.#cursor!;
    const { size } = await file.stat();
    if (size < cursor.offset) {
      const torn = cursor.skipping ? 1 : 0;
      this.#cursor = { ...cursor, offset: 0, skipping: false, head: "" };
      return { lines: [], tooLong: 0, torn, cursor: this.#cursor, more: true };
    }
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size - cursor.offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, cursor.offset);
    const got = split(buffer.subarray(0, bytesRead), cursor.skipping);
    if (got.used > 0) {
      const head = cursor.head.length < HEAD * 2 ? await headOf(file, cursor.offset + got.used) : cursor.head;
      this.#cursor = { inode: cursor.inode, offset: cursor.offset + got.used, skipping: got.skipping, head };
      return { lines: got.lines, tooLong: got.tooLong, torn: 0, cursor: this.#cursor, more: true };
    }
    return (await this.#rotated(cursor)) ? this.#leave(bytesRead > 0 || cursor.skipping) : undefined;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Opens the file of the cursor if it still exists under some name, else the one that has the name now. */
  async #open(): Promise<FileHandle | undefined> {
    const cursor = this.#cursor;
    if (cursor) {
      for (const path of [this.#path, ...(await neighbours(this.#path))]) {
        const file = await openOrNot(path);
        if (!file) continue;
        const { ino } = await file.stat();
        if (ino === cursor.inode && (await headOf(file, cursor.offset)).startsWith(cursor.head)) {
          this.#file = file;
          return file;
        }
        await file.close();
      }
    }
    const file = await openOrNot(this.#path);
    if (!file) return undefined;
    this.#cursor = { inode: (await file.stat()).ino, offset: 0, skipping: false, head: "" };
    this.#file = file;
    return file;
  }

  /** The name belongs to another file now. */
  async #rotated(cursor: Cursor): Promise<boolean> {
    const there = await stat(this.#path).catch(() => undefined);
    return there !== undefined && there.ino !== cursor.inode;
  }

  /** Ends reading the old file; the next read opens the new one. */
  async #leave(torn: boolean): Promise<Lines> {
    await this.close();
    const inode = (await stat(this.#path)).ino;
    this.#cursor = { inode, offset: 0, skipping: false, head: "" };
    return { lines: [], tooLong: 0, torn: torn ? 1 : 0, cursor: this.#cursor, more: true };
  }
}

/** Whole lines of a chunk. `skipping`: the chunk begins inside a line that is already known to be too long. */
function split(
  chunk: Buffer,
  skipping: boolean,
): { lines: string[]; tooLong: number; used: number; skipping: boolean } {
  const lines: string[] = [];
  let tooLong = 0;
  let start = 0;
  let inside = skipping;
  for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
    if (inside) inside = false;
    else if (end - start > MAX_LINE) tooLong++;
    else if (end > start) lines.push(chunk.toString("utf8", start, end));
    start = end + 1;
  }
  if (inside) return { lines, tooLong, used: chunk.length, skipping: true };
  if (chunk.length - start > MAX_LINE) return { lines, tooLong: tooLong + 1, used: chunk.length, skipping: true };
  return { lines, tooLong, used: start, skipping: false };
}

async function headOf(file: FileHandle, offset: number): Promise<string> {
  const buffer = Buffer.alloc(Math.min(HEAD, offset));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return buffer.toString("hex", 0, bytesRead);
}

/** Other files of the folder whose names begin with the file's: where rotation puts old ones. */
async function neighbours(path: string): Promise<string[]> {
  const folder = dirname(path);
  const name = basename(path);
  const entries = await readdir(folder).catch(() => []);
  return entries.filter((entry) => entry.startsWith(name) && entry !== name).map((entry) => join(folder, entry));
}

async function openOrNot(path: string): Promise<FileHandle | undefined> {
  try {
    // Opening a pipe would wait for its writer.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
