/** JSON-RPC methods about transactions, outputs and the mempool. */
import { z } from "zod";
import { fromHex, toHex } from "../bitcoin/bytes.ts";
import { checkedBody } from "../bitcoin/descriptor.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import { broadcast, DEFAULT_MAX_FEE_RATE, RpcCode, RpcFailure } from "./broadcast.ts";
import type { Located, StoredBlock } from "./chain.ts";
import { type Coin, scriptHash } from "./ledger.ts";
import { merkleBlock } from "./merkle.ts";
import type { DevNode } from "./node.ts";
import { Refused, Undecodable } from "./refused.ts";
import {
  confirmations,
  descriptorOf,
  mempoolEntryObject,
  scriptObject,
  toBtc,
  txObject,
  txWithPrevouts,
} from "./rpc-json.ts";
import { checkHash, hashParam, type Methods, param, type RpcOptions, scanObjects } from "./rpc-params.ts";
import { decodeTx } from "./transaction.ts";

const MAX_TESTED = 25;
const BTC_PER_KVB = 100_000;
const NOT_FOUND =
  "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.";

const outpoints = z.array(z.object({ txid: z.string(), vout: z.number().int() })).min(1);

export function transactionMethods(node: DevNode, options: RpcOptions): Methods {
  const { chain } = node;
  const { mempool } = chain;

  const locate = (params: unknown[]): Located => {
    const txid = hashParam(params, 0, "txid");
    if ((params[2] ?? undefined) !== undefined) {
      const block = chain.block(hashParam(params, 2, "blockhash"));
      if (!block) throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Block hash not found");
      const at = block.txids.indexOf(txid);
      if (at >= 0) return { tx: chain.contents(block).txs[at]!, block };
      throw new RpcFailure(
        RpcCode.InvalidAddressOrKey,
        "No such transaction found in the provided block. Use gettransaction for wallet transactions.",
      );
    }
    const found = chain.find(txid);
    if (found && (!found.block || options.txindex)) return found;
    const message = options.txindex
      ? "No such mempool or blockchain transaction. Use gettransaction for wallet transactions."
      : NOT_FOUND;
    throw new RpcFailure(RpcCode.InvalidAddressOrKey, message);
  };

  return {
    getrawtransaction: (params) => {
      const verbosity = Number(param(params, 1, "verbosity", z.union([z.boolean(), z.number().int()]).default(0)));
      const { tx, block } = locate(params);
      if (verbosity <= 0) return toHex(tx.raw);
      const asked = (params[2] ?? undefined) !== undefined && block ? { in_active_chain: chain.isActive(block) } : {};
      const where = block
        ? {
            blockhash: block.hash,
            confirmations: Math.max(confirmations(chain, block), 0),
            ...(chain.isActive(block) ? { time: block.time, blocktime: block.time } : {}),
          }
        : {};
      const told = verbosity >= 2 && block ? txWithPrevouts(chain, tx) : txObject(tx);
      return { ...asked, ...told, hex: toHex(tx.raw), ...where };
    },
    gettxout: (params) => {
      const txid = hashParam(params, 0, "txid");
      const vout = param(params, 1, "n", z.number().int());
      const withMempool = param(params, 2, "include_mempool", z.boolean().default(true));
      const outpoint = `${txid}:${vout}`;
      if (withMempool && mempool.spender(outpoint)) return null;
      const confirmed = chain.coin(outpoint);
      const coin = confirmed ?? (withMempool ? mempool.output(outpoint) : undefined);
      if (!coin) return null;
      return {
        bestblock: chain.tip.hash,
        confirmations: confirmed ? chain.height - confirmed.height + 1 : 0,
        value: toBtc(coin.value),
        scriptPubKey: scriptObject(coin.script),
        coinbase: coin.coinbase,
      };
    },
    gettxspendingprevout: (params) => {
      const asked = param(params, 0, "outputs", outpoints);
      const wanted = param(
        params,
        1,
        "options",
        z
          .strictObject({ mempool_only: z.boolean().optional(), return_spending_tx: z.boolean().optional() })
          .default({}),
      );
      const mempoolOnly = wanted.mempool_only ?? !options.txospenderindex;
      return asked.map(({ txid, vout }) => {
        checkHash(txid, "txid");
        if (vout < 0) throw new RpcFailure(RpcCode.InvalidParameter, "Invalid parameter, vout cannot be negative");
        const outpoint = `${txid.toLowerCase()}:${vout}`;
        const waiting = mempool.spender(outpoint);
        if (!waiting && !mempoolOnly && !options.txospenderindex) {
          throw new RpcFailure(RpcCode.Misc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.");
        }
        const indexed = mempoolOnly ? undefined : chain.confirmedSpender(outpoint);
        const spend = waiting ?? indexed;
        if (!spend) return { txid, vout };
        const { tx, block } = chain.find(spend.txid)!;
        return {
          txid,
          vout,
          spendingtxid: spend.txid,
          ...(wanted.return_spending_tx ? { spendingtx: toHex(tx.raw) } : {}),
          ...(block ? { blockhash: block.hash } : {}),
        };
      });
    },
    getrawmempool: (params) => {
      const verbose = param(params, 0, "verbose", z.boolean().default(false));
      const sequence = param(params, 1, "mempool_sequence", z.boolean().default(false));
      const entries = mempool.entries();
      const txids = entries.map(({ tx }) => tx.txid);
      if (verbose && sequence) {
        throw new RpcFailure(RpcCode.InvalidParameter, "Verbose results cannot contain mempool sequence values.");
      }
      if (verbose) return Object.fromEntries(entries.map((entry) => [entry.tx.txid, mempoolEntryObject(chain, entry)]));
      return sequence ? { txids, mempool_sequence: mempool.sequence } : txids;
    },
    getmempoolentry: (params) => {
      const entry = mempool.get(hashParam(params, 0, "txid"));
      if (!entry) throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Transaction not in mempool");
      return mempoolEntryObject(chain, entry);
    },
    getmempoolinfo: () => {
      const entries = mempool.entries();
      const bytes = entries.reduce((sum, { tx }) => sum + tx.vsize, 0);
      return {
        loaded: true,
        size: entries.length,
        bytes,
        usage: bytes,
        total_fee: toBtc(entries.reduce((sum, { fee }) => sum + fee, 0n)),
        maxmempool: 300_000_000,
        mempoolminfee: 0.00001,
        minrelaytxfee: 0.00001,
        incrementalrelayfee: 0.00001,
        unbroadcastcount: 0,
        fullrbf: true,
      };
    },
    sendrawtransaction: (params) => {
      const hex = param(params, 0, "hexstring", z.string());
      const rate = param(
        params,
        1,
        "maxfeerate",
        z.coerce
          .number()
          .min(0)
          .default(DEFAULT_MAX_FEE_RATE / BTC_PER_KVB),
      );
      return broadcast(node, hex, rate * BTC_PER_KVB);
    },
    testmempoolaccept: (params) => {
      const raws = param(params, 0, "rawtxs", z.array(z.string()));
      const rate = param(
        params,
        1,
        "maxfeerate",
        z.coerce
          .number()
          .min(0)
          .default(DEFAULT_MAX_FEE_RATE / BTC_PER_KVB),
      );
      if (raws.length < 1 || raws.length > MAX_TESTED) {
        throw new RpcFailure(RpcCode.InvalidParameter, `Array must contain between 1 and ${MAX_TESTED} transactions.`);
      }
      if (raws.length > 1) {
        throw new RpcFailure(RpcCode.InvalidParameter, "the development chain tests one transaction in a call");
      }
      return raws.map((hex) => testOne(hex, rate * BTC_PER_KVB));
    },
    gettxoutproof: (params) => {
      const txids = param(params, 0, "txids", z.array(z.string()).min(1)).map((txid) => checkHash(txid, "txid"));
      if (new Set(txids).size !== txids.length) {
        throw new RpcFailure(RpcCode.InvalidParameter, `Invalid parameter, duplicated txid: ${txids[0]}`);
      }
      const block = proofBlock(txids, params);
      if (!txids.every((txid) => block.txids.includes(txid))) {
        throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Not all transactions found in specified or retrieved block");
      }
      return toHex(merkleBlock(block.raw.subarray(0, 80), block.txids, new Set(txids)));
    },
    scantxoutset: (params) => {
      const action = param(params, 0, "action", z.string());
      if (action === "status") return null;
      if (action === "abort") return false;
      if (action !== "start") throw new RpcFailure(RpcCode.InvalidParameter, `Invalid action '${action}'`);
      const objects = param(params, 1, "scanobjects", scanObjects);
      const scripts = objects.map((one) => scriptOfDescriptor(typeof one === "string" ? one : one.desc));
      const unspents = [...new Set(scripts.map(scriptHash))]
        .flatMap((hash) => [...chain.unspent(hash)])
        .map((outpoint) => {
          const [txid, vout] = outpoint.split(":");
          const coin = chain.coin(outpoint) as Coin;
          return {
            txid: txid!,
            vout: Number(vout),
            scriptPubKey: toHex(coin.script),
            desc: descriptorOf(coin.script),
            amount: toBtc(coin.value),
            coinbase: coin.coinbase,
            height: coin.height,
            blockhash: chain.blockAt(coin.height)!.hash,
            confirmations: chain.height - coin.height + 1,
          };
        });
      const total = unspents.reduce((sum, { txid, vout }) => sum + chain.coin(`${txid}:${vout}`)!.value, 0n);
      return {
        success: true,
        txouts: unspents.length,
        height: chain.height,
        bestblock: chain.tip.hash,
        unspents,
        total_amount: toBtc(total),
      };
    },
  };

  function testOne(hex: string, maxFeeRate: number) {
    const raw = fromHex(hex);
    try {
      if (!raw) throw new Undecodable("not hexadecimal");
      const { txid, wtxid } = decodeTx(raw);
      try {
        const { tx, fee } = chain.test(raw, node.now()).entry;
        if (maxFeeRate > 0 && Number(fee) > maxFeeRate * tx.vsize) {
          return { txid, wtxid, allowed: false, "reject-reason": "max-fee-exceeded" };
        }
        const rate = toBtc((fee * 1000n) / BigInt(tx.vsize));
        const fees = { base: toBtc(fee), "effective-feerate": rate, "effective-includes": [wtxid] };
        return { txid, wtxid, allowed: true, vsize: tx.vsize, fees };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const missing = error.reason === "bad-txns-inputs-missingorspent";
        const reason = missing ? "missing-inputs" : error.reason;
        return { txid, wtxid, allowed: false, "reject-reason": reason, "reject-details": error.message };
      }
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      const message = `TX decode failed: ${hex.slice(0, 64)} Make sure the tx has at least one input.`;
      throw new RpcFailure(RpcCode.Deserialization, message);
    }
  }

  /** As Core: the block named, else the one of an unspent output, else the transaction index's. */
  function proofBlock(txids: readonly string[], params: unknown[]): StoredBlock {
    if ((params[1] ?? undefined) !== undefined) {
      const block = chain.block(hashParam(params, 1, "blockhash"));
      if (block) return block;
      throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Block not found");
    }
    for (const txid of txids) {
      const found = chain.find(txid);
      if (!found?.block) continue;
      const unspent = found.tx.parsed.outs.some((_, vout) => chain.coin(`${txid}:${vout}`));
      if (unspent || options.txindex) return found.block;
    }
    throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Transaction not yet in block");
  }
}

/** See `scanObjects`. */
export function scriptOfDescriptor(descriptor: string): Uint8Array {
  const body = descriptor.includes("#") ? checkedBody(descriptor) : descriptor;
  if (body === undefined)
    throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Provided checksum does not match the descriptor");
  const match = /^(addr|raw|rawtr)\(([0-9A-Za-z]*)\)$/.exec(body);
  const [, kind, value = ""] = match ?? [];
  const script =
    kind === "addr" ? scriptOfAddress(value, "regtest") : fromHex(kind === "rawtr" ? `5120${value}` : value);
  if (!match || !script || (kind === "rawtr" && script.length !== 34)) {
    throw new RpcFailure(
      RpcCode.InvalidAddressOrKey,
      `'${body.slice(0, 200)}' is not a descriptor that the development chain scans for`,
    );
  }
  return script;
}
