/**
 * Who has the random of a ClientHello finds its attempt, the whole way on both boards: real peers with their key logs, the
 * piñata's trace, the monitor, the page. Everyone else sees what they saw before.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METAL_TOOLS } from "../../infra/image/tools.ts";
import { type AttemptMine, attemptList, mineAnswer } from "../../monitor/schema.ts";
import { freePort, listening, splice } from "../support/ports.ts";
import { hasTool, run, serve } from "../support/run.ts";
import { type Started, startEverything } from "../support/started.ts";

const tools = hasTool("openssl");
const metal = METAL_TOOLS.map(({ program }) => hasTool(program)).every(Boolean);
const sha256 = (hex: string) => createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");

const BOARDS = [
  ["node", tools],
  ["metal", tools && metal],
] as const;

for (const [board, hasItsTools] of BOARDS)
  describe.runIf(hasItsTools)(`the random of a ClientHello on the ${board} board`, () => {
    const folder = mkdtempSync(join(tmpdir(), "pinata-mine-"));
    const dir = join(folder, "piñata");
    const file = (name: string) => join(dir, "practice", name);
    let started: Started;

    beforeAll(async () => {
      started = await startEverything(dir, ["--board", board]);
    }, 600_000);
    afterAll(async () => {
      if (started?.child.exitCode === null) await started.interrupt();
      rmSync(folder, { recursive: true, force: true });
    });

    /** What the page shows to who pastes `text`, once the monitor has read the trace to the end of the attempt. */
    async function shown(text: string): Promise<string> {
      let page = "";
      const look = async () => {
        const body = new URLSearchParams({ random: text });
        const answer = await fetch(`${started.web}/attempts/mine`, { method: "POST", body });
        page = await answer.text();
        return answer.status === 200 && page.includes("&quot;closed&quot;");
      };
      await expect.poll(look, { timeout: 20_000, interval: 100 }).toBe(true);
      return page.replaceAll("&quot;", '"');
    }

    async function told(random: string): Promise<AttemptMine[]> {
      const answer = await fetch(`${started.monitor}/v1/attempts/mine`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ random }),
      });
      expect(answer.status).toBe(200);
      return mineAnswer.parse(await answer.json()).attempts;
    }

    const randomIn = (log: string) => / ([0-9a-f]{64}) /.exec(log)![1]!;

    it("of a client's key log shows its own attempt, with the port that it came from", async () => {
      const log: string[] = [];
      const socket = connectTls({ host: "127.0.0.1", port: started.doors.server, rejectUnauthorized: false });
      socket.on("keylog", (line) => void log.push(line.toString()));
      socket.on("error", () => {});
      let port = 0;
      socket.once("connect", () => {
        port = socket.localPort!;
      });
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
      // Another one, so that there is a choice.
      await run("openssl", ["s_client", "-connect", `127.0.0.1:${started.doors.server}`, "-ign_eof"]);

      const page = await shown(log[0]!);
      const random = randomIn(log[0]!);
      const found = await told(random);
      expect(found).toHaveLength(1);
      const [attempt] = found as [AttemptMine];
      expect(attempt).toMatchObject({
        door: "server",
        outcome: "refused",
        reason: expect.stringContaining("no certificate"),
      });
      // Behind QEMU's forwarding the piñata sees the forwarder.
      if (board === "node") expect(attempt).toMatchObject({ peerAddress: "127.0.0.1", peerPort: port });
      else expect(attempt.peerAddress).toBe("10.0.2.2");
      expect(attempt.events).toContainEqual(expect.objectContaining({ event: "hello", token: sha256(random) }));
      expect(page).toContain(`${attempt.peerAddress}, port ${attempt.peerPort}`);
      expect(page).toContain(`href="/attempts/${attempt.id}"`);
      expect(page).toContain(`"token":"${sha256(random)}"`);
    });

    it("of OpenSSL's whole key log, pasted as it is, does too", async () => {
      const log = join(folder, "client.log");
      const peer = ["s_client", "-connect", `127.0.0.1:${started.doors.server}`, "-ign_eof", "-keylogfile", log];
      await run("openssl", peer);
      const text = readFileSync(log, "utf8");
      expect(text.split("\n").length).toBeGreaterThan(3);
      expect(await shown(text)).toContain(`"token":"${sha256(randomIn(text))}"`);
    });

    it("is in the server's key log where the piñata is the client", async () => {
      const log = join(folder, "server.log");
      const port = await freePort();
      const { outcome } = serve("openssl", [
        ...["s_server", "-accept", `127.0.0.1:${port}`, "-naccept", "1", "-Verify", "1", "-keylogfile", log],
        ...["-cert", file("player.pem"), "-key", file("player.key"), "-CAfile", file("ca.pem")],
      ]);
      await listening(port);
      await splice(port, started.doors.client);
      await outcome;
      const random = randomIn(readFileSync(log, "utf8"));
      await shown(random);
      expect(await told(random)).toMatchObject([{ door: "client", outcome: "opened" }]);
    });

    it("of a hello that was relayed from door to door shows both attempts", async () => {
      const hello = await relayed(started.doors.client, started.doors.server);
      // Header of the record and of the message, legacy_version, random.
      const random = hello.subarray(5 + 4 + 2, 5 + 4 + 2 + 32).toString("hex");
      await expect.poll(async () => (await shown(random)).match(/"event":"closed"/g)).toHaveLength(2);
      const found = await told(random);
      expect(found.map(({ door }) => door).sort()).toEqual(["client", "server"]);
      expect(found.map(({ outcome }) => outcome)).toEqual(["opened", "opened"]);
    });

    it("that is another shows nothing, and without one nothing is shown that was not before", async () => {
      const body = new URLSearchParams({ random: "ab".repeat(32) });
      const answer = await fetch(`${started.web}/attempts/mine`, { method: "POST", body });
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain("No attempt with this random is kept");
      const list = attemptList.parse(await (await fetch(`${started.monitor}/v1/attempts`)).json());
      expect(list.attempts.length).toBeGreaterThanOrEqual(5);
      for (const { id } of list.attempts) {
        for (const url of [`${started.monitor}/v1/attempts/${id}`, `${started.web}/attempts/${id}`]) {
          const text = await (await fetch(url)).text();
          expect(text).not.toContain("token");
          expect(text).not.toMatch(/127\.0\.0\.1|10\.0\.2\.2/);
        }
      }
    });
  });

/** Joins two ports until both sides have ended; the first bytes that came from the first. */
async function relayed(from: number, to: number): Promise<Buffer> {
  const [one, other] = [from, to].map((port) => connect({ host: "127.0.0.1", port })) as [Socket, Socket];
  for (const socket of [one, other]) socket.on("error", () => {});
  const first = new Promise<Buffer>((resolve) => one.once("data", resolve));
  one.pipe(other);
  other.pipe(one);
  await Promise.all([one, other].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  return first;
}
