/**
 * Where the chain survives: `blocks`, an append-only file of blocks and invalidations in the order they came, and `mempool`, the
 * transactions that wait. A record is `u8 type ‖ u32le length ‖ payload ‖ first 4 bytes of SHA-256(type ‖ length ‖ payload)`. Every
 * append is synced before it returns; what a crash left of the last one is cut off at the next start.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { equalBytes, sha256 } from "../bitcoin/bytes.ts";

export type StoredRecord =
  | { kind: "block"; raw: Uint8Array }
  /** `raw`: the block's hash, 32 bytes in internal order. */
  | { kind: "invalidate"; raw: Uint8Array }
  | { kind: "transaction"; raw: Uint8Array };

/** The disk said no, or a file is not ours; the message names the file. */
export class StoreError extends Error {
  override name = "StoreError";
}

const MAGIC = Buffer.from("pinata devchain regtest 1\n", "ascii");
const TYPES = { block: 1, invalidate: 2, transaction: 3 } as const;
const KINDS: Readonly<Record<number, StoredRecord["kind"]>> = { 1: "block", 2: "invalidate", 3: "transaction" };
const OVERHEAD = 9;
const MAX_PAYLOAD = 4_100_000;

export class BlockStore {
  readonly #dir: string;
  #blocks: RecordFile;
  #mempool: RecordFile;

  /** Opens or makes the files in `dir`. `warn` is told of what had to be cut off. Throws {@link StoreError}. */
  constructor(dir: string, warn: (line: string) => void) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
    this.#blocks = new RecordFile(join(dir, "blocks"), warn);
    this.#mempool = new RecordFile(join(dir, "mempool"), warn);
    this.#syncDirectory();
  }

  /** Blocks and invalidations, oldest first. */
  history(): StoredRecord[] {
    return this.#blocks.loaded;
  }

  transactions(): StoredRecord[] {
    return this.#mempool.loaded;
  }

  appendBlocks(records: readonly StoredRecord[]): void {
    this.#blocks.append(records);
  }

  appendTransaction(raw: Uint8Array): void {
    this.#mempool.append([{ kind: "transaction", raw }]);
  }

  /** Replaces the waiting transactions, at once: after a crash either the old or the new ones are there. */
  replaceTransactions(raws: readonly Uint8Array[]): void {
    if (raws.length === 0 && this.#mempool.isEmpty) return;
    const path = join(this.#dir, "mempool");
    const next = new RecordFile(`${path}.new`, () => {}, "fresh");
    next.append(raws.map((raw) => ({ kind: "transaction", raw })));
    guarded(path, () => renameSync(`${path}.new`, path));
    this.#syncDirectory();
    this.#mempool.close();
    this.#mempool = next;
  }

  close(): void {
    this.#blocks.close();
    this.#mempool.close();
  }

  /** Files that are new or renamed stay so after a power cut. */
  #syncDirectory(): void {
    guarded(this.#dir, () => {
      const directory = openSync(this.#dir, "r");
      fsyncSync(directory);
      closeSync(directory);
    });
  }
}

class RecordFile {
  readonly loaded: StoredRecord[] = [];
  readonly #fd: number;
  readonly #path: string;
  #length = MAGIC.length;
  #broken = false;

  constructor(path: string, warn: (line: string) => void, mode: "keep" | "fresh" = "keep") {
    this.#path = path;
    this.#fd = guarded(path, () => openSync(path, mode === "fresh" ? "w+" : "a+", 0o600));
    const bytes = guarded(path, () => readAll(this.#fd));
    if (bytes.length < MAGIC.length && equalBytes(bytes, MAGIC.subarray(0, bytes.length))) {
      guarded(path, () => {
        ftruncateSync(this.#fd, 0);
        writeAll(this.#fd, MAGIC);
        fsyncSync(this.#fd);
      });
      return;
    }
    if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
      closeSync(this.#fd);
      throw new StoreError(`${path} is not a file of the development chain: move it away, or choose another --dir`);
    }
    for (let record = readRecord(bytes, this.#length); record; record = readRecord(bytes, this.#length)) {
      this.loaded.push(record);
      this.#length += OVERHEAD + record.raw.length;
    }
    if (this.#length < bytes.length) {
      warn(`${path}: the last ${bytes.length - this.#length} bytes are not a whole record and are cut off`);
      guarded(path, () => {
        ftruncateSync(this.#fd, this.#length);
        fsyncSync(this.#fd);
      });
    }
  }

  get isEmpty(): boolean {
    return this.#length === MAGIC.length;
  }

  append(records: readonly StoredRecord[]): void {
    if (this.#broken) throw new StoreError(`${this.#path} could not be written before: start again`);
    const bytes = Buffer.concat(records.map(writeRecord));
    try {
      guarded(this.#path, () => {
        writeAll(this.#fd, bytes);
        fsyncSync(this.#fd);
      });
      this.#length += bytes.length;
    } catch (error) {
      // The chain in memory is ahead of the file now: nothing may be added after the gap.
      this.#broken = true;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function writeRecord({ kind, raw }: StoredRecord): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(TYPES[kind]);
  head.writeUInt32LE(raw.length, 1);
  const body = Buffer.concat([head, raw]);
  return Buffer.concat([body, sha256(body).subarray(0, 4)]);
}

/** The record at `at`, or undefined when no whole and right one is there. */
function readRecord(bytes: Buffer, at: number): StoredRecord | undefined {
  if (bytes.length - at < OVERHEAD) return undefined;
  const kind = KINDS[bytes[at]!];
  const length = bytes.readUInt32LE(at + 1);
  if (!kind || length > MAX_PAYLOAD || length > bytes.length - at - OVERHEAD) return undefined;
  const end = at + 5 + length;
  if (!equalBytes(sha256(bytes.subarray(at, end)).subarray(0, 4), bytes.subarray(end, end + 4))) return undefined;
  return { kind, raw: new Uint8Array(bytes.subarray(at + 5, end)) };
}

function readAll(fd: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(fd, bytes, at, bytes.length - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new StoreError(`${path}: ${(error as Error).message}`);
  }
}
