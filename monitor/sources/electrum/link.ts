/**
 * Keeps a session with a server: opened at the first question, opened again by itself when it ends, with longer and
 * longer pauses (jittered) while that fails. During a pause questions fail at once with the reason. Each new
 * session after the first is news, since anything may have happened in between.
 */
import { SourceError } from "../source.ts";
import { Session, type SessionOptions } from "./session.ts";

export interface LinkOptions extends Omit<SessionOptions, "signal" | "news" | "ended"> {
  /** 0 ≤ r < 1; for jitter only. */
  random(): number;
}

export const FIRST_PAUSE = 500;
export const LONGEST_PAUSE = 60_000;
/** A session that held this long was a good one: pauses begin anew. */
const STEADY = 30_000;

type State =
  | { name: "idle" | "closed" }
  | { name: "opening"; session: Promise<Session>; abort: AbortController }
  | { name: "open"; session: Session }
  | { name: "pausing"; reason: SourceError; cancel: () => void };

export class Link {
  readonly #options: LinkOptions;
  readonly #listeners = new Set<() => void>();
  #state: State = { name: "idle" };
  #failures = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Throws {@link SourceError} when there is none. */
  async session(): Promise<Session> {
    const state = this.#state;
    if (state.name === "open") return state.session;
    if (state.name === "opening") return state.session;
    if (state.name === "pausing") throw state.reason;
    if (state.name === "closed") throw new SourceError("is not asked any more", { lost: true });
    return this.#open();
  }

  /** Messages of the present session that nobody asked for. */
  get strays(): number {
    return this.#state.name === "open" ? this.#state.session.strays : 0;
  }

  close(): void {
    const state = this.#state;
    this.#state = { name: "closed" };
    this.#listeners.clear();
    if (state.name === "opening") state.abort.abort();
    if (state.name === "open") state.session.close();
    if (state.name === "pausing") state.cancel();
  }

  #open(): Promise<Session> {
    const { clock } = this.#options;
    const began = clock.now();
    const abort = new AbortController();
    let over: SourceError | undefined;
    const opening = Session.open({
      ...this.#options,
      signal: abort.signal,
      news: () => this.#tell(),
      ended: (error) => {
        over = error;
        if (this.#state.name !== "open") return;
        if (clock.now() - began >= STEADY) this.#failures = 0;
        this.#pause(error);
      },
    }).then(
      (session) => {
        if (over) throw this.#pause(over);
        this.#state = { name: "open", session };
        return session;
      },
      (error: unknown) => {
        // Whatever went wrong while opening, there is nobody to ask.
        if (error instanceof SourceError) throw this.#pause(new SourceError(error.message, { lost: true }));
        throw error;
      },
    );
    this.#state = { name: "opening", session: opening, abort };
    return opening;
  }

  #pause(reason: SourceError): SourceError {
    if (this.#state.name === "closed") return reason;
    const { clock, random } = this.#options;
    const grown = Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE);
    const cancel = clock.after(grown * (0.5 + random() / 2), () => {
      this.#open().then(
        () => this.#tell(),
        () => undefined,
      );
    });
    this.#state = { name: "pausing", reason, cancel };
    return reason;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
