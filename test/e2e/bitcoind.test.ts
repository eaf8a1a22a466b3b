/**
 * `pinata start --bitcoind`: the same story with Bitcoin Core's JSON-RPC as the chain. There is no bitcoind in any package registry, so
 * one that stands in for it (test/support/fake-bitcoind) is put first on the PATH.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { status } from "../../monitor/schema.ts";
import { run } from "../support/run.ts";
import { type Started, startEverything } from "../support/started.ts";

const FAKE = join(ROOT, "test/support/fake-bitcoind");
const PORTS = ["--web-port", "--monitor-port", "--chain-port", "--server-port", "--dialback-port", "--client-port"];
const FREE = PORTS.flatMap((option) => [option, "0"]);

describe("the story on bitcoind", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-bitcoind-"));
  const dir = join(folder, "piñata");
  const env = { ...process.env, PATH: `${FAKE}:${process.env.PATH}` };
  let started: Started;
  afterAll(async () => {
    if (started?.child.exitCode === null) await started.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });
  const pinata = (args: string[], environment: NodeJS.ProcessEnv = env) =>
    run(process.execPath, [join(ROOT, "bin/pinata.mjs"), ...args], { cwd: folder, env: environment });
  const look = async () => status.parse(await (await fetch(`${started.monitor}/v1/status`)).json());
  const verdict = async () => (await look()).verdict;

  it("hangs a block reward, and the monitor finds it through the node", async () => {
    started = await startEverything(dir, ["--bitcoind"], env);
    expect(started.chain.kind).toBe("core");
    await expect.poll(verdict, { timeout: 30_000 }).toBe("sealed");
    const { sources, hanging, tip } = await look();
    expect(sources).toMatchObject([{ kind: "core", healthy: true }]);
    expect(hanging).toBe(5_000_000_000);
    expect(tip!.height).toBeGreaterThanOrEqual(101);
  }, 90_000);

  it("is smashed, and the monitor proves it", async () => {
    const { code, stderr, stdout } = await pinata(["smash", "--dir", dir, "--json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    await expect.poll(verdict, { timeout: 30_000 }).toBe("smashed");
    const { txid } = JSON.parse(stdout) as { txid: string };
    expect((await look()).coins[0]?.spend).toMatchObject({ txid, kind: "breach" });
  }, 60_000);

  it("ends with everything, the node too", async () => {
    expect(await started.interrupt()).toBe(0);
    await expect(fetch(started.chain.url)).rejects.toThrow();
    expect(existsSync(join(dir, "bitcoind/regtest/.cookie"))).toBe(false);
  });

  it("resumes smashed: it is not filled again", async () => {
    const filled = readFileSync(join(dir, "filled"), "utf8");
    started = await startEverything(dir, ["--bitcoind"], env);
    await expect.poll(verdict, { timeout: 30_000 }).toBe("smashed");
    expect((await look()).hanging).toBe(0);
    expect(readFileSync(join(dir, "filled"), "utf8")).toBe(filled);
    await started.interrupt();
  }, 60_000);

  it("is not mixed with the development chain", async () => {
    const { code, stderr } = await pinata(["start", "--dir", dir, ...FREE]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/hangs on bitcoind: add --bitcoind or --new/);
  });

  it("does not take over a piñata of the development chain", async () => {
    const other = join(folder, "development");
    mkdirSync(join(other, "chain"), { recursive: true });
    const { code, stderr } = await pinata(["start", "--dir", other, "--bitcoind", ...FREE]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/hangs on the development chain: add --new/);
    expect(existsSync(join(other, "bitcoind"))).toBe(false);
    expect(existsSync(join(other, "lock"))).toBe(false);
  });

  it("needs bitcoind on the PATH, and says so before anything is touched", async () => {
    const { code, stderr } = await pinata(["start", "--dir", dir, "--new", "--bitcoind", ...FREE], {
      ...process.env,
      PATH: "/nonexistent",
    });
    expect(code).toBe(1);
    expect(stderr).toBe("pinata: bitcoind is not on the PATH: install Bitcoin Core, or start without --bitcoind\n");
    expect(existsSync(join(dir, "filled"))).toBe(true);
  });
});
