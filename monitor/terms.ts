/**
 * Runs the monitor while it leads and waits while another one does. A standby sends nothing and publishes nothing: what it
 * could say of the chain would be older than it looks. It answers 503 and who leads, so that a load balancer asks there, and
 * tries each second to lead. A leader that lost the store ends all that it does and becomes a standby.
 */
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { Readiness } from "./schema.ts";
import type { Standby, Store, StoreAccess, Term } from "./store/store.ts";

export interface TermsOptions {
  access: StoreAccess;
  clock: Clock;
  log: Log;
  /** Starts everything that a leader does. */
  begin: (store: Store) => Promise<{ stop(): Promise<void> }>;
  /** Answers requests from now on. */
  serve: (handler: (request: Request) => Response | Promise<Response>) => void;
  /** Told when nobody can lead because the store cannot be used, and when it can. */
  emergency: { failed(reason: string, unkept: readonly string[]): void; worked(): void } | undefined;
}

/** Milliseconds between tries to lead. */
const PAUSE = 1000;

export class Terms {
  readonly #options: TermsOptions;
  readonly #stopping = new AbortController();
  #following: Promise<void> | undefined;

  constructor(options: TermsOptions) {
    this.#options = options;
  }

  /** `found`: the first answer of {@link StoreAccess.lead}. Throws when the first term cannot begin. */
  async start(found: Term | Standby): Promise<void> {
    if ("leader" in found) this.#wait(found);
    const running = "store" in found ? await this.#begin(found) : undefined;
    this.#following = this.#follow(running && { ...(found as Term), running });
  }

  /** Ends what a leader does, then gives up the lead. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.#options.access.close();
  }

  async #follow(first: (Term & { running: { stop(): Promise<void> } }) | undefined): Promise<void> {
    const { access, log, emergency } = this.#options;
    if (first) await this.#lead(first);
    while (await this.#pause()) {
      try {
        const found = await access.lead();
        log.recovered("store", "the store can be used again");
        if ("leader" in found) {
          emergency?.worked();
          this.#wait(found);
          continue;
        }
        const running = await this.#begin(found);
        log.recovered("standby", "this monitor leads now");
        await this.#lead({ ...found, running });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.problem("store", `nobody leads as far as this monitor knows: ${reason}`);
        this.#serve(`this monitor cannot use its store: ${reason}`);
        emergency?.failed(reason, []);
      }
    }
  }

  async #begin({ store }: Term): Promise<{ stop(): Promise<void> }> {
    try {
      return await this.#options.begin(store);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Until the lead is lost or given up. */
  async #lead({ store, lost, running }: Term & { running: { stop(): Promise<void> } }): Promise<void> {
    const over = AbortSignal.any([lost, this.#stopping.signal]);
    if (!over.aborted) await new Promise((resolve) => over.addEventListener("abort", resolve, { once: true }));
    if (lost.aborted) {
      this.#options.log.info(`this monitor does not lead any more: ${lost.reason}`);
      this.#serve("this monitor has just lost the lead");
    }
    await running.stop();
    await store.close();
  }

  #wait({ leader }: Standby): void {
    this.#options.log.problem("standby", `this monitor is a standby; the leader is ${leader}`);
    this.#serve(`this monitor is a standby; ask the leader (${leader})`);
  }

  #serve(problem: string): void {
    this.#options.serve((request) => standbyAnswer(request, problem));
  }

  /** False when it is time to stop. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#stopping;
    if (signal.aborted) return false;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.clock.after(PAUSE, done);
      signal.addEventListener("abort", done, { once: true });
    });
    return !signal.aborted;
  }
}

function standbyAnswer(request: Request, problem: string): Response {
  const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
  const { pathname } = new URL(request.url);
  if (pathname === "/healthz") return new Response("ok\n", { headers });
  const body: Readiness | { error: string } = pathname === "/readyz" ? { ready: false, problem } : { error: problem };
  return Response.json(body, { status: 503, headers: { ...headers, "retry-after": "2" } });
}
