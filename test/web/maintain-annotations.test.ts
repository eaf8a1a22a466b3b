/**
 * What the maintainers wrote, for everybody: when it is asked of the monitor, and how timeline, front page, live rows and feeds
 * show it.
 */
import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { english, LANGUAGES } from "../../web/catalogue/choose.ts";
import { ASK_EVERY, followPast, NO_PAST } from "../../web/past.ts";
import { timelineRows } from "../../web/timeline.ts";
import { viewOf } from "../../web/view.ts";
import { HandClock } from "./support/hand-clock.ts";
import { sampleAnnotation } from "./support/maintain.ts";
import { givePast } from "./support/past.ts";
import { feedWith, HandFeed, INFO, NOW, sampleStatus } from "./support/samples.ts";

/** A feed that counts how often it was asked for annotations. */
class CountingFeed extends HandFeed {
  asked = 0;

  override ask<T>(path: string, schema: { parse(value: unknown): T }): Promise<T | undefined> {
    if (path === "v1/annotations") this.asked += 1;
    return super.ask(path, schema);
  }

  tells(...annotations: ReturnType<typeof sampleAnnotation>[]): void {
    this.answers.set("v1/annotations", { annotations });
  }
}

function started() {
  const feed = new CountingFeed(feedWith("sealed", 2).state);
  givePast(feed);
  const clock = new HandClock(NOW + 2_000);
  const past = followPast({ feed, clock });
  /** The status says that `newest` is the latest; some time later. */
  const says = async (newest: number | undefined, later = ASK_EVERY) => {
    clock.advance(later);
    feed.show("sealed", newest === undefined ? {} : { annotations: newest });
    await past.idle();
    return past.now().annotations.map(({ number }) => number);
  };
  return { feed, clock, past, says };
}

describe("annotations", () => {
  it("are asked for when the status names a newer one, soon, and not again", async () => {
    const { feed, says } = started();
    expect(await says(undefined)).toEqual([]);
    expect(feed.asked).toBe(0);
    feed.tells(sampleAnnotation(3));
    expect(await says(3, ASK_EVERY / 10)).toEqual([3]);
    expect(await says(3)).toEqual([3]);
    expect(feed.asked).toBe(1);
    feed.tells(sampleAnnotation(9), sampleAnnotation(3));
    expect(await says(9, ASK_EVERY / 10)).toEqual([9, 3]);
    expect(feed.asked).toBe(2);
  });

  it("stay when they cannot be had, are asked for again soon, and go with the store that had them", async () => {
    const { feed, says } = started();
    feed.tells(sampleAnnotation(3));
    await says(3);
    feed.answers.set("v1/annotations", new Error("no answer"));
    expect(await says(4)).toEqual([3]);
    feed.answers.set("v1/annotations", { annotations: [{ number: "many" }] });
    expect(await says(4, ASK_EVERY / 10)).toEqual([3]);
    feed.tells(sampleAnnotation(4), sampleAnnotation(3));
    expect(await says(4, ASK_EVERY / 10)).toEqual([4, 3]);
    expect(await says(undefined)).toEqual([]);
  });

  it("are the latest 200 at most", async () => {
    const { feed, says } = started();
    feed.tells(...Array.from({ length: 300 }, (_, i) => sampleAnnotation(300 - i)));
    const numbers = await says(300);
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([200, 300, 101]);
  });
});

describe("in the timeline", () => {
  const at = NOW - 60_000;

  it("an annotation is a row of its own, in its place, marked as nobody's proof", () => {
    const about = sampleAnnotation(2, { at });
    const alone = sampleAnnotation(1, { at: at - 1_000, about: null });
    const rows = timelineRows({ ...NO_PAST, annotations: [about, alone] }, sampleStatus("sealed"), english);
    expect(rows.map(({ key, mark, what, detail, proof }) => ({ key, mark, what, detail, proof }))).toEqual([
      {
        key: "note 2",
        mark: "note",
        what: "The maintainers' own word about the alert “blind” of 1 Mar 2026, 11:40:00 UTC, unproven:",
        detail: about.text,
        proof: "",
      },
      { key: "note 1", mark: "note", what: "The maintainers' own word, unproven:", detail: alone.text, proof: "" },
    ]);
    for (const language of LANGUAGES.slice(1)) {
      const [row] = timelineRows({ ...NO_PAST, annotations: [alone] }, sampleStatus("sealed"), language);
      expect(row!.what).toMatch(/unbewiesen|sans preuve/);
    }
  });

  it("is cut on the front page, and whole on its own", () => {
    const text = "語".repeat(1_000);
    const past = { ...NO_PAST, annotations: [sampleAnnotation(1, { text, at })] };
    const { lists } = viewOf(feedWith("sealed").snapshot(), INFO, NOW, { past });
    expect(lists.timeline[0]!.detail).toBe(`${"語".repeat(279)}…`);
    expect(timelineRows(past, sampleStatus("sealed"), english)[0]!.detail).toBe(text);
  });

  it("stands in its own direction on both pages and in the feeds, and its markup is text", async () => {
    const feed = feedWith("sealed", 2);
    givePast(feed);
    const text = `<script>alert(1)</script>"'&amp; \u202Eevil\u2066 \u200B\nsecond line <img src=x>`;
    feed.answers.set("v1/annotations", { annotations: [sampleAnnotation(5, { text, at: NOW })] });
    const clock = new HandClock(NOW + 2_000);
    const app = createApp({ feed, info: INFO, clock });
    feed.show("sealed", { annotations: 5 });
    const page = async (path: string) => {
      clock.advance(2_001);
      return await (await app.request(path)).text();
    };
    await expect.poll(() => page("/timeline")).toContain("second line");
    for (const path of ["/", "/timeline"]) {
      const html = await page(path);
      expect(html).not.toMatch(/<script>|<img/);
      expect(html).toMatch(/<bdi data-t="detail">[^<]*&lt;script&gt;[^<]*\nsecond line &lt;img src=x&gt;<\/bdi>/);
    }
    for (const path of ["/feed.atom", "/feed.json"]) {
      const told = await page(path);
      expect(told).toContain("own word");
      expect(told).not.toContain("\u202E");
      // JSON Feed's texts are no markup.
      if (path === "/feed.atom") expect(told).not.toMatch(/<script>|<img/);
    }
  });
});
