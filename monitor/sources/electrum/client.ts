/**
 * JSON-RPC 2.0 over lines with one Electrum server: questions and their answers. At most {@link MAX_PENDING}
 * questions wait at once, each for a limited time; a line may be as long as the longest answer that is waited for.
 * Whatever is not an answer to a question that waits is counted and dropped; a peer that sends too much of it is
 * left.
 */
import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { Pace } from "../pace.ts";
import { SourceError } from "../source.ts";
import type { ElectrumAddress } from "./address.ts";
import { type Connection, openConnection } from "./connection.ts";
import { answer, METHODS, type Method, notification, type Result, SMALL } from "./messages.ts";

export const MAX_PENDING = 64;
/** Messages that nobody asked for, in one connection. */
export const MAX_STRAYS = 1000;
/** ElectrumX: the session used too much; the server is busy. */
const BUSY = [-101, -102];
const BUSY_PAUSE = 30_000;

export interface ClientOptions {
  address: ElectrumAddress;
  clock: Clock;
  pace: Pace;
  /** Milliseconds for the connection, and for each answer. */
  timeout: number;
  signal: AbortSignal;
  /** A notification came; false when it is about nothing that was subscribed to. */
  notified(method: string, params: readonly unknown[]): boolean;
  /** The connection ended by itself or was left; not told of {@link ElectrumClient.close}. */
  ended(error: SourceError): void;
}

interface Pending {
  method: Method;
  cancel: () => void;
  resolve(result: unknown): void;
  reject(error: SourceError): void;
}

/** The server's own words for why there is no answer. */
export class ElectrumError extends SourceError {
  constructor(
    readonly code: number | undefined,
    message: string,
  ) {
    const busy = code !== undefined && BUSY.includes(code);
    super(`answers "${quote(message)}"`, busy ? { retryAfter: BUSY_PAUSE, lost: true } : {});
  }
}

export class ElectrumClient {
  readonly #options: ClientOptions;
  readonly #pending = new Map<number, Pending>();
  #connection!: Connection;
  #end: SourceError | undefined;
  #id = 0;
  #strays = 0;

  private constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Throws {@link SourceError}. */
  static async open(options: ClientOptions): Promise<ElectrumClient> {
    const client = new ElectrumClient(options);
    const { address, clock, timeout, signal } = options;
    client.#connection = await openConnection({
      address,
      clock,
      timeout,
      signal,
      limit: () => Math.max(SMALL, ...[...client.#pending.values()].map(({ method }) => METHODS[method].maxBytes)),
      line: (text) => client.#line(text),
      ended: (reason) => client.#leave(reason),
    });
    return client;
  }

  /** Messages so far that answer nothing and notify of nothing that was asked for. */
  get strays(): number {
    return this.#strays;
  }

  /** Throws {@link SourceError}: `lost` when the connection is gone. */
  async call<M extends Method>(method: M, ...params: readonly unknown[]): Promise<Result<M>> {
    await this.#options.pace.turn();
    if (this.#end) throw this.#end;
    if (this.#pending.size >= MAX_PENDING) throw new SourceError(`has ${MAX_PENDING} questions to answer already`);
    const id = ++this.#id;
    const { clock, timeout } = this.#options;
    const result = await new Promise<unknown>((resolve, reject) => {
      const cancel = clock.after(timeout, () => this.#leave(`did not answer ${method} within ${timeout} ms`));
      this.#pending.set(id, { method, cancel, resolve, reject });
      this.#connection.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
    const parsed = METHODS[method].result.safeParse(result);
    if (!parsed.success) throw new SourceError(`sent something else than an answer to ${method}`);
    return parsed.data as Result<M>;
  }

  close(): void {
    this.#finish(new SourceError("is not asked any more", { lost: true }));
  }

  #line(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#leave("sent something that is not JSON");
      return;
    }
    const reply = answer.safeParse(message);
    if (reply.success && typeof message === "object" && ("result" in message! || "error" in message!)) {
      this.#answered(reply.data);
      return;
    }
    const told = notification.safeParse(message);
    if (told.success) {
      if (!this.#options.notified(told.data.method, told.data.params)) this.#stray();
    } else if (typeof message === "object" && message !== null && "id" in message) {
      this.#stray();
    } else {
      this.#leave("sent something that is not JSON-RPC");
    }
  }

  #answered({ id, result, error }: z.output<typeof answer>): void {
    const pending = this.#pending.get(id);
    if (!pending) {
      this.#stray();
      return;
    }
    this.#pending.delete(id);
    pending.cancel();
    if (error === undefined || error === null) pending.resolve(result);
    else if (typeof error === "string") pending.reject(new ElectrumError(undefined, error));
    else pending.reject(new ElectrumError(error.code, error.message));
  }

  #stray(): void {
    if (++this.#strays > MAX_STRAYS) this.#leave("sends messages that nobody asked for, without end");
  }

  /** Ends the connection for a reason that is the server's. */
  #leave(reason: string): void {
    if (this.#end) return;
    const error = new SourceError(reason, { lost: true });
    this.#finish(error);
    this.#options.ended(error);
  }

  #finish(error: SourceError): void {
    this.#end ??= error;
    this.#connection.close();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { cancel, reject } of waiting) {
      cancel();
      reject(error);
    }
  }
}

/** Someone else's text, fit to be shown: at most 200 printable characters. */
export function quote(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
}
