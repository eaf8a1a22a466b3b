/** A development chain with an Electrum server whose faults a test may set, sources that ask it, and a watch over them. */
import { join } from "node:path";
import type { Transaction } from "bitcoinjs-lib";
import type { Faults } from "../../../infra/devchain/electrum/faults.ts";
import { ElectrumServer, type ElectrumOptions as ServerOptions } from "../../../infra/devchain/electrum/server.ts";
import { DevNode } from "../../../infra/devchain/node.ts";
import { NETWORKS } from "../../../monitor/proofs/header.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { type ElectrumOptions, ElectrumSource } from "../../../monitor/sources/electrum/electrum-source.ts";
import { breach, PAID, PUBLIC } from "./bounty.ts";
import { Rig, temporaryFolder } from "./rig.ts";
import { waitFor } from "./wait.ts";

export const TARGET = { script: PAID.script, address: PUBLIC.address };

export interface Coin {
  transaction: Transaction;
  txid: string;
  vout: number;
}

export class ElectrumBench {
  readonly node: DevNode;
  /** Methods asked for, in order. */
  asked: string[] = [];
  #server!: ElectrumServer;
  readonly #folder = temporaryFolder();
  readonly #sources: ElectrumSource[] = [];

  private constructor() {
    this.node = new DevNode({ dir: join(this.#folder.path, "chain"), blockSeconds: 0, log: () => {} });
  }

  static async start(options: Partial<ServerOptions> = {}): Promise<ElectrumBench> {
    const bench = new ElectrumBench();
    bench.#server = await ElectrumServer.start(bench.node, {
      port: 0,
      asked: (method) => void bench.asked.push(method),
      ...options,
    });
    return bench;
  }

  get server(): ElectrumServer {
    return this.#server;
  }

  get faults(): Faults {
    return this.#server.faults;
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.#server.port}`;
  }

  /** Ended with the bench. */
  source(options: Partial<ElectrumOptions> = {}): ElectrumSource {
    const source = new ElectrumSource({ url: this.url, rules: NETWORKS.regtest, timeout: 20_000, ...options });
    this.#sources.push(source);
    return source;
  }

  /** Pays the piñata, unconfirmed. */
  fund(sats = 1_000_000n): Coin {
    const txid = this.node.fund(PAID.script, sats);
    const transaction = parseTransaction(this.node.chain.find(txid)!.tx.raw).parsed;
    const vout = transaction.outs.findIndex(({ script }) => Buffer.compare(script, PAID.script) === 0);
    return { transaction, txid, vout };
  }

  /** Takes the coin with the piñata's key; the fee makes it a replacement or not. */
  take(coin: Coin, fee = 1_000n): string {
    return this.node.submitTransaction(breach({ from: [coin], fee }).toBuffer()).entry.tx.txid;
  }

  async stop(): Promise<void> {
    for (const source of this.#sources) source.close();
    await this.#server.close();
    this.node.close();
    this.#folder.remove();
  }
}

/** What a test ends with, last things first. */
type Stop = (() => unknown)[];

/** A chain with one coin in a block, and a watch that has seen it. */
export async function hanging(stop: Stop, timeout = 20_000): Promise<{ bench: ElectrumBench; rig: Rig; coin: Coin }> {
  const bench = await ElectrumBench.start();
  stop.push(() => bench.stop());
  const coin = bench.fund(25_000_000n);
  bench.node.mine(1);
  const rig = await watching(stop, bench.source({ timeout }));
  await until(rig, "sealed, funded 1");
  await untilProblem(rig, null);
  return { bench, rig, coin };
}

export async function watching(stop: Stop, ...sources: ConstructorParameters<typeof Rig>): Promise<Rig> {
  const rig = await new Rig(...sources).start();
  stop.push(async () => {
    await rig.stop();
    rig.folder.remove();
  });
  return rig;
}

export const now = (rig: Rig): string => [rig.verdict, ...rig.coins].join(", ");
/** Rounds until it is so; the sockets are real, and the watch's clock does not know of them. */
export const until = (rig: Rig, what: string) =>
  waitFor(what, async () => {
    await rig.round();
    return now(rig) === what;
  });
export const untilProblem = (rig: Rig, what: RegExp | null) =>
  waitFor(`problem ${what}`, async () => {
    await rig.round();
    const problem = rig.problem();
    return what === null ? problem === null : problem !== null && what.test(problem);
  });
