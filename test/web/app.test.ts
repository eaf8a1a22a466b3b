import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import type { Snapshot } from "../../web/feed.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, HandFeed, INFO, NOW, sampleAttempt, sampleStatus } from "./support/samples.ts";

const clock = new HandClock(NOW + 2_000);
const appOf = (feed: HandFeed, info = INFO) => createApp({ feed, info, clock });
const stale = (verdict: "sealed" | "moving" | "smashed" | "refunded", changes: Partial<Snapshot> = {}) => {
  const feed = feedWith(verdict, 0);
  feed.set({ fresh: false, problem: "nothing listens at the monitor's address", ...changes });
  return feed;
};

/** The text of a page, tags and templates taken out. */
function words(page: string): string {
  return page
    .replace(/<template>.*?<\/template>/gs, "")
    .replace(/<[^>]+>/g, "")
    .replace(/[ \n]+/g, " ");
}

describe("every answer", () => {
  const paths = [
    "/",
    "/nowhere",
    "/status.json",
    "/healthz",
    "/assets/none",
    "/events",
    `/attempts/${sampleAttempt(1).id}`,
  ];

  it.each(paths)("%s carries the security headers, and nothing inline", async (path) => {
    const response = await appOf(feedWith("sealed", 2)).request(path);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).not.toContain("unsafe");
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]) {
      expect(policy.split("; ")).toContain(part);
    }
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    if (!response.headers.get("content-type")?.startsWith("text/html")) return void (await response.body?.cancel());
    const page = await response.text();
    expect(page).not.toMatch(/\sstyle=|<style|\son[a-z]+=|javascript:/i);
    expect(page).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)/);
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  it("to a path that is not there is a helpful 404", async () => {
    const response = await appOf(feedWith("sealed")).request("/admin");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("Nothing hangs here");
  });

  it.each(["/", "/status.json", "/events", "/healthz", `/attempts/${sampleAttempt(1).id}`])(
    "to a POST to %s is a helpful 405",
    async (path) => {
      const response = await appOf(feedWith("sealed", 1)).request(path, { method: "POST" });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("GET, HEAD");
      expect(words(await response.text())).toContain("Nothing here can be changed by POST");
    },
  );

  it("to HEAD has headers and no body", async () => {
    for (const path of ["/", "/events", "/healthz"]) {
      const response = await appOf(feedWith("sealed")).request(path, { method: "HEAD" });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("");
    }
  });

  it("is 500 and plain when we fail", async () => {
    const feed = feedWith("sealed", 0);
    const app = appOf(feed);
    const log = console.error;
    const lines: unknown[] = [];
    console.error = (line: unknown) => lines.push(line);
    feed.snapshot = () => {
      throw new Error("secret detail");
    };
    try {
      const response = await app.request("/");
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain("secret detail");
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(String(lines[0])).toContain("GET /: Error: secret detail");
    } finally {
      console.error = log;
    }
  });
});

describe("caching", () => {
  it("answers 304 to who has the page, and the page again when it changed", async () => {
    const feed = feedWith("sealed", 3);
    const app = appOf(feed);
    const first = await app.request("/");
    const etag = first.headers.get("etag")!;
    expect(first.headers.get("cache-control")).toBe("public, max-age=2");
    const second = await app.request("/", { headers: { "if-none-match": `"other", W/${etag}` } });
    expect([second.status, await second.text(), second.headers.get("etag")]).toEqual([304, "", etag]);
    feed.show("smashed");
    const third = await app.request("/", { headers: { "if-none-match": etag } });
    expect(third.status).toBe(200);
    expect(third.headers.get("etag")).not.toBe(etag);
  });

  it("packs for who unpacks, under another ETag", async () => {
    const app = appOf(feedWith("sealed", 3));
    const plain = await app.request("/");
    const packed = await app.request("/", { headers: { "accept-encoding": "gzip" } });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(packed.headers.get("vary")).toBe("accept-encoding, accept-language");
    expect(packed.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    expect(gunzipSync(Buffer.from(await packed.arrayBuffer())).toString()).toBe(await plain.text());
    const refused = await app.request("/", { headers: { "accept-encoding": "gzip;q=0" } });
    expect(refused.headers.get("content-encoding")).toBeNull();
  });

  it("keeps assets for ever under the hash of their content", async () => {
    const app = appOf(feedWith("sealed", 0));
    const path = /href="(\/assets\/style\.[0-9a-f]{12}\.css)"/.exec(await (await app.request("/")).text())![1]!;
    const plain = await app.request(path);
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(plain.headers.get("content-type")).toBe("text/css; charset=utf-8");
    const packed = await app.request(path, { headers: { "accept-encoding": "gzip" } });
    expect(gunzipSync(Buffer.from(await packed.arrayBuffer())).toString()).toBe(await plain.text());
    expect((await app.request("/assets/style.css")).status).toBe(404);
  });
});

describe("for the curious", () => {
  it("status.json passes the status on, marked fresh", async () => {
    const response = await appOf(feedWith("sealed")).request("/status.json");
    expect(await response.json()).toEqual({
      ...sampleStatus("sealed"),
      stale: false,
      lastVerdict: "sealed",
      heard: NOW,
      problem: null,
    });
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("a stale one is blind in its verdict too", async () => {
    const body = await (await appOf(stale("sealed")).request("/status.json")).json();
    expect(body).toMatchObject({
      stale: true,
      verdict: "blind",
      lastVerdict: "sealed",
      heard: NOW,
      hanging: 1_000_012_345,
    });
  });

  it("none at all is 503", async () => {
    const response = await appOf(new HandFeed()).request("/status.json");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ stale: true, error: "nothing is known: the monitor has not answered yet" });
  });

  it("healthz answers for the page, and names the monitor's state", async () => {
    const response = await appOf(stale("sealed")).request("/healthz");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      ok: true,
      monitor: "silent",
      problem: "nothing listens at the monitor's address",
      viewers: 0,
    });
    expect(await (await appOf(feedWith("sealed")).request("/healthz")).json()).toMatchObject({
      monitor: "answers",
      problem: null,
    });
  });
});
