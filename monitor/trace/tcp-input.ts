/**
 * A trace over TCP that the monitor fetches: it connects, and connects again with growing pauses when the connection is
 * lost, refused or silent for too long. The other side is slowed down when it sends faster than lines can be kept.
 */
import { connect, type Socket } from "node:net";
import type { Clock } from "../clock.ts";
import type { Piece, TraceInput } from "./input.ts";
import { LineQueue } from "./lines.ts";

export interface TcpOptions {
  host: string;
  port: number;
  clock: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random: () => number;
  connectMillis?: number;
  /** Silence after which a connection is taken for dead. */
  idleMillis?: number;
}

const CONNECT = 10_000;
export const IDLE = 3_600_000;
export const KEEP_ALIVE = 30_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 60_000;

export class TcpInput implements TraceInput {
  readonly kind = "tcp";
  readonly key: string;
  readonly name: string;
  readonly cursor = null;
  problem: string | null = null;
  readonly #options: TcpOptions;
  readonly #queue: LineQueue;
  #socket: Socket | undefined;
  /** In a row, without a byte in between. */
  #failures = 0;
  #wake = () => {};
  #cancel = () => {};
  #stopped = false;

  constructor(key: string, options: TcpOptions) {
    this.key = key;
    this.name = `${options.host}:${options.port}`;
    this.#options = options;
    this.#queue = new LineQueue(key);
  }

  async start(_cursor: null, wake: () => void): Promise<void> {
    this.#wake = wake;
    this.#connect();
  }

  async read(): Promise<Piece | undefined> {
    return this.#queue.read();
  }

  kept(): void {
    this.#queue.kept();
    if (!this.#queue.full) this.#socket?.resume();
  }

  async rewind(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#socket?.destroy();
  }

  #connect(): void {
    const { host, port, connectMillis = CONNECT, idleMillis = IDLE } = this.#options;
    const socket = connect({ host, port });
    this.#socket = socket;
    let why = "the other side closed the connection";
    let connected = false;
    socket.setTimeout(connectMillis);
    socket.once("connect", () => {
      connected = true;
      this.problem = null;
      socket.setTimeout(idleMillis);
      socket.setKeepAlive(true, KEEP_ALIVE);
    });
    socket.on("data", (chunk) => {
      this.#failures = 0;
      this.#queue.push(chunk);
      if (this.#queue.full) socket.pause();
      this.#wake();
    });
    socket.on("timeout", () => {
      // While it waits for us, silence is ours.
      if (socket.isPaused()) return;
      why = connected ? `nothing came for ${idleMillis / 1000} seconds` : "it does not answer";
      socket.destroy();
    });
    socket.once("error", (error) => {
      why = error.message;
    });
    socket.once("close", () => {
      if (this.#stopped) return;
      if (connected) this.#queue.gap();
      this.problem = `is not connected: ${why}`;
      this.#wake();
      const grown = Math.min(FIRST_PAUSE * 2 ** Math.min(this.#failures++, 20), LONGEST_PAUSE);
      const pause = grown * (0.5 + this.#options.random() / 2);
      this.#cancel = this.#options.clock.after(pause, () => this.#connect());
    });
  }
}
