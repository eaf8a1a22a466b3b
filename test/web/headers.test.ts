import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { formatFor } from "../../web/machine/accept.ts";
import { codingFor } from "../../web/machine/answer.ts";
import { type Site, UNKNOWN_SITE } from "../../web/machine/site.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, HandFeed, INFO, NOW, sampleAttempt, sampleStatus, TXID } from "./support/samples.ts";

const ONION = `http://${"a".repeat(56)}.onion`;
const appOf = (site: Partial<Site> = {}, feed = feedWith("sealed", 2)) =>
  createApp({ feed, info: INFO, clock: new HandClock(NOW + 2_000), site: { ...UNKNOWN_SITE, ...site } });
const nameOf = (app: ReturnType<typeof appOf>, path: string, name: string, headers: Record<string, string> = {}) =>
  Promise.resolve(app.request(path, { headers })).then((response) => response.headers.get(name));

const PAGES = ["/", `/attempts/${sampleAttempt(1).id}`, "/nowhere", "/healthz", "/status.json", "/assets/none"];
const SHARED = ["/feed.atom", "/feed.json", "/badge.svg", "/favicon.ico", "/robots.txt", "/api/v1/status"];

describe("security headers", () => {
  it.each([...PAGES, ...SHARED, "/api/openapi.json", "/api/nowhere", "/metrics", "/.well-known/security.txt"])(
    "are on %s",
    async (path) => {
      const { headers } = await appOf().request(path);
      const policy = (headers.get("content-security-policy") ?? "").split("; ");
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("permissions-policy")).toContain("camera=()");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-resource-policy")).toMatch(/^(same|cross)-origin$/);
      expect(headers.get("strict-transport-security")).toBeNull();
      expect(headers.get("set-cookie")).toBeNull();
    },
  );

  it("let others read and embed data and pictures, and nothing else", async () => {
    for (const path of SHARED) {
      expect(await nameOf(appOf(), path, "cross-origin-resource-policy")).toBe("cross-origin");
      expect(await nameOf(appOf(), path, "access-control-allow-origin")).toBe("*");
    }
    for (const path of ["/", "/healthz", "/assets/none"]) {
      expect(await nameOf(appOf(), path, "cross-origin-resource-policy")).not.toBe("cross-origin");
      expect(await nameOf(appOf(), path, "access-control-allow-origin")).toBeNull();
    }
  });

  it("ask for TLS only where the operator said that visitors come over it", async () => {
    const hsts = (publicUrl: string, path = "/") => nameOf(appOf({ publicUrl }), path, "strict-transport-security");
    expect(await hsts("https://pinata.example")).toBe("max-age=31536000");
    expect(await hsts("https://pinata.example", "/badge.svg")).toBe("max-age=31536000");
    expect(await hsts("http://pinata.example")).toBeNull();
    const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "a.example" };
    expect(await nameOf(appOf(), "/", "strict-transport-security", forwarded)).toBeNull();
  });
});

describe("caching", () => {
  it.each([...SHARED, "/", "/api/openapi.json"])(
    "%s has an ETag, is 304 to who has it, and lives shortly",
    async (path) => {
      const app = appOf();
      const first = await app.request(path);
      const etag = first.headers.get("etag")!;
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      expect(first.headers.get("cache-control")).toMatch(/^public, max-age=\d+$/);
      const again = await app.request(path, { headers: { "if-none-match": `"x", W/${etag}` } });
      expect([again.status, await again.text()]).toEqual([304, ""]);
      expect(again.headers.get("etag")).toBe(etag);
      expect(again.headers.get("vary")).toBe(first.headers.get("vary"));
      const head = await app.request(path, { method: "HEAD" });
      expect([head.status, await head.text(), head.headers.get("etag")]).toEqual([200, "", etag]);
      expect(head.headers.get("content-length")).toBe(
        String(Buffer.byteLength(Buffer.from(await first.arrayBuffer()))),
      );
    },
  );

  it("draws a page once for many visitors, and anew when the state changes or it gets old", async () => {
    const feed = feedWith("sealed", 2);
    const clock = new HandClock(NOW + 2_000);
    const authorization = "Bearer correct-horse-battery";
    const site = { ...UNKNOWN_SITE, metricsToken: "correct-horse-battery" };
    const app = createApp({ feed, info: INFO, clock, site });
    const drawings = async () => {
      const text = await (await app.request("/metrics", { headers: { authorization } })).text();
      return Number(/^pinata_web_pages_drawn_total (\d+)$/m.exec(text)![1]);
    };
    const drawn = async (path = "/") => {
      const before = await drawings();
      await (await app.request(path)).text();
      return (await drawings()) > before;
    };
    expect([await drawn(), await drawn(), await drawn("/?lang=de"), await drawn("/?lang=de")]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    feed.show("smashed");
    expect([await drawn(), await drawn()]).toEqual([true, false]);
    feed.set({ fresh: false });
    expect([await drawn(), await drawn()]).toEqual([true, false]);
    // A flood of attempts: a few drawings a second.
    feed.hit(sampleAttempt(90));
    expect(await drawn()).toBe(false);
    clock.advance(250);
    expect([await drawn(), await drawn()]).toEqual([true, false]);
    clock.advance(2_000);
    expect(await drawn()).toBe(true);
  });

  it("packs with what the visitor unpacks", async () => {
    const app = appOf();
    const plain = await (await app.request("/")).text();
    const body = async (accept: string) => {
      const response = await app.request("/", { headers: { "accept-encoding": accept } });
      return [response.headers.get("content-encoding"), Buffer.from(await response.arrayBuffer())] as const;
    };
    const [gzip, packed] = await body("gzip");
    expect([gzip, gunzipSync(packed).toString()]).toEqual(["gzip", plain]);
    const [br, better] = await body("gzip, deflate, br");
    expect([br, brotliDecompressSync(better).toString()]).toEqual(["br", plain]);
    expect(better.length).toBeLessThan(packed.length);
  });

  it.each([
    ["", "identity"],
    ["gzip", "gzip"],
    ["gzip, br", "br"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["gzip;q=0, br;q=0", "identity"],
    ["identity, deflate", "identity"],
    ["*", "br"],
    ["*;q=0", "identity"],
    ["xgzip, brx", "identity"],
    ["GZIP ; q=1.0", "gzip"],
  ])("Accept-Encoding %j is answered with %s", (accept, coding) => {
    expect(codingFor(accept)).toBe(coding);
  });
});

describe("mistakes", () => {
  it.each([
    [undefined, "html"],
    ["*/*", "html"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"],
    ["application/json", "json"],
    ["application/problem+json", "json"],
    ["text/html;q=0.1, application/json", "json"],
    ["text/plain", "text"],
    ["text/event-stream", "text"],
    ["application/json;q=0, text/plain;q=0.5", "text"],
    ["nonsense;q=x", "html"],
  ])("Accept %j is told in %s", (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });

  it("are told in the format that was asked for, which caches know", async () => {
    const types = async (path: string, accept: string) => {
      const response = await appOf().request(path, { headers: { accept } });
      expect(response.status).toBe(404);
      expect(response.headers.get("vary")).toContain("accept");
      expect(response.headers.get("cache-control")).toBe("no-store");
      return [response.headers.get("content-type"), await response.text()] as const;
    };
    expect((await types("/nowhere", "text/html"))[1]).toContain("Nothing hangs here");
    const [type, body] = await types("/nowhere", "application/json");
    expect(type).toBe("application/json");
    expect(JSON.parse(body)).toEqual({ error: expect.stringContaining("no page at this address") });
    expect((await types("/nowhere", "text/plain"))[1]).toMatch(/^There is no page at this address/);
    expect((await types("/api/v1/nowhere", "text/html"))[0]).toBe("application/json");
  });

  it.each(["/", "/feed.atom", "/badge.svg", "/api/v1/status", "/api/v1/coins/x", "/events", "/metrics"])(
    "the wrong method on %s is 405 with Allow",
    async (path) => {
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const response = await appOf().request(path, { method });
        expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      }
    },
  );
});

describe("the address of the page", () => {
  it("may have a base path, which every link stands under, whether the proxy takes it off or not", async () => {
    const app = appOf({ publicUrl: "https://example.org/deep/pinata" });
    const kept = await (await app.request("/deep/pinata/")).text();
    expect(await (await app.request("/")).text()).toBe(kept);
    const links = [...kept.matchAll(/ (?:href|src|action)="(\/[^"]*)"/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !link.startsWith("/deep/pinata/"))).toEqual([]);
    for (const link of new Set(links)) expect((await app.request(link.split("#")[0]!)).status).not.toBe(404);
    expect((await app.request("/deep/pinatabad/")).status).toBe(404);
  });

  it("is believed from X-Forwarded-* only when the proxy is to be trusted", async () => {
    const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "Front.example:8443" };
    const page = async (site: Partial<Site>, headers: Record<string, string>) =>
      (await appOf(site).request("/feed.json", { headers })).json();
    expect(await page({ proxy: "x-forwarded" }, forwarded)).toMatchObject({
      home_page_url: "https://front.example:8443/",
    });
    expect(await page({}, forwarded)).not.toHaveProperty("home_page_url");
    expect(await page({}, { host: "evil.example" })).not.toHaveProperty("home_page_url");
    for (const host of ['a"b', "a/b", "a b", "", "-a", "x".repeat(300)]) {
      const bad = { "x-forwarded-proto": "https", "x-forwarded-host": host };
      expect(await page({ proxy: "x-forwarded" }, bad)).not.toHaveProperty("home_page_url");
    }
    expect(await page({ proxy: "x-forwarded", publicUrl: "https://p.example" }, forwarded)).toMatchObject({
      home_page_url: "https://p.example/",
    });
  });

  it("as an onion service is offered to the others, and used alone inside", async () => {
    const site = { publicUrl: "https://pinata.example", onionUrl: ONION };
    const app = appOf(site);
    expect(await nameOf(app, "/", "onion-location")).toBe(`${ONION}/`);
    const inside = { host: new URL(ONION).host };
    expect(await nameOf(app, "/", "onion-location", inside)).toBeNull();
    for (const path of ["/", "/feed.atom", "/feed.json"]) {
      const body = await (await app.request(path, { headers: inside })).text();
      expect(body).not.toContain("pinata.example/");
      expect(body).toContain(ONION);
    }
    const alone = await (await appOf({ onionUrl: ONION }).request("/feed.atom")).text();
    expect(alone).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });
});

describe("for machines", () => {
  it("security.txt is as RFC 9116 asks, once there is a contact", async () => {
    const site = { securityContact: "mailto:who@pinata.example", publicUrl: "https://pinata.example" };
    const response = await appOf(site).request("/.well-known/security.txt");
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    const field = (name: string) => [...text.matchAll(new RegExp(`^${name}: (.*)$`, "gm"))].map((match) => match[1]);
    expect(field("Contact")).toEqual(["mailto:who@pinata.example"]);
    const [expires, ...more] = field("Expires");
    expect(more).toEqual([]);
    const left = Date.parse(expires!) - NOW;
    expect(left).toBeGreaterThan(30 * 86_400_000);
    expect(left).toBeLessThan(365 * 86_400_000);
    expect(field("Canonical")).toEqual(["https://pinata.example/.well-known/security.txt"]);
    expect(field("Policy")).toEqual(["https://pinata.example/#rules"]);
    expect(field("Preferred-Languages")[0]).toContain("en");
    const none = await appOf().request("/.well-known/security.txt", { headers: { accept: "text/plain" } });
    expect([none.status, await none.text()]).toEqual([404, expect.stringContaining("named no contact")]);
  });

  it("robots.txt keeps them from what never ends", async () => {
    const text = await (await appOf({ publicUrl: "https://a.example/p" }).request("/robots.txt")).text();
    expect(text).toContain("User-agent: *\nDisallow: /p/events\n");
  });

  it("metrics are for who has the token", async () => {
    const app = appOf({ metricsToken: "correct-horse-battery" });
    expect((await appOf().request("/metrics")).status).toBe(404);
    for (const authorization of ["", "Bearer", "Bearer wrong", "Basic correct-horse-battery"]) {
      const refused = await app.request("/metrics", { headers: { authorization } });
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
    await app.request("/");
    await app.request("/");
    const authorization = "Bearer correct-horse-battery";
    const response = await app.request("/metrics", { headers: { authorization } });
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const text = await response.text();
    for (const line of [
      'pinata_web_answers_total{status="401"} 4',
      'pinata_web_answers_total{status="200"} 2',
      "pinata_web_viewers 0",
      "pinata_web_monitor_fresh 1",
      "pinata_web_monitor_age_seconds 2",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
  });
});

describe("the API", () => {
  it("tells the status from memory, blind when it is stale, and 503 before the first", async () => {
    const feed = feedWith("sealed", 0);
    const app = appOf({}, feed);
    const status = async () => (await app.request("/api/v1/status")).json();
    expect(await status()).toEqual({
      ...sampleStatus("sealed"),
      ...{ stale: false, lastVerdict: "sealed", heard: NOW, problem: null },
    });
    feed.set({ fresh: false, problem: "gone" });
    expect(await status()).toMatchObject({ verdict: "blind", lastVerdict: "sealed", stale: true, problem: "gone" });
    const early = await appOf({}, new HandFeed()).request("/api/v1/status");
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "10"]);
  });

  it("passes on what the monitor answers, once for a crowd, and checked", async () => {
    const feed = feedWith("sealed", 0);
    const app = appOf({}, feed);
    let asked = 0;
    const ask = feed.ask.bind(feed);
    feed.ask = (path, schema) => {
      asked += 1;
      return ask(path, schema);
    };
    const { id } = sampleAttempt(1);
    feed.answers.set(`v1/attempts/${id}`, { ...sampleAttempt(1), events: [] });
    feed.answers.set("v1/attempts?limit=2", { attempts: [sampleAttempt(1)], next: null });
    const crowd = await Promise.all(Array.from({ length: 20 }, () => app.request(`/api/v1/attempts/${id}`)));
    expect(await crowd[19]!.json()).toMatchObject({ id, events: [] });
    expect(asked).toBe(1);
    expect(await (await app.request("/api/v1/attempts?limit=2")).json()).toMatchObject({ next: null });
    feed.answers.set("v1/statements/latest", { statement: { number: 3 }, signature: "ab" });
    expect(await (await app.request("/api/v1/statements/latest")).json()).toEqual({
      statement: { number: 3 },
      signature: "ab",
    });
    feed.answers.set("v1/coins", [{ nonsense: true }]);
    const broken = await app.request("/api/v1/coins");
    expect([broken.status, await broken.json()]).toEqual([503, { error: expect.stringContaining("does not answer") }]);
  });

  it.each([
    ["/api/v1/coins/nonsense", 400, "an outpoint is txid:vout"],
    [`/api/v1/coins/${TXID}:7`, 404, "/api/v1/coins lists them"],
    ["/api/v1/attempts/..%2Fstatus", 400, ""],
    [`/api/v1/attempts/${"0".repeat(16)}-1`, 404, "no attempt 0000000000000000-1"],
    ["/api/v1/attempts?limit=0", 400, "limit: "],
    ["/api/v1/attempts?limit=201", 400, "limit: "],
    ["/api/v1/attempts?before=x", 400, "before: "],
    ["/api/v1/funnel?days=-1", 400, "days: "],
    ["/api/v1/statements?limit=101", 400, "limit: "],
    ["/api/v1/statements/0", 400, "a number from 1 on, or latest"],
    ["/api/v1/statements/9", 404, "no statement 9"],
    ["/api/v1/breach/x", 400, "64 small hex digits"],
    [`/api/v1/breach/${TXID}`, 404, "/api/v1/coins lists the spends"],
    ["/api/v1/witness-key", 404, "signs no statements"],
  ])("%s is %i and says why", async (path, status, why) => {
    const response = await appOf().request(path);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toContain(why);
  });

  it("describes itself: every path is there, from the same schemas", async () => {
    const document = (await (await appOf().request("/api/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, { get: { responses: Record<string, { content?: Record<string, { schema: unknown }> }> } }>;
    };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/api/v1/status", "/api/v1/coins/{outpoint}", "/api/v1/attempts/{id}", "/api/v1/events"]),
    );
    const status = document.paths["/api/v1/status"]!.get.responses["200"]!.content!["application/json"]!.schema;
    expect(JSON.stringify(status)).toContain('"lastVerdict"');
    for (const path of Object.keys(document.paths)) {
      if (!path.includes("{")) expect((await appOf().request(path, { method: "POST" })).status).toBe(405);
    }
  });
});
