/** A trace file as an input: read as tail.ts does, woken by the file system where that says something. */
import { watch as watchFiles } from "node:fs";
import { basename, dirname } from "node:path";
import type { Piece, TraceInput } from "./input.ts";
import { type Cursor, Tail } from "./tail.ts";

export class FileInput implements TraceInput {
  readonly kind = "file";
  readonly key: string;
  readonly name: string;
  readonly problem = null;
  #cursor: Cursor | null = null;
  #tail: Tail;
  #unwatch = () => {};

  constructor(path: string) {
    this.key = path;
    this.name = basename(path);
    this.#tail = new Tail(path, null);
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  async start(cursor: Cursor | null, wake: () => void): Promise<void> {
    await this.rewind(cursor);
    try {
      const watcher = watchFiles(dirname(this.key), { persistent: false }, wake);
      // The clock still wakes the reader.
      watcher.on("error", () => watcher.close());
      this.#unwatch = () => watcher.close();
    } catch {
      // The folder does not exist yet, or the system has no more watches: the clock is enough.
    }
  }

  async read(): Promise<Piece | undefined> {
    const got = await this.#tail.read();
    if (!got) return undefined;
    this.#cursor = got.cursor;
    const { lines, tooLong, torn } = got;
    return { lane: this.key, lines, tooLong, torn, gaps: 0 };
  }

  kept(): void {}

  async rewind(cursor: Cursor | null): Promise<void> {
    await this.#tail.close().catch(() => undefined);
    this.#cursor = cursor;
    this.#tail = new Tail(this.key, cursor);
  }

  async stop(): Promise<void> {
    this.#unwatch();
    await this.#tail.close();
  }
}
