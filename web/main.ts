/**
 * Runs the web page as a server: `runWeb` for those who start it from their own program, and a process entry with
 * flags that tells its parent `{ ready: true, port }` over IPC and ends cleanly on SIGTERM, SIGINT or disconnect.
 */
import { readFileSync, realpathSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { createApp } from "./app.tsx";
import { readExplorer } from "./explorers.ts";
import { startFeed } from "./feed.ts";
import { type Info, readTrustAnchor } from "./info.ts";
import { type Site, siteUrl, UNKNOWN_SITE } from "./machine/site.ts";
import { createAdminClient } from "./maintain/admin-client.ts";
import { followRate, type RateSource, rateSource } from "./rate.ts";

export interface WebOptions {
  /** Base URL of the monitor's API. */
  monitorUrl: string;
  /** 0 takes any free port. */
  port: number;
  host: string;
  info: Info;
  /** How the page is reached from outside. */
  site?: Site;
  /** Who is asked what a bitcoin is worth; absent: nobody is. */
  rate?: RateSource;
  /** `none`: there are no pages for maintainers. */
  maintainers?: "none";
}

export interface RunningWeb {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Starts the page and answers when it listens. Throws one clear line when the port is taken or may not be used. */
export async function runWeb(options: WebOptions): Promise<RunningWeb> {
  const { monitorUrl, port, host, info, site = UNKNOWN_SITE } = options;
  const feed = startFeed({ monitorUrl });
  const rate = options.rate && followRate(options.rate);
  const app = createApp({
    feed,
    info: rate === undefined ? info : { ...info, rate: rate.now },
    site,
    ...(options.maintainers === "none" ? {} : { admin: createAdminClient({ monitorUrl }) }),
  });
  try {
    const server = await new Promise<Server>((resolve, reject) => {
      const starting = serve({ fetch: app.fetch, port, hostname: host }, () => resolve(starting)) as Server;
      starting.once("error", (error) => reject(new Error(whyNot(error, host, port))));
    });
    const { port: bound } = server.address() as AddressInfo;
    return {
      url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
      port: bound,
      async stop() {
        feed.stop();
        rate?.stop();
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        // Viewers' streams never end by themselves.
        server.closeAllConnections();
        await closed;
      },
    };
  } catch (error) {
    feed.stop();
    rate?.stop();
    throw error;
  }
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} on ${host} is in use by another program; choose another one with --port`;
  if (error.code === "EACCES")
    return `port ${port} on ${host} may not be used by this user; choose one above 1023 with --port`;
  return `cannot listen on ${host} port ${port}: ${error.message}`;
}

const USAGE = `usage: web/main.ts --monitor URL [--port N] [--host ADDRESS] [--public FILE] [--doors-host NAME] [--practice-dir DIR] [--dial-port N]
       [--explorer URL]… [--rate URL [--currency CODE]] [--public-url URL] [--onion-url URL] [--trust-proxy] [--security-contact URI] [--metrics-token-file FILE]
       [--no-maintainers]`;

/** Flags to options. Throws one clear line for each mistake. */
export function webOptions(args: string[]): WebOptions {
  const { values } = parseArgs({
    args,
    options: {
      monitor: { type: "string" },
      port: { type: "string", default: "8080" },
      host: { type: "string", default: "127.0.0.1" },
      public: { type: "string" },
      "doors-host": { type: "string", default: "localhost" },
      "practice-dir": { type: "string" },
      "dial-port": { type: "string", default: "40001" },
      explorer: { type: "string", multiple: true },
      rate: { type: "string" },
      currency: { type: "string" },
      "public-url": { type: "string" },
      "onion-url": { type: "string" },
      "trust-proxy": { type: "boolean", default: false },
      "security-contact": { type: "string" },
      "metrics-token-file": { type: "string" },
      "no-maintainers": { type: "boolean", default: false },
    },
  });
  if (values.monitor === undefined) throw new Error("--monitor URL is missing: the address of the monitor's API");
  if (!URL.canParse(values.monitor) || !/^https?:$/.test(new URL(values.monitor).protocol)) {
    throw new Error(`--monitor ${values.monitor} is not an http or https URL`);
  }
  const doorsHost = values["doors-host"];
  if (!/^[\w.:-]+$/.test(doorsHost)) throw new Error(`--doors-host ${doorsHost} is not a host name or address`);
  return {
    monitorUrl: values.monitor,
    port: portOf("--port", values.port),
    host: values.host,
    info: {
      doorsHost: reachable(doorsHost),
      trustAnchor: values.public === undefined ? null : readTrustAnchor(values.public),
      practiceDir: values["practice-dir"] ?? null,
      dialPort: portOf("--dial-port", values["dial-port"]),
      ...(values.explorer === undefined ? {} : { explorers: values.explorer.map(readExplorer) }),
    },
    site: siteOf(values),
    ...rateOf(values),
    ...(values["no-maintainers"] ? { maintainers: "none" } : {}),
  };
}

function rateOf({ rate, currency }: { rate?: string | undefined; currency?: string | undefined }): {
  rate?: RateSource;
} {
  if (rate !== undefined) return { rate: rateSource(rate, currency ?? "USD") };
  if (currency !== undefined) throw new Error("--currency goes with --rate URL: who tells what a bitcoin is worth");
  return {};
}

interface SiteFlags {
  "public-url"?: string | undefined;
  "onion-url"?: string | undefined;
  "trust-proxy": boolean;
  "security-contact"?: string | undefined;
  "metrics-token-file"?: string | undefined;
}

function siteOf(flags: SiteFlags): Site {
  const { "public-url": publicUrl, "onion-url": onion, "security-contact": contact } = flags;
  const tokenFile = flags["metrics-token-file"];
  const onionUrl = onion === undefined ? null : siteUrl("--onion-url", onion);
  if (onionUrl !== null && !new URL(onionUrl).hostname.endsWith(".onion")) {
    throw new Error(`--onion-url ${onion} is not the address of an onion service (http://….onion)`);
  }
  if (contact !== undefined && !/^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+|tel:\+?[\d-]+)$/.test(contact)) {
    throw new Error(`--security-contact ${contact} is not a URI as RFC 9116 asks: mailto:…, https://… or tel:…`);
  }
  return {
    publicUrl: publicUrl === undefined ? null : siteUrl("--public-url", publicUrl),
    onionUrl,
    proxy: flags["trust-proxy"] ? "x-forwarded" : "none",
    securityContact: contact ?? null,
    metricsToken: tokenFile === undefined ? null : tokenIn("--metrics-token-file", tokenFile),
  };
}

/** A secret from a file, so that no process list shows it. */
function tokenIn(flag: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new Error(`${flag} ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  if (/^[\x21-\x7e]{16,256}$/.test(text)) return text;
  throw new Error(`${flag} ${path} does not hold a token: one word of 16 to 256 printable characters`);
}

function portOf(flag: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error(`${flag} ${text} is not a port (0 to 65535)`);
  return Number(text);
}

/** A host as a visitor's command names it: "every address" is this machine, and IPv6 stands in brackets. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

async function main(): Promise<void> {
  let options: WebOptions;
  try {
    options = webOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`web: ${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
  const web = await runWeb(options);
  const end = () => void web.stop().then(() => process.exit(0));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, end);
  if (process.send === undefined) console.log(`web: ${web.url}`);
  else {
    process.once("disconnect", end);
    process.send({ ready: true, port: web.port });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error(`web: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  });
}
