/**
 * A connection: one socket and its door. Bytes go from one to the other; the end is always orderly for the peer: what the
 * door said last (an alert, the candy) is sent, and the socket lingers for a moment (lingering.ts).
 */
import type { Socket } from "node:net";
import { Failure } from "../../guest/failure.ts";
import type { Role } from "../../guest/role.ts";
import { State, TraceCode } from "../../guest/trace.ts";
import type { TraceEvent, TraceEventWithout } from "../../trace.ts";
import { DoorHost, type DoorStatus, DoorTrapped } from "./door.ts";
import { decodeHello } from "./hello.ts";
import type { Lingering } from "./lingering.ts";
import type { MemoryPool } from "./memory-pool.ts";
import type { VaultHost } from "./vault.ts";

/** A trace event of a connection, before the board adds version, time, boot and connection number. */
export type ConnectionEvent = TraceEventWithout<"v" | "time" | "boot" | "conn", Extract<TraceEvent, { conn: number }>>;
type CloseReason = Extract<TraceEvent, { event: "closed" }>["by"];

export interface ConnectionOptions {
  /** Tells this door from the others that are open now: the vault binds tickets to it. */
  slot: number;
  socket: Socket;
  role: Role;
  door: WebAssembly.Module;
  vault: VaultHost;
  memories: MemoryPool;
  lingering: Lingering;
  clock(): number;
  trace(event: ConnectionEvent): void;
  onAuthenticated(): void;
  onClosed(): void;
}

export class Connection {
  private readonly door: DoorHost;
  private readonly started: number;
  private authenticated = false;
  private ended = false;
  private bytesIn = 0;
  private bytesOut = 0;

  /** Makes the door; throws a trap (memory.ts) when that cannot be done. */
  constructor(private readonly options: ConnectionOptions) {
    this.started = options.clock();
    this.door = new DoorHost(
      options.door,
      options.slot,
      options.vault,
      {
        trace: (code, a, b, bytes) => {
          const event = doorEvent(code, a, b, bytes);
          if (event !== undefined) options.trace(event);
        },
        judged: ({ subject, failure }) => options.trace({ event: "certificate", subject, verdict: failure }),
      },
      options.clock,
      options.memories,
    );
  }

  /** Starts the door and the flow of bytes. */
  start(): void {
    const { socket, role } = this.options;
    socket.setNoDelay(true);
    socket.on("error", () => this.end("peer", "drop"));
    socket.on("close", () => this.end("peer", "drop"));
    this.step(() => this.door.start(role));
    if (this.ended) return;
    socket.on("data", (bytes) => {
      if (this.ended) return;
      this.bytesIn += bytes.length;
      this.step(() => this.door.receive(bytes));
    });
    socket.on("end", () => {
      if (this.ended) return;
      this.step(() => this.door.peerClosed(), "peer");
      this.end("peer", "finish");
    });
  }

  /** Ends the connection from outside: its time is up, or the board is stopping. */
  stop(by: "timeout" | "shutdown"): void {
    // A winner whose side is still open has its candy: a reset could take it away again.
    this.end(by, by === "timeout" && this.authenticated ? "finish" : "drop");
  }

  /** Lets the door take a step and does what it wants; `by` ends the connection when the door does. */
  private step(use: () => DoorStatus, by: CloseReason = "pinata"): void {
    let status: DoorStatus;
    try {
      status = use();
    } catch (error) {
      if (!(error instanceof DoorTrapped)) throw error;
      this.options.trace({ event: "trap", compartment: "door" });
      this.end("trap", "drop");
      return;
    }
    if (status.output.length > 0) {
      this.bytesOut += status.output.length;
      this.options.socket.write(status.output);
    }
    if (status.authenticated && !this.authenticated) {
      this.authenticated = true;
      this.options.onAuthenticated();
    }
    if (status.close) this.end(by, "finish");
  }

  private end(by: CloseReason, how: "finish" | "drop"): void {
    if (this.ended) return;
    this.ended = true;
    this.door.wipe();
    const { socket, lingering, clock, trace, onClosed } = this.options;
    if (how === "drop") socket.destroy();
    else lingering.finish(socket);
    trace({
      event: "closed",
      by,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      millis: Math.max(0, clock() - this.started),
      cpuMicros: Math.round(this.door.cpuMicros),
    });
    onClosed();
  }
}

/** A door's trace call as an event; undefined when the code is none that this board knows. */
function doorEvent(code: number, a: number, b: number, bytes: Uint8Array): ConnectionEvent | undefined {
  switch (code) {
    case TraceCode.Hello:
      return { event: "hello", ...decodeHello(bytes) };
    case TraceCode.State:
      return a in State ? { event: "state", state: a } : undefined;
    case TraceCode.AlertSent:
      return { event: "alert", direction: "sent", alert: a & 0xff, failure: b in Failure ? b : Failure.Internal };
    case TraceCode.AlertReceived:
      return { event: "alert", direction: "received", alert: a & 0xff };
    case TraceCode.Negotiated:
      return { event: "negotiated", suite: a & 0xffff, group: b & 0xffff };
    case TraceCode.Candy:
      return { event: "opened" };
    case TraceCode.Failed:
      return { event: "failed", failure: a in Failure ? a : Failure.Internal };
    default:
      return undefined;
  }
}
