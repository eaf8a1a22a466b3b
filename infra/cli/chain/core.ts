/**
 * A chain over Bitcoin Core's JSON-RPC, without wallet or index: unspent outputs by scanning the UTXO set, which is quick on the
 * regtest nodes that this is for.
 */
import { z } from "zod";
import { newWallet } from "../../bitcoin/wallet.ts";
import type { BitcoindRpc } from "../../bitcoind/rpc.ts";
import { CommandError } from "../errors.ts";
import type { Chain, Utxo } from "./chain.ts";

const txid = z.string().regex(/^[0-9a-f]{64}$/);
const scan = z.object({
  success: z.boolean(),
  unspents: z.array(z.object({ txid, vout: z.number().int(), amount: z.number().positive() })),
});
const spending = z.array(z.object({ spendingtxid: txid.optional() }));
const MATURITY = 100;

export class CoreChain implements Chain {
  constructor(private readonly rpc: BitcoindRpc) {}

  async utxos(address: string): Promise<Utxo[]> {
    const { success, unspents } = await this.rpc.call("scantxoutset", ["start", [`addr(${address})`]], scan);
    if (!success) throw new CommandError("bitcoind gave up scanning for the piñata's coins; try again");
    if (unspents.length === 0) return [];
    const outpoints = unspents.map((found) => ({ txid: found.txid, vout: found.vout }));
    const spenders = await this.rpc.call("gettxspendingprevout", [outpoints], spending);
    return unspents
      .filter((_, i) => spenders[i]?.spendingtxid === undefined)
      .map((found) => ({ txid: found.txid, vout: found.vout, value: Math.round(found.amount * 1e8) }));
  }

  async everUsed(address: string): Promise<boolean> {
    return (await this.rpc.call("scantxoutset", ["start", [`addr(${address})`]], scan)).unspents.length > 0;
  }

  broadcast(hex: string): Promise<string> {
    return this.rpc.call("sendrawtransaction", [hex], txid);
  }

  /** A block reward, whatever it is worth, and the hundred blocks that make it spendable. */
  async fund(address: string): Promise<void> {
    const { address: nobody } = newWallet("regtest");
    await this.rpc.call("generatetoaddress", [1, address], z.array(z.string()));
    await this.rpc.call("generatetoaddress", [MATURITY, nobody], z.array(z.string()));
  }
}
