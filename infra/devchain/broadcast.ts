/** Bitcoin Core's sendrawtransaction: what Esplora's POST /tx relays too. */
import { fromHex } from "../bitcoin/bytes.ts";
import type { DevNode } from "./node.ts";
import { Refused, Undecodable } from "./refused.ts";
import { decodeTx } from "./transaction.ts";

/** Core's RPC error codes that are used here. */
export const RpcCode = {
  Misc: -1,
  Type: -3,
  InvalidAddressOrKey: -5,
  InvalidParameter: -8,
  Deserialization: -22,
  Transaction: -25,
  TransactionRejected: -26,
  AlreadyInUtxoSet: -27,
  WarmingUp: -28,
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  Internal: -32603,
  Parse: -32700,
} as const;

export class RpcFailure extends Error {
  override name = "RpcFailure";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Core's default limit on what a user pays: 0.10 BTC for 1,000 virtual bytes, in sat/vB. */
export const DEFAULT_MAX_FEE_RATE = 10_000;

/** Returns the txid. Throws {@link RpcFailure}. `maxFeeRate` in sat/vB; 0: any. */
export function broadcast(node: DevNode, hex: string, maxFeeRate = DEFAULT_MAX_FEE_RATE): string {
  const raw = fromHex(hex);
  try {
    if (!raw) throw new Undecodable("TX decode failed. Make sure the tx has at least one input.");
    const tx = decodeTx(raw);
    if (node.chain.mempool.get(tx.txid)?.tx.wtxid === tx.wtxid) return tx.txid;
    if (tx.parsed.outs.some((_, vout) => node.chain.coin(`${tx.txid}:${vout}`))) {
      throw new RpcFailure(RpcCode.AlreadyInUtxoSet, "Transaction outputs already in utxo set");
    }
    if (maxFeeRate > 0) {
      const { fee } = node.chain.test(raw, node.now()).entry;
      if (Number(fee) > maxFeeRate * tx.vsize) {
        const message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
        throw new RpcFailure(RpcCode.Transaction, message);
      }
    }
    node.submitTransaction(raw);
    return tx.txid;
  } catch (error) {
    if (error instanceof Undecodable) throw new RpcFailure(RpcCode.Deserialization, error.message);
    if (!(error instanceof Refused)) throw error;
    const missing = error.reason === "bad-txns-inputs-missingorspent";
    throw new RpcFailure(missing ? RpcCode.Transaction : RpcCode.TransactionRejected, error.message);
  }
}
