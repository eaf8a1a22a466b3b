/**
 * Follows the trace file and keeps the attempts: read, fold, write, tell. Woken by the file system and, because that is
 * not reliable everywhere, by a clock. After an error of the store everything is loaded anew, so that memory and store
 * never differ.
 */
import { watch as watchFiles } from "node:fs";
import { dirname } from "node:path";
import { parseTraceLine } from "../../unikernel/trace.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { AttemptFold, type AttemptRecord, type Boot } from "./attempts.ts";
import { Tail } from "./tail.ts";

export interface FollowOptions {
  path: string;
  store: Pick<TraceStore, "load" | "write">;
  clock: Clock;
  log: Log;
  /** Called after each written batch. */
  changed: (records: readonly AttemptRecord[]) => void;
  pollMillis?: number;
}

export interface TraceTotals {
  counts: Readonly<Record<string, number>>;
  pinata: Boot | null;
}

const POLL = 200;
const AFTER_ERROR = 2000;

export class TraceFollower {
  readonly #options: FollowOptions;
  #counts: Record<string, number> = {};
  #pinata: Boot | null = null;
  #reading: { tail: Tail; fold: AttemptFold } | undefined;
  #busy: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #cancel = () => {};
  #unwatch = () => {};

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  /** Resolves when what the store knew is loaded; reading goes on by itself. */
  async start(): Promise<void> {
    await this.#load();
    this.#watch();
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#unwatch();
    await this.#busy;
    await this.#reading?.tail.close();
  }

  totals(): TraceTotals {
    return { counts: this.#counts, pinata: this.#pinata };
  }

  async #load(): Promise<{ tail: Tail; fold: AttemptFold }> {
    const { path, store } = this.#options;
    const { cursor, open, pinata, counts } = await store.load();
    this.#counts = counts;
    this.#pinata = pinata;
    this.#reading = { tail: new Tail(path, cursor), fold: new AttemptFold(open, pinata) };
    return this.#reading;
  }

  /** One reader at a time; a call during its work makes it look once more. */
  #wake(): void {
    if (this.#stopped) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#cancel();
    this.#busy = this.#drain().then((pause) => {
      this.#busy = undefined;
      if (this.#stopped) return;
      if (this.#again) this.#wake();
      else this.#cancel = this.#options.clock.after(pause, () => this.#wake());
    });
  }

  /** Reads until there is nothing new; answers how long to wait. */
  async #drain(): Promise<number> {
    const { log, path, pollMillis = POLL } = this.#options;
    this.#again = false;
    try {
      const reading = this.#reading ?? (await this.#load());
      while (!this.#stopped && (await this.#batch(reading))) {
        // Others want to run too: a flood of lines must not stop the API.
        await new Promise((resolve) => setImmediate(resolve));
      }
      log.recovered("trace", `the trace file ${path} can be read again`);
      return pollMillis;
    } catch (error) {
      await this.#reading?.tail.close().catch(() => undefined);
      this.#reading = undefined;
      log.problem("trace", `the trace file ${path}: ${error instanceof Error ? error.message : error}`);
      return AFTER_ERROR;
    }
  }

  async #batch({ tail, fold }: { tail: Tail; fold: AttemptFold }): Promise<boolean> {
    const { store, clock, changed } = this.#options;
    const read = await tail.read();
    if (!read) return false;
    for (const line of read.lines) {
      const event = parseTraceLine(line);
      if (event) fold.apply(event);
      else fold.count("lines:unreadable");
    }
    if (read.tooLong > 0) fold.count("lines:too-long", read.tooLong);
    if (read.torn > 0) fold.count("lines:torn", read.torn);
    const batch = fold.take();
    await store.write(batch, read.cursor, clock.now());
    for (const [name, by] of Object.entries(batch.counts)) this.#counts[name] = (this.#counts[name] ?? 0) + by;
    this.#pinata = batch.pinata;
    if (batch.records.length > 0 || batch.pinataChanged || Object.keys(batch.counts).length > 0) changed(batch.records);
    return read.more;
  }

  #watch(): void {
    try {
      const watcher = watchFiles(dirname(this.#options.path), { persistent: false }, () => this.#wake());
      // The clock still wakes us.
      watcher.on("error", () => watcher.close());
      this.#unwatch = () => watcher.close();
    } catch {
      // The folder does not exist yet, or the system has no more watches: the clock is enough.
    }
  }
}
