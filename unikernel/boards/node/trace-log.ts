/**
 * The trace log: one JSON line an event (unikernel/trace.ts), to a file that is rotated by size, or to standard output.
 *
 * A line is written whole by one `write` to a file opened for appending, so that a reader never sees half a line but
 * at the end, and kill -9 loses nothing that was reported. When the file passes its limit it is renamed to
 * `<file>.1` (the older one is dropped) and a new one begins.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { TraceEvent } from "../../trace.ts";

export interface TraceLog {
  write(event: TraceEvent): void;
  close(): void;
}

const MOST_BYTES = 16 * 1024 * 1024;

/** Appends to `file`, creating its folder; rotates when it is larger than `mostBytes`. */
export function fileTraceLog(file: string, mostBytes = MOST_BYTES): TraceLog {
  mkdirSync(dirname(file), { recursive: true });
  let descriptor = openSync(file, "a", 0o644);
  let size = fstatSync(descriptor).size;
  let open = true;
  return {
    write(event) {
      if (!open) return;
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      if (size > 0 && size + line.length > mostBytes) {
        closeSync(descriptor);
        renameSync(file, `${file}.1`);
        descriptor = openSync(file, "a", 0o644);
        size = 0;
      }
      writeSync(descriptor, line);
      size += line.length;
    },
    close() {
      if (!open) return;
      open = false;
      closeSync(descriptor);
    },
  };
}

/** Writes to standard output. */
export function stdoutTraceLog(): TraceLog {
  return { write: (event) => void process.stdout.write(`${JSON.stringify(event)}\n`), close: () => {} };
}
