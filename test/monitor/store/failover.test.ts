/**
 * Two real monitor processes on one PostgreSQL. However the leader ends (kill -9 in the middle of sending, a pause in which it
 * loses its session, a clean stop), the other one takes over; each alert arrives at least once, in order, under one id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type AlertBody, alertBody } from "../../../monitor/alerts/kinds.ts";
import { readiness } from "../../../monitor/schema.ts";
import { Receiver } from "../alerts/receiver.ts";
import { breach, fundBounty, PUBLIC } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeEsplora } from "../support/fake-esplora.ts";
import { temporaryFolder } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";
import { Cluster, hasPostgres } from "./cluster.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SECRET = "a secret to sign alerts with";

class Monitor {
  stderr = "";
  readonly #child: ChildProcess;
  readonly #ready: Promise<number>;
  readonly #gone: Promise<void>;

  constructor(config: string) {
    const args = ["--import", "tsx", "monitor/main.ts", "--config", config];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe", "ipc"] });
    child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once("exit", () => resolve()));
    this.#ready = new Promise((resolve, reject) => {
      child.once("message", (message) => resolve(z.object({ port: z.number() }).parse(message).port));
      child.once("exit", () => reject(new Error(`the monitor ended: ${this.stderr}`)));
    });
    this.#ready.catch(() => undefined);
  }

  async get(path: string): Promise<{ code: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${await this.#ready}${path}`);
    return { code: response.status, body: await response.json() };
  }

  async leads(): Promise<boolean> {
    return (await this.get("/readyz")).code === 200;
  }

  async standsBy(): Promise<boolean> {
    const { code, body } = await this.get("/readyz");
    return code === 503 && (readiness.parse(body).problem ?? "").includes("standby");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill("SIGCONT");
    this.#child.kill(signal);
    await this.#gone;
  }
}

describe.skipIf(!hasPostgres)("two monitors", () => {
  let cluster: Cluster;
  let folder: ReturnType<typeof temporaryFolder>;
  let chain: FakeChain;
  let esplora: FakeEsplora;
  let receiver: Receiver;
  let url: string;
  let monitors: Monitor[] = [];

  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    url = await cluster.empty();
    folder = temporaryFolder();
    chain = new FakeChain();
    esplora = await new FakeEsplora(chain).start();
    receiver = await new Receiver().start();
    writeFileSync(join(folder.path, "public.json"), JSON.stringify(PUBLIC));
    writeFileSync(join(folder.path, "secret"), `${SECRET}\n`);
    const settings = {
      public: join(folder.path, "public.json"),
      store: url,
      sources: [`esplora:${esplora.url}`],
      port: 0,
      pollSeconds: 0.05,
      alerts: {
        storeSeconds: 0.5,
        channels: { pager: { type: "webhook", url: receiver.url, secretFile: join(folder.path, "secret") } },
      },
    };
    writeFileSync(join(folder.path, "monitor.json"), JSON.stringify(settings));
  });
  afterEach(async () => {
    await Promise.all(monitors.map((monitor) => monitor.end("SIGKILL")));
    monitors = [];
    await Promise.all([esplora.stop(), receiver.stop()]);
    folder.remove();
  });

  function start(): Monitor {
    const monitor = new Monitor(join(folder.path, "monitor.json"));
    monitors.push(monitor);
    return monitor;
  }
  const said = (): string => monitors.map(({ stderr }) => stderr).join("\n--\n");
  const taken = (): AlertBody[] => receiver.received.map(({ body }) => alertBody.parse(JSON.parse(body)));
  const about = (txid: string, kind: AlertBody["kind"]): AlertBody[] =>
    taken().filter((alert) => alert.txid === txid && alert.kind === kind);
  const until = (what: string, look: () => boolean | Promise<boolean>): Promise<boolean> =>
    waitFor(what, look, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${said()}`);
    });

  /** Someone takes a coin; answers the transaction's id. */
  function smash(value: bigint): string {
    const coin = fundBounty(value);
    chain.mine(1, [coin]);
    const spend = breach({ from: [{ transaction: coin }] });
    chain.add(spend);
    chain.mine(1);
    return spend.getId();
  }

  test("whatever ends the leader: nothing lost, nothing reordered, nothing under two ids", async () => {
    // Every third request is answered with an error, so that there is something to send at each moment.
    const refused = new Set<number>();
    receiver.behaviour = (response, _request, count) => {
      if (count % 3 !== 0) return false;
      refused.add(count - 1);
      response.writeHead(500).end();
      return true;
    };
    const spends: string[] = [];
    const first = start();
    await until("the first to lead", () => first.leads());
    const second = start();
    await until("the second to stand by", () => second.standsBy());
    expect(await second.get("/v1/status")).toEqual({
      code: 503,
      body: { error: expect.stringMatching(/^this monitor is a standby; ask the leader \(.* \d+, since 20.*\)$/) },
    });

    spends.push(smash(1_000_001n));
    await until("something to be sent", () => receiver.received.length > 0);
    await first.end("SIGKILL");
    spends.push(smash(1_000_002n));
    await until("the second to lead", () => second.leads());

    const third = start();
    await until("the third to stand by", () => third.standsBy());
    spends.push(smash(1_000_003n));
    await until("the breach", () => about(spends[2]!, "breach").length > 0);
    second.signal("SIGSTOP");
    await cluster.ask("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted", url);
    spends.push(smash(1_000_004n));
    await until("the third to lead", () => third.leads());
    second.signal("SIGCONT");
    await until("the second to know that it leads no more", () => second.standsBy());

    spends.push(smash(1_000_005n));
    await third.end("SIGTERM");
    await until("the second to lead again", () => second.leads());
    await until("all breaches", () => spends.every((txid) => about(txid, "breach").length > 0));
    const last = fundBounty(77n);
    chain.mine(1, [last]);
    await until("the last alert", () => about(last.getId(), "funding-confirmed").length > 0);

    const bodies = new Map<string, string>();
    for (const { body } of receiver.received) {
      const { id } = alertBody.parse(JSON.parse(body));
      expect(bodies.get(id) ?? body).toBe(body);
      bodies.set(id, body);
    }
    // What was taken, with repetitions dropped as a receiver does.
    const order = taken().flatMap(({ sequence }, i) => (refused.has(i) ? [] : [sequence]));
    const once = order.filter((sequence, i) => order.indexOf(sequence) === i);
    expect(once).toEqual(Array.from({ length: once.length }, (_, i) => i + 1));
    for (const txid of spends) {
      expect(new Set(about(txid, "breach").map(({ id }) => id)).size).toBe(1);
      expect(new Set(about(txid, "confirmed").map(({ id }) => id)).size).toBe(1);
    }
    expect(said()).not.toContain(SECRET);
  }, 240_000);

  test("a database that goes away is told on the channels directly, and that it is back through it", async () => {
    const monitor = start();
    await until("it to lead", () => monitor.leads());
    await cluster.crash();
    await until("the alarm", () => taken().some(({ kind, phase }) => kind === "store" && phase === "raised"));
    expect((await monitor.get("/readyz")).code).toBe(503);
    await cluster.run();
    await until("it to lead again", () => monitor.leads());
    await until("its end", () => taken().some(({ kind, phase }) => kind === "store" && phase === "recovered"));
  }, 120_000);
});
