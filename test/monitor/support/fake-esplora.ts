/** The Esplora API over a FakeChain, as an HTTP server whose answers a test may replace, delay or break. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Transaction } from "bitcoinjs-lib";
import { showHash, toHex } from "../../../monitor/proofs/bytes.ts";
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
    const block = /^\/block\/(\w+)(\/header|\/txid\/0)?$/.exec(path);
    if (block) {
      const found = chain.blocks.get(block[1]!);
      if (block[2] === "/txid/0") return found && chain.txids(found)[0];
      return found && (block[2] ? toHex(found.header) : blockJson(found));
    }
    const list = /^\/blocks\/(\d+)$/.exec(path);
    if (list)
      return chain.best
        .slice(0, Number(list[1]) + 1)
        .slice(-10)
        .reverse()
        .map(blockJson);
    const history = `/address/${PUBLIC.address}/txs`;
    if (path === history) return [...this.#waiting(), ...this.#history(undefined)];
    if (path === `${history}/mempool`) return this.#waiting();
    if (path.startsWith(`${history}/chain/`)) return this.#history(path.split("/chain/")[1]);
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

  /** Up to 50 that are in no block. */
  #waiting(): unknown[] {
    const waiting = [...this.chain.mempool.values()].filter((each) => this.#concerns(each)).reverse();
    return waiting.slice(0, 50).map((transaction) => this.#listed(transaction));
  }

  /** 25 that are in blocks, newest first, after `last`. */
  #history(last: string | undefined): unknown[] {
    const confirmed = this.chain.best
      .flatMap((block) => block.transactions.map((transaction) => ({ transaction, block })))
      .filter(({ transaction }) => this.#concerns(transaction))
      .reverse();
    const from = last === undefined ? 0 : confirmed.findIndex(({ transaction }) => transaction.getId() === last) + 1;
    if (last !== undefined && from === 0) return [];
    return confirmed.slice(from, from + 25).map(({ transaction, block }) => this.#listed(transaction, block));
  }

  #concerns({ outs, ins }: Transaction): boolean {
    const script = toHex(PAID.script);
    return outs.some((output) => toHex(output.script) === script) || ins.some((input) => this.#spent(input) === script);
  }

  /** The script that an input spends, if its transaction is known. */
  #spent({ hash, index }: Transaction["ins"][number]): string | undefined {
    const previous = this.chain.transactions.get(showHash(hash))?.outs[index];
    return previous && toHex(previous.script);
  }

  #listed(transaction: Transaction, block?: FakeBlock): unknown {
    return {
      txid: transaction.getId(),
      vin: transaction.ins.map((input) => {
        const scriptpubkey = this.#spent(input);
        return { txid: showHash(input.hash), vout: input.index, prevout: scriptpubkey ? { scriptpubkey } : null };
      }),
      vout: transaction.outs.map(({ script, value }) => ({ scriptpubkey: toHex(script), value: Number(value) })),
      status: status(block),
    };
  }
}

function blockJson({ hash, height, header, previous }: FakeBlock): unknown {
  const fields = Buffer.from(header);
  return {
    id: hash,
    height,
    version: fields.readUInt32LE(0),
    previousblockhash: height === 0 ? null : previous,
    merkle_root: showHash(header.subarray(36, 68)),
    timestamp: fields.readUInt32LE(68),
    bits: fields.readUInt32LE(72),
    nonce: fields.readUInt32LE(76),
  };
}

function status(block: FakeBlock | undefined): unknown {
  return block ? { confirmed: true, block_height: block.height, block_hash: block.hash } : { confirmed: false };
}
