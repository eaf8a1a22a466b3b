/**
 * The piñata in one word, one sentence and one amount, in English, as feeds, badge and picture tell it. What is not fresh is
 * BLIND, whatever the last word was; a smash that was proven before stays named.
 */
import type { Status, Verdict } from "../../monitor/schema.ts";
import type { Snapshot } from "../feed.ts";
import { btc } from "../text.ts";
import { isRealMoney, lastKnown } from "../view.ts";
import { plain } from "./plain.ts";

export interface Summary {
  state: Verdict;
  /** What was last proven, when `state` is blind: `smashed`, `moving` or `blind`; else the same. */
  known: Verdict;
  /** In capitals. */
  word: string;
  sentence: string;
  /** `10.00012345 BTC`, and what became of it when it no longer hangs; null while nothing can be said about it. */
  amount: string | null;
  /** `play money of regtest`; empty on the real network. */
  note: string;
}

export function summaryOf({ status, fresh, heard, began }: Snapshot): Summary {
  const blind = { state: "blind", word: "BLIND", amount: null } as const;
  if (status === null || heard === null) {
    const sentence = `Nothing is known: the monitor has not answered since ${time(began)}.`;
    return { ...blind, known: "blind", sentence, note: "" };
  }
  const note = isRealMoney(status.network) ? "" : `play money of ${plain(status.network, 20)}`;
  if (!fresh || status.verdict === "blind") {
    const known = lastKnown(status);
    const proven = known === "blind" ? "" : ` A spend by the key was proven before: ${known.toUpperCase()}.`;
    const sentence = fresh
      ? status.sentence
      : `The monitor has been silent since ${time(status.now)}: nothing is claimed about now.`;
    return { ...blind, known, sentence: plain(sentence + proven), note };
  }
  return {
    state: status.verdict,
    known: status.verdict,
    word: status.verdict.toUpperCase(),
    sentence: plain(status.sentence),
    amount: status.checked === null ? null : amountOf(status),
    note,
  };
}

/** Of a piñata that is over: what was taken, or taken back. */
function amountOf({ verdict, hanging, coins }: Status): string {
  const gone = coins.filter(({ spend }) => spend?.block !== undefined);
  const sum = gone.reduce((total, { value }) => total + value, 0);
  const inBtc = (satoshi: number) => `${btc(satoshi).replaceAll("\u202f", "")} BTC`;
  if (verdict === "smashed") return `${inBtc(sum)} taken`;
  return verdict === "refunded" ? `${inBtc(sum)} returned` : inBtc(hanging);
}

function time(millis: number): string {
  return new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}
