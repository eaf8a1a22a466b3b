/**
 * What the feeds tell, as a list of entries: how the piñata stands, what the timeline knows (steps of coins, verdicts, starts,
 * images, absences, the maintainers' words), and each attempt that opened it. Ids are UUIDs made from what they tell (RFC 9562
 * §5.5), so they are the same at every replica, after every restart and under every address of the page; how it stands keeps
 * its id when it has become the past.
 */
import { createHash } from "node:crypto";
import type { Coin, Status } from "../../monitor/schema.ts";
import { english } from "../catalogue/choose.ts";
import type { Snapshot } from "../feed.ts";
import type { Past } from "../past.ts";
import { type Entry as Happening, stepKey, timelineEntries, verdictKey } from "../timeline.ts";
import { isRealMoney } from "../view.ts";
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
  /** The signed or self-contained proof of it, where there is one. */
  proof?: { path: string; name: string };
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

const ENTRIES = 50;
/** Silence is told once in so many milliseconds: replicas that heard the last word at different times agree. */
const SILENCE = 600_000;
/** Characters of a title and of a line; a maintainer's text has 1,000 at most. */
const TITLE = 200;
const LINE = 1_000;

/** undefined before the monitor's first word: nothing is known, and an empty feed would say that nothing happened. */
export function tidingsOf(snapshot: Snapshot, past: Past): Tidings | undefined {
  const { status, attempts } = snapshot;
  if (status === null) return undefined;
  const others = [
    ...timelineEntries(past, status, english).map((happening) => pastEntry(happening, status)),
    ...status.coins.flatMap((coin) => provenEntry(coin, past, status)),
    ...attempts.filter(({ outcome }) => outcome === "opened").map((attempt) => openedEntry(attempt)),
  ].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
  const present = stateEntry(snapshot, status, others[0]?.at ?? 0);
  const entries = [present, ...others.filter(({ id }) => id !== present.id)].sort((a, b) => b.at - a.at);
  return {
    id: uuid("feed", status.network, status.address),
    title: `Piñata ${plain(status.address, 100)}`,
    subtitle: summaryOf(snapshot).sentence,
    updated: entries[0]!.at,
    entries: entries.slice(0, ENTRIES),
  };
}

/** @param newest when the last thing happened that is known: silence is told after it. */
function stateEntry(snapshot: Snapshot, status: Status, newest: number): Entry {
  const { state, word, sentence, amount } = summaryOf(snapshot);
  const title = amount === null ? word : `${word}: ${amount}`;
  const entry = { title, text: sentence, path: "" };
  if (snapshot.fresh) return { ...entry, id: pastId(status, verdictKey(state, status.since)), at: status.since };
  const at = Math.floor(status.now / SILENCE) * SILENCE;
  return { ...entry, id: uuid("silent", status.address, at), at: Math.max(at, newest) };
}

function pastEntry({ key, at, what, detail, mark, txid, proof }: Happening, status: Status): Entry {
  const isCoin = mark === "coin" || mark === "spend";
  const spend = status.coins.find((coin) => coin.spend?.txid === txid)?.spend;
  const lines = [
    isCoin ? "" : detail,
    txid === undefined ? "" : `Transaction ${txid}.`,
    mark === "spend" && spend !== undefined ? `Checked: ${spend.proof}.` : "",
    proof === undefined ? "" : `${proof.name}.`,
  ].filter((line) => line !== "");
  const title = isCoin ? `${what}: ${detail}${playMoney(status)}` : mark === "note" ? `${what} ${detail}` : what;
  return {
    id: pastId(status, key),
    title: plain(title, TITLE),
    text: lines.length === 0 ? plain(`${what}.`) : shown(lines.join("\n")),
    at,
    path: "timeline",
    ...(proof === undefined ? {} : { proof: { path: proof.path.replace(/^\//, ""), name: proof.name } }),
  };
}

/** What the status itself proves of a spend whose history is not known: the first step of that history, until it is. */
function provenEntry({ outpoint, value, spend }: Coin, past: Past, status: Status): Entry[] {
  if (spend === undefined) return [];
  const { txid, firstSeen: at } = spend;
  const known = past.coins.find((coin) => coin.outpoint === outpoint)?.history ?? [];
  if (known.some((step) => step.txid === txid)) return [];
  const { timeline } = english.says;
  const happening = {
    key: stepKey(outpoint, "spend-seen", txid, 0),
    what: timeline.coin["spend-seen"],
    detail: `${english.btc(value)} BTC`,
    proof: { path: `/api/v1/breach/${txid}`, name: timeline.proof },
  };
  return [pastEntry({ ...happening, at, mark: "spend", txid }, status)];
}

function playMoney({ network }: Status): string {
  return isRealMoney(network) ? "" : ` (${plain(network, 20)})`;
}

/** Line breaks stay. */
function shown(text: string): string {
  return text
    .split("\n")
    .map((line) => plain(line, LINE))
    .join("\n");
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

function pastId({ address }: Status, key: string): string {
  return uuid("past", address, key);
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
