/**
 * The Electrum protocol (ElectrumX, Fulcrum, electrs, and the development chain) as a source. Transactions and
 * headers are hashed and compared before anyone sees them. Who spends a coin is read from its script's history, and
 * has to agree with the coins that the server lists as unspent. Push only says when to ask.
 */
import { type Clock, systemClock } from "../../clock.ts";
import { equalBytes, type Hash, ProofError, sha256d, showHash } from "../../proofs/bytes.ts";
import type { NetworkRules } from "../../proofs/header.ts";
import type { CoinbaseProof } from "../../proofs/merkle.ts";
import { type ParsedTransaction, parseExpected, showOutpoint } from "../../proofs/transaction.ts";
import { operatorAt } from "../operator.ts";
import { Pace } from "../pace.ts";
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
import { readElectrumAddress, showHost } from "./address.ts";
import { ElectrumError } from "./client.ts";
import { eachOf, HistoryIndex, type Payment } from "./history-index.ts";
import { Link } from "./link.ts";
import type { HistoryItem } from "./messages.ts";
import type { History, Session } from "./session.ts";
import { scriptHashOf } from "./status.ts";

export interface ElectrumOptions {
  /** Such as tls://electrum.example:50002#sha256:… (address.ts). */
  url: string;
  rules: Pick<NetworkRules, "name" | "genesis">;
  name?: string;
  /** Milliseconds for the connection, and for each answer. */
  timeout?: number;
  /** Questions a second, after a first burst of twice as many. */
  perSecond?: number;
  clock?: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random?: () => number;
}

/** The script whose coins are looked for. */
interface Watched {
  script: Uint8Array;
  hash: Hash;
  index: HistoryIndex;
  /** Read and checked; of the history that it belongs to. */
  read?: { history: History; payments: Payment[]; spends: Map<string, HistoryItem> };
}

/** Of ElectrumX, Fulcrum and electrs, for a transaction that their node does not have. */
const NOT_FOUND = /no such (mempool|transaction)|not found|missing ?(tx|transaction)|unknown transaction/i;

export class ElectrumSource implements ChainSource {
  readonly kind = "electrum";
  readonly name: string;
  readonly operator: string;
  readonly #link: Link;
  #watched: Watched | undefined;
  /** Histories are read one after another. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: ElectrumOptions) {
    const address = readElectrumAddress(options.url);
    if (!address) throw new Error(`not an Electrum address: ${options.url}`);
    const { clock = systemClock, timeout = 10_000, random = Math.random, perSecond = 50, rules } = options;
    this.name = options.name ?? `electrum ${showHost(address)}`;
    this.operator = operatorAt(address.host, showHost(address));
    const pace = new Pace(clock, { perSecond, burst: 2 * perSecond });
    this.#link = new Link({ address, clock, timeout, random, pace, network: rules });
  }

  async tip(asking?: Asking): Promise<Block> {
    if (asking) this.#watch(asking.target.script);
    return (await this.#link.session()).tip();
  }

  async headers(first: Hash, height: number, count: number): Promise<Uint8Array[]> {
    const session = await this.#link.session();
    const start = Math.max(0, height - count + 1);
    const headers = (await session.headers(start, height - start + 1)).reverse();
    let want = first;
    for (const raw of headers) {
      if (showHash(sha256d(raw)) !== want) {
        throw new SourceError(`sent another block header below height ${height} than the one asked for`);
      }
      want = showHash(raw.subarray(4, 36));
    }
    return headers;
  }

  async fundings({ script }: Target): Promise<Funding[]> {
    const session = await this.#link.session();
    const { payments } = await this.#read(session, script);
    const heights = [...new Set(payments.map(({ height }) => height))].filter((height) => height > 0);
    const blocks = new Map<number, Block>();
    await eachOf(heights, async (height) => void blocks.set(height, await blockAt(session, height)));
    return payments.map(({ txid, vout, value, height }) => {
      const block = blocks.get(height);
      return { txid, vout, value, ...(block ? { block } : {}) };
    });
  }

  async spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    const session = await this.#link.session();
    const script = this.#watched?.script ?? (await this.#scriptOf(session, outpoint));
    const { payments, spends } = await this.#read(session, script);
    const spend = spends.get(showOutpoint(outpoint));
    if (!spend) {
      const listed = payments.some(({ txid, vout }) => txid === outpoint.txid && vout === outpoint.vout);
      // Who leaves out a coin that is in a block says nothing about whether it is spent.
      if (!listed && since !== undefined && since <= session.height) {
        throw new SourceError(`does not list the coin ${showOutpoint(outpoint)}`);
      }
      return undefined;
    }
    const block = spend.height > 0 ? { block: await blockAt(session, spend.height) } : {};
    return { txid: spend.tx_hash, ...block };
  }

  async transaction(txid: Hash): Promise<Uint8Array | undefined> {
    return (await fetchTransaction(await this.#link.session(), txid))?.raw;
  }

  async merkleProof(txid: Hash, block: Block) {
    const session = await this.#link.session();
    const proof = await session.merkle(txid, block.height);
    if (proof.block_height !== block.height) throw new SourceError("sent a merkle proof for another block");
    return { form: "branch", siblings: proof.merkle, position: proof.pos } as const;
  }

  async coinbaseProof(block: Block): Promise<CoinbaseProof> {
    const session = await this.#link.session();
    if ((await session.hashAt(block.height)) !== block.hash) {
      throw new SourceError(`has another block at height ${block.height} than the one asked about`);
    }
    const { tx_hash: txid, merkle: siblings } = await session.coinbase(block.height);
    const found = await fetchTransaction(session, txid);
    if (!found) throw new SourceError(`does not have the coinbase ${txid} of block ${block.height}`);
    return { raw: found.raw, proof: { form: "branch", siblings, position: 0 } };
  }

  /** Messages of the present connection that nobody asked for; they are dropped, and too many end it. */
  get strays(): number {
    return this.#link.strays;
  }

  onNews(listener: () => void): () => void {
    return this.#link.onNews(listener);
  }

  close(): void {
    this.#link.close();
  }

  #watch(script: Uint8Array): Watched {
    if (!this.#watched || !equalBytes(this.#watched.script, script)) {
      this.#watched = { script, hash: scriptHashOf(script), index: new HistoryIndex(script) };
    }
    return this.#watched;
  }

  #read(session: Session, script: Uint8Array): Promise<NonNullable<Watched["read"]>> {
    const reading = this.#reading.then(() => this.#readHistory(session, this.#watch(script)));
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  async #readHistory(session: Session, watched: Watched): Promise<NonNullable<Watched["read"]>> {
    const history = await session.history(watched.hash);
    if (watched.read?.history.items === history.items) return watched.read;
    const { items } = history;
    try {
      await watched.index.read(items, async (txid) => {
        const found = await fetchTransaction(session, txid);
        if (!found) throw new SourceError(`lists transaction ${txid} for the address, but does not have it`);
        return found.transaction;
      });
      const read = { history, payments: watched.index.payments(items), spends: watched.index.spends(items) };
      checkUnspent(read.payments, read.spends, history);
      watched.read = read;
      return read;
    } catch (error) {
      if (error instanceof SourceError && !error.lost) session.forget(watched.hash);
      throw error;
    }
  }

  async #scriptOf(session: Session, { txid, vout }: Outpoint): Promise<Uint8Array> {
    const output = (await fetchTransaction(session, txid))?.transaction.parsed.outs[vout];
    if (!output) throw new SourceError(`does not have the transaction ${txid}, whose coin is asked about`);
    return output.script;
  }
}

/** The coins without a spender, and no others, are those listed as unspent. Throws {@link SourceError}. */
function checkUnspent(payments: readonly Payment[], spends: ReadonlyMap<string, unknown>, { unspent }: History): void {
  const listed = new Set(unspent.map(({ tx_hash: txid, tx_pos: vout }) => showOutpoint({ txid, vout })));
  for (const payment of payments) {
    const key = showOutpoint(payment);
    if (listed.delete(key) === spends.has(key)) {
      const claim = spends.has(key) ? "as unspent, and who spends it" : "neither as unspent nor who spends it";
      throw new SourceError(`lists the coin ${key} ${claim}`);
    }
  }
  const [stray] = listed;
  if (stray !== undefined) throw new SourceError(`lists a coin ${stray} that is not in the address's history`);
}

async function blockAt(session: Session, height: number): Promise<Block> {
  return { height, hash: await session.hashAt(height) };
}

/** undefined when the server says that it does not have it. Throws {@link SourceError} for another one's bytes. */
async function fetchTransaction(
  session: Session,
  txid: Hash,
): Promise<{ raw: Uint8Array; transaction: ParsedTransaction } | undefined> {
  try {
    const raw = await session.transaction(txid);
    return { raw, transaction: parseExpected(raw, txid) };
  } catch (error) {
    if (error instanceof ElectrumError && NOT_FOUND.test(error.message)) return undefined;
    throw error instanceof ProofError ? new SourceError(`sent ${error.message}`) : error;
  }
}
