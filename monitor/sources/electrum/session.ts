/**
 * One conversation with an Electrum server, from version and network check to its end. What the server said is kept
 * only as long as the conversation lasts, so a new one asks everything anew. Notifications are never taken as
 * answers: they only say that asking is worth while. A script's history is taken when history, unspent coins and
 * status agree.
 */
import type { Clock } from "../../clock.ts";
import { fromHex, type Hash, sha256d, showHash } from "../../proofs/bytes.ts";
import type { Pace } from "../pace.ts";
import { type Block, SourceError } from "../source.ts";
import type { ElectrumAddress } from "./address.ts";
import { ElectrumClient, quote } from "./client.ts";
import {
  type HistoryItem,
  type Method,
  type Result,
  statusNotification,
  tipNotification,
  type UnspentItem,
} from "./messages.ts";
import { fitsStatus } from "./status.ts";

/** What this program understands; both ends inclusive. */
const PROTOCOL = ["1.4", "1.4.5"] as const;
const CLIENT_NAME = "pinata-monitor";
/** Silence after which a ping is sent: servers drop sessions that say nothing for ten minutes. */
export const QUIET = 60_000;
const MAX_SCRIPTS = 100;
const ATTEMPTS = 4;

export interface SessionOptions {
  address: ElectrumAddress;
  clock: Clock;
  pace: Pace;
  timeout: number;
  /** Ends it, also while it is opening. */
  signal: AbortSignal;
  /** The network's name and the hash of its genesis block. */
  network: { name: string; genesis: Hash };
  /** Something changed on the server's side. */
  news(): void;
  ended(error: SourceError): void;
}

/** A script's transactions as the server lists them: in a block (height > 0) in chain order, then those that wait. */
export interface History {
  status: Hash | null;
  items: readonly HistoryItem[];
  unspent: readonly UnspentItem[];
}

export class Session {
  readonly #options: SessionOptions;
  #client!: ElectrumClient;
  #tip: Block | undefined;
  /** Of the branch of #tip. */
  readonly #hashes = new Map<number, Hash>();
  readonly #histories = new Map<Hash, History & { round: number }>();
  readonly #subscribed = new Set<Hash>();
  #round = 0;
  #cancelPing = () => {};

  private constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Connects, agrees on a version, checks the network, subscribes to headers. Throws {@link SourceError}. */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    const { address, clock, pace, timeout, signal } = options;
    session.#client = await ElectrumClient.open({
      address,
      clock,
      pace,
      timeout,
      signal,
      notified: (method, params) => session.#notified(method, params),
      ended: (error) => {
        session.#cancelPing();
        options.ended(error);
      },
    });
    try {
      await session.#greet();
    } catch (error) {
      session.close();
      throw error;
    }
    return session;
  }

  get strays(): number {
    return this.#client.strays;
  }

  /** Of the tip that the server showed last. */
  get height(): number {
    return this.#tip?.height ?? 0;
  }

  close(): void {
    this.#cancelPing();
    this.#client.close();
  }

  /** The server's tip, asked now; histories are asked anew after it. */
  async tip(): Promise<Block> {
    const { height, hex } = await this.#call("blockchain.headers.subscribe");
    this.#round++;
    return this.#moved(height, fromHex(hex));
  }

  /** Headers of 80 bytes, oldest first. Throws {@link SourceError} unless the server has all of them. */
  async headers(start: number, count: number): Promise<Uint8Array[]> {
    const answer = await this.#call("blockchain.block.headers", start, count);
    if (answer.count !== count || answer.hex.length !== count * 160) {
      throw new SourceError(
        `sent ${answer.count} headers in ${answer.hex.length / 2} bytes, asked for ${count} from height ${start}`,
      );
    }
    const bytes = fromHex(answer.hex);
    return Array.from({ length: count }, (_, index) => bytes.subarray(index * 80, index * 80 + 80));
  }

  /** The hash of the server's block at a height. */
  async hashAt(height: number): Promise<Hash> {
    const known = this.#hashes.get(height);
    if (known !== undefined) return known;
    const [header] = await this.headers(height, 1);
    const hash = showHash(sha256d(header!));
    this.#hashes.set(height, hash);
    return hash;
  }

  /** Asked at most once after each {@link tip}. `script`: script hash as the protocol writes it. */
  async history(script: Hash): Promise<History> {
    const held = this.#histories.get(script);
    if (held?.round === this.#round) return held;
    this.#subscribed.add(script);
    if (this.#subscribed.size > MAX_SCRIPTS) throw new SourceError("is asked about too many scripts");
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const round = this.#round;
      const status = await this.#call("blockchain.scripthash.subscribe", script);
      if (held && held.status === status) return this.#keep(script, { ...held, round });
      const items = await this.#call("blockchain.scripthash.get_history", script);
      const unspent = await this.#call("blockchain.scripthash.listunspent", script);
      if ((await this.#call("blockchain.scripthash.subscribe", script)) !== status) continue;
      if (!fitsStatus(items, status)) {
        throw new SourceError("shows another history of the address than the one whose status it announces");
      }
      return this.#keep(script, { status, items, unspent, round });
    }
    throw new SourceError("changes the address's history faster than it can be read");
  }

  /** A history that does not hold together is asked anew. */
  forget(script: Hash): void {
    this.#histories.delete(script);
  }

  async transaction(txid: Hash): Promise<Uint8Array> {
    return fromHex(await this.#call("blockchain.transaction.get", txid));
  }

  merkle(txid: Hash, height: number): Promise<Result<"blockchain.transaction.get_merkle">> {
    return this.#call("blockchain.transaction.get_merkle", txid, height);
  }

  /** The id and merkle branch of a block's first transaction. */
  coinbase(height: number): Promise<Result<"blockchain.transaction.id_from_pos">> {
    return this.#call("blockchain.transaction.id_from_pos", height, 0, true);
  }

  async #greet(): Promise<void> {
    const [, version] = await this.#call("server.version", CLIENT_NAME, PROTOCOL);
    if (!isBetween(version, ...PROTOCOL)) {
      throw new SourceError(`speaks Electrum protocol "${quote(version)}", not ${PROTOCOL.join(" to ")}`);
    }
    const { genesis_hash: genesis } = await this.#call("server.features");
    const { network } = this.#options;
    if (genesis !== network.genesis) {
      throw new SourceError(`is on another network: its genesis block is ${genesis}, not ${network.name}'s`);
    }
    await this.tip();
  }

  #keep(script: Hash, held: History & { round: number }): History {
    this.#histories.set(script, held);
    return held;
  }

  /** A block on top of the tip leaves the hashes below as they were; anything else may be another branch. */
  #moved(height: number, header: Uint8Array): Block {
    const hash = showHash(sha256d(header));
    if (this.#tip?.hash !== hash && this.#tip?.hash !== showHash(header.subarray(4, 36))) this.#hashes.clear();
    this.#tip = { height, hash };
    return this.#tip;
  }

  #notified(method: string, params: readonly unknown[]): boolean {
    if (method === "blockchain.headers.subscribe") {
      const told = tipNotification.safeParse(params);
      if (!told.success) return false;
      const [{ height, hex }] = told.data;
      this.#moved(height, fromHex(hex));
    } else {
      const told = statusNotification.safeParse(params);
      if (method !== "blockchain.scripthash.subscribe" || !told.success) return false;
      if (!this.#subscribed.has(told.data[0])) return false;
    }
    this.#options.news();
    return true;
  }

  async #call<M extends Method>(method: M, ...params: readonly unknown[]): Promise<Result<M>> {
    this.#cancelPing();
    const result = await this.#client.call(method, ...params);
    this.#cancelPing();
    // A ping that fails ends the connection, which is told elsewhere.
    this.#cancelPing = this.#options.clock.after(QUIET, () => void this.#call("server.ping").catch(() => undefined));
    return result;
  }
}

/** Versions as dotted numbers. */
function isBetween(version: string, low: string, high: string): boolean {
  if (!/^\d{1,3}(\.\d{1,3}){1,3}$/.test(version)) return false;
  return compare(version, low) >= 0 && compare(version, high) <= 0;
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => [...text.split(".").map(Number), 0, 0, 0]) as [number[], number[]];
  for (let i = 0; i < 4; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
  return 0;
}
