/**
 * Which coins are watched: as many as can be, the most valuable ones, and few of those that are in no block yet, for these cost
 * whoever makes them nothing. A coin that was spent is never given up.
 */
import { showOutpoint } from "../proofs/transaction.ts";
import { type Coin, type News, newCoin } from "./coin.ts";

/** Coins watched at most; a more valuable one takes the place of the least valuable. */
const MAX_COINS = 200;
const MAX_UNCONFIRMED = 20;

/** A coin that was shown: value in satoshi. */
export interface Shown extends Pick<Coin, "outpoint" | "value"> {
  news: Pick<News, "funding">;
}

/** Whether a coin that was not known is watched from now on. Changes `coins`, and adds to `dropped` what gave way (txid:vout). */
export function admit(
  coins: Map<string, Coin>,
  { outpoint, value, news }: Shown,
  at: number,
  dropped: string[],
): boolean {
  const all = [...coins.values()];
  if (!news.funding?.block) {
    const waiting = all.filter(
      ({ position }) => position.state === "funding-unconfirmed" || position.state === "awaited",
    );
    if (waiting.length >= MAX_UNCONFIRMED) return false;
  }
  if (all.length >= MAX_COINS) {
    const [least] = all.filter(({ candidates }) => candidates.length === 0).sort((a, b) => a.value - b.value);
    if (!least || least.value >= value) return false;
    coins.delete(showOutpoint(least.outpoint));
    dropped.push(showOutpoint(least.outpoint));
  }
  coins.set(showOutpoint(outpoint), newCoin(outpoint, value, at));
  return true;
}

/** An unconfirmed funding that has vanished and was never in any block. */
export function isForgotten({ position, fundingBlocks, candidates }: Coin): boolean {
  return position.state === "awaited" && fundingBlocks.length === 0 && candidates.length === 0;
}
