/** Merkle trees as blocks have them: roots, branches (Electrum's form, as Esplora serves them) and partial trees (BIP-37). */
import { hashBytes, sha256d, showHash } from "../bitcoin/bytes.ts";

/** The root (32 bytes, internal order) over leaves in internal order; an odd level repeats its last node. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves;
  while (level.length > 1) level = nextLevel(level);
  return level[0]!;
}

/** Siblings from the leaf at `position` up, as displayed hashes. */
export function merkleBranch(txids: readonly string[], position: number): string[] {
  const branch: string[] = [];
  let level: readonly Uint8Array[] = txids.map(hashBytes);
  for (let index = position; level.length > 1; index >>= 1) {
    branch.push(showHash(level[index ^ 1] ?? level[index]!));
    level = nextLevel(level);
  }
  return branch;
}

/** A CMerkleBlock: the header (80 bytes) and what proves the transactions in `wanted`, which must be in the block. */
export function merkleBlock(header: Uint8Array, txids: readonly string[], wanted: ReadonlySet<string>): Uint8Array {
  const levels: (readonly Uint8Array[])[] = [txids.map(hashBytes)];
  while (levels[levels.length - 1]!.length > 1) levels.push(nextLevel(levels[levels.length - 1]!));
  const flags: boolean[] = [];
  const hashes: Uint8Array[] = [];
  const holds = (height: number, position: number): boolean => {
    const first = position << height;
    return txids.slice(first, first + (1 << height)).some((txid) => wanted.has(txid));
  };
  const walk = (height: number, position: number): void => {
    const inside = holds(height, position);
    flags.push(inside);
    if (height === 0 || !inside) {
      hashes.push(levels[height]![position]!);
      return;
    }
    walk(height - 1, position * 2);
    if (position * 2 + 1 < levels[height - 1]!.length) walk(height - 1, position * 2 + 1);
  };
  walk(levels.length - 1, 0);
  const flagBytes = new Uint8Array(Math.ceil(flags.length / 8));
  flags.forEach((flag, bit) => {
    if (flag) flagBytes[bit >> 3]! |= 1 << (bit & 7);
  });
  const count = Buffer.alloc(4);
  count.writeUInt32LE(txids.length);
  return Buffer.concat([header, count, size(hashes.length), ...hashes, size(flagBytes.length), flagBytes]);
}

/** Bitcoin's compact size, for counts below 65,536. */
export function size(count: number): Uint8Array {
  return count < 0xfd ? Uint8Array.of(count) : Uint8Array.of(0xfd, count & 0xff, count >> 8);
}

function nextLevel(level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    next.push(sha256d(Buffer.concat([level[i]!, level[i + 1] ?? level[i]!])));
  }
  return next;
}
