/**
 * The development chain as a process: `node --import tsx infra/devchain/main.ts --dir DIR [--port N] [--block-seconds N]`. Tells a parent over
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
import type { Replacement } from "./mempool.ts";
import { DevNode } from "./node.ts";
import type { RpcOptions } from "./rpc-params.ts";
import { createServer } from "./server.ts";

export interface DevchainOptions {
  dir: string;
  /** 0: any that is free. */
  port: number;
  host?: string;
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
  /** http://host:port, without a slash at the end. */
  url: string;
  close(): Promise<void>;
}

export const DEFAULT_PORT = 8082;
const DEFAULT_BLOCK_SECONDS = 30;
const HELP = `Runs a regtest chain for development. Its coins are worth nothing.

  --dir DIR           where the chain is kept; made when it is not there
  --port N            HTTP port on 127.0.0.1 (default ${DEFAULT_PORT}; 0: any)
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
  try {
    server = await listen(app.fetch, host, options.port);
  } catch (error) {
    node.close();
    throw error;
  }
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : options.port;
  node.start();
  const devchain: Devchain = {
    node,
    port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          node.close();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  log(`ready on ${devchain.url}, height ${node.chain.height}`);
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
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reasons: Record<string, string> = {
        EADDRINUSE: `port ${port} is in use: choose another with --port`,
        EACCES: `port ${port} needs more rights: choose one above 1023 with --port`,
      };
      reject(
        new CommandError(reasons[error.code ?? ""] ?? `cannot listen on ${hostname} port ${port}: ${error.message}`),
      );
    });
  });
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
    ...(options["mine-soon"] === undefined ? {} : { mineSoonSeconds: options["mine-soon"] }),
    onFailure: () => stop(1),
  });
  process.send?.({ ready: true, port: devchain.port });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    const known = error instanceof UsageError || error instanceof CommandError || error instanceof StoreError;
    process.stderr.write(`development chain: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
    process.exit(error instanceof UsageError ? error.exitCode : 1);
  });
}
