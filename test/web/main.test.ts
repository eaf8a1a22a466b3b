import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UNKNOWN_SITE } from "../../web/machine/site.ts";
import { runWeb, webOptions } from "../../web/main.ts";
import { FakeMonitor } from "./support/fake-monitor.ts";
import { INFO, sampleStatus } from "./support/samples.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const monitor = new FakeMonitor(sampleStatus("sealed"));
const dir = mkdtempSync(join(tmpdir(), "pinata-web-"));
const children: ChildProcess[] = [];

beforeAll(() => monitor.start());
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  rmSync(dir, { recursive: true });
  await monitor.stop();
});

function run(args: string[], stdio: "ipc" | "pipe", cwd = ROOT): { child: ChildProcess; out: () => string } {
  let text = "";
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), join(ROOT, "web/main.ts"), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe", stdio],
  });
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk) => (text += chunk));
  children.push(child);
  return { child, out: () => text };
}

/** A port that somebody else listens on. */
async function taken(): Promise<{ port: number; free(): void }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, free: () => server.close() };
}

describe("runWeb", () => {
  it("serves the page of its monitor until it is stopped, viewers or not", async () => {
    const web = await runWeb({ monitorUrl: monitor.url, port: 0, host: "127.0.0.1", info: INFO });
    expect(web.url).toBe(`http://127.0.0.1:${web.port}`);
    expect(await (await fetch(`${web.url}/healthz`)).json()).toMatchObject({ ok: true });
    const viewer = await fetch(`${web.url}/events`);
    expect(viewer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await web.stop();
    expect(await viewer.text()).toContain("event: status");
    await expect(fetch(web.url)).rejects.toThrow("fetch failed");
  });

  it("names the port that is taken, and the option", async () => {
    const other = await taken();
    await expect(runWeb({ monitorUrl: monitor.url, port: other.port, host: "127.0.0.1", info: INFO })).rejects.toThrow(
      `port ${other.port} on 127.0.0.1 is in use by another program; choose another one with --port`,
    );
    other.free();
  });
});

describe("the flags", () => {
  const file = (name: string, content: string) => {
    const path = join(dir, name);
    writeFileSync(path, content);
    return path;
  };
  const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

  it("become options", () => {
    const path = file("public.json", JSON.stringify({ version: 1, trustAnchor: pem }));
    const args = ["--monitor", "http://127.0.0.1:1", "--port", "0", "--host", "::1", "--public", path];
    expect(webOptions([...args, "--doors-host", "fd00::7", "--practice-dir", "/p", "--dial-port", "4"])).toEqual({
      monitorUrl: "http://127.0.0.1:1",
      port: 0,
      host: "::1",
      info: { doorsHost: "[fd00::7]", trustAnchor: pem, practiceDir: "/p", dialPort: 4 },
      site: UNKNOWN_SITE,
    });
    expect(webOptions(["--monitor", "https://m", "--doors-host", "0.0.0.0"])).toEqual({
      monitorUrl: "https://m",
      port: 8080,
      host: "127.0.0.1",
      info: { doorsHost: "localhost", trustAnchor: null, practiceDir: null, dialPort: 40_001 },
      site: UNKNOWN_SITE,
    });
  });

  it("leave the maintainers' pages out where they shall be", async () => {
    const options = webOptions(["--monitor", monitor.url, "--port", "0", "--no-maintainers"]);
    expect(options.maintainers).toBe("none");
    const without = await runWeb(options);
    const { maintainers: _, ...usual } = options;
    const web = await runWeb(usual);
    expect((await fetch(`${without.url}/maintain`)).status).toBe(404);
    expect((await fetch(`${web.url}/maintain`)).status).toBe(200);
    await Promise.all([without.stop(), web.stop()]);
  });

  it("say how the page is reached from outside", () => {
    const token = file("token", "0123456789abcdef\n");
    const onion = `http://${"a".repeat(56)}.onion/`;
    const args = ["--monitor", "http://m", "--public-url", "https://example.org/pinata/", "--onion-url", onion];
    expect(
      webOptions([...args, "--trust-proxy", "--security-contact", "mailto:a@b.example", "--metrics-token-file", token])
        .site,
    ).toEqual({
      publicUrl: "https://example.org/pinata",
      onionUrl: onion.slice(0, -1),
      proxy: "x-forwarded",
      securityContact: "mailto:a@b.example",
      metricsToken: "0123456789abcdef",
    });
  });

  it("say who tells what a bitcoin is worth, in dollars unless another currency is named", () => {
    const args = ["--monitor", "http://m", "--rate", "https://mempool.space/api/v1/prices"];
    const url = "https://mempool.space/api/v1/prices";
    expect(webOptions(args).rate).toEqual({ url, currency: "USD" });
    expect(webOptions([...args, "--currency", "CHF"]).rate).toEqual({ url, currency: "CHF" });
    expect(webOptions(["--monitor", "http://m"])).not.toHaveProperty("rate");
  });

  it.each([
    [[], "--monitor URL is missing"],
    [["--monitor", "nonsense"], "--monitor nonsense is not an http or https URL"],
    [["--monitor", "ftp://m"], "--monitor ftp://m is not an http or https URL"],
    [["--monitor", "http://m", "--port", "65536"], "--port 65536 is not a port"],
    [["--monitor", "http://m", "--port", "-1x"], "--port"],
    [["--monitor", "http://m", "--dial-port", "x"], "--dial-port x is not a port"],
    [["--monitor", "http://m", "--doors-host", "a;b"], "--doors-host a;b is not a host name or address"],
    [["--monitor", "http://m", "--public", "/nowhere/public.json"], "/nowhere/public.json cannot be read"],
    [["--monitor", "http://m", "--what"], "--what"],
    [["--monitor", "http://m", "--public-url", "example.org"], "--public-url example.org is not an http or https URL"],
    [
      ["--monitor", "http://m", "--public-url", "https://a/?b"],
      "--public-url https://a/?b is not an http or https URL",
    ],
    [["--monitor", "http://m", "--public-url", "https://a/b%22c"], "its path may hold letters, digits"],
    [["--monitor", "http://m", "--onion-url", "http://a.example"], "is not the address of an onion service"],
    [["--monitor", "http://m", "--security-contact", "me"], "--security-contact me is not a URI as RFC 9116 asks"],
    [["--monitor", "http://m", "--rate", "mempool.space"], "--rate mempool.space is not an http or https URL"],
    [["--monitor", "http://m", "--rate", "file:///prices"], "--rate file:///prices is not an http or https URL"],
    [["--monitor", "http://m", "--rate", "https://u:p@a.example"], "is not an http or https URL without user"],
    [
      ["--monitor", "http://m", "--rate", "https://a.example", "--currency", "euro"],
      "--currency euro is not a currency",
    ],
    [["--monitor", "http://m", "--rate", "https://a.example", "--currency", "eur"], "--currency eur is not a currency"],
    [
      ["--monitor", "http://m", "--rate", "https://a.example", "--currency", "UDS"],
      "by ISO 4217: three capital letters",
    ],
    [["--monitor", "http://m", "--currency", "EUR"], "--currency goes with --rate URL"],
    [["--monitor", "http://m", "--metrics-token-file", "/nowhere/token"], "/nowhere/token cannot be read"],
    [["--monitor", "http://m", "--metrics-token-file", "/dev/null"], "/dev/null does not hold a token"],
  ])("%j are refused in one clear line", (args, message) => {
    expect(() => webOptions(args)).toThrow(message);
  });

  it("refuse a public file without a trust anchor", () => {
    expect(() => webOptions(["--monitor", "http://m", "--public", file("a.json", "{")])).toThrow("cannot be read");
    expect(() => webOptions(["--monitor", "http://m", "--public", file("b.json", '{"trustAnchor":"x"}')])).toThrow(
      'holds no trust anchor (field "trustAnchor", PEM)',
    );
  });
});

describe("the process", () => {
  const args = () => ["--monitor", monitor.url, "--port", "0"];

  it.each(["SIGTERM", "SIGINT", "disconnect"] as const)(
    "tells its parent when it is ready, and ends cleanly on %s",
    async (how) => {
      // From another folder, as an installed command runs.
      const { child } = run(args(), "ipc", dir);
      const [message] = (await once(child, "message")) as [{ ready: boolean; port: number }];
      expect(message).toEqual({ ready: true, port: expect.any(Number) });
      const page = await (await fetch(`http://127.0.0.1:${message.port}/`)).text();
      expect(page).toContain("<title>");
      const viewer = await fetch(`http://127.0.0.1:${message.port}/events`);
      const exit = once(child, "exit");
      if (how === "disconnect") child.disconnect();
      else child.kill(how);
      expect(await exit).toEqual([0, null]);
      expect(await viewer.text()).toContain("event: status");
    },
  );

  it("prints its address when nobody listens over IPC", async () => {
    const { child, out } = run(args(), "pipe");
    while (!out().includes("\n")) await once(child.stdout!, "data");
    expect(out()).toMatch(/^web: http:\/\/127\.0\.0\.1:\d+\n$/);
  });

  it("ends with one line and 1 when its port is taken, with 2 for wrong flags", async () => {
    const other = await taken();
    const busy = run(["--monitor", monitor.url, "--port", String(other.port)], "ipc");
    expect(await once(busy.child, "close")).toEqual([1, null]);
    expect(busy.out()).toBe(
      `web: port ${other.port} on 127.0.0.1 is in use by another program; choose another one with --port\n`,
    );
    other.free();
    const wrong = run(["--port", "1"], "ipc");
    expect(await once(wrong.child, "close")).toEqual([2, null]);
    expect(wrong.out().split("\n")[0]).toBe("web: --monitor URL is missing: the address of the monitor's API");
  });
});
