/**
 * Asking an Esplora API: at the pace it allows, left alone for as long as it asks, within limits of time and size. A web
 * page is never taken for an answer, whatever its status; JSON passes a schema before anyone sees it.
 */
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { BusyError, exchange } from "../http.ts";
import { Pace } from "../pace.ts";
import { SourceError } from "../source.ts";
import type { EsploraAddress } from "./address.ts";

export const hash = z.string().regex(/^[0-9a-f]{64}$/);
export const height = z.number().int().nonnegative();
export const hexBytes = z.string().regex(/^([0-9a-f]{2})+$/);

export const SMALL = 4096;
/** Added to the time for which a server asks to be left alone, so that not everybody comes back at once. */
const JITTER = 0.1;

export interface ApiOptions {
  address: EsploraAddress;
  /** Milliseconds for one request, and for waiting until it may be sent. */
  timeout: number;
  clock: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random: () => number;
}

export class EsploraApi {
  readonly #options: ApiOptions;
  readonly #pace: Pace | undefined;
  /** Until when the server asked to be left alone. */
  #rest = 0;

  constructor(options: ApiOptions) {
    const { address, clock } = options;
    this.#options = options;
    this.#pace = address.limit && new Pace(clock, address.limit);
  }

  /** Requests that may be sent now without waiting. */
  get spare(): number {
    return this.#pace?.left ?? Number.POSITIVE_INFINITY;
  }

  /** Plain text that fits `schema`; throws {@link SourceError}. */
  async text<T>(path: string, schema: z.ZodType<T>, what: string, maxBytes = SMALL): Promise<T> {
    return check(schema, (await this.#get(path, what, maxBytes)).trim(), what);
  }

  /** As {@link text}; undefined on 404, which for a transaction means "not known". */
  async maybeText<T>(path: string, schema: z.ZodType<T>, what: string, maxBytes: number): Promise<T | undefined> {
    const text = await this.#maybe(path, what, maxBytes);
    return text === undefined ? undefined : check(schema, text.trim(), what);
  }

  async json<T>(path: string, schema: z.ZodType<T>, what: string, maxBytes = SMALL): Promise<T> {
    return check(schema, parse(await this.#get(path, what, maxBytes), what), what);
  }

  /** As {@link json}; undefined on 404. */
  async maybeJson<T>(path: string, schema: z.ZodType<T>, what: string, maxBytes = SMALL): Promise<T | undefined> {
    const text = await this.#maybe(path, what, maxBytes);
    return text === undefined ? undefined : check(schema, parse(text, what), what);
  }

  async #get(path: string, what: string, maxBytes: number): Promise<string> {
    const text = await this.#maybe(path, what, maxBytes);
    if (text === undefined) throw new SourceError(`does not know ${path} (HTTP 404)`);
    return text;
  }

  async #maybe(path: string, what: string, maxBytes: number): Promise<string | undefined> {
    const { address, timeout } = this.#options;
    await this.#turn();
    const headers = address.authorization === undefined ? {} : { authorization: address.authorization };
    let answer: Awaited<ReturnType<typeof exchange>>;
    try {
      answer = await exchange(address.base + path, { timeout, maxBytes, headers });
    } catch (error) {
      throw error instanceof BusyError ? this.#busy(error) : error;
    }
    const { status, text } = answer;
    if (status !== 200 && status !== 404)
      throw new SourceError(`answers HTTP ${status}`, { lost: GATEWAY.has(status) });
    // A proxy's page says nothing about the chain, not even that something is not there.
    if (/^\s*</.test(text)) throw new SourceError(`sent a web page (HTTP ${status}) instead of ${what}`);
    return status === 404 ? undefined : text;
  }

  async #turn(): Promise<void> {
    const { clock, timeout, address } = this.#options;
    const left = this.#rest - clock.now();
    if (left > 0) throw new SourceError("asked to be left alone", { retryAfter: left, lost: true });
    if (!this.#pace || (await this.#pace.turn(timeout))) return;
    const hourly = Math.round(address.limit!.perSecond * 3600);
    throw new SourceError(`has been asked as often as it may be (${hourly} requests an hour)`, {
      retryAfter: this.#pace.wait,
      lost: true,
    });
  }

  /** Too many requests: nothing is left of the burst, and the server's word on when to come back counts. */
  #busy(error: BusyError): SourceError {
    const { clock, random } = this.#options;
    this.#pace?.drain();
    if (error.retryAfter === undefined) return error;
    const retryAfter = Math.round(error.retryAfter * (1 + JITTER * random()));
    this.#rest = clock.now() + retryAfter;
    return new SourceError(error.message, { retryAfter, lost: error.lost });
  }
}

/** Whoever stands in front of the API cannot reach it. */
const GATEWAY = new Set([502, 504, 520, 521, 522, 523, 524, 530]);

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SourceError(`sent something that is not JSON for ${what}`);
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new SourceError(`sent something else than ${what}`);
  return result.data;
}
