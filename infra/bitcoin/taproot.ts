/**
 * The piñata's output (BIP-341, BIP-342): key path = the candy, one script leaf = the sponsor's refund after a published
 * height, `<REFUND> OP_CHECKSIGVERIFY <HEIGHT> OP_CHECKLOCKTIMEVERIFY`. That is miniscript's and_v(v:pk(REFUND),after(HEIGHT)),
 * so Bitcoin Core derives the same address from the descriptor; other orders of the same opcodes would not match.
 */
import { MAX_LOCK_HEIGHT } from "./descriptor.ts";
import { ecc, hashes, opcodes, scripts } from "./ecc.ts";
import { addressOfScript, type NetworkName } from "./networks.ts";

export interface PinataTerms {
  /** x-only, 32 bytes. */
  internalKey: Uint8Array;
  /** x-only, 32 bytes. */
  refundKey: Uint8Array;
  /** Block height, 1 to 499,999,999. */
  refundHeight: number;
}

export interface PinataOutput {
  /** 34 bytes. */
  script: Uint8Array;
  /** x-only, 32 bytes. */
  outputKey: Uint8Array;
  leaf: Uint8Array;
  leafHash: Uint8Array;
  /** 33 bytes: what shows the leaf to be committed to. */
  controlBlock: Uint8Array;
}

const LEAF_VERSION = 0xc0;

export function refundLeaf(terms: Pick<PinataTerms, "refundKey" | "refundHeight">): Uint8Array {
  const { refundKey, refundHeight } = terms;
  if (refundKey.length !== 32 || !ecc.isXOnlyPoint(refundKey))
    throw new RangeError("the refund key is not a public key");
  if (!Number.isInteger(refundHeight) || refundHeight < 1 || refundHeight > MAX_LOCK_HEIGHT) {
    throw new RangeError(`the refund height is not between 1 and ${MAX_LOCK_HEIGHT}`);
  }
  // Small numbers have opcodes of their own, and miniscript uses them.
  const height = refundHeight <= 16 ? opcodes.OP_1! - 1 + refundHeight : scripts.number.encode(refundHeight);
  return scripts.compile([refundKey, opcodes.OP_CHECKSIGVERIFY!, height, opcodes.OP_CHECKLOCKTIMEVERIFY!]);
}

/** `version` is the leaf version: a control block's first byte without its lowest bit. */
export function tapLeafHash(leaf: Uint8Array, version = LEAF_VERSION): Uint8Array {
  if (leaf.length > 0xffff) throw new RangeError("a leaf longer than 65,535 bytes");
  const size = leaf.length < 0xfd ? [leaf.length] : [0xfd, leaf.length & 0xff, leaf.length >> 8];
  return hashes.taggedHash("TapLeaf", Buffer.concat([Uint8Array.of(version, ...size), leaf]));
}

/** The key that an output with this internal key and script tree root shows; undefined for keys that are not on the curve. */
export function tweakKey(internalKey: Uint8Array, root?: Uint8Array): { key: Uint8Array; parity: 0 | 1 } | undefined {
  if (internalKey.length !== 32 || !ecc.isXOnlyPoint(internalKey)) return undefined;
  const tweaked = ecc.xOnlyPointAddTweak(internalKey, tweakOf(internalKey, root));
  return tweaked === null ? undefined : { key: tweaked.xOnlyPubkey, parity: tweaked.parity };
}

/** The private key that signs for the output key of `privateKey`'s public key and `root`. */
export function tweakPrivateKey(privateKey: Uint8Array, root?: Uint8Array): Uint8Array {
  const point = ecc.pointFromScalar(privateKey, true);
  if (point === null) throw new RangeError("not a private key");
  const even = point[0] === 2 ? privateKey : ecc.privateNegate(privateKey);
  const tweaked = ecc.privateAdd(even, tweakOf(point.subarray(1), root));
  if (tweaked === null) throw new RangeError("not a private key that can be tweaked");
  return tweaked;
}

/** x-only public key of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return ecc.xOnlyPointFromScalar(privateKey);
}

export function taprootScript(outputKey: Uint8Array): Uint8Array {
  return Uint8Array.of(0x51, 0x20, ...outputKey);
}

/** The output of a piñata with these terms. Throws RangeError when a key or the height is impossible. */
export function pinataOutput(terms: PinataTerms): PinataOutput {
  const leaf = refundLeaf(terms);
  const leafHash = tapLeafHash(leaf);
  const tweaked = tweakKey(terms.internalKey, leafHash);
  if (!tweaked) throw new RangeError("the internal key is not a public key");
  const script = taprootScript(tweaked.key);
  const controlBlock = Uint8Array.of(LEAF_VERSION | tweaked.parity, ...terms.internalKey);
  return { script, outputKey: tweaked.key, leaf, leafHash, controlBlock };
}

export function pinataAddress(terms: PinataTerms, network: NetworkName): string {
  return addressOfScript(pinataOutput(terms).script, network)!;
}

function tweakOf(internalKey: Uint8Array, root?: Uint8Array): Uint8Array {
  return hashes.taggedHash("TapTweak", root ? Buffer.concat([internalKey, root]) : internalKey);
}
