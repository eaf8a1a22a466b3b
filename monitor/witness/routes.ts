/** The witness in the API: its key, its statements as they were signed, and the certificates of proven spends. */
import { createPublicKey } from "node:crypto";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { certificate } from "../certificate/certificate.ts";
import { apiError } from "../schema.ts";
import type { Store } from "../store/store.ts";
import { signedStatement } from "./statement.ts";
import type { Witness } from "./witness.ts";

export interface WitnessParts {
  store: Pick<Store, "statements" | "evidence">;
  about: Witness["about"];
}

/** GET /v1/witness-key. */
export const witnessKey = z.object({
  algorithm: z.literal("Ed25519"),
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** The same for openssl. */
  pem: z.string(),
});

/** GET /v1/statements: in the order of their numbers; `next` is the `from` of the next page, null on the last one. */
export const statementPage = z.object({ statements: z.array(signedStatement), next: z.number().int().nullable() });

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
const error = (description: string) => json(apiError, description);

const routes = {
  key: createRoute({
    method: "get",
    path: "/v1/witness-key",
    summary: "The key that signs the statements of this monitor",
    responses: { 200: json(witnessKey, "The public key") },
  }),
  statements: createRoute({
    method: "get",
    path: "/v1/statements",
    summary: "Signed statements, oldest first; `pinata verify` checks them",
    request: {
      query: z.object({
        from: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(1),
        limit: z.coerce.number().int().min(1).max(100).default(50),
      }),
    },
    responses: { 200: json(statementPage, "A page of statements"), 400: error("A query that makes no sense") },
  }),
  statement: createRoute({
    method: "get",
    path: "/v1/statements/{number}",
    summary: "One signed statement, or `latest`",
    request: { params: z.object({ number: z.string().openapi({ param: { name: "number", in: "path" } }) }) },
    responses: {
      200: json(signedStatement, "The statement"),
      400: error("Neither a number nor latest"),
      404: error("No such statement"),
    },
  }),
  breach: createRoute({
    method: "get",
    path: "/v1/breach/{txid}",
    summary: "The certificate of a spend: a self-contained proof that `pinata verify` checks offline",
    request: { params: z.object({ txid: z.string().openapi({ param: { name: "txid", in: "path" } }) }) },
    responses: {
      200: json(certificate, "The certificate"),
      400: error("Not a txid"),
      404: error("No certificate of such a spend"),
    },
  }),
};

/** Adds the routes to the API. */
export function addWitness(app: OpenAPIHono, { store, about }: WitnessParts): void {
  app.openapi(routes.key, (context) => {
    const { key } = about();
    return context.json({ algorithm: "Ed25519" as const, key, pem: pemOf(key) }, 200);
  });

  app.openapi(routes.statements, async (context) => {
    const { from, limit } = context.req.valid("query");
    const rows = await store.statements(from, limit + 1);
    const statements = rows.slice(0, limit).map(({ body }) => stored(signedStatement, body));
    return context.json({ statements, next: rows[limit]?.number ?? null }, 200);
  });

  app.openapi(routes.statement, async (context) => {
    const wanted = context.req.valid("param").number;
    if (wanted !== "latest" && !/^[1-9]\d{0,14}$/.test(wanted)) {
      return context.json({ error: "a statement is a number from 1 on, or latest" }, 400);
    }
    const number = wanted === "latest" ? about().latest : Number(wanted);
    const [row] = number === null ? [] : await store.statements(number, 1);
    if (row?.number !== number || !row) {
      return context.json({ error: `no statement ${wanted}; /v1/statements lists them` }, 404);
    }
    return context.json(stored(signedStatement, row.body), 200);
  });

  app.openapi(routes.breach, async (context) => {
    const { txid } = context.req.valid("param");
    if (!/^[0-9a-f]{64}$/.test(txid)) return context.json({ error: "a txid is 64 small hex digits" }, 400);
    const body = await store.evidence(txid);
    if (body === undefined) {
      return context.json({ error: `no certificate of ${txid}; /v1/coins lists the spends that were proven` }, 404);
    }
    return context.json(stored(certificate, body), 200);
  });
}

/** Checked, with the order of keys as it was signed: parsing would give it the schema's. */
function stored<T>(schema: z.ZodType<T>, body: string): T {
  const value: unknown = JSON.parse(body);
  schema.parse(value);
  return value as T;
}

function pemOf(publicKey: string): string {
  const x = Buffer.from(publicKey, "hex").toString("base64url");
  return String(
    createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }).export({ type: "spki", format: "pem" }),
  );
}
