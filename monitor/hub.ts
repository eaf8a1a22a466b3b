/**
 * The live stream: numbered events to any number of listeners, a bounded memory of the latest ones for those who come
 * back (Last-Event-ID), and a status that is sent when it changed (at most every so often) or when it gets old.
 * Numbers begin at the time of start in microseconds, so they count up across restarts too.
 */
import type { Clock } from "./clock.ts";
import type { Attempt, Status } from "./schema.ts";

export interface StreamEvent {
  id: number;
  event: "status" | "attempt";
  /** One line of JSON. */
  data: string;
}

export type Listener = (event: StreamEvent) => void;

export const RING = 1000;
/** And of no more memory than this. */
const RING_BYTES = 8 << 20;
/** A status at most this often when only attempts changed. */
const CALM = 500;
/** A status at least this often, so that readers see how fresh it is. */
const OLD = 10_000;

export class Hub {
  readonly #clock: Clock;
  readonly #status: () => Status;
  readonly #ring: StreamEvent[] = [];
  readonly #listeners = new Set<Listener>();
  #bytes = 0;
  #next: number;
  #last: { attempts: string; key: string; at: number } | undefined;
  #due: (() => void) | undefined;
  #cancelOld = () => {};
  #stopped = false;

  constructor(clock: Clock, status: () => Status) {
    this.#clock = clock;
    this.#status = status;
    this.#next = clock.now() * 1000;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  stop(): void {
    this.#stopped = true;
    this.#due?.();
    this.#cancelOld();
    this.#listeners.clear();
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * What a reader that has seen `last` missed, of statuses only the latest. When `last` is not remembered any more, or
   * the reader is new, the present status comes first, since it says what all earlier ones did.
   */
  replay(last: number | undefined): StreamEvent[] {
    const present = (id: number): StreamEvent => ({ id, event: "status", data: JSON.stringify(this.#status()) });
    const oldest = this.#ring[0]?.id ?? this.#next;
    if (last === undefined || last >= this.#next) return [present(this.#next - 1)];
    const missed = this.#ring.filter(({ id }) => id > last);
    const latest = missed.findLast(({ event }) => event === "status");
    const events = missed.filter((each) => each.event !== "status" || each === latest);
    return last >= oldest - 1 ? events : [present(oldest - 1), ...events];
  }

  attempt(attempt: Attempt): void {
    this.#tell("attempt", JSON.stringify(attempt));
  }

  /** Something may have changed: sends the status if it did; soon, when it is only the attempts. */
  touch(): void {
    if (this.#stopped) return;
    const status = this.#status();
    const key = chainKey(status);
    if (key !== this.#last?.key) {
      this.#send(status, key);
      return;
    }
    if (this.#due || attemptsKey(status) === this.#last.attempts) return;
    const wait = Math.max(0, this.#last.at + CALM - this.#clock.now());
    this.#due = this.#clock.after(wait, () => {
      this.#due = undefined;
      const now = this.#status();
      this.#send(now, chainKey(now));
    });
  }

  #send(status: Status, key: string): void {
    this.#due?.();
    this.#due = undefined;
    this.#cancelOld();
    this.#last = { key, attempts: attemptsKey(status), at: this.#clock.now() };
    this.#tell("status", JSON.stringify(status));
    this.#cancelOld = this.#clock.after(OLD, () => {
      const now = this.#status();
      this.#send(now, chainKey(now));
    });
  }

  #tell(event: StreamEvent["event"], data: string): void {
    const next = { id: this.#next++, event, data };
    this.#ring.push(next);
    this.#bytes += data.length;
    while (this.#ring.length > RING || this.#bytes > RING_BYTES) this.#bytes -= this.#ring.shift()!.data.length;
    for (const listener of [...this.#listeners]) listener(next);
  }
}

/** What of a status is worth telling at once: not times that always move, nor a sentence that counts seconds. */
function chainKey({ verdict, coins, tip, sources, since, pinata, annotations }: Status): string {
  const health = sources.map(({ name, healthy, problem, tip: at }) => [name, healthy, problem, at]);
  return JSON.stringify([verdict, coins, tip, health, since, pinata, annotations]);
}

function attemptsKey({ attempts: { total, opened, funnel } }: Status): string {
  return JSON.stringify([total, opened, funnel]);
}
