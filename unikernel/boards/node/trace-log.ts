/**
 * The trace log: one JSON line an event (unikernel/trace.ts), to a file that is rotated by size, or to standard output.
 *
 * A line is written whole by one `write` to a file opened for appending, so that a reader never sees half a line but
 * at the end, and kill -9 loses nothing that was reported. When the file passes its limit it is renamed to
 * `<file>.1` (the older one is dropped) and a new one begins. When it cannot be written (a full disk), lines are lost,
 * the piñata goes on hanging, and the operator is told when that begins and when it ends.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { TraceEvent } from "../../trace.ts";

export interface TraceLog {
  write(event: TraceEvent): void;
  close(): void;
}

const MOST_BYTES = 16 * 1024 * 1024;

/** Appends to `file`, creating its folder; rotates when it is larger than `mostBytes`. `tell` gets a line when lines are lost. */
export function fileTraceLog(
  file: string,
  mostBytes = MOST_BYTES,
  tell: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): TraceLog {
  mkdirSync(dirname(file), { recursive: true });
  let descriptor = openSync(file, "a", 0o644);
  let size = fstatSync(descriptor).size;
  let open = true;
  let lost = 0;

  function append(line: Buffer): void {
    if (size > 0 && size + line.length > mostBytes) {
      renameSync(file, `${file}.1`);
      const next = openSync(file, "a", 0o644);
      closeSync(descriptor);
      descriptor = next;
      size = 0;
    }
    size += writeSync(descriptor, line);
  }

  return {
    write(event) {
      if (!open) return;
      try {
        append(Buffer.from(`${JSON.stringify(event)}\n`));
        if (lost > 0) tell(`the trace can be written again; ${lost} lines are lost`);
        lost = 0;
      } catch (error) {
        if (lost === 0) tell(`the trace cannot be written, lines are lost: ${(error as Error).message}`);
        lost++;
      }
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
