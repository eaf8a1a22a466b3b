/**
 * Why an ECDSA signature in DER is to be refused, found without the guest's parser: it is DER when the numbers found in it, encoded again
 * (X.690 §8.3, §10.1), are the same bytes.
 */
import { signatureToDer } from "../../support/der.ts";

export interface Curve {
  /** Bytes of a number. */
  length: number;
  order: bigint;
}
export const P256: Curve = {
  length: 32,
  order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};
export const P384: Curve = {
  length: 48,
  order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

/**
 * `form`: not the DER of two positive numbers that fit the curve's length; `range`: one is not below its order; else `equation`: only the
 * public key can tell.
 */
export type Flaw = "form" | "range" | "equation";

/** r ‖ s of a signature in DER; undefined when it has not that form. */
export function rawSignature(der: Uint8Array, { length }: Curve): Uint8Array | undefined {
  const r = contentAt(der, 2);
  const s = r && contentAt(der, r.end);
  if (!r || !s) return undefined;
  const raw = new Uint8Array(2 * length);
  for (const [number, end] of [
    [r.number, length],
    [s.number, 2 * length],
  ] as const) {
    if (number <= 0n || number >> BigInt(8 * length) !== 0n) return undefined;
    raw.set(toBytes(number, length), end - length);
  }
  return Buffer.compare(signatureToDer(raw), der) === 0 ? raw : undefined;
}

export function flawOf(der: Uint8Array, curve: Curve): Flaw {
  const raw = rawSignature(der, curve);
  if (!raw) return "form";
  const inRange = [raw.subarray(0, curve.length), raw.subarray(curve.length)].every(
    (half) => toNumber(half) < curve.order,
  );
  return inRange ? "equation" : "range";
}

/** Takes the byte at `at + 1` for a length, whatever is before it, and reads so much as a signed number. */
function contentAt(bytes: Uint8Array, at: number): { number: bigint; end: number } | undefined {
  const end = at + 2 + (bytes[at + 1] ?? 0);
  const content = bytes.subarray(at + 2, end);
  if (content.length === 0 || end > bytes.length) return undefined;
  return { number: BigInt.asIntN(8 * content.length, toNumber(content)), end };
}

const toNumber = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const toBytes = (number: bigint, length: number) => Buffer.from(number.toString(16).padStart(2 * length, "0"), "hex");
