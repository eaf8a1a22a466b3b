/** A piñata's output and every kind of spend of it, made with bitcoinjs-lib and tiny-secp256k1, apart from the code under test. */
import { address as addresses, crypto, initEccLib, payments, script as scripts, Transaction } from "bitcoinjs-lib";
import * as ecc from "tiny-secp256k1";
import { type Pinata, toPinata } from "../../../monitor/pinata.ts";
import { hashBytes, toHex } from "../../../monitor/proofs/bytes.ts";
import type { Prevout, WatchedOutput } from "../../../monitor/proofs/taproot-spend.ts";
import { type Outpoint, type ParsedTransaction, parseTransaction } from "../../../monitor/proofs/transaction.ts";

initEccLib(ecc);

export const REFUND_HEIGHT = 500;

export interface Key {
  secret: Uint8Array;
  /** x-only. */
  point: Uint8Array;
}

/** A key that is the same in every run. */
export function key(name: string): Key {
  const secret = crypto.sha256(Buffer.from(name));
  return { secret, point: ecc.xOnlyPointFromScalar(secret) };
}

export const BOUNTY = key("bounty");
export const REFUND = key("refund");

/** `<refund> CHECKSIGVERIFY <height> CLTV`, written out by hand. */
export function leafOf(refund: Uint8Array, height: number): Uint8Array {
  return scripts.compile([
    refund,
    scripts.OPS.OP_CHECKSIGVERIFY!,
    scripts.number.encode(height),
    scripts.OPS.OP_CHECKLOCKTIMEVERIFY!,
  ]);
}

export const LEAF = leafOf(REFUND.point, REFUND_HEIGHT);

export function pay(internal: Uint8Array, leaf: Uint8Array = LEAF) {
  const payment = payments.p2tr({
    internalPubkey: internal,
    scriptTree: { output: leaf },
    redeem: { output: leaf },
    network: REGTEST,
  });
  return { script: payment.output!, outputKey: payment.pubkey!, control: payment.witness!.at(-1)! };
}

const REGTEST = {
  messagePrefix: "",
  bech32: "bcrt",
  bip32: { public: 0, private: 0 },
  pubKeyHash: 0,
  scriptHash: 0,
  wif: 0,
};

export const PAID = pay(BOUNTY.point);
export const OUTPUT: WatchedOutput = {
  script: PAID.script,
  outputKey: PAID.outputKey,
  refundKey: REFUND.point,
  refundHeight: REFUND_HEIGHT,
};

/** public.json of this bounty. */
export const PUBLIC = {
  version: 1,
  network: "regtest",
  address: addresses.toBech32(PAID.outputKey, 1, "bcrt"),
  scriptPubKey: toHex(PAID.script),
  descriptor: `tr(${toHex(BOUNTY.point)},and_v(v:pk(${toHex(REFUND.point)}),after(${REFUND_HEIGHT})))#00000000`,
  internalKey: toHex(BOUNTY.point),
  refund: { publicKey: toHex(REFUND.point), height: REFUND_HEIGHT },
};
export const PINATA: Pinata = toPinata(PUBLIC);

/** The secret that signs for the output key. */
export function tweaked({ secret, point }: Key, leaf: Uint8Array = LEAF): Uint8Array {
  const root = crypto.taggedHash("TapLeaf", Buffer.concat([Uint8Array.from([0xc0, leaf.length]), leaf]));
  const even = ecc.pointFromScalar(secret)![0] === 3 ? ecc.privateNegate(secret) : secret;
  return ecc.privateAdd(even, crypto.taggedHash("TapTweak", Buffer.concat([point, root])))!;
}

let serial = 0;

/** A transaction from nowhere that pays these outputs; every one is another. */
export function funding(...outputs: Prevout[]): Transaction {
  const transaction = new Transaction();
  transaction.version = 2;
  transaction.addInput(crypto.sha256(Buffer.from(`nowhere ${serial++}`)), 0);
  for (const { script, value } of outputs) transaction.addOutput(script, value);
  return transaction;
}

/** One that pays the bounty. */
export function fundBounty(value = 1_000_000n): Transaction {
  return funding({ script: PAID.script, value });
}

export function outpointOf(transaction: Transaction, vout = 0): Outpoint {
  return { txid: transaction.getId(), vout };
}

/** A plain output of somebody else. */
export const ELSEWHERE = Uint8Array.from([0x51, 0x20, ...key("elsewhere").point]);

export interface SpendOptions {
  /** Transactions and output numbers that are spent; the first input is signed. */
  from: readonly { transaction: Transaction; vout?: number }[];
  type?: number;
  annex?: Uint8Array;
  fee?: bigint;
  outputs?: number;
  secret?: Uint8Array;
}

/** A key-path spend of the first input. */
export function breach(options: SpendOptions): Transaction {
  const { transaction, values, scripts: prevouts } = unsigned(options);
  const { type = 0, annex, secret = tweaked(BOUNTY) } = options;
  const message = transaction.hashForWitnessV1(0, prevouts, values, type, undefined, annex);
  const signature = ecc.signSchnorr(message, secret);
  const item = type === 0 ? signature : Buffer.concat([signature, Uint8Array.from([type])]);
  transaction.setWitness(0, annex ? [item, annex] : [item]);
  return transaction;
}

export interface RefundOptions extends SpendOptions {
  leaf?: Uint8Array;
  control?: Uint8Array;
  locktime?: number;
  sequence?: number;
}

/** A script-path spend of the first input. */
export function refund(options: RefundOptions): Transaction {
  const { leaf = LEAF, control = PAID.control, locktime = REFUND_HEIGHT, sequence = 0xfffffffd, annex } = options;
  const { transaction, values, scripts: prevouts } = unsigned(options);
  transaction.locktime = locktime;
  transaction.ins[0]!.sequence = sequence;
  const hash = crypto.taggedHash("TapLeaf", Buffer.concat([Uint8Array.from([0xc0, leaf.length]), leaf]));
  const message = transaction.hashForWitnessV1(0, prevouts, values, 0, hash, annex);
  const signature = ecc.signSchnorr(message, options.secret ?? REFUND.secret);
  transaction.setWitness(0, annex ? [signature, leaf, control, annex] : [signature, leaf, control]);
  return transaction;
}

function unsigned({ from, fee = 1000n, outputs = 1 }: SpendOptions) {
  const transaction = new Transaction();
  transaction.version = 2;
  const values: bigint[] = [];
  const prevouts: Uint8Array[] = [];
  for (const { transaction: previous, vout = 0 } of from) {
    transaction.addInput(hashBytes(previous.getId()), vout, 0xfffffffd);
    values.push(previous.outs[vout]!.value);
    prevouts.push(previous.outs[vout]!.script);
  }
  const total = values.reduce((a, b) => a + b, 0n) - fee;
  for (let i = 0; i < outputs; i++) transaction.addOutput(ELSEWHERE, total / BigInt(outputs));
  return { transaction, values, scripts: prevouts };
}

export function parsed(transaction: Transaction): ParsedTransaction {
  return parseTransaction(transaction.toBuffer());
}

/** The outputs of previous transactions, as proveSpend wants them. */
export function prevoutsOf(...transactions: Transaction[]): Map<string, Prevout> {
  return new Map(
    transactions.flatMap((each) =>
      each.outs.map(({ script, value }, vout) => [`${each.getId()}:${vout}`, { script, value }] as const),
    ),
  );
}
