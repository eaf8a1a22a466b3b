/**
 * Block headers from an Esplora API, in few requests: the JSON of a block holds all fields of its header, and a list
 * of blocks holds ten of them. A header that does not have the hash asked for is never given out. Those read are kept, so that a
 * long walk that had to stop goes on from where it was.
 */
import { z } from "zod";
import { fromHex, type Hash, hashBytes, sha256d, showHash } from "../../proofs/bytes.ts";
import { type Block, SourceError } from "../source.ts";
import { type EsploraApi, hash, height, hexBytes } from "./api.ts";

const word = z.number().int().min(-0x80000000).max(0xffffffff);
/** The header's fields may be missing, since their use only saves a request. */
const blockJson = z.object({
  id: hash,
  height,
  version: word.optional(),
  previousblockhash: hash.nullish(),
  merkle_root: hash.optional(),
  timestamp: word.optional(),
  bits: word.optional(),
  nonce: word.optional(),
});
type BlockJson = z.infer<typeof blockJson>;

/** A block's JSON in mempool.space's form holds its pool, fees and more. */
const BLOCK_BYTES = 65_536;
const LIST_BYTES = 1_000_000;
/** As many as one walk takes, twice. */
const KEPT = 4_096;

export class Headers {
  readonly #api: EsploraApi;
  readonly #kept = new Map<Hash, Uint8Array>();

  constructor(api: EsploraApi) {
    this.#api = api;
  }

  /** A block's height, as claimed. */
  async place(id: Hash): Promise<Block> {
    const block = await this.#api.json(`/block/${id}`, blockJson, "its tip", BLOCK_BYTES);
    if (block.id !== id) throw new SourceError("answered with another block than the one asked for");
    this.#keep(block);
    return { height: block.height, hash: id };
  }

  /** Up to `count` headers of 80 bytes, newest first, from block `first`; fewer only at the genesis block. */
  async read(first: Hash, at: number, count: number): Promise<Uint8Array[]> {
    const headers: Uint8Array[] = [];
    let lists = true;
    for (let want = first; headers.length < count && want !== NO_BLOCK; ) {
      if (lists && !this.#kept.has(want) && count - headers.length > 1) {
        lists = await this.#list(at - headers.length, want);
      }
      const header = this.#kept.get(want) ?? (await this.#one(want));
      headers.push(header);
      want = showHash(header.subarray(4, 36));
    }
    return headers;
  }

  async #one(id: Hash): Promise<Uint8Array> {
    const header = fromHex(await this.#api.text(`/block/${id}/header`, hexBytes, "a block header"));
    if (header.length !== 80 || showHash(sha256d(header)) !== id) {
      throw new SourceError("sent a block header that does not have the hash asked for");
    }
    this.#remember(id, header);
    return header;
  }

  /** Whether a list of the best chain's blocks from that height down has `want`, so that more lists are worth asking for. */
  async #list(from: number, want: Hash): Promise<boolean> {
    const list = z.array(blockJson).max(100);
    try {
      const blocks = await this.#api.maybeJson(`/blocks/${from}`, list, "a list of blocks", LIST_BYTES);
      for (const block of blocks ?? []) this.#keep(block);
    } catch (error) {
      // Not every server has lists. One header is asked for instead.
      if (!(error instanceof SourceError) || error.lost || error.retryAfter !== undefined) throw error;
    }
    return this.#kept.has(want);
  }

  #keep(block: BlockJson): void {
    const header = headerOf(block);
    if (header && showHash(sha256d(header)) === block.id) this.#remember(block.id, header);
  }

  #remember(id: Hash, header: Uint8Array): void {
    this.#kept.delete(id);
    this.#kept.set(id, header);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!);
  }
}

const NO_BLOCK = "0".repeat(64);

function headerOf(block: BlockJson): Uint8Array | undefined {
  const { version, merkle_root: root, timestamp, bits, nonce } = block;
  if (version === undefined || root === undefined || timestamp === undefined) return undefined;
  if (bits === undefined || nonce === undefined) return undefined;
  const header = Buffer.alloc(80);
  header.writeUInt32LE(version >>> 0, 0);
  header.set(hashBytes(block.previousblockhash ?? NO_BLOCK), 4);
  header.set(hashBytes(root), 36);
  header.writeUInt32LE(timestamp >>> 0, 68);
  header.writeUInt32LE(bits >>> 0, 72);
  header.writeUInt32LE(nonce >>> 0, 76);
  return new Uint8Array(header);
}
