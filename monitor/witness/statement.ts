/**
 * One statement of the witness (docs/witness.md): what the monitor knew at one time, signed with its own key over the
 * canonical JSON, with the hash of the statement before it. Schema, bytes, signature; what several of them say together
 * is in chain.ts.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { ProofError } from "../proofs/bytes.ts";
import { block, spend, coin as statusCoin, source as statusSource, verdict } from "../schema.ts";
import { canonical } from "./canonical-json.ts";
import type { WitnessKey } from "./key.ts";

/** Bytes of one statement as JSON, at most: 200 coins in their longest form. */
export const MAX_STATEMENT = 256 * 1024;
const MAX_TEXT = 1000;

const hash = z.string().regex(/^[0-9a-f]{64}$/, "64 small hex digits");
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(MAX_TEXT);
const strictBlock = z.strictObject({ ...block.shape, hash });

const coin = z.strictObject({
  outpoint: statusCoin.shape.outpoint,
  value: count.describe("satoshi"),
  state: statusCoin.shape.state,
  spend: z.strictObject({ txid: hash, kind: spend.shape.kind, block: strictBlock.nullable() }).nullable(),
});

export const statement = z.strictObject({
  type: z.literal("pinata-statement"),
  version: z.literal(1),
  /** Ed25519, the key that signs it. */
  key: hash,
  /** Counts up by one from 1, whichever key signs. */
  number: count.min(1),
  /** Milliseconds since 1970 by the monitor's clock. */
  time: count,
  /** Why now: the monitor started, an hour is over, or the verdict became another. */
  reason: z.enum(["start", "hour", "verdict"]),
  network: text,
  address: text,
  descriptor: text,
  verdict,
  /** Since when it is that, and when the coins were last checked; milliseconds. */
  since: count,
  checked: count.nullable(),
  tip: strictBlock.nullable(),
  coins: z.array(coin).max(200),
  sources: z
    .array(
      z.strictObject({
        name: text,
        kind: statusSource.shape.kind,
        healthy: z.boolean(),
        tip: strictBlock.nullable(),
      }),
    )
    .max(64),
  /** The piñata as its own trace tells; null when that is not known. */
  pinata: z.strictObject({ image: hash, boot: text, running: z.boolean() }).nullable(),
  /** The latest proof that the key is inside (a BIP-322 signature and what it signs); null when there is none. */
  candy: z.strictObject({ message: text, signature: text }).nullable(),
  attempts: z.strictObject({ total: count, opened: count }),
  /** SHA-256 of the canonical JSON of the statement before; null for number 1. */
  previous: hash.nullable(),
});
export type Statement = z.infer<typeof statement>;

export const signedStatement = z.strictObject({
  /** Ed25519 over the canonical JSON of `statement`, in UTF-8. */
  signature: z.string().regex(/^[0-9a-f]{128}$/, "128 small hex digits"),
  statement,
});
export type SignedStatement = z.infer<typeof signedStatement>;

/** What is signed and hashed. */
export function statementBytes(value: Statement): Uint8Array {
  return Buffer.from(canonical(value), "utf8");
}

export function statementHash(value: Statement): string {
  return createHash("sha256").update(statementBytes(value)).digest("hex");
}

/** The only way to a signature by this key. Throws when the statement is not one: a mistake of ours. */
export function signStatement(value: Omit<Statement, "key">, key: WitnessKey): SignedStatement {
  const checked = statement.parse({ ...value, key: key.publicKey });
  return { signature: key.sign(statementBytes(checked)), statement: checked };
}

/** Throws {@link ProofError} unless the key that the statement names signed it. */
export function checkSignature({ signature, statement: signed }: SignedStatement): void {
  let isValid = false;
  try {
    const x = Buffer.from(signed.key, "hex").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    isValid = verify(null, statementBytes(signed), key, Buffer.from(signature, "hex"));
  } catch {
    // No point of the curve.
  }
  if (!isValid) throw new ProofError(`statement ${signed.number}, whose signature is not valid for the key it names`);
}
