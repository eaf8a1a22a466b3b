/**
 * Looks through raw transactions and blocks for spends of wanted outpoints and payments to a wanted script, without
 * making an object for what is not wanted: the bytes are walked (BIP-144 encoding), and only hits are hashed.
 */
import { type Hash, sha256d, showHash } from "../proofs/bytes.ts";
import type { Outpoint } from "../proofs/transaction.ts";
import { OutpointSet } from "./outpoint-set.ts";
import { SourceError } from "./source.ts";

export interface Wanted {
  outpoints: OutpointSet;
  /** None when absent. */
  script?: Uint8Array;
}

export interface Hits {
  spends: { outpoint: Outpoint; txid: Hash }[];
  /** `value`: satoshi. */
  payments: { txid: Hash; vout: number; value: number }[];
}

/** What `raw`, a block, has of what is wanted. Throws {@link SourceError} when it is none. */
export function scanBlock(raw: Uint8Array, wanted: Wanted): Hits {
  const hits: Hits = { spends: [], payments: [] };
  const walk = new Walk(raw);
  try {
    walk.skip(80);
    for (let left = walk.count(); left > 0; left--) walkTransaction(walk, wanted, hits);
    walk.end();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SourceError(`sent something else than a block (${showHash(sha256d(raw.subarray(0, 80)))})`);
  }
  return hits;
}

/** As {@link scanBlock}, for one transaction; undefined when it is none. */
export function scanTransaction(raw: Uint8Array, wanted: Wanted): Hits | undefined {
  const hits: Hits = { spends: [], payments: [] };
  const walk = new Walk(raw);
  try {
    walkTransaction(walk, wanted, hits);
    walk.end();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
  return hits;
}

/** The txid of the spender in a raw block, or undefined. */
export function findSpender(raw: Uint8Array, outpoint: Outpoint): Hash | undefined {
  return scanBlock(raw, { outpoints: new OutpointSet([outpoint]) }).spends[0]?.txid;
}

function walkTransaction(walk: Walk, { outpoints, script }: Wanted, hits: Hits): void {
  const { raw } = walk;
  const start = walk.at;
  walk.skip(4);
  const witnessed = raw[walk.at] === 0 && raw[walk.at + 1] === 1;
  if (witnessed) walk.skip(2);
  const body = walk.at;
  let spent: number[] | undefined;
  const inputs = walk.count();
  for (let i = 0; i < inputs; i++) {
    const at = walk.at;
    walk.skip(36);
    const index = outpoints.size === 0 ? -1 : outpoints.indexOf(raw, at);
    if (index >= 0) spent = [...(spent ?? []), index];
    walk.skip(walk.count());
    walk.skip(4);
  }
  let paid: { vout: number; at: number }[] | undefined;
  for (let vout = 0, outputs = walk.count(); vout < outputs; vout++) {
    const at = walk.at;
    walk.skip(8);
    const length = walk.count();
    const from = walk.at;
    walk.skip(length);
    if (length === script?.length && raw.compare(script, 0, length, from, from + length) === 0) {
      paid = [...(paid ?? []), { vout, at }];
    }
  }
  const outputsEnd = walk.at;
  if (witnessed) {
    for (let i = 0; i < inputs; i++) for (let items = walk.count(); items > 0; items--) walk.skip(walk.count());
  }
  const lockTime = walk.at;
  walk.skip(4);
  if (!spent && !paid) return;
  const version = raw.subarray(start, start + 4);
  const stripped = [version, raw.subarray(body, outputsEnd), raw.subarray(lockTime, lockTime + 4)];
  const txid = showHash(sha256d(Buffer.concat(stripped)));
  for (const index of spent ?? []) hits.spends.push({ outpoint: outpoints.at(index), txid });
  for (const { vout, at } of paid ?? []) hits.payments.push({ txid, vout, value: Number(raw.readBigUInt64LE(at)) });
}

/** A place in raw bytes; throws RangeError at their end. */
class Walk {
  readonly raw: Buffer;
  at = 0;

  constructor(raw: Uint8Array) {
    this.raw = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  }

  skip(length: number): void {
    if (length > this.raw.length - this.at) throw new RangeError("the bytes end too early");
    this.at += length;
  }

  /** A compact size. */
  count(): number {
    const first = this.raw.readUInt8(this.at);
    this.at++;
    if (first < 0xfd) return first;
    if (first === 0xff) throw new RangeError("a count above what fits");
    const [value, size] = first === 0xfd ? [this.raw.readUInt16LE(this.at), 2] : [this.raw.readUInt32LE(this.at), 4];
    this.at += size;
    return value;
  }

  end(): void {
    if (this.at !== this.raw.length) throw new RangeError("bytes are left over");
  }
}
