/**
 * A small client of Bitcoin Core's JSON-RPC: one method a call, authentication by the node's cookie file, every answer checked by a
 * zod schema. Failures are CommandErrors that say which node, which method and why.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { CommandError } from "../cli/errors.ts";

const reply = z.object({
  result: z.unknown(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
});

const PATIENCE_MILLIS = 60_000;

/** The node answered a call with an error of its own. */
export class RpcError extends CommandError {
  override name = "RpcError";
  constructor(
    method: string,
    readonly code: number,
    message: string,
  ) {
    super(`bitcoind refused ${method}: ${message} (${code})`);
  }
}

export class BitcoindRpc {
  /**
   * `url` such as http://127.0.0.1:18443; `cookieFile` is read anew for each call, since the node makes a new one at each start;
   * a call that takes longer than `patience` milliseconds has failed.
   */
  constructor(
    private readonly url: string,
    private readonly cookieFile: string,
    private readonly patience = PATIENCE_MILLIS,
  ) {}

  /** Calls `method`; throws {@link RpcError} when the node refuses, CommandError when it cannot be reached or understood. */
  async call<T>(method: string, params: unknown[], schema: z.ZodType<T>): Promise<T> {
    const text = await this.post(JSON.stringify({ jsonrpc: "1.0", id: "pinata", method, params }));
    const parsed = reply.safeParse(parseJson(text));
    if (!parsed.success) throw new CommandError(`${this.url} does not answer like bitcoind: ${text.slice(0, 80)}`);
    const { error, result } = parsed.data;
    if (error) throw new RpcError(method, error.code, error.message);
    const value = schema.safeParse(result);
    if (value.success) return value.data;
    throw new CommandError(
      `bitcoind answered ${method} with something else than expected: ${JSON.stringify(result).slice(0, 80)}`,
    );
  }

  private async post(body: string): Promise<string> {
    let login: string;
    try {
      login = readFileSync(this.cookieFile, "utf8").trim();
    } catch (error) {
      throw new CommandError(`cannot read bitcoind's cookie: ${(error as Error).message}`);
    }
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url, {
        method: "POST",
        body,
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${Buffer.from(login).toString("base64")}`,
        },
        signal: AbortSignal.timeout(this.patience),
      });
      text = await response.text();
    } catch (error) {
      const { name, message, cause } = error as Error & { cause?: { code?: string } };
      const why = name === "TimeoutError" ? `no answer in ${this.patience / 1000} s` : (cause?.code ?? message);
      throw new CommandError(`cannot reach bitcoind at ${this.url}: ${why}`);
    }
    if (response.status === 401)
      throw new CommandError(`bitcoind at ${this.url} does not accept the cookie in ${this.cookieFile}`);
    return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
