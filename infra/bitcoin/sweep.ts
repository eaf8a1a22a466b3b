/**
 * Spends a piñata's coins: the winner's sweep (key path, BIP-341) and the sponsor's refund (script path, BIP-342). Both take
 * all given coins to one address, signal replaceability (BIP-125), and refuse fees and amounts that can only be a mistake.
 */
import { randomBytes } from "node:crypto";
import { equalBytes, hashBytes, isHash, toHex } from "./bytes.ts";
import { type Candy, parseCandy } from "./candy.ts";
import { ecc, Transaction } from "./ecc.ts";
import { dustLimit, type NetworkName, scriptOfAddress } from "./networks.ts";
import { type PinataOutput, type PinataTerms, pinataOutput, publicKeyOf, tweakPrivateKey } from "./taproot.ts";

export { type Candy, CandyError, parseCandy } from "./candy.ts";

/** No transaction is made; the message is for a person. */
export class SweepError extends Error {
  override name = "SweepError";
}

export interface Utxo {
  txid: string;
  vout: number;
  /** Satoshi. */
  value: number | bigint;
}

export interface Sweep {
  hex: string;
  txid: string;
  /** Satoshi. */
  fee: number;
  /** Satoshi that arrive. */
  amount: number;
  /** Virtual bytes. */
  vsize: number;
}

interface Destination {
  utxos: readonly Utxo[];
  toAddress: string;
  /** Satoshi for each virtual byte. */
  feeRate: number;
}

export interface SweepOptions extends Destination {
  /** The text that came through the door, or what {@link parseCandy} made of it. */
  candy: string | Candy;
}

export interface RefundOptions extends Destination {
  terms: PinataTerms;
  network: NetworkName;
  /** 32 bytes. */
  refundPrivateKey: Uint8Array;
}

const REPLACEABLE = 0xfffffffd;
const MAX_FEE_RATE = 10_000;
const MAX_MONEY = 2_100_000_000_000_000n;
/** A fee above one part in this many of the amount is refused. */
const FEE_SHARE = 4n;
const SIGNATURE = 64;

/** The winner's transaction, signed. Throws CandyError or {@link SweepError}. */
export function buildSweep(options: SweepOptions): Sweep {
  const candy = typeof options.candy === "string" ? parseCandy(options.candy) : options.candy;
  const key = tweakPrivateKey(candy.privateKey, candy.output.leafHash);
  return build(options, candy.output, candy.network, 0, (transaction, index, scripts, values) => {
    const hash = transaction.hashForWitnessV1(index, scripts, values, Transaction.SIGHASH_DEFAULT);
    return [ecc.signSchnorr(hash, key, randomBytes(32))];
  });
}

/** The sponsor's transaction, signed, valid in the block after `refundHeight`. Throws {@link SweepError}. */
export function buildRefund(options: RefundOptions): Sweep {
  const { terms, refundPrivateKey } = options;
  if (!equalBytes(publicKeyOf(refundPrivateKey), terms.refundKey)) {
    throw new SweepError("this is not the refund key of this piñata");
  }
  const output = pinataOutput(terms);
  return build(options, output, options.network, terms.refundHeight, (transaction, index, scripts, values) => {
    const hash = transaction.hashForWitnessV1(index, scripts, values, Transaction.SIGHASH_DEFAULT, output.leafHash);
    return [ecc.signSchnorr(hash, refundPrivateKey, randomBytes(32)), output.leaf, output.controlBlock];
  });
}

type Sign = (transaction: Transaction, index: number, scripts: Uint8Array[], values: bigint[]) => Uint8Array[];

function build(to: Destination, output: PinataOutput, network: NetworkName, locktime: number, sign: Sign): Sweep {
  const values = checkUtxos(to.utxos);
  const total = values.reduce((sum, value) => sum + value, 0n);
  const script = scriptOfAddress(to.toAddress, network);
  if (!script) throw new SweepError(`${to.toAddress.slice(0, 100)} is not an address of ${network}`);
  if (equalBytes(script, output.script))
    throw new SweepError("that is the piñata's own address: its key is known by now");
  if (!(to.feeRate > 0 && to.feeRate <= MAX_FEE_RATE)) {
    throw new SweepError(`a fee rate of ${to.feeRate} sat/vB is not between 0 and ${MAX_FEE_RATE}`);
  }
  const transaction = new Transaction();
  transaction.version = 2;
  transaction.locktime = locktime;
  for (const { txid, vout } of to.utxos) transaction.addInput(hashBytes(txid), vout, REPLACEABLE);
  transaction.addOutput(script, total);
  // All witnesses have known lengths, so the size is right before anything is signed.
  const extra = locktime === 0 ? [] : [output.leaf, output.controlBlock];
  to.utxos.forEach((_, index) => {
    transaction.setWitness(index, [new Uint8Array(SIGNATURE), ...extra]);
  });
  const vsize = transaction.virtualSize();
  const fee = BigInt(Math.ceil(vsize * to.feeRate));
  if (fee * FEE_SHARE > total) {
    throw new SweepError(`the fee of ${fee} sat is more than a quarter of the ${total} sat: choose a lower fee rate`);
  }
  const amount = total - fee;
  if (amount < dustLimit(script)) {
    throw new SweepError(`after the fee of ${fee} sat only ${amount} sat are left, which no node would relay (dust)`);
  }
  transaction.outs[0]!.value = amount;
  const spent = to.utxos.map(() => output.script);
  to.utxos.forEach((_, index) => {
    transaction.setWitness(index, sign(transaction, index, spent, values));
  });
  return {
    hex: toHex(transaction.toBuffer()),
    txid: transaction.getId(),
    fee: Number(fee),
    amount: Number(amount),
    vsize,
  };
}

function checkUtxos(utxos: readonly Utxo[]): bigint[] {
  if (utxos.length === 0) throw new SweepError("there are no coins to take");
  const seen = new Set<string>();
  let total = 0n;
  return utxos.map(({ txid, vout, value }) => {
    if (!isHash(txid) || !Number.isInteger(vout) || vout < 0 || vout > 0xffffffff) {
      throw new SweepError(`not an outpoint: ${txid}:${vout}`);
    }
    if (seen.has(`${txid}:${vout}`)) throw new SweepError(`the coin ${txid}:${vout} is given twice`);
    seen.add(`${txid}:${vout}`);
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new SweepError(`not an amount: ${value}`);
    total += BigInt(value);
    if (BigInt(value) <= 0n || total > MAX_MONEY) throw new SweepError(`not an amount of satoshi: ${value}`);
    return BigInt(value);
  });
}
