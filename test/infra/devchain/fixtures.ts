/**
 * What the development chain's tests share: a chain in memory with a miner, a piñata with known keys, and second implementations
 * (BIP-341 message, merkle root) written apart from the code under test.
 */
import { createHash } from "node:crypto";
import { schnorr } from "@noble/curves/secp256k1.js";
import { candyText } from "../../../infra/bitcoin/candy.ts";
import type { Transaction } from "../../../infra/bitcoin/ecc.ts";
import { NETWORKS, scriptOfAddress } from "../../../infra/bitcoin/networks.ts";
import { parseCandy, type Utxo } from "../../../infra/bitcoin/sweep.ts";
import { publicKeyOf } from "../../../infra/bitcoin/taproot.ts";
import { Chain, type ChainOptions, type StoredBlock } from "../../../infra/devchain/chain.ts";
import { Wallet } from "../../../infra/devchain/wallet.ts";

export const START = 1_800_000_000;
export const key = (fill: number) => new Uint8Array(32).fill(fill);

export const WALLET_KEY = key(1);
export const REFUND_KEY = key(3);
export const REFUND_HEIGHT = 120;

/** Where swept coins go in tests: P2TR, P2WPKH and P2PKH of nobody. */
export const THIEF = "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6";

export const candy = parseCandy(
  candyText(key(2), { refundKey: publicKeyOf(REFUND_KEY), refundHeight: REFUND_HEIGHT }, "regtest"),
);

/** A chain in memory whose clock is in the caller's hand. */
export class Bench {
  readonly chain: Chain;
  readonly wallet = new Wallet(WALLET_KEY);
  now = START;
  #extra = 0;

  constructor(options: ChainOptions = {}) {
    this.chain = new Chain(options);
  }

  mine(blocks = 1, script: Uint8Array = this.wallet.script): StoredBlock {
    for (let i = 0; i < blocks; i++) {
      this.now += 30;
      const extra = Buffer.alloc(8);
      extra.writeUInt32LE(++this.#extra);
      this.chain.mine({ script, now: this.now, extra });
    }
    return this.chain.tip;
  }

  submit(hex: string | Uint8Array): string {
    const raw = typeof hex === "string" ? new Uint8Array(Buffer.from(hex, "hex")) : hex;
    return this.chain.submitTransaction(raw, this.now).entry.tx.txid;
  }

  /** Pays the piñata (or `script`) and returns the coin, still unconfirmed. */
  fund(sats = 100_000n, script: Uint8Array = candy.output.script): Utxo {
    const { tx } = this.chain.submitTransaction(this.wallet.pay(this.chain, script, sats), this.now).entry;
    return { txid: tx.txid, vout: 0, value: sats };
  }
}

/** 101 blocks: the first coinbase can be spent. */
export function ready(options: ChainOptions = {}): Bench {
  const bench = new Bench(options);
  bench.mine(101);
  return bench;
}

export function script(address: string): Uint8Array {
  const found = scriptOfAddress(address, "regtest");
  if (!found) throw new Error(`not an address: ${address} (${NETWORKS.regtest.bech32})`);
  return found;
}

export const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
export const shaTwice = (...parts: Uint8Array[]) => sha(sha(...parts));
const tagged = (tag: string, ...parts: Uint8Array[]) => sha(sha(Buffer.from(tag)), sha(Buffer.from(tag)), ...parts);
const le = (value: number | bigint, bytes: number) => {
  const out = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) out[i] = Number((BigInt(value) >> BigInt(8 * i)) & 255n);
  return out;
};
const sized = (bytes: Uint8Array) => Buffer.concat([le(bytes.length, 1), bytes]);

/** BIP-341's message for SIGHASH_DEFAULT, all inputs spending `spent`, written from the BIP's table. */
export function taprootMessage(
  tx: Transaction,
  index: number,
  spent: { script: Uint8Array; value: bigint }[],
  leaf?: Uint8Array,
) {
  const all = (parts: Uint8Array[]) => sha(Buffer.concat(parts));
  return tagged(
    "TapSighash",
    Uint8Array.of(0, 0),
    le(tx.version, 4),
    le(tx.locktime, 4),
    all(tx.ins.map((input) => Buffer.concat([input.hash, le(input.index, 4)]))),
    all(spent.map(({ value }) => le(value, 8))),
    all(spent.map((output) => sized(output.script))),
    all(tx.ins.map((input) => le(input.sequence, 4))),
    all(tx.outs.map((output) => Buffer.concat([le(output.value, 8), sized(output.script)]))),
    Uint8Array.of(leaf ? 2 : 0),
    le(index, 4),
    ...(leaf ? [tagged("TapLeaf", Uint8Array.of(0xc0), sized(leaf)), Uint8Array.of(0), le(0xffffffff, 4)] : []),
  );
}

export const verifySchnorr = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) =>
  schnorr.verify(signature, message, publicKey);

/** Merkle root from displayed txids, recursively, as a displayed hash. */
export function rootOf(txids: string[]): string {
  const internal = (hash: string) => Buffer.from(hash, "hex").reverse();
  if (txids.length === 1) return txids[0]!;
  const even = txids.length % 2 === 0 ? txids : [...txids, txids[txids.length - 1]!];
  const next: string[] = [];
  for (let i = 0; i < even.length; i += 2) {
    next.push(
      shaTwice(internal(even[i]!), internal(even[i + 1]!))
        .reverse()
        .toString("hex"),
    );
  }
  return rootOf(next);
}
