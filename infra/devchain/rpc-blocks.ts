/** JSON-RPC methods about blocks and the chain, and those that make or unmake blocks. */
import { z } from "zod";
import { toHex } from "../bitcoin/bytes.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import { RpcCode, RpcFailure } from "./broadcast.ts";
import type { StoredBlock } from "./chain.ts";
import { scriptHash } from "./ledger.ts";
import { type DevNode, MAX_MINED } from "./node.ts";
import { BITS, DIFFICULTY, TARGET } from "./params.ts";
import { Refused } from "./refused.ts";
import { blockObject, headerObject, hex32, hex256 } from "./rpc-json.ts";
import { hashParam, type Methods, param, type RpcOptions, scanObjects } from "./rpc-params.ts";
import { scriptOfDescriptor } from "./rpc-transactions.ts";

const FILTER_TYPE = "basic";

export function blockMethods(node: DevNode, options: RpcOptions): Methods {
  const { chain } = node;
  const blockParam = (params: unknown[], name = "blockhash"): StoredBlock => {
    const block = chain.block(hashParam(params, 0, name));
    if (!block) throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Block not found");
    return block;
  };
  return {
    getblockchaininfo: () => ({
      chain: "regtest",
      blocks: chain.height,
      headers: chain.height,
      bestblockhash: chain.tip.hash,
      bits: hex32(BITS),
      target: hex256(TARGET),
      difficulty: DIFFICULTY,
      time: chain.tip.time,
      mediantime: chain.tip.medianTime,
      verificationprogress: 1,
      initialblockdownload: false,
      chainwork: hex256(chain.tip.work),
      size_on_disk: sizeOf(chain.tip),
      pruned: false,
      warnings: ["development chain: these coins are worth nothing"],
    }),
    getblockcount: () => chain.height,
    getbestblockhash: () => chain.tip.hash,
    getblockhash: (params) => {
      const height = param(params, 0, "height", z.number().int());
      const block = chain.blockAt(height);
      if (!block) throw new RpcFailure(RpcCode.InvalidParameter, "Block height out of range");
      return block.hash;
    },
    getblockheader: (params) => {
      const block = blockParam(params);
      const verbose = param(params, 1, "verbose", z.boolean().default(true));
      return verbose ? headerObject(chain, block) : toHex(block.raw.subarray(0, 80));
    },
    getblock: (params) => {
      const block = blockParam(params);
      const verbosity = Number(param(params, 1, "verbosity", z.union([z.boolean(), z.number().int()]).default(1)));
      if (verbosity <= 0) return toHex(block.raw);
      return blockObject(chain, block, verbosity === 1 ? "txids" : verbosity === 2 ? "full" : "prevouts");
    },
    generatetoaddress: (params) => {
      const blocks = param(params, 0, "nblocks", z.number().int());
      const script = scriptOfAddress(param(params, 1, "address", z.string()), "regtest");
      if (!script) throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Error: Invalid address");
      if (blocks > MAX_MINED) {
        throw new RpcFailure(
          RpcCode.InvalidParameter,
          `the development chain makes at most ${MAX_MINED} blocks in one call`,
        );
      }
      if (blocks <= 0) return [];
      try {
        return node.mine(blocks, script).map(({ hash }) => hash);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        throw new RpcFailure(RpcCode.Misc, error.message);
      }
    },
    invalidateblock: (params) => {
      const block = blockParam(params);
      if (!block.previous) throw new RpcFailure(RpcCode.InvalidParameter, "the genesis block cannot be invalidated");
      node.invalidate(block.hash);
      return null;
    },
    getindexinfo: (params) => {
      const name = param(params, 0, "index_name", z.string().default(""));
      const caughtUp = { synced: true, best_block_height: chain.height };
      const indexes = {
        ...(options.txindex ? { txindex: caughtUp } : {}),
        ...(options.txospenderindex ? { txospenderindex: caughtUp } : {}),
        ...(options.blockfilterindex ? { "basic block filter index": caughtUp } : {}),
      };
      return name === "" ? indexes : Object.fromEntries(Object.entries(indexes).filter(([each]) => each === name));
    },
    getzmqnotifications: () => options.notifications ?? [],
    scanblocks: (params) => {
      const action = param(params, 0, "action", z.string());
      if (action === "status") return null;
      if (action === "abort") return false;
      if (action !== "start") throw new RpcFailure(RpcCode.InvalidParameter, `Invalid action '${action}'`);
      const objects = param(params, 1, "scanobjects", scanObjects);
      const from = param(params, 2, "start_height", z.number().int().default(0));
      const to = param(params, 3, "stop_height", z.number().int().default(chain.height));
      const type = param(params, 4, "filtertype", z.string().default(FILTER_TYPE));
      if (type !== FILTER_TYPE) throw new RpcFailure(RpcCode.InvalidAddressOrKey, "Unknown filtertype");
      if (!options.blockfilterindex) {
        throw new RpcFailure(RpcCode.Misc, `Index is not enabled for filtertype ${FILTER_TYPE}`);
      }
      if (from < 0 || from > chain.height) throw new RpcFailure(RpcCode.Misc, "Invalid start_height");
      if (to < from || to > chain.height) throw new RpcFailure(RpcCode.Misc, "Invalid stop_height");
      const touched = objects
        .flatMap((one) => chain.history(scriptHash(scriptOfDescriptor(typeof one === "string" ? one : one.desc))))
        .map((txid) => chain.find(txid)!.block!)
        .filter(({ height }) => height >= from && height <= to);
      const relevant = [...new Set(touched)].sort((a, b) => a.height - b.height).map(({ hash }) => hash);
      return { from_height: from, to_height: to, relevant_blocks: relevant, completed: true };
    },
    getnetworkinfo: () => ({
      version: 310000,
      subversion: "/development chain, not Bitcoin Core/",
      protocolversion: 70016,
      connections: 0,
      networkactive: false,
      relayfee: 0.00001,
      incrementalfee: 0.00001,
      warnings: ["development chain: these coins are worth nothing"],
    }),
  };
}

function sizeOf(tip: StoredBlock): number {
  let size = 0;
  for (let block: StoredBlock | undefined = tip; block; block = block.previous) size += block.raw.length;
  return size;
}
