/**
 * Block headers: 80 bytes, their hash, and the work in them. Difficulty is checked as far as one header can tell: the
 * target is well-formed and not easier than the network allows (on regtest: exactly the fixed one). The rule by which
 * difficulty changes between headers is not checked here; comparing total work makes an easier branch lose anyway.
 */
import { type Hash, ProofError, sha256d, showHash } from "./bytes.ts";

export interface NetworkRules {
  name: string;
  /** Human-readable part of addresses (BIP-173). */
  hrp: string;
  genesis: Hash;
  /** The easiest target allowed. */
  limit: bigint;
  /** The target never changes (regtest). */
  fixed: boolean;
}

const EASY = 0xffffn << 208n;
const REGTEST = 0x7fffffn << 232n;
const network = (name: string, hrp: string, genesis: Hash, limit = EASY, fixed = false): NetworkRules => ({
  name,
  hrp,
  genesis,
  limit,
  fixed,
});

/** By the names that Bitcoin Core's getblockchaininfo uses. */
export const NETWORKS = {
  main: network("main", "bc", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
  test: network("test", "tb", "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
  testnet4: network("testnet4", "tb", "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
  signet: network(
    "signet",
    "tb",
    "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    0x0377aen << 216n,
  ),
  regtest: network(
    "regtest",
    "bcrt",
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    REGTEST,
    true,
  ),
} as const;

export interface Header {
  raw: Uint8Array;
  hash: Hash;
  previous: Hash;
  merkleRoot: Hash;
  /** Seconds since 1970, the miner's claim. */
  time: number;
  target: bigint;
}

/** Parses 80 bytes and checks the proof of work; throws {@link ProofError}. */
export function parseHeader(raw: Uint8Array, rules: NetworkRules): Header {
  if (raw.length !== 80) throw new ProofError(`a block header of ${raw.length} bytes`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const target = targetOf(view.getUint32(72, true));
  if (target === undefined) throw new ProofError("a block header with an impossible target");
  if (target > rules.limit) throw new ProofError(`a block header with a target too easy for ${rules.name}`);
  if (rules.fixed && target !== rules.limit) throw new ProofError(`a block header whose target is not ${rules.name}'s`);
  const hash = showHash(sha256d(raw));
  if (BigInt(`0x${hash}`) > target) throw new ProofError(`a block header without proof of work: ${hash}`);
  return {
    raw: raw.slice(),
    hash,
    previous: showHash(raw.subarray(4, 36)),
    merkleRoot: showHash(raw.subarray(36, 68)),
    time: view.getUint32(68, true),
    target,
  };
}

/** Expected number of hashes to find such a header. */
export function workOf(header: Header): bigint {
  return (1n << 256n) / (header.target + 1n);
}

/** The target of a compact `bits`; undefined when negative, zero or overflowing (as Core's SetCompact says). */
export function targetOf(bits: number): bigint | undefined {
  const exponent = bits >>> 24;
  const mantissa = BigInt(bits & 0x7fffff);
  if ((bits & 0x800000) !== 0 || mantissa === 0n) return undefined;
  const target = exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3));
  return target === 0n || target >= 1n << 256n ? undefined : target;
}
