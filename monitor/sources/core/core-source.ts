/**
 * Bitcoin Core as a source (29.0 or newer; no wallet and no transaction index needed): JSON-RPC is the truth, ZMQ only says
 * when to ask. What its indexes give is used where they are (txospenderindex of 31.0, blockfilterindex), and asked once
 * for each connection. Transactions, headers and blocks are hashed and compared before anyone sees them.
 */
import { z } from "zod";
import { type Hash, ProofError, sha256d, showHash, toHex } from "../../proofs/bytes.ts";
import type { CoinbaseProof, MerkleProof } from "../../proofs/merkle.ts";
import type { Prevout } from "../../proofs/prevouts.ts";
import { parseExpected } from "../../proofs/transaction.ts";
import type { Wanted } from "../block-scan.ts";
import { OutpointSet } from "../outpoint-set.ts";
import {
  type Asking,
  type Block,
  type ChainSource,
  type Funding,
  type Outpoint,
  SourceError,
  type Spender,
  type Target,
} from "../source.ts";
import { isZmqEndpoint } from "./address.ts";
import { Fundings } from "./fundings.ts";
import { CoreNews, type NewsStats } from "./news.ts";
import { CoreNode, previousOf } from "./node.ts";
import { claimedPrevouts } from "./prevouts.ts";
import { bytesOf, CoreRpc, hash, height, hexBytes, RpcCode, RpcError, read } from "./rpc.ts";
import { Spenders } from "./spenders.ts";

export interface CoreOptions {
  /** Such as http://127.0.0.1:8332; may hold user:password. */
  url: string;
  /** The node's cookie file. */
  cookieFile?: string;
  /** The `chain` that the node must be on. */
  chain: string;
  name?: string;
  operator?: string;
  /** ZMQ endpoints; when there are none, the node is asked for them. */
  zmq?: readonly string[];
  /** Height at which to begin the search for coins that are spent already. */
  birth?: number;
  /** Milliseconds for one call. */
  timeout?: number;
  /** Milliseconds for scantxoutset and scanblocks, which read much. */
  scanTimeout?: number;
  /** Milliseconds for which a round waits for the first scan. */
  patience?: number;
}

const chainInfo = z.object({
  chain: z.string(),
  blocks: height,
  bestblockhash: hash,
  initialblockdownload: z.boolean(),
});
const notifications = z.array(z.object({ type: z.string(), address: z.string() })).max(100);
const blockTxids = z.object({ tx: z.array(hash).min(1) });
const CHAIN_INFO = "getblockchaininfo";
const MAX_ENDPOINTS = 8;
/** Spends asked for in one exchange with the tip: as many transactions of the greatest usual length fit into an answer. */
const MAX_HINTED = 8;
const SCAN_TIMEOUT = 600_000;
const PATIENCE = 10_000;

export class CoreSource implements ChainSource {
  readonly kind = "core";
  readonly own = true;
  readonly name: string;
  readonly operator: string;
  readonly #options: CoreOptions;
  readonly #node: CoreNode;
  readonly #spenders: Spenders;
  readonly #news: CoreNews;
  readonly #listeners = new Set<() => void>();
  #fundings: Fundings | undefined;
  #target: Target | undefined;
  #tip: Block | undefined;
  /** What transactions are matched with, for the coins asked about of late. */
  #wanted: Wanted | undefined;
  /** Session in which the node was asked for its ZMQ endpoints. */
  #discovered: number | undefined;
  /** Spends that ZMQ told of since the round began. */
  readonly #hinted = new Set<Hash>();
  /** What the node answered when it was asked for their bytes. */
  #raws = new Map<Hash, unknown>();
  /** ZMQ told something since the round began; and before it. */
  #told = false;
  #hurried = false;
  #closed = false;

  constructor(options: CoreOptions) {
    this.#options = options;
    const rpc = new CoreRpc(options);
    this.#node = new CoreNode(rpc, options.scanTimeout ?? SCAN_TIMEOUT);
    this.#spenders = new Spenders(this.#node);
    this.name = options.name ?? `core ${rpc.host}`;
    this.operator = options.operator ?? this.name;
    this.#news = new CoreNews({
      wanted: () => this.#matching(),
      isNamed: (txid) => this.#spenders.isNamed(txid),
      matched: (hits) => {
        this.#fundings?.sight(hits);
        for (const { txid } of hits.spends) if (this.#hinted.size < MAX_HINTED) this.#hinted.add(txid);
      },
      news: () => {
        this.#told = true;
        this.#tell();
      },
    });
  }

  /**
   * One exchange tells the tip, who spends each coin, and the bytes of the spends that ZMQ told of: asking one after another
   * would take three times as long.
   */
  async tip(asking?: Asking): Promise<Block> {
    if (asking) this.#watch(asking.target);
    const ahead = await this.#spenders.ahead(asking?.outpoints ?? []);
    const hinted = [...this.#hinted];
    this.#hinted.clear();
    const [told, ...rest] = await this.#node.rpc.together([
      { method: CHAIN_INFO, params: [] },
      ...ahead.calls,
      ...hinted.map((txid) => ({ method: "getrawtransaction", params: [txid, 0] })),
    ]);
    if (told instanceof RpcError) throw told;
    const info = read(chainInfo, told, CHAIN_INFO);
    if (info.chain !== this.#options.chain) {
      throw new SourceError(`is on chain "${info.chain}", not "${this.#options.chain}"`);
    }
    if (info.initialblockdownload && info.chain !== "regtest") throw new SourceError("is still downloading the chain");
    this.#tip = { height: info.blocks, hash: info.bestblockhash };
    this.#spenders.newRound(asking?.outpoints);
    this.#spenders.take(ahead, rest);
    this.#raws = new Map(hinted.map((txid, i) => [txid, rest[ahead.calls.length + i]]));
    this.#wanted = undefined;
    this.#hurried = this.#told;
    this.#told = false;
    await this.#discover();
    return this.#tip;
  }

  async headers(first: Hash, at: number, count: number): Promise<Uint8Array[]> {
    const headers = [await this.#node.header(first)];
    const bottom = Math.max(0, at - count + 1);
    // Most blocks asked for are on the best chain, where many come at once; what does not link is asked one by one.
    const guessed = count > 2 ? (await this.#node.hashes(bottom, at - 1)).reverse() : [];
    const raws = await this.#node.rpc.batch(
      "getblockheader",
      guessed.map((id) => [id, false]),
      hexBytes,
    );
    while (headers.length < count) {
      const want = previousOf(headers.at(-1)!);
      if (/^0+$/.test(want)) break;
      const place = headers.length - 1;
      const raw = guessed[place] === want ? raws[place] : undefined;
      headers.push(
        raw === undefined || raw instanceof RpcError ? await this.#node.header(want) : checkHeader(bytesOf(raw), want),
      );
    }
    return headers;
  }

  async fundings(target: Target): Promise<Funding[]> {
    this.#watch(target);
    const tip = this.#tip ?? (await this.tip());
    // What ZMQ told was matched already; the next round by the clock reads the mempool again.
    return this.#fundings!.find(tip, this.#hurried ? "sighted" : "read");
  }

  spent(): Outpoint[] {
    return this.#spenders.spent();
  }

  async spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    const tip = this.#tip ?? (await this.tip());
    const found = await this.#spenders.find(outpoint, tip, since, this.#target?.script);
    this.#wanted = undefined;
    return found;
  }

  async transaction(txid: Hash, block?: Block): Promise<Uint8Array | undefined> {
    try {
      const params = block ? [txid, 0, block.hash] : [txid, 0];
      const ahead = hexBytes.safeParse(this.#raws.get(txid));
      // Once: bytes that turn out to prove nothing are asked for anew.
      this.#raws.delete(txid);
      const told = ahead.data ?? (await this.#node.rpc.call("getrawtransaction", params, hexBytes));
      const raw = bytesOf(told);
      parseExpected(raw, txid);
      return raw;
    } catch (error) {
      if (error instanceof RpcError && error.code === RpcCode.NotFound) return undefined;
      throw error instanceof ProofError ? new SourceError(`sent ${error.message}`) : error;
    }
  }

  async merkleProof(txid: Hash, block: Block): Promise<MerkleProof> {
    const raw = bytesOf(await this.#node.rpc.call("gettxoutproof", [[txid], block.hash], hexBytes));
    return { form: "partial-tree", raw };
  }

  async coinbaseProof(block: Block): Promise<CoinbaseProof> {
    const { tx } = await this.#node.rpc.call("getblock", [block.hash, 1], blockTxids);
    const txid = tx[0]!;
    const raw = await this.transaction(txid, block);
    if (!raw) throw new SourceError(`does not have the coinbase of block ${block.height}`);
    return { raw, proof: await this.merkleProof(txid, block) };
  }

  async prevouts(needed: readonly Outpoint[], spend: Spender): Promise<ReadonlyMap<string, Prevout>> {
    return claimedPrevouts(this.#node.rpc, needed, spend);
  }

  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#options.zmq?.length) this.#news.listen(this.#options.zmq);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#news.close();
    };
  }

  /** Of the ZMQ notifications. */
  stats(): NewsStats {
    return this.#news.stats();
  }

  close(): void {
    this.#closed = true;
    this.#news.close();
    this.#fundings?.close();
  }

  #watch(target: Target): void {
    if (toHex(target.script) === toHex(this.#target?.script ?? new Uint8Array())) return;
    const { birth, scanTimeout = SCAN_TIMEOUT, patience = PATIENCE } = this.#options;
    this.#fundings?.close();
    this.#fundings = new Fundings(this.#node, {
      script: target.script,
      scanTimeout,
      patience,
      found: () => this.#tell(),
      ...(birth === undefined ? {} : { birth }),
    });
    this.#target = target;
    this.#wanted = undefined;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #matching(): Wanted {
    this.#wanted ??= {
      outpoints: new OutpointSet(this.#spenders.watched()),
      ...(this.#target ? { script: this.#target.script } : {}),
    };
    return this.#wanted;
  }

  /** Asks the node where it publishes, once for each connection; a node without ZMQ is asked at the poll's pace alone. */
  async #discover(): Promise<void> {
    const { session } = this.#node.rpc;
    if (this.#options.zmq?.length || this.#listeners.size === 0 || this.#discovered === session) return;
    const told = (await this.#node.optional("getzmqnotifications", [], notifications)) ?? [];
    if (this.#closed) return;
    this.#discovered = session;
    const topics = told.filter(({ type }) => ["pubrawtx", "pubhashblock", "pubsequence"].includes(type));
    const places = topics.map(({ address }) => reachable(address, this.#node.rpc.hostname));
    this.#news.listen([...new Set(places.filter((place) => place !== undefined))].slice(0, MAX_ENDPOINTS));
  }
}

/** An endpoint as the node binds it, as it is reached from here: at the host of its RPC server. */
function reachable(address: string, hostname: string): string | undefined {
  const port = /^tcp:\/\/.*:(\d{1,5})$/.exec(address)?.[1];
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const place = port === undefined ? address.replace(/^unix:/, "ipc://") : `tcp://${host}:${port}`;
  const isHere = port !== undefined || ["127.0.0.1", "localhost", "::1"].includes(hostname);
  return isHere && isZmqEndpoint(place) ? place : undefined;
}

function checkHeader(raw: Uint8Array, want: Hash): Uint8Array {
  if (raw.length === 80 && showHash(sha256d(raw)) === want) return raw;
  throw new SourceError("sent a block header that does not have the hash asked for");
}
