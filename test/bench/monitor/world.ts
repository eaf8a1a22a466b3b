/**
 * What the monitor runs in while it is measured: the development chain as a process with Core's JSON-RPC and ZMQ, the monitor
 * as a process of its own, and a webhook receiver in this one. Everything started here is ended by `stop`, and nothing else.
 */
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Transaction } from "bitcoinjs-lib";
import { z } from "zod";
import { alertBody } from "../../../monitor/alerts/kinds.ts";
import { type Status, status } from "../../../monitor/schema.ts";
import { Receiver } from "../../monitor/alerts/receiver.ts";
import { breach, PAID, PUBLIC } from "../../monitor/support/bounty.ts";
import { temporaryFolder } from "../../monitor/support/rig.ts";
import { waitFor } from "../../monitor/support/wait.ts";

export interface Coin {
  transaction: Transaction;
  vout: number;
}

/** Of a webhook about a breach: whose coin, and when the request was read whole (performance.now). */
export interface Alarm {
  outpoint: string;
  at: number;
}

const ready = z.object({ ready: z.literal(true), port: z.number(), zmq: z.string().optional() });
const rpcReply = z.object({ result: z.unknown(), error: z.object({ message: z.string() }).nullable() });
const here = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
/** Milliseconds for what is slow on a busy machine. */
const PATIENCE = 600_000;
const COIN_SATS = 100_000;
/** Unconfirmed transactions in a row that a node takes are 25. */
const FUNDINGS_PER_BLOCK = 20;
const MINED_PER_CALL = 2_000;

export class World {
  readonly folder = temporaryFolder();
  readonly receiver = new Receiver();
  readonly alarms: Alarm[] = [];
  #chain: { child: ChildProcess; url: string; zmq?: string } | undefined;
  #flags: string[] = [];

  /** `flags`: of the development chain, such as --zmq-port 0. */
  static async start(...flags: string[]): Promise<World> {
    const world = new World();
    world.receiver.behaviour = (_response, { body }) => {
      const at = performance.now();
      const { kind, phase, coin } = alertBody.parse(JSON.parse(body));
      if (kind === "breach" && phase === "raised" && coin) world.alarms.push({ outpoint: coin.outpoint, at });
      return false;
    };
    await world.receiver.start();
    try {
      await world.chain(...flags);
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  get zmq(): string | undefined {
    return this.#chain?.zmq;
  }

  /** Starts the chain, or starts it anew with other flags. */
  async chain(...flags: string[]): Promise<void> {
    if (this.#chain) await end(this.#chain.child);
    this.#flags = flags;
    const args = ["--dir", join(this.folder.path, "chain"), "--port", "0", "--block-seconds", "0", ...this.#flags];
    const { child, port, zmq } = await launch("infra/devchain/main.ts", args);
    this.#chain = { child, url: `http://127.0.0.1:${port}`, ...(zmq === undefined ? {} : { zmq }) };
  }

  /** Of the node's JSON-RPC. */
  get rpcUrl(): string {
    return `${this.#chain!.url}/rpc`;
  }

  /** `store`: a file name; the same one again is a restart. `host`: of a JSON-RPC in front of the node's. */
  monitor(store: string, { pollSeconds = 1, flags = [] as string[], host = "" } = {}): Promise<Monitor> {
    const { path } = this.folder;
    const files = { public: join(path, "public.json"), config: join(path, "monitor.json") };
    const hook = { type: "webhook", url: `${this.receiver.url}/`, secret: "sixteen characters and more" };
    writeFileSync(files.public, JSON.stringify(PUBLIC));
    writeFileSync(files.config, JSON.stringify({ alerts: { channels: { hook } } }));
    const node = host || new URL(this.#chain!.url).host;
    return Monitor.start([
      ...["--public", files.public, "--config", files.config, "--store", join(path, store), "--port", "0"],
      ...["--source", `core:http://any:one@${node}/rpc`, "--poll-seconds", String(pollSeconds), ...flags],
    ]);
  }

  async rpc<T>(method: string, params: unknown[], schema: z.ZodType<T>): Promise<T> {
    const answer = await post(this.rpcUrl, { id: 1, method, params });
    const { result, error } = rpcReply.parse(await answer.json());
    if (error) throw new Error(`${method}: ${error.message}`);
    return schema.parse(result);
  }

  async mine(blocks: number): Promise<void> {
    for (let left = blocks; left > 0; left -= MINED_PER_CALL) {
      const answer = await post(`${this.#chain!.url}/dev/mine`, { blocks: Math.min(left, MINED_PER_CALL) });
      if (!answer.ok) throw new Error(`mining: ${await answer.text()}`);
    }
  }

  /** Confirmed coins of the piñata. */
  async fund(count: number): Promise<Coin[]> {
    const coins: Coin[] = [];
    while (coins.length < count) {
      const answer = await post(`${this.#chain!.url}/dev/fund`, { address: PUBLIC.address, sats: COIN_SATS });
      if (!answer.ok) throw new Error(`funding: ${await answer.text()}`);
      const { txid } = z.object({ txid: z.string() }).parse(await answer.json());
      const transaction = Transaction.fromHex(await this.rpc("getrawtransaction", [txid, 0], z.string()));
      const vout = transaction.outs.findIndex(({ script }) => Buffer.from(script).equals(Buffer.from(PAID.script)));
      coins.push({ transaction, vout });
      if (coins.length % FUNDINGS_PER_BLOCK === 0 || coins.length === count) await this.mine(1);
    }
    return coins;
  }

  /** Takes a coin by its key; the answer names the spend. */
  take(coin: Coin): Promise<string> {
    return this.rpc("sendrawtransaction", [breach({ from: [coin] }).toHex()], z.string());
  }

  alarm(coin: Coin): Promise<Alarm> {
    const wanted = `${coin.transaction.getId()}:${coin.vout}`;
    return waitFor(
      `the alarm about ${wanted}`,
      () => this.alarms.find(({ outpoint }) => outpoint === wanted),
      PATIENCE,
    );
  }

  async stop(): Promise<void> {
    if (this.#chain) await end(this.#chain.child);
    await this.receiver.stop();
    this.folder.remove();
  }
}

export class Monitor {
  /** Before the process was there. */
  readonly begun: { clock: number; wall: number };
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, port: number, begun: { clock: number; wall: number }) {
    this.#child = child;
    this.#url = `http://127.0.0.1:${port}`;
    this.begun = begun;
  }

  static async start(args: string[]): Promise<Monitor> {
    const begun = { clock: performance.now(), wall: Date.now() };
    const { child, port } = await launch("monitor/main.ts", args);
    return new Monitor(child, port, begun);
  }

  async status(): Promise<Status> {
    return status.parse(await (await fetch(`${this.#url}/v1/status`)).json());
  }

  /** Milliseconds from the process's start until a status is as wanted. */
  async until(what: string, wanted: (status: Status) => boolean): Promise<number> {
    await waitFor(what, async () => wanted(await this.status()), PATIENCE);
    return performance.now() - this.begun.clock;
  }

  /** Until this process itself, not the one before, has checked all coins. */
  checked(coins: number, height?: number): Promise<number> {
    return this.until(`a verdict about ${coins} coins`, ({ checked, coins: known, tip, sources }) => {
      const isNew = checked !== null && checked >= this.begun.wall && sources.every(({ healthy }) => healthy);
      return isNew && known.length === coins && (height === undefined || tip?.height === height);
    });
  }

  /** Bytes of memory resident, as the monitor's own metrics tell. */
  async resident(): Promise<number> {
    const text = await (await fetch(`${this.#url}/metrics`)).text();
    const found = /^\w*process_resident_memory_bytes (\S+)$/m.exec(text)?.[1];
    if (found === undefined) throw new Error("the monitor's metrics do not tell its memory");
    return Number(found);
  }

  stop(): Promise<void> {
    return end(this.#child);
  }
}

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function launch(path: string, args: string[]): Promise<z.infer<typeof ready> & { child: ChildProcess }> {
  const child = fork(here(path), args, { execArgv: ["--import", "tsx"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve({ child, ...ready.parse(message) }));
    child.once("exit", (code) => reject(new Error(`${path} ended with ${code}: ${said.trim()}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  await ended;
}
