import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { verdict as verdicts } from "../../monitor/schema.ts";
import { createApp } from "../../web/app.tsx";
import type { Snapshot } from "../../web/feed.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, HandFeed, INFO, NOW, SPEND, sampleAttempt, sampleStatus } from "./support/samples.ts";

const clock = new HandClock(NOW + 2_000);
const appOf = (feed: HandFeed, info = INFO) => createApp({ feed, info, clock });
const stale = (verdict: "sealed" | "moving" | "smashed" | "refunded", changes: Partial<Snapshot> = {}) => {
  const feed = feedWith(verdict, 0);
  feed.set({ fresh: false, problem: "nothing listens at the monitor's address", ...changes });
  return feed;
};

async function html(feed: HandFeed, path = "/"): Promise<string> {
  return await (await appOf(feed).request(path)).text();
}

/** The text of a page, tags and templates taken out. */
function words(page: string): string {
  return page
    .replace(/<template>.*?<\/template>/gs, "")
    .replace(/<[^>]+>/g, "")
    .replace(/[ \n]+/g, " ");
}

const wordOf = (page: string) => /data-t="word"[^>]*>([^<]*)</.exec(page)?.[1];
const lastOf = (page: string) => /<span data-t="last">([^<]*)</.exec(page)?.[1];

describe("the front page", () => {
  it.each(verdicts.options)("says %s in a word, a sentence, a title and a picture", async (verdict) => {
    const page = await html(feedWith(verdict));
    const word = verdict[0]!.toUpperCase() + verdict.slice(1);
    expect(page.startsWith('<!doctype html><html lang="en">')).toBe(true);
    expect(wordOf(page)).toBe(word);
    expect(page).toContain(`<title>${word} · piñata</title>`);
    expect(page).toMatch(new RegExp(`<body data-state="${verdict}"`));
    expect(words(page)).toContain(sampleStatus(verdict).sentence);
    expect(page).toMatch(
      /<title id="pinata-title" data-t="picture">The donkey piñata|<title id="pinata-title" data-t="picture">A /,
    );
    expect(/data-if="asOf" hidden/.test(page)).toBe(verdict !== "blind");
  });

  it("shows amounts, times, counts and sources exactly", async () => {
    const text = words(await html(feedWith("sealed")));
    for (const part of [
      "10.00012345 BTC",
      "all that was ever put in",
      "Whole since2026-02-17 12:00:00 UTC 12 days ago",
      "Attempts so far1\u202f234 57 in 24 hours, 2 opened it",
      "2026-03-01 11:59:56 UTC just now by 1 of 2 sources",
      "three blocks behind the others",
      "worth nothing",
      "pinata.example:10002",
    ]) {
      expect(text).toContain(part);
    }
    expect(await html(feedWith("sealed"))).toContain(
      '<time datetime="2026-02-17T12:00:00Z">2026-02-17 12:00:00 UTC</time>',
    );
  });

  it("shows a spend with what was checked", async () => {
    const text = words(await html(feedWith("smashed")));
    expect(text).toContain(
      "Smashed: moved by the key. Checked: a key-path signature that verifies against the output key",
    );
    expect(text).toContain(SPEND);
    expect(text).toContain("In block 204\u202f122");
    expect(words(await html(feedWith("moving")))).toContain("On the move, by the key.");
    expect(words(await html(feedWith("refunded")))).toContain("Refunded: moved by the published refund script.");
    const unknown = feedWith("smashed");
    const [coin] = sampleStatus("smashed").coins;
    unknown.show("smashed", { coins: [{ ...coin!, spend: { ...coin!.spend!, kind: "unknown" } }] });
    expect(words(await html(unknown))).toContain("Moved, and nobody could prove how.");
  });

  it("lists the latest ten attempts, and the funnel", async () => {
    const page = await html(feedWith("sealed", 30));
    expect(page.match(/<li data-key="5f3a09c1d2e4b687-/g)).toHaveLength(10);
    expect(words(page)).toContain("Reached key exchange: no certificate (RFC 8446 §4.4.2.4)");
    expect(page).toContain('width="51%"');
    expect(words(await html(feedWith("awaited", 0)))).toContain("Nobody has tried yet.");
  });

  it("gives the exact commands, with the practice files quoted for a shell", async () => {
    const info = { ...INFO, practiceDir: "/home/o'neil/my piñata" };
    const app = createApp({ feed: feedWith("sealed", 0), info, clock });
    const page = (await (await app.request("/")).text()).replaceAll("&#39;", "'");
    expect(page).toContain(
      "openssl s_client -connect pinata.example:10000 -tls1_3 -quiet -cert '/home/o'\\''neil/my piñata/player.pem'",
    );
    const text = words(await html(feedWith("sealed", 0)));
    expect(text).toContain("-Verify 3 -CAfile /home/player/.pinata/practice/ca.pem");
    expect(text).toContain("socat TCP:pinata.example:10000 TCP:pinata.example:10002");
    expect(text).toContain("npx pinata smash");
    expect(text).toContain("-----BEGIN CERTIFICATE-----");
  });

  it("does without what the operator did not give", async () => {
    const app = createApp({
      feed: feedWith("sealed", 0),
      info: { ...INFO, practiceDir: null, trustAnchor: null },
      clock,
    });
    const text = words(await (await app.request("/")).text());
    expect(text).not.toContain("BEGIN CERTIFICATE");
    expect(text).toContain("Nobody was given a certificate for this piñata.");
    expect(text).toContain("-cert player.pem -key player.key");
  });

  it("says nothing of practice on the real network", async () => {
    const feed = feedWith("sealed", 0);
    feed.show("sealed", { network: "mainnet" });
    expect(words(await html(feed))).not.toContain("worth nothing");
  });

  it("says when the piñata does not run, or was never seen", async () => {
    const feed = feedWith("sealed", 0);
    feed.show("sealed", { pinata: { ...sampleStatus("sealed").pinata!, running: false } });
    expect(words(await html(feed))).toContain("The piñata is not running just now");
    feed.show("sealed", { pinata: null });
    expect(words(await html(feed))).toContain("has not been seen running yet");
  });

  it("reloads by itself where there is no script, and only there", async () => {
    expect(await html(feedWith("sealed"))).toContain('<noscript><meta http-equiv="refresh" content="10"/></noscript>');
  });

  it("weighs less than 50 KB with all it needs, unpacked, and less than 16 KB packed", async () => {
    const app = appOf(feedWith("smashed", 50));
    const page = await (await app.request("/")).text();
    const assets = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
    expect(assets).toHaveLength(3);
    const sizes = await Promise.all(
      assets.map(async (path) => (await (await app.request(path)).arrayBuffer()).byteLength),
    );
    expect(Buffer.byteLength(page) + sizes.reduce((sum, size) => sum + size)).toBeLessThan(50_000);
    const wire = await Promise.all(
      ["/", ...assets].map(async (path) => {
        const response = await app.request(path, { headers: { "accept-encoding": "gzip" } });
        return (await response.arrayBuffer()).byteLength;
      }),
    );
    expect(wire.reduce((sum, size) => sum + size)).toBeLessThan(16_000);
    const script = assets.findIndex((path) => path.includes("live"));
    expect(sizes[script]).toBeLessThan(6 * 1024);
  });
});

describe("a silent monitor", () => {
  it.each(["sealed", "refunded"] as const)(
    "turns %s to BLIND, with since when and the last word as such",
    async (verdict) => {
      const page = await html(stale(verdict));
      expect(wordOf(page)).toBe("Blind");
      expect(page).toMatch(/<body data-state="blind" data-known="blind"/);
      expect(words(page)).toContain(
        "The monitor has been silent since 12:00:00 UTC on 1 March 2026: nothing is claimed about now.",
      );
      expect(lastOf(page)).toBe(
        `It was ${verdict} as of 12:00:00 UTC on 1 March 2026. Whether it still is, nobody here can say.`,
      );
      expect(words(page)).toContain(
        "Everything below is as of 12:00:00 UTC on 1 March 2026, the last word of the monitor.",
      );
      expect(words(page)).toContain("What is wrong: nothing listens at the monitor&#39;s address.");
      expect(words(page)).not.toContain(sampleStatus(verdict).sentence);
    },
  );

  it("leaves a proven smash named, with the time", async () => {
    const page = await html(stale("smashed"));
    expect(wordOf(page)).toBe("Blind");
    expect(page).toMatch(/<body data-state="blind" data-known="smashed"/);
    expect(lastOf(page)).toBe("A smash was proven: SMASHED as of 12:00:00 UTC on 1 March 2026.");
    expect(lastOf(await html(stale("moving")))).toBe(
      "A spend by the key was proven, not yet in a block: MOVING as of 12:00:00 UTC on 1 March 2026.",
    );
  });

  it("so does a monitor that is blind itself", async () => {
    const feed = feedWith("blind", 0);
    expect(lastOf(await html(feed))).toBe("");
    feed.show("blind", { coins: sampleStatus("smashed").coins });
    expect(lastOf(await html(feed))).toBe("A smash was proven: SMASHED as of 11:59:56 UTC on 1 March 2026.");
  });

  it("and one that is blind says of when the coins are, and of nothing before the first check", async () => {
    const feed = feedWith("blind", 0);
    expect(words(await html(feed))).toContain("The coins below are as of 11:59:56 UTC on 1 March 2026.");
    feed.show("blind", { checked: null, coins: [], hanging: 0, funded: 0 });
    const page = await html(feed);
    expect(words(page)).toContain("Hanging in itunknown not checked yet");
    expect(page).toMatch(/data-if="asOf" hidden/);
  });

  it("from the start: nothing is known, and the page says so", async () => {
    const page = await html(new HandFeed({ problem: "nothing listens at the monitor's address" }));
    expect(wordOf(page)).toBe("Blind");
    expect(words(page)).toContain(
      "The monitor has not answered since this page&#39;s server started at 11:59:00 UTC on 1 March 2026: nothing is known.",
    );
    expect(words(page)).toContain("Hanging in itunknown");
    expect(words(page)).toContain("openssl s_client");
  });
});

describe("texts that peers chose", () => {
  const evil = `</span><script>alert(1)</script><img src=x onerror="alert(2)"> & 'x' "y"`;
  const hostile = sampleAttempt(1, { subject: evil, fingerprint: evil, reason: evil, peer: evil });

  it.each(["/", `/attempts/${hostile.id}`])("are text on %s", async (path) => {
    const feed = feedWith("sealed", 0);
    feed.hit(hostile);
    feed.show("sealed", { sources: [{ ...sampleStatus("sealed").sources[0]!, name: evil }] });
    const page = await html(feed, path);
    expect(page).not.toContain("<script>");
    expect(page).not.toContain("<img");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });
});

describe("an attempt's own page", () => {
  it("tells how far it got and why it ended", async () => {
    const feed = feedWith("sealed", 3);
    feed.hit(sampleAttempt(4, { subject: "CN=mallory" }));
    const page = await html(feed, `/attempts/${sampleAttempt(4).id}`);
    const text = words(page);
    for (const part of [
      "no certificate (RFC 8446 §4.4.2.4)",
      "The piñata sent certificate_required (116)",
      "CN=mallory",
      "203.0.x.x",
      "517 bytes in, 1\u202f402 bytes out",
    ]) {
      expect(text).toContain(part);
    }
    expect(page.match(/class="rung done"/g)).toHaveLength(4);
    expect(page.match(/class="rung not"/g)).toHaveLength(4);
    expect(page).not.toContain("http-equiv");
  });

  it("reloads while it is open", async () => {
    const feed = feedWith("sealed", 0);
    feed.hit(sampleAttempt(1, { ended: null, outcome: "open" }));
    expect(await html(feed, `/attempts/${sampleAttempt(1).id}`)).toContain("http-equiv");
  });

  it("is a helpful 404 when there is none, and a 503 when nobody can say", async () => {
    const feed = feedWith("sealed", 0);
    const response = await appOf(feed).request("/attempts/%3Cb%3E");
    expect(response.status).toBe(404);
    expect(words(await response.text())).toContain("Names look like");
    feed.attempt = () => Promise.reject(new Error("no answer"));
    expect((await appOf(feed).request(`/attempts/${sampleAttempt(1).id}`)).status).toBe(503);
  });
});

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
    const packed = await app.request("/", { headers: { "accept-encoding": "br, gzip" } });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(packed.headers.get("vary")).toBe("accept-encoding");
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
