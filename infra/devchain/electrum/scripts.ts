/**
 * Scripts as the Electrum protocol sees them: named by the SHA-256 of their bytes, reversed; with a history (blocks first, then the
 * mempool, where height -1 stands for unconfirmed inputs) and a status that changes when it does.
 */
import { createHash } from "node:crypto";
import type { Chain } from "../chain.ts";

export interface HistoryJson {
  tx_hash: string;
  height: number;
  fee?: number;
}

/** The ledger's name of a script hash, which is not reversed. */
export function ledgerHash(scriptHash: string): string {
  return Buffer.from(scriptHash, "hex").reverse().toString("hex");
}

export function historyJson(chain: Chain, scriptHash: string): HistoryJson[] {
  return [
    ...chain
      .history(ledgerHash(scriptHash))
      .map((txid) => ({ tx_hash: txid, height: chain.find(txid)!.block!.height })),
    ...mempoolJson(chain, scriptHash),
  ];
}

export function mempoolJson(chain: Chain, scriptHash: string): Required<HistoryJson>[] {
  return chain.mempool.history(ledgerHash(scriptHash)).map(({ tx, fee }) => ({
    tx_hash: tx.txid,
    height: chain.mempool.ancestors(tx).size > 0 ? -1 : 0,
    fee: Number(fee),
  }));
}

export function statusOf(chain: Chain, scriptHash: string): string | null {
  const text = historyJson(chain, scriptHash).map(({ tx_hash, height }) => `${tx_hash}:${height}:`);
  return text.length === 0 ? null : createHash("sha256").update(text.join("")).digest("hex");
}

/** Coins that neither a block nor the mempool spends. */
export function unspentJson(chain: Chain, scriptHash: string) {
  const unspent: { tx_hash: string; tx_pos: number; height: number; value: number }[] = [];
  const add = (outpoint: string, height: number) => {
    if (chain.spender(outpoint)) return;
    const [txid, vout] = outpoint.split(":");
    const value = Number(chain.output(outpoint)!.value);
    unspent.push({ tx_hash: txid!, tx_pos: Number(vout), height, value });
  };
  const name = ledgerHash(scriptHash);
  for (const outpoint of chain.unspent(name)) add(outpoint, chain.coin(outpoint)!.height);
  for (const { tx } of chain.mempool.history(name)) {
    tx.parsed.outs.forEach(({ script }, vout) => {
      if (createHash("sha256").update(script).digest("hex") === name) add(`${tx.txid}:${vout}`, 0);
    });
  }
  return unspent;
}
