/**
 * Content that is made once and sent many times: ETag, 304 (RFC 9110 §13), packed variants by Accept-Encoding (§12.5.3),
 * Vary, and all headers laid out beforehand, so that sending it costs no more than a look at the request.
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Context } from "hono";
import type { Headers } from "./headers.ts";

export interface Content {
  type: string;
  body: string | Uint8Array;
  /** Cache-Control. */
  cache: string;
  /** Beside accept-encoding. */
  vary?: string;
  /** Security headers, and others that are always sent. */
  headers: Headers;
  /** How long it is kept: what lives for seconds is packed quickly, the rest well. */
  lives: "shortly" | "long";
}

type Coding = "br" | "gzip" | "identity";

interface Variant {
  /** A Buffer: Node's sockets make one of anything else, each time. */
  bytes: Buffer<ArrayBuffer>;
  etag: string;
  headers: Record<string, string>;
}

export const SHORT = "public, max-age=2";
export const FOR_EVER = "public, max-age=31536000, immutable";
export const NEVER = "no-store";

/** Text of this many bytes or more is packed. */
const WORTH_PACKING = 400;

export class Prepared {
  readonly #content: Content;
  readonly #bytes: Buffer<ArrayBuffer>;
  readonly #packable: boolean;
  readonly #variants = new Map<Coding, Variant>();
  #hash: string | undefined;

  constructor(content: Content) {
    this.#content = content;
    const { body, type } = content;
    this.#bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
    this.#packable = this.#bytes.length >= WORTH_PACKING && /^(text|image\/svg)|json|xml/.test(type);
  }

  /** Whole, or 304 to who has it. */
  answer(c: Context): Response {
    const coding = this.#packable ? codingFor(c.req.header("accept-encoding") ?? "") : "identity";
    const { bytes, etag, headers } = this.#variant(coding);
    const known = c.req.header("if-none-match");
    if (known !== undefined && matches(known, etag)) {
      const { "content-length": _, ...rest } = headers;
      return complete(new Response(null, { status: 304, headers: rest }));
    }
    return complete(new Response(bytes, { status: 200, headers }));
  }

  /** The same bytes with another status: never kept, never 304. */
  answerAs(c: Context, status: number, extra: Headers = {}): Response {
    const coding = this.#packable ? codingFor(c.req.header("accept-encoding") ?? "") : "identity";
    const { bytes, headers } = this.#variant(coding);
    const { etag: _, ...rest } = headers;
    return complete(new Response(bytes, { status, headers: { ...rest, ...extra, "cache-control": NEVER } }));
  }

  #variant(coding: Coding): Variant {
    const known = this.#variants.get(coding);
    if (known !== undefined) return known;
    const { type, cache, vary, headers, lives } = this.#content;
    const bytes = pack(this.#bytes, coding, lives);
    this.#hash ??= createHash("sha256").update(this.#bytes).digest("base64url").slice(0, 22);
    const etag = `"${this.#hash}${coding === "identity" ? "" : `-${coding}`}"`;
    const varies = [...(this.#packable ? ["accept-encoding"] : []), ...(vary === undefined ? [] : [vary])].join(", ");
    const variant = {
      bytes,
      etag,
      headers: {
        "content-type": type,
        "content-length": String(bytes.length),
        "cache-control": cache,
        etag,
        ...(varies === "" ? {} : { vary: varies }),
        ...(coding === "identity" ? {} : { "content-encoding": coding }),
        ...headers,
      },
    };
    this.#variants.set(coding, variant);
    return variant;
  }
}

/** Answers that carry every header already; the others get them on their way out. */
const WHOLE = Symbol("carries every header");

/** Marks an answer that needs nothing more. */
export function complete(response: Response): Response {
  (response as Response & { [WHOLE]?: true })[WHOLE] = true;
  return response;
}

export function isComplete(response: Response): boolean {
  return WHOLE in response;
}

/** The best coding that Accept-Encoding takes: br before gzip, when both are as welcome. */
export function codingFor(accept: string): Coding {
  if (accept === "") return "identity";
  // Visitors' programs send the same few again and again.
  const known = codings.get(accept);
  if (known !== undefined) return known;
  const coding = bestCoding(accept.slice(0, 500));
  if (codings.size < CODINGS_KEPT && accept.length < 100) codings.set(accept, coding);
  return coding;
}

const CODINGS_KEPT = 100;
const codings = new Map<string, Coding>();

function bestCoding(accept: string): Coding {
  const welcome = (name: string): number => {
    const found = new RegExp(`(?:^|,)\\s*${name}\\s*(?:;\\s*q=([\\d.]+)\\s*)?(?=,|$)`, "i").exec(accept);
    return found === null ? -1 : Number(found[1] ?? 1);
  };
  const any = Math.max(welcome("\\*"), 0);
  const of = (name: string) => (welcome(name) === -1 ? any : welcome(name));
  const [br, gzip] = [of("br"), of("gzip")];
  if (br === 0 && gzip === 0) return "identity";
  return br >= gzip ? "br" : "gzip";
}

function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(",").some((tag) => {
    const name = tag.trim().replace(/^W\//, "");
    return name === etag || name === "*";
  });
}

function pack(bytes: Buffer<ArrayBuffer>, coding: Coding, lives: Content["lives"]): Buffer<ArrayBuffer> {
  if (coding === "gzip") return gzipSync(bytes, { level: lives === "long" ? 9 : 6 });
  if (coding === "identity") return bytes;
  const quality = lives === "long" ? 11 : 5;
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}
