/**
 * A chain of headers from a block that is known for certain (genesis or checkpoint): every header's proof of work, link,
 * difficulty and time, and the work of all together. Of several chains the one with most work counts, not the longest.
 */
import { fromHex, type Hash, ProofError } from "./bytes.ts";
import { PERIOD } from "./difficulty.ts";
import { type Header, parseHeader, workOf } from "./header.ts";
import { checkHeaderRules, checkNotAhead } from "./header-rules.ts";
import type { Checkpoint, NetworkRules } from "./networks.ts";

export interface HeaderChain {
  start: { height: number; hash: Hash };
  tip: { height: number; hash: Hash };
  /** Oldest first; the first is the start itself. */
  headers: readonly Header[];
  /** Of all headers after the start. */
  work: bigint;
}

/** The first block as a checkpoint. */
export function genesisCheckpoint(rules: NetworkRules): Checkpoint {
  return { height: 0, hash: rules.genesis, header: Buffer.from(rules.genesisHeader).toString("hex") };
}

/** The header of a checkpoint; throws {@link ProofError} unless it is the start of a period, has its hash and proof of work. */
export function readCheckpoint({ height, hash, header }: Checkpoint, rules: NetworkRules): Header {
  if (!Number.isInteger(height) || height < 0 || height % PERIOD !== 0) {
    throw new ProofError(`a checkpoint at height ${height}, which is not the start of a difficulty period`);
  }
  const parsed = parseHeader(fromHex(header), rules);
  if (parsed.hash !== hash) throw new ProofError(`a checkpoint whose header hashes to ${parsed.hash}, not ${hash}`);
  if (height === 0 && hash !== rules.genesis) {
    throw new ProofError(`a checkpoint that is not the genesis block of ${rules.name}`);
  }
  return parsed;
}

/**
 * Checks 80-byte headers that follow on `from`, oldest first. `now`: milliseconds since 1970.
 * Throws {@link ProofError} at the first that is wrong.
 */
export function checkHeaderChain(
  from: Checkpoint,
  raws: readonly Uint8Array[],
  rules: NetworkRules,
  now: number,
): HeaderChain {
  const headers = [readCheckpoint(from, rules)];
  let work = 0n;
  for (const raw of raws) {
    const header = parseHeader(raw, rules);
    const height = from.height + headers.length;
    checkHeaderRules(header, height, (at) => headers[at - from.height], rules);
    checkNotAhead(header, now);
    headers.push(header);
    work += workOf(header);
  }
  const start = { height: from.height, hash: from.hash };
  return { start, tip: { height: from.height + raws.length, hash: headers.at(-1)!.hash }, headers, work };
}

/** The chain with most work; of equals the first, as a node keeps what it saw first. All must have one start. */
export function mostWork(chains: readonly [HeaderChain, ...HeaderChain[]]): HeaderChain {
  const [first, ...others] = chains;
  let best = first;
  for (const chain of others) {
    if (chain.start.hash !== first.start.hash) throw new ProofError("header chains that do not start at one block");
    if (chain.work > best.work) best = chain;
  }
  return best;
}
