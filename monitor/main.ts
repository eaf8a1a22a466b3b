/**
 * Runs the monitor: `runMonitor` for those who start it from their own program, and a process entry with flags that tells
 * its parent `{ ready: true, port }` over IPC and ends cleanly on SIGTERM, SIGINT or disconnect.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Annotations } from "./admin/annotations.ts";
import { overviewOf } from "./admin/overview.ts";
import type { Channel } from "./alerts/channels/channel.ts";
import { makeChannels } from "./alerts/channels/make.ts";
import { Emergency } from "./alerts/emergency.ts";
import { readAdminToken } from "./alerts/secrets.ts";
import { makeAlerts } from "./alerts/service.ts";
import { createApi } from "./api.ts";
import { type Clock, systemClock } from "./clock.ts";
import {
  ConfigError,
  checkConfig,
  type MonitorConfig,
  type MonitorSettings,
  readConfig,
  readProbe,
  USAGE,
} from "./config.ts";
import { Front, type Handler } from "./front.ts";
import { Hub } from "./hub.ts";
import { type Log, textLog } from "./log.ts";
import { Metrics, type SourceStats } from "./metrics.ts";
import { type Pinata, readPinata, withChain } from "./pinata.ts";
import { Probe } from "./probe.ts";
import type { NetworkRules } from "./proofs/networks.ts";
import { publicAttempt, publicStatus } from "./publish.ts";
import { problemsOf } from "./readiness.ts";
import { readSource, type SourceAddress } from "./sources/address.ts";
import { locateCore, readCoreAddress } from "./sources/core/address.ts";
import { CoreSource } from "./sources/core/core-source.ts";
import { ElectrumSource } from "./sources/electrum/electrum-source.ts";
import { EsploraSource } from "./sources/esplora.ts";
import type { ChainSource } from "./sources/source.ts";
import { isPostgres } from "./store/location.ts";
import { openStore } from "./store/open.ts";
import type { AlertContext, Store } from "./store/store.ts";
import { withHealth } from "./store-health.ts";
import { Terms } from "./terms.ts";
import { type FollowOptions, TraceFollower } from "./trace/follow.ts";
import { makeInput } from "./trace/open-input.ts";
import { Watch } from "./watch.ts";
import { openWitnessKey, type WitnessKey } from "./witness/key.ts";
import { Witness } from "./witness/witness.ts";

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
  metrics?: Metrics;
}

/** Attempts told live for one batch of trace lines at most; in a flood the rest is found under /v1/attempts. */
const MAX_TOLD = 100;

/**
 * Starts the monitor; answers when its API listens. Throws one clear line (ConfigError, StoreError or Error) when a setting,
 * a file or the port is not usable.
 */
export async function runMonitor(settings: MonitorSettings, parts: MonitorParts = {}): Promise<RunningMonitor> {
  const config = checkConfig(settings);
  const {
    clock = systemClock,
    log = textLog((line) => process.stderr.write(line), systemClock.now),
    metrics = new Metrics(),
  } = parts;
  const pinata = withChain(readPinata(config.public), config);
  const token = readAdminToken(config.alerts);
  const channels = config.alerts ? makeChannels(config.alerts, () => clock.now()) : [];
  let front: Front | undefined;
  let witnessKey: WitnessKey | undefined;
  const context = {
    network: pinata.network,
    address: pinata.address,
    get acknowledgeAt() {
      return token === undefined ? null : (front?.url ?? null);
    },
  };
  const patience = (config.alerts?.storeSeconds ?? 0) * 1000;
  const emergency = new Emergency({ channels, clock, random: Math.random, log, context, patience });
  const access = openStore(config.store, {
    identity: `${pinata.rules.name} ${pinata.address}`,
    rules: pinata.rules,
    channels: channels.map(({ name }) => name),
    context,
    attemptDays: config.attemptDays,
    attemptRows: config.attemptRows,
  });
  /** What was last reported of the piñata, for a term that begins later. */
  const reports = new Map<string, string | null>();
  let leading: Leading | undefined;
  const terms: Terms = new Terms({
    access,
    clock,
    log,
    emergency,
    // A standby is watched too.
    serve: (handler) => front!.serve((request) => (isForMetrics(request) ? metricsAnswer(metrics) : handler(request))),
    begin: async (store) => {
      leading = await lead({
        config,
        pinata,
        store,
        token,
        channels,
        emergency,
        context,
        front: front!,
        witnessKey,
        clock,
        log,
        metrics,
      });
      for (const [by, problem] of reports) leading.reportPinata(by, problem);
      return leading;
    },
  });
  let first: Awaited<ReturnType<typeof access.lead>> | undefined;
  try {
    first = await access.lead();
    front = await Front.listen(config.host, config.port);
    witnessKey = openKey(config, log);
    await terms.start(first);
  } catch (error) {
    await front?.close();
    if (first && "store" in first) await first.store.close();
    await access.close();
    throw error;
  }
  log.info(`monitor of ${pinata.address} (${pinata.network}) answers at ${front.url}`);
  return {
    url: front.url,
    port: front.port,
    reportPinata: (by, problem) => {
      reports.set(by, problem);
      leading?.reportPinata(by, problem);
    },
    async stop() {
      await terms.stop();
      await Promise.all([front?.close(), emergency.stop()]);
    },
  };
}

interface Leading extends Pick<RunningMonitor, "reportPinata" | "stop"> {}

interface TermParts {
  config: MonitorConfig;
  pinata: Pinata;
  store: Store;
  token: string | undefined;
  channels: readonly Channel[];
  emergency: Emergency;
  context: AlertContext;
  front: Front;
  witnessKey: WitnessKey | undefined;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/** Everything that a monitor does while it leads. */
async function lead(parts: TermParts): Promise<Leading> {
  const { config, pinata, token, witnessKey, clock, log, metrics } = parts;
  const { store, problem: storeProblem } = withHealth(parts.store);
  const saved = await store.load();
  const sources = makeSources(config, pinata);
  let moved = performance.now();
  const alerts =
    config.alerts &&
    makeAlerts({
      ...parts,
      store,
      settings: config.alerts,
      saved,
      random: Math.random,
      monotonic: () => performance.now(),
      pulse: () => watch.snapshot(),
      moved: () => moved,
    });
  const watch: Watch = new Watch({
    pinata,
    sources,
    store,
    saved,
    clock,
    random: Math.random,
    pollMillis: config.pollSeconds * 1000,
    blindMillis: config.blindSeconds * 1000,
    quorum: config.quorum,
    log,
    ...(alerts ? { alerts: alerts.outbox } : {}),
    changed: () => {
      moved = performance.now();
      metrics.moved(clock.now());
      hub.touch();
      witness?.touch();
    },
  });
  const trace = await makeFollower(config, {
    store,
    clock,
    log,
    changed: (records) => {
      for (const record of records.slice(-MAX_TOLD)) hub.attempt(publicAttempt(record));
      reportTrace();
      hub.touch();
    },
  });
  const totals = () => trace?.totals() ?? { counts: {}, pinata: null };
  const status = () => {
    const [newest] = annotations.list();
    return {
      ...publicStatus(pinata, watch.snapshot(), totals(), clock.now()),
      ...(witness ? { witness: witness.about() } : {}),
      ...(newest ? { annotations: newest.number } : {}),
    };
  };
  const annotations = new Annotations({ store, saved, clock, changed: () => hub.touch() });
  const witness: Witness | undefined =
    witnessKey && new Witness({ key: witnessKey, store, latest: saved.statement, clock, log, status });
  const hub: Hub = new Hub(clock, status);
  /** Before a piñata's first boot nothing is known of it. */
  const reportTrace = (): void => {
    const { pinata: boot, stopped = [] } = totals();
    if (!boot) return;
    const problem = boot.running
      ? `of boot ${stopped.join(", ")} has stopped, as its trace says; another one runs`
      : "has stopped, as its trace says";
    alerts?.outbox.pinata("trace", boot.running && stopped.length === 0 ? null : problem);
  };
  const problems = () =>
    problemsOf({ snapshot: watch.snapshot(), store: storeProblem(), still: performance.now() - moved });
  const alertStats = () => alerts?.stats() ?? { channels: [] };
  metrics.watch({
    snapshot: () => watch.snapshot(),
    trace: totals,
    alerts: alertStats,
    sources: () => statsOf(sources),
    problems,
    streamClients: () => hub.listeners,
  });
  const api = createApi({
    status,
    problems,
    trace: totals,
    metrics,
    snapshot: () => watch.snapshot(),
    store,
    hub,
    clock,
    log,
    ...(witness ? { witness: { store, about: () => witness.about() } } : {}),
    admin: {
      token,
      store,
      annotations,
      overview: () =>
        overviewOf({
          ...watch.report(),
          now: clock.now(),
          problems: problems(),
          incidents: alerts?.outbox.open() ?? [],
          alerts: alertStats(),
        }),
      ...(alerts ? { acknowledge: (id) => alerts.outbox.acknowledge(id, clock.now()) } : {}),
      refused: () => metrics.adminRefused(),
    },
  });

  await trace?.start().catch(async (error: unknown) => {
    await trace.stop();
    throw error;
  });
  reportTrace();
  const door = config.probe === undefined ? undefined : readProbe(config.probe);
  const everyMillis = config.probeSeconds * 1000;
  const report = (problem: string | null) => alerts?.outbox.pinata("probe", problem);
  const probe = door && new Probe({ ...door, everyMillis, clock, report });
  alerts?.start();
  probe?.start();
  watch.start();
  witness?.start();
  parts.front.serve(api.fetch as Handler);
  return {
    reportPinata: (by, problem) => alerts?.outbox.pinata(by, problem),
    async stop() {
      metrics.watch(undefined);
      probe?.stop();
      await Promise.all([watch.stop(), trace?.stop(), alerts?.stop(), witness?.stop()]);
      hub.stop();
    },
  };
}

/** Beside a file of SQLite; a database has no such place. */
function openKey({ store, witnessKey }: MonitorConfig, log: Log): WitnessKey | undefined {
  const file = witnessKey ?? (isPostgres(store) ? undefined : `${store}.witness.pem`);
  if (file === undefined) {
    log.info("nothing is witnessed: with PostgreSQL, --witness-key FILE says where this monitor's key is");
    return undefined;
  }
  const key = openWitnessKey(file);
  log.info(`${key.isNew ? "made" : "has"} the witness key ${key.publicKey} (${file})`);
  return key;
}

/** Names are published and must differ. */
function makeSources({ sources: wanted }: MonitorConfig, { rules }: Pinata): ChainSource[] {
  const sources = wanted.map((text) => makeSource(readSource(text)!, rules));
  const twice = sources.find((source, index) => sources.findIndex(({ name }) => name === source.name) !== index);
  if (twice) throw new ConfigError(`${twice.kind}: ${twice.name} is given twice; one operator is one source`);
  return sources;
}

function makeSource({ kind, address }: SourceAddress, rules: NetworkRules): ChainSource {
  if (kind === "esplora") return new EsploraSource({ url: address });
  if (kind === "electrum") return new ElectrumSource({ url: address, rules });
  const core = readCoreAddress(address)!;
  return new CoreSource({ ...core, ...locateCore(core, rules.name), chain: rules.name });
}

/** Of sources that count what they are notified of. */
function statsOf(sources: readonly ChainSource[]): SourceStats[] {
  return sources.flatMap((source) => {
    if (!(source instanceof CoreSource)) return [];
    const { received, gaps } = source.stats();
    return [{ source: source.name, received, gaps }];
  });
}

function isForMetrics(request: Request): boolean {
  return request.method === "GET" && new URL(request.url).pathname === "/metrics";
}

async function metricsAnswer(metrics: Metrics): Promise<Response> {
  return new Response(await metrics.text(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
}

async function makeFollower(
  { trace, attemptsPerSecond }: MonitorConfig,
  options: Omit<FollowOptions, "inputs" | "sampling">,
): Promise<TraceFollower | undefined> {
  if (trace === undefined) return undefined;
  const inputs = await Promise.all(trace.map((text) => makeInput(text, options.clock, Math.random)));
  const sampling = { perSecond: attemptsPerSecond, random: Math.random };
  return new TraceFollower({ ...options, inputs, sampling });
}

/** The monitor as a process. `args`: its command line. */
export async function monitorCommand(args: string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (args.includes("--check")) {
    const { checkMonitor } = await import("./check.ts");
    const say = (line: string) => void process.stdout.write(`${line}\n`);
    const rest = args.filter((each) => each !== "--check");
    // Sources may keep something open that nobody waits for.
    process.exit(await checkMonitor(rest, { environment: process.env, say, makeSources }));
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
    const config = readConfig(args, process.env);
    const metrics = new Metrics();
    metrics.addProcess();
    running = await runMonitor(config, { metrics });
    process.send?.({ ready: true, port: running.port });
  } catch (error) {
    const hint = error instanceof ConfigError ? " (--help lists the flags)" : "";
    process.stderr.write(`monitor: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await monitorCommand(process.argv.slice(2));
}
