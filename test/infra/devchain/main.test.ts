import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { CommandError } from "../../../infra/cli/errors.ts";
import { StoreError } from "../../../infra/devchain/block-store.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import { candy } from "./fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-devchain-main-"));
const children: ChildProcess[] = [];
const chains: Devchain[] = [];
let made = 0;
const newDir = () => join(root, String(++made));
afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const chain of chains.splice(0)) await chain.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function launch(...args: string[]): { child: ChildProcess; said: () => string; ended: Promise<number | null> } {
  const child = fork("infra/devchain/main.ts", args, {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  children.push(child);
  // Not "close": it does not come for a child whose channel was closed from here.
  const ends = [once(child, "exit"), once(child.stdout!, "end"), once(child.stderr!, "end")];
  const ended = Promise.all(ends).then(([exit]) => exit![0] as number | null);
  let text = "";
  child.stdout!.on("data", (chunk) => (text += chunk));
  child.stderr!.on("data", (chunk) => (text += chunk));
  return { child, said: () => text, ended };
}
async function ready(dir: string, ...args: string[]) {
  const process = launch("--dir", dir, "--port", "0", "--block-seconds", "0", ...args);
  const [message] = await once(process.child, "message");
  expect(message).toEqual({ ready: true, port: expect.any(Number) });
  const url = `http://127.0.0.1:${(message as { port: number }).port}`;
  return { ...process, url, text: async (path: string) => (await fetch(url + path)).text() };
}
const fund = async (url: string, sats: number) => {
  const body = JSON.stringify({ address: candy.address, sats });
  const response = await fetch(`${url}/dev/fund`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return ((await response.json()) as { txid: string }).txid;
};
const mine = (url: string) =>
  fetch(`${url}/dev/mine`, { method: "POST", headers: { "content-type": "application/json" } });

describe("the process", () => {
  it("loses nothing that was answered when it is killed, and starts again in the same directory", async () => {
    const dir = newDir();
    const first = await ready(dir);
    await fund(first.url, 10_000);
    await mine(first.url);
    const waiting = [await fund(first.url, 20_000), await fund(first.url, 30_000)];
    const tip = await first.text("/blocks/tip/hash");
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await ready(dir);
    expect(await second.text("/blocks/tip/hash")).toBe(tip);
    expect(JSON.parse(await second.text("/mempool/txids"))).toEqual(waiting);
    expect(second.said()).toContain("loaded 102 blocks, 2 transactions waiting");
    for (const line of second.said().trim().split("\n"))
      expect(line).toContain("development chain (regtest, worthless coins)");
  });
  it.each(["SIGTERM", "SIGINT"] as const)("ends cleanly on %s", async (signal) => {
    const dir = newDir();
    const chain = await ready(dir);
    chain.child.kill(signal);
    expect(await chain.ended).toBe(0);
    expect(readdirSync(dir)).not.toContain("lock");
  });
  it("ends when its parent is gone", async () => {
    const chain = await ready(newDir());
    chain.child.disconnect();
    expect(await chain.ended).toBe(0);
  });
  it.each([
    [[], "--dir DIR is missing"],
    [["--dir", "x", "--port", "http"], "--port takes a whole number"],
    [["--dir", "x", "--port", "70000"], "--port is at most 65535"],
    [["--dir", "x", "--block-seconds", "-3"], "--block-seconds"],
    [["--dir", "x", "--speed", "9"], "Unknown option '--speed'"],
    [["x"], "Unexpected argument 'x'"],
  ])("refuses %j with one line, exit 2", async (args, message) => {
    const { ended, said } = launch(...args);
    expect(await ended).toBe(2);
    expect(said()).toContain(message);
    expect(said().trim().split("\n")).toHaveLength(1);
  });
  it("names a busy port, in one line", async () => {
    const busy = createServer().listen(0, "127.0.0.1");
    await once(busy, "listening");
    const { port } = busy.address() as { port: number };
    const { ended, said } = launch("--dir", newDir(), "--port", String(port));
    expect(await ended).toBe(1);
    expect(said().trim().split("\n").at(-1)).toBe(
      `development chain: port ${port} is in use: choose another with --port`,
    );
    busy.close();
  });
  it("explains itself", async () => {
    const { ended, said } = launch("--help");
    expect(await ended).toBe(0);
    expect(said()).toContain("--block-seconds N");
  });
});

describe("within another program", () => {
  const run = async (options: Partial<Parameters<typeof runDevchain>[0]> = {}) => {
    const chain = await runDevchain({ dir: newDir(), port: 0, blockSeconds: 0, log: () => {}, ...options });
    chains.push(chain);
    return chain;
  };
  it("tells when it is ready, listens on this machine only, and gives its directory back when closed", async () => {
    let told: Devchain | undefined;
    const dir = newDir();
    const chain = await run({ dir, onReady: (devchain) => (told = devchain) });
    expect(told).toBe(chain);
    expect(chain.url).toBe(`http://127.0.0.1:${chain.port}`);
    expect(await (await fetch(`${chain.url}/blocks/tip/height`)).text()).toBe("101");
    await chain.close();
    chains.length = 0;
    expect((await run({ dir })).node.chain.height).toBe(101);
  });
  it("frees the directory when the port is busy", async () => {
    const { port } = await run();
    const dir = newDir();
    await expect(run({ dir, port })).rejects.toBeInstanceOf(CommandError);
    await expect(run({ dir, port })).rejects.toThrow(`port ${port} is in use`);
    expect((await run({ dir })).node.chain.height).toBe(101);
  });
  it("mines by the clock, and soon after a transaction when asked to", async () => {
    const height = async (chain: Devchain, wanted: number) => {
      while (chain.node.chain.height < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
      return chain.node.chain.height;
    };
    expect(await height(await run({ blockSeconds: 1 }), 102)).toBeGreaterThanOrEqual(102);
    const soon = await run({ mineSoonSeconds: 0.05 });
    const txid = soon.node.fund(candy.output.script, 5_000n);
    await height(soon, 102);
    expect(soon.node.chain.find(txid)!.block!.height).toBe(102);
  });
  it("passes the RPC's options on", async () => {
    const chain = await run({ rpc: { login: { user: "a", password: "b" } } });
    const body = '{"id":1,"method":"getblockcount"}';
    expect((await fetch(`${chain.url}/rpc`, { method: "POST", body })).status).toBe(401);
    const headers = { authorization: `Basic ${Buffer.from("a:b").toString("base64")}` };
    expect(await (await fetch(`${chain.url}/rpc`, { method: "POST", body, headers })).json()).toMatchObject({
      result: 101,
    });
  });
  it("refuses a directory that cannot be made", async () => {
    const file = newDir();
    writeFileSync(file, "mine");
    await expect(run({ dir: join(file, "chain") })).rejects.toThrow(StoreError);
    await expect(run({ dir: file })).rejects.toThrow(StoreError);
  });
});
