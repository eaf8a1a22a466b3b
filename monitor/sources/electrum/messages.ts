/**
 * The methods of the Electrum protocol (1.4 to 1.4.5) that are used, each with the shape of its result and the
 * bytes that the line with it may have. Hashes are displayed ones, script hashes too (SHA-256 of the script, bytes
 * reversed).
 */
import { z } from "zod";
import { MAX_TRANSACTION_BYTES } from "../../proofs/transaction.ts";

/** Transactions in a script's history; servers refuse longer ones by themselves, most at about half of this. */
export const MAX_HISTORY = 20_000;
/** Headers in one answer. */
export const MAX_HEADERS = 2016;
/** A line that answers no question of ours. */
export const SMALL = 65_536;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
// Looks for what does not belong: a pattern over the whole text would need memory for each digit.
const hexDigits = (digits: number) =>
  z
    .string()
    .max(digits)
    .refine((text) => text.length % 2 === 0 && !/[^0-9a-f]/.test(text), "hexadecimal");

const tip = z.object({ height: count, hex: z.string().regex(/^[0-9a-f]{160}$/) });
const status = hash.nullable();
const historyItem = z.object({ tx_hash: hash, height: z.number().int().min(-1) });
const coin = z.object({ tx_hash: hash, tx_pos: count.max(0xffffffff), height: count, value: count });

const method = <T extends z.ZodType>(result: T, maxBytes = SMALL) => ({ result, maxBytes });

export const METHODS = {
  "server.version": method(z.tuple([z.string(), z.string()])),
  "server.features": method(z.object({ genesis_hash: hash })),
  "server.ping": method(z.null()),
  "blockchain.headers.subscribe": method(tip),
  "blockchain.block.headers": method(
    z.object({ count: count.max(MAX_HEADERS), hex: hexDigits(MAX_HEADERS * 160) }),
    MAX_HEADERS * 160 + SMALL,
  ),
  "blockchain.scripthash.subscribe": method(status),
  "blockchain.scripthash.get_history": method(z.array(historyItem).max(MAX_HISTORY), MAX_HISTORY * 160),
  "blockchain.scripthash.listunspent": method(z.array(coin).max(MAX_HISTORY), MAX_HISTORY * 200),
  "blockchain.transaction.get": method(hexDigits(2 * MAX_TRANSACTION_BYTES).min(2), 2 * MAX_TRANSACTION_BYTES + SMALL),
  "blockchain.transaction.get_merkle": method(
    z.object({ block_height: count, merkle: z.array(hash).max(32), pos: count }),
  ),
  "blockchain.transaction.id_from_pos": method(z.object({ tx_hash: hash, merkle: z.array(hash).max(32) })),
} as const;

export type Method = keyof typeof METHODS;
export type Result<M extends Method> = z.output<(typeof METHODS)[M]["result"]>;
export type HistoryItem = z.output<typeof historyItem>;
export type UnspentItem = z.output<typeof coin>;

/** Some servers send an error as bare text. */
const failure = z.union([z.object({ code: z.number(), message: z.string() }), z.string()]);
export const answer = z.object({ id: z.number(), result: z.unknown().optional(), error: failure.nullish() });
export const notification = z.object({ method: z.string(), params: z.array(z.unknown()) });
export const tipNotification = z.tuple([tip]);
export const statusNotification = z.tuple([hash, status]);
