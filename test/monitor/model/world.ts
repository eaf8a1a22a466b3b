/**
 * What is outside of the monitor in a history: the chain, the sources with their faults, who is to be told, and the disk. A
 * refund opens at height 20 here, so that it can happen in a short chain.
 */
import type { Transaction } from "bitcoinjs-lib";
import { address as addresses } from "bitcoinjs-lib";
import { ChannelError } from "../../../monitor/alerts/channels/channel.ts";
import { type AlertBody, alertBody, type Message } from "../../../monitor/alerts/kinds.ts";
import { toPinata } from "../../../monitor/pinata.ts";
import { toHex } from "../../../monitor/proofs/bytes.ts";
import { SourceError } from "../../../monitor/sources/source.ts";
import {
  BOUNTY,
  breach,
  ELSEWHERE,
  funding,
  key,
  leafOf,
  outpointOf,
  PUBLIC,
  pay,
  REFUND,
  refund,
  tweaked,
} from "../support/bounty.ts";
import { FakeChain } from "../support/fake-chain.ts";
import { FakeSource } from "../support/fake-source.ts";

export const OPENS = 20;
const LEAF = leafOf(REFUND.point, OPENS);
const PAID = pay(BOUNTY.point, LEAF);
export const MODEL_PINATA = toPinata({
  ...PUBLIC,
  address: addresses.toBech32(PAID.outputKey, 1, "bcrt"),
  scriptPubKey: toHex(PAID.script),
  refund: { publicKey: toHex(REFUND.point), height: OPENS },
});

export const FAULTS = ["away", "hangs", "omits", "lies", "bad-branch", "bad-headers", "behind", "amnesia"] as const;
export type Fault = (typeof FAULTS)[number];

export class WorldSource extends FakeSource {
  fault: Fault | null = null;

  set(fault: Fault | null): void {
    this.fault = fault;
    this.lies = fault === null ? {} : this.#behaviour(fault);
  }

  #behaviour(fault: Fault): FakeSource["lies"] {
    const { chain } = this;
    switch (fault) {
      case "away":
        return {
          tip: async () => {
            throw new SourceError("cannot be reached", { lost: true });
          },
        };
      case "hangs":
        return { tip: () => new Promise(() => {}) };
      case "omits":
        return { spender: async () => undefined, fundings: async () => [] };
      case "lies": {
        // A spend that is none: signed by another key, and a funding that pays somebody else.
        const stray = funding({ script: ELSEWHERE, value: 7n });
        return {
          spender: async ({ txid, vout }) => {
            const paid = chain.transactions.get(txid);
            if (!paid) return undefined;
            const forged = breach({ from: [{ transaction: paid, vout }], secret: key("liar").secret });
            chain.know(forged, stray);
            return { txid: forged.getId() };
          },
          fundings: async () => [{ ...outpointOf(stray), value: 900_000_000 }],
        };
      }
      case "bad-branch":
        return { merkleProof: async () => ({ form: "branch", siblings: ["00".repeat(32)], position: 0 }) };
      case "bad-headers":
        return { headers: async () => [new Uint8Array(80)] };
      case "behind": {
        const { height, hash } = chain.best[Math.max(0, chain.best.length - 5)]!;
        return { tip: async () => ({ height, hash }), spender: async () => undefined };
      }
      case "amnesia": {
        const { height, hash } = chain.best[0]!;
        return { tip: async () => ({ height, hash }), spender: async () => undefined, fundings: async () => [] };
      }
    }
  }
}

export class World {
  readonly chain = new FakeChain();
  readonly sources: WorldSource[];
  readonly coins: Transaction[] = [];
  /** Breaches that were ever made: txid → what it spends. */
  readonly breaches = new Map<string, string>();
  readonly received: { message: Message; alert: AlertBody }[] = [];
  channelFails = false;
  diskFails = false;
  #serial = 0n;

  constructor(count: number) {
    this.chain.mine(OPENS);
    this.sources = Array.from({ length: count }, (_, i) => new WorldSource(this.chain, `source ${i}`));
  }

  fund(): void {
    const coin = funding({ script: PAID.script, value: 1_000_000n + ++this.#serial });
    this.coins.push(coin);
    this.chain.add(coin);
  }

  breach(index: number): void {
    const coin = this.#coin(index);
    if (!coin || this.#isSpentInBlock(coin)) return;
    const spend = breach({ from: [{ transaction: coin }], secret: tweaked(BOUNTY, LEAF), fee: 1000n + ++this.#serial });
    this.breaches.set(spend.getId(), `${coin.getId()}:0`);
    this.#replace(coin, spend);
  }

  refund(index: number): void {
    const coin = this.#coin(index);
    if (!coin || this.#isSpentInBlock(coin)) return;
    const options = { leaf: LEAF, control: PAID.control, locktime: OPENS };
    this.#replace(coin, refund({ from: [{ transaction: coin }], fee: 1000n + ++this.#serial, ...options }));
  }

  /** Out of every mempool. */
  forget(): void {
    for (const each of this.chain.mempool.values()) this.chain.forget(each);
  }

  mine(count: number): void {
    this.chain.mine(count);
  }

  /** The blocks' transactions go back to the mempool, or into the new branch. */
  reorg(depth: number, keep: boolean): void {
    const most = this.chain.best.length - 1 - OPENS;
    if (most < 1) return;
    const deep = Math.min(depth, most);
    const back = this.chain.best.slice(-deep).flatMap(({ transactions }) => transactions.slice(1));
    this.chain.reorg(deep, deep + 1, keep ? back : []);
    if (!keep) return;
    for (const each of back) this.chain.forget(each);
  }

  /** Outpoints of coins whose breach an honest source shows now. */
  shown(): string[] {
    if (!this.sources.some(({ fault }) => fault === null)) return [];
    const spent: string[] = [];
    for (const coin of this.coins) {
      if (!this.chain.find(coin.getId())?.block && !this.chain.mempool.has(coin.getId())) continue;
      const found = this.chain.spender(outpointOf(coin));
      if (found && this.breaches.has(found.txid)) spent.push(`${coin.getId()}:0`);
    }
    return spent;
  }

  take(message: Message): void {
    if (this.channelFails) throw new ChannelError("does not answer");
    this.received.push({ message, alert: alertBody.parse(JSON.parse(message.json)) });
  }

  heal(): void {
    for (const source of this.sources) source.set(null);
    this.channelFails = false;
    this.diskFails = false;
  }

  #coin(index: number): Transaction | undefined {
    const coin = this.coins[index % Math.max(1, this.coins.length)];
    if (!coin) return undefined;
    return this.chain.find(coin.getId())?.block || this.chain.mempool.has(coin.getId()) ? coin : undefined;
  }

  #isSpentInBlock(coin: Transaction): boolean {
    return this.chain.spender(outpointOf(coin))?.block !== undefined;
  }

  #replace(coin: Transaction, spend: Transaction): void {
    const before = this.chain.spender(outpointOf(coin));
    const rival = before && this.chain.mempool.get(before.txid);
    if (rival) this.chain.forget(rival);
    this.chain.add(spend);
  }
}
