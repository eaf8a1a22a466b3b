/** What makes an alert the same alert: its id, for whoever derives it and however often. */
import { expect, test } from "vitest";
import { baseOf, type Draft } from "../../../monitor/alerts/kinds.ts";
import { testDraft } from "./support.ts";

const OUTPOINT = `${"ab".repeat(32)}:0`;
const coin = { outpoint: OUTPOINT, value: 5 };
const block = { height: 7, hash: "cd".repeat(32) };
const confirmed = testDraft({ kind: "confirmed", coin, txid: "ef".repeat(32), block });

test.each([
  ["another kind", { kind: "reorged" }],
  ["another phase", { phase: "recovered" }],
  ["another coin", { coin: { ...coin, outpoint: `${"ab".repeat(32)}:1` } }],
  ["another transaction", { txid: "00".repeat(32) }],
  ["another block", { block: { ...block, hash: "00".repeat(32) } }],
  ["no block", { block: null }],
] satisfies [string, Partial<Draft>][])("ids differ for %s", (_what, more) => {
  expect(baseOf({ ...confirmed, ...more })).not.toBe(baseOf(confirmed));
});

test("ids do not depend on time, words, sources or what was told before", () => {
  const later = { ...confirmed, at: 9, subject: "x", facts: [], sources: ["z"], incident: "12" };
  expect(baseOf(later)).toBe(baseOf(confirmed));
});

test("ids of what no chain tells again depend on when it was, so that they are not those of a store that was lost", () => {
  const blind = testDraft({ kind: "blind", topic: "blind" });
  expect(baseOf({ ...blind, at: blind.at + 1 })).not.toBe(baseOf(blind));
  expect(baseOf({ ...blind, topic: "other" })).not.toBe(baseOf(blind));
  expect(baseOf({ ...blind, subject: "x", facts: [] })).toBe(baseOf(blind));
});
