/**
 * A real monitor process, killed with SIGKILL at random moments while the chain moves and the receiver fails now and then.
 * Whatever the moments: each alert arrives at least once, in order, and what has the same id is the same to the byte.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type AlertBody, alertBody } from "../../../monitor/alerts/kinds.ts";
import { acknowledgement, annotation, annotationList, overview } from "../../../monitor/schema.ts";
import { breach, fundBounty, PUBLIC } from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeEsplora } from "../support/fake-esplora.ts";
import { temporaryFolder } from "../support/rig.ts";
import { waitFor } from "../support/wait.ts";
import { isSigned, Receiver } from "./receiver.ts";
import { SECRET } from "./support.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const KILLS = 4;
const TOKEN = "0123456789-admin-token";

let folder: ReturnType<typeof temporaryFolder>;
let chain: FakeChain;
let esplora: FakeEsplora;
let receiver: Receiver;
let heart: Receiver;
let child: ChildProcess | undefined;
let stderr = "";

beforeEach(async () => {
  folder = temporaryFolder();
  chain = new FakeChain();
  esplora = await new FakeEsplora(chain).start();
  receiver = await new Receiver().start();
  heart = await new Receiver().start();
  writeFileSync(at("public.json"), JSON.stringify(PUBLIC));
  writeFileSync(at("secret"), `${SECRET}\n`);
  writeFileSync(at("token"), `${TOKEN}\n`);
  configure({});
});

const at = (name: string): string => join(folder.path, name);

function configure(more: Record<string, unknown>): void {
  const settings = {
    public: at("public.json"),
    store: at("store.sqlite"),
    sources: [`esplora:${esplora.url}`],
    port: 0,
    pollSeconds: 0.05,
    alerts: {
      channels: { pager: { type: "webhook", url: receiver.url, secretFile: at("secret") } },
      heartbeat: { url: heart.url, secretFile: at("secret"), seconds: 0.1 },
      adminTokenFile: at("token"),
      ...more,
    },
  };
  writeFileSync(at("monitor.json"), JSON.stringify(settings));
}

afterEach(async () => {
  await end("SIGKILL");
  await Promise.all([esplora.stop(), receiver.stop(), heart.stop()]);
  folder.remove();
});

/** Starts a monitor; answers its port. */
async function start(): Promise<number> {
  const started = spawn(
    process.execPath,
    ["--import", "tsx", "monitor/main.ts", "--config", join(folder.path, "monitor.json")],
    { cwd: ROOT, stdio: ["ignore", "ignore", "pipe", "ipc"] },
  );
  child = started;
  started.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const message = await new Promise((resolve, reject) => {
    started.once("message", resolve);
    started.once("exit", () => reject(new Error(`the monitor ended: ${stderr}`)));
  });
  return z.object({ port: z.number() }).parse(message).port;
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const ending = child;
  child = undefined;
  if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
  const gone = new Promise((resolve) => ending.once("exit", resolve));
  ending.kill(signal);
  await gone;
}

const taken = (): AlertBody[] => receiver.received.map(({ body }) => alertBody.parse(JSON.parse(body)));
const has = (kind: AlertBody["kind"], count = 1) =>
  new Set(taken().flatMap((alert) => (alert.kind === kind ? [alert.id] : []))).size >= count;

test("killed again and again: nothing lost, nothing reordered, nothing sent as two", async () => {
  // Every third request is answered with an error, so that there is something to send at each moment.
  const refused = new Set<number>();
  receiver.behaviour = (response, _request, count) => {
    if (count % 3 !== 0) return false;
    refused.add(count - 1);
    response.writeHead(500).end();
    return true;
  };
  const coins = Array.from({ length: KILLS }, (_, i) => fundBounty(BigInt(1_000_000 + i)));
  for (let round = 0; round < KILLS; round++) {
    await start();
    const coin = coins[round]!;
    const happenings = [
      () => chain.mine(1, [coin]),
      () => chain.add(breach({ from: [{ transaction: coin }] })),
      () => chain.mine(),
      () => chain.reorg(1, 2, [...chain.tip.transactions.slice(1)]),
    ];
    for (const happen of happenings) {
      happen();
      // Any moment will do; these differ in each run.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
    }
    await end("SIGKILL");
  }
  await start();
  await waitFor(`all breaches\n${stderr}`, () => has("breach", KILLS), 60_000);
  // One more event after all others: when that has come, everything before it has.
  const last = fundBounty(77n);
  chain.mine(1, [last]);
  await waitFor(`the last alert\n${stderr}`, () => taken().some(({ txid }) => txid === last.getId()), 60_000);

  const bodies = new Map<string, string>();
  for (const { headers, body } of receiver.received) {
    const { id } = alertBody.parse(JSON.parse(body));
    expect(headers["idempotency-key"]).toBe(id);
    expect(bodies.get(id) ?? body).toBe(body);
    bodies.set(id, body);
  }
  expect(receiver.received.every((request) => isSigned(request, SECRET, Date.now()))).toBe(true);
  // What was taken, with repetitions dropped as a receiver does.
  const order = taken().flatMap(({ sequence }, i) => (refused.has(i) ? [] : [sequence]));
  const first = order.filter((sequence, i) => order.indexOf(sequence) === i);
  expect(first).toEqual(Array.from({ length: first.length }, (_, i) => i + 1));
  for (const coin of coins) {
    const about = [...bodies.values()]
      .map((body) => alertBody.parse(JSON.parse(body)))
      .filter((alert) => alert.coin?.outpoint === `${coin.getId()}:0`);
    expect(about.filter(({ kind }) => kind === "breach").length).toBe(1);
    expect(about.filter(({ kind }) => kind === "funding-confirmed").length).toBeGreaterThanOrEqual(1);
    expect(about.filter(({ kind }) => kind === "confirmed").length).toBeGreaterThanOrEqual(1);
  }
}, 240_000);

test("acknowledged through the API with the token, and kept over SIGKILL", async () => {
  configure({ remindSeconds: 1 });
  const coin = fundBounty();
  chain.mine(1, [coin]);
  chain.add(breach({ from: [{ transaction: coin }] }));
  const port = await start();
  const reminders = () => taken().filter(({ phase }) => phase === "reminder");
  await waitFor(`a reminder of the breach\n${stderr}`, () => reminders().length > 0);
  const { id, text } = taken().find(({ kind }) => kind === "breach")!;
  const url = /http:\/\/127\.0\.0\.1:\d+\/v1\/alerts\/\w+\/ack/.exec(text)![0];
  expect(url).toBe(`http://127.0.0.1:${port}/v1/alerts/${id}/ack`);

  const acknowledge = async (where: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(where, { method: "POST", headers });
    return {
      status: response.status,
      body: await response.json(),
      challenge: response.headers.get("www-authenticate"),
    };
  };
  expect(await acknowledge(url)).toEqual({
    status: 401,
    body: { error: 'an admin call: send the token of alerts.adminTokenFile as "Authorization: Bearer TOKEN"' },
    challenge: "Bearer",
  });
  expect(await acknowledge(url, `${TOKEN}x`)).toMatchObject({
    status: 401,
    body: { error: "the token is not the one in alerts.adminTokenFile" },
  });
  const other = await acknowledge(url.replace(id, "0".repeat(32)), TOKEN);
  expect(other).toMatchObject({ status: 404, body: { error: `alert ${"0".repeat(32)} is not known here` } });
  const before = taken().find(({ kind }) => kind === "funding-confirmed")!;
  expect(await acknowledge(url.replace(id, before.id), TOKEN)).toMatchObject({ status: 404 });
  const done = await acknowledge(url, TOKEN);
  expect(done.status).toBe(200);
  expect(acknowledgement.parse(done.body)).toEqual({ acknowledged: true });
  await end("SIGKILL");

  await start();
  const last = fundBounty(77n);
  chain.mine(1, [last]);
  await waitFor(`the last alert\n${stderr}`, () => taken().some(({ txid }) => txid === last.getId()));
  const count = reminders().length;
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(reminders().length).toBe(count);
});

test("annotations: what was answered is there after SIGKILL; what was not is there once, however often it is sent again", async () => {
  let port = await start();
  const headers = { authorization: `Bearer ${TOKEN}` };
  const post = (text: string) =>
    fetch(`http://127.0.0.1:${port}/v1/annotations`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ text }),
    });
  const texts: string[] = [];
  for (let round = 0; round < KILLS; round++) {
    const answered = annotation.parse(await (await post(`answered ${round}`)).json());
    const unanswered = post(`unanswered ${round}`).catch(() => undefined);
    // Any moment will do; these differ in each run.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
    await end("SIGKILL");
    await unanswered;
    port = await start();
    const again = await post(`unanswered ${round}`);
    expect([200, 201]).toContain(again.status);
    expect(annotation.parse(await again.json()).number).toBeGreaterThan(answered.number);
    texts.unshift(`unanswered ${round}`, `answered ${round}`);
  }
  const { annotations } = annotationList.parse(await (await fetch(`http://127.0.0.1:${port}/v1/annotations`)).json());
  expect(annotations.map(({ text }) => text)).toEqual(texts);
  const admin = await fetch(`http://127.0.0.1:${port}/v1/admin`, { headers });
  const { sources, channels, heartbeat } = overview.parse(await admin.json());
  expect([sources.length, channels.map(({ name }) => name), heartbeat!.everySeconds]).toEqual([1, ["pager"], 0.1]);
  await fetch(`http://127.0.0.1:${port}/v1/admin`);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toContain("\npinata_monitor_admin_refused_total 1\n");
}, 60_000);

test("without a token in the configuration an admin call is refused from this machine too, and the text offers none", async () => {
  configure({ adminTokenFile: undefined });
  const coin = fundBounty();
  chain.mine(1, [coin]);
  chain.add(breach({ from: [{ transaction: coin }] }));
  const port = await start();
  await waitFor(`the breach\n${stderr}`, () => has("breach"));
  const { id, text } = taken().find(({ kind }) => kind === "breach")!;
  expect(text).not.toContain("/ack");
  const response = await fetch(`http://127.0.0.1:${port}/v1/alerts/${id}/ack`, { method: "POST" });
  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({
    error: "this monitor has no admin token: put one into a file, name it as alerts.adminTokenFile, and start again",
  });
});

test("the heartbeat is signed and ends with the process; no secret is in what it says", async () => {
  await start();
  await waitFor("heartbeats", () => heart.received.length > 2);
  expect(heart.received.every((request) => isSigned(request, SECRET, Date.now()))).toBe(true);
  await end("SIGTERM");
  const beats = heart.received.length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(heart.received.length).toBe(beats);
  expect(stderr).not.toContain(SECRET);
  expect(stderr).not.toContain(TOKEN);
});
