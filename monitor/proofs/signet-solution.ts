/**
 * Where a signet block keeps its solution (BIP-325; Bitcoin Core's signet.cpp): a push in the coinbase's witness commitment
 * that begins with 0xecc7daa2 holds scriptSig and witness, serialised. What is signed is a virtual transaction pair over
 * the header, with the merkle root that the block would have if that push ended after those four bytes.
 */
import { Transaction } from "bitcoinjs-lib";
import { hashBytes, ProofError, sha256d, showHash } from "./bytes.ts";
import type { Header } from "./header.ts";
import { type Branch, rootOfBranch } from "./merkle.ts";

const SOLUTION_HEADER = Buffer.from("ecc7daa2", "hex");
/** OP_RETURN, a push of 36 bytes, and BIP-141's four. */
const COMMITMENT = Buffer.from("6a24aa21a9ed", "hex");
const COMMITMENT_LENGTH = 38;
const OP_RETURN = 0x6a;
const [OP_PUSHDATA1, OP_PUSHDATA2, OP_PUSHDATA4] = [0x4c, 0x4d, 0x4e];

export interface SignetSolution {
  scriptSig: Uint8Array;
  witness: Uint8Array[];
  /** The virtual transaction whose only input the solution must unlock, without it. */
  toSign: Transaction;
}

/** The solution in `coinbase` and what it signs; throws {@link ProofError}. `branch`: of the coinbase. */
export function readSignetSolution(
  header: Header,
  coinbase: Transaction,
  branch: Branch,
  challenge: Uint8Array,
): SignetSolution {
  const changed = coinbase.clone();
  const commitment = changed.outs.findLast(({ script }) => {
    return script.length >= COMMITMENT_LENGTH && COMMITMENT.equals(script.subarray(0, COMMITMENT.length));
  });
  if (!commitment) throw new ProofError("a signet block without a witness commitment");
  const cleared = clearSolution(commitment.script);
  // Without a solution the block still stands where the challenge asks for nothing.
  const solution = cleared ? parseSolution(cleared.solution) : { scriptSig: new Uint8Array(), witness: [] };
  if (cleared) commitment.script = cleared.script;
  const leaf = showHash(sha256d(withoutWitness(changed)));
  const root = rootOfBranch(leaf, branch.siblings, branch.position);
  const signed = Buffer.concat([header.raw.subarray(0, 36), hashBytes(root), header.raw.subarray(68, 72)]);
  return { ...solution, toSign: virtualTransaction(signed, challenge) };
}

function virtualTransaction(signed: Uint8Array, challenge: Uint8Array): Transaction {
  const toSpend = new Transaction();
  toSpend.version = 0;
  toSpend.addInput(new Uint8Array(32), 0xffffffff, 0, Uint8Array.from([0, ...pushOf(signed)]));
  toSpend.addOutput(challenge, 0n);
  const toSign = new Transaction();
  toSign.version = 0;
  toSign.addInput(toSpend.getHash(), 0, 0);
  toSign.addOutput(Uint8Array.from([OP_RETURN]), 0n);
  return toSign;
}

function withoutWitness(transaction: Transaction): Uint8Array {
  const stripped = transaction.clone();
  stripped.stripWitnesses();
  return stripped.toBuffer();
}

/** The first push that holds a solution, and the script with that push cut after its header; as Core writes it anew. */
function clearSolution(script: Uint8Array): { solution: Uint8Array; script: Uint8Array } | undefined {
  let solution: Uint8Array | undefined;
  const rewritten: Uint8Array[] = [];
  for (const { opcode, data } of readOps(script)) {
    if (data.length === 0) {
      rewritten.push(Uint8Array.from([opcode]));
      continue;
    }
    const isSolution =
      solution === undefined &&
      data.length > SOLUTION_HEADER.length &&
      SOLUTION_HEADER.equals(data.subarray(0, SOLUTION_HEADER.length));
    if (isSolution) solution = data.subarray(SOLUTION_HEADER.length);
    rewritten.push(pushOf(isSolution ? SOLUTION_HEADER : data));
  }
  return solution && { solution, script: new Uint8Array(Buffer.concat(rewritten)) };
}

/** Operations up to the first that is cut short. */
export function readOps(script: Uint8Array): { opcode: number; data: Uint8Array }[] {
  const ops: { opcode: number; data: Uint8Array }[] = [];
  const view = new DataView(script.buffer, script.byteOffset, script.length);
  for (let at = 0; at < script.length; ) {
    const opcode = script[at++]!;
    const width = opcode === OP_PUSHDATA1 ? 1 : opcode === OP_PUSHDATA2 ? 2 : opcode === OP_PUSHDATA4 ? 4 : 0;
    if (width > script.length - at) break;
    const wide = width === 4 ? view.getUint32(at, true) : width === 2 ? view.getUint16(at, true) : script[at]!;
    const length = width > 0 ? wide : opcode < OP_PUSHDATA1 ? opcode : 0;
    at += width;
    if (length > script.length - at) break;
    ops.push({ opcode, data: script.subarray(at, at + length) });
    at += length;
  }
  return ops;
}

/** A push as Core's CScript writes it: by length alone. */
export function pushOf(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length < OP_PUSHDATA1) return Uint8Array.from([length, ...data]);
  if (length <= 0xff) return Uint8Array.from([OP_PUSHDATA1, length, ...data]);
  if (length <= 0xffff) return Uint8Array.from([OP_PUSHDATA2, length & 0xff, length >>> 8, ...data]);
  throw new ProofError("a push of more than 65,535 bytes");
}

function parseSolution(bytes: Uint8Array): { scriptSig: Uint8Array; witness: Uint8Array[] } {
  const bad = () => new ProofError("a signet solution that is not a script and a witness");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (length: number): number => {
    if (length > bytes.length - at) throw bad();
    at += length;
    return at - length;
  };
  const size = (): number => {
    const first = bytes[take(1)]!;
    if (first < 0xfd) return first;
    const value = first === 0xfd ? view.getUint16(take(2), true) : 0;
    // Longer forms are for more than any commitment holds; shorter numbers in them are not canonical.
    if (value < 0xfd) throw bad();
    return value;
  };
  const item = (): Uint8Array => {
    const length = size();
    const start = take(length);
    return bytes.subarray(start, start + length);
  };
  const scriptSig = item();
  const witness: Uint8Array[] = [];
  for (let left = size(); left > 0; left--) witness.push(item());
  if (at !== bytes.length) throw bad();
  return { scriptSig, witness };
}
