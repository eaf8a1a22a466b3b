/**
 * A block of the size that matters: transactions of two inputs and two outputs with segwit witnesses, as BIP-144 lays them
 * out, with random previous outputs. Written byte by byte, apart from the scanner and from the parser it is compared with.
 */
import { createHash } from "node:crypto";

export interface Planted {
  txid: string;
  vout: number;
}

const VERSION = Buffer.from("02000000", "hex");
const LOCK_TIME = Buffer.alloc(4);
const SEQUENCE = Buffer.from("fdffffff", "hex");
const HEADER = 80;

/** Bytes that look random and are the same in every run. */
function noise(what: string, length: number): Buffer {
  return createHash("shake256", { outputLength: length }).update(what).digest();
}

/** An outpoint of which `name` is all that has to be known. */
export function outpoint(name: string): Planted {
  return { txid: noise(`txid ${name}`, 32).toString("hex"), vout: noise(`vout ${name}`, 1)[0]! % 4 };
}

/** Inputs that spend `planted`, one in each of as many transactions, evenly spread; all others spend something else. */
export function makeBlock(transactions: number, planted: readonly Planted[], seed = "block"): Buffer {
  if (transactions < Math.max(1, planted.length)) throw new RangeError("fewer transactions than planted spends");
  const step = Math.floor(transactions / Math.max(1, planted.length));
  const parts = [noise(seed, HEADER), compactSize(transactions)];
  for (let i = 0; i < transactions; i++) {
    const spent = i % step === 0 ? planted[i / step] : undefined;
    const inputs = [spent ?? outpoint(`${seed} ${i} 0`), outpoint(`${seed} ${i} 1`)];
    parts.push(transaction(inputs, `${seed} ${i}`));
  }
  return Buffer.concat(parts);
}

function transaction(inputs: readonly Planted[], seed: string): Buffer {
  const bytes = noise(`transaction ${seed}`, 2 * (72 + 33) + 2 * 20);
  const parts: Buffer[] = [VERSION, Buffer.from([0, 1, inputs.length])];
  for (const { txid, vout } of inputs) {
    const index = Buffer.alloc(4);
    index.writeUInt32LE(vout);
    parts.push(Buffer.from(txid, "hex").reverse(), index, Buffer.from([0]), SEQUENCE);
  }
  parts.push(Buffer.from([2]));
  for (let i = 0; i < 2; i++) {
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(100_000n);
    parts.push(value, Buffer.from([22, 0, 20]), bytes.subarray(210 + 20 * i, 230 + 20 * i));
  }
  // Signature and public key, of the lengths that P2WPKH has.
  for (let i = 0; i < inputs.length; i++) {
    const at = 105 * i;
    parts.push(Buffer.from([2, 72]), bytes.subarray(at, at + 72), Buffer.from([33]), bytes.subarray(at + 72, at + 105));
  }
  parts.push(LOCK_TIME);
  return Buffer.concat(parts);
}

function compactSize(count: number): Buffer {
  if (count < 0xfd) return Buffer.from([count]);
  const bytes = Buffer.alloc(3, 0xfd);
  bytes.writeUInt16LE(count, 1);
  return bytes;
}
