/**
 * The monitor as a process: started as `start` does it, killed with SIGKILL at any moment, started again, told to stop. Its
 * sources and its trace are real; everything is asked through its API.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { runMonitor } from "../../monitor/main.ts";
import { attemptDetail, attemptList, coinDetail, type Status, status } from "../../monitor/schema.ts";
import { breach, fundBounty, PUBLIC } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeEsplora } from "./support/fake-esplora.ts";
import { temporaryFolder } from "./support/rig.ts";
import { accepted, BOOT, boot, line, refusedAttempt } from "./support/trace-lines.ts";
import { waitFor } from "./support/wait.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = () => temporaryFolder();

class Monitor {
  readonly child: ChildProcess;
  stderr = "";
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  port = 0;

  constructor(args: string[]) {
    this.child = spawn(process.execPath, ["--import", "tsx", "monitor/main.ts", ...args], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.exited = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve({ code, signal })));
  }

  async ready(): Promise<this> {
    const message = await new Promise((resolve, reject) => {
      this.child.once("message", resolve);
      this.child.once("exit", () => reject(new Error(`the monitor ended: ${this.stderr}`)));
    });
    ({ port: this.port } = z.object({ ready: z.literal(true), port: z.number() }).parse(message));
    return this;
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(await (await fetch(`http://127.0.0.1:${this.port}${path}`)).json());
  }

  async until(what: string, condition: (now: Status) => boolean): Promise<Status> {
    return waitFor(`${what}\n${this.stderr}`, async () => {
      const now = await this.get("/v1/status", status);
      return condition(now) && now;
    });
  }

  async kill(signal: NodeJS.Signals = "SIGKILL") {
    this.child.kill(signal);
    return this.exited;
  }
}

let place: ReturnType<typeof folder>;
let chain: FakeChain;
let esplora: FakeEsplora;
let args: string[];
let trace: string;
let monitor: Monitor | undefined;
const coin = fundBounty(10_000_000n);

beforeEach(async () => {
  place = folder();
  chain = new FakeChain();
  chain.mine(3, [coin]);
  esplora = await new FakeEsplora(chain).start();
  trace = join(place.path, "trace.jsonl");
  writeFileSync(join(place.path, "public.json"), JSON.stringify(PUBLIC));
  args = [
    ...["--public", join(place.path, "public.json"), "--store", join(place.path, "store.sqlite")],
    ...["--source", `esplora:${esplora.url}`, "--trace", trace, "--port", "0", "--poll-seconds", "0.05"],
  ];
});
afterEach(async () => {
  await monitor?.kill();
  monitor = undefined;
  await esplora.stop();
  place.remove();
});

async function start(): Promise<Monitor> {
  monitor = await new Monitor(args).ready();
  return monitor;
}

/** What must not change by a restart. */
function lasting({ verdict, since, coins, tip, hanging, funded, attempts, pinata }: Status) {
  return { verdict, since, coins, tip, hanging, funded, attempts, pinata };
}

describe("killed with SIGKILL in the middle", () => {
  test("coins, verdict, history and attempts are the same afterwards, and what happened meanwhile is found", async () => {
    await start();
    appendFileSync(trace, `${[boot(), ...refusedAttempt(1), accepted(2)].join("\n")}\n${accepted(3).slice(0, 30)}`);
    await monitor!.until("sealed", (now) => now.verdict === "sealed" && now.attempts.total === 2);
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    await monitor!.until("moving", (now) => now.verdict === "moving");
    chain.mine();
    const before = await monitor!.until("smashed", (now) => now.verdict === "smashed");
    const history = await monitor!.get(`/v1/coins/${coin.getId()}:0`, coinDetail);
    expect((await monitor!.kill()).signal).toBe("SIGKILL");

    await start();
    const after = await monitor!.until("the first check", (now) => now.sources[0]!.healthy);
    expect(lasting(after)).toEqual(lasting(before));
    expect(await monitor!.get(`/v1/coins/${coin.getId()}:0`, coinDetail)).toEqual(history);
    await monitor!.kill();

    appendFileSync(trace, `${accepted(3).slice(30)}\n${refusedAttempt(2).slice(1).join("\n")}\n`);
    chain.reorg(1, 2);
    await start();
    const later = await monitor!.until("the reorg", (now) => now.verdict === "moving" && now.attempts.total === 3);
    expect(later.coins[0]!.spend?.txid).toBe(spend.getId());
    const { attempts } = await monitor!.get("/v1/attempts", attemptList);
    expect(attempts.map(({ id, outcome }) => [id, outcome])).toEqual([
      [`${BOOT}-3`, "open"],
      [`${BOOT}-2`, "refused"],
      [`${BOOT}-1`, "refused"],
    ]);
    expect((await monitor!.get(`/v1/attempts/${BOOT}-2`, attemptDetail)).events.length).toBe(9);
  });

  test("again and again while blocks and attempts pour in: nothing is lost, nothing counted twice", async () => {
    writeFileSync(trace, `${boot()}\n`);
    let conn = 0;
    for (let round = 0; round < 4; round++) {
      await start();
      const end = conn + 400;
      const pour = setInterval(() => {
        const lines: string[] = [];
        for (let i = 0; i < 20 && conn < end; i++) {
          conn++;
          // No more in a second of the piñata's time than are kept.
          lines.push(...refusedAttempt(conn, { time: 1_750_000_000_000 + conn * 50 }));
        }
        if (lines.length > 0) appendFileSync(trace, `${lines.join("\n")}\n`);
        if (chain.tip.height < 60) chain.mine();
      }, 5);
      const seen = await monitor!.until("some of it", (now) => now.attempts.total > round * 400 + 40);
      expect(seen.attempts.total).toBeGreaterThan(0);
      await monitor!.kill();
      await waitFor("the rest to be written", () => conn === end);
      clearInterval(pour);
    }
    await start();
    const end = await monitor!.until(
      "everything",
      (now) => now.attempts.total === conn && now.tip?.height === chain.tip.height && now.coins.length > 0,
    );
    expect(end.attempts.funnel.map(({ count }) => count)).toEqual([1600, 1600, 1600, 1600, 0, 0, 0, 0]);
    expect(end.coins[0]!.confirmations).toBe(chain.tip.height);
    const ids: string[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const page: z.infer<typeof attemptList> = await monitor!.get(
        `/v1/attempts?limit=200${next && `&before=${next}`}`,
        attemptList,
      );
      ids.push(...page.attempts.filter(({ outcome }) => outcome === "refused").map(({ id }) => id));
      next = page.next;
    }
    expect(ids).toEqual(Array.from({ length: 1600 }, (_, i) => `${BOOT}-${1600 - i}`));
  });
});

describe("ending", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends it cleanly, with a follower connected; the store opens again at once",
    async (signal) => {
      await start();
      const stream = await fetch(`http://127.0.0.1:${monitor!.port}/v1/events`);
      expect(stream.status).toBe(200);
      expect(await monitor!.kill(signal)).toEqual({ code: 0, signal: null });
      await start();
    },
  );

  test("a parent that goes away ends it too", async () => {
    await start();
    monitor!.child.disconnect();
    expect((await monitor!.exited).code).toBe(0);
  });
});

describe("one clear line", () => {
  const fails = async (change: (args: string[]) => string[]) => {
    monitor = new Monitor(change(args));
    const { code } = await monitor.exited;
    const lines = monitor.stderr.trimEnd().split("\n");
    expect(lines.length).toBe(1);
    return [code, lines[0]] as const;
  };

  test("for a port that is taken", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as AddressInfo;
    const [code, said] = await fails((all) => all.map((each, i) => (all[i - 1] === "--port" ? String(port) : each)));
    expect([code, said]).toEqual([
      1,
      `monitor: port ${port} on 127.0.0.1 is in use by another program; choose another one with --port`,
    ]);
    await new Promise((resolve) => holder.close(resolve));
  });

  test("for a wrong flag, a missing file, a store that is none, a store in use", async () => {
    expect(await fails((all) => [...all, "--colour"])).toEqual([2, expect.stringContaining("--colour")]);
    expect(await fails((all) => all.slice(2))).toEqual([2, expect.stringContaining("public: ")]);
    const other = (flag: string, value: string) => (all: string[]) =>
      all.map((each, i) => (all[i - 1] === flag ? value : each));
    expect(await fails(other("--public", "/nowhere/public.json"))).toEqual([
      1,
      expect.stringContaining("/nowhere/public.json"),
    ]);
    const garbage = join(place.path, "garbage.sqlite");
    writeFileSync(garbage, "garbage");
    expect(await fails(other("--store", garbage))).toEqual([1, expect.stringContaining(`${garbage}: is damaged`)]);
    const running = await start();
    expect(await fails((all) => all)).toEqual([1, expect.stringContaining("is in use by another monitor")]);
    await running.kill();
  });
});

test("inside another program: started, followed live, stopped and started again", async () => {
  const said: string[] = [];
  const log = {
    info: (text: string) => void said.push(text),
    problem: (_about: string, text: string) => void said.push(text),
    recovered: () => {},
  };
  const settings = {
    public: join(place.path, "public.json"),
    store: join(place.path, "store.sqlite"),
    sources: [`esplora:${esplora.url}`],
    trace,
    port: 0,
    pollSeconds: 0.05,
  };
  for (let round = 0; round < 2; round++) {
    const running = await runMonitor(settings, { log });
    const response = await fetch(`${running.url}/v1/events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    appendFileSync(
      trace,
      `${boot()}\n${accepted(round + 1)}\n${line({ event: "state", conn: round + 1, state: 2 })}\n`,
    );
    let text = "";
    await waitFor("the attempt in the stream", async () => {
      text += (await reader.read()).value ?? "";
      return text.includes(`"id":"${BOOT}-${round + 1}"`) && text.includes('"verdict":"sealed"');
    });
    expect(text).toContain("event: status");
    expect(text).not.toContain("203.0.113.77");
    await running.stop();
  }
  await expect(
    runMonitor({ ...settings, sources: [`esplora:${esplora.url}`, `esplora:${esplora.url}/`] }, { log }),
  ).rejects.toThrow("is given twice");
  expect(said.join("\n")).toContain("Sealed: 0.10000000 BTC of regtest hang here");
});

test("a source that vanishes and comes back, over real connections", async () => {
  args.push("--blind-seconds", "0.5");
  await start();
  await monitor!.until("sealed", (now) => now.verdict === "sealed");
  await esplora.stop();
  const blind = await monitor!.until("blind", (now) => now.verdict === "blind");
  expect(blind.sources[0]).toMatchObject({ healthy: false, problem: "refuses connections" });
  expect(blind.checked).not.toBeNull();
  await esplora.start();
  await monitor!.until("sealed again", (now) => now.verdict === "sealed");
  expect(monitor!.stderr.split("\n").filter((each) => each.includes("refuses connections")).length).toBe(1);
});
