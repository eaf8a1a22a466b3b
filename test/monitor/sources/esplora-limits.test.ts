/** How often an Esplora server is asked: its address's settings, the token bucket, and what a server says when it has had enough. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readEsploraAddress } from "../../../monitor/sources/esplora/address.ts";
import { EsploraSource } from "../../../monitor/sources/esplora.ts";
import { Pace } from "../../../monitor/sources/pace.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import { EsploraBench, TARGET } from "../support/esplora.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

const PUBLIC_LIMIT = { perSecond: 1 / 8, burst: 250 };

describe("the address", () => {
  test.each([
    ["https://blockstream.info/api", { base: "https://blockstream.info/api", operator: "blockstream.info" }],
    ["https://blockstream.info/testnet/api/", { name: "blockstream.info/testnet/api" }],
    ["https://blockstream.info/api", { limit: PUBLIC_LIMIT }],
    ["https://x.example:8443/api", { operator: "x.example", name: "x.example:8443/api" }],
    ["http://127.0.0.1:8082", { operator: "127.0.0.1:8082", base: "http://127.0.0.1:8082" }],
    ["http://[::1]:3000/#per-second=2", { operator: "[::1]:3000", limit: { perSecond: 2, burst: 120 } }],
    ["https://x.example/api#per-second=0.5&burst=7", { limit: { perSecond: 0.5, burst: 7 } }],
    ["https://x.example/api#burst=7", { limit: { perSecond: 1 / 8, burst: 7 } }],
    ["https://mempool.space/api", { socket: "wss://mempool.space/api/v1/ws", limit: PUBLIC_LIMIT }],
    ["https://mempool.space/testnet4/api", { socket: "wss://mempool.space/testnet4/api/v1/ws" }],
    ["http://localhost:8082#websocket=on", { socket: "ws://localhost:8082/api/v1/ws" }],
    ["https://me:s%20cret@x.example/api", { authorization: `Basic ${Buffer.from("me:s cret").toString("base64")}` }],
  ])("%s", (text, expected) => {
    expect(readEsploraAddress(text)).toMatchObject(expected);
  });

  test("no limit on this machine, no push channel where none was asked for", () => {
    expect(readEsploraAddress("http://localhost:8082")).not.toHaveProperty("limit");
    expect(readEsploraAddress("https://blockstream.info/api")).not.toHaveProperty("socket");
    expect(readEsploraAddress("https://notmempool.space/api")).not.toHaveProperty("socket");
    expect(readEsploraAddress("https://mempool.space/api#websocket=off")).not.toHaveProperty("socket");
  });

  test.each([
    "blockstream.info/api",
    "ftp://x.example",
    "https://x.example/api?key=1",
    "https://x.example/api#persecond=1",
    "https://x.example/api#per-second=0",
    "https://x.example/api#per-second=-1",
    "https://x.example/api#per-second=1e9",
    "https://x.example/api#per-second=1&per-second=2",
    "https://x.example/api#burst=0",
    "https://x.example/api#burst=1.5",
    "https://x.example/api#websocket=maybe",
    "https://%E0%A4@x.example/api",
  ])("%s is none, and is not repeated in the error", (text) => {
    expect(readEsploraAddress(text)).toBeUndefined();
    expect(() => new EsploraSource({ url: text })).toThrow(/^not the address of an Esplora API, such as https:/);
  });

  test("user and password are in no name", () => {
    const source = new EsploraSource({ url: "https://me:secret@x.example/api" });
    expect([source.name, source.operator]).toEqual(["x.example/api", "x.example"]);
  });

  // esplora #449, #519; 700 requests an hour were reported in CypherBox #194.
  test("known failure: limits undocumented; by default no hour has more than 700 requests, and quiet rounds fit in", async () => {
    let now = 0;
    const clock = { now: () => now, after: () => () => {} };
    const pace = new Pace(clock, readEsploraAddress("https://blockstream.info/api")!.limit!);
    let sent = 0;
    for (; now <= 3_600_000; now += 1_000) while (await pace.turn(0)) sent++;
    expect(sent).toBeGreaterThan(690);
    expect(sent).toBeLessThanOrEqual(700);
    const { pollMillis } = new EsploraSource({ url: "https://blockstream.info/api" });
    expect((2 * 3_600_000) / pollMillis).toBeLessThan(450);
    expect(pollMillis, "so that a verdict does not go blind between two rounds").toBeLessThan(25_000);
    expect(new EsploraSource({ url: "http://127.0.0.1:8082" }).pollMillis).toBe(0);
  });
});

describe("a server that is asked", () => {
  let bench: EsploraBench;
  let clock: FakeClock;
  beforeEach(async () => {
    bench = await EsploraBench.start();
    clock = new FakeClock();
  });
  afterEach(() => bench.stop());

  test("all calls take from one bucket; one whose turn is too far away is not sent", async () => {
    const source = bench.source({ clock, settings: "per-second=0.1&burst=4", timeout: 15_000 });
    const { hash } = bench.node.chain.tip;
    await source.tip();
    await source.fundings(TARGET);
    expect(bench.asked()).toHaveLength(3);
    await source.transaction("ab".repeat(32));
    expect(bench.asked()).toHaveLength(1);
    // The next turn is ten seconds away, which is within the limit of time; the one after it is not.
    const waiting = source.spender({ txid: "ab".repeat(32), vout: 0 });
    await expect(source.tip()).rejects.toMatchObject({
      message: "has been asked as often as it may be (360 requests an hour)",
      lost: true,
      retryAfter: 20_000,
    });
    await settle();
    expect(bench.asked()).toEqual([]);
    await clock.advance(10_000);
    expect(await waiting).toBeUndefined();
    expect(bench.asked()).toHaveLength(1);
    await clock.advance(40_000);
    expect((await source.tip()).hash).toBe(hash);
  });

  test("headers that were read before a limit are not asked for again", async () => {
    const source = bench.source({ clock, settings: "per-second=0.1&burst=6", timeout: 1_000 });
    const { hash, height } = bench.node.chain.tip;
    await expect(source.headers(hash, height, height + 1)).rejects.toBeInstanceOf(SourceError);
    expect(bench.asked()).toHaveLength(6);
    await clock.advance(50_000);
    expect(await source.headers(hash, height, height + 1)).toHaveLength(102);
    expect(bench.asked()).toHaveLength(5);
  });

  test.each([
    ["seconds", () => "30", 30_000],
    ["a date", () => new Date(Date.now() + 3_000_000).toUTCString(), 3_000_000],
    ["a day, of which an hour is believed", () => "86400", 3_600_000],
  ])(
    "Retry-After in %s: left alone for that long, whatever is asked, and then at a slow pace",
    async (_, retryAfter, millis) => {
      const source = bench.source({ clock, settings: "per-second=0.1&burst=50", timeout: 1_000 });
      await source.tip();
      bench.faults.limit = { allowed: 0, status: 429, retryAfter: retryAfter() };
      const refused = await source.tip().catch((error: SourceError) => error);
      expect(refused).toMatchObject({ message: "asks for fewer requests (HTTP 429)", lost: true });
      const wait = (refused as SourceError).retryAfter!;
      expect(Math.abs(wait - millis)).toBeLessThan(60_000);
      bench.faults.limit = undefined;
      bench.asked();
      await clock.advance(wait - 1);
      await expect(source.transaction("ab".repeat(32))).rejects.toMatchObject({ retryAfter: 1, lost: true });
      expect(bench.asked()).toEqual([]);
      await clock.advance(1);
      await source.tip();
    },
  );

  test("after a 429 without Retry-After nothing is left of the burst", async () => {
    const source = bench.source({ clock, settings: "per-second=0.1&burst=50", timeout: 1_000 });
    await source.tip();
    bench.faults.limit = { allowed: 0, status: 429 };
    await expect(source.tip()).rejects.toMatchObject({ lost: true, retryAfter: undefined });
    bench.faults.limit = undefined;
    await expect(source.tip()).rejects.toMatchObject({ retryAfter: 10_000 });
    await clock.advance(10_000);
    await source.tip();
  });

  test("jitter makes the wait longer, never shorter", async () => {
    for (const [random, wait] of [
      [0, 20_000],
      [0.5, 21_000],
    ] as const) {
      bench.faults.limit = { allowed: 0, status: 503, retryAfter: "20" };
      await expect(bench.source({ clock, random: () => random }).tip()).rejects.toMatchObject({
        message: "is overloaded (HTTP 503)",
        retryAfter: wait,
      });
    }
  });

  test("a proxy's page with status 200 is no answer to anything", async () => {
    const source = bench.source({ clock });
    bench.faults.limit = { allowed: 0, status: 200 };
    await expect(source.tip()).rejects.toThrow("sent a web page (HTTP 200) instead of its tip");
    await expect(source.fundings(TARGET)).rejects.toThrow("sent a web page");
    await expect(source.spender({ txid: "ab".repeat(32), vout: 0 })).rejects.toThrow("sent a web page");
  });
});
