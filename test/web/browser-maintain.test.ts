/**
 * The maintainers' pages in a real browser (Debian's chromium), without script and with the keyboard: cookies, forms from here
 * and from elsewhere, narrow screens, accessibility. Without chromium these tests are passed over, and one line says so.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasBrowser, launchBrowser } from "../support/browser.ts";
import { BLIND, sampleOverview, TOKEN } from "./support/maintain.ts";
import { MaintainRig } from "./support/maintain-rig.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rig = new MaintainRig();

let browser: Browser;
let server: Server;
let base: string;

beforeEach(async () => {
  await rig.start();
  const app = rig.app();
  server = await new Promise((resolve) => {
    const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started)) as Server;
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
  await rig.stop();
});

/** A page of a context without script. */
async function open(path: string, options: BrowserContextOptions = { javaScriptEnabled: false }): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(base + path);
  return page;
}

async function signIn(page: Page, token = TOKEN): Promise<void> {
  await page.fill("#token", token);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

const follow = (page: Page, selector: string) => Promise.all([page.waitForNavigation(), page.click(selector)]);

/** Presses Tab until what has the focus matches; how often is bounded, so that what cannot be reached fails. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
  }
  throw new Error(`${selector} cannot be reached by keyboard`);
}

describe.runIf(hasBrowser())("the maintainers' pages in a browser", () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  it("are walked without script by keyboard: sign in, acknowledge, annotate, sign out", async () => {
    const page = await open("/");
    await follow(page, 'footer a[href="/maintain"]');
    await signIn(page, "wrong-token-of-somebody");
    expect(await page.locator('[role="alert"]').textContent()).toBe("The monitor does not take this token.");
    expect(await page.context().cookies()).toEqual([]);
    await signIn(page);
    expect(page.url()).toBe(`${base}/maintain`);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ path: "/maintain", httpOnly: true, sameSite: "Strict", secure: false });

    await tabTo(page, ".told button");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(await page.locator('[role="status"]').textContent()).toContain("Acknowledged: no more reminders");
    expect(rig.kept.acknowledged).toEqual([BLIND]);

    await tabTo(page, `a[href="/maintain/annotate?alert=${BLIND}"]`);
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await tabTo(page, "textarea");
    await page.keyboard.type("<b>one</b>");
    await page.keyboard.press("Enter");
    await page.keyboard.type("two");
    await tabTo(page, 'button[value="publish"]');
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(rig.kept.annotations.map(({ text }) => text)).toEqual(["<b>one</b>\ntwo"]);
    const published = page.locator('[role="status"] bdi').last();
    expect(await published.textContent()).toBe("<b>one</b>\ntwo");
    // Two lines are two lines.
    expect(await published.evaluate((e) => e.getBoundingClientRect().height)).toBeGreaterThan(40);

    await tabTo(page, 'form[action="/maintain/sign-out"] button');
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(await page.context().cookies()).toEqual([]);
    expect(await page.locator("#token").isVisible()).toBe(true);
  });

  it("keep a first empty line of a text, and the text when the session is over", async () => {
    const page = await open("/maintain");
    await signIn(page);
    await page.goto(`${base}/maintain/annotate`);
    await page.fill("#text", "\n\nafter two empty lines");
    await follow(page, 'button[value="look"]');
    expect(await page.inputValue("#text")).toBe("\n\nafter two empty lines");
    await page.context().clearCookies();
    await follow(page, 'button[value="publish"]');
    expect(await page.inputValue("#text")).toBe("\n\nafter two empty lines");
    expect(await page.locator('[role="alert"]').textContent()).toContain("not signed in any more");
    expect(rig.kept.annotations).toEqual([]);
  });

  it("take no form of another site, and that site's link does not carry the cookie", async () => {
    const evil = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(
        `<form method="post" action="${base}/maintain/acknowledge"><input name="alert" value="${BLIND}"><button>x</button></form><a href="${base}/maintain">x</a>`,
      );
    });
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    // By its name it is another site; the numbers would be the same one.
    const address = `http://localhost:${(evil.address() as AddressInfo).port}/`;
    const page = await open("/maintain");
    await signIn(page);
    await page.goto(address);
    await follow(page, "button");
    expect(await page.locator("h1").textContent()).toBe("This did not come from here");
    expect(rig.kept.acknowledged).toEqual([]);
    await page.goto(address);
    await follow(page, "a");
    expect(await page.locator("#token").isVisible()).toBe(true);
    await follow(page, ".note a");
    expect(await page.locator("h2").first().textContent()).toBe("Wrong now");
    evil.closeAllConnections();
    await new Promise((resolve) => evil.close(resolve));
  });

  it("fit narrow screens without sideways scroll, both directions, whatever strangers wrote", async () => {
    const long = "x".repeat(300);
    const { sources, channels } = sampleOverview();
    rig.kept.overview = sampleOverview({
      problems: [long],
      sources: sources.map((source) => ({ ...source, name: long, operator: long, problem: long })),
      channels: [{ ...channels[1]!, name: long, problem: long }],
    });
    const page = await open("/maintain", {});
    await signIn(page);
    for (const path of ["/maintain", "/maintain?lang=de", "/maintain/alerts", "/maintain/annotate?lang=fr"]) {
      await page.goto(base + path);
      await page.evaluate(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
      });
      for (const width of [320, 390, 768, 1280]) {
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

  it("show a table's line as a card with its labels on a phone, and as a line elsewhere", async () => {
    const page = await open("/maintain", {});
    await signIn(page);
    const label = () =>
      page
        .locator(".cards td")
        .nth(1)
        .evaluate((e) => getComputedStyle(e, "::before").content);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(await label()).toBe("none");
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await label()).toBe('"State"');
    expect(await page.getByRole("row").count()).toBe(3 + 1 + 2 + 1 + 1 + 1);
    expect(await page.getByRole("columnheader", { name: "Last answer" }).count()).toBe(1);
  });

  it("have nothing that axe complains of, by day and by night", async () => {
    const page = await open("/maintain", { bypassCSP: true, viewport: { width: 1280, height: 900 } });
    const complaints = async (what: string) => {
      await page.evaluate(AXE);
      // By night it is the same page in other colours.
      for (const [colorScheme, rules] of [["light", null] as const, ["dark", "color-contrast"] as const]) {
        await page.emulateMedia({ colorScheme });
        const found = await page.evaluate(async (only) => {
          interface Result {
            violations: { id: string; nodes: { html: string }[] }[];
          }
          const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<Result> } };
          const { violations } = await axe.run(only === null ? {} : { runOnly: [only] });
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        }, rules);
        expect(found, `${what}, ${colorScheme}`).toEqual([]);
      }
    };
    await complaints("the form");
    await signIn(page, "wrong-token-of-somebody");
    await complaints("the form, refused");
    await signIn(page);
    await complaints("the overview");
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${base}/maintain/alerts?lang=fr`);
    await page.click("summary");
    await complaints("alerts on a phone");
    await page.goto(`${base}/maintain/annotate?alert=${BLIND}&lang=de`);
    await page.fill("#text", " ");
    await follow(page, 'button[value="publish"]');
    await complaints("a text, refused");
    await page.fill("#text", "one");
    await follow(page, 'button[value="publish"]');
    await complaints("published, on a phone");
  });
});
