/**
 * P-256 (secp256r1): keys and Diffie-Hellman (SP 800-56A rev. 3 §5.7.1.2, RFC 8446 §4.2.8.2 and §7.4.2).
 *
 * A scalar is 32 bytes, big-endian; a public point 65 bytes, 0x04 ‖ X ‖ Y. A buffer of another length traps. Time does
 * not depend on scalars; nothing that depends on one stays in this compartment's memory but the output.
 */
import { Bytes } from "bytes";
import { fieldToBytes } from "./p256-field";
import { Limbs } from "./p256-limbs";
import { multiply, multiplyBase } from "./p256-multiply";
import { Affine, Jacobian, pointAffineX, pointFromBytes, pointToAffine, pointWipe } from "./p256-point";
import { scalarFromBytes } from "./p256-scalar";

/** Whether 32 bytes are a private key: a number in [1, n - 1]. Only the answer depends on the bytes. */
export function p256ValidScalar(scalar: Bytes): bool {
  const valid = <bool>scalarFromBytes(k, scalar);
  k.clear();
  return valid;
}

/** Writes the public key (65 bytes) of a private key (32 bytes). Traps when the scalar is not in [1, n - 1]. */
export function p256PublicKey(scalar: Bytes, out: Bytes): void {
  assert(out.length == 65);
  assert(<bool>scalarFromBytes(k, scalar));
  multiplyBase(product, k);
  pointToAffine(affine, product);
  out[0] = 0x04;
  fieldToBytes(VIEW.aim(out, 1, 32), affine.x);
  fieldToBytes(VIEW.aim(out, 33, 32), affine.y);
  wipe();
}

/**
 * Writes the x-coordinate (32 bytes) of scalar · peer. False, with nothing written, unless the peer's 65 bytes are an
 * uncompressed point of the curve. Traps when the scalar is not in [1, n - 1].
 */
export function p256SharedSecret(scalar: Bytes, peer: Bytes, out: Bytes): bool {
  assert(out.length == 32);
  if (!pointFromBytes(affine, peer)) return false;
  assert(<bool>scalarFromBytes(k, scalar));
  multiply(product, k, affine);
  pointAffineX(affine.x, product);
  fieldToBytes(out, affine.x);
  wipe();
  return true;
}

function wipe(): void {
  k.clear();
  product.clear();
  affine.clear();
  pointWipe();
}

const k = new Limbs();
const product = new Jacobian();
const affine = new Affine();
const VIEW = Bytes.empty();
