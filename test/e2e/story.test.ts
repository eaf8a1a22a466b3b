/**
 * The whole story, as a newcomer lives it: start, look, be refused, win by hand on each door, let the piñata hit itself, smash it, and
 * see the page change without a reload. Real programs, real sockets, a real browser; the same on both boards.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { METAL_TOOLS } from "../../infra/image/tools.ts";
import { status } from "../../monitor/schema.ts";
import { hasBrowser, launchBrowser } from "../support/browser.ts";
import { freePort, listening, splice } from "../support/ports.ts";
import { hasTool, run, serve } from "../support/run.ts";
import { type Started, startEverything } from "../support/started.ts";

const ANY_CANDY = /tr\([5KLc9][1-9A-HJ-NP-Za-km-z]{50,51},and_v\(.*\)\)#[a-z0-9]{8}/;
const tools = hasTool("openssl") && hasTool("socat") && hasBrowser();
const metal = METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean);

const BOARDS = [
  ["node", tools],
  ["metal", tools && metal],
] as const;

for (const [board, hasItsTools] of BOARDS)
  describe.runIf(hasItsTools)(`the story on the ${board} board`, () => {
    const folder = mkdtempSync(join(tmpdir(), "pinata-story-"));
    const dir = join(folder, "piñata");
    let started: Started;
    let browser: Browser;
    let page: Page;
    const stateWord = () => page.locator("main .word").first();
    const pinata = (...args: string[]) =>
      run(process.execPath, [join(ROOT, "bin/pinata.mjs"), ...args], { cwd: folder });
    const player = () => [
      ...["-cert", join(dir, "practice/player.pem"), "-key", join(dir, "practice/player.key")],
      ...["-CAfile", join(dir, "practice/ca.pem")],
    ];

    beforeAll(async () => {
      started = await startEverything(dir, ["--board", board]);
      expect(started.board).toBe(board);
      browser = await launchBrowser();
      page = await browser.newPage();
      await page.goto(started.web);
    }, 600_000);
    afterAll(async () => {
      await browser?.close();
      if (started?.child.exitCode === null) await started.interrupt();
      rmSync(folder, { recursive: true, force: true });
    });

    it("the page says SEALED, with ten coins hanging", async () => {
      await stateWord()
        .filter({ hasText: /sealed/i })
        .waitFor();
      expect(await page.locator("main").textContent()).toMatch(/\b10(\.0+)? ?BTC/);
      expect(await page.locator("main").textContent()).toContain(started.address);
    });

    it("refuses a visitor without certificate, and the attempt shows on the page", async () => {
      const { stderr } = await run("openssl", [
        "s_client",
        "-connect",
        `localhost:${started.doors.server}`,
        "-ign_eof",
      ]);
      expect(stderr).toMatch(/certificate required|alert number 116/);
      await page.locator("main").getByText("no certificate").first().waitFor();
    });

    it("gives the candy to the player's certificate and closes properly", async () => {
      const { stdout, stderr, code } = await run("openssl", [
        ...[
          "s_client",
          "-connect",
          `localhost:${started.doors.server}`,
          "-ign_eof",
          "-verify_return_error",
          ...player(),
        ],
      ]);
      expect(stdout).toMatch(ANY_CANDY);
      expect(stderr).not.toContain("unexpected eof");
      expect(code).toBe(0);
    });

    it("does so as client on its own door", async () => {
      const port = await freePort();
      const { outcome } = serve("openssl", [
        "s_server",
        "-accept",
        `127.0.0.1:${port}`,
        "-naccept",
        "1",
        "-Verify",
        "1",
        ...player(),
      ]);
      await listening(port);
      await splice(port, started.doors.client);
      expect((await outcome).stdout).toMatch(ANY_CANDY);
    });

    it("does so calling back", async () => {
      const { dialTo, dialback } = started.doors;
      const { outcome } = serve("openssl", [
        "s_server",
        "-accept",
        `127.0.0.1:${dialTo}`,
        "-naccept",
        "1",
        "-Verify",
        "1",
        ...player(),
      ]);
      await listening(dialTo);
      connect({ host: "127.0.0.1", port: dialback }).resume();
      expect((await outcome).stdout).toMatch(ANY_CANDY);
    });

    it("shakes hands with itself through socat, and through pinata relay", async () => {
      const opened = async () =>
        status.parse(await (await fetch(`${started.monitor}/v1/status`)).json()).attempts.opened;
      // The three candies so far: the monitor may still be reading of the last one.
      const before = 3;
      await expect.poll(opened, { timeout: 10_000 }).toBe(before);
      const { server, client } = started.doors;
      await run("socat", [`TCP:127.0.0.1:${server}`, `TCP:127.0.0.1:${client}`], { input: "" });
      await expect.poll(opened, { timeout: 10_000 }).toBe(before + 2);
      const relay = await pinata("relay", "--dir", dir, "--json");
      expect(relay.code).toBe(0);
      const records = relay.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string; direction: string });
      expect(records[0]).toMatchObject({ direction: "client→server", type: "handshake" });
      expect(records.some(({ type }) => type === "application_data")).toBe(true);
      await expect.poll(opened, { timeout: 10_000 }).toBe(before + 4);
    });

    it("tells a prober what it speaks", async () => {
      const { stdout, code } = await pinata("probe", "--dir", dir, "--json");
      expect(code).toBe(0);
      const { findings, certificate } = JSON.parse(stdout) as {
        findings: { what: string; answer: string; agreed: boolean }[];
        certificate: { subject: string };
      };
      const answers = Object.fromEntries(findings.map(({ what, answer }) => [what, answer]));
      expect(answers["TLS 1.3, no certificate"]).toContain("alert certificate_required");
      expect(answers["TLS 1.2"]).toBe("alert protocol_version");
      expect(findings.filter(({ agreed }) => agreed).length).toBe(6);
      expect(certificate.subject).toMatch(/CN=/);
    });

    it("is smashed by pinata smash, and the page says so without a reload", async () => {
      await page.evaluate(() => {
        document.body.dataset.sameDocument = "yes";
      });
      const { stdout, stderr, code } = await pinata("smash", "--dir", dir, "--json");
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const { txid } = JSON.parse(stdout) as { txid: string };
      await stateWord()
        .filter({ hasText: /moving|smashed/i })
        .waitFor();
      await stateWord()
        .filter({ hasText: /smashed/i })
        .waitFor({ timeout: 60_000 });
      expect(await page.evaluate(() => document.body.dataset.sameDocument)).toBe("yes");
      const seen = status.parse(await (await fetch(`${started.monitor}/v1/status`)).json());
      expect(seen.verdict).toBe("smashed");
      expect(seen.hanging).toBe(0);
      expect(seen.coins[0]?.spend).toMatchObject({ txid, kind: "breach" });
      const again = await pinata("smash", "--dir", dir);
      expect(again.code).toBe(1);
      expect(again.stderr).toMatch(/nothing|no coins/);
    }, 120_000);

    it("stops on Ctrl-C and leaves no port open", async () => {
      expect(await started.interrupt()).toBe(0);
      for (const port of [started.doors.server, started.doors.client, Number(new URL(started.web).port)]) {
        await expect(
          new Promise((resolve, reject) =>
            connect({ host: "127.0.0.1", port }).once("connect", resolve).once("error", reject),
          ),
        ).rejects.toMatchObject({ code: "ECONNREFUSED" });
      }
    });

    it("resumes the same piñata, still smashed", async () => {
      const { address } = started;
      started = await startEverything(dir, ["--board", board]);
      expect(started.address).toBe(address);
      const verdict = async () => status.parse(await (await fetch(`${started.monitor}/v1/status`)).json()).verdict;
      await expect.poll(verdict, { timeout: 20_000 }).toBe("smashed");
    }, 60_000);

    it("names a busy port and the option that changes it", async () => {
      const { port } = new URL(started.web);
      const { code, stderr } = await pinata(
        "start",
        "--board",
        board,
        "--dir",
        join(folder, "other"),
        "--web-port",
        port,
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`port ${port} is in use: choose another with --web-port`));
    });

    it("refuses to run twice in one folder, whatever the ports", async () => {
      const { doors, web } = started;
      const same = ["--server-port", String(doors.server), "--web-port", new URL(web).port];
      for (const ports of [FREE_PORTS, [...FREE_PORTS, ...same]]) {
        const { code, stderr } = await pinata("start", "--board", board, "--dir", dir, ...ports);
        expect(code).toBe(1);
        expect(stderr).toMatch(/already runs in .*piñata \(process \d+\)/);
      }
    });
  });

const FREE_PORTS = [
  "--web-port",
  "--monitor-port",
  "--chain-port",
  "--server-port",
  "--dialback-port",
  "--client-port",
].flatMap((option) => [option, "0"]);
