/**
 * Hex and hashes. Bitcoin shows transaction and block hashes with their bytes reversed; a `Hash` here is always that
 * displayed form, 64 lower-case hex digits.
 */
import { createHash } from "node:crypto";

export type Hash = string;

/** Something that a proof needed is wrong; the message is for a person. */
export class ProofError extends Error {
  override name = "ProofError";
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Throws {@link ProofError} unless `text` is an even number of hex digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new ProofError("not hexadecimal");
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function sha256d(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(createHash("sha256").update(bytes).digest()).digest());
}

/** Internal byte order → displayed. */
export function showHash(bytes: Uint8Array): Hash {
  return toHex(Uint8Array.from(bytes).reverse());
}

/** Displayed → internal byte order, 32 bytes. */
export function hashBytes(hash: Hash): Uint8Array {
  const bytes = fromHex(hash);
  if (bytes.length !== 32) throw new ProofError("a hash that is not 32 bytes");
  return bytes.reverse();
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
