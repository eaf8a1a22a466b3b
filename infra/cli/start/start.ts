/**
 * `pinata start`: the whole story on one machine. Mints a practice piñata when there is none, starts the development chain,
 * the piñata, the monitor and the page as four programs, hangs coins in it, and says where everything is. A second
 * start resumes the same piñata; Ctrl-C ends all of it.
 */
import { existsSync, writeFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { withProgress } from "../../../bin/setup.mjs";
import { compileImage, ROOT } from "../../image/compile-guest.ts";
import { type MetalImage, metalImage, requireMetalTools } from "../../image/metal-image.ts";
import { METAL_TOOLS, metalTools } from "../../image/tools.ts";
import { mintPractice } from "../../mint/mint.ts";
import { type PublicFile, readPublicFile } from "../../mint/public.ts";
import { type ChainPlace, chainAt } from "../chain/place.ts";
import { CommandError, UsageError } from "../errors.ts";
import { isOnPath } from "../on-path.ts";
import { adminToken } from "./admin-token.ts";
import { requireFreePorts, type WantedPort } from "./ports.ts";
import { readyScreen } from "./screen.ts";
import { clearRunning, lock, putAside, type Running, type StateDir, stateDir, writeRunning } from "./state-dir.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { type WebFlags, webFlags } from "./web-flags.ts";

export interface StartOptions extends WebFlags {
  dir: string;
  new?: boolean;
  host: string;
  webPort: number;
  monitorPort: number;
  chainPort: number;
  serverPort: number;
  dialbackPort: number;
  clientPort: number;
  dialToPort: number;
  fromPeer: number;
  blockSeconds: number;
  board: "auto" | "metal" | "node";
  bitcoind?: boolean;
  json?: boolean;
}

/** What hangs in a practice piñata: as much as in the first one of 2015, and worth nothing. */
const PRACTICE_SATS = 10 * 100_000_000;
/** About a year of ten-minute blocks. */
const REFUND_HEIGHT = 52_560;
/** A block this soon after a transaction: long enough to see the coins move before they have moved. */
const MINE_SOON_SECONDS = 4;
const LOOPBACK = "127.0.0.1";

export async function start(options: StartOptions): Promise<void> {
  const dir = stateDir(options.dir);
  const say = (line: string) => process.stderr.write(`  ${line}\n`);
  if (options.bitcoind && !isOnPath("bitcoind")) {
    throw new CommandError("bitcoind is not on the PATH: install Bitcoin Core, or start without --bitcoind");
  }
  const board = chooseBoard(options.board, say);
  if (board === "metal" && isIPv6(options.host)) {
    throw new UsageError(`QEMU forwards IPv4 only, and ${options.host} is not: choose another --host, or --board node`);
  }
  const pageFlags = await webFlags(options);
  // The lock first: a second start in the same folder should hear of the first one, not of six busy ports.
  let unlock = lock(dir);
  try {
    await requireFreePorts(wantedPorts(options));
    if (options.new) {
      unlock();
      const aside = putAside(dir);
      if (aside !== undefined) say(`the earlier piñata is put aside in ${aside}`);
      unlock = lock(dir);
    }
    requireSameChain(options, dir);
  } catch (error) {
    unlock();
    throw error;
  }
  const supervisor = createSupervisor(dir.logs, say);
  const stop = stopper(supervisor, dir, unlock);
  try {
    await withProgress("compiling the guest", () => compileImage());
    const image = board === "metal" ? await withProgress("building the image", buildImage) : undefined;
    const piñata = await mintWhenMissing(dir);
    const token = options.maintainers === false ? undefined : adminToken(dir, process.env);
    const flags = { monitor: token?.flags ?? [], web: pageFlags };
    const state = await runPrograms(options, dir, supervisor, { image, flags });
    await withProgress("hanging the coins", () => hangCoins(piñata, state, dir));
    writeRunning(dir, state);
    const maintain = token && { url: maintainersUrl(options, state), tokenFile: token.file };
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ ...state, address: piñata.address, dir: dir.path, maintain })}\n`
        : readyScreen(state, piñata, dir, maintain),
    );
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Where a cookie of theirs is good: under the page's public address, if it has one. */
function maintainersUrl({ publicUrl }: StartOptions, { web }: Running): string {
  return `${(publicUrl ?? web).replace(/\/+$/, "")}/maintain`;
}

/** The metal board where it can be had, unless it was said. */
function chooseBoard(wanted: StartOptions["board"], say: (line: string) => void): "metal" | "node" {
  const missing = metalTools();
  if (wanted === "metal") {
    requireMetalTools(
      "the metal board takes",
      METAL_TOOLS.map(({ program }) => program),
    );
  }
  if (wanted !== "auto") return wanted;
  if (missing.length === 0) return "metal";
  say(`on the Node board: for a virtual machine ${missing.join(", ")} would be needed (npm run setup:metal)`);
  return "node";
}

async function buildImage(): Promise<MetalImage> {
  try {
    return await metalImage();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(`${error.message} (--board node does without it)`);
  }
}

/** Ends everything once, on the first signal; a second Ctrl-C does not cut it short. */
function stopper(supervisor: Supervisor, dir: StateDir, unlock: () => void): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= supervisor.stop().then(() => {
      clearRunning(dir);
      unlock();
    });
    return stopping;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping === undefined && process.stdout.isTTY) process.stdout.write("\n  stopping …\n");
      void stop().then(() => process.exit(0));
    });
  }
  return stop;
}

async function mintWhenMissing(dir: StateDir): Promise<PublicFile> {
  if (!existsSync(join(dir.practice, "seal"))) {
    await mintPractice({ dir: dir.practice, network: "regtest", refundHeight: REFUND_HEIGHT, now: new Date() });
  }
  return readPublicFile(join(dir.practice, "public.json"));
}

const listening = z.object({ ready: z.literal(true), port: z.number().int() });
const bitcoindReady = listening.extend({ cookie: z.string() });
const boardReady = z.object({
  ready: z.literal(true),
  image: z.string(),
  ports: z.object({ server: z.number().int(), dialback: z.number().int(), client: z.number().int() }),
});

interface HowToRun {
  /** The metal board boots it; without one it is the Node board. */
  image: MetalImage | undefined;
  /** Of the monitor and of the page, beside their usual ones. */
  flags: { monitor: string[]; web: string[] };
}

async function runPrograms(
  options: StartOptions,
  dir: StateDir,
  supervisor: Supervisor,
  { image, flags }: HowToRun,
): Promise<Running> {
  const [chain, board] = await Promise.all([
    options.bitcoind
      ? withProgress("starting bitcoind", () => runBitcoind(options, dir, supervisor))
      : runDevchain(options, dir, supervisor),
    supervisor.run({
      name: "the piñata",
      entry: image === undefined ? "unikernel/boards/node/main.ts" : "infra/machine/main.ts",
      args: (before?: z.infer<typeof boardReady>) => [
        ...["--seal", join(dir.practice, "seal"), "--trace", dir.trace],
        ...(image === undefined ? ["--modules", join(ROOT, "build/guest")] : ["--image", image.file]),
        ...doorHosts(options.host).flatMap((host) => ["--host", host]),
        ...["--server-port", String(before?.ports.server ?? options.serverPort)],
        ...["--dialback-port", String(before?.ports.dialback ?? options.dialbackPort)],
        ...["--client-port", String(before?.ports.client ?? options.clientPort)],
        ...["--dial-to-port", String(options.dialToPort), "--from-peer", String(options.fromPeer)],
      ],
      ready: (message) => boardReady.parse(message),
    }),
  ]);
  const publicFile = join(dir.practice, "public.json");
  const source =
    chain.kind === "esplora" ? `esplora:${chain.url}` : `core:${chain.url}#cookie=${encodeURIComponent(chain.cookie)}`;
  const monitor = await supervisor.run({
    name: "the monitor",
    entry: "monitor/main.ts",
    args: (before?: { port: number }) => [
      ...["--public", publicFile, "--source", source, "--trace", dir.trace, "--store", dir.store],
      ...["--port", String(before?.port ?? options.monitorPort), ...flags.monitor],
    ],
    ready: (message) => listening.parse(message),
  });
  const monitorUrl = `http://${LOOPBACK}:${monitor.port}`;
  const web = await supervisor.run({
    name: "the web page",
    entry: "web/main.ts",
    args: (before?: { port: number }) => [
      ...["--monitor", monitorUrl, "--public", publicFile, "--practice-dir", dir.practice],
      ...[
        "--doors-host",
        isWildcard(options.host) ? hostname() : options.host,
        "--dial-port",
        String(options.dialToPort),
      ],
      ...["--port", String(before?.port ?? options.webPort)],
      ...["--host", options.host === "localhost" ? LOOPBACK : options.host, ...flags.web],
    ],
    ready: (message) => listening.parse(message),
  });
  const host = isWildcard(options.host) ? "localhost" : options.host;
  return {
    pid: process.pid,
    board: image === undefined ? "node" : "metal",
    image: board.image,
    host,
    doors: { ...board.ports, dialTo: options.dialToPort },
    web: `http://${host.includes(":") ? `[${host}]` : host}:${web.port}`,
    monitor: monitorUrl,
    chain,
  };
}

async function runDevchain(options: StartOptions, dir: StateDir, supervisor: Supervisor): Promise<ChainPlace> {
  const { port } = await supervisor.run({
    name: "the development chain",
    entry: "infra/devchain/main.ts",
    args: (before?: { port: number }) => [
      ...["--port", String(before?.port ?? options.chainPort), "--dir", dir.chain],
      ...["--block-seconds", String(options.blockSeconds), "--mine-soon", String(MINE_SOON_SECONDS)],
    ],
    ready: (message) => listening.parse(message),
  });
  return { kind: "esplora", url: `http://${LOOPBACK}:${port}` };
}

async function runBitcoind(options: StartOptions, dir: StateDir, supervisor: Supervisor): Promise<ChainPlace> {
  const { port, cookie } = await supervisor.run({
    name: "bitcoind",
    entry: "infra/bitcoind/main.ts",
    args: (before?: z.infer<typeof bitcoindReady>) => [
      ...["--port", String(before?.port ?? options.chainPort), "--dir", dir.bitcoind],
      ...["--block-seconds", String(options.blockSeconds), "--mine-soon", String(MINE_SOON_SECONDS)],
    ],
    ready: (message) => bitcoindReady.parse(message),
  });
  return { kind: "core", url: `http://${LOOPBACK}:${port}/`, cookie };
}

/** The coins of a piñata are on one chain: it cannot be watched on another. */
function requireSameChain(options: StartOptions, dir: StateDir): void {
  if (options.bitcoind && existsSync(dir.chain)) {
    throw new CommandError(
      `the piñata in ${dir.path} hangs on the development chain: add --new, or choose another --dir`,
    );
  }
  if (!options.bitcoind && existsSync(dir.bitcoind)) {
    throw new CommandError(
      `the piñata in ${dir.path} hangs on bitcoind: add --bitcoind or --new, or choose another --dir`,
    );
  }
}

/** Puts the piñata's coins in, once in its life: a smashed piñata stays smashed. */
async function hangCoins(piñata: PublicFile, state: Running, dir: StateDir): Promise<void> {
  if (existsSync(dir.filled)) return;
  await chainAt(state.chain).fund(piñata.address, PRACTICE_SATS);
  writeFileSync(dir.filled, `${new Date().toISOString()}\n`);
}

/** Every address of this machine: the page then names the doors by the machine's own name, for those who come from elsewhere. */
function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Where the doors listen: for localhost both loopback addresses, as far as this machine has them. */
function doorHosts(host: string): string[] {
  if (host !== "localhost") return [host];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? []);
  return own.includes("::1") ? [LOOPBACK, "::1"] : [LOOPBACK];
}

function wantedPorts(options: StartOptions): WantedPort[] {
  const doors = doorHosts(options.host);
  const page = options.host === "localhost" ? LOOPBACK : options.host;
  return [
    { option: "--web-port", port: options.webPort, host: page },
    { option: "--monitor-port", port: options.monitorPort, host: LOOPBACK },
    { option: "--chain-port", port: options.chainPort, host: LOOPBACK },
    ...doors.flatMap((host) => [
      { option: "--server-port", port: options.serverPort, host },
      { option: "--dialback-port", port: options.dialbackPort, host },
      { option: "--client-port", port: options.clientPort, host },
    ]),
  ];
}
