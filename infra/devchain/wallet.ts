/**
 * The development chain's own wallet: one taproot key (BIP-86's tweak, no scripts) that the miner pays, and that pays whoever
 * asks. Its coins are worth nothing, and neither is its key.
 */
import { randomBytes } from "node:crypto";
import { ecc, Transaction } from "../bitcoin/ecc.ts";
import { addressOfScript, dustLimit } from "../bitcoin/networks.ts";
import { publicKeyOf, taprootScript, tweakKey, tweakPrivateKey } from "../bitcoin/taproot.ts";
import type { Chain } from "./chain.ts";
import { type Coin, outputsOf, scriptHash } from "./ledger.ts";
import { MATURITY } from "./params.ts";

/** What was asked for cannot be paid. */
export class WalletError extends Error {
  override name = "WalletError";
}

/** There is not enough to spend now; more blocks may change that. */
export class Shortage extends WalletError {
  override name = "Shortage";
}

const REPLACEABLE = 0xfffffffd;
const SIGNATURE = new Uint8Array(64);

export class Wallet {
  readonly script: Uint8Array;
  readonly address: string;
  readonly #signingKey: Uint8Array;
  readonly #scriptHash: string;

  /** `privateKey`: 32 bytes. */
  constructor(privateKey: Uint8Array) {
    this.#signingKey = tweakPrivateKey(privateKey);
    this.script = taprootScript(tweakKey(publicKeyOf(privateKey))!.key);
    this.address = addressOfScript(this.script, "regtest")!;
    this.#scriptHash = scriptHash(this.script);
  }

  /** Satoshi that are confirmed, those included that are not mature yet. */
  holdings(chain: Chain): bigint {
    let sum = 0n;
    for (const outpoint of chain.unspent(this.#scriptHash)) sum += chain.coin(outpoint)!.value;
    return sum;
  }

  /** A signed transaction that pays `sats` to `script`, the rest back to the wallet. Throws {@link WalletError}. */
  pay(chain: Chain, script: Uint8Array, sats: bigint, feeRate = 2n): Uint8Array {
    if (sats < dustLimit(script))
      throw new WalletError(`${sats} sat are dust: the least for this address is ${dustLimit(script)}`);
    const transaction = new Transaction();
    transaction.version = 2;
    transaction.addOutput(script, sats);
    const coins: Coin[] = [];
    let total = 0n;
    for (const [outpoint, coin] of this.#coins(chain)) {
      const [txid, vout] = outpoint.split(":");
      transaction.addInput(new Uint8Array(Buffer.from(txid!, "hex").reverse()), Number(vout), REPLACEABLE);
      transaction.setWitness(coins.length, [SIGNATURE]);
      coins.push(coin);
      total += coin.value;
      // With change, which costs 43 bytes; what is too small to be change goes to the miner, who is us.
      const fee = BigInt(transaction.virtualSize() + 43) * feeRate;
      if (total < sats + fee) continue;
      const change = total - sats - fee;
      if (change >= dustLimit(this.script)) transaction.addOutput(this.script, change);
      return this.#sign(transaction, coins);
    }
    throw new Shortage(`the development wallet can spend only ${total} sat now; it earns with each block`);
  }

  #sign(transaction: Transaction, coins: readonly Coin[]): Uint8Array {
    const scripts = coins.map(({ script }) => script);
    const values = coins.map(({ value }) => value);
    transaction.ins.forEach((_, index) => {
      const message = transaction.hashForWitnessV1(index, scripts, values, Transaction.SIGHASH_DEFAULT);
      transaction.setWitness(index, [ecc.signSchnorr(message, this.#signingKey, randomBytes(32))]);
    });
    return transaction.toBuffer();
  }

  /** What can be spent in the next block, the largest first: mature and unspent, and change that is still unconfirmed. */
  #coins(chain: Chain): [string, Coin][] {
    const found: [string, Coin][] = [];
    const free = (outpoint: string) => chain.mempool.spender(outpoint) === undefined;
    for (const outpoint of chain.unspent(this.#scriptHash)) {
      const coin = chain.coin(outpoint)!;
      if (free(outpoint) && (!coin.coinbase || chain.height + 1 - coin.height >= MATURITY))
        found.push([outpoint, coin]);
    }
    for (const { tx, height } of chain.mempool.history(this.#scriptHash)) {
      for (const [outpoint, coin] of outputsOf(tx, height + 1, false)) {
        if (scriptHash(coin.script) === this.#scriptHash && free(outpoint)) found.push([outpoint, coin]);
      }
    }
    return found.sort(([, a], [, b]) => (a.value === b.value ? 0 : a.value < b.value ? 1 : -1));
  }
}
