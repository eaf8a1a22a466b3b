/**
 * Traces over TCP that piñatas' machines push. Bounded: so many connections, lines of bounded length, so much waiting for
 * each; who does not begin with a trace line soon, or is silent for too long, is cut off. Nothing is ever sent back.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { parseTraceLine } from "../../unikernel/trace.ts";
import type { Piece, TraceInput } from "./input.ts";
import { LineQueue } from "./lines.ts";
import { IDLE, KEEP_ALIVE } from "./tcp-input.ts";

export interface ListenOptions {
  host: string;
  port: number;
  connections?: number;
  /** Until the first line must be there. */
  firstMillis?: number;
  /** Silence after which a connection is taken for dead. */
  idleMillis?: number;
}

interface Peer {
  socket: Socket;
  queue: LineQueue;
  /** Of those from its address, the lowest that was free: one that comes back carries on where it was. */
  lane: string;
  /** It has begun with a trace line. */
  known: boolean;
}

const CONNECTIONS = 16;
const FIRST = 30_000;

export class TcpListenInput implements TraceInput {
  readonly kind = "tcp-listen";
  readonly key: string;
  readonly name: string;
  readonly cursor = null;
  /** Set while nobody is connected who was: a piñata's machine should be. */
  problem: string | null = null;
  readonly #options: ListenOptions;
  readonly #peers = new Map<Socket, Peer>();
  /** Of connections that are closed, with lines still to be read. */
  #left: LineQueue[] = [];
  #reading: LineQueue | undefined;
  #server: Server | undefined;
  #wake = () => {};
  #turn = 0;

  constructor(key: string, options: ListenOptions) {
    this.key = key;
    this.name = `${options.host}:${options.port}`;
    this.#options = options;
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  async start(_cursor: null, wake: () => void): Promise<void> {
    this.#wake = wake;
    const { host, port } = this.#options;
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(new Error(`trace ${this.key}: cannot listen: ${error.message}`)));
      server.listen(port, host, resolve);
    });
    // Too many open files, say: those who wait are accepted later.
    server.on("error", () => {});
    this.#server = server;
  }

  async read(): Promise<Piece | undefined> {
    if (this.#reading) return this.#reading.read();
    this.#left = this.#left.filter((queue) => !queue.empty);
    const queues = [...this.#left, ...[...this.#peers.values()].map(({ queue }) => queue)];
    for (let tried = 0; tried < queues.length; tried++) {
      // One after the other, so that a flood from one does not silence the rest.
      const queue = queues[this.#turn++ % queues.length]!;
      const piece = queue.read();
      if (!piece) continue;
      this.#reading = queue;
      return piece;
    }
    return undefined;
  }

  kept(): void {
    this.#reading?.kept();
    this.#reading = undefined;
    for (const { socket, queue } of this.#peers.values()) if (!queue.full) socket.resume();
  }

  async rewind(): Promise<void> {}

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
    for (const socket of this.#peers.keys()) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { connections = CONNECTIONS, firstMillis = FIRST, idleMillis = IDLE } = this.#options;
    socket.on("error", () => {});
    if (this.#peers.size + this.#left.length >= connections) {
      socket.destroy();
      return;
    }
    const lane = this.#freeLane(socket.remoteAddress ?? "");
    const peer: Peer = { socket, queue: new LineQueue(lane), lane, known: false };
    this.#peers.set(socket, peer);
    socket.setKeepAlive(true, KEEP_ALIVE);
    // Not an idle timeout: a byte now and then must not hold a place.
    const first = setTimeout(() => socket.destroy(), firstMillis);
    let head = "";
    socket.on("data", (chunk) => {
      if (!peer.known) {
        head += chunk.toString("latin1");
        const end = head.indexOf("\n");
        if (end < 0 && head.length <= MAX_HEAD) return void peer.queue.push(chunk);
        if (end < 0 || !parseTraceLine(head.slice(0, end))) return void socket.destroy();
        clearTimeout(first);
        socket.setTimeout(idleMillis);
        peer.known = true;
        head = "";
        this.problem = null;
      }
      peer.queue.push(chunk);
      if (peer.queue.full) socket.pause();
      this.#wake();
    });
    socket.on("timeout", () => {
      if (!socket.isPaused()) socket.destroy();
    });
    socket.once("close", () => {
      clearTimeout(first);
      this.#peers.delete(socket);
      // What did not begin with a trace line was not a trace: nothing is missing.
      if (!peer.known) return;
      peer.queue.gap();
      this.#left.push(peer.queue);
      if (![...this.#peers.values()].some(({ known }) => known)) this.problem = "nobody is connected any more";
      this.#wake();
    });
  }

  #freeLane(address: string): string {
    const taken = new Set([...this.#peers.values()].map(({ lane }) => lane));
    for (let number = 1; ; number++) {
      const lane = `${this.key} ${address} ${number}`;
      if (!taken.has(lane)) return lane;
    }
  }
}

const MAX_HEAD = 16_384;
