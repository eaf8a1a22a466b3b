/**
 * What the feeds tell, as a list of entries: how the piñata stands, each step of each coin as the monitor recorded it, each
 * start, and each attempt that opened it. Ids are UUIDs made from what they tell (RFC 9562 §5.5), so they are the same at
 * every replica, after every restart and under every address of the page.
 */
import { createHash } from "node:crypto";
import type { z } from "zod";
import { type Coin, coinDetail, type Status, type transition } from "../../monitor/schema.ts";
import type { Feed, Snapshot } from "../feed.ts";
import { btc } from "../text.ts";
import { plain } from "./plain.ts";
import { summaryOf } from "./summary.ts";

export interface Entry {
  /** urn:uuid:… */
  id: string;
  title: string;
  text: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Below the page's address; empty for the front page. */
  path: string;
}

export interface Tidings {
  id: string;
  title: string;
  /** How the piñata stands. */
  subtitle: string;
  updated: number;
  /** Newest first, at most `ENTRIES`. */
  entries: readonly Entry[];
}

type Step = z.infer<typeof transition>;

const ENTRIES = 50;
/** Coins whose histories are told, most valuable first. */
const COINS = 20;
/** Silence is told once in so many milliseconds: replicas that heard the last word at different times agree. */
const SILENCE = 600_000;

const STEPS: Readonly<Record<Step["kind"], string>> = {
  "funding-seen": "A funding is seen, not in a block yet",
  "funding-gone": "A funding that was seen is gone",
  funded: "Coins hang in the piñata",
  "funding-reorged": "The block of a funding left the chain",
  "spend-seen": "A spend is seen, not in a block yet",
  "spend-replaced": "A spend was replaced by another",
  "spend-dormant": "A spend has vanished from all mempools",
  "spend-back": "A spend that had vanished is back",
  "spend-gone": "A spend is gone",
  "spend-confirmed": "A spend is in a block",
  "spend-reorged": "The block of a spend left the chain",
  "spend-conflict": "Another spend won",
  "spend-final": "A spend is final",
};

/** Coins' histories, asked for again when a coin has changed. */
export class Histories {
  readonly #feed: Feed;
  readonly #known = new Map<string, { coin: string; steps: readonly Step[] }>();

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  /** By outpoint. A history that the monitor does not tell now is the one it told before. */
  async of(coins: readonly Coin[]): Promise<ReadonlyMap<string, readonly Step[]>> {
    const told = coins.slice(0, COINS);
    await Promise.all(told.map((coin) => this.#refresh(coin)));
    for (const key of this.#known.keys()) {
      if (!told.some(({ outpoint }) => outpoint === key)) this.#known.delete(key);
    }
    return new Map([...this.#known].map(([outpoint, { steps }]) => [outpoint, steps]));
  }

  async #refresh(coin: Coin): Promise<void> {
    // Confirmations count up without a step.
    const text = JSON.stringify({ ...coin, confirmations: 0 });
    if (this.#known.get(coin.outpoint)?.coin === text) return;
    try {
      const detail = await this.#feed.ask(`v1/coins/${coin.outpoint}`, coinDetail);
      if (detail !== undefined) this.#known.set(coin.outpoint, { coin: text, steps: detail.history });
    } catch {
      // The page says that the monitor is silent; the feed goes on with what it knows.
    }
  }
}

/** undefined before the monitor's first word: nothing is known, and an empty feed would say that nothing happened. */
export async function tidingsOf(snapshot: Snapshot, histories: Histories): Promise<Tidings | undefined> {
  const { status, attempts } = snapshot;
  if (status === null) return undefined;
  const steps = await histories.of(status.coins);
  const entries = [
    stateEntry(snapshot, status),
    ...status.coins.flatMap((coin) => coinEntries(coin, steps.get(coin.outpoint), status)),
    ...startEntry(status),
    ...attempts.filter(({ outcome }) => outcome === "opened").map((attempt) => openedEntry(attempt)),
  ].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
  return {
    id: uuid("feed", status.network, status.address),
    title: `Piñata ${plain(status.address, 100)}`,
    subtitle: summaryOf(snapshot).sentence,
    updated: entries[0]!.at,
    entries: entries.slice(0, ENTRIES),
  };
}

function stateEntry(snapshot: Snapshot, status: Status): Entry {
  const { state, word, sentence, amount } = summaryOf(snapshot);
  const title = amount === null ? word : `${word}: ${amount}`;
  if (snapshot.fresh) {
    return {
      id: uuid("state", status.address, state, status.since),
      title,
      text: sentence,
      at: status.since,
      path: "",
    };
  }
  const at = Math.floor(status.now / SILENCE) * SILENCE;
  return { id: uuid("silent", status.address, at), title, text: sentence, at, path: "" };
}

function coinEntries(coin: Coin, steps: readonly Step[] | undefined, { network }: Status): Entry[] {
  const { outpoint, value, spend } = coin;
  const amount = `${btc(value).replaceAll("\u202f", "")} BTC (${plain(network, 20)})`;
  const proof = spend === undefined ? "" : ` Checked: ${plain(spend.proof)}.`;
  const path = "#coins";
  if (steps !== undefined) {
    return steps.map(({ at, kind, txid, block }) => ({
      id: uuid("step", outpoint, at, kind, txid),
      title: `${STEPS[kind]}: ${amount}`,
      text: `Coin ${outpoint}, transaction ${txid}${block === null ? "" : `, block ${block.height} ${block.hash}`}.${txid === spend?.txid ? proof : ""}`,
      at,
      path,
    }));
  }
  // The history is not known; what is proven of a spend is in the status itself.
  if (spend === undefined) return [];
  const at = spend.firstSeen;
  const text = `Coin ${outpoint}, transaction ${spend.txid}.${proof}`;
  return [{ id: uuid("spend", outpoint, spend.txid), title: `${STEPS["spend-seen"]}: ${amount}`, text, at, path }];
}

function startEntry({ pinata }: Status): Entry[] {
  if (pinata === null) return [];
  const { boot, board, image, started } = pinata;
  const text = `Image ${image}, board ${plain(board, 40)}.`;
  return [{ id: uuid("boot", boot), title: "The piñata was started", text, at: started, path: "#doors" }];
}

function openedEntry({ id, peer, started, subject, reason }: Snapshot["attempts"][number]): Entry {
  const who = subject === null ? "" : ` The certificate names ${plain(subject, 200)}.`;
  return {
    id: uuid("opened", id),
    title: `Opened: attempt ${id}`,
    text: `From ${plain(peer, 60)}: ${plain(reason)}.${who}`,
    at: started,
    path: `attempts/${id}`,
  };
}

/** A version 5 UUID in a namespace of this feed's own. */
function uuid(...parts: (string | number)[]): string {
  const hash = createHash("sha1").update(NAMESPACE).update(JSON.stringify(parts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

const NAMESPACE = Buffer.from("6f1d6d0c1f0e4c7b9a52e3b0c44298fc", "hex");
