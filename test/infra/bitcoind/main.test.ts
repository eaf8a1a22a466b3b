/** The process that keeps a bitcoind: it mines, and no node outlives it. With the stand-in, and with nodes that misbehave. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { newWallet } from "../../../infra/bitcoin/wallet.ts";
import { BitcoindRpc } from "../../../infra/bitcoind/rpc.ts";
import { ROOT } from "../../../infra/image/compile-guest.ts";
import { isRunning } from "../../../infra/processes.ts";

const root = mkdtempSync(join(tmpdir(), "pinata-bitcoind-main-"));
const FAKE = join(ROOT, "test/support/fake-bitcoind");
const children: ChildProcess[] = [];
const nodes: number[] = [];
let made = 0;
const newDir = () => join(root, String(++made));
afterEach(() => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const pid of nodes.splice(0)) if (isRunning(pid)) process.kill(pid, "SIGKILL");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function launch(
  bin: string,
  ...args: string[]
): { child: ChildProcess; said: () => string; exit: Promise<number | null> } {
  const child = fork("infra/bitcoind/main.ts", args, {
    cwd: ROOT,
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  children.push(child);
  let text = "";
  child.stderr!.on("data", (chunk) => (text += chunk));
  const ends = [once(child, "exit"), once(child.stderr!, "end")];
  return { child, said: () => text, exit: Promise.all(ends).then(([ended]) => ended![0] as number | null) };
}

const ready = (dir: string, ...args: string[]) => readyWith(FAKE, dir, ...args);

async function readyWith(bin: string, dir: string, ...args: string[]) {
  const started = launch(bin, "--dir", dir, ...args);
  const ended = started.exit.then(() => {
    throw new Error(`ended before it was ready: ${started.said()}`);
  });
  const [message] = await Promise.race([once(started.child, "message"), ended]);
  ended.catch(() => {});
  const { port, cookie } = z.object({ ready: z.literal(true), port: z.number(), cookie: z.string() }).parse(message);
  const pid = Number(readFileSync(join(dir, "regtest/bitcoind.pid"), "utf8"));
  nodes.push(pid);
  const rpc = new BitcoindRpc(`http://127.0.0.1:${port}/`, cookie);
  return { ...started, port, cookie, pid, height: () => rpc.call("getblockcount", [], z.number()), rpc };
}

/** A folder with a `bitcoind` that is this script of Node's. */
function nodeThat(script: string): string {
  const bin = newDir();
  mkdirSync(bin);
  writeFileSync(join(bin, "bitcoind"), `#!/usr/bin/env node\n${script}\n`, { mode: 0o755 });
  return bin;
}

describe("the process", () => {
  it("says where RPC answers when it does, and mines", async () => {
    const dir = newDir();
    const { cookie, height, port } = await ready(dir, "--block-seconds", "1");
    expect(port).toBeGreaterThan(0);
    expect(cookie).toBe(join(dir, "regtest/.cookie"));
    const start = await height();
    await expect.poll(height, { timeout: 20_000 }).toBeGreaterThanOrEqual(start + 2);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("stops the node on %s, which keeps its chain", async (signal) => {
    const dir = newDir();
    const first = await ready(dir, "--block-seconds", "86400");
    await first.rpc.call("generatetoaddress", [3, newWallet("regtest").address], z.array(z.string()));
    const height = await first.height();
    first.child.kill(signal);
    expect(await first.exit).toBe(0);
    expect(isRunning(first.pid)).toBe(false);
    expect(existsSync(first.cookie)).toBe(false);
    const second = await ready(dir, "--block-seconds", "86400");
    expect(await second.height()).toBe(height);
  });

  it("takes another free port when somebody was quicker", async () => {
    const bin = newDir();
    mkdirSync(bin);
    const quicker = `for last; do case $last in -rpcport=*) port=\${last#-rpcport=};; esac; done
[ -e "${bin}/lost" ] && exec "${FAKE}/bitcoind" "$@"
echo $port > "${bin}/lost"; echo "Error: Unable to start HTTP server. See debug log for details." >&2; exit 1`;
    writeFileSync(join(bin, "bitcoind"), `#!/bin/sh\n${quicker}\n`, { mode: 0o755 });
    const { height, port } = await readyWith(bin, newDir());
    expect(port).not.toBe(Number(readFileSync(join(bin, "lost"), "utf8")));
    expect(await height()).toBeGreaterThan(0);
  });

  it("does not take another port than the one it was told", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { exit, said } = launch(FAKE, "--dir", newDir(), "--port", String((taken.address() as AddressInfo).port));
    expect(await exit).toBe(1);
    expect(said()).toBe(
      "bitcoind (regtest): bitcoind ended (exit 1): Error: Unable to start HTTP server. See debug log for details.\n",
    );
    taken.close();
  });

  it("stops the node when its parent is gone", async () => {
    const { child, exit, pid } = await ready(newDir());
    child.disconnect();
    expect(await exit).toBe(0);
    expect(isRunning(pid)).toBe(false);
  });

  it("ends with the node when that dies, and says how", async () => {
    const { exit, pid, said } = await ready(newDir());
    process.kill(pid, "SIGKILL");
    expect(await exit).toBe(1);
    expect(said()).toMatch(/^bitcoind \(regtest\): bitcoind ended \(SIGKILL\): /m);
  });

  it("ends the node that an earlier one left behind when it was killed", async () => {
    const dir = newDir();
    const first = await ready(dir);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(isRunning(first.pid)).toBe(true);
    const second = await ready(dir, "--port", String(first.port));
    expect(second.pid).not.toBe(first.pid);
    expect(second.said()).toMatch(/ending the one that an earlier run left behind/);
    await expect.poll(() => isRunning(first.pid)).toBe(false);
  });
});

describe("a node that does not start", () => {
  it("is quoted: its error rather than the end of its log", async () => {
    const bin = nodeThat(
      'console.error("Error: Cannot obtain a lock on directory"); console.log("Shutdown: done"); process.exitCode = 1;',
    );
    const { exit, said } = launch(bin, "--dir", newDir());
    expect(await exit).toBe(1);
    expect(said()).toBe("bitcoind (regtest): bitcoind ended (exit 1): Error: Cannot obtain a lock on directory\n");
  });

  it("is ended by force when it neither answers nor obeys", async () => {
    const bin = nodeThat(
      'process.on("SIGTERM", () => {}); require("node:fs").writeFileSync(__dirname + "/pid", String(process.pid)); setInterval(() => {}, 1e6);',
    );
    const { child, exit } = launch(bin, "--dir", newDir());
    const written = () => (existsSync(join(bin, "pid")) ? Number(readFileSync(join(bin, "pid"), "utf8")) : 0);
    await expect.poll(written, { timeout: 20_000 }).toBeGreaterThan(0);
    nodes.push(written());
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    expect(isRunning(written())).toBe(false);
  });

  it("on another chain than regtest is not used, and not left running", async () => {
    const bin = nodeThat(`
const given = Object.fromEntries(process.argv.slice(2).map((one) => one.slice(1).split("=")));
const { mkdirSync, writeFileSync } = require("node:fs");
const dir = given.datadir + "/regtest";
mkdirSync(dir, { recursive: true });
const result = { getblockchaininfo: { chain: "main" }, stop: "no" };
require("node:http").createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  response.end(JSON.stringify({ result: result[JSON.parse(body).method] }));
}).listen(Number(given.rpcport), "127.0.0.1", () => {
  writeFileSync(dir + "/bitcoind.pid", String(process.pid));
  writeFileSync(dir + "/.cookie", "a:b");
});`);
    const dir = newDir();
    const { exit, said } = launch(bin, "--dir", dir);
    await expect.poll(() => existsSync(join(dir, "regtest/.cookie")), { timeout: 20_000 }).toBe(true);
    const pid = Number(readFileSync(join(dir, "regtest/bitcoind.pid"), "utf8"));
    nodes.push(pid);
    expect(await exit).toBe(1);
    expect(said()).toBe('bitcoind (regtest): bitcoind is on the chain "main", not on regtest\n');
    expect(isRunning(pid)).toBe(false);
  });
});

describe("its command line", () => {
  it.each([
    [["--port", "1"], "--dir DIR is missing"],
    [["--dir", "x", "--prot", "1"], "Unknown option '--prot'"],
  ])("%j is refused", async (args, words) => {
    const { exit, said } = launch(FAKE, ...args);
    expect(await exit).toBe(2);
    expect(said()).toContain(words);
  });
});
