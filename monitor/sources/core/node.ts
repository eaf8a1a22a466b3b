/**
 * What the rest of the Core source asks of the node in several places: which indexes it has (once per connection), blocks and
 * where they are, and block filters. Bytes of blocks and headers are hashed and compared before anyone sees them.
 */
import { z } from "zod";
import { type Hash, sha256d, showHash, toHex } from "../../proofs/bytes.ts";
import { type Block, SourceError } from "../source.ts";
import { bytesOf, type CoreRpc, hash, height, hexBytes, RpcCode, RpcError } from "./rpc.ts";

/** What a node may have besides the chain. */
export interface Indexes {
  /** txospenderindex (31.0). */
  spenders: boolean;
  /** blockfilterindex=basic. */
  filters: boolean;
}

const indexInfo = z.record(z.string(), z.object({ synced: z.boolean(), best_block_height: height }));
const headerInfo = z.object({ height, confirmations: z.number().int() });
const scanned = z.object({ relevant_blocks: z.array(hash).max(100_000), completed: z.boolean().optional() });
/** Raw blocks kept: those of a new tip are looked through twice. */
const KEPT = 4;

export class CoreNode {
  readonly rpc: CoreRpc;
  readonly #scanTimeout: number;
  #indexes: { session: number; found: Indexes } | undefined;
  #blocks = new Map<Hash, Uint8Array>();

  constructor(rpc: CoreRpc, scanTimeout: number) {
    this.rpc = rpc;
    this.#scanTimeout = scanTimeout;
  }

  /** Those that are there and have caught up; asked again when one has not, or the node was lost in between. */
  async indexes(): Promise<Indexes> {
    if (this.#indexes?.session === this.rpc.session) return this.#indexes.found;
    const { session } = this.rpc;
    const info = (await this.optional("getindexinfo", [], indexInfo)) ?? {};
    const ready = (name: string): boolean => info[name]?.synced ?? false;
    const found = { spenders: ready("txospenderindex"), filters: ready("basic block filter index") };
    if (Object.values(info).every(({ synced }) => synced)) this.#indexes = { session, found };
    return found;
  }

  /** undefined when the node does not know the method, or does not allow it. */
  async optional<T>(method: string, params: unknown[], schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.rpc.call(method, params, schema);
    } catch (error) {
      if (error instanceof RpcError && error.code === RpcCode.MethodNotFound) return undefined;
      if (error instanceof SourceError && !error.lost && /HTTP 403/.test(error.message)) return undefined;
      throw error;
    }
  }

  async header(id: Hash): Promise<Uint8Array> {
    const raw = bytesOf(await this.rpc.call("getblockheader", [id, false], hexBytes));
    if (raw.length !== 80 || showHash(sha256d(raw)) !== id) {
      throw new SourceError("sent a block header that does not have the hash asked for");
    }
    return raw;
  }

  async block(id: Hash): Promise<Uint8Array> {
    const known = this.#blocks.get(id);
    if (known) return known;
    const raw = bytesOf(await this.rpc.call("getblock", [id, 0], hexBytes));
    if (raw.length < 81 || showHash(sha256d(raw.subarray(0, 80))) !== id) {
      throw new SourceError("sent a block that does not have the hash asked for");
    }
    this.#blocks.set(id, raw);
    if (this.#blocks.size > KEPT) this.#blocks.delete(this.#blocks.keys().next().value!);
    return raw;
  }

  /** undefined when the block is not on the node's best chain. */
  async place(id: Hash): Promise<Block | undefined> {
    try {
      const info = await this.rpc.call("getblockheader", [id, true], headerInfo);
      return info.confirmations > 0 ? { height: info.height, hash: id } : undefined;
    } catch (error) {
      if (error instanceof RpcError && error.code === RpcCode.NotFound) return undefined;
      throw error;
    }
  }

  /** Hashes on the best chain from one height to another, both included, as far as there are blocks. */
  async hashes(from: number, to: number): Promise<Hash[]> {
    const heights = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => [from + i]);
    const found: Hash[] = [];
    for (const each of await this.rpc.batch("getblockhash", heights, hash)) {
      if (each instanceof RpcError) break;
      found.push(each);
    }
    return found;
  }

  /** Blocks of these heights that may touch the script, by their filters, newest first. The filters must have caught up. */
  async touching(script: Uint8Array, from: number, to: number): Promise<Block[]> {
    const objects = [{ desc: `raw(${toHex(script)})` }];
    const params = ["start", objects, from, to, "basic", { filter_false_positives: true }];
    const found = await this.rpc.call("scanblocks", params, scanned, this.#scanTimeout);
    if (found.completed === false) throw new SourceError("did not finish its scan of block filters");
    const places = await Promise.all(found.relevant_blocks.slice(-MAX_RELEVANT).map((id) => this.place(id)));
    return places.filter((block) => block !== undefined).sort((a, b) => b.height - a.height);
  }
}

/** A script that more blocks touch is looked at in the newest of them only. */
const MAX_RELEVANT = 2_000;

/** Of a block or header: the hash of the one before it. */
export function previousOf(raw: Uint8Array): Hash {
  return showHash(raw.subarray(4, 36));
}
