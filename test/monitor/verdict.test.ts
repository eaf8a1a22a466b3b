/** The verdict's rules, each with what it must not be confused with. */
import { describe, expect, test } from "vitest";
import { AWAITED, type Position } from "../../monitor/coins/coin.ts";
import { amount, type Circumstances, judge } from "../../monitor/verdict.ts";

const BLOCK = { height: 5, hash: "ab".repeat(32) };
const at = (position: Partial<Position>, keyOut = false, value = 100_000_000) => {
  return { value, keyOut, position: { ...AWAITED, ...position } };
};
const spend = (kind: "breach" | "refund" | "unknown", block = true) => ({
  txid: "cd".repeat(32),
  kind,
  block: block ? BLOCK : null,
  by: block ? ["one"] : [],
});

const HANGING = at({ state: "funded", funding: BLOCK });
const COMING = at({ state: "funding-unconfirmed" });
const MOVING = at({ state: "spent-unconfirmed", funding: BLOCK, spend: spend("breach", false) }, true);
const DORMANT = at({ state: "spent-unconfirmed", funding: BLOCK, spend: spend("breach", false), dormant: true }, true);
const SMASHED = at({ state: "spent", funding: BLOCK, spend: spend("breach") }, true);
const REFUNDED = at({ state: "final", funding: BLOCK, spend: spend("refund") });
const REFUNDING = at({ state: "spent-unconfirmed", funding: BLOCK, spend: spend("refund", false) });
const OVERTAKEN = at({ state: "spent", funding: BLOCK, spend: spend("refund") }, true);
const ODD = at({ state: "spent", funding: BLOCK, spend: spend("unknown") });

const judgement = (coins: Circumstances["coins"], more: Partial<Circumstances> = {}) => {
  return judge({ coins, network: "main", blindSeconds: null, everChecked: true, operators: 1, ...more });
};

describe("a block that one of two operators shows", () => {
  const by = (...operators: string[]) => ({ ...spend("breach"), by: operators });
  const alone = at({ state: "spent", funding: BLOCK, spend: by("one") }, true);

  test("makes no smashed piñata, but a moving one", () => {
    const { verdict, sentence } = judgement([alone], { operators: 2 });
    expect(verdict).toBe("moving");
    expect(sentence).toContain("in a block that one operator alone shows so far");
  });

  test("is enough when the other shows it too, or when there is no other", () => {
    const both = at({ state: "spent", funding: BLOCK, spend: by("one", "two") }, true);
    expect(judgement([both], { operators: 3 }).verdict).toBe("smashed");
    expect(judgement([alone], { operators: 1 }).verdict).toBe("smashed");
  });

  test.each([REFUNDED, ODD])("leaves a coin hanging that left otherwise: %#", (coin) => {
    const { verdict, sentence } = judgement([coin], { operators: 2 });
    expect(verdict).toBe("sealed");
    expect(sentence).toContain("One operator alone shows a block in which 1.00000000 BTC have left");
  });
});

describe("sources answer", () => {
  test.each([
    ["no coins", [], "awaited", "Empty"],
    ["a coin on its way", [COMING], "awaited", "Almost: 1.00000000 BTC"],
    ["a coin in a block", [HANGING], "sealed", "Sealed: 1.00000000 BTC"],
    ["made-up coins beside a real one do not count", [HANGING, COMING, COMING], "sealed", "Sealed: 1.00000000 BTC"],
    ["a refund on its way", [REFUNDING, HANGING], "sealed", "taking back 1.00000000 BTC; that is not in a block"],
    ["all refunded", [REFUNDED], "refunded", "took back 1.00000000 BTC"],
    ["one refunded, one hanging", [REFUNDED, HANGING], "sealed", "Sealed: 1.00000000 BTC"],
    ["moving", [MOVING, HANGING], "moving", "Moving: 1.00000000 BTC"],
    ["moving, but vanished", [DORMANT], "moving", "has vanished for now"],
    ["the key is out, though the refund won", [OVERTAKEN], "moving", "another transaction took the coins"],
    ["smashed", [SMASHED], "smashed", "Smashed: 1.00000000 BTC left"],
    ["smashed and moving", [MOVING, SMASHED], "smashed", "still hang here, and the key is out"],
    ["smashed and refunded", [REFUNDED, SMASHED], "smashed", "Smashed"],
    ["gone by a script that nobody published", [ODD], "smashed", "neither by the piñata's key nor as a refund"],
  ] as const)("%s", (_name, coins, verdict, words) => {
    const judged = judgement(coins);
    expect(judged.verdict).toBe(verdict);
    expect(judged.sentence).toContain(words);
    expect(judged.sentence).not.toContain("No source");
  });
});

describe("no source answers", () => {
  test.each([[[]], [[COMING]], [[HANGING]], [[REFUNDED]], [[REFUNDING]], [[ODD]]])(
    "everything that is not a proven breach is hidden",
    (coins) => {
      expect(judgement(coins, { blindSeconds: 45 })).toEqual({
        verdict: "blind",
        sentence: "Blind: no source has answered usefully for 45 seconds, so nothing can be said about the coins.",
      });
    },
  );

  test.each([
    [MOVING, "moving"],
    [DORMANT, "moving"],
    [OVERTAKEN, "moving"],
    [SMASHED, "smashed"],
  ] as const)("a proven breach is not hidden, and the sentence says both", (coin, verdict) => {
    const judged = judgement([coin], { blindSeconds: 7300 });
    expect(judged.verdict).toBe(verdict);
    expect(judged.sentence).toContain("No source has answered usefully for 2 hours");
  });

  test("before the first check nothing is claimed, but what is proven stays", () => {
    expect(judgement([HANGING], { everChecked: false }).verdict).toBe("blind");
    expect(judgement([SMASHED], { everChecked: false }).verdict).toBe("smashed");
  });
});

test("amounts", () => {
  expect(amount(0, "main")).toBe("0.00000000 BTC");
  expect(amount(1, "regtest")).toBe("0.00000001 BTC of regtest");
  expect(amount(2_099_999_999_999_999, "main")).toBe("20999999.99999999 BTC");
});
