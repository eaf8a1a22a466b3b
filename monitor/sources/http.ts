/**
 * One HTTP exchange with a source: a total time limit that covers the body, a size limit that is enforced while
 * reading, and errors in words. Redirects are refused: a source is the URL that was configured.
 */
import { SourceError } from "./source.ts";

export interface Exchange {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  /** Milliseconds for connection, headers and body together. */
  timeout: number;
  maxBytes: number;
}

export interface Answer {
  status: number;
  text: string;
}

/** The source has too many requests, ours or others'. */
export class BusyError extends SourceError {}

/**
 * Performs the exchange; throws {@link SourceError} when there is no complete answer within the limits or a redirect,
 * {@link BusyError} on 429 and 503.
 */
export async function exchange(url: string, options: Exchange): Promise<Answer> {
  const { method = "GET", headers = {}, body, timeout, maxBytes } = options;
  let response: Response;
  const signal = AbortSignal.timeout(timeout);
  try {
    response = await fetch(url, {
      method,
      headers,
      redirect: "manual",
      signal,
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    throw new SourceError(describe(error, timeout), { lost: true });
  }
  if (response.status === 429 || response.status === 503) {
    await response.body?.cancel().catch(() => undefined);
    throw new BusyError(response.status === 429 ? "asks for fewer requests (HTTP 429)" : "is overloaded (HTTP 503)", {
      retryAfter: retryAfter(response.headers.get("retry-after"), Date.now(), LONGEST_REST),
      lost: true,
    });
  }
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel().catch(() => undefined);
    throw new SourceError(
      `redirects to ${showPlace(response.headers.get("location"), url)} (HTTP ${response.status}), which is not followed`,
      { lost: true },
    );
  }
  return { status: response.status, text: await readLimited(response, maxBytes, timeout) };
}

async function readLimited(response: Response, maxBytes: number, timeout: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > maxBytes) throw new SourceError(`sent an answer longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof SourceError ? error : new SourceError(describe(error, timeout), { lost: true });
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Where a redirect leads, without what may be secret in it. */
function showPlace(location: string | null, from: string): string {
  if (location === null || !URL.canParse(location, from)) return "nowhere";
  const { protocol, host, pathname } = new URL(location, from);
  return `${protocol}//${host}${pathname}`.slice(0, 120);
}

const LONGEST_REST = 3_600_000;
const MAX_RETRY_AFTER = 600_000;

/** Milliseconds from a Retry-After header (RFC 9110 §10.2.3), at most `most`; undefined when absent or unreadable. */
export function retryAfter(header: string | null, now: number, most = MAX_RETRY_AFTER): number | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), most) : undefined;
}

function describe(error: unknown, timeout: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `did not answer within ${timeout} ms`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNREFUSED") return "refuses connections";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name does not resolve";
  return `cannot be reached (${code || (cause instanceof Error ? cause.message : String(cause))})`;
}
