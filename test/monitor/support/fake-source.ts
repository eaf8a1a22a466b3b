/** A source in memory over a FakeChain; a test lets it lie by replacing methods in `lies`. */
import type { MerkleProof } from "../../../monitor/proofs/merkle.ts";
import type { Outpoint } from "../../../monitor/proofs/transaction.ts";
import {
  type Block,
  type ChainSource,
  type Funding,
  SourceError,
  type Spender,
  type Target,
} from "../../../monitor/sources/source.ts";
import { branchOf, type FakeChain, idOf } from "./fake-chain.ts";

export class FakeSource implements ChainSource {
  readonly kind = "esplora";
  readonly name: string;
  readonly chain: FakeChain;
  lies: Partial<Omit<ChainSource, "name" | "kind" | "own" | "operator">> = {};
  own = false;
  operator: string;
  /** Methods called, in order. */
  asked: string[] = [];

  constructor(chain: FakeChain, name = "fake") {
    this.chain = chain;
    this.name = name;
    this.operator = name;
  }

  async tip(): Promise<Block> {
    this.asked.push("tip");
    if (this.lies.tip) return this.lies.tip();
    const { height, hash } = this.chain.tip;
    return { height, hash };
  }

  async headers(hash: string, height: number, count: number): Promise<Uint8Array[]> {
    this.asked.push("headers");
    if (this.lies.headers) return this.lies.headers(hash, height, count);
    const headers: Uint8Array[] = [];
    for (
      let block = this.chain.blocks.get(hash);
      block && headers.length < count;
      block = this.chain.blocks.get(block.previous)
    ) {
      headers.push(block.header);
    }
    if (headers.length === 0) throw new SourceError("does not know the block");
    return headers;
  }

  async fundings(target: Target, known: (txid: string) => boolean): Promise<Funding[]> {
    this.asked.push("fundings");
    if (this.lies.fundings) return this.lies.fundings(target, known);
    const script = Buffer.from(target.script);
    const found: Funding[] = [];
    const all = [...this.chain.best.flatMap(({ transactions }) => transactions), ...this.chain.mempool.values()];
    for (const transaction of all) {
      transaction.outs.forEach((output, vout) => {
        if (!script.equals(output.script)) return;
        const txid = idOf(transaction);
        const block = this.chain.find(txid)?.block;
        const where = block ? { block: { height: block.height, hash: block.hash } } : {};
        found.push({ txid, vout, value: Number(output.value), ...where });
      });
    }
    return found;
  }

  async spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    this.asked.push("spender");
    if (this.lies.spender) return this.lies.spender(outpoint, since);
    const found = this.chain.spender(outpoint);
    if (!found) return undefined;
    return {
      txid: found.txid,
      ...(found.block ? { block: { height: found.block.height, hash: found.block.hash } } : {}),
    };
  }

  async transaction(txid: string, block?: Block): Promise<Uint8Array | undefined> {
    this.asked.push("transaction");
    if (this.lies.transaction) return this.lies.transaction(txid, block);
    return this.chain.transactions.get(txid)?.toBuffer();
  }

  get coinbaseProof(): ChainSource["coinbaseProof"] {
    return this.lies.coinbaseProof;
  }

  get prevouts(): ChainSource["prevouts"] {
    return this.lies.prevouts;
  }

  async merkleProof(txid: string, block: Block): Promise<MerkleProof> {
    this.asked.push("merkleProof");
    if (this.lies.merkleProof) return this.lies.merkleProof(txid, block);
    const txids = this.chain.txids(this.chain.blocks.get(block.hash)!);
    const { merkle, pos } = branchOf(txids, txids.indexOf(txid));
    return { form: "branch", siblings: merkle, position: pos };
  }
}
