/**
 * Looks whether the piñata can be reached at all: a TCP connection to its door, opened and closed. Several failures in a row
 * are a problem, one success ends it. To the piñata this is a connection like any other and is counted as an attempt, so it is
 * made seldom. What answers is not checked here: that is the proof of candy's part.
 */
import { connect } from "node:net";
import type { Clock } from "./clock.ts";

export interface ProbeOptions {
  host: string;
  port: number;
  everyMillis: number;
  clock: Clock;
  /** What is wrong in words, or null. */
  report: (problem: string | null) => void;
}

const TIMEOUT = 10_000;
/** A connection can fail for once. */
const TELL_AFTER = 3;
/** Milliseconds until a failed one is tried again, where the pause would be longer. */
const AGAIN = 20_000;

export class Probe {
  readonly #options: ProbeOptions;
  readonly #stopping = new AbortController();
  #failures = 0;
  #cancel = () => {};

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#round();
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancel();
  }

  async #round(): Promise<void> {
    const { host, port, everyMillis, clock, report } = this.#options;
    const failure = await tryToConnect(host, port, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    this.#failures = failure === null ? 0 : this.#failures + 1;
    if (failure === null) report(null);
    else if (this.#failures >= TELL_AFTER) report(`cannot be reached at ${host} port ${port}: ${failure}`);
    const pause = failure === null ? everyMillis : Math.min(everyMillis, AGAIN);
    this.#cancel = clock.after(pause, () => void this.#round());
  }
}

/** Why it cannot be connected to, or null. */
function tryToConnect(host: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (outcome: string | null): void => {
      socket.destroy();
      signal.removeEventListener("abort", abort);
      resolve(outcome);
    };
    const abort = (): void => end("stopped");
    signal.addEventListener("abort", abort);
    socket.setTimeout(TIMEOUT, () => end(`no answer within ${TIMEOUT / 1000} seconds`));
    socket.once("connect", () => end(null));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
