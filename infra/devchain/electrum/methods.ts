/**
 * The methods of the Electrum protocol 1.4 (up to 1.4.2) over a development node, with the errors that ElectrumX gives. What is
 * not served here (proofs to a checkpoint, verbose transactions, peers) is refused by name.
 */
import { z } from "zod";
import { isHash, toHex } from "../../bitcoin/bytes.ts";
import { broadcast, RpcFailure } from "../broadcast.ts";
import type { StoredBlock } from "../chain.ts";
import { merkleBranch } from "../merkle.ts";
import type { DevNode } from "../node.ts";
import { historyJson, mempoolJson, statusOf, unspentJson } from "./scripts.ts";

/** What one client has subscribed to, with the status that it was told last. */
export interface Subscriptions {
  headers: boolean;
  scripts: Map<string, string | null>;
}

export class Failure extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export const Code = {
  BadRequest: 1,
  Daemon: 2,
  Parse: -32700,
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  Internal: -32603,
} as const;

const LOW = "1.4";
const HIGH = "1.4.2";
const SOFTWARE = "Pinata development chain";
const MAX_HEADERS = 2016;
const MAX_SCRIPTS = 1000;
const MIN_FEE = 0.00001;

const version = z.string().regex(/^\d{1,3}(\.\d{1,3}){0,3}$/);
const hash = z.string().refine(isHash, "should be a transaction or script hash");
const count = z.number().int().nonnegative();

interface Context {
  node: DevNode;
  subscriptions: Subscriptions;
}

const method = <T extends z.ZodType>(params: T, answer: (context: Context, params: z.output<T>) => unknown) => ({
  params,
  answer: (context: Context, given: readonly unknown[]): unknown => {
    const parsed = params.safeParse(given);
    if (parsed.success) return answer(context, parsed.data);
    throw new Failure(Code.InvalidParams, `invalid arguments: ${parsed.error.issues[0]!.message}`);
  },
});
const none = z.tuple([]);
const script = z.tuple([hash]);

const METHODS = {
  "server.version": method(
    z.tuple([z.string().optional(), z.union([version, z.tuple([version, version])]).optional()]),
    (_, [, wanted = LOW]) => [SOFTWARE, negotiate(typeof wanted === "string" ? [wanted, wanted] : wanted)],
  ),
  "server.features": method(none, ({ node }) => ({
    genesis_hash: node.chain.blockAt(0)!.hash,
    hash_function: "sha256",
    server_version: SOFTWARE,
    protocol_min: LOW,
    protocol_max: HIGH,
    pruning: null,
    hosts: {},
  })),
  "server.banner": method(none, () => "A regtest chain for development. Its coins are worth nothing."),
  "server.ping": method(none, () => null),
  "blockchain.headers.subscribe": method(none, ({ node, subscriptions }) => {
    subscriptions.headers = true;
    return tipJson(node);
  }),
  "blockchain.block.header": method(z.tuple([count, z.literal(0).optional()]), ({ node }, [height]) => {
    const block = node.chain.blockAt(height);
    if (!block) throw new Failure(Code.BadRequest, `height ${height} out of range`);
    return headerHex(block);
  }),
  "blockchain.block.headers": method(z.tuple([count, count, z.literal(0).optional()]), ({ node }, [start, wanted]) => {
    const last = Math.min(start + Math.min(wanted, MAX_HEADERS), node.chain.height + 1);
    const blocks = Array.from({ length: Math.max(0, last - start) }, (_, i) => node.chain.blockAt(start + i)!);
    return { count: blocks.length, hex: blocks.map(headerHex).join(""), max: MAX_HEADERS };
  }),
  "blockchain.scripthash.subscribe": method(script, ({ node, subscriptions: { scripts } }, [name]) => {
    if (scripts.size >= MAX_SCRIPTS) throw new Failure(Code.BadRequest, "too many subscriptions");
    const status = statusOf(node.chain, name);
    scripts.set(name, status);
    return status;
  }),
  "blockchain.scripthash.unsubscribe": method(script, ({ subscriptions }, [name]) =>
    subscriptions.scripts.delete(name),
  ),
  "blockchain.scripthash.get_history": method(script, ({ node }, [name]) => historyJson(node.chain, name)),
  "blockchain.scripthash.get_mempool": method(script, ({ node }, [name]) => mempoolJson(node.chain, name)),
  "blockchain.scripthash.listunspent": method(script, ({ node }, [name]) => unspentJson(node.chain, name)),
  "blockchain.scripthash.get_balance": method(script, ({ node }, [name]) => {
    const sum = (coins: ReturnType<typeof unspentJson>) => coins.reduce((total, { value }) => total + value, 0);
    const coins = unspentJson(node.chain, name);
    const confirmed = sum(coins.filter(({ height }) => height > 0));
    return { confirmed, unconfirmed: sum(coins) - confirmed };
  }),
  "blockchain.transaction.get": method(z.tuple([hash, z.literal(false).optional()]), ({ node }, [txid]) => {
    const found = node.chain.find(txid);
    if (found) return toHex(found.tx.raw);
    const message = "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.";
    throw new Failure(Code.Daemon, `daemon error: DaemonError({'code': -5, 'message': '${message}'})`);
  }),
  "blockchain.transaction.get_merkle": method(z.tuple([hash, count]), ({ node }, [txid, height]) => {
    const block = node.chain.blockAt(height);
    const pos = block?.txids.indexOf(txid) ?? -1;
    if (!block || pos < 0) throw new Failure(Code.BadRequest, `tx ${txid} not in block at height ${height}`);
    return { block_height: height, merkle: merkleBranch(block.txids, pos), pos };
  }),
  "blockchain.transaction.id_from_pos": method(z.tuple([count, count, z.boolean().optional()]), ({ node }, params) => {
    const [height, pos, proven = false] = params;
    const block = node.chain.blockAt(height);
    const txid = block?.txids[pos];
    if (!block || txid === undefined)
      throw new Failure(Code.BadRequest, `no tx at position ${pos} of height ${height}`);
    return proven ? { tx_hash: txid, merkle: merkleBranch(block.txids, pos) } : txid;
  }),
  "blockchain.transaction.broadcast": method(z.tuple([z.string()]), ({ node }, [hex]) => {
    try {
      return broadcast(node, hex);
    } catch (error) {
      if (!(error instanceof RpcFailure)) throw error;
      const message = "the transaction was rejected by network rules.";
      throw new Failure(Code.BadRequest, `${message}\n\n${error.message}\n[${hex.slice(0, 200)}]`);
    }
  }),
  "blockchain.estimatefee": method(z.tuple([count]), () => MIN_FEE),
  "blockchain.relayfee": method(none, () => MIN_FEE),
} as const;

export type Method = keyof typeof METHODS;
export const METHOD_NAMES = Object.keys(METHODS) as [Method, ...Method[]];

/** Throws {@link Failure}. */
export function answer(context: Context, name: string, params: readonly unknown[]): unknown {
  if (!isMethod(name)) throw new Failure(Code.MethodNotFound, `unknown method "${name.slice(0, 100)}"`);
  return METHODS[name].answer(context, params);
}

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}

export function tipJson(node: DevNode): { hex: string; height: number } {
  return { hex: headerHex(node.chain.tip), height: node.chain.height };
}

function headerHex({ raw }: StoredBlock): string {
  return toHex(raw.subarray(0, 80));
}

/** The highest version that both know. */
function negotiate([low, high]: readonly [string, string]): string {
  const number = (text: string) =>
    [...text.split("."), 0, 0].slice(0, 3).reduce<number>((sum, n) => sum * 1000 + Number(n), 0);
  const chosen = number(high) < number(HIGH) ? high : HIGH;
  if (number(chosen) < number(LOW) || number(chosen) < number(low)) {
    throw new Failure(Code.BadRequest, `unsupported protocol version: ${low} to ${high}`);
  }
  return chosen;
}
