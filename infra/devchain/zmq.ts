/**
 * The development chain's ZMQ notifications, as Bitcoin Core publishes them (its doc/zmq.md): rawtx, hashtx, hashblock,
 * rawblock and sequence, each message with its topic's own counter of 4 bytes. Measured on a real node: a transaction is
 * published when it enters the mempool and again with each block that is connected or disconnected; what leaves by being
 * mined is not told; invalidateblock tells nothing on hashblock.
 */
import { XPublisher } from "zeromq";
import { hashBytes } from "../bitcoin/bytes.ts";
import type { ChainEvent, StoredBlock } from "./chain.ts";
import type { DevNode } from "./node.ts";
import { ZmqFaults } from "./rpc-faults.ts";
import type { Tx } from "./transaction.ts";

const TOPICS = ["rawtx", "hashtx", "hashblock", "rawblock", "sequence"] as const;
type Topic = (typeof TOPICS)[number];
/** Messages that wait for a slow reader before the rest is lost; Core's default. */
const HIGH_WATER_MARK = 1_000;

export interface ZmqOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
}

export class ZmqPublisher {
  readonly faults = new ZmqFaults();
  /** tcp://host:port. */
  readonly endpoint: string;
  readonly #node: DevNode;
  /** Topics that readers have subscribed to, each reader's counted. What is published from then on reaches them. */
  subscriptions = 0;
  /** Messages sent, by topic. */
  readonly published = new Map<string, number>();
  readonly #socket: XPublisher;
  readonly #unfollow: () => void;
  readonly #counters = new Map<Topic, number>();
  /** A socket sends one message at a time. */
  #sending: Promise<void> = Promise.resolve();

  private constructor(node: DevNode, socket: XPublisher) {
    this.#node = node;
    this.#socket = socket;
    this.endpoint = socket.lastEndpoint!;
    this.#unfollow = node.onEvent((event) => this.#tell(event));
    void this.#countSubscriptions();
  }

  /** Rejects with the system's error when the port cannot be had. */
  static async start(node: DevNode, { host, port }: ZmqOptions): Promise<ZmqPublisher> {
    const socket = new XPublisher({
      sendHighWaterMark: HIGH_WATER_MARK,
      verbosity: "allSubs",
      linger: 0,
      ipv6: host.includes(":"),
    });
    try {
      await socket.bind(`tcp://${host.includes(":") ? `[${host}]` : host}:${port === 0 ? "*" : port}`);
    } catch (error) {
      socket.close();
      throw error;
    }
    return new ZmqPublisher(node, socket);
  }

  /** As getzmqnotifications tells them. */
  get notifications(): { type: string; address: string; hwm: number }[] {
    return TOPICS.map((topic) => ({ type: `pub${topic}`, address: this.endpoint, hwm: HIGH_WATER_MARK }));
  }

  /** As after the node was started anew, while readers stay connected. */
  resetCounters(): void {
    this.#counters.clear();
  }

  async close(): Promise<void> {
    this.#unfollow();
    await this.#sending;
    this.#socket.close();
  }

  async #countSubscriptions(): Promise<void> {
    try {
      for await (const [message] of this.#socket) if (message?.[0] === 1) this.subscriptions++;
    } catch (error) {
      if (!this.#socket.closed) throw error;
    }
  }

  #tell(event: ChainEvent): void {
    switch (event.kind) {
      case "entered":
        this.#tellTransaction(event.tx);
        this.#publish("sequence", labelled(event.tx.txid, "A", event.sequence));
        return;
      case "left":
        this.#publish("sequence", labelled(event.tx.txid, "R", event.sequence));
        return;
      case "connected":
        this.#tellContents(event.block);
        this.#publish("sequence", labelled(event.block.hash, "C"));
        return;
      case "disconnected":
        this.#tellContents(event.block);
        this.#publish("sequence", labelled(event.block.hash, "D"));
        return;
      case "tip":
        this.#publish("hashblock", displayed(event.block.hash));
        this.#publish("rawblock", event.block.raw);
    }
  }

  #tellContents(block: StoredBlock): void {
    for (const tx of this.#node.chain.contents(block).txs) this.#tellTransaction(tx);
  }

  #tellTransaction({ txid, raw }: Tx): void {
    this.#publish("hashtx", displayed(txid));
    this.#publish("rawtx", raw);
  }

  #publish(topic: Topic, body: Uint8Array): void {
    const number = this.#counters.get(topic) ?? 0;
    this.#counters.set(topic, (number + 1) >>> 0);
    if (this.faults.publishing === "silent" || !this.faults.keep(topic, number)) return;
    this.published.set(topic, (this.published.get(topic) ?? 0) + 1);
    const counter = Buffer.alloc(4);
    counter.writeUInt32LE(number);
    this.#sending = this.#sending.then(() => this.#socket.send([topic, Buffer.from(body), counter]));
  }
}

/** Hashes are published with their bytes as they are displayed. */
function displayed(hash: string): Uint8Array {
  return hashBytes(hash).reverse();
}

/** The body of a sequence message; `sequence`: the mempool's. */
function labelled(hash: string, label: "A" | "R" | "C" | "D", sequence?: number): Uint8Array {
  const number = Buffer.alloc(sequence === undefined ? 0 : 8);
  if (sequence !== undefined) number.writeBigUInt64LE(BigInt(sequence));
  return Buffer.concat([displayed(hash), Buffer.from(label), number]);
}
