/**
 * The page in a real browser (Debian's chromium): live change, no script, colours, narrow screens, accessibility,
 * reconnection. Without chromium these tests are passed over, and one line says so.
 */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { verdict as verdicts } from "../../monitor/schema.ts";
import { createApp } from "../../web/app.tsx";
import { english } from "../../web/catalogue/choose.ts";
import { systemClock } from "../../web/clock.ts";
import { ASK_EVERY } from "../../web/past.ts";
import { hasBrowser, launchBrowser } from "../support/browser.ts";
import { givePast, giveTrace, sampleEvents } from "./support/past.ts";
import { feedWith, type HandFeed, INFO, NOW, SPEND, sampleAttempt, sampleStatus } from "./support/samples.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let feed: HandFeed;
let server: Server;
let later = 2_000;
const clock = { ...systemClock, now: () => NOW + later };
const LOOKED_AT = sampleAttempt(6, { door: "server", reason: "x".repeat(300), fingerprint: "y".repeat(64) });
const PAGES = ["/", "/guide", "/timeline", "/funnel", "/attempts/mine", `/attempts/${LOOKED_AT.id}`, "/nowhere"];

function listen(port: number): Promise<Server> {
  const app = createApp({ feed, info: INFO, clock });
  return new Promise((resolve) => {
    const started = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, () => resolve(started)) as Server;
  });
}

async function close(): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** A past for the timeline and the funnel, and an attempt with its trace. */
async function withPast(): Promise<void> {
  givePast(feed);
  feed.hit(LOOKED_AT);
  giveTrace(feed, LOOKED_AT, sampleEvents(LOOKED_AT, { subject: "CN=mallory", fingerprint: "y".repeat(64) }));
  later += ASK_EVERY;
  feed.show("sealed");
  await expect
    .poll(async () => {
      later += 2_001;
      return await (await fetch(`http://127.0.0.1:${portOf()}/timeline`)).text();
    })
    .toContain("Coins put in");
  later += 2_001;
}

const portOf = () => (server.address() as AddressInfo).port;

/** Opens a page in a context of its own; every error in it, and every breach of its policy, fails the test. */
async function open(options: BrowserContextOptions = {}, path = "/"): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("ERR_")) errors.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${portOf()}${path}`);
  return { page, errors };
}

const wordIs = (page: Page, word: string) =>
  page.waitForFunction((wanted) => document.querySelector(".word")?.textContent === wanted, word);
/** Live: the stream has arrived. */
async function live(page: Page): Promise<void> {
  await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => name.includes("live")));
  while ((await (await fetch(`http://127.0.0.1:${portOf()}/healthz`)).json()).viewers === 0)
    await page.waitForTimeout(10);
}

describe.runIf(hasBrowser())("the page in a browser", () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    later = 2_000;
    feed = feedWith("sealed", 5);
    server = await listen(0);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await close();
  });

  it("follows sealed → moving → smashed without a reload: word, sentence, picture, numbers", async () => {
    const { page, errors } = await open();
    await live(page);
    await page.evaluate(() => document.body.setAttribute("data-same", "yes"));
    const shown = (selector: string) => page.locator(`svg.pinata > ${selector}`).first().isVisible();
    expect(await shown(".on-smashed")).toBe(false);

    feed.show("moving");
    await wordIs(page, "Moving");
    expect(await page.textContent(".sentence")).toBe(sampleStatus("moving").sentence);
    expect(await page.locator(".swing .on-moving").isVisible()).toBe(true);
    expect(await page.textContent(".hanging strong")).toBe("0.00 BTC");

    feed.show("smashed");
    await wordIs(page, "Smashed");
    expect(await shown(".on-smashed")).toBe(true);
    expect(await page.locator(".on-whole").isVisible()).toBe(false);
    expect(await page.locator(".on-moving").isVisible()).toBe(false);
    expect(await page.title()).toBe("Smashed · piñata");
    expect(await page.textContent("#pinata-title")).toContain("broken in two");
    expect(await page.textContent("#coins .spend")).toContain("Smashed: moved by the key.");
    expect(await page.getAttribute("body", "data-same")).toBe("yes");
    expect(errors).toEqual([]);
  });

  it("draws live exactly what the server draws", async () => {
    const { page } = await open({ reducedMotion: "reduce" });
    await live(page);
    const fresh = await open({ reducedMotion: "reduce" });
    for (const verdict of ["smashed", "awaited", "refunded", "sealed", "blind"] as const) {
      feed.show(verdict);
      await wordIs(page, verdict[0]!.toUpperCase() + verdict.slice(1));
      await fresh.page.reload();
      /** Every visible text, in order. */
      const main = (of: Page) =>
        of.evaluate(() =>
          [...document.querySelectorAll("body, main *")]
            .filter((e) => e.checkVisibility() && (e.childElementCount === 0 || e === document.body))
            .map((e) => (e === document.body ? document.body.dataset.state : e.textContent)),
        );
      const drawn = await main(fresh.page);
      expect(drawn.length).toBeGreaterThan(100);
      expect(await main(page)).toEqual(drawn);
    }
  });

  it("puts a new attempt on top and swings; a known one is renewed in place", async () => {
    const { page, errors } = await open();
    await live(page);
    feed.hit(sampleAttempt(6, { ended: null, outcome: "open", reason: "in the middle of it" }));
    const first = page.locator("#attempts .attempts > li").first();
    await page.waitForFunction(
      (id) => document.querySelector(".attempts > li")?.getAttribute("data-key") === id,
      sampleAttempt(6).id,
    );
    expect(await first.textContent()).toContain("in the middle of it");
    expect(await page.locator("svg.pinata.hit").count()).toBe(1);
    expect(
      await page.evaluate(() =>
        document
          .querySelector(".swing")!
          .getAnimations()
          .map((a) => (a as CSSAnimation).animationName),
      ),
    ).toEqual(["hit"]);
    feed.hit(sampleAttempt(6));
    await page.waitForFunction(
      () => document.querySelector(".attempts > li")?.getAttribute("data-outcome") === "refused",
    );
    expect(await page.locator("#attempts .attempts > li").count()).toBe(6);
    await page.waitForFunction(() => document.querySelector("svg.pinata.hit") === null);
    for (let n = 7; n <= 40; n += 1) feed.hit(sampleAttempt(n));
    await page.waitForFunction(
      (id) => document.querySelector(".attempts > li")?.getAttribute("data-key") === id,
      sampleAttempt(40).id,
    );
    expect(await page.locator("#attempts .attempts > li").count()).toBe(20);
    expect(errors).toEqual([]);
  });

  it("renews an attempt's own page while it is open", async () => {
    feed.hit(sampleAttempt(6, { ended: null, outcome: "open", reason: "in the middle of it" }));
    const { page, errors } = await open({}, `/attempts/${sampleAttempt(6).id}`);
    await live(page);
    feed.hit(sampleAttempt(6));
    await page.waitForFunction(() =>
      document.querySelector("article")?.textContent.includes("no certificate (RFC 8446"),
    );
    expect(errors).toEqual([]);
  });

  it("shows a peer's markup as text, drawn by the server or live", async () => {
    const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    feed.hit(sampleAttempt(6, { fingerprint: evil, reason: evil }));
    const { page, errors } = await open();
    await live(page);
    feed.hit(sampleAttempt(7, { fingerprint: evil, reason: evil }));
    await page.waitForFunction(
      (id) => document.querySelector(".attempts > li")?.getAttribute("data-key") === id,
      sampleAttempt(7).id,
    );
    expect(await page.locator("main img, main script").count()).toBe(0);
    for (const n of [0, 1]) expect(await page.locator("#attempts .attempts > li").nth(n).textContent()).toContain(evil);
    expect(await page.title()).toBe("Sealed · piñata");
    expect(errors).toEqual([]);
  });

  it("says BLIND by itself when its server is gone, and comes back with what it missed", async () => {
    const { page, errors } = await open();
    await live(page);
    const port = portOf();
    await page.evaluate(() => document.body.setAttribute("data-same", "yes"));
    await close();
    // The page's own clock is moved, so that no test waits for it.
    await page.evaluate(() => {
      const now = Date.now;
      Date.now = () => now() + 16_000;
    });
    await wordIs(page, "Blind");
    expect(await page.textContent(".last")).toContain("Last known: SEALED as of ");
    expect(await page.getAttribute("body", "data-state")).toBe("blind");
    feed.hit(sampleAttempt(6));
    feed.show("smashed");
    server = await listen(port);
    await wordIs(page, "Smashed");
    expect(await page.locator("#attempts .attempts > li").first().getAttribute("data-key")).toBe(sampleAttempt(6).id);
    expect(await page.locator(".last").isVisible()).toBe(false);
    expect(await page.getAttribute("body", "data-same")).toBe("yes");
    expect(errors).toEqual([]);
  });

  it("comes back after an answer that is no stream", async () => {
    const { page } = await open();
    await live(page);
    const port = portOf();
    await close();
    server = await new Promise<Server>((resolve) => {
      const broken = serve({ fetch: () => new Response("busy", { status: 503 }), port, hostname: "127.0.0.1" }, () =>
        resolve(broken),
      ) as Server;
    });
    await new Promise<void>((resolve) => server.once("request", () => resolve()));
    await close();
    feed.show("smashed");
    server = await listen(port);
    await wordIs(page, "Smashed");
  });

  it("tells times as the server does", async () => {
    const { page } = await open();
    await live(page);
    const seconds = [5, 10, 59, 60, 3_599, 3_600, 172_799, 172_800, 90_000_000];
    for (const back of seconds) {
      feed.show("sealed", { since: NOW - back * 1_000 });
      await page.waitForFunction(
        (iso) => document.querySelector<HTMLTimeElement>('[data-when="sinceAt"] time')?.dateTime === iso,
        new Date(NOW - back * 1_000).toISOString().replace(".000", ""),
      );
      const said = await page.textContent('[data-when="sinceAt"] .ago');
      const times = [2_000, 3_000, 4_000].map((ms) =>
        english.ago(new Date(NOW - back * 1_000).toISOString(), NOW + ms),
      );
      expect(times).toContain(said);
    }
  });

  it("reads whole without a script, and reloads by itself", async () => {
    feed.show("smashed");
    const { page } = await open({ javaScriptEnabled: false });
    expect(await page.locator(".word").textContent()).toBe("Smashed");
    expect(await page.locator(".word").isVisible()).toBe(true);
    expect(await page.locator("#coins").textContent()).toContain("Smashed: moved by the key.");
    expect(await page.locator("#attempts").textContent()).toContain("no certificate (RFC 8446 §4.4.2.4)");
    expect(await page.locator("svg.pinata > .on-smashed").first().isVisible()).toBe(true);
    expect(await page.locator('noscript meta[http-equiv="refresh"]').getAttribute("content")).toBe("10");
    await page.click("nav .cta");
    expect(await page.locator("#practise").textContent()).toContain("openssl s_client -connect pinata.example:10000");
  });

  it("is dark in the dark", async () => {
    const { page } = await open();
    const ground = async (colorScheme: "dark" | "light") => {
      await page.emulateMedia({ colorScheme });
      return await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    };
    expect(await ground("light")).toBe("rgb(255, 249, 240)");
    expect(await ground("dark")).toBe("rgb(23, 16, 28)");
  });

  it("fits 320, 360, 768 and 1280 pixels without sideways scroll, from left to right and from right to left", async () => {
    await withPast();
    const { page } = await open();
    for (const path of [...PAGES, "/?lang=de", "/guide?lang=fr"]) {
      await page.goto(`http://127.0.0.1:${portOf()}${path}`);
      for (const width of [320, 360, 768, 1280]) {
        await page.setViewportSize({ width, height: 740 });
        for (const dir of ["ltr", "rtl"]) {
          const across = await page.evaluate((set) => {
            document.documentElement.dir = set;
            return document.documentElement.scrollWidth;
          }, dir);
          expect(across, `${path} at ${width}, ${dir}`).toBeLessThanOrEqual(width);
        }
      }
    }
  });

  it("stands still for those who want it", async () => {
    const { page } = await open({ reducedMotion: "reduce" });
    await live(page);
    feed.hit(sampleAttempt(6));
    await page.waitForFunction(
      (id) => document.querySelector(".attempts > li")?.getAttribute("data-key") === id,
      sampleAttempt(6).id,
    );
    feed.show("smashed");
    await wordIs(page, "Smashed");
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });

  it("is walked by keyboard: the skip link first, then everything that can be followed", async () => {
    const { page } = await open();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe("Skip to the piñata");
    expect(await page.evaluate(() => document.activeElement!.getBoundingClientRect().width)).toBeGreaterThan(50);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("href"))).toBe(
      `/attempts/${sampleAttempt(5).id}`,
    );
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/attempts/${sampleAttempt(5).id}`);
  });

  it("reads from right to left: what stood at the left edge stands at the right one", async () => {
    const { page } = await open({ viewport: { width: 1280, height: 900 } });
    const left = (selector: string) =>
      page.locator(selector).evaluate((e) => Math.round(e.getBoundingClientRect().left));
    expect(await left(".picture")).toBeLessThan(await left(".say"));
    await page.evaluate(() => document.documentElement.setAttribute("dir", "rtl"));
    expect(await left(".picture")).toBeGreaterThan(await left(".say"));
    const bar = page.locator(".bar").nth(2);
    expect(await bar.evaluate((e) => getComputedStyle(e).transform)).toBe("matrix(-1, 0, 0, 1, 0, 0)");
    expect(
      await page
        .locator(".attempts > li")
        .first()
        .evaluate((e) => getComputedStyle(e).borderRightWidth),
    ).toBe("5px");
  });

  it("is live in the language that was asked for, and says in it that its server is gone", async () => {
    const { page, errors } = await open({}, "/?lang=de");
    await live(page);
    feed.show("smashed");
    await wordIs(page, "Zerschlagen");
    expect(await page.textContent(".sentence")).toBe("Jemand hat den Schlüssel herausgeholt und die Münzen bewegt.");
    feed.hit(sampleAttempt(6));
    const first = page.locator("#attempts .attempts > li a").first();
    await page.waitForFunction(
      (href) => document.querySelector(".attempts > li a")?.getAttribute("href") === href,
      `/attempts/${sampleAttempt(6).id}?lang=de`,
    );
    expect(await first.textContent()).toContain("TLS-Server");
    const reasonIs = (text: string) =>
      page.waitForFunction((wanted) => document.querySelector('[data-t="reason"]')?.textContent === wanted, text);
    const reason = page.locator('#attempts [data-t="reason"]').first();
    await reasonIs("kein Zertifikat (RFC 8446 §4.4.2.4)");
    expect(await reason.getAttribute("lang")).toBeNull();
    feed.hit(sampleAttempt(6, { reason: "a reason of tomorrow" }));
    await reasonIs("a reason of tomorrow");
    expect(await reason.getAttribute("lang")).toBe("en");
    feed.hit(sampleAttempt(6));
    await reasonIs("kein Zertifikat (RFC 8446 §4.4.2.4)");
    expect(await reason.getAttribute("lang")).toBeNull();
    await close();
    await page.evaluate(() => {
      const now = Date.now;
      Date.now = () => now() + 16_000;
    });
    await wordIs(page, "Blind");
    expect(await page.textContent(".sentence")).toContain("Diese Seite hat ihren Server verloren");
    expect(await page.textContent(".last")).toContain("Zuletzt bekannt: ZERSCHLAGEN, Stand ");
    expect(errors).toEqual([]);
    server = await listen(0);
  });

  it("shows what happened as soon as it is known", async () => {
    await withPast();
    const { page } = await open();
    await live(page);
    feed.show("smashed");
    await wordIs(page, "Smashed");
    givePast(feed);
    later += ASK_EVERY;
    feed.show("smashed", { since: NOW });
    await page.waitForFunction(() => document.querySelector('.timeline [data-mark="spend"]') !== null, null, {
      polling: 50,
    });
    expect(await page.locator(".timeline > li a").first().getAttribute("href")).toBe(`/api/v1/breach/${SPEND}`);
  });

  it("is black on white on paper, without what only a screen needs", async () => {
    const { page } = await open({ colorScheme: "dark" });
    await page.emulateMedia({ media: "print" });
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
    expect(await page.locator("header nav").isVisible()).toBe(false);
    expect(await page.locator(".word").isVisible()).toBe(true);
  });

  it("has nothing that axe complains of: every page, every state, by day and by night", async () => {
    await withPast();
    const { page } = await open({ bypassCSP: true, reducedMotion: "reduce", viewport: { width: 1280, height: 900 } });
    const complaints = (rules: string[]) =>
      page.evaluate(async (only) => {
        interface Result {
          violations: { id: string; nodes: { html: string }[] }[];
        }
        const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<Result> } };
        const { violations } = await axe.run(only.length === 0 ? {} : { runOnly: only });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      }, rules);
    /** All rules by day; by night the same page in other colours. */
    const check = async (path: string, rules: string[] = []) => {
      await page.emulateMedia({ colorScheme: "light" });
      await page.goto(`http://127.0.0.1:${portOf()}${path}`);
      await page.evaluate(AXE);
      expect(await complaints(rules), path).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await complaints(["color-contrast"]), `${path} by night`).toEqual([]);
    };
    for (const path of PAGES) await check(path);
    for (const [i, verdict] of verdicts.options.entries()) {
      feed.show(verdict);
      await check(`/?lang=${["de", "fr"][i % 2]}`, ["color-contrast"]);
    }
    feed.set({ fresh: false, problem: "nothing listens at the monitor's address" });
    await check("/");
  });
});
