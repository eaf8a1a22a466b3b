/**
 * Whether a CertificateVerify proves the key of the certificate before it (RFC 8446 §4.4.3): the model's own check, by node:crypto.
 */
import { type KeyObject, verify, X509Certificate } from "node:crypto";
import { ALERT, Cursor } from "../wire.ts";
import { SCHEME_DIGESTS, signedContent } from "./authentication.ts";
import type { PeerRole } from "./steps.ts";
import type { Identity } from "./world.ts";

/**
 * Every alert that the message deserves, by its form, its chain and its signature over `transcriptHash`; none: the peer has the key of a
 * trusted certificate. `identity` is whose chain was shown.
 */
export function judgeProof(
  body: Buffer,
  role: PeerRole,
  identity: Identity | undefined,
  transcriptHash: Buffer,
): readonly number[] {
  let scheme: number;
  let signature: Buffer;
  try {
    const fields = new Cursor(body);
    scheme = fields.uint(2);
    signature = fields.vector(2);
    if (fields.left > 0) return [ALERT.decodeError];
  } catch {
    return [ALERT.decodeError];
  }
  if (identity === undefined) return [ALERT.unexpectedMessage];
  const faults = [...identity.distrust];
  const leaf = keyIn(identity.chain[0]!);
  const digest = SCHEME_DIGESTS.get(scheme);
  const isOfKey =
    digest !== undefined && scheme === schemeOf(leaf.asymmetricKeyType, leaf.asymmetricKeyDetails?.namedCurve);
  if (!isOfKey) faults.push(ALERT.illegalParameter);
  else if (!verify(digest, signedContent(role, transcriptHash), leaf, signature)) faults.push(ALERT.decryptError);
  return faults;
}

/** The public key in a certificate; each of the few certificates is parsed once. */
export function keyIn(der: Uint8Array): KeyObject {
  const name = Buffer.from(der).toString("latin1");
  const key = KEYS.get(name) ?? new X509Certificate(der).publicKey;
  KEYS.set(name, key);
  return key;
}

const KEYS = new Map<string, KeyObject>();

function schemeOf(type: string | undefined, curve: string | undefined): number | undefined {
  if (type === "ed25519") return 0x0807;
  return curve === "prime256v1" ? 0x0403 : curve === "secp384r1" ? 0x0503 : undefined;
}
