/** The API: every answer fits its published schema, mistakes are explained, and no whole peer address leaves. */

import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { serve } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import { createApi } from "../../monitor/api.ts";
import { Hub } from "../../monitor/hub.ts";
import { publicAttempt, publicStatus, shortenAddress } from "../../monitor/publish.ts";
import {
  apiError,
  attempt,
  attemptDetail,
  attemptList,
  coinDetail,
  coinList,
  readiness,
  status,
} from "../../monitor/schema.ts";
import { AttemptFold } from "../../monitor/trace/attempts.ts";
import { NOTHING_READ } from "../../monitor/trace/progress.ts";
import { parseTraceLine } from "../../unikernel/trace.ts";
import { breach, fundBounty, PINATA, PUBLIC } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { settle } from "./support/fake-clock.ts";
import { FakeSource } from "./support/fake-source.ts";
import { Rig } from "./support/rig.ts";
import { BOOT, boot, closed, line, refusedAttempt } from "./support/trace-lines.ts";
import { waitFor } from "./support/wait.ts";

const PEER = "203.0.113.77";
const coin = fundBounty(10_000_000n);
let chain: FakeChain;
let source: FakeSource;
let rig: Rig;
let fold: AttemptFold;
let counts: Record<string, number>;
let hub: Hub;
let app: ReturnType<typeof createApi>;
let failures: string[];
const LIMITS = { queue: 20_000, keepAlive: 15_000, clients: 5 };

beforeEach(async () => {
  chain = new FakeChain();
  chain.mine(3, [coin]);
  source = new FakeSource(chain, "somewhere");
  rig = await new Rig(source).start();
  fold = new AttemptFold([], null);
  counts = {};
  failures = [];
  const now = () => publicStatus(PINATA, rig.watch.snapshot(), { counts, pinata: fold.pinata }, rig.clock.now());
  hub = new Hub(rig.clock, now);
  app = createApi({
    status: now,
    snapshot: () => rig.watch.snapshot(),
    store: rig.store,
    hub,
    clock: rig.clock,
    log: { info: () => {}, problem: (_about, text) => void failures.push(text), recovered: () => {} },
    limits: LIMITS,
  });
  await rig.round();
});
afterEach(async () => {
  hub.stop();
  await rig.stop();
  rig.folder.remove();
});

async function trace(...lines: string[]): Promise<void> {
  for (const each of lines) fold.apply(parseTraceLine(each)!);
  const batch = fold.take();
  await rig.store.commit({ trace: { batch, cursor: NOTHING_READ, at: rig.clock.now() } });
  for (const [name, by] of Object.entries(batch.counts)) counts[name] = (counts[name] ?? 0) + by;
  for (const record of batch.records) hub.attempt(publicAttempt(record));
  hub.touch();
}

/** The answer, which must fit `schema` exactly: what the schema would drop is a mistake. */
async function get<T>(path: string, schema: z.ZodType<T>, code = 200): Promise<T> {
  const response = await app.request(path);
  expect(response.status, path).toBe(code);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const text = await response.text();
  expect(text).not.toContain(PEER);
  const value = schema.parse(JSON.parse(text));
  expect(value).toEqual(JSON.parse(text));
  return value;
}

describe("answers", () => {
  test("status: sealed, then moving, with attempts and the piñata", async () => {
    const before = await get("/v1/status", status);
    expect(before).toMatchObject({
      verdict: "sealed",
      network: "regtest",
      address: PUBLIC.address,
      refundHeight: 500,
      hanging: 10_000_000,
      funded: 10_000_000,
      tip: { height: 3 },
      pinata: null,
      attempts: { total: 0, last24h: 0, opened: 0 },
    });
    expect(before.coins).toEqual([
      {
        outpoint: `${coin.getId()}:0`,
        value: 10_000_000,
        state: "funded",
        funding: { height: 1, hash: chain.best[1]!.hash },
        confirmations: 3,
      },
    ]);
    expect(before.sources).toMatchObject([{ name: "somewhere", healthy: true, problem: null, tip: { height: 3 } }]);
    chain.add(breach({ from: [{ transaction: coin }] }));
    await trace(boot(), ...refusedAttempt(1));
    await rig.round();
    const after = await get("/v1/status", status);
    expect(after).toMatchObject({
      verdict: "moving",
      hanging: 10_000_000,
      pinata: { boot: BOOT, running: true },
      attempts: { total: 1, last24h: 1 },
    });
    expect(after.coins[0]!.spend).toMatchObject({ kind: "breach", proof: expect.stringContaining("BIP-340") });
    expect(after.attempts.funnel.map(({ count }) => count)).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    chain.mine();
    await rig.round();
    expect(await get("/v1/status", status)).toMatchObject({ verdict: "smashed", hanging: 0, funded: 10_000_000 });
  });

  test("coins, one coin and its history", async () => {
    expect((await get("/v1/coins", coinList)).length).toBe(1);
    chain.mine(1, [breach({ from: [{ transaction: coin }] })]);
    await rig.round();
    const one = await get(`/v1/coins/${coin.getId()}:0`, coinDetail);
    expect(one.keyOut).toBe(true);
    expect(one.history.map(({ kind }) => kind)).toEqual(["funded", "spend-seen", "spend-confirmed"]);
    expect((await get(`/v1/coins/${coin.getId()}:1`, apiError, 404)).error).toContain("/v1/coins lists them");
    for (const wrong of ["x", `${coin.getId()}`, `${coin.getId()}:99999999999`]) {
      expect((await get(`/v1/coins/${wrong}`, apiError, 400)).error).toContain("txid:vout");
    }
  });

  test("attempts, page by page, and one with its trace", async () => {
    await trace(boot());
    for (let conn = 1; conn <= 7; conn++) await trace(...refusedAttempt(conn));
    const seen: string[] = [];
    let path = "/v1/attempts?limit=3";
    for (;;) {
      const page = await get(path, attemptList);
      seen.push(...page.attempts.map(({ id }) => id));
      for (const { peer } of page.attempts) expect(peer).toBe("203.0.x.x");
      if (page.next === null) break;
      path = `/v1/attempts?limit=3&before=${page.next}`;
    }
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map((conn) => `${BOOT}-${conn}`));
    const one = await get(`/v1/attempts/${BOOT}-4`, attemptDetail);
    expect(one).toMatchObject({ outcome: "refused", peer: "203.0.x.x", reason: "no certificate (RFC 8446 §4.4.2.4)" });
    expect(one.events.length).toBe(9);
    expect(one.events[0]).toMatchObject({ event: "accepted", peer: "203.0.x.x" });
    expect(one.events[2]).toMatchObject({ event: "hello", suites: [4865], groups: [29] });
  });

  test("mistakes in a query are named", async () => {
    for (const wrong of ["limit=0", "limit=201", "limit=x", "limit=1.5"]) {
      expect((await get(`/v1/attempts?${wrong}`, apiError, 400)).error).toMatch(/^limit: /);
    }
    expect((await get(`/v1/attempts?before=${"0".repeat(16)}-7`, apiError, 404)).error).toContain("no attempt 0000");
    for (const before of ["nobody", "%00", `${"0".repeat(16)}-7%00`]) {
      expect((await get(`/v1/attempts?before=${before}`, apiError, 400)).error).toBe(
        "before: an attempt's id is 16 hex digits, a dash and a number",
      );
    }
    expect((await get("/v1/attempts/xyz", apiError, 400)).error).toContain("16 hex digits");
    expect((await get(`/v1/attempts/${BOOT}-99`, apiError, 404)).error).toContain("old ones are not kept");
    expect((await get("/v1/nothing", apiError, 404)).error).toContain("/openapi.json");
    const post = await app.request("/v1/status", { method: "POST" });
    expect(post.status).toBe(404);
  });

  test("health and readiness", async () => {
    const health = await app.request("/healthz");
    expect([health.status, await health.text()]).toEqual([200, "ok\n"]);
    expect(await get("/readyz", readiness)).toEqual({ ready: true, problem: null });
    source.lies.tip = async () => ({ height: 77, hash: chain.tip.hash });
    await rig.round();
    const not = await get("/readyz", readiness, 503);
    expect(not.problem).toContain("somewhere says that its tip has height 77");
  });

  test("the OpenAPI document names every path and its schemas", async () => {
    const document = (await (await app.request("/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).sort()).toEqual([
      "/healthz",
      "/readyz",
      "/v1/attempts",
      "/v1/attempts/mine",
      "/v1/attempts/{id}",
      "/v1/coins",
      "/v1/coins/{outpoint}",
      "/v1/events",
      "/v1/status",
    ]);
    expect(JSON.stringify(document)).toContain('"smashed"');
  });

  test("a failure of ours is a 500 in JSON that hides its cause from outside and logs it", async () => {
    rig.store.attempt = async () => {
      throw new Error("secret path /x/y");
    };
    const answer = await get(`/v1/attempts/${BOOT}-1`, apiError, 500);
    expect(answer.error).not.toContain("secret");
    expect(failures[0]).toContain("secret path");
  });
});

test("addresses are shortened", () => {
  expect(shortenAddress("203.0.113.77")).toBe("203.0.x.x");
  expect(shortenAddress("::ffff:203.0.113.77")).toBe("203.0.x.x");
  expect(shortenAddress("2001:DB8:85a3::8a2e:370:7334")).toBe("2001:db8:x");
  expect(shortenAddress("fe80::1%eth0")).toBe("fe80:0:x");
  expect(shortenAddress("::1")).toBe("0:0:x");
  expect(shortenAddress("localhost")).toBe("x");
  expect(shortenAddress("")).toBe("x");
});

/** The events of a stream as they come. */
class Reader {
  readonly events: { id: number; event: string; data: unknown }[] = [];
  comments = 0;
  ended: Promise<string>;
  #text = "";

  constructor(response: Response) {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    const read = async (): Promise<string> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "ended";
        this.#text += decoder.decode(value, { stream: true });
        this.#parse();
      }
    };
    this.ended = read().catch((error: Error) => error.message);
  }

  #parse(): void {
    for (let end = this.#text.indexOf("\n\n"); end >= 0; end = this.#text.indexOf("\n\n")) {
      const fields = new Map(
        this.#text
          .slice(0, end)
          .split("\n")
          .map((each) => [each.slice(0, each.indexOf(":")), each.slice(each.indexOf(":") + 2)]),
      );
      this.#text = this.#text.slice(end + 2);
      if (fields.has("")) this.comments++;
      if (!fields.has("data")) continue;
      const event = fields.get("event")!;
      const data = (event === "status" ? status : attempt).parse(JSON.parse(fields.get("data")!));
      this.events.push({ id: Number(fields.get("id")), event, data });
    }
  }
}

async function follow(last?: number | string): Promise<Reader> {
  const headers: Record<string, string> = last === undefined ? {} : { "last-event-id": String(last) };
  const response = await app.request("/v1/events", { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = new Reader(response);
  await settle();
  return reader;
}

describe("events", () => {
  test("a new follower has the status at once, then what happens, with ids that count up", async () => {
    const reader = await follow();
    expect(reader.events.map(({ event }) => event)).toEqual(["status"]);
    await trace(boot(), ...refusedAttempt(1));
    chain.add(breach({ from: [{ transaction: coin }] }));
    await rig.round();
    hub.touch();
    await settle();
    expect(reader.events.map(({ event }) => event)).toEqual(["status", "attempt", "status", "status"]);
    expect(reader.events[1]!.data).toMatchObject({ peer: "203.0.x.x" });
    expect(reader.events.at(-1)!.data).toMatchObject({ verdict: "moving" });
    const ids = reader.events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });

  test("Last-Event-ID: what was missed, of statuses only the latest; nothing twice", async () => {
    const first = await follow();
    await trace(boot(), ...refusedAttempt(1));
    await settle();
    const last = first.events.at(-1)!.id;
    for (let conn = 2; conn <= 9; conn++) {
      await trace(...refusedAttempt(conn));
      await rig.clock.advance(1000);
    }
    const again = await follow(last);
    expect(
      again.events.filter(({ event }) => event === "attempt").map(({ data }) => (data as { id: string }).id),
    ).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((conn) => `${BOOT}-${conn}`));
    expect(again.events.filter(({ event }) => event === "status").length).toBe(1);
    expect(again.events.every(({ id }) => id > last)).toBe(true);
    const all = first.events.filter(({ event }) => event === "attempt").length;
    expect(all).toBe(9);
    expect((await follow(first.events.at(-1)!.id)).events).toEqual([]);
  });

  test("an id that is too old, from the future, or nonsense: the status, and what is remembered", async () => {
    await trace(boot());
    for (let conn = 1; conn <= 1200; conn++) hub.attempt({ ...example(), id: `${BOOT}-${conn}` });
    const old = await follow(1);
    expect(old.events.length).toBe(1001);
    expect(old.events[0]!.event).toBe("status");
    expect((old.events.at(-1)!.data as { id: string }).id).toBe(`${BOOT}-1200`);
    const ids = old.events.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    for (const odd of ["9999999999999999", "abc", "-1", ""]) {
      const reader = await follow(odd);
      expect(reader.events.map(({ event }) => event)).toEqual(["status"]);
    }
  });

  test("a status is sent again when it is old, attempts alone are gathered, and silence has its comments", async () => {
    const reader = await follow();
    hub.touch();
    await trace(boot(), ...refusedAttempt(1));
    await trace(...refusedAttempt(2));
    await trace(...refusedAttempt(3));
    await settle();
    const statuses = () => reader.events.filter(({ event }) => event === "status").length;
    const before = statuses();
    await rig.clock.advance(600);
    expect(statuses() - before).toBe(1);
    expect(reader.events.at(-1)!.data).toMatchObject({ attempts: { total: 3 } });
    await rig.clock.advance(60_000);
    expect(statuses() - before).toBeGreaterThanOrEqual(6);
    expect(reader.comments).toBe(4);
  });

  test("a follower that does not read is dropped, others go on, and it can come back", async () => {
    const response = await app.request("/v1/events");
    const good = await follow();
    await trace(boot());
    for (let conn = 1; conn <= 200; conn++) {
      hub.attempt({ ...example(), id: `${BOOT}-${conn}` });
      await settle1();
    }
    expect(hub.listeners).toBe(1);
    expect(await new Reader(response).ended).toContain("does not keep up");
    expect(good.events.filter(({ event }) => event === "attempt").length).toBe(200);
    expect((await follow(good.events[1]!.id)).events.length).toBeGreaterThan(100);
  });

  test("too many followers: 503, until one goes", async () => {
    const responses = await Promise.all(Array.from({ length: LIMITS.clients }, () => app.request("/v1/events")));
    await get("/v1/events", apiError, 503);
    await responses[0]!.body!.cancel();
    expect(hub.listeners).toBe(LIMITS.clients - 1);
    expect((await app.request("/v1/events")).status).toBe(200);
  });

  test("over a real connection: one that does not read is dropped, one that closes is forgotten", async () => {
    const server = await new Promise<Server>((resolve) => {
      const starting = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () =>
        resolve(starting as Server),
      ) as Server;
    });
    const { port } = server.address() as AddressInfo;
    const lazy = connect(port, "127.0.0.1");
    lazy.write("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    lazy.pause();
    const aborting = new AbortController();
    const leaving = await fetch(`http://127.0.0.1:${port}/v1/events`, { signal: aborting.signal });
    expect(leaving.status).toBe(200);
    await waitFor("both", () => hub.listeners === 2);
    aborting.abort();
    await waitFor("one to be forgotten", () => hub.listeners === 1);
    let told = 0;
    await waitFor("the lazy one to be dropped", () => {
      for (let i = 0; i < 200; i++) hub.attempt({ ...example(), id: `${BOOT}-${++told}` });
      return hub.listeners === 0;
    });
    let closed_ = false;
    lazy.on("close", () => {
      closed_ = true;
    });
    lazy.on("error", () => {});
    lazy.resume();
    await waitFor("its connection to be closed", () => closed_);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

async function settle1(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function example() {
  const other = new AttemptFold([], null);
  for (const each of [...refusedAttempt(1), closed(1), line({ event: "opened", conn: 1 })])
    other.apply(parseTraceLine(each)!);
  return publicAttempt(other.take().records[0]!);
}
