/**
 * What a run of consecutive headers proves by itself, without the chain below it. If a block in it is known for certain
 * (genesis, the built-in checkpoint, or a hash that the reader brings), all others are bound to that one by hashes and
 * work. If none is, it proves only that somebody spent the work that it holds, which on test networks is nearly nothing.
 */
import { fromHex, type Hash, ProofError } from "../proofs/bytes.ts";
import { targetOf } from "../proofs/difficulty.ts";
import { type Header, type NetworkRules, parseHeader, workOf } from "../proofs/header.ts";
import { checkHeaderRules, checkKnownBlock } from "../proofs/header-rules.ts";

export interface HeaderRun {
  /** By height; undefined outside of the run. */
  at: (height: number) => Header | undefined;
  /** Height of the last header. */
  top: number;
  /** A block of the run that is known for certain. */
  anchor: { height: number; name: string } | null;
}

/**
 * Checks headers of 80 bytes from `height` on. `known`: the hash of a block that the reader knows to be on the chain.
 * Throws {@link ProofError}.
 */
export function checkHeaderRun(height: number, raws: readonly string[], rules: NetworkRules, known?: Hash): HeaderRun {
  const headers: Header[] = [];
  const at = (wanted: number): Header | undefined => headers[wanted - height];
  for (const raw of raws) {
    const header = parseHeader(fromHex(raw), rules);
    const here = height + headers.length;
    checkDifficultyIsCredible(header, here, rules);
    if (headers.length === 0) checkKnownBlock(header, here, rules);
    else checkHeaderRules(header, here, at, rules);
    headers.push(header);
  }
  return { at, top: height + headers.length - 1, anchor: anchorOf(height, headers, rules, known) };
}

function anchorOf(
  height: number,
  headers: readonly Header[],
  rules: NetworkRules,
  known: Hash | undefined,
): HeaderRun["anchor"] {
  if (known !== undefined) {
    const index = headers.findIndex(({ hash }) => hash === known);
    if (index < 0) throw new ProofError(`headers among which block ${known}, which you know, is not`);
    return { height: height + index, name: "the block that you know" };
  }
  const checkpoint = rules.checkpoint?.height;
  if (checkpoint !== undefined && checkpoint >= height && checkpoint < height + headers.length) {
    return { height: checkpoint, name: `the checkpoint of ${rules.name}, block ${checkpoint}` };
  }
  return height === 0 ? { height, name: `the genesis block of ${rules.name}` } : null;
}

/** Easy headers are cheap to make up where nothing ties them to the chain. Mainnet never became four times easier than it was. */
export function checkDifficultyIsCredible(header: Header, height: number, { name, checkpoint }: NetworkRules): void {
  if (checkpoint === undefined || height <= checkpoint.height) return;
  const easiest = targetOf(fromCompact(checkpoint.header))! * 4n;
  if (header.target > easiest) {
    throw new ProofError(`block header ${header.hash}, far easier to make than any of ${name} since its checkpoint`);
  }
}

function fromCompact(header: string): number {
  return new DataView(fromHex(header).buffer).getUint32(72, true);
}

/** Expected hashes, as a person can compare them: "2^78.3 hashes". */
export function showWork(headers: readonly Header[]): string {
  const work = headers.reduce((sum, header) => sum + workOf(header), 0n);
  const digits = work.toString(2).length;
  const shift = BigInt(Math.max(0, digits - 53));
  return `2^${(Math.log2(Number(work >> shift)) + Number(shift)).toFixed(1)} hashes`;
}
