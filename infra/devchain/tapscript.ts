/**
 * Checks the signature of one input as a full node would, for the outputs this chain lets be spent: taproot (BIP-341), by the key
 * path, or by a tapscript leaf (BIP-342) made of pushes, OP_DROP, OP_VERIFY, OP_CHECKSIG, OP_CHECKSIGVERIFY and
 * OP_CHECKLOCKTIMEVERIFY (BIP-65). Whatever needs more is refused: stricter than bitcoin, never laxer. Message and signature
 * are @scure/btc-signer's and noble's, where the monitor has bitcoinjs-lib's and libsecp256k1: no one bug passes both.
 */
import { schnorr } from "@noble/curves/secp256k1.js";
import { Transaction as Second } from "@scure/btc-signer";
import { equalBytes, toHex } from "../bitcoin/bytes.ts";
import { hashes, scripts, type Transaction } from "../bitcoin/ecc.ts";
import { isTaproot } from "../bitcoin/networks.ts";
import { tapLeafHash, tweakKey } from "../bitcoin/taproot.ts";
import { LOCKTIME_THRESHOLD } from "./params.ts";

/** An output that is spent. */
export interface SpentOutput {
  value: bigint;
  script: Uint8Array;
}

/** Core's script error text. */
class ScriptFailure extends Error {}

const ANNEX = 0x50;
const LEAF_VERSION = 0xc0;
const MAX_ELEMENT = 520;
const MAX_DEPTH = 128;
const HASH_TYPES = [1, 2, 3, 0x81, 0x82, 0x83];
const SIGHASH_SINGLE = 3;
const FINAL = 0xffffffff;

interface Context {
  transaction: Transaction;
  index: number;
  spent: readonly SpentOutput[];
  annex: Uint8Array | undefined;
}

/** Core's script error text for input `index`, or undefined when it may spend its output. `spent`: of all inputs, in order. */
export function scriptError(
  transaction: Transaction,
  index: number,
  spent: readonly SpentOutput[],
): string | undefined {
  try {
    checkInput(transaction, index, spent);
    return undefined;
  } catch (error) {
    if (error instanceof ScriptFailure) return error.message;
    throw error;
  }
}

/** Whether a taproot input carries an annex: consensus allows it, nodes do not relay it. */
export function hasAnnex(witness: readonly Uint8Array[]): boolean {
  return witness.length >= 2 && witness[witness.length - 1]![0] === ANNEX;
}

function checkInput(transaction: Transaction, index: number, spent: readonly SpentOutput[]): void {
  const input = transaction.ins[index]!;
  const { script } = spent[index]!;
  if (!isTaproot(script)) throw new ScriptFailure("this development chain only spends taproot outputs");
  if (input.script.length !== 0) throw new ScriptFailure("Witness requires empty scriptSig");
  const annex = hasAnnex(input.witness) ? input.witness[input.witness.length - 1]! : undefined;
  const stack = annex ? input.witness.slice(0, -1) : input.witness.slice();
  if (stack.length === 0) throw new ScriptFailure("Witness program was passed an empty witness");
  const context = { transaction, index, spent, annex };
  const outputKey = script.subarray(2);
  if (stack.length === 1) checkSignature(context, stack[0]!, outputKey);
  else checkScriptPath(context, stack, outputKey);
}

function checkScriptPath(context: Context, stack: Uint8Array[], outputKey: Uint8Array): void {
  const control = stack.pop()!;
  const leaf = stack.pop()!;
  if (control.length < 33 || control.length > 33 + 32 * MAX_DEPTH || (control.length - 33) % 32 !== 0) {
    throw new ScriptFailure("Invalid Taproot control block size");
  }
  const version = control[0]! & 0xfe;
  if (leaf.length > 0xffff) throw new ScriptFailure("Script is too big");
  let node = tapLeafHash(leaf, version);
  for (let at = 33; at < control.length; at += 32) {
    const sibling = control.subarray(at, at + 32);
    const pair = Buffer.compare(node, sibling) < 0 ? [node, sibling] : [sibling, node];
    node = hashes.taggedHash("TapBranch", Buffer.concat(pair));
  }
  const committed = tweakKey(control.subarray(1, 33), node);
  if (!committed || committed.parity !== (control[0]! & 1) || !equalBytes(committed.key, outputKey)) {
    throw new ScriptFailure("Witness program hash mismatch");
  }
  if (version !== LEAF_VERSION) throw new ScriptFailure("Taproot version reserved for soft-fork upgrades");
  if (stack.some(({ length }) => length > MAX_ELEMENT)) throw new ScriptFailure("Push value size limit exceeded");
  run(context, leaf, stack);
}

/**
 * Runs a leaf; `stack` is consumed. BIP-342's budget for signatures needs no count: no opcode here copies one, so each stands in the
 * witness, where it weighs more than it costs.
 */
function run(context: Context, leaf: Uint8Array, stack: Uint8Array[]): void {
  const pop = (): Uint8Array => {
    const top = stack.pop();
    if (!top) throw new ScriptFailure("Operation not valid with the current stack size");
    return top;
  };
  const checkSig = (): boolean => {
    const key = pop();
    const signature = pop();
    if (key.length !== 32) throw new ScriptFailure("Public key version reserved for soft-fork upgrades");
    if (signature.length === 0) return false;
    checkSignature(context, signature, key, leaf);
    return true;
  };
  for (let at = 0; at < leaf.length; ) {
    const opcode = leaf[at]!;
    const push = pushAt(leaf, at);
    if (push) {
      stack.push(push.data);
      at = push.next;
      continue;
    }
    at++;
    switch (opcode) {
      case 0x69:
        if (!isTrue(pop())) throw new ScriptFailure("Script failed an OP_VERIFY operation");
        break;
      case 0x75:
        pop();
        break;
      case 0xac:
        stack.push(checkSig() ? Uint8Array.of(1) : Uint8Array.of());
        break;
      case 0xad:
        if (!checkSig()) throw new ScriptFailure("Script failed an OP_CHECKSIGVERIFY operation");
        break;
      case 0xb1:
        checkLockTime(context, stack[stack.length - 1]);
        break;
      default:
        throw new ScriptFailure(`this development chain does not run opcode 0x${opcode.toString(16).padStart(2, "0")}`);
    }
  }
  if (stack.length !== 1) throw new ScriptFailure("Stack size must be exactly one after execution");
  if (!isTrue(stack[0]!)) {
    throw new ScriptFailure("Script evaluated without error but finished with a false/empty top stack element");
  }
}

/** The push that starts at `at`, or undefined when another opcode is there. */
function pushAt(script: Uint8Array, at: number): { data: Uint8Array; next: number } | undefined {
  const opcode = script[at]!;
  if (opcode >= 0x51 && opcode <= 0x60) return { data: Uint8Array.of(opcode - 0x50), next: at + 1 };
  if (opcode > 0x4d) return undefined;
  const lengthBytes = opcode === 0x4c ? 1 : opcode === 0x4d ? 2 : 0;
  if (at + 1 + lengthBytes > script.length) throw new ScriptFailure("Opcode missing or not understood");
  const length = lengthBytes === 0 ? opcode : script[at + 1]! + (lengthBytes === 2 ? script[at + 2]! << 8 : 0);
  const start = at + 1 + lengthBytes;
  if (length > script.length - start) throw new ScriptFailure("Opcode missing or not understood");
  if (length > MAX_ELEMENT) throw new ScriptFailure("Push value size limit exceeded");
  return { data: script.subarray(start, start + length), next: start + length };
}

/** BIP-65: the top of the stack (which stays) against nLockTime and nSequence. */
function checkLockTime({ transaction, index }: Context, top: Uint8Array | undefined): void {
  if (!top) throw new ScriptFailure("Operation not valid with the current stack size");
  let lock: number;
  try {
    lock = scripts.number.decode(top, 5, true);
  } catch {
    throw new ScriptFailure("unknown error");
  }
  if (lock < 0) throw new ScriptFailure("Negative locktime");
  const sameKind = lock < LOCKTIME_THRESHOLD === transaction.locktime < LOCKTIME_THRESHOLD;
  if (!sameKind || lock > transaction.locktime || transaction.ins[index]!.sequence === FINAL) {
    throw new ScriptFailure("Locktime requirement not satisfied");
  }
}

/** BIP-340 over the BIP-341 message; `key` x-only. */
function checkSignature(context: Context, given: Uint8Array, key: Uint8Array, leaf?: Uint8Array): void {
  const { transaction, index, spent, annex } = context;
  if (given.length !== 64 && given.length !== 65) throw new ScriptFailure("Invalid Schnorr signature size");
  const type = given.length === 65 ? given[64]! : 0;
  const single = (type & 3) === SIGHASH_SINGLE;
  if ((given.length === 65 && !HASH_TYPES.includes(type)) || (single && index >= transaction.outs.length)) {
    throw new ScriptFailure("Invalid Schnorr signature hash type");
  }
  const message = Second.fromRaw(transaction.toBuffer(), AS_IT_IS).preimageWitnessV1(
    index,
    spent.map(({ script }) => script),
    type,
    spent.map(({ value }) => value),
    undefined,
    leaf,
    LEAF_VERSION,
    annex,
  );
  if (!verifySchnorr(given.subarray(0, 64), message, key)) throw new ScriptFailure("Invalid Schnorr signature");
}

/** No opinions about what is spent or paid: only the bytes are read. */
const AS_IT_IS = {
  allowUnknownInputs: true,
  allowUnknownOutputs: true,
  allowUnknownVersion: true,
  disableScriptCheck: true,
} as const;

/** Signatures that were found good, as Core keeps them: a transaction is checked in the mempool and again in its block. */
const good = new Set<string>();
const MAX_GOOD = 10_000;

/** A key that is no point throws, where a node only says no. */
function verifySchnorr(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  const name = [signature, message, key].map(toHex).join(" ");
  if (good.has(name)) return true;
  try {
    if (!schnorr.verify(signature, message, key)) return false;
  } catch {
    return false;
  }
  if (good.size >= MAX_GOOD) good.clear();
  good.add(name);
  return true;
}

function isTrue(element: Uint8Array): boolean {
  return element.some((byte, at) => byte !== 0 && !(at === element.length - 1 && byte === 0x80));
}
