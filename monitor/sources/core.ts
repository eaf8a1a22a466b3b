/**
 * Bitcoin Core's JSON-RPC (29.0 or newer; no wallet and no transaction index needed). Spends are asked with
 * gettxspendingprevout: the mempool always, blocks too where txospenderindex exists (31.0); without it a coin that has
 * left the UTXO set is looked for in the blocks since its funding, newest first, each block read once.
 * Fundings come from scantxoutset, which sees confirmed, unspent outputs only and is repeated when the tip moves.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { type Hash, hashBytes, ProofError, sha256d, showHash, toHex } from "../proofs/bytes.ts";
import { parseExpected } from "../proofs/transaction.ts";
import { findSpender } from "./block-scan.ts";
import { exchange } from "./http.ts";
import {
  type Block,
  type ChainSource,
  type Funding,
  type Outpoint,
  SourceError,
  type Spender,
  type Target,
} from "./source.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const height = z.number().int().nonnegative();
const hexBytes = z.string().regex(/^([0-9a-f]{2})+$/);
const chainInfo = z.object({
  chain: z.string(),
  blocks: height,
  bestblockhash: hash,
  initialblockdownload: z.boolean(),
});
const headerInfo = z.object({ height, confirmations: z.number().int() });
const spending = z.array(
  z.object({ txid: hash, vout: height, spendingtxid: hash.optional(), blockhash: hash.optional() }),
);
const scan = z.object({
  success: z.boolean(),
  unspents: z.array(z.object({ txid: hash, vout: height, amount: z.number().nonnegative(), height })),
});
const reply = z.object({ result: z.unknown(), error: z.object({ code: z.number(), message: z.string() }).nullish() });

/** RPC_INVALID_ADDRESS_OR_KEY: for a transaction or block, "not found". */
const NOT_FOUND = -5;
/** RPC_IN_WARMUP. */
const WARMING_UP = -28;
const MAX_ANSWER = 9_000_000;
/** Blocks read in one call while looking for a spender; the next call goes on. */
const BLOCKS_PER_CALL = 144;

export interface CoreOptions {
  /** Such as http://127.0.0.1:8332; may hold user:password. */
  url: string;
  /** The node's cookie file; read anew at each failure to authenticate, since the node makes a new one at each start. */
  cookieFile?: string;
  /** The `chain` that the node must be on. */
  chain: string;
  name?: string;
  timeout?: number;
  /** Milliseconds for scantxoutset, which reads the whole UTXO set. */
  scanTimeout?: number;
}

interface Scanned {
  fundings: Funding[];
  at: Hash;
}

/** How far the search for one coin's spender went: blocks that hold none. */
interface Search {
  cleared: Set<Hash>;
}

class RpcError extends SourceError {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(`answers "${message}" (RPC error ${code})`);
  }
}

export class CoreSource implements ChainSource {
  readonly kind = "core";
  readonly name: string;
  readonly #options: CoreOptions;
  readonly #url: string;
  #login: string | undefined;
  #tip: Block | undefined;
  #scanned: Scanned | undefined;
  #searches = new Map<string, Search>();

  constructor(options: CoreOptions) {
    this.#options = options;
    const url = new URL(options.url);
    if (url.username) this.#login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    url.username = "";
    url.password = "";
    this.#url = url.href;
    this.name = options.name ?? `core ${url.host}`;
  }

  async tip(): Promise<Block> {
    const info = await this.#call("getblockchaininfo", [], chainInfo);
    if (info.chain !== this.#options.chain) {
      throw new SourceError(`is on chain "${info.chain}", not "${this.#options.chain}"`);
    }
    if (info.initialblockdownload && info.chain !== "regtest") throw new SourceError("is still downloading the chain");
    this.#tip = { height: info.blocks, hash: info.bestblockhash };
    return this.#tip;
  }

  async headers(first: Hash, _height: number, count: number): Promise<Uint8Array[]> {
    const headers: Uint8Array[] = [];
    for (let want = first; headers.length < count; ) {
      const raw = bytes(await this.#call("getblockheader", [want, false], hexBytes));
      if (raw.length !== 80 || showHash(sha256d(raw)) !== want) {
        throw new SourceError("sent a block header that does not have the hash asked for");
      }
      headers.push(raw);
      want = showHash(raw.subarray(4, 36));
      if (/^0+$/.test(want)) break;
    }
    return headers;
  }

  async fundings(target: Target): Promise<Funding[]> {
    const tip = this.#tip ?? (await this.tip());
    if (this.#scanned?.at === tip.hash) return this.#scanned.fundings;
    const what = [{ desc: `raw(${toHex(target.script)})` }];
    const limit = this.#options.scanTimeout ?? 300_000;
    const { success, unspents } = await this.#call("scantxoutset", ["start", what], scan, limit);
    if (!success) throw new SourceError("did not finish its scan of the UTXO set");
    const fundings: Funding[] = [];
    for (const { txid, vout, amount, height: at } of unspents) {
      const id = await this.#call("getblockhash", [at], hash);
      fundings.push({ txid, vout, value: Math.round(amount * 1e8), block: { height: at, hash: id } });
    }
    this.#scanned = { fundings, at: tip.hash };
    return fundings;
  }

  async spender(outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    const found = await this.#spending(outpoint);
    if (found?.spendingtxid) {
      const block = found.blockhash === undefined ? undefined : await this.#blockAt(found.blockhash);
      return { txid: found.spendingtxid, ...(block ? { block } : {}) };
    }
    const key = `${outpoint.txid}:${outpoint.vout}`;
    if ((await this.#call("gettxout", [outpoint.txid, outpoint.vout, true], z.unknown())) !== null) {
      this.#searches.delete(key);
      return undefined;
    }
    return this.#search(key, outpoint, since);
  }

  async transaction(txid: Hash, block?: Block): Promise<Uint8Array | undefined> {
    try {
      const raw = bytes(await this.#call("getrawtransaction", block ? [txid, 0, block.hash] : [txid, 0], hexBytes));
      parseExpected(raw, txid);
      return raw;
    } catch (error) {
      if (error instanceof RpcError && error.code === NOT_FOUND) return undefined;
      throw error instanceof ProofError ? new SourceError(`sent ${error.message}`) : error;
    }
  }

  async merkleProof(txid: Hash, block: Block) {
    return {
      form: "partial-tree",
      raw: bytes(await this.#call("gettxoutproof", [[txid], block.hash], hexBytes)),
    } as const;
  }

  /** With block hashes where the node knows how (31.0), else from the mempool alone. */
  async #spending({ txid, vout }: Outpoint) {
    const outputs = [{ txid, vout }];
    let answer: z.infer<typeof spending>;
    try {
      answer = await this.#call("gettxspendingprevout", [outputs, { mempool_only: false }], spending);
    } catch (error) {
      if (!(error instanceof RpcError) || error.code === WARMING_UP || error.code === NOT_FOUND) throw error;
      answer = await this.#call("gettxspendingprevout", [outputs], spending);
    }
    const found = answer.find((entry) => entry.txid === txid && entry.vout === vout);
    if (!found) throw new SourceError("answered about another coin than the one asked for");
    return found;
  }

  /** Blocks from the tip down to the funding's height; undefined when none of those read so far has it. */
  async #search(key: string, outpoint: Outpoint, since?: number): Promise<Spender | undefined> {
    const search = this.#searches.get(key) ?? { cleared: new Set<Hash>() };
    this.#searches.set(key, search);
    let at = this.#tip ?? (await this.tip());
    for (let read = 0; read < BLOCKS_PER_CALL; ) {
      if (at.height < (since ?? at.height - BLOCKS_PER_CALL)) return undefined;
      let previous: Hash | undefined;
      if (search.cleared.has(at.hash)) {
        previous = showHash((await this.headers(at.hash, at.height, 1))[0]!.subarray(4, 36));
      } else {
        const raw = bytes(await this.#call("getblock", [at.hash, 0], hexBytes));
        read++;
        const txid = findSpender(raw, hashBytes(outpoint.txid), outpoint.vout);
        if (txid !== undefined) return { txid, block: at };
        search.cleared.add(at.hash);
        previous = showHash(raw.subarray(4, 36));
      }
      if (at.height === 0) return undefined;
      at = { height: at.height - 1, hash: previous };
    }
    throw new SourceError("is being searched for the transaction that spent a coin");
  }

  /** undefined when the block is not on the node's best chain. */
  async #blockAt(id: Hash): Promise<Block | undefined> {
    const info = await this.#call("getblockheader", [id, true], headerInfo);
    return info.confirmations > 0 ? { height: info.height, hash: id } : undefined;
  }

  async #call<T>(
    method: string,
    params: unknown[],
    schema: z.ZodType<T>,
    timeout = this.#options.timeout ?? 10_000,
  ): Promise<T> {
    const send = () =>
      exchange(this.#url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Basic ${Buffer.from(this.#credentials()).toString("base64")}`,
        },
        body: JSON.stringify({ jsonrpc: "1.0", id: method, method, params }),
        timeout,
        maxBytes: MAX_ANSWER,
      });
    let answer = await send();
    if (answer.status === 401 && this.#options.cookieFile !== undefined) {
      this.#login = undefined;
      answer = await send();
    }
    if (answer.status === 401 || answer.status === 403) throw new SourceError("refuses the user name and password");
    const body = parse(reply, answer.text, method);
    if (body.error) {
      if (body.error.code === WARMING_UP) throw new SourceError(`is starting up: ${body.error.message}`);
      throw new RpcError(body.error.code, body.error.message.slice(0, 200));
    }
    const result = schema.safeParse(body.result);
    if (!result.success) throw new SourceError(`sent something else than an answer to ${method}`);
    return result.data;
  }

  #credentials(): string {
    const { cookieFile } = this.#options;
    if (this.#login === undefined && cookieFile !== undefined) {
      try {
        this.#login = readFileSync(cookieFile, "utf8").trim();
      } catch {
        throw new SourceError(`its cookie file cannot be read (is the node running?)`);
      }
    }
    return this.#login ?? "";
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, method: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SourceError(`sent something that is not JSON in answer to ${method}`);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new SourceError(`sent something else than an answer to ${method}`);
  return result.data;
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
