/**
 * The page behind a real nginx and below a path: the very lines of docs/page-machines.md with other ports, in front of a page
 * started with --public-url, --onion-url and --trust-proxy. Whatever a visitor sends, links are the operator's, nothing
 * redirects, and the stream is not held back.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readEvents } from "../../web/event-stream.ts";
import { type RunningWeb, runWeb, webOptions } from "../../web/main.ts";
import { freePorts, listening } from "../support/ports.ts";
import { hasTool } from "../support/run.ts";
import { FakeMonitor } from "./support/fake-monitor.ts";
import { sampleAttempt, sampleStatus } from "./support/samples.ts";

const PUBLIC = "https://pinata.example/hangs";
const ONION = `${"a".repeat(56)}.onion`;
const DOCS = new URL("../../docs/page-machines.md", import.meta.url);

const monitor = new FakeMonitor(sampleStatus("sealed"));
const attempt = sampleAttempt(1);
monitor.attempts = [attempt];
let web: RunningWeb;
let proxy: { port: number; onionPort: number; stop(): Promise<void> };

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The head of an answer of nginx, with the body to come. A visitor may send any header. */
function open(path: string, headers: Record<string, string> = {}, port = proxy.port): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({ port, host: "127.0.0.1", path, headers: { host: "pinata.example", ...headers } }, resolve);
    asking.once("error", reject).end();
  });
}

async function get(path: string, headers: Record<string, string> = {}, port = proxy.port): Promise<Answer> {
  const response = await open(path, headers, port);
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode!, headers: response.headers, body };
}
const onion = (path: string) => get(path, { host: ONION }, proxy.onionPort);

/** The values of an attribute that lead to this site. */
const links = (html: string) => [
  ...new Set([...html.matchAll(/ (?:href|src|action)="(\/[^"]*)"/g)].map(([, path]) => path!.replaceAll("&amp;", "&"))),
];

describe.runIf(hasTool("nginx"))("behind nginx, below a path", () => {
  beforeAll(async () => {
    await monitor.start();
    const flags = ["--monitor", monitor.url, "--port", "0", "--trust-proxy"];
    web = await runWeb(webOptions([...flags, "--public-url", PUBLIC, "--onion-url", `http://${ONION}`]));
    proxy = await startNginx(web.port);
    await vi.waitFor(async () => expect((await fetch(`${web.url}/status.json`)).status).toBe(200), 10_000);
  });
  afterAll(async () => {
    await proxy?.stop();
    await web?.stop();
    await monitor.stop();
  });

  it.each(["/hangs", "/hangs/"])("%s is the page itself, not a redirect, and says where it belongs", async (path) => {
    const { status, headers, body } = await get(path);
    expect(status).toBe(200);
    expect(headers.location).toBeUndefined();
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(body).toContain(`<link rel="canonical" href="${PUBLIC}/"/>`);
    expect(body).toContain(`<meta property="og:image" content="${PUBLIC}/og.png?`);
    expect(body).toContain('data-state="sealed"');
  });

  it("every link, style, script and icon of the page lies below the path and is there without a redirect", async () => {
    const found = links((await get("/hangs/")).body).filter((path) => !path.startsWith("/hangs/events"));
    expect(found.filter((path) => !path.startsWith("/hangs/"))).toEqual([]);
    expect(found).toEqual(
      expect.arrayContaining(["/hangs/guide", "/hangs/feed.atom", `/hangs/attempts/${attempt.id}`]),
    );
    expect(found.filter((path) => path.startsWith("/hangs/assets/")).length).toBeGreaterThanOrEqual(3);
    for (const path of found) {
      const { status, headers } = await get(path.replace(/#.*/, ""));
      expect([path, status, headers.location]).toEqual([path, 200, undefined]);
    }
  });

  it("assets come packed and with their types; the picture comes whole", async () => {
    const found = links((await get("/hangs/")).body).filter((path) => path.startsWith("/hangs/assets/"));
    const types: Record<string, string> = { css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
    for (const path of found) {
      const { headers } = await get(path, { "accept-encoding": "gzip" });
      expect(headers["content-type"]).toContain(types[/\.(\w+)(\?|$)/.exec(path)![1]!]);
      expect(headers["cache-control"]).toContain("immutable");
    }
    const picture = await open("/hangs/og.png");
    let length = 0;
    for await (const chunk of picture) length += (chunk as Buffer).length;
    expect([picture.headers["content-type"], length]).toEqual(["image/png", Number(picture.headers["content-length"])]);
  });

  it("feeds and data link with the public address", async () => {
    const { body } = await get("/hangs/feed.atom");
    expect(body).toContain(`<link rel="self" type="application/atom+xml" href="${PUBLIC}/feed.atom"/>`);
    expect(JSON.parse((await get("/hangs/feed.json")).body)).toMatchObject({ home_page_url: `${PUBLIC}/` });
    expect(JSON.parse((await get("/hangs/api/v1/status")).body)).toMatchObject({ verdict: "sealed", stale: false });
  });

  it.each(["events", "api/v1/events"])("/hangs/%s brings each event as it happens", async (path) => {
    const stream = await open(`/hangs/${path}`, { accept: "text/event-stream" });
    expect([stream.statusCode, stream.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const events = readEvents(stream);
    const next = async (event: string) => {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error("the stream has ended");
        if (value.event === event) return value;
      }
    };
    // Held back, none of these would ever be long enough to come through.
    await next("status");
    for (const n of [11, 12]) {
      const hit = sampleAttempt(path.length * 10 + n);
      monitor.send("attempt", hit, path.length * 100 + n);
      expect((await next("attempt")).data).toContain(hit.id);
    }
    stream.destroy();
  });

  it("what a visitor sends as forwarded is not believed", async () => {
    const forged = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "gopher",
      forwarded: "host=evil.example",
    };
    for (const path of ["/hangs/", "/hangs/feed.atom", "/hangs/nowhere"]) {
      const { headers, body } = await get(path, forged);
      expect(body + JSON.stringify(headers)).not.toMatch(/evil|gopher/);
    }
    expect((await get("/hangs/", { ...forged, "x-forwarded-host": ONION })).body).toContain(`href="${PUBLIC}/"`);
  });

  it("mistakes come from the page, and what is not below the path is not the page's", async () => {
    const nowhere = await get("/hangs/nowhere", { accept: "text/html" });
    expect(nowhere.status).toBe(404);
    expect(links(nowhere.body)).toContain("/hangs/");
    for (const path of ["/", "/hangsman", "/guide"]) {
      const { headers, body } = await get(path);
      expect([path, headers["content-security-policy"], body.includes("piñata")]).toEqual([path, undefined, false]);
    }
  });

  it("pages point to the onion service under their own path; nothing else does", async () => {
    expect((await get("/hangs/")).headers["onion-location"]).toBe(`http://${ONION}/`);
    const location = (await get(`/hangs/attempts/${attempt.id}`)).headers["onion-location"];
    expect(location).toBe(`http://${ONION}/attempts/${attempt.id}`);
    expect((await get("/hangs/", { host: ONION })).headers["onion-location"]).toBeUndefined();
    for (const path of ["/hangs/feed.atom", "/hangs/api/v1/status", "/hangs/badge.svg", "/hangs/robots.txt"]) {
      expect((await get(path)).headers["onion-location"]).toBeUndefined();
    }
  });

  it("the onion service is the same page at its root, links to itself, and points nowhere", async () => {
    const { status, headers, body } = await onion("/");
    expect([status, headers["onion-location"]]).toEqual([200, undefined]);
    expect(body).toContain(`<link rel="canonical" href="http://${ONION}/"/>`);
    expect(body).not.toContain("https://pinata.example");
    for (const path of [`/attempts/${attempt.id}`, ...links(body).filter((path) => !/\/events/.test(path))]) {
      expect([path, (await onion(path.replace(/#.*/, ""))).status]).toEqual([path, 200]);
    }
    expect((await onion("/feed.atom")).body).toContain(`href="http://${ONION}/feed.atom"`);
  });
});

/** The lines of the docs in a configuration that needs nothing of this machine, in one process. */
async function startNginx(webPort: number): Promise<typeof proxy> {
  const [port, onionPort] = await freePorts(2);
  const folder = mkdtempSync(join(tmpdir(), "pinata-nginx-"));
  const file = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const configuration = [
    "daemon off; master_process off; worker_processes 1;",
    `pid ${folder}/pid; error_log ${folder}/error.log;`,
    "events {}",
    `http { access_log off; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}`,
    replaced(snippet(), {
      "listen 80;": `listen 127.0.0.1:${port};`,
      ":8090;": `:${onionPort};`,
      ":8080;": `:${webPort};`,
    }),
    "}",
  ];
  writeFileSync(file, configuration.join("\n"));
  const child = spawn("nginx", ["-e", `${folder}/error.log`, "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`nginx ended with ${code}: ${said}`)));
  });
  ended.catch(() => {});
  await Promise.race([Promise.all([listening(port!), listening(onionPort!)]), ended]);
  return {
    port: port!,
    onionPort: onionPort!,
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

function snippet(): string {
  const [, lines] = /```nginx\n([\s\S]+?)```/.exec(readFileSync(DOCS, "utf8")) ?? [];
  if (lines === undefined) throw new Error("docs/page-machines.md has no lines for nginx");
  return lines;
}

/** Each is there; else the test would run something else than the docs say. */
function replaced(text: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((now, [from, to]) => {
    if (!now.includes(from)) throw new Error(`the lines for nginx have no "${from}"`);
    return now.replaceAll(from, to);
  }, text);
}
