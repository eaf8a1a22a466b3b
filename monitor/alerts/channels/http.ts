/**
 * POST to a channel: one exchange, no redirect (a signed or secret-bearing request goes only where it was meant to), a small
 * answer. Statuses become errors that say whose fault it is (RFC 9110 §15): 400, 413, 415 and 422 are about the message,
 * all others about the channel. Errors never hold the URL, which may be a secret itself.
 */
import { retryAfter } from "../../sources/http.ts";
import { ChannelError } from "./channel.ts";

const MAX_ANSWER = 16_384;
const ABOUT_THE_MESSAGE: readonly number[] = [400, 413, 415, 422];

export interface HttpAnswer {
  status: number;
  text: string;
  /** Milliseconds of its Retry-After. */
  retryAfter: number | undefined;
}

/** Throws {@link ChannelError} when there is no answer. */
export async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  } catch (error) {
    throw new ChannelError(describe(error, signal));
  }
  const text = await readSome(response, signal);
  return { status: response.status, text, retryAfter: retryAfter(response.headers.get("retry-after"), Date.now()) };
}

/** Throws {@link ChannelError} unless the status is 2xx. `secret`: is not repeated, should the answer hold it. */
export function mustBeTaken({ status, text, retryAfter: wait }: HttpAnswer, secret?: string): void {
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) {
    throw new ChannelError(
      `answered with a redirect (HTTP ${status}), which is not followed; configure the address it leads to`,
    );
  }
  const said = (secret === undefined ? text : text.replaceAll(secret, "…")).replace(/\s+/g, " ").trim().slice(0, 120);
  throw new ChannelError(`answered HTTP ${status}${said === "" ? "" : `: ${said}`}`, {
    retryAfter: wait,
    about: ABOUT_THE_MESSAGE.includes(status) ? "message" : "channel",
  });
}

/** The beginning of the body; what comes after is not waited for. */
async function readSome(response: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_ANSWER) break;
    }
  } catch (error) {
    // An answer that breaks off is no answer: whoever gave the status may not have been done.
    throw new ChannelError(describe(error, signal));
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER).toString("utf8");
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections",
  ECONNRESET: "closed the connection without an answer",
  UND_ERR_SOCKET: "closed the connection without an answer",
  ENOTFOUND: "has a name that does not resolve",
  EAI_AGAIN: "has a name that does not resolve now",
  DEPTH_ZERO_SELF_SIGNED_CERT: "shows a certificate that is signed by nobody known",
  SELF_SIGNED_CERT_IN_CHAIN: "shows a certificate that is signed by nobody known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "shows a certificate that is signed by nobody known",
  ERR_TLS_CERT_ALTNAME_INVALID: "shows a certificate of another name",
  CERT_SIGNATURE_FAILURE: "shows a certificate that is signed by nobody known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "shows a certificate that is signed by nobody known",
  CERT_HAS_EXPIRED: "shows a certificate that has expired",
};

/** What a code of Node's network or TLS means, after "channel X …". */
export function reasonFor(code: string): string | undefined {
  return REASONS[code];
}

/** What went wrong with a connection, without the address. */
function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "did not answer in time";
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return reasonFor(code) ?? `cannot be reached (${code || (cause instanceof Error ? cause.name : "no reason given")})`;
}
