/** What a test may set wrong with the JSON-RPC face and the ZMQ publisher: lies in Core's format, and notifications that do not come. */
import { sha256d, showHash } from "../bitcoin/bytes.ts";
import { HttpFaults, type Lie } from "./faults.ts";
import type { DevNode } from "./node.ts";

export class RpcFaults extends HttpFaults {
  /** Every call is refused with this message, as by a node that is starting (-28). */
  warmingUp: string | undefined;

  override clear(): void {
    super.clear();
    this.warmingUp = undefined;
  }

  /** Answers as if the last `depth` blocks had never come: a node that was put back to an older state. */
  forget(node: DevNode, depth: number): void {
    const { chain } = node;
    const tip = chain.blockAt(Math.max(0, chain.height - depth))!;
    this.lies.set("getblockchaininfo", (truth) => ({
      ...(truth as object),
      blocks: tip.height,
      headers: tip.height,
      bestblockhash: tip.hash,
    }));
    this.lies.set("getbestblockhash", () => tip.hash);
    this.lies.set("getblockcount", () => tip.height);
  }
}

/** How notifications fare: published; not at all, while the socket stays open; or only those that `keep` says. */
export class ZmqFaults {
  publishing: "told" | "silent" = "told";
  keep: (topic: string, number: number) => boolean = () => true;

  clear(): void {
    this.publishing = "told";
    this.keep = () => true;
  }
}

/** Lies by the method that they fit. */
export const rpcLies = {
  /** A raw transaction whose lock time was changed. */
  falseTransaction: ["getrawtransaction", (truth) => changed(truth, -8, "01000000")],
  /** A merkle proof with another last hash or flag. */
  badBranch: ["gettxoutproof", (truth) => changed(truth, 2 * 100, "ab")],
  /** Another header, with the same parent. */
  wrongHeader: [
    "getblockheader",
    (truth) => (typeof truth === "string" ? changed(truth, 2 * 68, "00000000") : undefined),
  ],
  /** A block that is another than the one asked for. */
  wrongBlock: ["getblock", (truth) => (typeof truth === "string" ? changed(truth, 2 * 68, "00000000") : undefined)],
  /** A tip above the true one that nobody can show. */
  inventedTip: [
    "getblockchaininfo",
    (truth) => {
      const info = truth as { blocks: number; bestblockhash: string };
      const invented = showHash(sha256d(Buffer.from(info.bestblockhash, "hex")));
      return { ...info, blocks: info.blocks + 1, bestblockhash: invented };
    },
  ],
  /** Nobody spends anything. */
  noSpends: ["gettxspendingprevout", (truth, params) => (Array.isArray(truth) ? (params[0] as object[]) : undefined)],
  /** The script was never paid. */
  noFundings: ["scantxoutset", (truth) => ({ ...(truth as object), unspents: [], txouts: 0, total_amount: 0 })],
  /** No block touches the script. */
  noFilters: ["scanblocks", (truth) => ({ ...(truth as object), relevant_blocks: [] })],
} satisfies Record<string, readonly [method: string, lie: Lie]>;

/** Replaces hex digits; `at` from the end when negative. */
function changed(truth: unknown, at: number, digits: string): string | undefined {
  if (typeof truth !== "string") return undefined;
  const from = at < 0 ? truth.length + at : at;
  return truth.slice(0, from) + digits + truth.slice(from + digits.length);
}
