/**
 * The ledger: what the best chain's blocks add up to. Unspent outputs, where each transaction is, who spent what, and each script's
 * history. Blocks are connected and disconnected at the tip only; a block that breaks a rule changes nothing.
 */
import { sha256, showHash, toHex } from "../bitcoin/bytes.ts";
import type { ParsedBlock } from "./block.ts";
import { MATURITY, MAX_MONEY, subsidy } from "./params.ts";
import { Refused } from "./refused.ts";
import { scriptError } from "./tapscript.ts";
import { isFinal, outpointOf, sequenceLocksPass, type Tx } from "./transaction.ts";

/** An output that can be or has been spent. */
export interface Coin {
  value: bigint;
  script: Uint8Array;
  /** Of the block it is in; for an output in the mempool, of the next block. */
  height: number;
  coinbase: boolean;
}

/** Where in a transaction's inputs an output is spent. */
export interface Spend {
  txid: string;
  vin: number;
}

/** What the ledger needs to know of the block that it connects. */
export interface Connection {
  height: number;
  medianTime: number;
  medianTimeAt(height: number): number;
}

/** SHA-256 of a script, as Esplora writes it. */
export function scriptHash(script: Uint8Array): string {
  return toHex(sha256(script));
}

export class Ledger {
  readonly #coins = new Map<string, Coin>();
  readonly #spends = new Map<string, Spend>();
  readonly #history = new Map<string, string[]>();
  readonly #unspentOf = new Map<string, Set<string>>();
  /** Outputs that were spent, kept so that disconnecting can bring them back. */
  readonly #spent = new Map<string, Coin>();

  /** The unspent output at "txid:vout". */
  coin(outpoint: string): Coin | undefined {
    return this.#coins.get(outpoint);
  }

  /** The output at "txid:vout", spent or not. */
  output(outpoint: string): Coin | undefined {
    return this.#coins.get(outpoint) ?? this.#spent.get(outpoint);
  }

  spender(outpoint: string): Spend | undefined {
    return this.#spends.get(outpoint);
  }

  /** Txids that touch a script, oldest first. */
  history(script: string): readonly string[] {
    return this.#history.get(script) ?? [];
  }

  /** Unspent outpoints of a script hash, oldest first. */
  unspent(script: string): Iterable<string> {
    return this.#unspentOf.get(script) ?? [];
  }

  /** Throws {@link Refused}, with nothing changed, unless every input may be spent and the coinbase takes no more than it may. */
  connect(block: ParsedBlock, at: Connection): void {
    const created = new Map<string, Coin>();
    const gone = new Set<string>();
    let fees = 0n;
    block.txs.forEach((tx, i) => {
      if (!isFinal(tx, at.height, at.medianTime)) throw new Refused("bad-txns-nonfinal", "non-final transaction");
      if (i > 0) {
        const find = (outpoint: string) =>
          gone.has(outpoint) ? undefined : (created.get(outpoint) ?? this.#coins.get(outpoint));
        const coins = tx.parsed.ins.map((input) => {
          const coin = find(outpointOf(input));
          if (!coin) throw new Refused("bad-txns-inputs-missingorspent");
          return coin;
        });
        fees += checkInputs(tx, coins, at.height);
        const heights = coins.map(({ height }) => height);
        if (!sequenceLocksPass(tx, heights, at.height, at.medianTime, at.medianTimeAt)) {
          throw new Refused("bad-txns-nonfinal", "contains a non-BIP68-final transaction");
        }
        checkScripts(tx, coins);
        for (const input of tx.parsed.ins) gone.add(outpointOf(input));
      }
      for (const [outpoint, coin] of outputsOf(tx, at.height, i === 0)) {
        if (this.#coins.has(outpoint)) throw new Refused("bad-txns-BIP30", "tried to overwrite transaction");
        created.set(outpoint, coin);
      }
    });
    const paid = block.txs[0]!.parsed.outs.reduce((sum, { value }) => sum + value, 0n);
    const allowed = subsidy(at.height) + fees;
    if (paid > allowed)
      throw new Refused("bad-cb-amount", `coinbase pays too much (actual=${paid} vs limit=${allowed})`);
    block.txs.forEach((tx, i) => {
      this.#apply(tx, at.height, i === 0);
    });
  }

  /** Undoes the block that was connected last. */
  disconnect(block: ParsedBlock): void {
    for (const tx of [...block.txs].reverse()) {
      for (const script of this.#touched(tx)) this.#history.get(script)!.pop();
      for (const [outpoint, coin] of outputsOf(tx, 0, false)) this.#remove(outpoint, coin);
      if (tx.parsed.isCoinbase()) continue;
      for (const input of tx.parsed.ins) {
        const outpoint = outpointOf(input);
        const coin = this.#spent.get(outpoint)!;
        this.#spends.delete(outpoint);
        this.#spent.delete(outpoint);
        this.#add(outpoint, coin);
      }
    }
  }

  #apply(tx: Tx, height: number, coinbase: boolean): void {
    if (!coinbase) {
      tx.parsed.ins.forEach((input, vin) => {
        const outpoint = outpointOf(input);
        const coin = this.#coins.get(outpoint)!;
        this.#remove(outpoint, coin);
        this.#spent.set(outpoint, coin);
        this.#spends.set(outpoint, { txid: tx.txid, vin });
      });
    }
    for (const [outpoint, coin] of outputsOf(tx, height, coinbase)) this.#add(outpoint, coin);
    for (const script of this.#touched(tx)) {
      const history = this.#history.get(script);
      if (history) history.push(tx.txid);
      else this.#history.set(script, [tx.txid]);
    }
  }

  /** Script hashes of a connected transaction's inputs and outputs, each once. */
  #touched({ parsed }: Tx): Set<string> {
    const scripts = parsed.outs.map(({ script }) => script);
    if (!parsed.isCoinbase()) scripts.push(...parsed.ins.map((input) => this.#spent.get(outpointOf(input))!.script));
    return new Set(scripts.map(scriptHash));
  }

  #add(outpoint: string, coin: Coin): void {
    this.#coins.set(outpoint, coin);
    const key = scriptHash(coin.script);
    const unspent = this.#unspentOf.get(key);
    if (unspent) unspent.add(outpoint);
    else this.#unspentOf.set(key, new Set([outpoint]));
  }

  #remove(outpoint: string, coin: Coin): void {
    this.#coins.delete(outpoint);
    this.#unspentOf.get(scriptHash(coin.script))!.delete(outpoint);
  }
}

/** Core's CheckTxInputs: maturity and amounts. Returns the fee; throws {@link Refused}. */
export function checkInputs({ parsed }: Tx, coins: readonly Coin[], height: number): bigint {
  let total = 0n;
  for (const coin of coins) {
    if (coin.coinbase && height - coin.height < MATURITY) {
      const depth = height - coin.height;
      throw new Refused("bad-txns-premature-spend-of-coinbase", `tried to spend coinbase at depth ${depth}`);
    }
    total += coin.value;
    if (total > MAX_MONEY) throw new Refused("bad-txns-inputvalues-outofrange");
  }
  const out = parsed.outs.reduce((sum, { value }) => sum + value, 0n);
  if (total < out) throw new Refused("bad-txns-in-belowout", `value in (${total}) < value out (${out})`);
  return total - out;
}

/** Throws {@link Refused} unless every input's signature is right. */
export function checkScripts({ parsed, txid, wtxid }: Tx, coins: readonly Coin[]): void {
  parsed.ins.forEach((input, index) => {
    const error = scriptError(parsed, index, coins);
    if (error === undefined) return;
    throw new Refused(
      `mandatory-script-verify-flag-failed (${error})`,
      `input ${index} of ${txid} (wtxid ${wtxid}), spending ${showHash(input.hash)}:${input.index}`,
    );
  });
}

/** Outputs that can be spent at all, by outpoint. */
export function outputsOf({ parsed, txid }: Tx, height: number, coinbase: boolean): [string, Coin][] {
  return parsed.outs.flatMap(({ script, value }, vout): [string, Coin][] =>
    script[0] === 0x6a || script.length > 10_000 ? [] : [[`${txid}:${vout}`, { value, script, height, coinbase }]],
  );
}
