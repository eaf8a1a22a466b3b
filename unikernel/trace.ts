/**
 * The trace: one JSON object a line, written by every board, read by the monitor. This schema is the only thing that
 * the monitor shares with the unikernel. A line that does not match is counted and skipped, never guessed at.
 * Lines never hold key material or plaintext of a peer; texts taken from a peer are printable ASCII of bounded length.
 */
import { z } from "zod";

export const TRACE_VERSION = 1;

const common = {
  v: z.literal(TRACE_VERSION),
  /** Milliseconds since 1970, the board's clock. */
  time: z.number().int().nonnegative(),
  /** 16 hex digits, new at every start of the board. */
  boot: z.string().regex(/^[0-9a-f]{16}$/),
};
const connection = { ...common, /** Counts connections from 1 within a boot. */ conn: z.number().int().positive() };
const text = (length: number) => z.string().max(length);
const door = z.enum(["server", "dialback", "client"]);

export const traceEvent = z.discriminatedUnion("event", [
  z.object({
    ...common,
    event: z.literal("boot"),
    board: z.enum(["node", "metal"]),
    /** SHA-256 of the image: of the ELF file (metal) or of the three modules in the order net, door, vault (node). */
    image: z.string().regex(/^[0-9a-f]{64}$/),
    doors: z.object({ server: z.number().int(), dialback: z.number().int(), client: z.number().int() }),
  }),
  z.object({ ...common, event: z.literal("stopped"), reason: text(200) }),
  /** A connection was accepted and has a door (a dial-back has the peer's listening port). */
  z.object({
    ...connection,
    event: z.literal("accepted"),
    door,
    peer: z.object({ address: text(64), port: z.number().int() }),
  }),
  /** A connection was refused before it had a door. */
  z.object({
    ...connection,
    event: z.literal("refused"),
    door,
    peer: z.object({ address: text(64), port: z.number().int() }),
    reason: z.enum(["too-many-connections", "too-many-from-peer", "dial-failed"]),
  }),
  z.object({
    ...connection,
    event: z.literal("hello"),
    /** JA4-style fingerprint (docs/design.md). */
    fingerprint: text(64),
    suites: z.array(z.number().int()).max(64),
    groups: z.array(z.number().int()).max(64),
    serverName: text(255).optional(),
    /** SHA-256 of the hello's random: who shows the random is the peer. Absent: an older image's. The monitor never publishes it. */
    token: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  z.object({ ...connection, event: z.literal("negotiated"), suite: z.number().int(), group: z.number().int() }),
  /** `state`: the number of `State` in unikernel/guest/trace.ts. */
  z.object({ ...connection, event: z.literal("state"), state: z.number().int().min(0).max(8) }),
  /** The vault judged a chain: `verdict` 0 accepted, else the number of `Failure`. */
  z.object({ ...connection, event: z.literal("certificate"), subject: text(128), verdict: z.number().int() }),
  z.object({
    ...connection,
    event: z.literal("alert"),
    direction: z.enum(["sent", "received"]),
    alert: z.number().int().min(0).max(255),
    /** Number of `Failure` (sent alerts). */
    failure: z.number().int().optional(),
  }),
  /** The candy was released to this connection. */
  z.object({ ...connection, event: z.literal("opened") }),
  /** Something was wrong after our close_notify, when no alert may be sent; `failure`: number of `Failure`. */
  z.object({ ...connection, event: z.literal("failed"), failure: z.number().int() }),
  z.object({ ...connection, event: z.literal("trap"), compartment: z.enum(["net", "door", "vault"]) }),
  z.object({
    ...connection,
    event: z.literal("closed"),
    by: z.enum(["peer", "pinata", "timeout", "limit", "trap", "shutdown"]),
    bytesIn: z.number().int().nonnegative(),
    bytesOut: z.number().int().nonnegative(),
    millis: z.number().int().nonnegative(),
    cpuMicros: z.number().int().nonnegative(),
  }),
]);
export type TraceEvent = z.infer<typeof traceEvent>;

/** Each kind of event without some of its fields: what a part of the board knows before the board adds the rest. */
export type TraceEventWithout<K extends PropertyKey, E = TraceEvent> = E extends unknown ? Omit<E, K> : never;

/** Parses one line; undefined when it is not a trace line of this version. */
export function parseTraceLine(line: string): TraceEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const result = traceEvent.safeParse(value);
  return result.success ? result.data : undefined;
}
