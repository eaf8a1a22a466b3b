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
import { systemClock } from "../../web/clock.ts";
import { ago } from "../../web/text.ts";
import { hasBrowser, launchBrowser } from "../support/browser.ts";
import { feedWith, type HandFeed, INFO, NOW, sampleAttempt, sampleStatus } from "./support/samples.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let feed: HandFeed;
let server: Server;
const clock = { ...systemClock, now: () => NOW + 2_000 };

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
    for (const verdict of ["smashed", "awaited", "refunded", "sealed", "blind"] as const) {
      feed.show(verdict);
      await wordIs(page, verdict[0]!.toUpperCase() + verdict.slice(1));
      const fresh = await open({ reducedMotion: "reduce" });
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
      await fresh.page.context().close();
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
      const times = [2_000, 3_000, 4_000].map((ms) => ago(new Date(NOW - back * 1_000).toISOString(), NOW + ms));
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
    expect(await page.locator("#practise").textContent()).toContain("openssl s_client -connect pinata.example:10000");
    expect(await page.locator("svg.pinata > .on-smashed").first().isVisible()).toBe(true);
    expect(await page.locator('noscript meta[http-equiv="refresh"]').getAttribute("content")).toBe("10");
  });

  it("is dark in the dark", async () => {
    const ground = async (colorScheme: "dark" | "light") => {
      const { page } = await open({ colorScheme });
      return await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    };
    expect(await ground("light")).toBe("rgb(255, 249, 240)");
    expect(await ground("dark")).toBe("rgb(23, 16, 28)");
  });

  it.each([320, 360, 768, 1280])("fits %i pixels without sideways scroll", async (width) => {
    feed.hit(sampleAttempt(6, { reason: "x".repeat(300), fingerprint: "y".repeat(64) }));
    for (const path of ["/", `/attempts/${sampleAttempt(6).id}`, "/nowhere"]) {
      const { page } = await open({ viewport: { width, height: 740 } }, path);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
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

  it.each(["light", "dark"] as const)("has nothing that axe complains of, in any state, %s", async (colorScheme) => {
    const check = async (path: string) => {
      const { page } = await open(
        { colorScheme, bypassCSP: true, reducedMotion: "reduce", viewport: { width: 1280, height: 900 } },
        path,
      );
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
        };
        return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      });
      expect(found).toEqual([]);
      await page.context().close();
    };
    for (const verdict of verdicts.options) {
      feed.show(verdict);
      await check("/");
    }
    feed.set({ fresh: false, problem: "nothing listens at the monitor's address" });
    await check("/");
    await check(`/attempts/${sampleAttempt(5).id}`);
    await check("/nowhere");
  });
});
