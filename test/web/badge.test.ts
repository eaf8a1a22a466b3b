import { describe, expect, it } from "vitest";
import { verdict as verdicts } from "../../monitor/schema.ts";
import { createApp } from "../../web/app.tsx";
import { HandClock } from "./support/hand-clock.ts";
import { HOSTILE, UNSEEN } from "./support/hostile.ts";
import { feedWith, HandFeed, INFO, NOW } from "./support/samples.ts";
import { all, type Element, readXml } from "./support/xml.ts";

const clock = new HandClock(NOW + 2_000);
const get = (feed: HandFeed) => createApp({ feed, info: INFO, clock }).request("/badge.svg");
const badgeOf = async (feed: HandFeed): Promise<Element> => readXml(await (await get(feed)).text());
const says = (badge: Element) => all(badge, "g").flatMap((group) => all(group, "text").map(({ text }) => text));

describe("badge.svg", () => {
  it.each(verdicts.options)("names %s in text, title and label alike", async (verdict) => {
    const badge = await badgeOf(feedWith(verdict, 0));
    const [label, text] = says(badge);
    expect(label).toBe("piñata");
    expect(text).toMatch(new RegExp(`^${verdict.toUpperCase()}`));
    expect(badge.attributes.role).toBe("img");
    expect(badge.attributes["aria-label"]).toBe(`piñata: ${text}`);
    expect(all(badge, "title")[0]!.text).toBe(`piñata: ${text}`);
  });

  it("tells the amount, and that it is play money where it is", async () => {
    expect(says(await badgeOf(feedWith("sealed", 0)))[1]).toBe("SEALED · 10.00012345 BTC · play money");
    const real = feedWith("sealed", 0);
    real.show("sealed", { network: "mainnet" });
    expect(says(await badgeOf(real))[1]).toBe("SEALED · 10.00012345 BTC");
  });

  it("is BLIND on stale data, without an amount, and remembers a proven smash", async () => {
    const feed = feedWith("sealed", 0);
    feed.set({ fresh: false });
    expect(says(await badgeOf(feed))[1]).toBe("BLIND · play money");
    const smashed = feedWith("smashed", 0);
    smashed.set({ fresh: false });
    expect(says(await badgeOf(smashed))[1]).toBe("BLIND · last seen smashed · play money");
    expect(says(await badgeOf(new HandFeed()))[1]).toBe("BLIND");
  });

  it("may stand in other people's pages, for a short while, and runs nothing", async () => {
    const response = await get(feedWith("sealed", 0));
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
    expect(response.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    expect(response.headers.get("cache-control")).toBe("public, max-age=30");
    expect(await response.text()).not.toMatch(/<script|<style|style=|href|on\w+=/);
  });

  it("shows a stranger's text as text", async () => {
    const feed = feedWith("sealed", 0);
    feed.show("sealed", { network: HOSTILE, sentence: HOSTILE });
    const text = await (await get(feed)).text();
    readXml(text);
    expect(text).not.toMatch(UNSEEN);
  });
});
