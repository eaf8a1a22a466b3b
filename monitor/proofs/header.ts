/**
 * Block headers: 80 bytes, their hash, their proof of work, and the work in them. What one header alone can prove is
 * proven here; what it must be after the headers before it is in header-rules.ts.
 */
import { type Hash, ProofError, sha256d, showHash } from "./bytes.ts";
import { targetOf, workOfTarget } from "./difficulty.ts";
import type { NetworkRules } from "./networks.ts";

export { NETWORKS, type NetworkRules } from "./networks.ts";

export interface Header {
  raw: Uint8Array;
  hash: Hash;
  previous: Hash;
  merkleRoot: Hash;
  /** Seconds since 1970, the miner's claim. */
  time: number;
  /** The target in compact form, as it stands in the header. */
  bits: number;
  target: bigint;
}

/** Parses 80 bytes and checks the proof of work; throws {@link ProofError}. */
export function parseHeader(raw: Uint8Array, rules: Pick<NetworkRules, "name" | "limit" | "difficulty">): Header {
  if (raw.length !== 80) throw new ProofError(`a block header of ${raw.length} bytes`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const bits = view.getUint32(72, true);
  const target = targetOf(bits);
  if (target === undefined) throw new ProofError("a block header with an impossible target");
  if (target > rules.limit) throw new ProofError(`a block header with a target too easy for ${rules.name}`);
  if (rules.difficulty === "fixed" && target !== rules.limit) {
    throw new ProofError(`a block header whose target is not ${rules.name}'s`);
  }
  const hash = showHash(sha256d(raw));
  if (BigInt(`0x${hash}`) > target) throw new ProofError(`a block header without proof of work: ${hash}`);
  return {
    raw: raw.slice(),
    hash,
    previous: showHash(raw.subarray(4, 36)),
    merkleRoot: showHash(raw.subarray(36, 68)),
    time: view.getUint32(68, true),
    bits,
    target,
  };
}

/** Expected number of hashes to find such a header. */
export function workOf(header: Pick<Header, "target">): bigint {
  return workOfTarget(header.target);
}
