/**
 * A chain of real regtest headers over whatever transactions a test puts in: nothing is validated, so that tests can make
 * what an honest node never would. Reorgs, a mempool, and both forms of merkle proof.
 */
import { Transaction } from "bitcoinjs-lib";
import type { Block } from "../../../monitor/coins/header-tree.ts";
import { hashBytes, sha256d, showHash } from "../../../monitor/proofs/bytes.ts";
import { NETWORKS } from "../../../monitor/proofs/header.ts";
import type { Outpoint } from "../../../monitor/proofs/transaction.ts";

export interface FakeBlock extends Block {
  header: Uint8Array;
  previous: string;
  transactions: Transaction[];
}

/** Raw header of regtest's genesis block. */
export const GENESIS = Buffer.from(
  "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000",
  "hex",
);
export const REGTEST_BITS = 0x207fffff;

/** Searches for proof of work; `nonce` from 0. */
export function mineHeader(previous: string, root: string, time: number, bits = REGTEST_BITS): Uint8Array {
  const header = Buffer.alloc(80);
  header.writeUInt32LE(0x20000000, 0);
  header.set(hashBytes(previous), 4);
  header.set(hashBytes(root), 36);
  header.writeUInt32LE(time, 68);
  header.writeUInt32LE(bits, 72);
  for (let nonce = 0; ; nonce++) {
    header.writeUInt32LE(nonce, 76);
    if (BigInt(`0x${showHash(sha256d(header))}`) <= NETWORKS.regtest.limit) return new Uint8Array(header);
  }
}

/** Merkle levels, leaves first; displayed hashes. */
export function merkleLevels(txids: string[]): string[][] {
  const levels = [txids];
  for (let level = txids; level.length > 1; levels.push(level)) {
    const next: string[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(pair(level[i]!, level[i + 1] ?? level[i]!));
    level = next;
  }
  return levels;
}

function pair(left: string, right: string): string {
  return showHash(sha256d(Buffer.concat([hashBytes(left), hashBytes(right)])));
}

export function branchOf(txids: string[], position: number): { merkle: string[]; pos: number } {
  const merkle: string[] = [];
  let index = position;
  for (const level of merkleLevels(txids).slice(0, -1)) {
    merkle.push(level[index ^ 1] ?? level[index]!);
    index >>= 1;
  }
  return { merkle, pos: position };
}

/** CMerkleBlock of one transaction, written from BIP-37's description. */
export function partialTree(header: Uint8Array, txids: string[], position: number): Uint8Array {
  const levels = merkleLevels(txids);
  const bits: number[] = [];
  const hashes: string[] = [];
  const walk = (height: number, index: number): void => {
    const matches = position >> height === index;
    bits.push(matches ? 1 : 0);
    if (height === 0 || !matches) {
      hashes.push(levels[height]![index]!);
      return;
    }
    walk(height - 1, index * 2);
    if (index * 2 + 1 < levels[height - 1]!.length) walk(height - 1, index * 2 + 1);
  };
  walk(levels.length - 1, 0);
  const flags = Buffer.alloc(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    flags[i >> 3]! |= bit << (i & 7);
  });
  const count = Buffer.alloc(4);
  count.writeUInt32LE(txids.length);
  const parts = [
    header,
    count,
    Uint8Array.from([hashes.length]),
    ...hashes.map(hashBytes),
    Uint8Array.from([flags.length]),
    flags,
  ];
  return new Uint8Array(Buffer.concat(parts));
}

const ids = new WeakMap<Transaction, string>();

/** The txid, computed once: what is in a chain does not change any more. */
export function idOf(transaction: Transaction): string {
  let id = ids.get(transaction);
  if (id === undefined) {
    id = transaction.getId();
    ids.set(transaction, id);
  }
  return id;
}

/** Of all chains, so that no two blocks are ever the same. */
let serial = 0;

export class FakeChain {
  readonly blocks = new Map<string, FakeBlock>();
  readonly transactions = new Map<string, Transaction>();
  readonly mempool = new Map<string, Transaction>();
  /** Best chain by height. */
  best: FakeBlock[];

  constructor() {
    const genesis = {
      height: 0,
      hash: NETWORKS.regtest.genesis,
      header: new Uint8Array(GENESIS),
      previous: "0".repeat(64),
      transactions: [],
    };
    this.blocks.set(genesis.hash, genesis);
    this.best = [genesis];
  }

  get tip(): FakeBlock {
    return this.best.at(-1)!;
  }

  /** Known, but neither in the mempool nor in a block. */
  know(...transactions: Transaction[]): void {
    for (const transaction of transactions) this.transactions.set(idOf(transaction), transaction);
  }

  add(...transactions: Transaction[]): void {
    this.know(...transactions);
    for (const transaction of transactions) this.mempool.set(idOf(transaction), transaction);
  }

  /** Out of the mempool, as if replaced or expired. */
  forget(transaction: Transaction): void {
    this.mempool.delete(idOf(transaction));
  }

  /** Mines blocks; the first holds `transactions` (by default the mempool). Answers the last one. */
  mine(count = 1, transactions: Transaction[] = [...this.mempool.values()]): FakeBlock {
    for (let i = 0; i < count; i++) this.best.push(this.#make(this.tip, i === 0 ? transactions : []));
    for (const transaction of transactions) this.mempool.delete(idOf(transaction));
    this.know(...transactions);
    return this.tip;
  }

  /** Replaces the last `depth` blocks by `length` new ones; the first of them holds `transactions`, others go to the mempool. */
  reorg(depth: number, length = depth + 1, transactions: Transaction[] = []): FakeBlock {
    const removed = this.best.splice(this.best.length - depth);
    for (const { transactions: back } of removed) this.add(...back.slice(1));
    return this.mine(length, transactions);
  }

  /** A block on `parent` that is not on the best chain. */
  side(parent: FakeBlock, transactions: Transaction[] = []): FakeBlock {
    return this.#make(parent, transactions);
  }

  find(txid: string): { transaction: Transaction; block?: FakeBlock } | undefined {
    const transaction = this.transactions.get(txid);
    if (!transaction) return undefined;
    const block = this.best.find(({ transactions }) => transactions.some((each) => idOf(each) === txid));
    return block ? { transaction, block } : { transaction };
  }

  spender({ txid, vout }: Outpoint): { txid: string; block?: FakeBlock } | undefined {
    const spends = (each: Transaction): boolean =>
      each.ins.some(({ hash, index }) => index === vout && showHash(hash) === txid);
    for (const block of this.best) {
      const found = block.transactions.find(spends);
      if (found) return { txid: idOf(found), block };
    }
    const pending = [...this.mempool.values()].find(spends);
    return pending && { txid: idOf(pending) };
  }

  txids(block: FakeBlock): string[] {
    return block.transactions.map((each) => idOf(each));
  }

  #make(parent: FakeBlock, transactions: Transaction[]): FakeBlock {
    const height = parent.height + 1;
    const all = [coinbase(serial++), ...transactions];
    const root = merkleLevels(all.map((each) => idOf(each))).at(-1)![0]!;
    const header = mineHeader(parent.hash, root, 1_700_000_000 + height * 600);
    const block = { height, hash: showHash(sha256d(header)), header, previous: parent.hash, transactions: all };
    this.blocks.set(block.hash, block);
    this.know(...all);
    return block;
  }
}

function coinbase(number: number): Transaction {
  const transaction = new Transaction();
  transaction.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, Buffer.from(`block ${number}`));
  transaction.addOutput(Uint8Array.from([0x51]), 5_000_000_000n);
  return transaction;
}
