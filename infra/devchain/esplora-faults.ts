/**
 * What a test may set wrong with the Esplora face and its push channel: answers that do not come or are lies, transactions that
 * are left out, blocks that were forgotten, a tip that is none, and a limit on requests with a proxy's page beyond it.
 */
import type { IncomingMessage } from "node:http";
import type { Context, MiddlewareHandler } from "hono";
import { sha256d, showHash, toHex } from "../bitcoin/bytes.ts";
import type { Chain } from "./chain.ts";
import { HttpFaults, TOO_MANY_PAGE } from "./faults.ts";
import { BITS, TARGET } from "./params.ts";

/** Requests beyond `allowed` get a web page with this status. */
export interface RequestLimit {
  allowed: number;
  status: 200 | 429 | 503;
  /** Seconds, or an HTTP date. */
  retryAfter?: string;
}

/** Faults of the push channel. */
export class PushFaults {
  connections: "served" | "refused" = "served";
  /** `dead`: the connection stays open, but nothing is said in it any more, not even in answer to a ping. */
  voice: "told" | "kept back" | "dead" = "told";
  /** How each message leaves. */
  wire: "whole" | "twice" | "garbage" | "huge" = "whole";
  /** Transactions that left the mempool without a block are told, or not. */
  removals: "told" | "kept back" = "told";
  /** Milliseconds before a message leaves. */
  delay = 0;

  clear(): void {
    Object.assign(this, new PushFaults());
  }
}

/** Questions by their path: `lies` and `only` take these names. */
const QUESTIONS = {
  tip: /^\/blocks\/tip\/hash$/,
  block: /^\/block\/\w+$/,
  header: /^\/block\/\w+\/header$/,
  blocks: /^\/blocks(\/\d+)?$/,
  coinbase: /^\/block\/\w+\/txid\/0$/,
  history: /^\/address\/\w+\/txs(\/.*)?$/,
  outspend: /^\/tx\/\w+\/outspend\/\d+$/,
  transaction: /^\/tx\/\w+\/hex$/,
  "merkle-proof": /^\/tx\/\w+\/merkle-proof$/,
} as const;
export type Question = keyof typeof QUESTIONS;
export const QUESTION_NAMES = Object.keys(QUESTIONS) as [Question, ...Question[]];

const API = /^\/(blocks|block|block-height|tx|address|scripthash|mempool|fee-estimates)(\/|$)/;

export class EsploraFaults extends HttpFaults {
  readonly push = new PushFaults();
  /** Txids that no answer mentions. */
  readonly omitted = new Set<string>();
  /** The height at which the chain ends, as if the server had forgotten the rest. */
  amnesia: number | undefined;
  /** A block on top of the true tip that is none: `weak` lacks work, `easy` has a target that the rules do not allow. */
  tip: "true" | "weak" | "easy" = "true";
  limit: RequestLimit | undefined;
  /** Paths that were asked for, in order. */
  asked: string[] = [];

  override clear(): void {
    super.clear();
    this.push.clear();
    this.omitted.clear();
    this.amnesia = undefined;
    this.tip = "true";
    this.limit = undefined;
  }

  /** Stands before all of the Esplora API. */
  middleware(chain: Chain): MiddlewareHandler {
    return async (c, next) => {
      const { path } = c.req;
      if (!API.test(path)) return next();
      this.asked.push(path);
      const { limit } = this;
      if (limit && limit.allowed-- <= 0) return page(c, limit);
      const invented = this.tip === "true" ? undefined : inventedAnswer(chain, this.tip, path);
      if (invented === undefined) await next();
      else c.res = new Response(invented);
      c.res = await this.#tampered(chain, path, c.res);
      const question = questionOf(path);
      const hangUp = (): void => {
        (c.env as { incoming?: IncomingMessage } | undefined)?.incoming?.socket.destroy();
      };
      c.res = await this.deliver(question === undefined ? [] : [question], c.res, hangUp);
    };
  }

  async #tampered(chain: Chain, path: string, answer: Response): Promise<Response> {
    const question = questionOf(path);
    const lie = question === undefined ? undefined : this.lies.get(question);
    if (!lie && this.omitted.size === 0 && this.amnesia === undefined) return answer;
    if (question === "tip" && this.tip !== "true") return answer;
    if (answer.headers.get("content-type")?.startsWith("application/octet-stream")) return answer;
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
    const { status, headers } = answer;
    headers.delete("content-length");
    let truth: unknown = isJson ? JSON.parse(text) : text;
    if (status === 200) truth = this.#leftOver(path, truth);
    if (question === "tip") truth = chain.blockAt(Math.min(this.amnesia ?? chain.height, chain.height))!.hash;
    if (truth === undefined) return new Response("not found", { status: 404 });
    const said = lie?.(truth, [path]) ?? truth;
    return new Response(isJson ? JSON.stringify(said) : String(said), { status, headers });
  }

  /** What is left of an answer when transactions and blocks are left out; undefined: nothing. */
  #leftOver(path: string, answer: unknown): unknown {
    const isGone = (txid: unknown): boolean => typeof txid === "string" && this.omitted.has(txid);
    const isLater = (height: unknown): boolean => typeof height === "number" && height > (this.amnesia ?? height);
    const isLost = (entry: Entry): boolean =>
      isGone(entry.txid) || isLater(entry.height) || isLater(entry.block_height) || isLater(entry.status?.block_height);
    if (isGone(/^\/tx\/(\w+)\//.exec(path)?.[1]) && !path.includes("/outspend")) return undefined;
    if (Array.isArray(answer)) {
      return answer.filter((entry) => !(typeof entry === "object" ? isLost(entry as Entry) : isGone(entry)));
    }
    if (typeof answer !== "object" || answer === null || !isLost(answer as Entry)) return answer;
    return path.includes("/outspend") ? { spent: false } : undefined;
  }
}

interface Entry {
  txid?: unknown;
  height?: unknown;
  block_height?: unknown;
  status?: { block_height?: unknown };
}

function questionOf(path: string): Question | undefined {
  return (Object.keys(QUESTIONS) as Question[]).find((name) => QUESTIONS[name].test(path));
}

function page(c: Context, { status, retryAfter }: RequestLimit): Response {
  return c.html(TOO_MANY_PAGE, status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
}

/** What is said of the invented block; undefined for every other question. */
function inventedAnswer(chain: Chain, kind: "weak" | "easy", path: string): string | undefined {
  const header = falseHeader(chain.tip.raw.subarray(0, 80), kind);
  const hash = showHash(sha256d(header));
  const height = chain.height + 1;
  if (path === "/blocks/tip/hash") return hash;
  if (path === "/blocks/tip/height") return String(height);
  if (path === `/block-height/${height}`) return hash;
  if (path === `/block/${hash}/header`) return toHex(header);
  if (path === `/block/${hash}`) return JSON.stringify({ id: hash, height });
  return undefined;
}

/** Easier than regtest's, which is the easiest that any network allows. */
const EASY_BITS = 0x2100ffff;

/** 80 bytes on top of `previous` (80 bytes), the same each time. */
export function falseHeader(previous: Uint8Array, kind: "weak" | "easy"): Uint8Array {
  const header = Buffer.from(previous);
  header.set(sha256d(previous), 4);
  header.writeUInt32LE(kind === "easy" ? EASY_BITS : BITS, 72);
  while (kind === "weak" && BigInt(`0x${showHash(sha256d(header))}`) <= TARGET) {
    header.writeUInt32LE((header.readUInt32LE(76) + 1) >>> 0, 76);
  }
  return new Uint8Array(header);
}

/** Lies by the question that they fit. */
export const esploraLies = {
  /** A transaction whose lock time was changed. */
  falseTransaction: ["transaction", (truth: unknown) => `${String(truth).slice(0, -8)}01000000`],
  /** A merkle branch with another sibling, or one too many. */
  badBranch: [
    "merkle-proof",
    (truth: unknown) => {
      const proof = truth as { merkle: string[] };
      return { ...proof, merkle: ["ab".repeat(32), ...proof.merkle.slice(1)] };
    },
  ],
  /** Nobody spends anything. */
  noSpends: ["outspend", () => ({ spent: false })],
  /** Nobody ever paid the address. */
  noHistory: ["history", () => []],
} as const satisfies Record<string, readonly [Question, (truth: unknown) => unknown]>;
