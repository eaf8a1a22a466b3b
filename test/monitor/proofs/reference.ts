/**
 * Slow, obvious versions of what the proofs check, written from the BIPs and apart from bitcoinjs-lib: transactions as plain
 * records, BIP-341's and BIP-143's messages, and signatures by @noble/curves. The tests hold the fast ones against them.
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";

export interface PlainInput {
  /** Internal byte order. */
  txid: Uint8Array;
  vout: number;
  sequence: number;
  /** What it spends. */
  script: Uint8Array;
  value: bigint;
  witness?: Uint8Array[];
}

export interface PlainTransaction {
  version: number;
  locktime: number;
  ins: PlainInput[];
  outs: { script: Uint8Array; value: bigint }[];
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

export function u64(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

export function compact(length: number): Uint8Array {
  if (length < 0xfd) return Uint8Array.of(length);
  return Uint8Array.of(0xfd, length & 0xff, length >>> 8);
}

export function join(...parts: (Uint8Array | Uint8Array[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.flat()));
}

export const withLength = (bytes: Uint8Array): Uint8Array => join(compact(bytes.length), bytes);

const outputBytes = ({ value, script }: { value: bigint; script: Uint8Array }) => join(u64(value), withLength(script));
const outpointBytes = ({ txid, vout }: PlainInput) => join(txid, u32(vout));

/** BIP-144, with the witness where there is any. */
export function serialise({ version, locktime, ins, outs }: PlainTransaction): Uint8Array {
  const witnessed = ins.some(({ witness }) => witness && witness.length > 0);
  return join(
    u32(version),
    witnessed ? Uint8Array.of(0, 1) : [],
    compact(ins.length),
    ins.map((input) => join(outpointBytes(input), Uint8Array.of(0), u32(input.sequence))),
    compact(outs.length),
    outs.map(outputBytes),
    witnessed ? ins.map(({ witness = [] }) => join(compact(witness.length), witness.map(withLength))) : [],
    u32(locktime),
  );
}

export function tagged(tag: string, ...parts: Uint8Array[]): Uint8Array {
  const name = sha256(Buffer.from(tag));
  return sha256(join(name, name, ...parts));
}

export function leafHashOf(leaf: Uint8Array, version = 0xc0): Uint8Array {
  return tagged("TapLeaf", Uint8Array.of(version), withLength(leaf));
}

export interface Signed {
  type: number;
  annex?: Uint8Array;
  leaf?: Uint8Array;
}

/** BIP-341, "Common signature message", and BIP-342's extension for a leaf. */
export function taprootMessage(tx: PlainTransaction, index: number, { type, annex, leaf }: Signed): Uint8Array {
  const own = tx.ins[index]!;
  const anyone = (type & 0x80) !== 0;
  const outputs = type & 3;
  const parts = [Uint8Array.of(0, type), u32(tx.version), u32(tx.locktime)];
  if (!anyone) {
    parts.push(
      sha256(join(tx.ins.map(outpointBytes))),
      sha256(join(tx.ins.map(({ value }) => u64(value)))),
      sha256(join(tx.ins.map(({ script }) => withLength(script)))),
      sha256(join(tx.ins.map(({ sequence }) => u32(sequence)))),
    );
  }
  if (outputs !== 2 && outputs !== 3) parts.push(sha256(join(tx.outs.map(outputBytes))));
  parts.push(Uint8Array.of((leaf ? 2 : 0) + (annex ? 1 : 0)));
  if (anyone) parts.push(outpointBytes(own), u64(own.value), withLength(own.script), u32(own.sequence));
  else parts.push(u32(index));
  if (annex) parts.push(sha256(withLength(annex)));
  if (outputs === 3) parts.push(sha256(outputBytes(tx.outs[index]!)));
  if (leaf) parts.push(leafHashOf(leaf), Uint8Array.of(0), u32(0xffffffff));
  return tagged("TapSighash", ...parts);
}

/** BIP-143. */
export function segwitMessage(tx: PlainTransaction, index: number, scriptCode: Uint8Array, type: number): Uint8Array {
  const own = tx.ins[index]!;
  const zero = new Uint8Array(32);
  const twice = (bytes: Uint8Array) => sha256(sha256(bytes));
  const anyone = (type & 0x80) !== 0;
  const [none, single] = [(type & 0x1f) === 2, (type & 0x1f) === 3];
  const outputs = single ? tx.outs.slice(index, index + 1) : tx.outs;
  return twice(
    join(
      u32(tx.version),
      anyone ? zero : twice(join(tx.ins.map(outpointBytes))),
      anyone || none || single ? zero : twice(join(tx.ins.map(({ sequence }) => u32(sequence)))),
      outpointBytes(own),
      withLength(scriptCode),
      u64(own.value),
      u32(own.sequence),
      none || outputs.length === 0 ? zero : twice(join(outputs.map(outputBytes))),
      u32(tx.locktime),
      u32(type),
    ),
  );
}

/** A BIP-340 signature as a witness holds it. */
export function signTaproot(message: Uint8Array, secret: Uint8Array, type: number): Uint8Array {
  const signature = schnorr.sign(message, secret);
  return type === 0 ? signature : join(signature, Uint8Array.of(type));
}

export interface EcdsaKey {
  secret: Uint8Array;
  /** 33 bytes. */
  point: Uint8Array;
}

export function ecdsaKey(name: string): EcdsaKey {
  const secret = sha256(Buffer.from(name));
  return { secret, point: secp256k1.getPublicKey(secret, true) };
}

/** DER and hash type; `s` low as it should be, or negated. */
export function signEcdsa(
  message: Uint8Array,
  secret: Uint8Array,
  type: number,
  s: "low" | "high" = "low",
): Uint8Array {
  const bytes = secp256k1.sign(message, secret, { prehash: false, lowS: true });
  const signature = secp256k1.Signature.fromBytes(bytes, "compact");
  const order = secp256k1.Point.Fn.ORDER;
  const chosen = s === "low" ? signature : new secp256k1.Signature(signature.r, order - signature.s);
  return join(chosen.toBytes("der"), Uint8Array.of(type));
}
