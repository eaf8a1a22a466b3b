/**
 * `pinata start` as a script sees it: what it prints, what it refuses, what the other commands then know, and how it ends. What
 * happens when something is killed is in test/e2e/survival.test.ts.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../infra/image/compile-guest.ts";
import { isRunning } from "../../../../infra/processes.ts";
import { freePort } from "../../../support/ports.ts";
import { collect, run } from "../../../support/run.ts";
import { type Started, startEverything } from "../../../support/started.ts";

const folder = mkdtempSync(join(tmpdir(), "pinata-start-"));
const dir = join(folder, "pinata");
const PORTS = ["--web-port", "--monitor-port", "--chain-port", "--server-port", "--dialback-port", "--client-port"];
const anyPorts = ["--board", "node", ...PORTS.flatMap((option) => [option, "0"])];
let started: Started;
beforeAll(async () => {
  started = await startEverything(dir);
});
afterAll(async () => {
  if (started?.child.exitCode === null && started.child.signalCode === null) await started.interrupt();
  rmSync(folder, { recursive: true, force: true });
});
const pinata = (...args: string[]) =>
  run(process.execPath, [join(ROOT, "bin/pinata.mjs"), ...args], { cwd: folder, input: "" });

describe("while a piñata hangs", () => {
  it("its folder says where everything is, and its secrets are for the owner alone", () => {
    const kept = JSON.parse(readFileSync(join(dir, "run.json"), "utf8")) as object;
    const { web, monitor, chain, doors, image } = started;
    expect(image).toMatch(/^[0-9a-f]{64}$/);
    expect(kept).toEqual({
      pid: started.child.pid,
      board: "node",
      image,
      host: "localhost",
      web,
      monitor,
      chain,
      doors,
    });
    expect(Object.values(doors)).not.toContain(0);
    for (const secret of ["seal", "player.key", "refund.key"])
      expect(statSync(join(dir, "practice", secret)).mode & 0o777).toBe(0o600);
  });

  it("says where the maintainers' page is and in which file the token lies; the monitor knows that token", async () => {
    const file = join(dir, "admin-token");
    expect(started.maintain).toEqual({ url: `${started.web}/maintain`, tokenFile: file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = readFileSync(file, "utf8").trim();
    expect(JSON.stringify(started) + started.said()).not.toContain(token);
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(token);
    const acknowledge = async (shown: string) => {
      const headers = { authorization: `Bearer ${shown}` };
      const url = `${started.monitor}/v1/alerts/${"0".repeat(32)}/ack`;
      return (await fetch(url, { method: "POST", headers })).status;
    };
    expect(await acknowledge(token)).toBe(404);
    expect(await acknowledge("0123456789abcdef")).toBe(401);
    const { url } = started.maintain!;
    const signIn = (shown: string) => {
      const headers = { origin: started.web, "content-type": "application/x-www-form-urlencoded" };
      const body = new URLSearchParams({ token: shown }).toString();
      return fetch(`${url}/sign-in`, { method: "POST", headers, body, redirect: "manual" });
    };
    const inside = await signIn(token);
    expect(inside.status).toBe(303);
    const cookie = inside.headers.get("set-cookie")!.split(";")[0]!;
    const page = async (headers: Record<string, string>) => (await fetch(url, { headers })).text();
    expect(await page({ cookie })).toContain("/maintain/sign-out");
    expect(await page({})).not.toContain("/maintain/sign-out");
    expect((await signIn("0123456789abcdef")).status).toBe(401);
  });

  it("a second one in its folder is refused, and the first goes on", async () => {
    const { code, stdout, stderr } = await pinata("start", "--dir", dir, ...anyPorts);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toBe(
      `pinata: a piñata already runs in ${dir} (process ${started.child.pid}); end it, or choose another --dir\n`,
    );
    expect((await fetch(`${started.monitor}/healthz`)).status).toBe(200);
  });

  it("nor does --new move it away", async () => {
    const { code, stderr } = await pinata("start", "--dir", dir, "--new", ...anyPorts);
    expect(code).toBe(1);
    expect(stderr).toContain(`a piñata already runs in ${dir}`);
    expect(existsSync(`${dir}.1`)).toBe(false);
    expect(existsSync(join(dir, "run.json"))).toBe(true);
  });

  it.each([
    ["--web-port", () => Number(new URL(started.web).port)],
    ["--monitor-port", () => Number(new URL(started.monitor).port)],
    ["--chain-port", () => Number(new URL(started.chain.url).port)],
    ["--server-port", () => started.doors.server],
    ["--dialback-port", () => started.doors.dialback],
    ["--client-port", () => started.doors.client],
  ])("a port of it is busy for another: the line names it and %s, and nothing is written", async (option, port) => {
    const other = join(folder, "other");
    const { code, stdout, stderr } = await pinata("start", "--dir", other, ...anyPorts, option, String(port()));
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toBe(`pinata: port ${port()} is in use: choose another with ${option}\n`);
    expect(existsSync(other)).toBe(false);
  });

  it("the other commands find it by its folder", async () => {
    const relayed = await pinata("relay", "--dir", dir);
    expect(relayed.code).toBe(0);
    expect(relayed.stdout).toContain("the candy was among them, encrypted");
    const probed = await pinata("probe", "--dir", dir, "--json");
    expect(probed.code).toBe(0);
    expect(JSON.parse(probed.stdout)).toMatchObject({ host: "localhost", port: started.doors.server });
    const smashed = await pinata("smash", "--dir", dir, "--dry-run", "--json");
    expect(smashed.code).toBe(0);
    expect(JSON.parse(smashed.stdout)).toMatchObject({ broadcast: false });
  });

  it("relay --json to a reader that has seen enough goes on quietly", async () => {
    const child = spawn(process.execPath, [join(ROOT, "bin/pinata.mjs"), "relay", "--dir", dir, "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    expect(await collect(child)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("in the end", () => {
  it("SIGTERM ends all of it, and leaves the folder as it was but for what runs", async () => {
    const list = execFileSync("ps", ["-o", "pid=", "--ppid", String(started.child.pid)], { encoding: "utf8" });
    const pids = list.trim().split(/\s+/).map(Number);
    expect(pids.length).toBeGreaterThanOrEqual(4);
    const code = new Promise((resolve) => started.child.once("exit", resolve));
    started.child.kill("SIGTERM");
    expect(await code).toBe(0);
    // Among them is esbuild, which tsx runs: it ends by itself when we are gone.
    await expect.poll(() => pids.filter((pid) => isRunning(pid)), { timeout: 30_000 }).toEqual([]);
    expect(readdirSync(dir)).not.toContain("run.json");
    expect(readdirSync(dir).filter((name) => name.startsWith("lock"))).toEqual([]);
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(["practice", "chain", "filled", "candy.txt"]));
  });

  it("a damaged run.json does not keep it from being started again, with the same token and with the page's flags", async () => {
    writeFileSync(join(dir, "run.json"), '{"pid":');
    const token = readFileSync(join(dir, "admin-token"), "utf8");
    const metrics = join(folder, "metrics-token");
    writeFileSync(metrics, "0123456789abcdef");
    const { address } = started;
    started = await startEverything(dir, [
      ...["--public-url", "https://pinata.example/hangs", "--trust-proxy"],
      ...["--security-contact", "mailto:me@pinata.example", "--metrics-token-file", metrics],
    ]);
    expect(started.address).toBe(address);
    expect(JSON.parse(readFileSync(join(dir, "run.json"), "utf8"))).toMatchObject({ pid: started.child.pid });
    expect(readFileSync(join(dir, "admin-token"), "utf8")).toBe(token);
    expect(started.maintain?.url).toBe("https://pinata.example/hangs/maintain");
    const text = async (path: string, headers = {}) => (await fetch(`${started.web}${path}`, { headers })).text();
    expect(await text("/")).toContain('<link rel="canonical" href="https://pinata.example/hangs/"/>');
    expect(await text("/.well-known/security.txt")).toContain("Contact: mailto:me@pinata.example");
    expect(await text("/metrics", { authorization: "Bearer 0123456789abcdef" })).toContain("# TYPE ");
    expect(await started.interrupt()).toBe(0);
  });

  it("under npm it ends with npm, which passes no signal on; what a shell runs goes on without that shell", async () => {
    const command = `"${process.execPath}" "${join(ROOT, "bin/start.mjs")}" --dir "${dir}" --json ${anyPorts.join(" ")}; true`;
    const start = async (npm_lifecycle_event: string) => {
      const shell = spawn("sh", ["-c", command], {
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, npm_lifecycle_event },
      });
      const [line] = (await once(shell.stdout, "data")) as [Buffer];
      shell.kill("SIGTERM");
      return JSON.parse(line.toString()).pid as number;
    };
    const orphan = await start("test");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(isRunning(orphan)).toBe(true);
    process.kill(orphan, "SIGTERM");
    await expect.poll(() => isRunning(orphan)).toBe(false);
    const child = await start("start");
    await expect.poll(() => isRunning(child)).toBe(false);
    expect(readdirSync(dir)).not.toContain("run.json");
  });

  it("a folder that is a file is named", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { code, stderr } = await pinata("start", "--dir", file, ...anyPorts);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^pinata: cannot write to ${file}: .*\n$`));
  });

  it("one port wanted twice is found before anything is written", async () => {
    const port = String(await freePort());
    const other = join(folder, "other");
    const args = ["--dir", other, ...anyPorts, "--web-port", port, "--client-port", port];
    const { code, stderr } = await pinata("start", ...args);
    expect(code).toBe(1);
    expect(stderr).toBe(`pinata: port ${port} is wanted twice: by --web-port and by --client-port\n`);
    expect(existsSync(other)).toBe(false);
  });

  it("--new leaves a folder that is no piñata's alone", async () => {
    const other = join(folder, "thesis");
    mkdirSync(join(other, "chapter-1"), { recursive: true });
    const { code, stderr } = await pinata("start", "--dir", other, "--new", ...anyPorts);
    expect(code).toBe(2);
    expect(stderr).toContain("holds other things than a piñata");
    expect(readdirSync(other)).toEqual(["chapter-1"]);
  });
});
