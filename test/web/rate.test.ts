/** The fiat rate: what is shown, where and how long; what a source may say and do without anything of it being shown. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import type { Rate } from "../../web/info.ts";
import { runWeb, webOptions } from "../../web/main.ts";
import { ASK_RATE_EVERY, followRate, GOOD_FOR, type RateFollower } from "../../web/rate.ts";
import { FakeMonitor } from "./support/fake-monitor.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, INFO, NOW, sampleStatus } from "./support/samples.ts";

const SOURCE = "https://prices.example/api/v1/prices";
const SECONDS = NOW / 1000;
/** As mempool.space gives it. */
const PRICES = { time: SECONDS, USD: 68_000, EUR: 61_234, GBP: -1, CAD: 93_000, CHF: 58_000, AUD: 104_000, JPY: 1e7 };
const LATER = 10;

type Answer = (signal: AbortSignal) => Response | Promise<Response>;

/** A follower whose source answers what the test says, in this order; then nothing more. */
function follow(answers: Answer[], { currency = "EUR", random = 0.5, clock = new HandClock(NOW) } = {}) {
  const asked: { url: string; init: RequestInit }[] = [];
  const said: string[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    asked.push({ url: String(url), init });
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new TypeError("fetch failed", { cause: new Error("nobody is there") });
    return answer(init.signal!);
  };
  const rate = followRate(
    { url: SOURCE, currency },
    { clock, fetch: fetch as typeof globalThis.fetch, random: () => random, log: (line) => said.push(line) },
  );
  return { rate, clock, asked, said };
}
const json = (value: unknown) => () => Response.json(value);
/** Lets what was asked be answered: promises only, no time. */
async function settled(): Promise<void> {
  for (let i = 0; i < LATER; i++) await new Promise((resolve) => setImmediate(resolve));
}
const page = async (rate: () => Rate | null, network: string) => {
  const feed = feedWith("sealed", 0);
  feed.show("sealed", { network });
  const app = createApp({ feed, info: { ...INFO, rate }, clock: new HandClock(NOW + 2_000) });
  return (await app.request("/")).text();
};

const running: (RateFollower | Server)[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) {
    if ("stop" in each) each.stop();
    else await new Promise((resolve) => each.closeAllConnections() ?? each.close(resolve));
  }
});

describe("a rate", () => {
  it("stands on the page with its source and time on the real network, and on no other", async () => {
    const { rate, asked } = follow([json(PRICES)]);
    expect(rate.now()).toBeNull();
    await settled();
    expect(rate.now()).toEqual({ perBitcoin: 61_234, currency: "EUR", source: "prices.example", at: NOW });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ url: SOURCE, init: { redirect: "error" } });
    expect(await page(rate.now, "mainnet")).toContain("≈ €612,348 (prices.example, 1 Mar 2026, 12:00:00 UTC)");
    for (const network of ["regtest", "signet", "testnet4", "mainnet2"]) {
      expect(await page(rate.now, network)).not.toContain("prices.example");
    }
  });

  it("is asked for every ten minutes, and the newest counts", async () => {
    const later = { ...PRICES, time: SECONDS + 600, EUR: 70_000 };
    const { rate, clock, asked } = follow([json(PRICES), json(later)]);
    await settled();
    clock.advance(ASK_RATE_EVERY - 1);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await settled();
    expect(asked).toHaveLength(2);
    expect(rate.now()?.perBitcoin).toBe(70_000);
  });

  it("is not shown any more an hour after it was told, however often the source repeats it", async () => {
    const { rate, clock, said } = follow(Array.from({ length: 20 }, () => json(PRICES)));
    await settled();
    for (let minutes = 0; minutes < 60; minutes += 10) {
      clock.advance(ASK_RATE_EVERY);
      await settled();
    }
    expect(clock.now()).toBe(NOW + GOOD_FOR);
    expect(rate.now()).not.toBeNull();
    clock.advance(1);
    expect(rate.now()).toBeNull();
    expect(await page(rate.now, "mainnet")).not.toContain("prices.example");
    clock.advance(ASK_RATE_EVERY);
    await settled();
    expect(said).toEqual(["web: no rate from prices.example: its rate is not of the last hour"]);
  });

  it("stays while a source fails, for its hour", async () => {
    const { rate, clock } = follow([json(PRICES)]);
    await settled();
    for (let i = 0; i < 6; i++) {
      clock.advance(ASK_RATE_EVERY);
      await settled();
    }
    expect(rate.now()?.perBitcoin).toBe(61_234);
    clock.advance(1);
    expect(rate.now()).toBeNull();
  });
});

describe("a source that does not answer well", () => {
  it.each<[string, Answer, string]>([
    ["zero", json({ ...PRICES, EUR: 0 }), "no time and EUR that make sense"],
    ["less than nothing, as mempool.space says for unknown", json({ ...PRICES, EUR: -1 }), "no time and EUR"],
    ["a text", json({ ...PRICES, EUR: "61234" }), "no time and EUR"],
    ["no number", () => new Response(`{"time":${SECONDS},"EUR":NaN}`), "no time and EUR"],
    ["endless", () => new Response(`{"time":${SECONDS},"EUR":1e999}`), "no time and EUR"],
    ["more than all money", json({ ...PRICES, EUR: 1e14 }), "no time and EUR"],
    ["null", json({ ...PRICES, EUR: null }), "no time and EUR"],
    ["other currencies only", json({ time: SECONDS, USD: 68_000 }), "no time and EUR"],
    ["no time", json({ EUR: 61_234 }), "no time and EUR"],
    ["a time in words", json({ ...PRICES, time: "now" }), "no time and EUR"],
    ["a list", json([PRICES]), "no time and EUR"],
    ["null alone", json(null), "no time and EUR"],
    ["no JSON", () => new Response("<html>"), "no time and EUR"],
    ["nothing", () => new Response(null), "no time and EUR"],
    ["an old rate", json({ ...PRICES, time: SECONDS - 3_601 }), "its rate is not of the last hour"],
    ["a rate of tomorrow", json({ ...PRICES, time: SECONDS + 86_400 }), "its rate is not of the last hour"],
    ["an error", () => Response.json(PRICES, { status: 500 }), "it answered 500"],
    ["another status with the rate", () => Response.json(PRICES, { status: 203 }), "it answered 203"],
    [
      "too much",
      () => new Response(JSON.stringify({ ...PRICES, filler: "x".repeat(65_536) })),
      "its answer is longer than 64 KiB",
    ],
    ["a broken body", () => new Response(broken()), "cut off"],
  ])("%s: nothing is shown, and one line says why", async (_, answer, why) => {
    const { rate, said } = follow([answer]);
    await settled();
    expect(rate.now()).toBeNull();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`web: no rate from prices.example: `);
    expect(said[0]).toContain(why);
  });

  it("without end is read for 64 KiB only", async () => {
    let chunks = 0;
    let cancelled = false;
    const endless = new ReadableStream({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
      cancel() {
        cancelled = true;
      },
    });
    const { said } = follow([() => new Response(endless)]);
    await settled();
    expect(said[0]).toContain("longer than 64 KiB");
    expect(cancelled).toBe(true);
    expect(chunks).toBeLessThan(8);
  });

  it("that hangs is given up after ten seconds", async () => {
    const hangs: Answer = (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const { clock, said } = follow([hangs]);
    await settled();
    clock.advance(9_999);
    await settled();
    expect(said).toEqual([]);
    clock.advance(1);
    await settled();
    expect(said).toEqual(["web: no rate from prices.example: it does not answer in time"]);
  });

  it.each([
    [0, 0.5],
    [0.999, 0.9995],
  ])("is asked again after ever longer pauses, by chance %d", async (random, share) => {
    const { clock, asked, said } = follow([], { random });
    await settled();
    const pauses = [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000];
    for (const [i, pause] of pauses.entries()) {
      clock.advance(Math.floor(pause * share) - 1);
      await settled();
      expect(asked).toHaveLength(i + 1);
      clock.advance(2);
      await settled();
      expect(asked).toHaveLength(i + 2);
    }
    expect(said).toEqual(["web: no rate from prices.example: nobody is there"]);
  });

  it("and then does, is said to, and its pauses begin anew", async () => {
    const failing: Answer = () => new Response("", { status: 503 });
    const { rate, clock, said } = follow([failing, json(PRICES), failing, json(PRICES)]);
    await settled();
    clock.advance(30_000);
    await settled();
    expect(rate.now()?.perBitcoin).toBe(61_234);
    clock.advance(ASK_RATE_EVERY);
    await settled();
    clock.advance(30_000);
    await settled();
    const [no, yes] = ["web: no rate from prices.example: it answered 503", "web: prices.example tells the rate again"];
    expect(said).toEqual([no, yes, no, yes]);
  });
});

describe("after stop", () => {
  it("nothing is asked, and nothing waits", async () => {
    const { rate, clock, asked } = follow([json(PRICES)]);
    await settled();
    rate.stop();
    expect(clock.waiting).toBe(0);
    clock.advance(ASK_RATE_EVERY * 10);
    await settled();
    expect(asked).toHaveLength(1);
  });

  it("in the middle of a question, the answer counts for nothing", async () => {
    const { rate, clock, said } = follow([json(PRICES)]);
    rate.stop();
    await settled();
    expect([rate.now(), said, clock.waiting]).toEqual([null, [], 0]);
  });
});

describe("over the network", () => {
  /** A source of real HTTP. */
  async function source(answer: (path: string) => { status: number; headers?: Record<string, string>; body: string }) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url!);
      const { status, headers = {}, body } = answer(request.url!);
      response.writeHead(status, headers).end(body);
    });
    running.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prices`, asked };
  }

  it("a redirect is not followed", async () => {
    const { url, asked } = await source((path) =>
      path === "/prices"
        ? { status: 302, headers: { location: "/elsewhere" }, body: "" }
        : { status: 200, body: JSON.stringify(PRICES) },
    );
    const line = await new Promise<string>((log) =>
      running.push(followRate({ url, currency: "EUR" }, { clock: new HandClock(NOW), log })),
    );
    expect(line).toMatch(/^web: no rate from 127\.0\.0\.1:\d+: unexpected redirect$/);
    expect(asked).toEqual(["/prices"]);
  });

  it("the page with --rate shows it, the one without asks nobody", async () => {
    const monitor = new FakeMonitor(sampleStatus("sealed", { network: "mainnet" }));
    await monitor.start();
    const now = Math.floor(Date.now() / 1000);
    const { url, asked } = await source(() => ({ status: 200, body: JSON.stringify({ ...PRICES, time: now }) }));
    const flags = ["--monitor", monitor.url, "--port", "0"];
    const without = await runWeb(webOptions(flags));
    const shown = async (web: { url: string }) => /≈ [^<]*/.exec(await (await fetch(web.url)).text())?.[0] ?? "";
    await expect.poll(async () => (await fetch(`${without.url}/status.json`)).status).toBe(200);
    expect(await shown(without)).toBe("");
    expect(asked).toEqual([]);
    const web = await runWeb(webOptions([...flags, "--rate", url, "--currency", "EUR"]));
    await expect.poll(() => shown(web), { timeout: 10_000 }).toContain(`≈ €612,348 (${new URL(url).host}, `);
    expect(asked).toEqual(["/prices"]);
    await Promise.all([web.stop(), without.stop(), monitor.stop()]);
  });
});

function broken(): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"time":'));
      controller.error(new Error("cut off"));
    },
  });
}
