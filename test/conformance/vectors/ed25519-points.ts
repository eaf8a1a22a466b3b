/**
 * Ed25519 signatures with points of every kind for A and R, as C2SP's CCTV (ed25519/README.md) describes its vectors: the points of small
 * order in each encoding that decodes, and points with and without a component of small order. Each pair comes with and without a residue of
 * small order in R + k·A − S·B, where some message makes it so.
 *
 * For points of known parts, A = a·B + i·T and R = r·B + j·T with T of order 8, S = r + k·a leaves the residue (j + k·i)·T.
 */
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";

const { Point } = ed25519;
const L = Point.Fn.ORDER;

export interface PointKind {
  name: string;
  encoding: Uint8Array;
  /** The part of prime order, as a multiple of B; that of small order, as a multiple of T. */
  prime: bigint;
  small: bigint;
  isCanonical: boolean;
}
export interface PointCase {
  name: string;
  publicKey: PointKind;
  commitment: PointKind;
  message: Uint8Array;
  signature: Uint8Array;
  /** Whether the equation holds only when multiplied by the cofactor. */
  hasResidue: boolean;
}

/** A point of order 8, and encodings that are not the one of their point: y of p or more, or x = 0 with its sign bit. */
const T = Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
const NOT_CANONICAL = [
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];
/** i·T, for i from 0 to 7. */
const MULTIPLES = Array.from({ length: 8 }, (_, i) => (i === 0 ? Point.ZERO : T.multiplyUnsafe(BigInt(i))));
/** Messages to try for a residue, and for none. */
const TRIES = 64;

export function pointCases(): PointCase[] {
  return pointKinds(scalarOf("A")).flatMap((publicKey) =>
    pointKinds(scalarOf("R")).flatMap((commitment) => bothResidues(publicKey, commitment)),
  );
}

/** Eight of small order, six more encodings of some of them, and those eight added to one of prime order. */
function pointKinds(prime: bigint): PointKind[] {
  const small = MULTIPLES.map((point, i) => kind(`${i}T`, point.toBytes(), 0n, i, true));
  const others = NOT_CANONICAL.map((hex) => {
    const encoding = Uint8Array.from(Buffer.from(hex, "hex"));
    const i = MULTIPLES.findIndex((point) => point.equals(decodeLoosely(encoding)));
    return kind(`${i}T as ${hex.slice(0, 2)}…${hex.slice(-2)}`, encoding, 0n, i, false);
  });
  const mixed = MULTIPLES.map((point, i) => {
    const encoding = Point.BASE.multiply(prime).add(point).toBytes();
    return kind(i === 0 ? "of prime order" : `of prime order + ${i}T`, encoding, prime, i, true);
  });
  return [...small, ...others, ...mixed];
}

function kind(name: string, encoding: Uint8Array, prime: bigint, small: number, isCanonical: boolean): PointKind {
  return { name, encoding, prime, small: BigInt(small), isCanonical };
}

/** What decodes only by ZIP 215's rules, or with the sign of x = 0. */
function decodeLoosely(encoding: Uint8Array) {
  const withoutSign = Uint8Array.from(encoding);
  withoutSign[31]! &= 0x7f;
  const point = Point.fromBytes(withoutSign, true);
  const hasSign = encoding[31]! > 0x7f;
  return hasSign && point.x !== 0n ? point.negate() : point;
}

/** One message that leaves no residue and one that does, where there are such. */
function bothResidues(publicKey: PointKind, commitment: PointKind): PointCase[] {
  const found: PointCase[] = [];
  for (let i = 0; i < TRIES && found.length < 2; i++) {
    const message = new TextEncoder().encode(`ed25519 points ${i}`);
    const made = signed(publicKey, commitment, message);
    if (!found.some(({ hasResidue }) => hasResidue === made.hasResidue)) found.push(made);
  }
  return found;
}

function signed(publicKey: PointKind, commitment: PointKind, message: Uint8Array): PointCase {
  const challenge = createHash("sha512")
    .update(commitment.encoding)
    .update(publicKey.encoding)
    .update(message)
    .digest();
  const k = fromLittleEndian(challenge) % L;
  const s = (commitment.prime + k * publicKey.prime) % L;
  const hasResidue = (commitment.small + k * publicKey.small) % 8n !== 0n;
  return {
    name: `A ${publicKey.name}, R ${commitment.name}${hasResidue ? ", residue" : ""}`,
    publicKey,
    commitment,
    message,
    signature: Uint8Array.from([...commitment.encoding, ...Point.Fn.toBytes(s)]),
    hasResidue,
  };
}

function scalarOf(name: string): bigint {
  return fromLittleEndian(createHash("sha512").update(name).digest()) % L;
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}
