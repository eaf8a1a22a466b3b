/**
 * The Esplora HTTP API over a development node: the paths, shapes and error texts of Blockstream's esplora (API.md), so that what is
 * written against a public server works here unchanged. Not found is 404, what is malformed 400, both in plain text.
 */
import { type Context, Hono } from "hono";
import { isHash, toHex } from "../bitcoin/bytes.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import { broadcast, RpcFailure } from "./broadcast.ts";
import type { Located, StoredBlock } from "./chain.ts";
import type { EsploraFaults } from "./esplora-faults.ts";
import { blockJson, mempoolJson, outspendJson, statsJson, statusJson, txJson, utxoJson } from "./esplora-json.ts";
import { scriptHash } from "./ledger.ts";
import { merkleBlock, merkleBranch } from "./merkle.ts";
import type { DevNode } from "./node.ts";

const PAGE = 25;
const MAX_MEMPOOL = 50;
const BLOCKS = 10;
const RECENT = 10;
const TARGETS = [...Array.from({ length: 25 }, (_, i) => i + 1), 144, 504, 1008];

/** An answer in plain text: 404 or 400. */
export class HttpProblem extends Error {
  override name = "HttpProblem";
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

export function esploraApi(node: DevNode, faults?: EsploraFaults): Hono {
  const api = new Hono();
  const { chain } = node;
  if (faults) api.use(faults.middleware(chain));

  const block = (c: Context): StoredBlock => {
    const found = chain.block(hashParam(c, "hash"));
    if (!found) throw new HttpProblem(404, "Block not found");
    return found;
  };
  const atHeight = (height: number): StoredBlock => {
    const found = chain.blockAt(height);
    if (!found) throw new HttpProblem(404, "Block not found");
    return found;
  };
  const tx = (c: Context): Located => {
    const found = chain.find(hashParam(c, "txid"));
    if (!found) throw new HttpProblem(404, "Transaction not found");
    return found;
  };
  const confirmed = (c: Context): { block: StoredBlock; position: number } => {
    const txid = hashParam(c, "txid");
    const found = chain.find(txid)?.block;
    if (!found) throw new HttpProblem(404, "Transaction not found or is unconfirmed");
    return { block: found, position: found.txids.indexOf(txid) };
  };
  /** Confirmed history, newest first, one page after `last`. */
  const page = (script: string, last?: string) => {
    const txids = [...chain.history(script)].reverse();
    const start = last === undefined ? 0 : txids.indexOf(last) + 1;
    if (last !== undefined && start === 0) return [];
    return txids.slice(start, start + PAGE).map((txid) => txJson(chain, chain.find(txid)!));
  };
  const waiting = (script: string) =>
    chain.mempool
      .history(script)
      .slice(0, MAX_MEMPOOL)
      .map((entry) => txJson(chain, { tx: entry.tx }));

  api.get("/blocks/tip/height", (c) => c.text(String(chain.height)));
  api.get("/blocks/tip/hash", (c) => c.text(chain.tip.hash));
  api.get("/blocks/:start?", (c) => {
    const start = c.req.param("start") === undefined ? chain.tip : atHeight(numberParam(c, "start"));
    const blocks: StoredBlock[] = [];
    for (let at: StoredBlock | undefined = start; at && blocks.length < BLOCKS; at = at.previous) blocks.push(at);
    return c.json(blocks.map(blockJson));
  });
  api.get("/block-height/:height", (c) => c.text(atHeight(numberParam(c, "height")).hash));
  api.get("/block/:hash", (c) => c.json(blockJson(block(c))));
  api.get("/block/:hash/header", (c) => c.text(toHex(block(c).raw.subarray(0, 80))));
  api.get("/block/:hash/raw", (c) => binary(c, block(c).raw));
  api.get("/block/:hash/status", (c) => {
    const found = chain.block(hashParam(c, "hash"));
    if (!found || !chain.isActive(found)) return c.json({ in_best_chain: false });
    const next = chain.blockAt(found.height + 1)?.hash;
    return c.json({ in_best_chain: true, height: found.height, ...(next ? { next_best: next } : {}) });
  });
  api.get("/block/:hash/txids", (c) => c.json(block(c).txids));
  api.get("/block/:hash/txid/:index", (c) => {
    const txid = block(c).txids[numberParam(c, "index")];
    if (txid === undefined) throw new HttpProblem(404, "tx index out of range");
    return c.text(txid);
  });
  api.get("/block/:hash/txs/:start?", (c) => {
    const found = block(c);
    const start = c.req.param("start") === undefined ? 0 : numberParam(c, "start");
    if (start % PAGE !== 0) throw new HttpProblem(400, `start index must be a multiple of ${PAGE}`);
    const where = chain.isActive(found) ? { block: found } : {};
    const { txs } = chain.contents(found);
    return c.json(txs.slice(start, start + PAGE).map((one) => txJson(chain, { tx: one, ...where })));
  });

  api.post("/tx", async (c) => {
    const hex = (await c.req.text()).trim();
    try {
      return c.text(broadcast(node, hex));
    } catch (error) {
      if (!(error instanceof RpcFailure)) throw error;
      const { code, message } = error;
      throw new HttpProblem(400, `sendrawtransaction RPC error: ${JSON.stringify({ code, message })}`);
    }
  });
  api.get("/tx/:txid", (c) => c.json(txJson(chain, tx(c))));
  api.get("/tx/:txid/status", (c) => c.json(statusJson(chain.find(hashParam(c, "txid"))?.block)));
  api.get("/tx/:txid/hex", (c) => c.text(toHex(tx(c).tx.raw)));
  api.get("/tx/:txid/raw", (c) => binary(c, tx(c).tx.raw));
  api.get("/tx/:txid/merkle-proof", (c) => {
    const { block: holder, position } = confirmed(c);
    return c.json({ block_height: holder.height, merkle: merkleBranch(holder.txids, position), pos: position });
  });
  api.get("/tx/:txid/merkleblock-proof", (c) => {
    const { block: holder, position } = confirmed(c);
    return c.text(toHex(merkleBlock(holder.raw.subarray(0, 80), holder.txids, new Set([holder.txids[position]!]))));
  });
  api.get("/tx/:txid/outspend/:vout", (c) => c.json(outspendJson(chain, hashParam(c, "txid"), numberParam(c, "vout"))));
  api.get("/tx/:txid/outspends", (c) => {
    const { txid, parsed } = tx(c).tx;
    return c.json(parsed.outs.map((_, vout) => outspendJson(chain, txid, vout)));
  });

  for (const kind of ["address", "scripthash"] as const) {
    const script = (c: Context): string => {
      const name = c.req.param("name") ?? "";
      if (kind === "scripthash") return hashParam(c, "name");
      const found = scriptOfAddress(name, "regtest");
      if (!found) throw new HttpProblem(400, "Invalid Bitcoin address");
      return scriptHash(found);
    };
    const base = `/${kind}/:name` as const;
    api.get(base, (c) => c.json({ [kind]: c.req.param("name"), ...statsJson(chain, script(c)) }));
    api.get(`${base}/txs`, (c) => c.json([...waiting(script(c)), ...page(script(c))]));
    api.get(`${base}/txs/chain/:last?`, (c) => {
      return c.json(page(script(c), c.req.param("last") === undefined ? undefined : hashParam(c, "last")));
    });
    api.get(`${base}/txs/mempool`, (c) => c.json(waiting(script(c))));
    api.get(`${base}/utxo`, (c) => c.json(utxoJson(chain, script(c))));
  }

  api.get("/mempool", (c) => c.json(mempoolJson(chain)));
  api.get("/mempool/txids", (c) => c.json(chain.mempool.entries().map((entry) => entry.tx.txid)));
  api.get("/mempool/recent", (c) => {
    const recent = chain.mempool.entries().slice(-RECENT).reverse();
    return c.json(
      recent.map(({ tx: one, fee }) => ({
        txid: one.txid,
        fee: Number(fee),
        vsize: one.vsize,
        value: Number(one.parsed.outs.reduce((sum, { value }) => sum + value, 0n)),
      })),
    );
  });
  api.get("/fee-estimates", (c) => c.json(Object.fromEntries(TARGETS.map((target) => [target, 1]))));
  return api;
}

/** 64 hex digits of the path. Throws {@link HttpProblem}. */
function hashParam(c: Context, name: string): string {
  const text = (c.req.param(name) ?? "").toLowerCase();
  if (!isHash(text)) throw new HttpProblem(400, "Invalid hex string");
  return text;
}

function numberParam(c: Context, name: string): number {
  const text = c.req.param(name) ?? "";
  if (!/^\d{1,10}$/.test(text)) throw new HttpProblem(400, `Invalid number: ${text.slice(0, 40)}`);
  return Number(text);
}

function binary(c: Context, bytes: Uint8Array): Response {
  return c.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" });
}
