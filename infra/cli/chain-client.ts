/** The little that the commands need of a chain, over the Esplora HTTP API: unspent outputs, the tip, and broadcasting. */
import { z } from "zod";
import { CommandError } from "./errors.ts";

const utxo = z.object({
  txid: z.string().regex(/^[0-9a-f]{64}$/),
  vout: z.number().int().nonnegative(),
  value: z.number().int().positive(),
});
export type Utxo = z.infer<typeof utxo>;

const PATIENCE_MILLIS = 10_000;
const MOST_BYTES = 1_000_000;

export class ChainClient {
  /** `base`: the API's URL, with or without a slash at the end. */
  constructor(private readonly base: string) {}

  /** Unspent outputs of an address, those in the mempool included; spent ones are left out also when the spend is unconfirmed. */
  async utxos(address: string): Promise<Utxo[]> {
    return this.parse(z.array(utxo), await this.request(`/address/${encodeURIComponent(address)}/utxo`));
  }

  /** How many transactions have touched an address, mempool included. */
  async transactionCount(address: string): Promise<number> {
    const stats = z.object({ tx_count: z.number().int() });
    const schema = z.object({ chain_stats: stats, mempool_stats: stats });
    const { chain_stats, mempool_stats } = this.parse(
      schema,
      await this.request(`/address/${encodeURIComponent(address)}`),
    );
    return chain_stats.tx_count + mempool_stats.tx_count;
  }

  /** Sends a raw transaction; returns its txid. Throws a CommandError with the node's reason when it is refused. */
  async broadcast(hex: string): Promise<string> {
    const txid = (await this.request("/tx", { method: "POST", body: hex })).trim();
    if (!/^[0-9a-f]{64}$/.test(txid))
      throw new CommandError(`${this.base} answered a broadcast with ${txid.slice(0, 80)}`);
    return txid;
  }

  /** Development chain only: pays `sats` to `address` out of the chain's own wallet. */
  async fund(address: string, sats: number): Promise<void> {
    await this.control("/dev/fund", { address, sats });
  }

  /** Development chain only: mines `blocks` blocks now. */
  async mine(blocks: number): Promise<void> {
    await this.control("/dev/mine", { blocks });
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
