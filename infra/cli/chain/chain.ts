/** The little that the commands need of a chain, whoever answers for it. */

export interface Utxo {
  txid: string;
  vout: number;
  /** Satoshi. */
  value: number;
}

/** Every method throws a CommandError that says who did not answer, or what was refused and why. */
export interface Chain {
  /** Unspent outputs of an address; those whose spend is unconfirmed are left out. */
  utxos(address: string): Promise<Utxo[]>;
  /** Sends a raw transaction; returns its txid. */
  broadcast(hex: string): Promise<string>;
  /**
   * Regtest only: puts coins at an address where there were none, in a block; about `sats`, where the chain can choose. Called
   * again after an interruption it finishes what was begun and adds nothing.
   */
  fund(address: string, sats: number): Promise<void>;
}
