import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { type Site, UNKNOWN_SITE } from "../../web/machine/site.ts";
import { ASK_EVERY } from "../../web/past.ts";
import { HandClock } from "./support/hand-clock.ts";
import { HOSTILE, UNSEEN } from "./support/hostile.ts";
import { givePast } from "./support/past.ts";
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
  items: {
    id: string;
    url?: string;
    title: string;
    content_text: string;
    date_published: string;
    attachments?: { url: string; mime_type: string; title: string }[];
  }[];
}

/** A page that has asked the monitor for the past once. */
async function appOf(feed: HandFeed, at = site, { clock: own = clock } = {}) {
  const app = createApp({ feed, info: INFO, clock: own, site: at });
  feed.tell({ kind: "status" });
  await answered();
  return app;
}
/** Lets what was asked be answered: promises only, no time. */
async function answered(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
const get = async (feed: HandFeed, path: string, at = site) => (await appOf(feed, at)).request(path);
const atomOf = async (feed: HandFeed, at = site): Promise<Element> =>
  readXml(await (await get(feed, "/feed.atom", at)).text());
const jsonOf = async (feed: HandFeed, at = site): Promise<JsonFeed> =>
  (await (await get(feed, "/feed.json", at)).json()) as JsonFeed;
const one = (element: Element, name: string): string => {
  const found = all(element, name);
  if (found.length !== 1) throw new Error(`${found.length} <${name}> in <${element.name}>`);
  return found[0]!.text;
};

const BOOT = sampleStatus("sealed").pinata!;

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
  const counted = { heard: NOW, total: 0, opened: 0, funnel: [], missing: 0 };
  feed.answers.set("v1/pinatas", { pinatas: [{ boot: BOOT.boot, info: BOOT, ...counted }], inputs: [] });
  return feed;
}

/** Signed statements, one each hour and with each verdict: what the monitor answers with them. */
function giveStatements(
  feed: HandFeed,
  verdicts: readonly (readonly [verdict: string, since: number, time: number])[],
) {
  const statements = verdicts.map(([verdict, since, time], i) => ({
    signature: "0".repeat(128),
    statement: { number: i + 1, time, reason: i === 0 ? "start" : "hour", verdict, since, pinata: null },
  }));
  feed.answers.set("v1/statements/latest", statements.at(-1));
  feed.answers.set("v1/statements?from=1&limit=100", { statements, next: null });
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
    expect(told("The spend is in a block: 10.00012345 BTC, block 204,122 0000")[0]).toMatch(
      /\(regtest\) \| Transaction f4184f.*\nChecked: a key-path signature that verifies against the output key\.\n/,
    );
    expect(told("Coins put in: 10.00012345 BTC, block")).toHaveLength(1);
    expect(told("The piñata was started")[0]).toContain("SHA-256 99999999…99999999, node");
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

  it("falls back to what the status proves when the monitor does not tell the history, under the same id", async () => {
    const feed = smashed();
    const path = `v1/coins/${TXID}:0`;
    const answer = feed.answers.get(path) as { history: { at: number; kind: string }[] };
    const { firstSeen } = sampleStatus("smashed").coins[0]!.spend!;
    answer.history[1]!.at = firstSeen;
    answer.history[2]!.at = firstSeen + 60_000;
    feed.answers.set(path, new Error("no answer"));
    const own = new HandClock(NOW);
    const app = await appOf(feed, site, { clock: own });
    const entries = async () =>
      all(readXml(await (await app.request("/feed.atom")).text()), "entry").map((entry) => ({
        id: one(entry, "id"),
        at: one(entry, "updated"),
        title: one(entry, "title"),
        proof: all(entry, "link").find(({ attributes }) => attributes.rel === "related")?.attributes.href,
      }));
    const spends = async () => (await entries()).filter(({ title }) => /spend/.test(title));
    const proven = await spends();
    expect(proven.map(({ title }) => title)).toEqual(["A spend was seen: 10.00012345 BTC (regtest)"]);
    expect(proven[0]!.proof).toBe(`https://pinata.example/api/v1/breach/${SPEND}`);
    feed.answers.set(path, answer);
    own.advance(ASK_EVERY);
    feed.tell({ kind: "status" });
    await answered();
    const told = await spends();
    expect(told.map(({ title }) => title.split(":")[0])).toEqual(["The spend is in a block", "A spend was seen"]);
    expect(told[1]).toEqual(proven[0]);
    feed.answers.set(path, new Error("no answer"));
    own.advance(ASK_EVERY);
    feed.tell({ kind: "status" });
    await answered();
    expect(await spends()).toEqual(told);
  });

  it("remembers each verdict under the id that it had when it was the present one", async () => {
    const feed = feedWith("sealed", 0);
    const { since } = sampleStatus("sealed");
    giveStatements(feed, [
      ["awaited", since - 50 * HOUR, since - HOUR],
      ["sealed", since, since + 7],
      ["sealed", since, since + HOUR],
    ]);
    const first = (await jsonOf(feed)).items;
    expect(first.map(({ title }) => title)).toEqual(["SEALED: 10.00012345 BTC", "The monitor was started"]);
    feed.show("moving", { since: NOW });
    const later = (await jsonOf(feed)).items;
    expect(later.map(({ title }) => title)).toEqual([
      "MOVING: 0.00 BTC",
      "A spend was seen: 10.00012345 BTC (regtest)",
      "The verdict became SEALED",
      "The monitor was started",
    ]);
    expect(later[2]!.id).toBe(first[0]!.id);
    expect(later[2]!.date_published).toBe(first[0]!.date_published);
    expect(later[2]!.attachments).toEqual([
      {
        url: "https://pinata.example/api/v1/statements/2",
        mime_type: "application/json",
        title: "Signed statement 2",
      },
    ]);
    expect(new Set(later.map(({ id }) => id)).size).toBe(4);
  });

  it("tells starts, another image, absences, and what the maintainers wrote", async () => {
    const feed = feedWith("smashed", 0);
    givePast(feed);
    feed.show("smashed", { annotations: 7 });
    const about = { alert: "a".repeat(32), kind: "breach", at: NOW - HOUR };
    feed.answers.set("v1/annotations", {
      annotations: [
        { number: 7, at: NOW - 60_000, text: "We are looking.\nMore soon.", about: null },
        { number: 4, at: NOW - 90_000, text: "Not us.", about },
      ],
    });
    const { items } = await jsonOf(feed);
    const titles = items.map(({ title }) => title);
    expect(titles).toEqual(expect.arrayContaining(["The piñata runs another image", "The monitor was away"]));
    const notes = items.filter(({ title }) => /^The maintainers/.test(title));
    expect(notes.map(({ content_text }) => content_text)).toEqual(["We are looking.\nMore soon.", "Not us."]);
    const times = items.map(({ date_published }) => date_published);
    expect(times).toEqual(times.toSorted().reverse());
  });

  it("holds the newest 50, and the same for who started today", async () => {
    const feed = feedWith("sealed", 0);
    const at = (i: number) => NOW - 80 * HOUR + i * HOUR;
    giveStatements(
      feed,
      Array.from({ length: 81 }, (_, i) => [i % 2 === 0 ? "sealed" : "blind", at(i), at(i) + 5]),
    );
    feed.show("sealed", { since: NOW });
    const old = await appOf(feed);
    const items = async (app: { request: typeof old.request }) =>
      ((await (await app.request("/feed.json")).json()) as JsonFeed).items;
    const told = await items(old);
    expect(told).toHaveLength(50);
    expect(told[0]!.title).toBe("SEALED: 10.00012345 BTC");
    expect(told.at(-1)!.date_published).toBe(new Date(at(31)).toISOString().replace(".000Z", "Z"));
    expect(await items(await appOf(feed))).toEqual(told);
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

  it("says so above what happened just before, and keeps that", async () => {
    const feed = feedWith("sealed", 0);
    giveStatements(feed, [
      ["awaited", NOW - HOUR, NOW - HOUR],
      ["sealed", NOW - 1_000, NOW - 900],
    ]);
    feed.show("sealed", { since: NOW - 1_000, now: NOW - 500 });
    const app = await appOf(feed);
    feed.set({ fresh: false });
    const { items } = (await (await app.request("/feed.json")).json()) as JsonFeed;
    expect(items.map(({ title }) => title)).toEqual(["BLIND", "The verdict became SEALED", "The monitor was started"]);
    expect(items[0]!.date_published).toBe(items[1]!.date_published);
  });

  it("links relative to itself when nobody told the page's address, whatever the visitor says", async () => {
    const app = await appOf(smashed(), UNKNOWN_SITE);
    const headers = { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" };
    const text = await (await app.request("/feed.atom", { headers })).text();
    expect(text).not.toContain("evil");
    expect(text).toContain(`href="./api/v1/breach/${SPEND}"`);
    const { items } = (await (await app.request("/feed.json", { headers })).json()) as JsonFeed;
    expect(items.filter(({ attachments }) => attachments !== undefined)).toEqual([]);
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
    expect(feed.items.filter(({ attachments }) => attachments !== undefined).length).toBeGreaterThan(0);
    for (const { id, title, content_text, date_published, url, attachments = [] } of feed.items) {
      expect([id, title, content_text].every((text) => text !== "")).toBe(true);
      expect(Number.isNaN(Date.parse(date_published))).toBe(false);
      expect(url).toMatch(/^https:\/\/pinata\.example\//);
      for (const attachment of attachments) {
        expect(attachment.url).toMatch(/^https:\/\/pinata\.example\/api\/v1\//);
        expect(attachment.mime_type).toBe("application/json");
      }
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
