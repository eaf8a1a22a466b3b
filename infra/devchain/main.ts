/**
 * The development chain as a process: `node --import tsx infra/devchain/main.ts --dir DIR [--port N] [--electrum-port N] [--block-seconds N]`. Tells a parent over
 * IPC when it is ready, and ends cleanly on SIGINT, SIGTERM or when the parent is gone. Logs to standard error.
 */

import { realpathSync } from "node:fs";
import type { Server } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serve } from "@hono/node-server";
import { z } from "zod";
import { CommandError, UsageError } from "../cli/errors.ts";
import { StoreError } from "./block-store.ts";
import { ElectrumServer } from "./electrum/server.ts";
import type { Replacement } from "./mempool.ts";
import { DevNode } from "./node.ts";
import type { RpcOptions } from "./rpc-params.ts";
import { createServer } from "./server.ts";

export interface DevchainOptions {
  dir: string;
  /** 0: any that is free. */
  port: number;
  host?: string;
  /** Serves the Electrum protocol too; 0: on any port that is free. */
  electrumPort?: number;
  /** Seconds between blocks; 0: only on demand. */
  blockSeconds?: number;
  mineSoonSeconds?: number;
  replacement?: Replacement;
  rpc?: RpcOptions;
  log?(line: string): void;
  /** The disk has failed; by default nothing more happens than that requests are refused. */
  onFailure?(error: StoreError): void;
  onReady?(devchain: Devchain): void;
}

export interface Devchain {
  node: DevNode;
  port: number;
  electrum?: ElectrumServer;
  /** http://host:port, without a slash at the end. */
  url: string;
  close(): Promise<void>;
}

export const DEFAULT_PORT = 8082;
const DEFAULT_BLOCK_SECONDS = 30;
const HELP = `Runs a regtest chain for development. Its coins are worth nothing.

  --dir DIR           where the chain is kept; made when it is not there
  --port N            HTTP port on 127.0.0.1 (default ${DEFAULT_PORT}; 0: any)
  --electrum-port N   also the Electrum protocol, by TCP on 127.0.0.1 (0: any)
  --block-seconds N   a block this often (default ${DEFAULT_BLOCK_SECONDS}; 0: only on demand)
  --mine-soon N       also a block N seconds after a transaction has come
`;

/** Starts node and server. Throws {@link CommandError} for a busy port or directory, StoreError for files that are not right. */
export async function runDevchain(options: DevchainOptions): Promise<Devchain> {
  const host = options.host ?? "127.0.0.1";
  const print = options.log ?? ((line: string) => process.stderr.write(`${line}\n`));
  const log = (line: string) => print(`development chain (regtest, worthless coins): ${line}`);
  const node = new DevNode({
    dir: options.dir,
    blockSeconds: options.blockSeconds ?? DEFAULT_BLOCK_SECONDS,
    log,
    ...(options.mineSoonSeconds === undefined ? {} : { mineSoonSeconds: options.mineSoonSeconds }),
    ...(options.replacement ? { replacement: options.replacement } : {}),
    fail: (error) => {
      log(`cannot write: ${error.message}`);
      options.onFailure?.(error);
    },
  });
  const app = createServer(node, { log, ...(options.rpc ? { rpc: options.rpc } : {}) });
  let server: Server;
  let electrum: ElectrumServer | undefined;
  try {
    electrum = await serveElectrum(node, host, options.electrumPort, log);
    server = await listen(app.fetch, host, options.port);
  } catch (error) {
    await electrum?.close();
    node.close();
    throw error;
  }
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : options.port;
  node.start();
  const devchain: Devchain = {
    node,
    port,
    ...(electrum ? { electrum } : {}),
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, electrum?.close()]);
      node.close();
    },
  };
  log(`ready on ${devchain.url}, height ${node.chain.height}`);
  if (electrum) log(`Electrum protocol on tcp://${host}:${electrum.port}`);
  options.onReady?.(devchain);
  return devchain;
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  hostname: string,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port }, () => resolve(server as Server)) as Server;
    server.once("error", (error) => reject(new CommandError(whyNot(error, hostname, port, "--port"))));
  });
}

async function serveElectrum(
  node: DevNode,
  host: string,
  port: number | undefined,
  log: (line: string) => void,
): Promise<ElectrumServer | undefined> {
  if (port === undefined) return undefined;
  try {
    return await ElectrumServer.start(node, { host, port, log });
  } catch (error) {
    throw new CommandError(whyNot(error as NodeJS.ErrnoException, host, port, "--electrum-port"));
  }
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number, flag: string): string {
  if (error.code === "EADDRINUSE") return `port ${port} is in use: choose another with ${flag}`;
  if (error.code === "EACCES") return `port ${port} needs more rights: choose one above 1023 with ${flag}`;
  return `cannot listen on ${host} port ${port}: ${error.message}`;
}

const whole = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `--${name} takes a whole number`)
    .transform(Number)
    .pipe(z.number().min(min, `--${name} is at least ${min}`).max(max, `--${name} is at most ${max}`));

const flags = z.object({
  dir: z.string("--dir DIR is missing").min(1, "--dir DIR is missing"),
  port: whole("port", 0, 65_535).default(DEFAULT_PORT),
  "electrum-port": whole("electrum-port", 0, 65_535).optional(),
  "block-seconds": whole("block-seconds", 0, 86_400).default(DEFAULT_BLOCK_SECONDS),
  "mine-soon": whole("mine-soon", 0, 86_400).optional(),
});

function readFlags(): z.infer<typeof flags> | "help" {
  let values: Record<string, unknown>;
  try {
    const text = { type: "string" } as const;
    const options = {
      dir: text,
      port: text,
      "electrum-port": text,
      "block-seconds": text,
      "mine-soon": text,
      help: { type: "boolean" },
    } as const;
    values = parseArgs({ options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\s*\n\s*/g, " "));
  }
  if (values.help) return "help";
  const result = flags.safeParse(values);
  if (result.success) return result.data;
  throw new UsageError(result.error.issues.map(({ message }) => message).join("; "));
}

async function main(): Promise<void> {
  const options = readFlags();
  if (options === "help") return void process.stdout.write(HELP);
  let devchain: Devchain | undefined;
  let stopping = false;
  const stop = (code: number) => {
    if (stopping) return;
    stopping = true;
    void (devchain?.close() ?? Promise.resolve()).then(() => process.exit(code));
  };
  process.on("SIGINT", () => stop(0));
  process.on("SIGTERM", () => stop(0));
  process.on("disconnect", () => stop(0));
  devchain = await runDevchain({
    dir: options.dir,
    port: options.port,
    blockSeconds: options["block-seconds"],
    ...(options["electrum-port"] === undefined ? {} : { electrumPort: options["electrum-port"] }),
    ...(options["mine-soon"] === undefined ? {} : { mineSoonSeconds: options["mine-soon"] }),
    onFailure: () => stop(1),
  });
  const { port, electrum } = devchain;
  process.send?.({ ready: true, port, ...(electrum ? { electrumPort: electrum.port } : {}) });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    const known = error instanceof UsageError || error instanceof CommandError || error instanceof StoreError;
    process.stderr.write(`development chain: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
    process.exit(error instanceof UsageError ? error.exitCode : 1);
  });
}
