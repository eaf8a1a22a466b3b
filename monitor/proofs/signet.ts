/**
 * Whether a signet block was made by those who may (BIP-325; Bitcoin Core's CheckSignetBlockSolution). On a signet, work
 * is nearly free: what makes a block is a signature for the network's challenge. It is in the coinbase, so the coinbase
 * and its merkle branch are needed besides the header.
 *
 * Challenges that are understood: OP_TRUE, `<key> CHECKSIG`, bare multisig (the default signet's), P2WPKH, and P2WSH of
 * these scripts. Any other is refused as one that cannot be judged; taproot too, which Core does not enforce here.
 */
import { crypto, type Transaction } from "bitcoinjs-lib";
import { equalBytes, ProofError } from "./bytes.ts";
import type { Header } from "./header.ts";
import { keyHashScript } from "./key-hash-spend.ts";
import { type CoinbaseProof, checkCoinbase } from "./merkle.ts";
import type { NetworkRules } from "./networks.ts";
import { readEcdsaSignature, verifyEcdsa } from "./signature.ts";
import { readOps, readSignetSolution, type SignetSolution } from "./signet-solution.ts";

const OP_0 = 0x00;
const OP_1 = 0x51;
const OP_16 = 0x60;
const OP_CHECKSIG = 0xac;
const OP_CHECKMULTISIG = 0xae;
const COMPRESSED = 33;

/** m of these keys must sign, in their order. */
interface Quorum {
  required: number;
  keys: Uint8Array[];
  /** CHECKMULTISIG pops one item more than it needs; it must be empty (BIP-147). */
  dummy: 0 | 1;
}

/** The message that a signature with this hash type signs. */
type Message = (hashType: number) => Uint8Array;

/** Throws {@link ProofError} unless the block of `header` answers the challenge of its signet. The genesis block need not. */
export function checkSignetBlock(header: Header, coinbase: CoinbaseProof, rules: NetworkRules): void {
  if (rules.challenge === undefined) throw new ProofError(`${rules.name} has no signet challenge`);
  if (header.hash === rules.genesis) return;
  const { transaction, branch } = checkCoinbase(coinbase, header);
  const solution = readSignetSolution(header, transaction.parsed, branch, rules.challenge);
  if (!answers(rules.challenge, solution)) {
    throw new ProofError(`block ${header.hash}, which does not answer the signet's challenge`);
  }
}

function answers(challenge: Uint8Array, { scriptSig, witness, toSign }: SignetSolution): boolean {
  if (challenge.length === 1 && challenge[0] === OP_1) return scriptSig.length === 0 && witness.length === 0;
  if (challenge[0] === OP_0 && challenge[1] === challenge.length - 2 && challenge.length > 2) {
    return scriptSig.length === 0 && answersProgram(challenge.subarray(2), witness, toSign);
  }
  const quorum = readQuorum(challenge);
  if (!quorum) throw new ProofError("a signet challenge of a form that cannot be judged here");
  if (witness.length !== 0) return false;
  const pushes = readOps(scriptSig);
  // Nothing but pushes, and nothing cut short.
  const read = pushes.reduce((length, { data }) => length + 1 + data.length, 0);
  if (read !== scriptSig.length || pushes.some(({ opcode, data }) => opcode !== data.length)) return false;
  const stack = pushes.map(({ data }) => data);
  return satisfies(quorum, stack, (hashType) => toSign.hashForSignature(0, challenge, hashType));
}

function answersProgram(program: Uint8Array, witness: readonly Uint8Array[], toSign: Transaction): boolean {
  const message =
    (script: Uint8Array): Message =>
    (hashType) =>
      toSign.hashForWitnessV0(0, script, 0n, hashType);
  if (program.length === 20) {
    const [signature, key] = witness;
    if (witness.length !== 2 || !signature || !key || !equalBytes(crypto.hash160(key), program)) return false;
    return isSigned(signature, key, message(keyHashScript(program)));
  }
  if (program.length !== 32) throw new ProofError("a signet challenge of a form that cannot be judged here");
  const script = witness.at(-1);
  if (!script || !equalBytes(crypto.sha256(script), program)) return false;
  const quorum = readQuorum(script);
  if (!quorum) throw new ProofError("a signet challenge of a form that cannot be judged here");
  return satisfies(quorum, witness.slice(0, -1), message(script));
}

/** `<key> CHECKSIG` or `m <key> … n CHECKMULTISIG`, with compressed keys. */
function readQuorum(script: Uint8Array): Quorum | undefined {
  const ops = readOps(script);
  const keys = ops.filter(({ data }) => data.length === COMPRESSED).map(({ data }) => data);
  const [first, last, count] = [ops[0]?.opcode, ops.at(-1)?.opcode, ops.at(-2)?.opcode];
  if (script.length === COMPRESSED + 2 && ops.length === 2 && keys.length === 1 && last === OP_CHECKSIG) {
    return { required: 1, keys, dummy: 0 };
  }
  if (last !== OP_CHECKMULTISIG || first === undefined || keys.length !== ops.length - 3) return undefined;
  if (first < OP_1 || first > OP_16 || count !== OP_1 + keys.length - 1 || first > count) return undefined;
  // Every key by its plain push: nothing else can hide between.
  if (script.length !== 3 + keys.length * (COMPRESSED + 1)) return undefined;
  return { required: first - OP_1 + 1, keys, dummy: 1 };
}

function satisfies({ required, keys, dummy }: Quorum, stack: readonly Uint8Array[], message: Message): boolean {
  if (stack.length !== required + dummy || (dummy === 1 && stack[0]!.length !== 0)) return false;
  const signatures = stack.slice(dummy);
  let next = 0;
  for (const signature of signatures) {
    while (next < keys.length && !isSigned(signature, keys[next]!, message)) next++;
    // This key is used up; the next signature must be of a later one.
    if (next++ >= keys.length) return false;
  }
  return true;
}

function isSigned(signature: Uint8Array, key: Uint8Array, message: Message): boolean {
  const { compact, hashType } = readEcdsaSignature(signature, "consensus");
  return verifyEcdsa(message(hashType), key, compact);
}
