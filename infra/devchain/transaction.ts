/**
 * Transactions and the rules that do not depend on the chain's state: decoding (one canonical encoding only), Core's
 * CheckTransaction, its relay standards (IsStandardTx), and lock times (BIP-113, BIP-68).
 */
import { equalBytes, showHash } from "../bitcoin/bytes.ts";
import { Transaction } from "../bitcoin/ecc.ts";
import { addressOfScript, dustLimit } from "../bitcoin/networks.ts";
import { LOCKTIME_THRESHOLD, MAX_BLOCK_WEIGHT, MAX_MONEY } from "./params.ts";
import { Refused, Undecodable } from "./refused.ts";

export interface Tx {
  txid: string;
  wtxid: string;
  parsed: Transaction;
  raw: Uint8Array;
  weight: number;
  /** Virtual bytes: weight / 4, rounded up. */
  vsize: number;
}

const MAX_STANDARD_WEIGHT = 400_000;
const MIN_STANDARD_SIZE = 65;
const MAX_SCRIPTSIG = 1650;
const MAX_DATA_CARRIER = 100_000;
const NULL_INDEX = 0xffffffff;
const FINAL = 0xffffffff;

/** Throws {@link Undecodable}. */
export function decodeTx(raw: Uint8Array): Tx {
  let parsed: Transaction;
  try {
    parsed = Transaction.fromBuffer(raw);
  } catch {
    throw new Undecodable("TX decode failed. Make sure the tx has at least one input.");
  }
  // No inputs and a flag byte would be read as a witness marker: what does not survive a round trip is not one transaction.
  if (parsed.ins.length === 0 || !equalBytes(parsed.toBuffer(), raw)) {
    throw new Undecodable("TX decode failed. Make sure the tx has at least one input.");
  }
  return toTx(parsed);
}

export function toTx(parsed: Transaction): Tx {
  const weight = parsed.weight();
  return {
    txid: parsed.getId(),
    wtxid: showHash(parsed.getHash(true)),
    parsed,
    raw: parsed.toBuffer(),
    weight,
    vsize: Math.ceil(weight / 4),
  };
}

/** "txid:vout" of the output that an input spends. */
export function outpointOf(input: { hash: Uint8Array; index: number }): string {
  return `${showHash(input.hash)}:${input.index}`;
}

/** Core's CheckTransaction: what no transaction may be, whatever the chain holds. Throws {@link Refused}. */
export function checkTransaction({ parsed }: Tx): void {
  if (parsed.ins.length === 0) throw new Refused("bad-txns-vin-empty");
  if (parsed.outs.length === 0) throw new Refused("bad-txns-vout-empty");
  if (parsed.byteLength(false) * 4 > MAX_BLOCK_WEIGHT) throw new Refused("bad-txns-oversize");
  let total = 0n;
  for (const { value } of parsed.outs) {
    if (value < 0n) throw new Refused("bad-txns-vout-negative");
    if (value > MAX_MONEY) throw new Refused("bad-txns-vout-toolarge");
    total += value;
    if (total > MAX_MONEY) throw new Refused("bad-txns-txouttotal-toolarge");
  }
  if (new Set(parsed.ins.map(outpointOf)).size !== parsed.ins.length) throw new Refused("bad-txns-inputs-duplicate");
  if (parsed.isCoinbase()) {
    const { length } = parsed.ins[0]!.script;
    if (length < 2 || length > 100) throw new Refused("bad-cb-length");
  } else if (parsed.ins.some(isNull)) {
    throw new Refused("bad-txns-prevout-null");
  }
}

/** What nodes relay: Core's IsStandardTx, without the multisig rules that no output here needs. Throws {@link Refused}. */
export function checkStandard(tx: Tx): void {
  const { parsed } = tx;
  if (parsed.version < 1 || parsed.version > 3) throw new Refused("version");
  if (tx.weight > MAX_STANDARD_WEIGHT) throw new Refused("tx-size");
  for (const { script } of parsed.ins) if (script.length > MAX_SCRIPTSIG) throw new Refused("scriptsig-size");
  for (const { script, value } of parsed.outs) {
    if (script[0] === 0x6a) {
      if (script.length > MAX_DATA_CARRIER) throw new Refused("datacarrier");
      continue;
    }
    if (addressOfScript(script, "regtest") === undefined) throw new Refused("scriptpubkey");
    if (value < dustLimit(script)) throw new Refused("dust");
  }
  if (parsed.byteLength(false) < MIN_STANDARD_SIZE) throw new Refused("tx-size-small");
}

/** Whether the lock time allows a block of `height` whose predecessors' median time is `medianTime` (BIP-113). */
export function isFinal({ parsed }: Tx, height: number, medianTime: number): boolean {
  const { locktime } = parsed;
  if (locktime === 0 || locktime < (locktime < LOCKTIME_THRESHOLD ? height : medianTime)) return true;
  return parsed.ins.every(({ sequence }) => sequence === FINAL);
}

/**
 * BIP-68. `heights`: of the outputs spent, in order; `medianTimeAt(h)`: of block h. Whether a block of `height`, whose
 * predecessors' median time is `medianTime`, may hold the transaction.
 */
export function sequenceLocksPass(
  { parsed }: Tx,
  heights: readonly number[],
  height: number,
  medianTime: number,
  medianTimeAt: (height: number) => number,
): boolean {
  if (parsed.version < 2) return true;
  return parsed.ins.every(({ sequence }, i) => {
    if (sequence & 0x80000000) return true;
    const value = sequence & 0xffff;
    if ((sequence & 0x400000) === 0) return heights[i]! + value - 1 < height;
    return medianTimeAt(Math.max(heights[i]! - 1, 0)) + (value << 9) - 1 < medianTime;
  });
}

/** Whether the sender said that it may be replaced (BIP-125). */
export function signalsReplacement({ parsed }: Tx): boolean {
  return parsed.ins.some(({ sequence }) => sequence < FINAL - 1);
}

function isNull(input: { hash: Uint8Array; index: number }): boolean {
  return input.index === NULL_INDEX && Transaction.isCoinbaseHash(input.hash);
}
