/**
 * What a header must be after the headers before it (Bitcoin Core's ContextualCheckBlockHeader, without the version
 * rules): it continues its parent, has the difficulty that the network's rule gives, is later than the median of the
 * eleven blocks before it, and not more than two hours ahead of our clock.
 *
 * Where the blocks that a rule needs lie below the point from which headers are known, that rule alone is left out: from
 * a genesis block or a checkpoint (first block of a period) on, that is the median time of the next ten blocks, and
 * nothing of the difficulty.
 */
import { ProofError } from "./bytes.ts";
import { type Ancestors, isWithinClamp, PERIOD, requiredBits } from "./difficulty.ts";
import type { Header } from "./header.ts";
import type { NetworkRules } from "./networks.ts";

const MEDIAN_BLOCKS = 11;
/** Seconds that a header may be ahead of our clock. */
const MAX_AHEAD = 2 * 60 * 60;
/** BIP-94: seconds that the first block of a period may be older than its parent. */
const MAX_TIMEWARP = 600;

/** Throws {@link ProofError} unless `header` may be the block at `height` (≥ 1) on the branch of `ancestor`. */
export function checkHeaderRules(
  header: Header,
  height: number,
  ancestor: Ancestors<Header>,
  rules: NetworkRules,
): void {
  const parent = ancestor(height - 1);
  if (parent === undefined || parent.hash !== header.previous) {
    throw new ProofError(`block header ${header.hash}, which does not continue the block before it`);
  }
  checkKnownBlock(header, height, rules);
  checkDifficulty(header, height, parent, ancestor, rules);
  const median = medianTimePast(height, ancestor);
  if (median !== undefined && header.time <= median) {
    throw new ProofError(`block header ${header.hash}, which is not later than the eleven before it`);
  }
  if (rules.difficulty === "bip94" && height % PERIOD === 0 && header.time < parent.time - MAX_TIMEWARP) {
    throw new ProofError(`block header ${header.hash}, which sets the clock of its period back (timewarp)`);
  }
}

/** Throws {@link ProofError} for another block than the network's own at the heights where that is known for certain. */
export function checkKnownBlock({ hash }: Pick<Header, "hash">, height: number, rules: NetworkRules): void {
  if (height === 0 && hash !== rules.genesis) {
    throw new ProofError(`block header ${hash}, which is not the genesis block of ${rules.name}`);
  }
  for (const known of [rules.checkpoint, rules.anchor]) {
    if (height === known?.height && hash !== known.hash) {
      throw new ProofError(`block header ${hash}, which is not ${rules.name}'s block ${height}`);
    }
  }
}

/** `now`: milliseconds since 1970. A header refused for this alone may be right later. */
export function checkNotAhead(header: Pick<Header, "hash" | "time">, now: number): void {
  if (header.time > now / 1000 + MAX_AHEAD) {
    throw new ProofError(`block header ${header.hash}, whose time is more than two hours ahead of ours`);
  }
}

/** Median time of the (up to) eleven blocks below `height`; undefined when they are not all known. */
export function medianTimePast(height: number, ancestor: Ancestors): number | undefined {
  const times: number[] = [];
  for (let at = height - 1; at >= 0 && times.length < MEDIAN_BLOCKS; at--) {
    const block = ancestor(at);
    if (block === undefined) return undefined;
    times.push(block.time);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

function checkDifficulty(
  header: Header,
  height: number,
  parent: Header,
  ancestor: Ancestors,
  rules: NetworkRules,
): void {
  const required = requiredBits(height, header.time, ancestor, rules);
  if (required !== undefined) {
    if (header.bits === required) return;
    throw new ProofError(
      `block header ${header.hash} with difficulty bits ${hex(header.bits)} where ${rules.name} needs ${hex(required)}`,
    );
  }
  // The period's first block is not known. Where no block can be easy for being late, the clamp still holds.
  if (rules.difficulty === "period" && !isWithinClamp(parent.bits, header.bits, rules.limit)) {
    throw new ProofError(`block header ${header.hash}, whose difficulty changed by more than a factor of four`);
  }
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, "0");
}
