/**
 * Runs the web page as a server: `runWeb` for those who start it from their own program, and a process entry with
 * flags that tells its parent `{ ready: true, port }` over IPC and ends cleanly on SIGTERM, SIGINT or disconnect.
 */
import { realpathSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { createApp } from "./app.tsx";
import { startFeed } from "./feed.ts";
import { type Info, readTrustAnchor } from "./info.ts";

export interface WebOptions {
  /** Base URL of the monitor's API. */
  monitorUrl: string;
  /** 0 takes any free port. */
  port: number;
  host: string;
  info: Info;
}

export interface RunningWeb {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Starts the page and answers when it listens. Throws one clear line when the port is taken or may not be used. */
export async function runWeb({ monitorUrl, port, host, info }: WebOptions): Promise<RunningWeb> {
  const feed = startFeed({ monitorUrl });
  const app = createApp({ feed, info });
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
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        // Viewers' streams never end by themselves.
        server.closeAllConnections();
        await closed;
      },
    };
  } catch (error) {
    feed.stop();
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

const USAGE = `usage: web/main.ts --monitor URL [--port N] [--host ADDRESS] [--public FILE] [--doors-host NAME] [--practice-dir DIR] [--dial-port N]`;

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
    },
  };
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
