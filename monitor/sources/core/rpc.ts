/**
 * Bitcoin Core's JSON-RPC over HTTP, single calls and batches. Every result passes the caller's schema; what a node sends is
 * bounded in size and time. The cookie is read anew when it is refused, since a node makes a new one at each start.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { exchange } from "../http.ts";
import { SourceError } from "../source.ts";

export interface RpcOptions {
  /** Such as http://127.0.0.1:8332; may hold user:password. */
  url: string;
  cookieFile?: string;
  /** Milliseconds for one call or batch. */
  timeout?: number;
}

export interface RpcCall {
  method: string;
  params: unknown[];
}

/** The node answered with an error. */
export class RpcError extends SourceError {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(`answers "${message}" (RPC error ${code})`);
  }
}

export const RpcCode = {
  Misc: -1,
  /** Of a transaction or block: "not found". */
  NotFound: -5,
  WarmingUp: -28,
  MethodNotFound: -32601,
} as const;

const reply = z.object({
  result: z.unknown(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
  id: z.unknown(),
});
const replies = z.array(reply);
/** A block of 4,000,000 bytes in hex, and some. */
const MAX_ANSWER = 9_000_000;
/** Calls in one batch. */
const MAX_BATCH = 100;

export class CoreRpc {
  /** Of the URL, without brackets. */
  readonly hostname: string;
  /** "host:port". */
  readonly host: string;
  /** Grows when the node was lost or is starting: what was learnt of it before may hold no more. */
  session = 0;
  readonly #url: string;
  readonly #options: RpcOptions;
  #login: string | undefined;

  constructor(options: RpcOptions) {
    this.#options = options;
    const url = new URL(options.url);
    if (url.username) this.#login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    url.username = "";
    url.password = "";
    this.#url = url.href;
    this.host = url.host;
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  }

  /** Throws {@link RpcError} when the node answers with one, else {@link SourceError}. */
  async call<T>(method: string, params: unknown[], schema: z.ZodType<T>, timeout?: number): Promise<T> {
    const body = read(reply, await this.#send({ jsonrpc: "1.0", id: method, method, params }, method, timeout), method);
    const result = this.#result(body, schema, method);
    if (result instanceof RpcError) throw result;
    return result;
  }

  /** One method with several parameters, in order; errors of single calls are in the answer. */
  async batch<T>(
    method: string,
    each: readonly unknown[][],
    schema: z.ZodType<T>,
    atOnce = MAX_BATCH,
  ): Promise<(T | RpcError)[]> {
    const results: (T | RpcError)[] = [];
    for (let from = 0; from < each.length; from += atOnce) {
      const calls = each.slice(from, from + atOnce).map((params) => ({ method, params }));
      for (const result of await this.together(calls)) {
        results.push(result instanceof RpcError ? result : read(schema, result, method));
      }
    }
    return results;
  }

  /**
   * Calls of any methods in one exchange, answered in their order: results that are still to be read by a schema, or errors.
   * What is wrong with the exchange is told of the first method.
   */
  async together(calls: readonly RpcCall[]): Promise<unknown[]> {
    const { method } = calls[0]!;
    const asked = calls.map((call, id) => ({ jsonrpc: "1.0", id, ...call }));
    const body = read(replies, await this.#send(asked, method), method);
    const byId = new Map(body.map((one) => [one.id, one]));
    return calls.map((call, id) => {
      const one = byId.get(id);
      if (!one) throw new SourceError(`left out an answer to ${call.method}`);
      return this.#result(one, z.unknown(), call.method);
    });
  }

  #result<T>({ error, result }: z.infer<typeof reply>, schema: z.ZodType<T>, method: string): T | RpcError {
    if (error?.code === RpcCode.WarmingUp) {
      this.session++;
      throw new SourceError(`is starting up: ${error.message.slice(0, 200)}`);
    }
    if (error) return new RpcError(error.code, error.message.slice(0, 200));
    return read(schema, result, method);
  }

  /** The JSON in the answer. */
  async #send(body: unknown, method: string, timeout = this.#options.timeout ?? 10_000): Promise<unknown> {
    const post = () =>
      exchange(this.#url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${Buffer.from(this.#credentials()).toString("base64")}`,
        },
        body: JSON.stringify(body),
        timeout,
        maxBytes: MAX_ANSWER,
      });
    try {
      let answer = await post();
      if (answer.status === 401 && this.#options.cookieFile !== undefined) {
        this.#login = undefined;
        answer = await post();
      }
      if (answer.status === 401) throw new SourceError("refuses the user name and password");
      if (answer.status === 403) throw new SourceError(`does not allow ${method} to this user (HTTP 403)`);
      try {
        return JSON.parse(answer.text);
      } catch {
        throw new SourceError(`sent something that is not JSON in answer to ${method} (HTTP ${answer.status})`);
      }
    } catch (error) {
      if (error instanceof SourceError && error.lost) this.session++;
      throw error;
    }
  }

  #credentials(): string {
    const { cookieFile } = this.#options;
    if (this.#login === undefined && cookieFile !== undefined) {
      try {
        this.#login = readFileSync(cookieFile, "utf8").trim();
      } catch {
        throw new SourceError(`its cookie file cannot be read (is the node running?)`);
      }
    }
    return this.#login ?? "";
  }
}

/** Bytes of a result that passed {@link hexBytes}. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export const hexBytes = z.string().regex(/^([0-9a-f]{2})+$/);
export const hash = z.string().regex(/^[0-9a-f]{64}$/);
export const height = z.number().int().nonnegative();
/** Bitcoin, as a number. */
export const amount = z.number().min(0).max(21_000_000);

export function toSats(bitcoin: number): number {
  return Math.round(bitcoin * 1e8);
}

/** Throws {@link SourceError} when it is something else. */
export function read<T>(schema: z.ZodType<T>, value: unknown, method: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new SourceError(`sent something else than an answer to ${method}`);
  return result.data;
}
