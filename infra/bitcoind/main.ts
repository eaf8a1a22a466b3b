/**
 * Keeps a bitcoind in regtest mode for `pinata start --bitcoind`: starts the one on the PATH in a folder of its own, mines a block
 * every so often and soon after a transaction, and stops it cleanly. Tells its parent over IPC when RPC answers.
 *
 * Flags: --dir DIR (data), --port N (RPC; 0 takes a free one), --block-seconds N, --mine-soon N.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { newWallet } from "../bitcoin/wallet.ts";
import { CommandError, UsageError } from "../cli/errors.ts";
import { BitcoindRpc, RpcError } from "./rpc.ts";

const seconds = z.coerce.number().int().min(1).max(86_400);
const flags = z.object({
  dir: z.string("--dir DIR is missing"),
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  "block-seconds": seconds.default(30),
  "mine-soon": seconds.default(4),
});

/** How long a regtest node may take to answer: a first start on a slow disk. */
const START_MILLIS = 60_000;
const STOP_MILLIS = 20_000;
/** RPC_IN_WARMUP. */
const WARMING_UP = -28;

async function main(): Promise<void> {
  const options = readFlags();
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const port = options.port === 0 ? await freePort() : options.port;
  const cookie = join(dir, "regtest", ".cookie");
  const node = spawn(
    "bitcoind",
    [
      ...["-regtest", "-server", `-datadir=${dir}`, "-listen=0", "-dnsseed=0", "-disablewallet", "-printtoconsole=1"],
      ...[`-rpcport=${port}`, "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-debuglogfile=0"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = watch(node);
  const rpc = new BitcoindRpc(`http://127.0.0.1:${port}/`, cookie);
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await stopNode(
      node,
      rpc,
      ended.then(() => {}),
    );
    process.exit(0);
  };
  process.on("SIGINT", () => void stop());
  process.on("SIGTERM", () => void stop());
  process.on("disconnect", () => void stop());
  void ended.then((words) => {
    if (!stopping) fail(new CommandError(`bitcoind ended: ${words}`));
  });
  await untilReady(rpc);
  mine(rpc, options["block-seconds"] * 1000, options["mine-soon"] * 1000);
  process.send?.({ ready: true, port, cookie });
}

/** Resolves with the node's last words when it has ended. */
function watch(node: ChildProcess): Promise<string> {
  let words = "";
  const hear = (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2_000);
  };
  node.stdout?.on("data", hear);
  node.stderr?.on("data", hear);
  return new Promise((resolve) => {
    node.once("error", (error) => resolve(error.message));
    node.once("close", (code, signal) => resolve(words.trim().split("\n").at(-1) || String(signal ?? `exit ${code}`)));
  });
}

async function untilReady(rpc: BitcoindRpc): Promise<void> {
  const start = Date.now();
  for (;;) {
    try {
      await rpc.call("getblockchaininfo", [], z.object({ chain: z.literal("regtest") }));
      return;
    } catch (error) {
      const warming = !(error instanceof RpcError) || error.code === WARMING_UP;
      if (!warming || Date.now() - start > START_MILLIS) throw error;
    }
    await pause(100);
  }
}

/** A block at each interval, and one soon after a transaction has come into the mempool. To nobody: a new key each start. */
function mine(rpc: BitcoindRpc, every: number, soon: number): void {
  const { address } = newWallet("regtest");
  let last = Date.now();
  let waitingSince: number | undefined;
  const look = async () => {
    try {
      const { size } = await rpc.call("getmempoolinfo", [], z.object({ size: z.number() }));
      waitingSince = size === 0 ? undefined : (waitingSince ?? Date.now());
      const due = Date.now() - last >= every || (waitingSince !== undefined && Date.now() - waitingSince >= soon);
      if (due) {
        await rpc.call("generatetoaddress", [1, address], z.array(z.string()));
        last = Date.now();
        waitingSince = undefined;
      }
    } catch (error) {
      process.stderr.write(`bitcoind (regtest): ${(error as Error).message}\n`);
    }
    setTimeout(look, 500);
  };
  void look();
}

/** Asks the node to stop, then tells it to, then ends it. */
async function stopNode(node: ChildProcess, rpc: BitcoindRpc, ended: Promise<void>): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null || node.pid === undefined) return;
  await rpc.call("stop", [], z.string()).catch(() => node.kill("SIGTERM"));
  const timer = setTimeout(() => node.kill("SIGKILL"), STOP_MILLIS);
  await ended;
  clearTimeout(timer);
}

function readFlags(): z.infer<typeof flags> {
  const names = Object.keys(flags.shape);
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    });
    return flags.parse(values);
  } catch (error) {
    throw new UsageError(
      error instanceof z.ZodError
        ? error.issues.map(({ message }) => message).join("; ")
        : String((error as Error).message),
    );
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

function fail(error: unknown): never {
  const known = error instanceof UsageError || error instanceof CommandError;
  process.stderr.write(`bitcoind (regtest): ${known ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exit(known ? error.exitCode : 1);
}

main().catch(fail);
