/**
 * A spend certificate (docs/witness.md): everything that is needed to check, years later and without any network, that
 * coins of a piñata were spent, how, and in which block. One JSON object; this is its schema and its bounds.
 *
 * It holds raw bytes and nothing that has to be believed: what it says in words or numbers besides (kinds, amounts, txids)
 * must be what follows from the bytes. Fields that are not known here are refused, since nobody would have checked them.
 */
import { z } from "@hono/zod-openapi";
import { NETWORKS } from "../proofs/header.ts";
import { MAX_MONEY, MAX_TRANSACTION_BYTES } from "../proofs/transaction.ts";

/** Bytes of a certificate as JSON, at most. */
export const MAX_CERTIFICATE = 32 * 1024 * 1024;
/** Two difficulty periods: the one that the block is in, and whatever lies on top of it. */
export const MAX_HEADERS = 4032;
export const MAX_COINS = 200;
/** More inputs than fit into a block: 41 bytes each. */
const MAX_PREVOUTS = 25_000;
/** Bytes: consensus allows 10,000 in a script that can be spent. */
const MAX_SCRIPT = 10_000;
const MAX_MERKLE_DEPTH = 16;

const hash = z.string().regex(/^[0-9a-f]{64}$/, "64 small hex digits");
const bytes = (least: number, most: number) =>
  z
    .string()
    .min(2 * least)
    .max(2 * most)
    .refine((text) => text.length % 2 === 0 && !/[^0-9a-f]/.test(text), "bytes in small hex digits");
const transaction = bytes(60, MAX_TRANSACTION_BYTES);
const outpoint = z.string().regex(/^[0-9a-f]{64}:(0|[1-9]\d{0,9})$/, "txid:vout");
const value = z.number().int().nonnegative().max(Number(MAX_MONEY)).describe("satoshi");
const height = z.number().int().nonnegative().max(0xffffffff);
const header = bytes(80, 80);
const siblings = z.array(hash).max(MAX_MERKLE_DEPTH);

/** That a transaction is in a block. */
const inclusion = z.strictObject({
  height,
  header,
  /** Leaf level first; position 0 is the coinbase. */
  merkle: z.strictObject({ position: z.number().int().nonnegative().max(0xffff), siblings }),
  /** The first transaction of the block: tells how deep the merkle tree is, and on a signet who made the block. */
  coinbase: z.strictObject({ transaction, siblings }).nullable(),
});

const kind = z.enum(["breach", "refund"]);

const coin = z.strictObject({
  outpoint,
  value,
  kind,
  /** The raw transaction that made the coin. */
  transaction,
  block: inclusion.nullable(),
});

export const certificate = z.strictObject({
  type: z.literal("pinata-certificate"),
  version: z.literal(1),
  /** `breach` when at least one of the coins was taken with the piñata's own key. */
  kind,
  network: z.enum(Object.keys(NETWORKS) as [keyof typeof NETWORKS]),
  /** Of a signet that is not the default one: the script that its blocks must satisfy (BIP-325). */
  signetChallenge: bytes(1, 200).nullable(),
  /** What the piñata's descriptor says: tr(internalKey, and_v(v:pk(refund.publicKey), after(refund.height))). */
  pinata: z.strictObject({
    address: z.string().min(14).max(90),
    scriptPubKey: bytes(34, 34),
    internalKey: hash,
    refund: z.strictObject({ publicKey: hash, height: z.number().int().positive().max(499_999_999) }),
  }),
  /** Of this piñata, spent by the transaction; most valuable first. */
  coins: z.array(coin).min(1).max(MAX_COINS),
  spend: z.strictObject({
    txid: hash,
    transaction,
    /** The other outputs that the signatures commit to, in the order of the inputs. A false one makes a signature fail. */
    prevouts: z.array(z.strictObject({ outpoint, value, script: bytes(0, MAX_SCRIPT) })).max(MAX_PREVOUTS),
    block: inclusion.nullable(),
  }),
  /** Consecutive headers, oldest first, from `height` on; the spend's block is among them. */
  headers: z.strictObject({ height, raw: z.array(header).min(1).max(MAX_HEADERS) }).nullable(),
});
export type Certificate = z.infer<typeof certificate>;
export type Inclusion = z.infer<typeof inclusion>;
