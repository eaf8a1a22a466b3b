/**
 * Amounts and scripts of the outputs that a transaction spends, as a Core node without a transaction index can tell them:
 * from its UTXO set, from the undo data of the block that holds the spending transaction, or from parents in the mempool.
 */
import { z } from "zod";
import { fromHex } from "../../proofs/bytes.ts";
import type { Prevout } from "../../proofs/prevouts.ts";
import { parseExpected, showOutpoint } from "../../proofs/transaction.ts";
import type { Outpoint, Spender } from "../source.ts";
import { amount, bytesOf, type CoreRpc, hash, height, hexBytes, RpcCode, RpcError, toSats } from "./rpc.ts";

const script = z.object({ hex: z.string().regex(/^([0-9a-f]{2})*$/) });
const output = z.object({ value: amount, scriptPubKey: script }).nullable();
const spent = z.object({
  vin: z.array(
    z.object({
      txid: hash.optional(),
      vout: height.optional(),
      prevout: z.object({ value: amount, scriptPubKey: script }).optional(),
    }),
  ),
});

/** By "txid:vout"; what the node does not know is left out. */
export async function claimedPrevouts(
  rpc: CoreRpc,
  needed: readonly Outpoint[],
  { txid, block }: Spender,
): Promise<Map<string, Prevout>> {
  const found = new Map<string, Prevout>();
  const missing = () => needed.filter((each) => !found.has(showOutpoint(each)));
  const take = (outpoint: Outpoint, claimed: z.infer<typeof output>): void => {
    if (!claimed) return;
    const value = BigInt(toSats(claimed.value));
    found.set(showOutpoint(outpoint), { value, script: fromHex(claimed.scriptPubKey.hex) });
  };
  if (block) {
    const { vin } = await rpc.call("getrawtransaction", [txid, 2, block.hash], spent);
    for (const { txid: from, vout, prevout } of vin) {
      if (from !== undefined && vout !== undefined && prevout) take({ txid: from, vout }, prevout);
    }
  }
  const unspent = missing();
  const outputs = await rpc.batch(
    "gettxout",
    unspent.map((each) => [each.txid, each.vout, false]),
    output,
  );
  unspent.forEach((outpoint, i) => {
    const claimed = outputs[i]!;
    if (!(claimed instanceof RpcError)) take(outpoint, claimed);
  });
  const parents = new Map<string, Outpoint[]>();
  for (const each of missing()) parents.set(each.txid, [...(parents.get(each.txid) ?? []), each]);
  for (const [parent, outpoints] of parents) {
    const raw = await rpc.call("getrawtransaction", [parent, 0], hexBytes).catch((error: unknown) => {
      if (error instanceof RpcError && error.code === RpcCode.NotFound) return undefined;
      throw error;
    });
    const { outs } = raw === undefined ? { outs: [] } : parseExpected(bytesOf(raw), parent).parsed;
    for (const each of outpoints) {
      const paid = outs[each.vout];
      if (paid) found.set(showOutpoint(each), { value: paid.value, script: paid.script });
    }
  }
  return found;
}
