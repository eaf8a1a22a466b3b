/** Transactions, blocks and addresses in the shapes of the Esplora HTTP API (Blockstream's electrs). Amounts in satoshi. */
import { showHash, toHex } from "../bitcoin/bytes.ts";
import { addressOfScript } from "../bitcoin/networks.ts";
import type { Chain, Located, StoredBlock } from "./chain.ts";
import { scriptHash } from "./ledger.ts";
import { DIFFICULTY } from "./params.ts";
import { esploraAsm, scriptType } from "./script-text.ts";
import { hasAnnex } from "./tapscript.ts";
import { outpointOf, type Tx } from "./transaction.ts";

export function statusJson(block: StoredBlock | undefined) {
  if (!block) return { confirmed: false };
  return { confirmed: true, block_height: block.height, block_hash: block.hash, block_time: block.time };
}

export function txJson(chain: Chain, { tx, block }: Located) {
  const { parsed } = tx;
  const coinbase = parsed.isCoinbase();
  let fee = 0n;
  const vin = parsed.ins.map((input) => {
    const spent = coinbase ? undefined : chain.output(outpointOf(input));
    fee += spent?.value ?? 0n;
    const leaf = spent && !coinbase ? revealedLeaf(input.witness) : undefined;
    return {
      txid: showHash(input.hash),
      vout: input.index,
      prevout: spent ? outputJson(spent) : null,
      scriptsig: toHex(input.script),
      scriptsig_asm: esploraAsm(input.script),
      ...(input.witness.length > 0 ? { witness: input.witness.map(toHex) } : {}),
      is_coinbase: coinbase,
      sequence: input.sequence,
      ...(leaf ? { inner_witnessscript_asm: esploraAsm(leaf) } : {}),
    };
  });
  for (const { value } of parsed.outs) fee -= value;
  return {
    txid: tx.txid,
    version: parsed.version,
    locktime: parsed.locktime,
    vin,
    vout: parsed.outs.map(outputJson),
    size: tx.raw.length,
    weight: tx.weight,
    fee: coinbase ? 0 : Number(fee),
    status: statusJson(block),
  };
}

export function blockJson(block: StoredBlock) {
  return {
    id: block.hash,
    height: block.height,
    version: block.version,
    timestamp: block.time,
    tx_count: block.txids.length,
    size: block.raw.length,
    weight: block.weight,
    merkle_root: block.merkleRoot,
    previousblockhash: block.previous?.hash ?? null,
    mediantime: block.medianTime,
    nonce: block.nonce,
    bits: block.bits,
    difficulty: DIFFICULTY,
  };
}

/** Who spends output `vout`: an unknown transaction's are unspent, as the real thing says too. */
export function outspendJson(chain: Chain, txid: string, vout: number) {
  const spend = chain.spender(`${txid}:${vout}`);
  if (!spend) return { spent: false };
  return { spent: true, txid: spend.txid, vin: spend.vin, status: statusJson(chain.find(spend.txid)?.block) };
}

export function statsJson(chain: Chain, script: string) {
  const confirmed = chain.history(script).map((txid) => chain.find(txid)!.tx);
  const waiting = chain.mempool.history(script).map(({ tx }) => tx);
  return { chain_stats: sums(chain, script, confirmed), mempool_stats: sums(chain, script, waiting) };
}

export function utxoJson(chain: Chain, script: string) {
  const found = [];
  for (const { tx } of chain.mempool.history(script)) {
    tx.parsed.outs.forEach((output, vout) => {
      if (scriptHash(output.script) !== script || chain.spender(`${tx.txid}:${vout}`)) return;
      found.push({ txid: tx.txid, vout, status: statusJson(undefined), value: Number(output.value) });
    });
  }
  for (const outpoint of [...chain.unspent(script)].reverse()) {
    if (chain.mempool.spender(outpoint)) continue;
    const [txid, vout] = outpoint.split(":");
    const status = statusJson(chain.find(txid!)!.block);
    found.push({ txid: txid!, vout: Number(vout), status, value: Number(chain.coin(outpoint)!.value) });
  }
  return found;
}

export function mempoolJson(chain: Chain) {
  const entries = chain.mempool.entries();
  const rates = entries.map(({ fee, tx }) => [Number(fee) / tx.vsize, tx.vsize] as const).sort((a, b) => b[0] - a[0]);
  // Electrum's histogram: bins of at least 50,000 virtual bytes, each named by its lowest rate.
  const histogram: [number, number][] = [];
  let bin = 0;
  rates.forEach(([rate, vsize], i) => {
    bin += vsize;
    if (bin < 50_000 && i < rates.length - 1) return;
    histogram.push([rate, bin]);
    bin = 0;
  });
  return {
    count: entries.length,
    vsize: entries.reduce((sum, { tx }) => sum + tx.vsize, 0),
    total_fee: entries.reduce((sum, { fee }) => sum + Number(fee), 0),
    fee_histogram: histogram,
  };
}

function outputJson({ script, value }: { script: Uint8Array; value: bigint }) {
  const address = addressOfScript(script, "regtest");
  return {
    scriptpubkey: toHex(script),
    scriptpubkey_asm: esploraAsm(script),
    scriptpubkey_type: scriptType(script).esplora,
    ...(address === undefined ? {} : { scriptpubkey_address: address }),
    value: Number(value),
  };
}

function sums(chain: Chain, script: string, txs: readonly Tx[]) {
  const stats = { funded_txo_count: 0, funded_txo_sum: 0, spent_txo_count: 0, spent_txo_sum: 0, tx_count: txs.length };
  for (const { parsed } of txs) {
    for (const output of parsed.outs) {
      if (scriptHash(output.script) !== script) continue;
      stats.funded_txo_count++;
      stats.funded_txo_sum += Number(output.value);
    }
    if (parsed.isCoinbase()) continue;
    for (const input of parsed.ins) {
      const spent = chain.output(outpointOf(input));
      if (!spent || scriptHash(spent.script) !== script) continue;
      stats.spent_txo_count++;
      stats.spent_txo_sum += Number(spent.value);
    }
  }
  return stats;
}

function revealedLeaf(witness: readonly Uint8Array[]): Uint8Array | undefined {
  const stack = hasAnnex(witness) ? witness.slice(0, -1) : witness;
  return stack.length >= 2 ? stack[stack.length - 2] : undefined;
}
