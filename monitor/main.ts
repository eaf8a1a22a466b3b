/**
 * Runs the monitor: `runMonitor` for those who start it from their own program, and a process entry with flags that tells
 * its parent `{ ready: true, port }` over IPC and ends cleanly on SIGTERM, SIGINT or disconnect.
 */
import { realpathSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { readAdminToken } from "./alerts/secrets.ts";
import { startAlerts } from "./alerts/service.ts";
import { createApi } from "./api.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ConfigError, checkConfig, type MonitorConfig, type MonitorSettings, readConfig, USAGE } from "./config.ts";
import { Hub } from "./hub.ts";
import { type Log, textLog } from "./log.ts";
import { type Pinata, readPinata } from "./pinata.ts";
import { publicAttempt, publicStatus } from "./publish.ts";
import { CoreSource } from "./sources/core.ts";
import { ElectrumSource } from "./sources/electrum/electrum-source.ts";
import { EsploraSource } from "./sources/esplora.ts";
import type { ChainSource } from "./sources/source.ts";
import { ChainStore } from "./store/chain-store.ts";
import { type Db, openDatabase } from "./store/database.ts";
import { TraceStore } from "./store/trace-store.ts";
import { TraceFollower } from "./trace/follow.ts";
import { Watch } from "./watch.ts";

export interface RunningMonitor {
  url: string;
  port: number;
  /** For whoever looks at the piñata itself: what is wrong with it in words, or null. Told by alerts. */
  reportPinata(by: string, problem: string | null): void;
  stop(): Promise<void>;
}

export interface MonitorParts {
  clock?: Clock;
  log?: Log;
}

/** Attempts told live for one batch of trace lines at most; in a flood the rest is found under /v1/attempts. */
const MAX_TOLD = 100;

/**
 * Starts the monitor; answers when its API listens. Throws one clear line (ConfigError, StoreError or Error) when a setting,
 * a file or the port is not usable.
 */
export async function runMonitor(settings: MonitorSettings, parts: MonitorParts = {}): Promise<RunningMonitor> {
  const config = checkConfig(settings);
  const { clock = systemClock, log = textLog((line) => process.stderr.write(line), systemClock.now) } = parts;
  const pinata = readPinata(config.public);
  const db = await openDatabase(config.store);
  try {
    return await run(config, pinata, db, clock, log);
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function run(config: MonitorConfig, pinata: Pinata, db: Db, clock: Clock, log: Log): Promise<RunningMonitor> {
  const store = new ChainStore(db);
  const attempts = new TraceStore(db);
  const saved = await store.load(`${pinata.rules.name} ${pinata.address}`, pinata.rules);
  const token = readAdminToken(config.alerts);
  let url: string | undefined;
  let moved = performance.now();
  const alerts =
    config.alerts &&
    (await startAlerts({
      settings: config.alerts,
      db,
      context: {
        network: pinata.network,
        address: pinata.address,
        get acknowledgeAt() {
          return token === undefined ? null : (url ?? null);
        },
      },
      clock,
      random: Math.random,
      monotonic: () => performance.now(),
      log,
      pulse: () => watch.snapshot(),
      moved: () => moved,
    }));
  const watch: Watch = new Watch({
    pinata,
    sources: makeSources(config, pinata),
    store,
    saved,
    clock,
    random: Math.random,
    pollMillis: config.pollSeconds * 1000,
    blindMillis: config.blindSeconds * 1000,
    log,
    ...(alerts ? { alerts: alerts.outbox } : {}),
    changed: () => {
      moved = performance.now();
      hub.touch();
    },
  });
  const trace =
    config.trace === undefined
      ? undefined
      : new TraceFollower({
          path: config.trace,
          store: attempts,
          clock,
          log,
          changed: (records) => {
            for (const record of records.slice(-MAX_TOLD)) hub.attempt(publicAttempt(record));
            reportTrace();
            hub.touch();
          },
        });
  const totals = () => trace?.totals() ?? { counts: {}, pinata: null };
  const status = () => publicStatus(pinata, watch.snapshot(), totals(), clock.now());
  const hub: Hub = new Hub(clock, status);
  /** Before a piñata's first boot nothing is known of it. */
  const reportTrace = (): void => {
    const { pinata: boot } = totals();
    if (boot) alerts?.outbox.pinata("trace", boot.running ? null : "has stopped, as its trace says");
  };
  const api = createApi({
    status,
    snapshot: () => watch.snapshot(),
    coins: store,
    attempts,
    hub,
    clock,
    log,
    admin: { token, ...(alerts ? { acknowledge: (id) => alerts.outbox.acknowledge(id, clock.now()) } : {}) },
  });

  const server = await listen(api.fetch, config.host, config.port);
  const { port } = server.address() as AddressInfo;
  url = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
  await trace?.start();
  reportTrace();
  alerts?.start();
  watch.start();
  log.info(`monitor of ${pinata.address} (${pinata.network}) answers at ${url}`);
  return {
    url,
    port,
    reportPinata: (by, problem) => alerts?.outbox.pinata(by, problem),
    async stop() {
      await Promise.all([watch.stop(), trace?.stop(), alerts?.stop()]);
      hub.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Followers' streams never end by themselves.
      server.closeAllConnections();
      await closed;
      await db.destroy();
    },
  };
}

/** Names are published and must differ. */
function makeSources({ esplora, core, coreCookie, electrum = [] }: MonitorConfig, { rules }: Pinata): ChainSource[] {
  const sources: ChainSource[] = esplora.map((url) => new EsploraSource({ url }));
  if (core !== undefined) {
    const cookie = coreCookie === undefined ? {} : { cookieFile: coreCookie };
    sources.push(new CoreSource({ url: core, chain: rules.name, ...cookie }));
  }
  for (const url of electrum) sources.push(new ElectrumSource({ url, rules }));
  const twice = sources.find((source, index) => sources.findIndex(({ name }) => name === source.name) !== index);
  if (twice) throw new ConfigError(`${twice.kind}: ${twice.name} is given twice; one operator is one source`);
  return sources;
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  hostname: string,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname }, () => resolve(server)) as Server;
    server.once("error", (error: NodeJS.ErrnoException) => reject(new Error(whyNot(error, hostname, port))));
  });
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} on ${host} is in use by another program; choose another one with --port`;
  if (error.code === "EACCES")
    return `port ${port} on ${host} may not be used by this user; choose one above 1023 with --port`;
  return `cannot listen on ${host} port ${port}: ${error.message}`;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  let stopping = false;
  let running: RunningMonitor | undefined;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    if (!running) process.exit(0);
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  try {
    running = await runMonitor(readConfig(args, process.env));
    process.send?.({ ready: true, port: running.port });
  } catch (error) {
    const hint = error instanceof ConfigError ? " (--help lists the flags)" : "";
    process.stderr.write(`monitor: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
