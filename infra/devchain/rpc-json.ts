/** Blocks and transactions in the shapes of Bitcoin Core's JSON-RPC. Amounts are in BTC, as numbers with at most 8 decimals. */
import { showHash, toHex } from "../bitcoin/bytes.ts";
import { withChecksum } from "../bitcoin/descriptor.ts";
import { addressOfScript } from "../bitcoin/networks.ts";
import type { Chain, StoredBlock } from "./chain.ts";
import type { MempoolEntry } from "./mempool.ts";
import { DIFFICULTY, TARGET } from "./params.ts";
import { coreAsm, scriptType } from "./script-text.ts";
import { outpointOf, signalsReplacement, type Tx } from "./transaction.ts";

export function toBtc(sats: bigint): number {
  return Number(sats) / 1e8;
}

export function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

export function hex256(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

/** -1 for a block that is not on the best chain. */
export function confirmations(chain: Chain, block: StoredBlock): number {
  return chain.isActive(block) ? chain.height - block.height + 1 : -1;
}

export function headerObject(chain: Chain, block: StoredBlock) {
  const next = chain.isActive(block) ? chain.blockAt(block.height + 1)?.hash : undefined;
  return {
    hash: block.hash,
    confirmations: confirmations(chain, block),
    height: block.height,
    version: block.version,
    versionHex: hex32(block.version),
    merkleroot: block.merkleRoot,
    time: block.time,
    mediantime: block.medianTime,
    nonce: block.nonce,
    bits: hex32(block.bits),
    target: hex256(TARGET),
    difficulty: DIFFICULTY,
    chainwork: hex256(block.work),
    nTx: block.txids.length,
    ...(block.previous ? { previousblockhash: block.previous.hash } : {}),
    ...(next ? { nextblockhash: next } : {}),
  };
}

/** `full`: with whole transactions instead of txids; `prevouts`: and the outputs that they spend. */
export function blockObject(chain: Chain, block: StoredBlock, detail: "txids" | "full" | "prevouts") {
  const { txs } = chain.contents(block);
  const size = block.raw.length;
  return {
    ...headerObject(chain, block),
    strippedsize: (block.weight - size) / 3,
    size,
    weight: block.weight,
    tx:
      detail === "txids"
        ? block.txids
        : txs.map((tx) => ({
            ...(detail === "prevouts" ? txWithPrevouts(chain, tx) : txObject(tx)),
            hex: toHex(tx.raw),
          })),
  };
}

/** With the outputs that it spends, as undo data tells them, and its fee; a coinbase has neither. */
export function txWithPrevouts(chain: Chain, tx: Tx) {
  const told = txObject(tx);
  if (tx.parsed.isCoinbase()) return told;
  const spent = tx.parsed.ins.map((input) => ({ outpoint: outpointOf(input), from: showHash(input.hash) }));
  const outputs = spent.map(({ outpoint }) => chain.output(outpoint)!);
  const sum = (values: bigint[]) => values.reduce((total, value) => total + value, 0n);
  const vin = told.vin.map((input, i) => {
    const block = chain.find(spent[i]!.from)?.block;
    const { value, script } = outputs[i]!;
    const place = block ? { generated: block.txids[0] === spent[i]!.from, height: block.height } : {};
    return { ...input, prevout: { ...place, value: toBtc(value), scriptPubKey: scriptObject(script) } };
  });
  const fee = sum(outputs.map(({ value }) => value)) - sum(tx.parsed.outs.map(({ value }) => value));
  return { ...told, vin, fee: toBtc(fee) };
}

export function txObject(tx: Tx) {
  const { parsed } = tx;
  return {
    txid: tx.txid,
    hash: parsed.isCoinbase() ? showHash(parsed.getHash(false)) : tx.wtxid,
    version: parsed.version,
    size: tx.raw.length,
    vsize: tx.vsize,
    weight: tx.weight,
    locktime: parsed.locktime,
    vin: parsed.ins.map((input) => {
      const witness = input.witness.length > 0 ? { txinwitness: input.witness.map(toHex) } : {};
      if (parsed.isCoinbase()) return { coinbase: toHex(input.script), ...witness, sequence: input.sequence };
      return {
        txid: showHash(input.hash),
        vout: input.index,
        scriptSig: { asm: coreAsm(input.script), hex: toHex(input.script) },
        ...witness,
        sequence: input.sequence,
      };
    }),
    vout: parsed.outs.map(({ value, script }, n) => ({ value: toBtc(value), n, scriptPubKey: scriptObject(script) })),
  };
}

export function scriptObject(script: Uint8Array) {
  const address = addressOfScript(script, "regtest");
  return {
    asm: coreAsm(script),
    desc: descriptorOf(script),
    hex: toHex(script),
    ...(address === undefined ? {} : { address }),
    type: scriptType(script).core,
  };
}

/** What Core infers without knowing keys. */
export function descriptorOf(script: Uint8Array): string {
  if (scriptType(script).core === "witness_v1_taproot") return withChecksum(`rawtr(${toHex(script.subarray(2))})`);
  const address = addressOfScript(script, "regtest");
  return withChecksum(address === undefined ? `raw(${toHex(script)})` : `addr(${address})`);
}

export function mempoolEntryObject(chain: Chain, entry: MempoolEntry) {
  const { mempool } = chain;
  const get = (txids: Iterable<string>) => [...txids].map((txid) => mempool.get(txid)!);
  const ancestors = [entry, ...get(mempool.ancestors(entry.tx))];
  const descendants = get(mempool.descendants([entry.tx.txid]));
  const fees = (entries: MempoolEntry[]) => toBtc(entries.reduce((sum, { fee }) => sum + fee, 0n));
  const size = (entries: MempoolEntry[]) => entries.reduce((sum, { tx }) => sum + tx.vsize, 0);
  const parents = new Set(entry.tx.parsed.ins.map(({ hash }) => showHash(hash)).filter((txid) => mempool.get(txid)));
  const children = entry.tx.parsed.outs.flatMap((_, vout) => mempool.spender(`${entry.tx.txid}:${vout}`)?.txid ?? []);
  return {
    vsize: entry.tx.vsize,
    weight: entry.tx.weight,
    time: entry.time,
    height: entry.height,
    descendantcount: descendants.length,
    descendantsize: size(descendants),
    ancestorcount: ancestors.length,
    ancestorsize: size(ancestors),
    wtxid: entry.tx.wtxid,
    fees: {
      base: toBtc(entry.fee),
      modified: toBtc(entry.fee),
      ancestor: fees(ancestors),
      descendant: fees(descendants),
    },
    depends: [...parents],
    spentby: [...new Set(children)],
    "bip125-replaceable": [entry, ...ancestors].some(({ tx }) => signalsReplacement(tx)),
    unbroadcast: false,
  };
}
