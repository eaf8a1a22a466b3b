/**
 * The Esplora HTTP API (Blockstream's esplora, mempool.space, and the development chain). Each answer passes a schema,
 * transactions and headers are hashed and compared before anyone sees them; an HTML error page with status 200 is just
 * another answer that does not fit.
 */
import { z } from "zod";
import { type Hash, ProofError, sha256d, showHash } from "../proofs/bytes.ts";
import { MAX_TRANSACTION_BYTES, type Outpoint, parseExpected } from "../proofs/transaction.ts";
import { exchange } from "./http.ts";
import { type Block, type ChainSource, type Funding, SourceError, type Spender, type Target } from "./source.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const height = z.number().int().nonnegative();
const hexBytes = z.string().regex(/^([0-9a-f]{2})+$/);
const place = z.object({ confirmed: z.boolean(), block_height: height.nullish(), block_hash: hash.nullish() });
const history = z
  .array(
    z.object({
      txid: hash,
      vout: z.array(z.object({ scriptpubkey: z.string(), value: z.number().int().nonnegative() })),
      status: place,
    }),
  )
  .max(200);
const outspend = z.object({ spent: z.boolean(), txid: hash.nullish(), status: place.nullish() });
const blockInfo = z.object({ id: hash, height });
const branch = z.object({ block_height: height, merkle: z.array(hash).max(32), pos: z.number().int().nonnegative() });

/** Confirmed transactions in one page of an address's history, as Esplora serves it. */
const PAGE = 25;
/** Pages read in one call: more than 1,000 transactions to the address are not looked at in one go. */
const MAX_PAGES = 40;
const SMALL = 4096;
const LARGE = 4_000_000;

export interface EsploraOptions {
  /** Such as https://blockstream.info/api, without a slash at the end. */
  url: string;
  name?: string;
  /** Milliseconds for one request. */
  timeout?: number;
}

export class EsploraSource implements ChainSource {
  readonly kind = "esplora";
  readonly name: string;
  readonly #base: string;
  readonly #timeout: number;
  readonly #authorization: Record<string, string>;
  #tip: Block | undefined;

  constructor(options: EsploraOptions) {
    const url = new URL(options.url);
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    this.#authorization = user === ":" ? {} : { authorization: `Basic ${Buffer.from(user).toString("base64")}` };
    // fetch refuses credentials in a URL, and the name is published.
    url.username = "";
    url.password = "";
    this.#base = url.href.replace(/\/+$/, "");
    this.name = options.name ?? `${url.host}${url.pathname.replace(/\/+$/, "")}`;
    this.#timeout = options.timeout ?? 10_000;
  }

  async tip(): Promise<Block> {
    const tip = this.#check(hash, (await this.#get("/blocks/tip/hash", SMALL)).trim(), "its tip");
    if (this.#tip?.hash !== tip) {
      const info = this.#json(blockInfo, await this.#get(`/block/${tip}`, SMALL), "its tip");
      if (info.id !== tip) throw new SourceError("answered with another block than the one asked for");
      this.#tip = { height: info.height, hash: tip };
    }
    return this.#tip;
  }

  async headers(first: Hash, _height: number, count: number): Promise<Uint8Array[]> {
    const headers: Uint8Array[] = [];
    for (let want = first; headers.length < count; ) {
      const text = this.#check(hexBytes, (await this.#get(`/block/${want}/header`, SMALL)).trim(), "a block header");
      const raw = new Uint8Array(Buffer.from(text, "hex"));
      if (raw.length !== 80 || showHash(sha256d(raw)) !== want) {
        throw new SourceError("sent a block header that does not have the hash asked for");
      }
      headers.push(raw);
      want = showHash(raw.subarray(4, 36));
      if (want === ZERO) break;
    }
    return headers;
  }

  async fundings(target: Target, known: (txid: Hash) => boolean): Promise<Funding[]> {
    const script = Buffer.from(target.script).toString("hex");
    const fundings: Funding[] = [];
    let path = `/address/${target.address}/txs`;
    for (let page = 0; page < MAX_PAGES; page++) {
      const list = this.#json(history, await this.#get(path, LARGE), "the address's history");
      for (const { txid, vout, status } of list) {
        const block = this.#block(status);
        vout.forEach((output, index) => {
          if (output.scriptpubkey !== script) return;
          fundings.push({ txid, vout: index, value: output.value, ...(block ? { block } : {}) });
        });
      }
      const confirmed = list.filter(({ status }) => status.confirmed);
      const last = confirmed[confirmed.length - 1];
      if (!last || confirmed.length < PAGE || confirmed.every(({ txid }) => known(txid))) break;
      path = `/address/${target.address}/txs/chain/${last.txid}`;
    }
    return fundings;
  }

  async spender(outpoint: Outpoint): Promise<Spender | undefined> {
    const text = await this.#getMaybe(`/tx/${outpoint.txid}/outspend/${outpoint.vout}`, SMALL);
    if (text === undefined) return undefined;
    const answer = this.#json(outspend, text, "who spends the coin");
    if (!answer.spent) return undefined;
    if (!answer.txid) throw new SourceError("claims that a coin is spent but not by which transaction");
    const block = answer.status ? this.#block(answer.status) : undefined;
    return { txid: answer.txid, ...(block ? { block } : {}) };
  }

  async transaction(txid: Hash): Promise<Uint8Array | undefined> {
    const text = await this.#getMaybe(`/tx/${txid}/hex`, 2 * MAX_TRANSACTION_BYTES + 2);
    if (text === undefined) return undefined;
    const raw = new Uint8Array(Buffer.from(this.#check(hexBytes, text.trim(), "a transaction"), "hex"));
    try {
      parseExpected(raw, txid);
    } catch (error) {
      throw error instanceof ProofError ? new SourceError(`sent ${error.message}`) : error;
    }
    return raw;
  }

  async merkleProof(txid: Hash, block: Block) {
    const proof = this.#json(branch, await this.#get(`/tx/${txid}/merkle-proof`, 16_384), "a merkle proof");
    if (proof.block_height !== block.height) throw new SourceError("sent a merkle proof for another block");
    return { form: "branch", siblings: proof.merkle, position: proof.pos } as const;
  }

  #block(status: z.infer<typeof place>): Block | undefined {
    if (!status.confirmed) return undefined;
    const { block_height: at, block_hash: id } = status;
    if (at == null || id == null) throw new SourceError("claims a confirmation without naming the block");
    return { height: at, hash: id };
  }

  async #get(path: string, maxBytes: number): Promise<string> {
    const text = await this.#getMaybe(path, maxBytes);
    if (text === undefined) throw new SourceError(`does not know ${path} (HTTP 404)`);
    return text;
  }

  /** undefined on 404, which for a transaction means "not known". */
  async #getMaybe(path: string, maxBytes: number): Promise<string | undefined> {
    const url = this.#base + path;
    const { status, text } = await exchange(url, { timeout: this.#timeout, maxBytes, headers: this.#authorization });
    if (status === 404) return undefined;
    if (status !== 200) throw new SourceError(`answers HTTP ${status}`);
    return text;
  }

  #json<T>(schema: z.ZodType<T>, text: string, what: string): T {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new SourceError(`sent something that is not JSON for ${what}`);
    }
    return this.#check(schema, value, what);
  }

  #check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const result = schema.safeParse(value);
    if (!result.success) throw new SourceError(`sent something else than ${what}`);
    return result.data;
  }
}

const ZERO = "0".repeat(64);
