/**
 * Keeps a bitcoind in regtest mode for `pinata start --bitcoind`: starts the one on the PATH in a folder of its own, mines a block
 * every so often and soon after a transaction, and stops it cleanly. Tells its parent over IPC when RPC answers; ends
 * with its last words when the node does. Where this process was killed outright, the next one on that port ends the node it left.
 *
 * Flags: --dir DIR (data), --port N (RPC; 0 takes a free one), --block-seconds N, --mine-soon N.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
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
/** From being asked to stop until it is told, and until it is ended: both sooner than who started us loses patience (5 s). */
const TELL_MILLIS = 2_000;
const END_MILLIS = 4_000;
/** How many free ports are tried when one was lost to another program meanwhile. */
const PORT_TRIES = 3;
/** What bitcoind ends with when it cannot have its RPC port. */
const PORT_TAKEN = /Unable to (start HTTP server|bind)/;
/** RPC_IN_WARMUP. */
const WARMING_UP = -28;

async function main(): Promise<void> {
  const options = readFlags();
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  for (let tries = options.port === 0 ? PORT_TRIES : 1; ; tries--) {
    const port = options.port === 0 ? await freePort() : options.port;
    const lost = await run(dir, port, options);
    // A free port may be somebody else's by the time the node wants it.
    if (tries === 1 || !PORT_TAKEN.test(lost)) {
      throw new CommandError(`bitcoind ended ${lost}`);
    }
  }
}

/** Runs a node until it ends before it answered; resolves with how it did. One that answered takes this process with it. */
async function run(dir: string, port: number, options: z.infer<typeof flags>): Promise<string> {
  const cookie = join(dir, "regtest", ".cookie");
  const url = `http://127.0.0.1:${port}/`;
  const control = new BitcoindRpc(url, cookie, TELL_MILLIS);
  await endLeftOver(control, cookie, join(dir, "regtest", "bitcoind.pid"));
  const node = spawn(
    "bitcoind",
    [
      ...["-regtest", "-server", `-datadir=${dir}`, "-listen=0", "-dnsseed=0", "-disablewallet", "-printtoconsole=1"],
      ...[`-rpcport=${port}`, "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-debuglogfile=0"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = watch(node);
  let stopping: Promise<unknown> | undefined;
  const stop = () => {
    stopping ??= stopNode(node, control, ended);
    return stopping;
  };
  const leave = () => void stop().then(() => process.exit(0));
  const farewells = ["SIGINT", "SIGTERM", "disconnect"] as const;
  for (const farewell of farewells) process.on(farewell, leave);
  const early = await Promise.race([ended, untilReady(control, node).catch((error: Error) => error)]);
  if (stopping !== undefined) return new Promise(() => {});
  if (typeof early === "string") {
    for (const farewell of farewells) process.off(farewell, leave);
    return early;
  }
  if (early !== undefined) {
    await stop();
    throw early;
  }
  void ended.then((words) => {
    if (stopping === undefined) fail(new CommandError(`bitcoind ended ${words}`));
  });
  mine(new BitcoindRpc(url, cookie), options["block-seconds"] * 1000, options["mine-soon"] * 1000);
  process.send?.({ ready: true, port, cookie });
  return new Promise(() => {});
}

/** Resolves when the node has ended, with how and its last words: of its errors, else of its log. */
function watch(node: ChildProcess): Promise<string> {
  const heard = { log: "", errors: "" };
  node.stdout?.on("data", (chunk: Buffer) => {
    heard.log = (heard.log + chunk.toString()).slice(-2_000);
  });
  node.stderr?.on("data", (chunk: Buffer) => {
    heard.errors = (heard.errors + chunk.toString()).slice(-2_000);
  });
  const words = () => (heard.errors.trim() || heard.log.trim()).split("\n").at(-1);
  return new Promise((resolve) => {
    node.on("error", (error) => resolve(`(it does not run): ${error.message}`));
    node.once("close", (code, signal) => resolve(`(${signal ?? `exit ${code}`}): ${words() || "without a word"}`));
  });
}

/** Ends the node of an earlier run that was killed before it could: two cannot share a folder. */
async function endLeftOver(control: BitcoindRpc, cookie: string, pidFile: string): Promise<void> {
  if (!existsSync(cookie)) return;
  try {
    await control.call("stop", [], z.string());
  } catch {
    // Nobody is there, or somebody who is not ours: bitcoind itself will say so when it cannot have the port or the folder.
    return;
  }
  process.stderr.write("bitcoind (regtest): ending the one that an earlier run left behind\n");
  // The last thing that a node removes when it ends.
  for (const start = Date.now(); existsSync(pidFile) && Date.now() - start < START_MILLIS; ) await pause(50);
}

/** Until it answers; throws when it is not what we want, or takes too long. */
async function untilReady(rpc: BitcoindRpc, node: ChildProcess): Promise<void> {
  const start = Date.now();
  let wrong: string | undefined;
  while (node.exitCode === null && node.signalCode === null) {
    try {
      const { chain } = await rpc.call("getblockchaininfo", [], z.object({ chain: z.string() }));
      if (chain === "regtest") return;
      wrong = chain;
    } catch (error) {
      const warming = !(error instanceof RpcError) || error.code === WARMING_UP;
      if (!warming || Date.now() - start > START_MILLIS) throw error;
    }
    if (wrong !== undefined) throw new CommandError(`bitcoind is on the chain "${wrong}", not on regtest`);
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
async function stopNode(node: ChildProcess, control: BitcoindRpc, ended: Promise<unknown>): Promise<void> {
  const tell = () => node.kill("SIGTERM");
  const timers = [setTimeout(tell, TELL_MILLIS), setTimeout(() => node.kill("SIGKILL"), END_MILLIS)];
  control.call("stop", [], z.string()).catch(tell);
  await ended;
  for (const timer of timers) clearTimeout(timer);
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
