/** The state machine of a coin, as scripts of what happens: each line is an event, then the state and what is told. */
import { describe, expect, test } from "vitest";
import { type Coin, factsOf, GONE_AFTER, type News, newCoin, wake } from "../../../monitor/coins/coin.ts";
import type { Block, ChainView } from "../../../monitor/coins/header-tree.ts";
import { reduce } from "../../../monitor/coins/reduce.ts";
import type { SpendKind } from "../../../monitor/proofs/taproot-spend.ts";

const FUNDING = "f0".repeat(32);
const A = "aa".repeat(32);
const B = "bb".repeat(32);
const R = "cc".repeat(32);
const U = "dd".repeat(32);
const KINDS: Record<string, SpendKind> = { [A]: "breach", [B]: "breach", [R]: "refund", [U]: "unknown" };

/** A chain of named blocks: "1 2 3b" is block 1, 2, and at height 3 block "3b". */
function chainOf(names: string): ChainView {
  const blocks = names.split(" ").map(blockOf);
  return {
    tip: blocks.at(-1) ?? null,
    contains: (block) => blocks.some(({ height, hash }) => height === block.height && hash === block.hash),
  };
}

/** "12b" → height 12; the hash is the name. */
function blockOf(name: string): Block {
  return { height: Number.parseInt(name, 10), hash: name.padEnd(64, "0") };
}

type Line =
  | { chain: string }
  | { wait: number }
  | { restart: true }
  | { funding: true | string; source?: string }
  | { spend: string | null; in?: string; source?: string };

interface Script {
  name: string;
  lines: [Line, state: string, told?: string][];
}

/** The chain as far as 9, and more. */
const TO_9 = "1 2 3 4 5 6 7 8 9";

const SCRIPTS: Script[] = [
  {
    name: "the whole story: awaited, funded, breach, confirmed, final",
    lines: [
      [{ funding: true }, "funding-unconfirmed 0", "funding-seen"],
      [{ funding: "2" }, "funded 2", "funded"],
      [{ chain: "1 2 3 4" }, "funded 3"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ spend: A }, "spent-unconfirmed 0 A"],
      [{ chain: "1 2 3 4 5" }, "spent-unconfirmed 0 A"],
      [{ spend: A, in: "5" }, "spent 1 A", "spend-confirmed"],
      [{ chain: "1 2 3 4 5 6 7 8 9" }, "spent 5 A"],
      [{ chain: "1 2 3 4 5 6 7 8 9 10" }, "final 6 A", "spend-final"],
      [{ chain: "1 2 3 4 5 6 7 8 9 10 11" }, "final 7 A"],
    ],
  },
  {
    name: "everything found at once, after a long absence",
    lines: [
      [{ chain: TO_9 }, "funding-unconfirmed 0", "funding-seen"],
      [{ funding: "2" }, "funded 8", "funded"],
      [{ spend: A, in: "3" }, "final 7 A", "spend-seen spend-confirmed spend-final"],
    ],
  },
  {
    name: "thieves compete: replaced in the mempool, then the other one confirms after all",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ spend: B }, "spent-unconfirmed 0 B", "spend-replaced"],
      [{ chain: "1 2 3 4" }, "spent-unconfirmed 0 B"],
      [{ spend: A, in: "4" }, "spent 1 A", "spend-conflict spend-confirmed"],
      [{ chain: "1 2 3 4b 5b" }, "spent-unconfirmed 0 A", "spend-reorged"],
      [{ spend: B, in: "5b" }, "spent 1 B", "spend-conflict spend-confirmed"],
    ],
  },
  {
    name: "two sources see two different spends: what is shown does not flap",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A, source: "x" }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ spend: B, source: "y" }, "spent-unconfirmed 0 A"],
      [{ spend: A, source: "x" }, "spent-unconfirmed 0 A"],
      [{ spend: B, source: "y" }, "spent-unconfirmed 0 A"],
      [{ spend: B, source: "x" }, "spent-unconfirmed 0 B", "spend-replaced"],
    ],
  },
  {
    name: "a breach that vanishes is dormant, never forgotten, and can come back",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ spend: null }, "spent-unconfirmed 0 A"],
      [{ wait: GONE_AFTER + 1 }, "spent-unconfirmed 0 A dormant", "spend-dormant"],
      [{ spend: null }, "spent-unconfirmed 0 A dormant"],
      [{ wait: 1_000_000 }, "spent-unconfirmed 0 A dormant"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-back"],
    ],
  },
  {
    name: "one source loses the spend, the other still has it: not dormant",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A, source: "x" }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ spend: A, source: "y" }, "spent-unconfirmed 0 A"],
      [{ spend: null, source: "x" }, "spent-unconfirmed 0 A"],
      [{ wait: GONE_AFTER * 3 }, "spent-unconfirmed 0 A"],
    ],
  },
  {
    name: "a refund that vanishes leaves the coin where it was",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: R }, "spent-unconfirmed 0 R", "spend-seen"],
      [{ spend: null }, "spent-unconfirmed 0 R"],
      [{ wait: GONE_AFTER + 1 }, "funded 2", "spend-gone"],
    ],
  },
  {
    name: "a refund overtaken by a breach",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: R }, "spent-unconfirmed 0 R", "spend-seen"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-replaced"],
    ],
  },
  {
    name: "a breach overtaken by the refund in a block: the coin is refunded",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A }, "spent-unconfirmed 0 A", "spend-seen"],
      [{ chain: "1 2 3 4" }, "spent-unconfirmed 0 A"],
      [{ spend: R, in: "4" }, "spent 1 R", "spend-conflict spend-confirmed"],
      [{ chain: "1 2 3 4b 5b" }, "spent-unconfirmed 0 R", "spend-reorged"],
      [{ wait: GONE_AFTER + 1 }, "spent-unconfirmed 0 A dormant", "spend-replaced"],
    ],
  },
  {
    name: "an unknown spend counts in a block only",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: U, in: "3" }, "spent 1 U", "spend-seen spend-confirmed"],
      [{ chain: "1 2 3b 4b" }, "funded 3", "spend-reorged spend-gone"],
    ],
  },
  {
    name: "the funding's block is reorged away, and the funding is mined again",
    lines: [
      [{ funding: "3" }, "funded 1", "funded"],
      [{ chain: "1 2 3b 4b" }, "funding-unconfirmed 0", "funding-reorged"],
      [{ funding: true }, "funding-unconfirmed 0"],
      [{ funding: "4b" }, "funded 1", "funded"],
      [{ chain: "1 2 3 4 5" }, "funded 3", "funding-reorged funded"],
    ],
  },
  {
    name: "the funding is reorged away and vanishes, and comes back much later",
    lines: [
      [{ funding: "3" }, "funded 1", "funded"],
      [{ chain: "1 2 3b 4b" }, "funding-unconfirmed 0", "funding-reorged"],
      [{ wait: GONE_AFTER + 1 }, "awaited 0", "funding-gone"],
      [{ wait: 1_000_000 }, "awaited 0"],
      [{ funding: true }, "funding-unconfirmed 0", "funding-seen"],
      [{ chain: "1 2 3 4 5" }, "funded 3", "funded"],
    ],
  },
  {
    name: "an unconfirmed funding that is never mined",
    lines: [
      [{ funding: true }, "funding-unconfirmed 0", "funding-seen"],
      [{ wait: GONE_AFTER }, "funding-unconfirmed 0"],
      [{ funding: true }, "funding-unconfirmed 0"],
      [{ wait: GONE_AFTER + 1 }, "awaited 0", "funding-gone"],
    ],
  },
  {
    name: "funding and spend are reorged away together: the key stays out",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A, in: "3" }, "spent 1 A", "spend-seen spend-confirmed"],
      [{ chain: "1 2b 3b 4b" }, "spent-unconfirmed 0 A", "funding-reorged spend-reorged"],
      [{ wait: GONE_AFTER + 1 }, "spent-unconfirmed 0 A dormant", "spend-dormant"],
      [{ funding: "3b" }, "spent-unconfirmed 0 A dormant", "funded"],
      [{ spend: A, in: "4b" }, "spent 1 A", "spend-confirmed"],
    ],
  },
  {
    name: "the spend moves to another block at once",
    lines: [
      [{ funding: "2" }, "funded 2", "funded"],
      [{ spend: A, in: "3" }, "spent 1 A", "spend-seen spend-confirmed"],
      [{ spend: A, in: "4b" }, "spent 1 A"],
      [{ chain: "1 2 3b 4b 5b" }, "spent 2 A", "spend-reorged spend-confirmed"],
      [{ chain: "1 2 3 4 5 6" }, "spent 4 A", "spend-reorged spend-confirmed"],
    ],
  },
  {
    name: "a deep reorg walks back from final",
    lines: [
      [{ chain: TO_9 }, "funding-unconfirmed 0", "funding-seen"],
      [{ funding: "2" }, "funded 8", "funded"],
      [{ spend: A, in: "4" }, "final 6 A", "spend-seen spend-confirmed spend-final"],
      [{ chain: "1 2 3 4b 5b 6b 7b 8b 9b 10b" }, "spent-unconfirmed 0 A", "spend-reorged"],
      [{ spend: A, in: "9b" }, "spent 2 A", "spend-confirmed"],
      [{ chain: `${TO_9} 10 11` }, "final 8 A", "spend-reorged spend-confirmed spend-final"],
    ],
  },
  ...Array.from({ length: 10 }, (_, index) => deepReorg(index + 1)),
];

/** The spend is in the block that a reorg of this depth just removes, for every depth. */
function deepReorg(depth: number): Script {
  const common = Array.from({ length: 4 }, (_, i) => `${i + 1}`);
  const old = Array.from({ length: depth }, (_, i) => `${5 + i}`);
  const fresh = Array.from({ length: depth + 1 }, (_, i) => `${5 + i}b`);
  const before = depth >= 6 ? `final ${depth} A` : `spent ${depth} A`;
  const final = depth >= 6 ? " spend-final" : "";
  return {
    name: `a reorg of ${depth} blocks takes the spend out, and ${depth + 1} others bring it back`,
    lines: [
      [{ chain: [...common, ...old].join(" ") }, "funding-unconfirmed 0", "funding-seen"],
      [{ funding: "2" }, `funded ${3 + depth}`, "funded"],
      [{ spend: A, in: "5" }, before, `spend-seen spend-confirmed${final}`],
      [{ chain: [...common, ...fresh].join(" ") }, "spent-unconfirmed 0 A", "spend-reorged"],
      [
        { spend: A, in: "5b" },
        depth + 1 >= 6 ? `final ${depth + 1} A` : `spent ${depth + 1} A`,
        `spend-confirmed${depth + 1 >= 6 ? " spend-final" : ""}`,
      ],
    ],
  };
}

const SHORT: Record<string, string> = { [A]: "A", [B]: "B", [R]: "R", [U]: "U" };

function show({ position: { state, confirmations, spend, dormant } }: Coin): string {
  return [state, confirmations, ...(spend ? [SHORT[spend.txid]] : []), ...(dormant ? ["dormant"] : [])].join(" ");
}

function newsOf(line: Line, at: number): News | undefined {
  if ("funding" in line) {
    const funding = line.funding === true ? {} : { block: blockOf(line.funding) };
    return { source: line.source ?? "s", operator: line.source ?? "s", at, funding };
  }
  if (!("spend" in line)) return undefined;
  if (line.spend === null) return { source: line.source ?? "s", operator: line.source ?? "s", at, spend: null };
  const block = line.in === undefined ? {} : { block: blockOf(line.in) };
  return {
    source: line.source ?? "s",
    operator: line.source ?? "s",
    at,
    spend: { txid: line.spend, kind: KINDS[line.spend]!, proof: "", ...block },
  };
}

function play({ lines }: Script, restart: boolean): void {
  let at = 1000;
  let chain = chainOf("1 2 3");
  let coin = newCoin({ txid: FUNDING, vout: 0 }, 5000, at);
  let keyOut = false;
  const facts = { blocks: 0, candidates: 0 };
  lines.forEach(([line, state, told = ""], number) => {
    at += "wait" in line ? line.wait : 10;
    if ("chain" in line) chain = chainOf(line.chain);
    // A restart gives every transaction its time of grace anew, so it must not come before a line that waits for the end of it.
    if (restart && !("wait" in line)) {
      coin = wake(JSON.parse(JSON.stringify(factsOf(coin))), at);
    }
    const reduced = reduce(coin, newsOf(line, at), chain, at);
    coin = reduced.coin;
    expect(show(coin), `line ${number}: ${JSON.stringify(line)}`).toBe(state);
    const kinds = reduced.transitions.map(({ kind }) => kind).join(" ");
    expect(kinds, `line ${number}: ${JSON.stringify(line)}`).toBe(told);
    const again = reduce(coin, undefined, chain, at);
    expect(again.transitions, `line ${number} again`).toEqual([]);
    expect(again.coin.position).toEqual(coin.position);
    // Facts only ever grow.
    keyOut ||= "spend" in line && line.spend !== null && KINDS[line.spend] === "breach";
    expect(coin.keyOut).toBe(keyOut);
    expect(coin.fundingBlocks.length).toBeGreaterThanOrEqual(facts.blocks);
    expect(coin.candidates.length).toBeGreaterThanOrEqual(facts.candidates);
    facts.blocks = coin.fundingBlocks.length;
    facts.candidates = coin.candidates.length;
  });
}

describe("without a restart", () => {
  test.each(SCRIPTS)("$name", (script) => play(script, false));
});

/** Who shows what, and that nobody does, is not kept: scripts in which that decides are left out. */
const LASTING = SCRIPTS.filter(({ name, lines }) => {
  return !/two sources|one source loses/.test(name) && !lines.some(([, state]) => state.endsWith("dormant"));
});

describe("with a restart before each step", () => {
  test.each(LASTING)("$name", (script) => play(script, true));

  test("a dormant breach gets its time of grace, and is dormant again", () => {
    let coin = newCoin({ txid: FUNDING, vout: 0 }, 5000, 0);
    const chain = chainOf("1 2 3");
    const step = (news: News | undefined, at: number) => {
      const reduced = reduce(coin, news, chain, at);
      coin = reduced.coin;
      return reduced.transitions.map(({ kind }) => kind);
    };
    step(
      {
        source: "s",
        operator: "s",
        at: 0,
        funding: { block: blockOf("2") },
        spend: { txid: A, kind: "breach", proof: "" },
      },
      0,
    );
    step({ source: "s", operator: "s", at: 1, spend: null }, 1);
    expect(step(undefined, GONE_AFTER + 1)).toEqual(["spend-dormant"]);
    coin = wake(factsOf(coin), GONE_AFTER + 2);
    expect(step(undefined, GONE_AFTER + 2)).toEqual(["spend-back"]);
    expect(step({ source: "s", operator: "s", at: GONE_AFTER + 3, spend: null }, GONE_AFTER + 3)).toEqual([]);
    expect(step(undefined, 2 * GONE_AFTER + 4)).toEqual(["spend-dormant"]);
    expect(coin.keyOut).toBe(true);
  });
});

test("whoever has the key can sign without end: candidates are bounded, the first and those in blocks stay", () => {
  let coin = newCoin({ txid: FUNDING, vout: 0 }, 5000, 0);
  const chain = chainOf("1 2 3");
  const id = (n: number) => n.toString(16).padStart(64, "0");
  for (let n = 0; n < 500; n++) {
    const block = n === 7 ? { block: blockOf("9z") } : {};
    const spend = { txid: id(n), kind: "breach" as const, proof: "", ...block };
    coin = reduce(coin, { source: "s", operator: "s", at: n, spend }, chain, n).coin;
  }
  const kept = coin.candidates.map(({ txid }) => txid);
  expect(kept.length).toBe(100);
  expect(kept).toContain(id(0));
  expect(kept).toContain(id(7));
  expect(kept).toContain(id(499));
  expect(coin.position.spend?.txid).toBe(id(499));
});
