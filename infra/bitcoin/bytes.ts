/**
 * Bytes and hashes as bitcoin shows them. The libraries return Uint8Array, whose toString("hex") silently gives
 * decimals, so every conversion to text goes through here. A displayed hash has its bytes reversed.
 */
import { createHash } from "node:crypto";

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** undefined unless `text` is an even number of hex digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

export function sha256d(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes));
}

/** Internal byte order (32 bytes) → displayed, 64 hex digits. */
export function showHash(bytes: Uint8Array): string {
  return toHex(Uint8Array.from(bytes).reverse());
}

/** Displayed → internal byte order. `hash` must be 64 hex digits. */
export function hashBytes(hash: string): Uint8Array {
  if (!isHash(hash)) throw new RangeError(`not a hash: ${hash.slice(0, 80)}`);
  return new Uint8Array(Buffer.from(hash, "hex").reverse());
}

/** 64 lower-case hex digits. */
export function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
