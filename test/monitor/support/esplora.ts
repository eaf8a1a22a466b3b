/** A development chain as an Esplora server with the push channel, whose faults a test may set, and sources that ask it. */
import { join } from "node:path";
import type { EsploraFaults } from "../../../infra/devchain/esplora-faults.ts";
import { type Devchain, runDevchain } from "../../../infra/devchain/main.ts";
import type { DevNode } from "../../../infra/devchain/node.ts";
import { parseTransaction } from "../../../monitor/proofs/transaction.ts";
import { type EsploraOptions, EsploraSource } from "../../../monitor/sources/esplora.ts";
import { breach, PAID, PUBLIC } from "./bounty.ts";
import type { Coin } from "./electrum.ts";
import { temporaryFolder } from "./rig.ts";

export const TARGET = { script: PAID.script, address: PUBLIC.address };

export class EsploraBench {
  readonly #devchain: Devchain;
  readonly #folder: ReturnType<typeof temporaryFolder>;
  readonly #sources: EsploraSource[] = [];

  private constructor(devchain: Devchain, folder: ReturnType<typeof temporaryFolder>) {
    this.#devchain = devchain;
    this.#folder = folder;
  }

  static async start(): Promise<EsploraBench> {
    const folder = temporaryFolder();
    const dir = join(folder.path, "chain");
    return new EsploraBench(await runDevchain({ dir, port: 0, blockSeconds: 0, log: () => {} }), folder);
  }

  get node(): DevNode {
    return this.#devchain.node;
  }

  get faults(): EsploraFaults {
    return this.#devchain.esplora;
  }

  get push() {
    return this.#devchain.push;
  }

  get url(): string {
    return this.#devchain.url;
  }

  /** Paths asked for since the last call. */
  asked(): string[] {
    return this.faults.asked.splice(0);
  }

  /** Ended with the bench. `settings`: what follows the # of its address. */
  source({ settings = "", ...options }: Partial<EsploraOptions> & { settings?: string } = {}): EsploraSource {
    const url = `${this.url}${settings === "" ? "" : `#${settings}`}`;
    const source = new EsploraSource({ url, timeout: 20_000, random: () => 0, ...options });
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
    await this.#devchain.close();
    this.#folder.remove();
  }
}
