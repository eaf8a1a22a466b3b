/**
 * Where a trace comes from. A file remembers how far it was read, so that its lines count exactly once across restarts.
 * Pipes and connections cannot be read again: what was taken from them and not yet written when the monitor is killed is
 * lost (at most once), and each break is counted as a gap.
 */
import type { PinataList } from "../schema.ts";
import type { Cursor } from "./tail.ts";

/** Lines that came together, of one source. */
export interface Piece {
  /** Which piñata's: the input, or one peer of a listening input. */
  lane: string;
  lines: string[];
  /** Lines that were longer than the limit. */
  tooLong: number;
  /** Lines that were never finished. */
  torn: number;
  /** Breaks after which lines may be missing. */
  gaps: number;
}

export interface TraceInput {
  /** As configured; what the cursor is stored under. */
  readonly key: string;
  readonly kind: PinataList["inputs"][number]["kind"];
  /** As published and logged. */
  readonly name: string;
  /** What is wrong, in words that can be published; null when nothing is. */
  readonly problem: string | null;
  /** How far it was read, where that can be said: to be written with what was read. */
  readonly cursor: Cursor | null;
  /** `cursor`: as written last. Calls `wake` whenever there may be something to read. Throws when it can never work. */
  start(cursor: Cursor | null, wake: () => void): Promise<void>;
  /** The next lines, at most about 256 KiB of them; undefined when there is nothing new. Throws when it cannot be read. */
  read(): Promise<Piece | undefined>;
  /** What was read has been written. */
  kept(): void;
  /** What was read since has not been written: it is read again. */
  rewind(cursor: Cursor | null): Promise<void>;
  stop(): Promise<void>;
}

/** What is configured, in parts. */
export type TraceAddress =
  | { kind: "path"; path: string }
  | { kind: "fd"; fd: number }
  | { kind: "tcp" | "tcp-listen"; host: string; port: number };

const LOOPBACK = "127.0.0.1";

/** Reads `path`, `-`, `fd:N`, `tcp://host:port`, `tcp-listen://[host]:port`; undefined when it is none of them. */
export function readTraceAddress(text: string): TraceAddress | undefined {
  if (text === "-") return { kind: "fd", fd: 0 };
  const fd = /^fd:(\d{1,4})$/.exec(text);
  if (fd) return { kind: "fd", fd: Number(fd[1]) };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text);
  if (!scheme) return text === "" || /^fd:/.test(text) ? undefined : { kind: "path", path: text };
  const kind = scheme[1]!.toLowerCase();
  if (kind !== "tcp" && kind !== "tcp-listen") return undefined;
  const place = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]*):(\d{1,5})$/i.exec(scheme[2]!);
  if (!place) return undefined;
  const host = place[1]!.replace(/^\[|\]$/g, "");
  const port = Number(place[2]);
  // Port 0 is any free one, which only a listener can use.
  if (port > 65_535 || (kind === "tcp" && (port === 0 || host === ""))) return undefined;
  return { kind, host: host || LOOPBACK, port };
}

/** What {@link readTraceAddress} takes, for messages. */
export const TRACE_FORMS = "a path, - or fd:N for a pipe, tcp://host:port, or tcp-listen://[host]:port";
