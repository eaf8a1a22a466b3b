/** The witness in the API: what it serves is what was signed, fits its schema, and mistakes are explained. */
import { join } from "node:path";
import { OpenAPIHono } from "@hono/zod-openapi";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import { certificate } from "../../../monitor/certificate/certificate.ts";
import { checkCertificate } from "../../../monitor/certificate/check.ts";
import { makeCertificate } from "../../../monitor/certificate/make.ts";
import { apiError } from "../../../monitor/schema.ts";
import type { Store } from "../../../monitor/store/store.ts";
import { canonical } from "../../../monitor/witness/canonical-json.ts";
import { addWitness, statementPage, witnessKey } from "../../../monitor/witness/routes.ts";
import { signedStatement } from "../../../monitor/witness/statement.ts";
import { CONFIRMED, theft } from "../certificate/fixture.ts";
import { temporaryFolder } from "../support/rig.ts";
import { openTestStore } from "../support/store.ts";
import { chainOf, KEY } from "./fixture.ts";

const chain = chainOf(5);
let folder: ReturnType<typeof temporaryFolder>;
let store: Store;
let app: OpenAPIHono;
let latest: number | null;

beforeEach(async () => {
  folder = temporaryFolder();
  store = await openTestStore(join(folder.path, "store.sqlite"));
  app = new OpenAPIHono();
  latest = null;
  addWitness(app, { store, about: () => ({ key: KEY.publicKey, latest }) });
});
afterEach(async () => {
  await store.close();
  folder.remove();
});

async function keep(): Promise<void> {
  for (const each of chain) {
    const { number, time } = each.statement;
    await store.commit({ statement: { number, at: time, body: canonical(each) } });
    latest = number;
  }
}

async function get<T>(path: string, schema: z.ZodType<T>, code = 200): Promise<T> {
  const response = await app.request(path);
  expect(response.status, path).toBe(code);
  const value = await response.json();
  expect(schema.parse(value)).toEqual(value);
  return value as T;
}

test("pages in the order of numbers", async () => {
  await keep();
  expect(await get("/v1/statements", statementPage)).toEqual({ statements: chain, next: null });
  expect(await get("/v1/statements?limit=2", statementPage)).toEqual({ statements: chain.slice(0, 2), next: 3 });
  expect(await get("/v1/statements?limit=2&from=3", statementPage)).toEqual({ statements: chain.slice(2, 4), next: 5 });
  expect(await get("/v1/statements?from=6", statementPage)).toEqual({ statements: [], next: null });
});

test("one statement as it was signed, and the latest", async () => {
  await keep();
  expect(await (await app.request("/v1/statements/2")).text()).toBe(canonical(chain[1]));
  expect(await get("/v1/statements/latest", signedStatement)).toEqual(chain[4]);
  expect((await get("/v1/statements/6", apiError, 404)).error).toContain("no statement 6");
});

test("before the first statement there is none", async () => {
  expect(await get("/v1/statements", statementPage)).toEqual({ statements: [], next: null });
  await get("/v1/statements/latest", apiError, 404);
});

test.each([
  "/v1/statements/0",
  "/v1/statements/-1",
  "/v1/statements/1.5",
  "/v1/statements/x",
  `/v1/statements/${"9".repeat(40)}`,
])("%s is no number", async (path) => {
  await keep();
  expect((await get(path, apiError, 400)).error).toContain("a number from 1 on, or latest");
});

test.each(["limit=0", "limit=101", "from=0", "from=x", "limit=1e9"])("a page with %s is refused", async (query) => {
  expect((await app.request(`/v1/statements?${query}`)).status).toBe(400);
});

test("the key, also for openssl", async () => {
  const { key, pem } = await get("/v1/witness-key", witnessKey);
  expect(key).toBe(KEY.publicKey);
  expect(Buffer.from(pem.split("\n")[1]!, "base64").toString("hex")).toContain(key);
});

test("the certificate of a spend", async () => {
  const txid = theft.getId();
  expect((await get(`/v1/breach/${txid}`, apiError, 404)).error).toContain("no certificate of");
  const body = makeCertificate(CONFIRMED);
  await store.commit({ evidence: [{ txid, body }] });
  expect(await (await app.request(`/v1/breach/${txid}`)).text()).toBe(body);
  checkCertificate(await get(`/v1/breach/${txid}`, certificate));
  await get("/v1/breach/xyz", apiError, 400);
});

test("the document tells of all four", () => {
  const paths = Object.keys(
    app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } }).paths ?? {},
  );
  expect(paths).toEqual(["/v1/witness-key", "/v1/statements", "/v1/statements/{number}", "/v1/breach/{txid}"]);
});
