/**
 * A pipe as an input: a descriptor that the monitor was started with, or a named pipe, which is opened again when its
 * writer has gone. The writer is slowed down when it writes faster than lines can be kept.
 */
import { constants, createReadStream, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import type { Piece, TraceAddress, TraceInput } from "./input.ts";
import { LineQueue } from "./lines.ts";

export type PipeAddress = Extract<TraceAddress, { kind: "fd" | "path" }>;

const AGAIN = 200;

export class PipeInput implements TraceInput {
  readonly kind = "pipe";
  readonly key: string;
  readonly name: string;
  readonly cursor = null;
  problem: string | null = null;
  readonly #address: PipeAddress;
  readonly #clock: Clock;
  readonly #queue: LineQueue;
  #stream: Readable | undefined;
  #wake = () => {};
  #cancel = () => {};
  #stopped = false;

  constructor(key: string, address: PipeAddress, clock: Clock) {
    this.key = key;
    this.name = address.kind === "path" ? basename(address.path) : key === "-" ? "standard input" : key;
    this.#address = address;
    this.#clock = clock;
    this.#queue = new LineQueue(key);
  }

  async start(_cursor: null, wake: () => void): Promise<void> {
    this.#wake = wake;
    this.#open();
  }

  async read(): Promise<Piece | undefined> {
    return this.#queue.read();
  }

  kept(): void {
    this.#queue.kept();
    if (!this.#queue.full) this.#stream?.resume();
  }

  async rewind(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#stream?.destroy();
  }

  #open(): void {
    const stream = this.#makeStream();
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => {
      this.#queue.push(chunk);
      if (this.#queue.full) stream.pause();
      this.#wake();
    });
    stream.once("error", (error) => {
      this.problem = `cannot be read: ${error.message}`;
    });
    stream.once("close", () => this.#ended());
  }

  #makeStream(): Readable {
    if (this.#address.kind === "path") {
      // Without O_NONBLOCK opening would wait for a writer, and nothing else would be done meanwhile.
      return pipeOf(openSync(this.#address.path, constants.O_RDONLY | constants.O_NONBLOCK));
    }
    const { fd } = this.#address;
    let kind: ReturnType<typeof fstatSync>;
    try {
      kind = fstatSync(fd);
    } catch {
      throw new Error(`trace ${this.name}: descriptor ${fd} is not open; start the monitor with one (${fd}<PIPE)`);
    }
    return kind.isFIFO() || kind.isSocket() ? pipeOf(fd) : createReadStream("", { fd });
  }

  #ended(): void {
    if (this.#stopped) return;
    this.#queue.gap();
    this.#stream = undefined;
    this.#wake();
    if (this.#address.kind === "path") this.#openLater();
    else this.problem ??= "has ended: whoever wrote to it closed it; start the monitor again with a pipe that is open";
  }

  #openLater(): void {
    this.#cancel = this.#clock.after(AGAIN, () => {
      try {
        this.#open();
        this.problem = null;
      } catch (error) {
        this.problem = `cannot be opened again: ${error instanceof Error ? error.message : error}`;
        this.#openLater();
      }
    });
  }
}

function pipeOf(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}
