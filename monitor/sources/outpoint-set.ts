/**
 * Outpoints to look for in raw transactions: 36 bytes each in one block of memory, found by open addressing straight from
 * the bytes, so that a million of them cost some 60 MB and a look-up makes no object.
 */
import { hashBytes, showHash } from "../proofs/bytes.ts";
import type { Outpoint } from "../proofs/transaction.ts";

/** Txid in internal order and index, as an input names its outpoint. */
const SIZE = 36;

export class OutpointSet {
  size = 0;
  #bytes = Buffer.alloc(SIZE * 16);
  /** Pairs: place in `#bytes` plus one (0: free), and hash, which spares most looks at the bytes. At most half full. */
  #table = new Int32Array(64);

  constructor(outpoints: Iterable<Outpoint> = []) {
    for (const outpoint of outpoints) this.add(outpoint);
  }

  add({ txid, vout }: Outpoint): void {
    const key = Buffer.alloc(SIZE);
    key.set(hashBytes(txid));
    key.writeUInt32LE(vout, 32);
    if (this.indexOf(key, 0) >= 0) return;
    if ((this.size + 1) * SIZE > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes]);
    if ((this.size + 1) * 4 > this.#table.length) this.#grow();
    this.#bytes.set(key, this.size * SIZE);
    this.#place(this.size++);
  }

  /** The place of the outpoint whose 36 bytes begin at `at`, or -1. */
  indexOf(raw: Buffer, at: number): number {
    const table = this.#table;
    const mask = table.length - 2;
    const hash = hashOf(raw, at);
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const index = table[slot]! - 1;
      if (index < 0) return -1;
      if (table[slot + 1] !== hash) continue;
      const from = index * SIZE;
      if (raw.compare(this.#bytes, from, from + SIZE, at, at + SIZE) === 0) return index;
    }
  }

  at(index: number): Outpoint {
    const from = index * SIZE;
    return {
      txid: showHash(this.#bytes.subarray(from, from + 32)),
      vout: this.#bytes.readUInt32LE(from + 32),
    };
  }

  #grow(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    for (let index = 0; index < this.size; index++) this.#place(index);
  }

  #place(index: number): void {
    const mask = this.#table.length - 2;
    const hash = hashOf(this.#bytes, index * SIZE);
    let slot = (hash << 1) & mask;
    while (this.#table[slot] !== 0) slot = (slot + 2) & mask;
    this.#table[slot] = index + 1;
    this.#table[slot + 1] = hash;
  }
}

/** 32 bits, signed. A txid is a hash already. */
function hashOf(raw: Buffer, at: number): number {
  return raw.readInt32LE(at) ^ Math.imul(raw.readInt32LE(at + 32), 0x9e3779b1);
}
