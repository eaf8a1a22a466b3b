/** Bitcoin Core's JSON-RPC over a FakeChain: `indexed` is a node with txospenderindex (31.0), `filtered` one with block filters. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { showHash, toHex } from "../../../monitor/proofs/bytes.ts";
import { PAID } from "./bounty.ts";
import { type FakeBlock, type FakeChain, partialTree } from "./fake-chain.ts";

type Reply = { status: number; body: string };
type Call = { method: string; params: unknown[]; id: unknown };

export class FakeCore {
  readonly chain: FakeChain;
  indexed = false;
  filtered = false;
  /** As getzmqnotifications answers; undefined: a node built without ZMQ. */
  endpoints: { type: string; address: string; hwm: number }[] | undefined;
  login = "__cookie__:one";
  calls: string[] = [];
  /** Replaces an answer. */
  tamper: ((method: string, params: unknown[]) => Reply | undefined) | undefined;
  /** Keeps an answer back until the promise is fulfilled. */
  hold: ((method: string) => Promise<void> | undefined) | undefined;
  readonly #server: Server;

  constructor(chain: FakeChain) {
    this.chain = chain;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (request.headers.authorization !== `Basic ${Buffer.from(this.login).toString("base64")}`) {
          response.writeHead(401).end();
          return;
        }
        const asked = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
        const { status, body } = Array.isArray(asked) ? this.#batch(asked) : this.#one(asked);
        const held = Array.isArray(asked) ? undefined : this.hold?.(asked.method);
        if (held) void held.then(() => response.writeHead(status).end(body));
        else response.writeHead(status).end(body);
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #one({ method, params, id }: Call): Reply {
    this.calls.push(method);
    return this.tamper?.(method, params) ?? this.#reply(method, params, id);
  }

  /** An answer that was tampered with takes the place of the whole batch when it is no JSON-RPC reply. */
  #batch(calls: Call[]): Reply {
    const each = calls.map((call) => ({ id: call.id, ...this.#one(call) }));
    const broken = each.find(({ body }) => !body.includes('"id"'));
    if (broken) return broken;
    return { status: 200, body: JSON.stringify(each.map(({ id, body }) => ({ ...JSON.parse(body), id }))) };
  }

  #reply(method: string, params: unknown[], id: unknown): Reply {
    try {
      return { status: 200, body: JSON.stringify({ result: this.#call(method, params), error: null, id }) };
    } catch (error) {
      const { code, message } = error as { code: number; message: string };
      return { status: 500, body: JSON.stringify({ result: null, error: { code, message }, id }) };
    }
  }

  #call(method: string, params: unknown[]): unknown {
    const { chain } = this;
    switch (method) {
      case "getblockchaininfo":
        return {
          chain: "regtest",
          blocks: chain.tip.height,
          bestblockhash: chain.tip.hash,
          initialblockdownload: true,
        };
      case "getblockhash": {
        const block = chain.best[params[0] as number];
        if (!block) throw { code: -8, message: "Block height out of range" };
        return block.hash;
      }
      case "getindexinfo": {
        const caughtUp = { synced: true, best_block_height: chain.tip.height };
        return {
          ...(this.indexed ? { txospenderindex: caughtUp } : {}),
          ...(this.filtered ? { "basic block filter index": caughtUp } : {}),
        };
      }
      case "scanblocks": {
        if (!this.filtered) throw { code: -1, message: "Index is not enabled for filtertype basic" };
        const touched = chain.best
          .slice(params[2] as number, (params[3] as number) + 1)
          .filter((block) => this.#touches(block));
        return {
          from_height: params[2],
          to_height: params[3],
          relevant_blocks: touched.map(({ hash }) => hash),
          completed: true,
        };
      }
      case "getzmqnotifications":
        if (!this.endpoints) throw { code: -32601, message: "Method not found" };
        return this.endpoints;
      case "getmempoolinfo":
        return { loaded: true, size: chain.mempool.size };
      case "getrawmempool":
        return [...chain.mempool.keys()];
      case "getmempoolentry":
        if (!chain.mempool.has(params[0] as string)) throw { code: -5, message: "Transaction not in mempool" };
        return { vsize: 200 };
      case "getblockheader": {
        const block = this.#block(params[0]);
        if (params[1] === false) return toHex(block.header);
        const confirmations = chain.best.includes(block) ? chain.tip.height - block.height + 1 : -1;
        return { height: block.height, confirmations };
      }
      case "getblock": {
        const block = this.#block(params[0]);
        if (params[1] === 1) return { hash: block.hash, tx: chain.txids(block) };
        const raws = block.transactions.map((each) => each.toBuffer());
        return toHex(Buffer.concat([block.header, Uint8Array.from([raws.length]), ...raws]));
      }
      case "gettxspendingprevout": {
        if (params.length > 1 && !this.indexed) throw { code: -1, message: "gettxspendingprevout [outputs]" };
        return (params[0] as { txid: string; vout: number }[]).map((outpoint) => {
          const spender = chain.spender(outpoint);
          if (!spender || (spender.block && !this.indexed)) return outpoint;
          const where = spender.block ? { blockhash: spender.block.hash } : {};
          return { ...outpoint, spendingtxid: spender.txid, ...where };
        });
      }
      case "gettxout": {
        const outpoint = { txid: params[0] as string, vout: params[1] as number };
        const found = chain.find(outpoint.txid);
        const spender = chain.spender(outpoint);
        if (!found || (spender && (spender.block || params[2] !== false))) return null;
        if (!found.block && params[2] === false) return null;
        const { value, script } = found.transaction.outs[outpoint.vout]!;
        return { confirmations: 1, value: Number(value) / 1e8, scriptPubKey: { hex: toHex(script) } };
      }
      case "scantxoutset":
        return { success: true, height: chain.tip.height, bestblock: chain.tip.hash, unspents: this.#unspent() };
      case "getrawtransaction": {
        const found = chain.find(params[0] as string);
        const where = params[2] as string | undefined;
        if (!found || (found.block && found.block.hash !== where))
          throw { code: -5, message: "No such mempool transaction" };
        if (params[1] === 2)
          return { vin: found.transaction.ins.map(({ hash, index }) => this.#spent(showHash(hash), index)) };
        return toHex(found.transaction.toBuffer());
      }
      case "gettxoutproof": {
        const block = this.#block(params[1]);
        const txids = chain.txids(block);
        const position = txids.indexOf((params[0] as string[])[0]!);
        if (position < 0) throw { code: -5, message: "Not all transactions found in specified block" };
        return toHex(partialTree(block.header, txids, position));
      }
    }
    throw { code: -32601, message: "Method not found" };
  }

  #block(hash: unknown): FakeBlock {
    const block = this.chain.blocks.get(hash as string);
    if (!block) throw { code: -5, message: "Block not found" };
    return block;
  }

  /** As Core's undo data tells it. */
  #spent(txid: string, vout: number): unknown {
    const output = this.chain.transactions.get(txid)?.outs[vout];
    const told = output && { value: Number(output.value) / 1e8, scriptPubKey: { hex: toHex(output.script) } };
    return { txid, vout, ...(told ? { prevout: told } : {}) };
  }

  /** Whether the block pays the watched script or spends what paid it. */
  #touches(block: FakeBlock): boolean {
    const paid = toHex(PAID.script);
    return block.transactions.some(
      ({ ins, outs }) =>
        outs.some(({ script }) => toHex(script) === paid) ||
        ins.some(({ hash, index }) => {
          const output = this.chain.transactions.get(showHash(hash))?.outs[index];
          return output !== undefined && toHex(output.script) === paid;
        }),
    );
  }

  #unspent(): unknown[] {
    const { chain } = this;
    return chain.best.flatMap((block) =>
      block.transactions.flatMap((transaction) =>
        transaction.outs.flatMap(({ script, value }, vout) => {
          const outpoint = { txid: transaction.getId(), vout };
          const spent = chain.spender(outpoint)?.block !== undefined;
          if (spent || toHex(script) !== toHex(PAID.script)) return [];
          return [{ ...outpoint, amount: Number(value) / 1e8, height: block.height }];
        }),
      ),
    );
  }
}

/** A refusal of JSON-RPC. */
export function refusal(code: number, message: string): Reply {
  return { status: 500, body: JSON.stringify({ result: null, error: { code, message }, id: 1 }) };
}

/** A string of JSON-RPC's `result`. */
export function result(value: unknown): Reply {
  return { status: 200, body: JSON.stringify({ result: value, error: null, id: 1 }) };
}
