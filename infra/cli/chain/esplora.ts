/** A chain over the Esplora HTTP API: a public server, or the development chain, which adds funding and mining on demand. */
import { z } from "zod";
import { CommandError } from "../errors.ts";
import type { Chain, Utxo } from "./chain.ts";

const utxo = z.object({
  txid: z.string().regex(/^[0-9a-f]{64}$/),
  vout: z.number().int().nonnegative(),
  value: z.number().int().positive(),
});

const PATIENCE_MILLIS = 10_000;
const MOST_BYTES = 1_000_000;

export class EsploraChain implements Chain {
  /** `base`: the API's URL, with or without a slash at the end. */
  constructor(private readonly base: string) {}

  async utxos(address: string): Promise<Utxo[]> {
    return this.parse(z.array(utxo), await this.request(`/address/${encodeURIComponent(address)}/utxo`));
  }

  async broadcast(hex: string): Promise<string> {
    const txid = (await this.request("/tx", { method: "POST", body: hex })).trim();
    if (!/^[0-9a-f]{64}$/.test(txid))
      throw new CommandError(`${this.base} answered a broadcast with ${txid.slice(0, 80)}`);
    return txid;
  }

  /** Development chain only: out of the chain's own wallet, and in a block at once. */
  async fund(address: string, sats: number): Promise<void> {
    if (await this.everUsed(address)) return;
    await this.control("/dev/fund", { address, sats });
    await this.control("/dev/mine", { blocks: 1 });
  }

  private async everUsed(address: string): Promise<boolean> {
    const stats = z.object({ tx_count: z.number().int() });
    const schema = z.object({ chain_stats: stats, mempool_stats: stats });
    const { chain_stats, mempool_stats } = this.parse(
      schema,
      await this.request(`/address/${encodeURIComponent(address)}`),
    );
    return chain_stats.tx_count + mempool_stats.tx_count > 0;
  }

  private control(path: string, body: object): Promise<string> {
    return this.request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  private parse<T>(schema: z.ZodType<T>, text: string): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      throw new CommandError(`${this.base} does not answer like an Esplora API: ${text.slice(0, 80)}`);
    }
  }

  private async request(path: string, init: RequestInit = {}): Promise<string> {
    const url = `${this.base.replace(/\/$/, "")}${path}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MILLIS) });
      text = await response.text();
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      throw new CommandError(`cannot reach the chain at ${url}: ${cause ?? (error as Error).message}`);
    }
    if (text.length > MOST_BYTES) throw new CommandError(`${url} answered with more than ${MOST_BYTES} bytes`);
    if (!response.ok) throw new CommandError(`the chain refused ${path}: ${text.slice(0, 300)}`);
    return text;
  }
}
