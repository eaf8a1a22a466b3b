import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { type Site, UNKNOWN_SITE } from "../../web/machine/site.ts";
import { HandClock } from "./support/hand-clock.ts";
import { HOSTILE, UNSEEN } from "./support/hostile.ts";
import { feedWith, HandFeed, INFO, NOW, SPEND, sampleAttempt, sampleStatus, TXID } from "./support/samples.ts";
import { all, type Element, readXml } from "./support/xml.ts";

const clock = new HandClock(NOW + 2_000);
const site: Site = { ...UNKNOWN_SITE, publicUrl: "https://pinata.example" };
const HOUR = 3_600_000;

interface JsonFeed {
  version: string;
  title: string;
  home_page_url?: string;
  feed_url?: string;
  items: { id: string; url?: string; title: string; content_text: string; date_published: string }[];
}

const get = (feed: HandFeed, path: string, at = site) => createApp({ feed, info: INFO, clock, site: at }).request(path);
const atomOf = async (feed: HandFeed, at = site): Promise<Element> =>
  readXml(await (await get(feed, "/feed.atom", at)).text());
const jsonOf = async (feed: HandFeed, at = site): Promise<JsonFeed> =>
  (await (await get(feed, "/feed.json", at)).json()) as JsonFeed;
const one = (element: Element, name: string): string => {
  const found = all(element, name);
  if (found.length !== 1) throw new Error(`${found.length} <${name}> in <${element.name}>`);
  return found[0]!.text;
};

/** A smash, with the steps that the monitor recorded. */
function smashed(): HandFeed {
  const feed = feedWith("smashed", 0);
  const [coin] = sampleStatus("smashed").coins;
  const block = coin!.spend!.block!;
  feed.answers.set(`v1/coins/${coin!.outpoint}`, {
    ...coin,
    keyOut: true,
    history: [
      { at: NOW - 9 * HOUR, kind: "funded", txid: TXID, block: { ...block, height: block.height - 9 } },
      { at: NOW - HOUR, kind: "spend-seen", txid: SPEND, block: null },
      { at: NOW - HOUR / 2, kind: "spend-confirmed", txid: SPEND, block },
    ],
  });
  return feed;
}

describe("feed.atom", () => {
  it("has what RFC 4287 asks of a feed and of each entry, newest first", async () => {
    const response = await get(smashed(), "/feed.atom");
    expect(response.headers.get("content-type")).toBe("application/atom+xml; charset=utf-8");
    const feed = readXml(await response.text());
    expect([feed.name, feed.attributes.xmlns]).toEqual(["feed", "http://www.w3.org/2005/Atom"]);
    expect(one(feed, "id")).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(one(feed, "title")).toContain("Piñata bcrt1p");
    expect(one(all(feed, "author")[0]!, "name")).not.toBe("");
    const self = all(feed, "link").find(({ attributes }) => attributes.rel === "self");
    expect(self!.attributes.href).toBe("https://pinata.example/feed.atom");
    const entries = all(feed, "entry");
    expect(entries.length).toBeGreaterThanOrEqual(5);
    const times = entries.map((entry) => one(entry, "updated"));
    expect(times).toEqual(times.toSorted().reverse());
    expect(one(feed, "updated")).toBe(times[0]);
    for (const entry of entries) {
      expect(one(entry, "id")).toMatch(
        /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(one(entry, "title")).not.toBe("");
      expect(one(entry, "updated")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(one(entry, "content")).not.toBe("");
      expect(all(entry, "link")[0]!.attributes.href).toMatch(/^https:\/\/pinata\.example\//);
    }
    expect(new Set(entries.map((entry) => one(entry, "id"))).size).toBe(entries.length);
  });

  it("tells each step of a coin with its proof, the start, and who opened it", async () => {
    const feed = smashed();
    feed.hit(sampleAttempt(1));
    feed.hit(sampleAttempt(2, { outcome: "opened", reason: "the candy was given out", subject: "CN=winner" }));
    const texts = all(await atomOf(feed), "entry").map((entry) => `${one(entry, "title")} | ${one(entry, "content")}`);
    const told = (part: string) => texts.filter((text) => text.includes(part));
    expect(told("SMASHED: 10.00012345 BTC taken")).toHaveLength(1);
    expect(told("A spend is in a block: 10.00012345 BTC (regtest)")[0]).toContain(
      "Checked: a key-path signature that verifies against the output key.",
    );
    expect(told("Coins hang in the piñata")).toHaveLength(1);
    expect(told("The piñata was started")[0]).toContain("9".repeat(64));
    expect(told("Opened: attempt")).toHaveLength(1);
    expect(told("CN=winner")).toHaveLength(1);
  });

  it("has the same ids under every address, later, and in both formats", async () => {
    const ids = async (at = site) => all(await atomOf(smashed(), at), "entry").map((entry) => one(entry, "id"));
    const first = await ids();
    expect(await ids({ ...UNKNOWN_SITE, publicUrl: "https://elsewhere.example/below" })).toEqual(first);
    expect(await ids(UNKNOWN_SITE)).toEqual(first);
    expect((await jsonOf(smashed())).items.map(({ id }) => id)).toEqual(first);
    const later = smashed();
    later.show("smashed", { now: NOW + 60_000, checked: NOW + 59_000 });
    expect(all(await atomOf(later), "entry").map((entry) => one(entry, "id"))).toEqual(first);
  });

  it("falls back to what the status proves when the monitor does not tell the history, and asks again", async () => {
    const feed = smashed();
    const path = `v1/coins/${TXID}:0`;
    const answer = feed.answers.get(path);
    feed.answers.set(path, new Error("no answer"));
    const app = createApp({ feed, info: INFO, clock, site });
    const titles = async () =>
      all(readXml(await (await app.request("/feed.atom")).text()), "entry").map((entry) => one(entry, "title"));
    expect(await titles()).toContain("A spend is seen, not in a block yet: 10.00012345 BTC (regtest)");
    feed.answers.set(path, answer);
    clock.advance(2_000);
    expect(await titles()).toContain("A spend is in a block: 10.00012345 BTC (regtest)");
    feed.answers.set(path, new Error("no answer"));
    clock.advance(2_000);
    expect(await titles()).toContain("A spend is in a block: 10.00012345 BTC (regtest)");
  });

  it("says that the monitor is silent, and never SEALED then", async () => {
    const feed = feedWith("sealed", 0);
    feed.set({ fresh: false });
    const atom = await atomOf(feed);
    expect(one(atom, "subtitle")).toBe(
      "The monitor has been silent since 2026-03-01T12:00:00Z: nothing is claimed about now.",
    );
    expect(all(atom, "entry").map((entry) => one(entry, "title"))).toContain("BLIND");
    expect(JSON.stringify(atom)).not.toContain("SEALED");
  });

  it("links relative to itself when nobody told the page's address, whatever the visitor says", async () => {
    const app = createApp({ feed: smashed(), info: INFO, clock });
    const headers = { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" };
    const text = await (await app.request("/feed.atom", { headers })).text();
    expect(text).not.toContain("evil");
    expect(text).toContain('href="./feed.atom"');
  });
});

describe("feed.json", () => {
  it("has what JSON Feed 1.1 asks for", async () => {
    const response = await get(smashed(), "/feed.json");
    expect(response.headers.get("content-type")).toBe("application/feed+json; charset=utf-8");
    const feed = (await response.json()) as JsonFeed;
    expect(feed).toMatchObject({
      version: "https://jsonfeed.org/version/1.1",
      home_page_url: "https://pinata.example/",
      feed_url: "https://pinata.example/feed.json",
    });
    expect(feed.title).not.toBe("");
    expect(feed.items.length).toBeGreaterThanOrEqual(5);
    for (const { id, title, content_text, date_published, url } of feed.items) {
      expect([id, title, content_text].every((text) => text !== "")).toBe(true);
      expect(Number.isNaN(Date.parse(date_published))).toBe(false);
      expect(url).toMatch(/^https:\/\/pinata\.example\//);
    }
  });
});

describe("both", () => {
  it.each(["/feed.atom", "/feed.json"])("%s shows a stranger's text as text", async (path) => {
    const feed = smashed();
    feed.hit(sampleAttempt(1, { outcome: "opened", subject: HOSTILE, reason: HOSTILE, peer: HOSTILE }));
    feed.show("smashed", {
      ...{ sentence: HOSTILE, network: HOSTILE, address: HOSTILE },
      pinata: { ...sampleStatus("smashed").pinata!, board: HOSTILE },
    });
    const body = await (await get(feed, path)).text();
    const decoded = path.endsWith("json") ? JSON.stringify(JSON.parse(body)) : JSON.stringify(readXml(body));
    expect(body).not.toMatch(UNSEEN);
    expect(JSON.parse(decoded).toString()).not.toBe("");
    expect(decoded).toContain("<script>alert(1)</script>");
    expect(decoded).toContain("<U+202E>evil<U+2066>");
    if (path.endsWith("atom")) expect(body).not.toContain("<script>");
  });

  it.each(["/feed.atom", "/feed.json"])("%s is 503 before the monitor's first word", async (path) => {
    const response = await get(new HandFeed(), path);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("10");
  });

  it("are found from the page's head", async () => {
    const page = await (await get(smashed(), "/")).text();
    expect(page).toContain('<link rel="alternate" type="application/atom+xml" title="piñata" href="/feed.atom"/>');
    expect(page).toContain('type="application/feed+json"');
  });
});
