/** Debian's Chromium, headless, with a fresh profile and nothing that calls home. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

/** Whether there is a browser to test with; says so when not (and fails where CI asks for all tools). */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  if (process.env.PINATA_TEST_REQUIRE_TOOLS) throw new Error(`${CHROMIUM} is not installed`);
  process.stderr.write(`${CHROMIUM} is not installed: the tests in a browser are skipped (see npx pinata doctor)\n`);
  return false;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
}
