/** `monitor --check`: each thing that it looks at, well and not; that it starts and changes nothing; its exit codes. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkMonitor } from "../../monitor/check.ts";
import type { ChainSource } from "../../monitor/sources/source.ts";
import { openStore } from "../../monitor/store/open.ts";
import { freePort } from "../support/ports.ts";
import { fundBounty, PINATA, PUBLIC } from "./support/bounty.ts";
import { FakeChain } from "./support/fake-chain.ts";
import { FakeEsplora } from "./support/fake-esplora.ts";
import { FakeSource } from "./support/fake-source.ts";
import { temporaryFolder } from "./support/rig.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SECRET = "a secret of enough length";
let folder: ReturnType<typeof temporaryFolder>;
let chain: FakeChain;
let source: FakeSource;
let lines: string[];

beforeEach(() => {
  folder = temporaryFolder();
  chain = new FakeChain();
  chain.mine(3, [fundBounty(10_000_000n)]);
  source = new FakeSource(chain, "somewhere");
  lines = [];
  writeFileSync(at("public.json"), JSON.stringify(PUBLIC));
  writeFileSync(at("secret"), `${SECRET}\n`);
});
afterEach(() => folder.remove());

const at = (name: string) => join(folder.path, name);

/** With settings on top of good ones; `sources` stand in for those of the settings. */
async function check(more: Record<string, unknown> = {}, sources: ChainSource[] = [source]): Promise<number> {
  const good = { public: at("public.json"), store: at("store.sqlite"), sources: ["esplora:http://127.0.0.1:1"] };
  writeFileSync(at("config.json"), JSON.stringify({ ...good, ...more }));
  const before = readdirSync(folder.path).sort();
  const code = await checkMonitor(["--config", at("config.json")], {
    environment: {},
    say: (line) => void lines.push(line),
    makeSources: () => sources,
  });
  expect(readdirSync(folder.path).sort(), "nothing is made").toEqual(before);
  expect(lines.join("\n")).not.toContain(SECRET);
  return code;
}
const failed = () => lines.filter((line) => line.startsWith("FAILED"));
const said = (what: string) => lines.find((line) => line.slice(8).startsWith(`${what}:`));

describe("all is well", () => {
  test("one line each, exit code 0", async () => {
    const channels = {
      pager: { type: "webhook", url: "http://127.0.0.1:9/x", secretFile: at("secret") },
      mail: { type: "smtp", host: "localhost", tls: "none", from: "a@example.org", to: "b@example.org" },
    };
    const alerts = {
      channels,
      adminTokenFile: at("token"),
      heartbeat: { url: "http://localhost:9/", secretFile: at("secret") },
    };
    writeFileSync(at("token"), "0123456789abcdef0123\n");
    writeFileSync(at("trace.jsonl"), "");
    const trace = [at("trace.jsonl"), at("later.jsonl"), "tcp-listen://:0", "-"];
    expect(await check({ alerts, trace })).toBe(0);
    expect(lines.map((line) => line.slice(0, 6))).toEqual(lines.map(() => "ok    "));
    expect(said("store")).toContain("will be made");
    expect(said("source somewhere")).toContain("up to block 3, 1 coin(s) found");
    expect(said(`trace ${at("trace.jsonl")}`)).toContain("a file of 0 bytes");
    expect(said(`trace ${at("later.jsonl")}`)).toContain("not there yet");
    expect(said("alerts")).toContain("2 channel(s), secrets read; admin token read");
    expect(said("channel mail")).toMatch(/localhost is (127\.0\.0\.1|::1)/);
    expect(said("heartbeat")).toBeDefined();
  });

  test("without alerts it says that nobody will be woken", async () => {
    expect(await check()).toBe(0);
    expect(said("alerts")).toContain("nobody will be woken");
  });

  test("a store that is there is left as it is, also while a monitor uses it", async () => {
    const options = { identity: "x", rules: PINATA.rules, channels: [] };
    const context = { network: "regtest", address: PINATA.address, acknowledgeAt: null };
    const term = await openStore(at("store.sqlite"), { ...options, context }).lead();
    if (!("store" in term)) throw new Error("somebody leads");
    expect(await check()).toBe(0);
    expect(said("store")).toContain("a monitor uses it");
    await term.store.close();
    const before = readFileSync(at("store.sqlite"));
    lines = [];
    expect(await check()).toBe(0);
    expect(said("store")).toMatch(/can be written$/);
    expect(readFileSync(at("store.sqlite"))).toEqual(before);
  });
});

describe("what does not work is said with what to do, and the rest is still looked at", () => {
  test("settings: exit code 2, and nothing else is looked at", async () => {
    expect(await check({ port: 70_000 })).toBe(2);
    expect(lines).toEqual([expect.stringMatching(/^FAILED {2}settings: port: .*65535.*found 70000$/)]);
  });

  test("a secret's file that is not there: exit code 2", async () => {
    const pager = { type: "webhook", url: "http://127.0.0.1:9/x", secretFile: at("nowhere") };
    expect(await check({ alerts: { channels: { pager } } })).toBe(2);
    expect(failed()[0]).toContain("nowhere cannot be read");
    expect(said("source somewhere")).toMatch(/^ok/);
  });

  test("public facts that do not belong together", async () => {
    writeFileSync(at("public.json"), JSON.stringify({ ...PUBLIC, address: PUBLIC.address.replace(/.$/, "q") }));
    expect(await check()).toBe(1);
    expect(failed()[0]).toContain("address does not belong to scriptPubKey");
  });

  test.each([
    ["is a folder", () => mkdirSync(at("store.sqlite")), "name a file"],
    ["is something else", () => writeFileSync(at("store.sqlite"), "x".repeat(200)), "not a monitor's store"],
    [
      "is of a newer monitor",
      () => {
        const head = Buffer.alloc(200);
        head.write("SQLite format 3\0", "latin1");
        head.writeUInt32BE(999, 60);
        writeFileSync(at("store.sqlite"), head);
      },
      "schema 999",
    ],
  ])("the store %s", async (_name, make, why) => {
    make();
    expect(await check()).toBe(1);
    expect(failed()).toEqual([expect.stringContaining(why)]);
  });

  test("a database server that does not answer, without its password", async () => {
    const port = await freePort();
    expect(await check({ store: `postgres://me:hunter22@127.0.0.1:${port}/pinata` })).toBe(1);
    expect(failed()[0]).toContain("FAILED  store:");
    expect(lines.join()).not.toContain("hunter22");
  });

  test("a source that lies about its tip, one that shows another chain, and one that is well", async () => {
    const liar = new FakeSource(chain, "liar");
    liar.lies.tip = async () => ({ height: 77, hash: chain.tip.hash });
    const broken = new FakeSource(chain, "broken");
    broken.lies.headers = async () => [new Uint8Array(80)];
    expect(await check({}, [liar, broken, source])).toBe(1);
    expect(failed().map((line) => line.slice(8).split(":")[0])).toEqual(["source liar", "source broken"]);
    expect(said("source somewhere")).toMatch(/^ok/);
  });

  test("traces: a folder, nobody at a port; a channel's host that does not exist", async () => {
    mkdirSync(at("traces"));
    const port = await freePort();
    const ntfy = { type: "ntfy", topic: "x", url: "https://no-such-host.invalid" };
    const settings = { trace: [at("traces"), `tcp://127.0.0.1:${port}`], alerts: { channels: { phone: ntfy } } };
    expect(await check(settings)).toBe(1);
    expect(failed()).toEqual([
      expect.stringContaining("is a folder; name the file in it"),
      expect.stringMatching(/cannot be connected to: .*ECONNREFUSED.*machine up\?/),
      expect.stringContaining("no-such-host.invalid cannot be found"),
    ]);
  });

  test("a trace that is pushed by nobody yet is no failure, one that can be fetched is connected to", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await check({ trace: [`tcp://127.0.0.1:${port}`] })).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });

  test("a store in a folder that is none, or that this user may not write to", async () => {
    mkdirSync(at("locked"));
    chmodSync(at("locked"), 0o500);
    // To root no folder is locked.
    const folders = process.getuid!() === 0 ? ["public.json"] : ["public.json", "locked"];
    for (const name of folders) {
      lines.length = 0;
      expect(await check({ store: join(at(name), "store.sqlite") })).toBe(1);
      expect(failed()[0]).toContain("store");
    }
  });
});

test("as a process: it ends by itself, and the exit code says what came of it", async () => {
  const esplora = await new FakeEsplora(chain).start();
  const args = ["--public", at("public.json"), "--store", at("store.sqlite"), "--source", `esplora:${esplora.url}`];
  const run = ["--import", "tsx", "monitor/main.ts", "--check", ...args];
  const child = spawn(process.execPath, run, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  for await (const chunk of child.stdout) out += chunk;
  const code = child.exitCode ?? (await new Promise((resolve) => child.once("exit", resolve)));
  expect([code, out]).toEqual([0, expect.stringMatching(/^ok {6}source [^\n]*up to block 3/m)]);
  await esplora.stop();
  expect(existsSync(at("store.sqlite"))).toBe(false);
});
