/**
 * The development chain as a process: `node --import tsx infra/devchain/main.ts --dir DIR [--port N] [--electrum-port N] [--zmq-port N] [--block-seconds N]`. Tells a parent over
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
import { EsploraFaults } from "./esplora-faults.ts";
import type { Replacement } from "./mempool.ts";
import { DevNode } from "./node.ts";
import { RpcFaults } from "./rpc-faults.ts";
import type { RpcOptions } from "./rpc-params.ts";
import { createServer } from "./server.ts";
import { PushServer } from "./websocket.ts";
import { ZmqPublisher } from "./zmq.ts";

export interface DevchainOptions {
  dir: string;
  /** 0: any that is free. */
  port: number;
  host?: string;
  /** Serves the Electrum protocol too; 0: on any port that is free. */
  electrumPort?: number;
  /** Publishes Core's ZMQ notifications too; 0: on any port that is free. */
  zmqPort?: number;
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
  zmq?: ZmqPublisher;
  /** Of the JSON-RPC. */
  faults: RpcFaults;
  /** Of the Esplora API and its push channel. */
  esplora: EsploraFaults;
  push: PushServer;
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
  --zmq-port N        also Bitcoin Core's ZMQ notifications on 127.0.0.1 (0: any)
  --txindex           Core's JSON-RPC finds confirmed transactions without their block
  --txospenderindex   it tells who spent an output in a block
  --blockfilterindex  it can scan block filters
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
  let server: Server;
  let electrum: ElectrumServer | undefined;
  let zmq: ZmqPublisher | undefined;
  const faults = options.rpc?.faults ?? new RpcFaults();
  const esplora = new EsploraFaults();
  const push = new PushServer(node, esplora.push);
  try {
    electrum = await serveElectrum(node, host, options.electrumPort, log);
    zmq = await serveZmq(node, host, options.zmqPort);
    const notifications = zmq ? { notifications: zmq.notifications } : {};
    const faulty = {
      core: faults,
      esplora,
      ...(zmq ? { zmq } : {}),
      ...(electrum ? { electrum: electrum.faults } : {}),
    };
    const app = createServer(node, { log, rpc: { ...options.rpc, ...notifications }, faulty, esplora });
    server = await listen(app.fetch, host, options.port);
    push.attach(server);
  } catch (error) {
    await electrum?.close();
    await zmq?.close();
    push.close();
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
    ...(zmq ? { zmq } : {}),
    faults,
    esplora,
    push,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: async () => {
      push.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, electrum?.close(), zmq?.close()]);
      node.close();
    },
  };
  log(`ready on ${devchain.url}, height ${node.chain.height}`);
  if (electrum) log(`Electrum protocol on tcp://${host}:${electrum.port}`);
  if (zmq) log(`ZMQ notifications on ${zmq.endpoint}`);
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

async function serveZmq(node: DevNode, host: string, port: number | undefined): Promise<ZmqPublisher | undefined> {
  if (port === undefined) return undefined;
  try {
    return await ZmqPublisher.start(node, { host, port });
  } catch (error) {
    throw new CommandError(whyNot(error as NodeJS.ErrnoException, host, port, "--zmq-port"));
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
  "zmq-port": whole("zmq-port", 0, 65_535).optional(),
  txindex: z.boolean().default(false),
  txospenderindex: z.boolean().default(false),
  blockfilterindex: z.boolean().default(false),
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
      "zmq-port": text,
      txindex: { type: "boolean" },
      txospenderindex: { type: "boolean" },
      blockfilterindex: { type: "boolean" },
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
    ...(options["zmq-port"] === undefined ? {} : { zmqPort: options["zmq-port"] }),
    rpc: {
      txindex: options.txindex,
      txospenderindex: options.txospenderindex,
      blockfilterindex: options.blockfilterindex,
    },
    ...(options["mine-soon"] === undefined ? {} : { mineSoonSeconds: options["mine-soon"] }),
    onFailure: () => stop(1),
  });
  const { port, electrum, zmq } = devchain;
  const more = { ...(electrum ? { electrumPort: electrum.port } : {}), ...(zmq ? { zmq: zmq.endpoint } : {}) };
  process.send?.({ ready: true, port, ...more });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    const known = error instanceof UsageError || error instanceof CommandError || error instanceof StoreError;
    process.stderr.write(`development chain: ${known ? error.message : ((error as Error).stack ?? String(error))}\n`);
    process.exit(error instanceof UsageError ? error.exitCode : 1);
  });
}
