/**
 * CertificateVerify and Finished of a generated conversation (RFC 8446 §4.4.3, §4.4.4), right or bent. Both are functions of the transcript
 * and a key; the bends take another of either.
 */
import { sign } from "node:crypto";
import { hashLength, type Suite, verifyData } from "../keys.ts";
import { handshake, uint, vector } from "../wire.ts";
import { MESSAGES, type PeerRole } from "./steps.ts";
import type { Identity } from "./world.ts";

/** What is hashed and signed, by SignatureScheme. */
export const SCHEME_DIGESTS: ReadonlyMap<number, "sha256" | "sha384" | null> = new Map([
  [0x0403, "sha256"],
  [0x0503, "sha384"],
  [0x0807, null],
]);

/** The order of P-256's group. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export interface ProofInputs {
  role: PeerRole;
  identity: Identity;
  /** Somebody with another key, of the same kind or not. */
  other: Identity;
  transcriptHash: Buffer;
  earlierHash: Buffer;
  bend: { name: string; value: number } | undefined;
}

/** What a signature of TLS 1.3 covers (§4.4.3). */
export function signedContent(role: PeerRole, transcriptHash: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.alloc(64, 0x20),
    Buffer.from(`TLS 1.3, ${role} CertificateVerify\0`, "latin1"),
    transcriptHash,
  ]);
}

export function verifyMessage({ role, identity, other, transcriptHash, earlierHash, bend }: ProofInputs): Buffer {
  let { scheme } = identity;
  let signer = identity;
  let context = role;
  let hash = transcriptHash;
  let edit = (signature: Buffer): Buffer => signature;
  switch (bend?.name) {
    case "by another key":
      signer = other;
      break;
    case "in the other role's context":
      context = role === "client" ? "server" : "client";
      break;
    case "over no transcript":
      hash = Buffer.alloc(hash.length);
      break;
    case "over an earlier transcript":
      hash = earlierHash;
      break;
    case "over an earlier connection":
      hash = Buffer.alloc(hash.length, bend.value | 1);
      break;
    case "of another scheme's number":
      scheme = identity.scheme === 0x0403 ? 0x0807 : 0x0403;
      break;
    case "of an unknown scheme":
      scheme = [0x0804, 0x0201, 0x0000, 0x1a1a][bend.value & 3]!;
      break;
    case "with a flipped bit":
      edit = (signature) => flipBit(signature, bend.value);
      break;
    case "of no bytes":
      edit = () => Buffer.alloc(0);
      break;
    case "of too many bytes":
      edit = (signature) => Buffer.concat([signature, Buffer.alloc(100 + (bend.value & 0xfff))]);
      break;
    case "the other of the two signatures":
      edit = (signature) => (scheme === 0x0403 ? mirrored(signature) : signature);
      break;
  }
  const content = signedContent(context, hash);
  const signature = edit(sign(SCHEME_DIGESTS.get(signer.scheme) ?? null, content, signer.key));
  const body = Buffer.concat([uint(2, scheme), vector(2, signature)]);
  if (bend?.name === "cut short") return handshake(MESSAGES.certificateVerify, body.subarray(0, -1));
  if (bend?.name === "with bytes after the end") return handshake(MESSAGES.certificateVerify, body, Buffer.alloc(1));
  return handshake(MESSAGES.certificateVerify, body);
}

export interface FinishedInputs {
  suite: Suite;
  /** The handshake traffic secrets of this side and the other. */
  own: Buffer;
  others: Buffer;
  transcriptHash: Buffer;
  earlierHash: Buffer;
  bend: { name: string; value: number } | undefined;
}

export function finishedMessage({ suite, own, others, transcriptHash, earlierHash, bend }: FinishedInputs): Buffer {
  const right = verifyData(suite, own, transcriptHash);
  const data = (): Buffer => {
    switch (bend?.name) {
      case "with a flipped bit":
        return flipBit(right, bend.value);
      case "of zeros":
        return Buffer.alloc(right.length);
      case "of no bytes":
        return Buffer.alloc(0);
      case "a byte short":
        return right.subarray(0, -1);
      case "a byte long":
        return Buffer.concat([right, Buffer.alloc(1)]);
      case "of the other direction":
        return verifyData(suite, others, transcriptHash);
      case "over an earlier transcript":
        return verifyData(suite, own, earlierHash);
      case "of an earlier connection":
        return verifyData(suite, Buffer.alloc(hashLength(suite), bend.value | 1), transcriptHash);
    }
    return right;
  };
  return handshake(MESSAGES.finished, data());
}

/** A copy with one bit changed. */
export function flipBit(bytes: Uint8Array, value: number): Buffer {
  const out = Buffer.from(bytes);
  if (out.length > 0) out[(value >>> 3) % out.length]! ^= 1 << (value & 7);
  return out;
}

/** ECDSA's (r, n - s) for (r, s): as valid as the first, and TLS has no rule against it. */
function mirrored(signature: Buffer): Buffer {
  const rLength = signature[3]!;
  const r = signature.subarray(4, 4 + rLength);
  const s = BigInt(`0x${signature.subarray(6 + rLength).toString("hex")}`);
  return derPair(BigInt(`0x${r.toString("hex")}`), P256_ORDER - s);
}

function derPair(...numbers: bigint[]): Buffer {
  const integers = numbers.map((number) => {
    const hex = number.toString(16);
    const bytes = Buffer.from(hex.padStart(hex.length + (hex.length & 1), "0"), "hex");
    const content = bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(2, content.length), content]);
  });
  const content = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}
