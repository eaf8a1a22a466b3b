/**
 * Keeps what one source has shown for proven spends, and makes a certificate of each (certificate/make.ts): once when the
 * signature is verified, and again when the block is there or has as many on top as make it final. Parts that the source
 * cannot show any more are asked for; a certificate that cannot be made now is tried again when something changes.
 */
import { type CertificateParts, makeCertificate, type ProvenBlock } from "./certificate/make.ts";
import { FINAL_DEPTH } from "./coins/coin.ts";
import type { HeaderTree } from "./coins/header-tree.ts";
import type { Pinata } from "./pinata.ts";
import { type Hash, ProofError } from "./proofs/bytes.ts";
import type { Prevout } from "./proofs/prevouts.ts";
import type { Outpoint, ParsedTransaction } from "./proofs/transaction.ts";
import type { Block } from "./sources/source.ts";

/** A coin that a transaction was proven to spend. */
export interface SpentCoin {
  outpoint: Outpoint;
  funding: ParsedTransaction;
  block?: ProvenBlock;
}

export interface Evidence {
  txid: Hash;
  /** A certificate as JSON text. */
  body: string;
}

export class EvidenceMaker {
  readonly #pinata: Pinata;
  readonly #tree: HeaderTree;
  /** What the latest certificate of each spend was made of. */
  #made = new Map<Hash, string>();

  constructor(pinata: Pinata, tree: HeaderTree) {
    this.#pinata = pinata;
    this.#tree = tree;
  }

  /** Whether another certificate would say more than the one that was made last. */
  isDue(txid: Hash, coins: number, block: Block | undefined): boolean {
    return this.#made.get(txid) !== this.#state(coins, block);
  }

  /** undefined, with the reason told, where none can be made. */
  make(
    spend: ParsedTransaction,
    coins: readonly SpentCoin[],
    prevouts: ReadonlyMap<string, Prevout>,
    block: ProvenBlock | undefined,
    told: (problem: string) => void,
  ): Evidence | undefined {
    const { txid } = spend;
    const where = block && { height: block.height, hash: block.header.hash };
    this.#made.set(txid, this.#state(coins.length, where));
    const parts: CertificateParts = {
      pinata: this.#pinata,
      spend,
      coins,
      prevouts,
      ...(block ? { block, headerAt: (height: number) => this.#tree.at(height) } : {}),
    };
    try {
      return { txid, body: makeCertificate(parts) };
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      told(`no certificate of ${txid} can be made: ${error.message}`);
      return undefined;
    }
  }

  #state(coins: number, block: Block | undefined): string {
    if (!block) return `${coins} coins`;
    const final = (this.#tree.tip?.height ?? 0) - block.height + 1 >= FINAL_DEPTH;
    return `${coins} coins in ${block.hash}${final ? ", final" : ""}`;
  }
}
