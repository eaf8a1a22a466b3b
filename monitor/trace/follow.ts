/**
 * Follows the traces and keeps the attempts: read from every input in turn, fold, write, tell. Woken by the inputs and,
 * because a file system does not say everything, by a clock. After an error of the store everything is loaded anew, so
 * that memory and store never differ. An input that cannot be read is said so, and the others go on.
 */
import { parseTraceLine } from "../../unikernel/trace.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { PinataList } from "../schema.ts";
import type { Store } from "../store/store.ts";
import { AttemptFold, type AttemptRecord, type Boot, BUCKET } from "./attempts.ts";
import type { BootState } from "./boots.ts";
import type { Piece, TraceInput } from "./input.ts";
import { ANY_FILE, type Progress } from "./progress.ts";
import type { SamplerOptions } from "./sampling.ts";

export interface FollowOptions {
  inputs: readonly TraceInput[];
  store: Pick<Store, "load" | "commit">;
  clock: Clock;
  log: Log;
  /** Called after each written batch. */
  changed: (records: readonly AttemptRecord[]) => void;
  /** How many attempts a second get a row. */
  sampling?: SamplerOptions;
  pollMillis?: number;
  /** From an error to the next try. */
  retryMillis?: number;
}

export type InputHealth = PinataList["inputs"][number];

export interface TraceTotals {
  counts: Readonly<Record<string, number>>;
  pinata: Boot | null;
  /** Most recently heard first. */
  boots?: readonly BootState[];
  inputs?: readonly InputHealth[];
  /** Boots that have stopped and are the last ones of their inputs: piñatas that do not run. */
  stopped?: readonly string[];
}

interface Entry {
  input: TraceInput;
  /** The input's name, with a number where several have the same. */
  name: string;
  heard: number | null;
  /** Why the latest reading failed. */
  failed: string | null;
  piece: Piece | undefined;
}

const POLL = 200;
const AFTER_ERROR = 2000;
/** A flood is over when nothing was left out for so long. */
const CALM = 60_000;

export class TraceFollower {
  readonly #options: FollowOptions;
  readonly #entries: Entry[];
  #counts: Record<string, number> = {};
  #pinata: Boot | null = null;
  #fold: AttemptFold | undefined;
  #busy: Promise<void> | undefined;
  #again = false;
  /** Between start and stop. */
  #running = false;
  #flood: number | undefined;
  #cancel = () => {};

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#entries = options.inputs.map((input, at) => ({
      input,
      name: numbered(input.name, options.inputs.slice(0, at).filter(({ name }) => name === input.name).length),
      heard: null,
      failed: null,
      piece: undefined,
    }));
  }

  /** Resolves when what the store knew is loaded; reading goes on by itself. Throws when an input can never be read. */
  async start(): Promise<void> {
    const { fold, saved } = await this.#load();
    try {
      await this.#startInputs(fold, saved);
    } catch (error) {
      await Promise.all(this.#entries.map(({ input }) => input.stop()));
      throw error;
    }
    this.#running = true;
    this.#wake();
  }

  async #startInputs(fold: AttemptFold, saved: Progress | null): Promise<void> {
    for (const { input } of this.#entries) {
      await input.start(cursorOf(input, saved), () => this.#wake());
      // What such an input was told while nobody read it is gone.
      if (saved && input.kind !== "file") fold.count("gaps");
    }
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel();
    await this.#busy;
    await Promise.all(this.#entries.map(({ input }) => input.stop()));
  }

  totals(): TraceTotals {
    const inputs = this.#entries.map(({ input: { kind, problem }, name, heard, failed }) => {
      return { name, kind, problem: failed ?? problem, heard };
    });
    const stopped = this.#fold?.stoppedIn(this.#entries.map(({ input }) => input.key)) ?? [];
    return { counts: this.#counts, pinata: this.#pinata, boots: this.#fold?.boots ?? [], inputs, stopped };
  }

  async #load(): Promise<{ fold: AttemptFold; saved: Progress | null }> {
    const { store, sampling } = this.#options;
    const { cursor: saved, open, pinata, counts } = (await store.load()).trace;
    this.#counts = counts;
    this.#pinata = pinata;
    this.#fold = new AttemptFold(open, pinata, { progress: saved, ...(sampling ? { sampling } : {}) });
    return { fold: this.#fold, saved };
  }

  /** One reader at a time; a call during its work makes it look once more. */
  #wake(): void {
    if (!this.#running) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#cancel();
    this.#busy = this.#drain().then((pause) => {
      this.#busy = undefined;
      if (!this.#running) return;
      if (this.#again && this.#fold) this.#wake();
      else this.#cancel = this.#options.clock.after(pause, () => this.#wake());
    });
  }

  /** Reads until there is nothing new; answers how long to wait. */
  async #drain(): Promise<number> {
    const { log, pollMillis = POLL, retryMillis = AFTER_ERROR } = this.#options;
    this.#again = false;
    try {
      const fold = this.#fold ?? (await this.#restore());
      while (this.#running && (await this.#batch(fold))) {
        // Others want to run too: a flood of lines must not stop the API.
        await new Promise((resolve) => setImmediate(resolve));
      }
      log.recovered("trace", "attempts can be kept again");
      this.#say();
      return this.#entries.some(({ failed }) => failed !== null) ? retryMillis : pollMillis;
    } catch (error) {
      this.#fold = undefined;
      log.problem("trace", `attempts cannot be kept: ${error instanceof Error ? error.message : error}`);
      return retryMillis;
    }
  }

  async #restore(): Promise<AttemptFold> {
    const { fold, saved } = await this.#load();
    for (const { input } of this.#entries) await input.rewind(cursorOf(input, saved));
    return fold;
  }

  /** Whether anything was read. */
  async #batch(fold: AttemptFold): Promise<boolean> {
    const { store, clock, changed } = this.#options;
    let any = false;
    for (const entry of this.#entries) {
      entry.piece = await read(entry);
      if (!entry.piece) continue;
      any = true;
      if (entry.piece.lines.length > 0) entry.heard = clock.now();
      take(fold, entry.piece);
    }
    if (!any) return false;
    const batch = fold.take();
    const cursor = { cursors: this.#cursors(), ...fold.progress() };
    await store.commit({ trace: { batch, cursor, at: clock.now() } });
    for (const { input, piece } of this.#entries) if (piece) input.kept();
    this.#count(batch.counts);
    this.#pinata = batch.pinata;
    this.#watchFlood(batch.counts["sampled-out"] ?? 0);
    if (batch.records.length > 0 || batch.pinataChanged || Object.keys(batch.counts).length > 0) changed(batch.records);
    return true;
  }

  #count(counts: Readonly<Record<string, number>>): void {
    for (const [name, by] of Object.entries(counts)) {
      if (name.startsWith("bucket:") && this.#counts[name] === undefined) this.#forgetBuckets();
      this.#counts[name] = (this.#counts[name] ?? 0) + by;
    }
  }

  /** As the store does. */
  #forgetBuckets(): void {
    const oldest = Math.floor(this.#options.clock.now() / BUCKET) - 288;
    for (const name of Object.keys(this.#counts)) {
      if (name.startsWith("bucket:") && Number(name.slice(7)) < oldest) delete this.#counts[name];
    }
  }

  #cursors(): Progress["cursors"] {
    return Object.fromEntries(
      this.#entries.flatMap(({ input: { key, cursor } }) => (cursor ? [[key, cursor] as const] : [])),
    );
  }

  #watchFlood(leftOut: number): void {
    const { log, clock } = this.#options;
    if (leftOut > 0) {
      this.#flood = clock.now();
      log.problem("flood", "more attempts a second than are kept: all are counted, a sample of them is kept");
    } else this.#calm();
  }

  #calm(): void {
    const { log, clock } = this.#options;
    if (this.#flood === undefined || Math.abs(clock.now() - this.#flood) < CALM) return;
    this.#flood = undefined;
    log.recovered("flood", "every attempt is kept again");
  }

  #say(): void {
    const { log } = this.#options;
    this.#calm();
    for (const entry of this.#entries) {
      const { input, name, failed } = entry;
      const problem = failed ?? input.problem;
      if (problem !== null) log.problem(`trace ${input.key}`, `the trace ${name} ${problem}`);
      else log.recovered(`trace ${input.key}`, `the trace ${name} can be read again`);
    }
  }
}

function numbered(name: string, before: number): string {
  return before === 0 ? name : `${name} ${before + 1}`;
}

async function read(entry: Entry): Promise<Piece | undefined> {
  try {
    const piece = await entry.input.read();
    entry.failed = null;
    return piece;
  } catch (error) {
    entry.failed = `cannot be read: ${error instanceof Error ? error.message : error}`;
    return undefined;
  }
}

function take(fold: AttemptFold, { lines, lane, tooLong, torn, gaps }: Piece): void {
  for (const line of lines) {
    const event = parseTraceLine(line);
    if (event) fold.apply(event, lane);
    else fold.count("lines:unreadable");
  }
  if (tooLong > 0) fold.count("lines:too-long", tooLong);
  if (torn > 0) fold.count("lines:torn", torn);
  if (gaps > 0) fold.count("gaps", gaps);
}

function cursorOf({ key, kind }: TraceInput, saved: Progress | null): Progress["cursors"][string] | null {
  if (!saved || kind !== "file") return null;
  return saved.cursors[key] ?? saved.cursors[ANY_FILE] ?? null;
}
