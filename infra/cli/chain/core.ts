/**
 * A chain over Bitcoin Core's JSON-RPC, without wallet or index: unspent outputs by scanning the UTXO set, which is quick on the
 * regtest nodes that this is for.
 */
import { z } from "zod";
import { newWallet } from "../../bitcoin/wallet.ts";
import { type BitcoindRpc, RpcError } from "../../bitcoind/rpc.ts";
import { CommandError } from "../errors.ts";
import type { Chain, Utxo } from "./chain.ts";

const txid = z.string().regex(/^[0-9a-f]{64}$/);
const height = z.number().int().nonnegative();
const scan = z.object({
  success: z.boolean(),
  height,
  unspents: z.array(z.object({ txid, vout: z.number().int(), amount: z.number().positive(), height })),
});
const spending = z.array(z.object({ spendingtxid: txid.optional() }));
/** Blocks after its own until a block reward can be spent. */
const MATURITY = 100;
/** RPC_INVALID_PARAMETER: also what a node says that is scanning for somebody else, the monitor for one. */
const SCANNING = -8;
const SCAN_TRIES = 50;
const SCAN_PAUSE_MILLIS = 200;

export class CoreChain implements Chain {
  constructor(private readonly rpc: BitcoindRpc) {}

  async utxos(address: string): Promise<Utxo[]> {
    const { unspents } = await this.scan(address);
    if (unspents.length === 0) return [];
    const outpoints = unspents.map((found) => ({ txid: found.txid, vout: found.vout }));
    const spenders = await this.rpc.call("gettxspendingprevout", [outpoints], spending);
    return unspents
      .filter((_, i) => spenders[i]?.spendingtxid === undefined)
      .map((found) => ({ txid: found.txid, vout: found.vout, value: Math.round(found.amount * 1e8) }));
  }

  broadcast(hex: string): Promise<string> {
    return this.rpc.call("sendrawtransaction", [hex], txid);
  }

  /**
   * A block reward, whatever it is worth, and the hundred blocks that make it spendable. Nobody can spend it before, so an
   * interrupted call is found again by its coin. A scan makes Core write its chain to the disk: the coin outlives a crash.
   */
  async fund(address: string): Promise<void> {
    if ((await this.scan(address)).unspents.length === 0) await this.mine(1, address);
    const { unspents, height: tip } = await this.scan(address);
    if (unspents.length === 0) throw new CommandError("bitcoind mined a block, but the piñata's coin is not in it");
    const missing = MATURITY - (tip - Math.max(...unspents.map((found) => found.height)));
    if (missing > 0) await this.mine(missing, newWallet("regtest").address);
    await this.scan(address);
  }

  private mine(blocks: number, address: string): Promise<string[]> {
    return this.rpc.call("generatetoaddress", [blocks, address], z.array(z.string()));
  }

  /** Core does one scan at a time, and refuses a second: that one waits. */
  private async scan(address: string): Promise<z.infer<typeof scan>> {
    for (let tries = 1; ; tries++) {
      try {
        const found = await this.rpc.call("scantxoutset", ["start", [`addr(${address})`]], scan);
        if (found.success) return found;
        throw new CommandError("bitcoind gave up scanning for the piñata's coins; try again");
      } catch (error) {
        const busy = error instanceof RpcError && error.code === SCANNING && /in progress/.test(error.message);
        if (!busy || tries === SCAN_TRIES) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, SCAN_PAUSE_MILLIS));
    }
  }
}
