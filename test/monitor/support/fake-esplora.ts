/** The Esplora API over a FakeChain, as an HTTP server whose answers a test may replace, delay or break. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { toHex } from "../../../monitor/proofs/bytes.ts";
import { PAID, PUBLIC } from "./bounty.ts";
import { branchOf, type FakeBlock, type FakeChain } from "./fake-chain.ts";

/** Answers by itself and returns true, or leaves it to the chain. */
export type Tamper = (path: string, response: ServerResponse, request: IncomingMessage) => boolean;

export class FakeEsplora {
  readonly chain: FakeChain;
  tamper: Tamper | undefined;
  requests: string[] = [];
  #server: Server | undefined;
  #port = 0;

  constructor(chain: FakeChain) {
    this.chain = chain;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Again on the same port after a stop. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      this.requests.push(path);
      if (this.tamper?.(path, response, request)) return;
      const answer = this.#answer(path);
      if (answer === undefined) response.writeHead(404).end("not found");
      else if (typeof answer === "string") response.end(answer);
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  #answer(path: string): unknown {
    const { chain } = this;
    if (path === "/blocks/tip/hash") return chain.tip.hash;
    const block = /^\/block\/(\w+)(\/header)?$/.exec(path);
    if (block) {
      const found = chain.blocks.get(block[1]!);
      return found && (block[2] ? toHex(found.header) : { id: found.hash, height: found.height });
    }
    if (path.startsWith(`/address/${PUBLIC.address}/txs`)) return this.#history(path.split("/chain/")[1]);
    const outspend = /^\/tx\/(\w+)\/outspend\/(\d+)$/.exec(path);
    if (outspend) {
      const spender = chain.spender({ txid: outspend[1]!, vout: Number(outspend[2]) });
      return spender ? { spent: true, txid: spender.txid, vin: 0, status: status(spender.block) } : { spent: false };
    }
    const tx = /^\/tx\/(\w+)\/(hex|merkle-proof)$/.exec(path);
    const found = tx && chain.find(tx[1]!);
    if (!tx || !found) return undefined;
    if (tx[2] === "hex") return toHex(found.transaction.toBuffer());
    if (!found.block) return undefined;
    const txids = chain.txids(found.block);
    return { block_height: found.block.height, ...branchOf(txids, txids.indexOf(tx[1]!)) };
  }

  /** Newest first: the mempool and 25 confirmed, or 25 after `last`. */
  #history(last: string | undefined): unknown {
    const { chain } = this;
    const script = toHex(PAID.script);
    const concerns = (each: { outs: { script: Uint8Array }[]; ins: { hash: Uint8Array; index: number }[] }): boolean =>
      each.outs.some((output) => toHex(output.script) === script) ||
      each.ins.some(({ hash, index }) => {
        const previous = chain.transactions.get(toHex(Uint8Array.from(hash).reverse()));
        return previous !== undefined && toHex(previous.outs[index]!.script) === script;
      });
    const confirmed = chain.best
      .flatMap((block) => block.transactions.filter(concerns).map((transaction) => ({ transaction, block })))
      .reverse();
    const from = last === undefined ? 0 : confirmed.findIndex(({ transaction }) => transaction.getId() === last) + 1;
    const pending =
      last === undefined ? [...chain.mempool.values()].filter(concerns).map((transaction) => ({ transaction })) : [];
    return [...pending, ...confirmed.slice(from, from + 25)].map((each) => ({
      txid: each.transaction.getId(),
      vout: each.transaction.outs.map(({ script: out, value }) => ({ scriptpubkey: toHex(out), value: Number(value) })),
      status: status("block" in each ? (each.block as FakeBlock) : undefined),
    }));
  }
}

function status(block: FakeBlock | undefined): unknown {
  return block ? { confirmed: true, block_height: block.height, block_hash: block.hash } : { confirmed: false };
}
