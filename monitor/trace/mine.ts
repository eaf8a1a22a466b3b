/**
 * POST /v1/attempts/mine: who shows the random of a ClientHello sees its attempt whole, with the address and port that
 * everyone else sees half of. The random is known to the two sides of the handshake and to whoever stood between them, who
 * has seen more than this. It is sent in a body, so that it is in no log; only its SHA-256 is kept, and never published.
 */
import { createHash } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { publicAttempt, publicEvents } from "../publish.ts";
import { apiError, mineAnswer, mineQuestion } from "../schema.ts";
import type { Store } from "../store/store.ts";
import type { AttemptRecord } from "./attempts.ts";

const PATH = "/v1/attempts/mine";
/** Bytes of a question. */
const MAX_BODY = 1024;
/** Attempts with one random that are shown. */
const MOST = 10;

const HELP = 'send {"random":"64 hex digits"}: the random of your ClientHello, in a key log the field after the label';
const NONE =
  "no attempt with this random: its hello could not be read, it was left out in a flood, it is too old, or it was not here";

export function addMine(app: OpenAPIHono, store: Pick<Store, "attempts">): void {
  const json = <T>(schema: T, description: string) => ({ description, content: { "application/json": { schema } } });
  app.openAPIRegistry.registerPath({
    method: "post",
    path: PATH,
    summary: "The attempts whose ClientHello had this random, whole",
    request: { body: { required: true, ...json(mineQuestion, "The random") } },
    responses: {
      200: json(mineAnswer, "The attempts, newest first"),
      400: json(apiError, "Not a random"),
      404: json(apiError, "No such attempt"),
      413: json(apiError, "Too long"),
      415: json(apiError, "Not JSON"),
    },
  });
  const limit = bodyLimit({ maxSize: MAX_BODY, onError: (context) => context.json({ error: HELP }, 413) });
  app.post(PATH, limit, async (context) => {
    const type = context.req.header("content-type") ?? "";
    if (!/^application\/json *(;|$)/i.test(type)) return context.json({ error: `as application/json: ${HELP}` }, 415);
    const question = mineQuestion.safeParse(await context.req.json().catch(() => undefined));
    if (!question.success) return context.json({ error: HELP }, 400);
    const token = createHash("sha256").update(Buffer.from(question.data.random, "hex")).digest("hex");
    const records = (await store.attempts(MOST, { token })) ?? [];
    if (records.length === 0) return context.json({ error: NONE }, 404);
    return context.json(mineAnswer.parse({ attempts: mineOf(records) }), 200);
  });
}

/** A random that came from two addresses is known to more than one peer: whose it is cannot be told, so no address is shown. */
function mineOf(records: readonly AttemptRecord[]) {
  const shared = new Set(records.map(({ attempt }) => attempt.peer)).size > 1;
  return records.map((record) => {
    const attempt = publicAttempt(record);
    if (shared) return { ...attempt, events: publicEvents(record), peerAddress: null, peerPort: null };
    const [first] = record.events;
    const began = first?.event === "accepted" || first?.event === "refused" ? first : undefined;
    return {
      ...attempt,
      events: record.events,
      peerAddress: record.attempt.peer,
      peerPort: began?.peer.port ?? null,
    };
  });
}
