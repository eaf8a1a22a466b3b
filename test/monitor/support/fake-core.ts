/** Bitcoin Core's JSON-RPC over a FakeChain: `indexed` is a node with txospenderindex (31.0), else an older one. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { toHex } from "../../../monitor/proofs/bytes.ts";
import { PAID } from "./bounty.ts";
import { type FakeBlock, type FakeChain, partialTree } from "./fake-chain.ts";

type Reply = { status: number; body: string };

export class FakeCore {
  readonly chain: FakeChain;
  indexed = false;
  login = "__cookie__:one";
  calls: string[] = [];
  /** Replaces an answer. */
  tamper: ((method: string, params: unknown[]) => Reply | undefined) | undefined;
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
        const { method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
          method: string;
          params: unknown[];
        };
        this.calls.push(method);
        const { status, body } = this.tamper?.(method, params) ?? this.#reply(method, params);
        response.writeHead(status).end(body);
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

  #reply(method: string, params: unknown[]): Reply {
    try {
      return { status: 200, body: JSON.stringify({ result: this.#call(method, params), error: null, id: method }) };
    } catch (error) {
      const { code, message } = error as { code: number; message: string };
      return { status: 500, body: JSON.stringify({ result: null, error: { code, message }, id: method }) };
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
      case "getblockhash":
        return chain.best[params[0] as number]!.hash;
      case "getblockheader": {
        const block = this.#block(params[0]);
        if (params[1] === false) return toHex(block.header);
        const confirmations = chain.best.includes(block) ? chain.tip.height - block.height + 1 : -1;
        return { height: block.height, confirmations };
      }
      case "getblock": {
        const block = this.#block(params[0]);
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
        return chain.find(outpoint.txid) && !chain.spender(outpoint) ? { confirmations: 1 } : null;
      }
      case "scantxoutset":
        return { success: true, unspents: this.#unspent() };
      case "getrawtransaction": {
        const found = chain.find(params[0] as string);
        const where = params[2] as string | undefined;
        if (!found || (found.block && found.block.hash !== where))
          throw { code: -5, message: "No such mempool transaction" };
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

/** A string of JSON-RPC's `result`. */
export function result(value: unknown): Reply {
  return { status: 200, body: JSON.stringify({ result: value, error: null, id: 1 }) };
}
