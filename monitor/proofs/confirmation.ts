/**
 * Everything that can be checked about "transaction X is in block B", in one place: the merkle proof, its depth against the
 * coinbase's, on a signet the block's answer to the challenge, and the lock time, without which no valid block holds X.
 * That B's header has work and is on the best chain is header-chain.ts's part.
 */
import { ProofError } from "./bytes.ts";
import type { Header } from "./header.ts";
import { type CoinbaseProof, checkInclusion, type MerkleProof } from "./merkle.ts";
import type { NetworkRules } from "./networks.ts";
import { checkSignetBlock } from "./signet.ts";
import { isFinal, LOCKTIME_THRESHOLD, type ParsedTransaction } from "./transaction.ts";

export interface Confirmation {
  transaction: ParsedTransaction;
  proof: MerkleProof;
  header: Header;
  height: number;
  /** Median time of the eleven blocks before, where they are known. */
  medianTime?: number;
  coinbase?: CoinbaseProof;
}

/** Throws {@link ProofError}. A signet's block proves nothing without its coinbase. */
export function checkConfirmation(confirmation: Confirmation, rules: NetworkRules): void {
  const { transaction, proof, header, height, medianTime, coinbase } = confirmation;
  checkInclusion(transaction, proof, header, coinbase);
  if (rules.challenge) {
    if (!coinbase) throw new ProofError(`a block of ${rules.name} without its coinbase`);
    checkSignetBlock(header, coinbase, rules);
  }
  // A lock until a time hangs on the median; a lock until a height does not.
  const isKnown = transaction.parsed.locktime < LOCKTIME_THRESHOLD || medianTime !== undefined;
  if (isKnown && !isFinal(transaction, height, medianTime ?? 0)) {
    throw new ProofError(`a transaction that no block at height ${height} may hold yet`);
  }
}
