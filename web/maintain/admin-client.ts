/**
 * The monitor's admin calls (monitor/schema.ts), each with the token that a maintainer showed: the monitor decides about
 * every one of them, and nothing is kept here. Answers are bounded, checked by their schemas and waited for at most
 * `ANSWER_WITHIN`; the token goes to the monitor's own address and nowhere else (redirects are not followed).
 */
import type { z } from "zod";
import {
  type Annotation,
  acknowledgement,
  type annotationDraft,
  annotation as annotationSchema,
  keptAlerts,
  type Overview,
  overview,
} from "../../monitor/schema.ts";
import { type Clock, systemClock } from "../clock.ts";
import { boundedText, inWords, parsed } from "../feed.ts";

/**
 * `refused`: not its token (401). `tokenless`: it has no admin token (403). `unknown`: it knows no such alert (404).
 * `unfit`: it does not take what was sent (400). `silent`: no answer that could be used, and why, in words.
 */
export type Answer<T> =
  | { kind: "ok"; value: T }
  | { kind: "refused" | "tokenless" | "unknown" | "unfit" }
  | { kind: "silent"; problem: string };

export type AlertPage = z.infer<typeof keptAlerts>;
export type Draft = z.infer<typeof annotationDraft>;

export interface AdminClient {
  overview(token: string): Promise<Answer<Overview>>;
  /** Newest first. `before`: the sequence to page from. */
  alerts(token: string, page: { limit: number; before?: number | undefined }): Promise<Answer<AlertPage>>;
  /** `id`: 32 hex digits. */
  acknowledge(token: string, id: string): Promise<Answer<unknown>>;
  annotate(token: string, draft: Draft): Promise<Answer<Annotation>>;
}

const ANSWER_WITHIN = 5_000;
const SAID: Readonly<Record<number, "refused" | "tokenless" | "unknown" | "unfit">> = {
  400: "unfit",
  401: "refused",
  403: "tokenless",
  404: "unknown",
};

/** Asks the monitor at `monitorUrl` (http or https). */
export function createAdminClient({
  monitorUrl,
  clock = systemClock,
}: {
  monitorUrl: string;
  clock?: Clock;
}): AdminClient {
  const base = new URL(monitorUrl.endsWith("/") ? monitorUrl : `${monitorUrl}/`);

  async function call<T>(path: string, schema: z.ZodType<T>, token: string, sent?: RequestInit): Promise<Answer<T>> {
    const late = new AbortController();
    const cancel = clock.after(ANSWER_WITHIN, () => late.abort(new Error("the monitor does not answer in time")));
    try {
      const headers = { accept: "application/json", authorization: `Bearer ${token}`, ...sent?.headers };
      const response = await fetch(new URL(path, base), { ...sent, headers, redirect: "error", signal: late.signal });
      const text = await boundedText(response);
      const said = SAID[response.status];
      if (said !== undefined) return { kind: said };
      if (response.status === 200 || response.status === 201) {
        return { kind: "ok", value: parsed(path, schema, text) };
      }
      return { kind: "silent", problem: `the monitor answered ${response.status} to /${path}` };
    } catch (error) {
      return { kind: "silent", problem: inWords(error) };
    } finally {
      cancel();
    }
  }

  return {
    overview: (token) => call("v1/admin", overview, token),
    alerts(token, { limit, before }) {
      const page = before === undefined ? "" : `&before=${before}`;
      return call(`v1/admin/alerts?limit=${limit}${page}`, keptAlerts, token);
    },
    acknowledge: (token, id) => call(`v1/alerts/${id}/ack`, acknowledgement, token, { method: "POST" }),
    annotate: (token, draft) =>
      call("v1/annotations", annotationSchema, token, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(draft),
      }),
  };
}
