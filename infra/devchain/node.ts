/**
 * One development node: chain, files, wallet and miner. Every change is on disk before the caller is told of it. All methods are
 * synchronous, so no request sees a half-made change.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashBytes, showHash } from "../bitcoin/bytes.ts";
import { ECPair } from "../bitcoin/ecc.ts";
import { NETWORKS } from "../bitcoin/networks.ts";
import { BlockStore, type StoredRecord, StoreError } from "./block-store.ts";
import { Chain, type ChainEvent, type StoredBlock } from "./chain.ts";
import { lockDirectory } from "./lock.ts";
import type { Checked, Replacement } from "./mempool.ts";
import { MATURITY } from "./params.ts";
import { Refused, Undecodable } from "./refused.ts";
import { decodeTx } from "./transaction.ts";
import { Shortage, Wallet } from "./wallet.ts";

export interface NodeOptions {
  /** Made when it is not there. */
  dir: string;
  /** Seconds between blocks; 0: only on demand. */
  blockSeconds: number;
  /** Mine this many seconds after a transaction has entered; not at all when absent. */
  mineSoonSeconds?: number;
  replacement?: Replacement;
  /** Seconds since 1970. */
  clock?: () => number;
  log(line: string): void;
  /** The disk has failed: nothing more can be taken, and the process should end. */
  fail?(error: StoreError): void;
}

/** The most blocks in one call. */
export const MAX_MINED = 2_000;
const FIRST_BLOCKS = MATURITY + 1;

export class DevNode {
  readonly chain: Chain;
  readonly wallet: Wallet;
  readonly #store: BlockStore;
  readonly #options: NodeOptions;
  readonly #clock: () => number;
  readonly #unlock: () => void;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #followers = new Set<(event: ChainEvent) => void>();
  /** Steps made since the last change was written. */
  #events: ChainEvent[] = [];

  /** Loads the chain, or starts one with a hundred and one blocks. Throws CommandError, StoreError. */
  constructor(options: NodeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => Math.floor(Date.now() / 1000));
    const tell = (event: ChainEvent) => void this.#events.push(event);
    this.chain = new Chain(options.replacement ? { replacement: options.replacement, tell } : { tell });
    try {
      mkdirSync(options.dir, { recursive: true });
    } catch (error) {
      throw new StoreError(`${options.dir} cannot be made: ${(error as Error).message}`);
    }
    this.#unlock = lockDirectory(options.dir);
    try {
      this.wallet = new Wallet(walletKey(join(options.dir, "wallet.key")));
      this.#store = new BlockStore(options.dir, options.log);
      this.#load();
      if (this.chain.height === 0) this.mine(FIRST_BLOCKS);
      this.#events = [];
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /** Starts the miner's timer. */
  start(): void {
    const { blockSeconds } = this.#options;
    if (blockSeconds > 0) this.#timer = setInterval(() => this.#mineByTimer(), blockSeconds * 1000);
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#store.close();
    this.#unlock();
  }

  now(): number {
    return this.#clock();
  }

  /** Calls `listener` after each change of the chain or the mempool; the answer ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `follower` with each step of a change, in order, when the change is on disk; the answer ends it. */
  onEvent(follower: (event: ChainEvent) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Throws Refused, Undecodable, StoreError. */
  submitTransaction(raw: Uint8Array): Checked {
    const checked = this.chain.submitTransaction(raw, this.now());
    const { tx } = checked.entry;
    if (checked.evicted.size === 0) this.#keep(() => this.#store.appendTransaction(tx.raw));
    else this.#saveMempool();
    this.#options.log(`transaction ${tx.txid} entered the mempool, fee ${checked.entry.fee} sat`);
    this.#mineSoon();
    this.#changed();
    return checked;
  }

  /** Blocks with what the mempool holds, paying the wallet or `script`. 1 to {@link MAX_MINED}. */
  mine(blocks: number, script: Uint8Array = this.wallet.script): StoredBlock[] {
    const mined: StoredBlock[] = [];
    try {
      for (let i = 0; i < blocks; i++) mined.push(this.chain.mine({ script, now: this.now(), extra: randomBytes(8) }));
    } finally {
      this.#keep(() => this.#store.appendBlocks(mined.map(({ raw }) => ({ kind: "block", raw }))));
      this.#saveMempool();
    }
    const last = mined[mined.length - 1]!;
    const held = last.txids.length - 1;
    this.#options.log(
      blocks === 1
        ? `block ${last.height} ${last.hash} with ${held} transaction${held === 1 ? "" : "s"}`
        : `${blocks} blocks, up to ${last.height} ${last.hash}`,
    );
    this.#changed();
    return mined;
  }

  /** A block made elsewhere. Throws Refused, Undecodable, StoreError. */
  submitBlock(raw: Uint8Array): StoredBlock {
    const block = this.chain.submitBlock(raw, this.now());
    this.#keep(() => this.#store.appendBlocks([{ kind: "block", raw: block.raw }]));
    this.#saveMempool();
    this.#changed();
    return block;
  }

  /** Throws RangeError for a block that is not known, StoreError. */
  invalidate(hash: string): void {
    this.chain.invalidate(hash, this.now());
    this.#keep(() => this.#store.appendBlocks([{ kind: "invalidate", raw: hashBytes(hash) }]));
    this.#saveMempool();
    this.#options.log(`block ${hash} invalidated; the tip is ${this.chain.height} ${this.chain.tip.hash}`);
    this.#changed();
  }

  /** Pays `sats` to `script` out of the wallet, mining when that makes enough of it mature. Returns the txid. Throws WalletError, Refused, StoreError. */
  fund(script: Uint8Array, sats: bigint): string {
    let raw: Uint8Array;
    try {
      raw = this.wallet.pay(this.chain, script, sats);
    } catch (error) {
      if (!(error instanceof Shortage) || this.wallet.holdings(this.chain) <= sats) throw error;
      this.mine(FIRST_BLOCKS);
      raw = this.wallet.pay(this.chain, script, sats);
    }
    return this.submitTransaction(raw).entry.tx.txid;
  }

  #load(): void {
    const replay = ({ kind, raw }: StoredRecord, at: number) => {
      try {
        if (kind === "block") this.chain.replayBlock(raw, this.now());
        else this.chain.invalidate(showHash(Uint8Array.from(raw)), this.now());
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Undecodable || error instanceof RangeError)) throw error;
        throw new StoreError(
          `${join(this.#options.dir, "blocks")}: record ${at + 1} breaks the chain's rules (${error.message}): move the directory away to start a new chain`,
        );
      }
    };
    this.#store.history().forEach(replay);
    for (const { raw } of this.#store.transactions()) {
      try {
        const { txid } = decodeTx(raw);
        if (!this.chain.find(txid)) this.chain.submitTransaction(raw, this.now());
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Undecodable)) throw error;
        this.#options.log(`a transaction that waited is dropped: ${error.message}`);
      }
    }
    if (this.chain.height > 0) {
      const { height, mempool } = this.chain;
      this.#options.log(`loaded ${height} blocks, ${mempool.size} transactions waiting`);
    }
  }

  #saveMempool(): void {
    this.#keep(() => this.#store.replaceTransactions(this.chain.mempool.entries().map(({ tx }) => tx.raw)));
  }

  #keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (error instanceof StoreError) this.#options.fail?.(error);
      throw error;
    }
  }

  #changed(): void {
    for (const event of this.#events.splice(0)) for (const follower of [...this.#followers]) follower(event);
    for (const listener of [...this.#listeners]) listener();
  }

  #mineSoon(): void {
    const { mineSoonSeconds } = this.#options;
    if (mineSoonSeconds === undefined || this.#soon) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      if (this.chain.mempool.size > 0) this.#mineByTimer();
    }, mineSoonSeconds * 1000);
  }

  #mineByTimer(): void {
    try {
      this.mine(1);
    } catch (error) {
      if (error instanceof StoreError) return;
      if (!(error instanceof Refused)) throw error;
      // The clock was set back by hours: blocks must wait until it has caught up.
      this.#options.log(`no block: ${error.message}`);
    }
  }
}

/** Made at the first start, whole or not at all. */
function walletKey(path: string): Uint8Array {
  try {
    if (!existsSync(path)) {
      const wif = ECPair.makeRandom({ network: NETWORKS.regtest }).toWIF();
      writeFileSync(`${path}.new`, `${wif}\n`, { mode: 0o600, flush: true });
      renameSync(`${path}.new`, path);
    }
    return ECPair.fromWIF(readFileSync(path, "utf8").trim(), NETWORKS.regtest).privateKey!;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw new StoreError(`${path}: ${(error as Error).message}`);
    throw new StoreError(`${path} does not hold a regtest key: move it away to get a new one`);
  }
}
