/**
 * Difficulty as consensus has it (Bitcoin Core's arith_uint256.cpp and pow.cpp; BIP-94 for testnet4): the compact form of
 * a target, the rule that sets the target of each block, and the work that a target stands for. Pure arithmetic.
 *
 * The window has the famous off-by-one: 2016 blocks, but the time of only 2015 intervals, from the first block of a
 * period to its last, is compared with two weeks.
 */
import type { NetworkRules } from "./networks.ts";

/** Blocks between two changes of difficulty. */
export const PERIOD = 2016;
const TARGET_SPACING = 600;
const TARGET_TIMESPAN = PERIOD * TARGET_SPACING;
/** On test networks a block this much later than its parent has the easiest target. */
const LATE = 2 * TARGET_SPACING;

/** What the rule needs of a header. */
export interface TimedTarget {
  /** Seconds since 1970. */
  time: number;
  /** Compact target. */
  bits: number;
}

/** The headers of one branch by height; undefined where it is not known (below a checkpoint). */
export type Ancestors<T extends TimedTarget = TimedTarget> = (height: number) => T | undefined;

/** The target of a compact `bits`; undefined when negative, zero or overflowing (as Core's SetCompact says). */
export function targetOf(bits: number): bigint | undefined {
  const exponent = bits >>> 24;
  const mantissa = BigInt(bits & 0x7fffff);
  if ((bits & 0x800000) !== 0 || mantissa === 0n) return undefined;
  const target = exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3));
  return target === 0n || target >= 1n << 256n ? undefined : target;
}

/** The compact form of a target below 2^256: its three leading bytes, the rest cut off (Core's GetCompact). */
export function bitsOf(target: bigint): number {
  let size = target === 0n ? 0 : Math.ceil(target.toString(16).length / 2);
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  // The highest bit would be read as a sign.
  if ((mantissa & 0x800000) !== 0) {
    mantissa >>>= 8;
    size++;
  }
  return ((size << 24) | mantissa) >>> 0;
}

/** Expected number of hashes to meet a target. */
export function workOfTarget(target: bigint): bigint {
  return (1n << 256n) / (target + 1n);
}

/** The target after a period that began and ended at these times: at most four times easier or harder, never past `limit`. */
export function retarget(bits: number, firstTime: number, lastTime: number, limit: bigint): number {
  const base = targetOf(bits);
  if (base === undefined) throw new RangeError(`impossible target ${bits.toString(16)}`);
  const taken = Math.min(Math.max(lastTime - firstTime, TARGET_TIMESPAN / 4), TARGET_TIMESPAN * 4);
  const next = (base * BigInt(taken)) / BigInt(TARGET_TIMESPAN);
  return bitsOf(next > limit ? limit : next);
}

/**
 * The `bits` that the block at `height` with this time must have; undefined when that hangs on a block that is not known.
 * `height` ≥ 1.
 */
export function requiredBits(
  height: number,
  time: number,
  ancestor: Ancestors,
  { difficulty, limit }: Pick<NetworkRules, "difficulty" | "limit">,
): number | undefined {
  const easiest = bitsOf(limit);
  if (difficulty === "fixed") return easiest;
  const parent = ancestor(height - 1);
  if (parent === undefined) return undefined;
  if (height % PERIOD === 0) {
    const first = ancestor(height - PERIOD);
    if (first === undefined) return undefined;
    // The last block of a period may be an easy one (testnet): BIP-94 starts from the first, which cannot be.
    return retarget(difficulty === "bip94" ? first.bits : parent.bits, first.time, parent.time, limit);
  }
  if (difficulty === "period") return parent.bits;
  if (time > parent.time + LATE) return easiest;
  let last: TimedTarget | undefined = parent;
  for (let at = height - 1; at % PERIOD !== 0 && last?.bits === easiest; ) last = ancestor(--at);
  return last?.bits;
}

/** Whether `bits` may follow `parentBits` at the start of a period, whatever the period took: the clamp alone. */
export function isWithinClamp(parentBits: number, bits: number, limit: bigint): boolean {
  const target = targetOf(bits);
  const hardest = targetOf(retarget(parentBits, 0, 0, limit));
  const easiest = targetOf(retarget(parentBits, 0, TARGET_TIMESPAN * 4, limit));
  if (target === undefined || hardest === undefined || easiest === undefined) return false;
  return target >= hardest && target <= easiest;
}
