/**
 * What happened when, newest first: from the coins' histories (proven), the starts of the piñata and its images (its own
 * trace), the monitor's signed statements (its starts, its absences, its verdicts), and what the maintainers wrote (their
 * word). Rows as the page lists them, each with the proof that can be had for it.
 */
import type { Annotation, Status } from "../monitor/schema.ts";
import type { Language } from "./catalogue/language.ts";
import { type Explorer, transactionUrl } from "./explorers.ts";
import type { Past } from "./past.ts";
import type { Row } from "./rows.ts";
import { iso, short } from "./text.ts";

/** Rows that the front page shows, and characters of each one's detail: maintainers may write a lot. */
const TIMELINE_SHOWN = 4;
const DETAIL_SHOWN = 280;
const MOST = 200;
/** Statements come each hour; a longer silence than this is an absence. */
const ABSENT_AFTER = 65 * 60_000;

export interface Entry {
  /** The same after every restart and at every replica. */
  key: string;
  at: number;
  what: string;
  detail: string;
  /** What kind of thing it is, for its look: coin, spend, machine, monitor, note. */
  mark: string;
  txid?: string;
  proof?: { path: string; name: string };
}

/** `explorers`: where each row's transaction may be looked up; a short list does without. */
export function timelineRows(
  past: Past,
  status: Status,
  language: Language,
  explorers: readonly Explorer[] = [],
): Row[] {
  return timelineEntries(past, status, language)
    .slice(0, MOST)
    .map((entry) => rowOf(entry, explorers));
}

/** One annotation, published or not yet, as the timeline would show it. */
export function annotationRow(annotation: Annotation, language: Language): Row {
  return rowOf(annotationEntry(annotation, language), []);
}

function rowOf({ key, at, what, detail, mark, txid, proof }: Entry, explorers: readonly Explorer[]): Row {
  const row: Record<string, string> = {
    key,
    whenAt: iso(at),
    what,
    detail,
    mark,
    txid: txid ?? "",
    proof: proof?.path ?? "",
    proofName: proof?.name ?? "",
  };
  for (const [i, explorer] of explorers.entries()) {
    row[`explorer${i}`] = txid === undefined ? "" : explorer.name;
    row[`at${i}`] = txid === undefined ? "" : transactionUrl(explorer, txid);
  }
  return row;
}

/** Everything that is known, newest first. */
export function timelineEntries(past: Past, status: Status, language: Language): Entry[] {
  const entries = [
    ...coinEntries(past, status, language),
    ...startEntries(past, language),
    ...statementEntries(past, language),
    ...past.annotations.map((annotation) => annotationEntry(annotation, language)),
  ];
  return entries.sort((a, b) => b.at - a.at);
}

/** The key of one step of a coin. `nth`: how often that coin has taken it before with that transaction. */
export function stepKey(outpoint: string, kind: string, txid: string, nth: number): string {
  return `${outpoint} ${kind} ${txid} ${nth}`;
}

/** The key of a verdict: a later one of the same word has another `since`. */
export function verdictKey(verdict: string, since: number): string {
  return `verdict ${verdict} ${since}`;
}

/** The latest rows, for a page that is about more. */
export function latestRows(rows: readonly Row[]): Row[] {
  return rows.slice(0, TIMELINE_SHOWN).map((row) => ({ ...row, detail: clipped(row.detail ?? "", DETAIL_SHOWN) }));
}

/** Since when the coins that hang now have hung: the first of their fundings; null where no history tells. */
export function standingSince({ coins }: Past): number | null {
  const fundings = coins
    .filter(({ state }) => state === "funded" || state === "spent-unconfirmed")
    .flatMap(({ history }) => history.filter(({ kind }) => kind === "funded").map(({ at }) => at));
  return fundings.length === 0 ? null : Math.min(...fundings);
}

function coinEntries({ coins }: Past, { coins: now }: Status, language: Language): Entry[] {
  const { timeline } = language.says;
  return coins.flatMap(({ outpoint, value, history, spend }) => {
    const taken = new Map<string, number>();
    return history.map(({ at, kind, txid, block }): Entry => {
      const isSpend = kind.startsWith("spend");
      const proven = isSpend && (spend?.txid === txid || now.some((coin) => coin.spend?.txid === txid));
      const parts = [`${language.btc(value)} BTC`];
      if (block !== null) parts.push(`${timeline.inBlock(language.number(block.height))} ${short(block.hash)}`);
      const nth = taken.get(kind + txid) ?? 0;
      taken.set(kind + txid, nth + 1);
      return {
        key: stepKey(outpoint, kind, txid, nth),
        at,
        what: timeline.coin[kind],
        detail: parts.join(", "),
        mark: isSpend ? "spend" : "coin",
        txid,
        ...(proven ? { proof: { path: `/api/v1/breach/${txid}`, name: timeline.proof } } : {}),
      };
    });
  });
}

function startEntries({ pinatas }: Past, { says: { timeline } }: Language): Entry[] {
  const starts = pinatas.flatMap(({ info }) => (info === null ? [] : [info])).sort((a, b) => a.started - b.started);
  return starts.map(({ boot, board, image, started }, i) => {
    const before = starts[i - 1];
    const changed = before !== undefined && before.image !== image;
    return {
      key: `boot ${boot}`,
      at: started,
      what: changed ? timeline.image : timeline.boot,
      detail: `SHA-256 ${short(image)}, ${board}`,
      mark: "machine",
    };
  });
}

function statementEntries({ statements }: Past, language: Language): Entry[] {
  const { timeline, words } = language.says;
  return statements.flatMap(({ number, time, reason, verdict, since }, i): Entry[] => {
    const before = statements[i - 1];
    const proof = { path: `/api/v1/statements/${number}`, name: timeline.statement(language.number(number)) };
    const entry = { at: time, mark: "monitor", proof };
    const entries: Entry[] = [];
    if (before !== undefined && time - before.time > ABSENT_AFTER) {
      const detail = timeline.outageUntil(language.moment(time));
      entries.push({ ...entry, key: `absent ${number}`, at: before.time, what: timeline.outage, detail });
    } else if (reason === "start") {
      entries.push({ ...entry, key: `start ${number}`, what: timeline.started, detail: "" });
    }
    if (before !== undefined && before.verdict !== verdict) {
      const what = timeline.verdict(words[verdict].toLocaleUpperCase(language.tag));
      entries.push({ ...entry, key: verdictKey(verdict, since), at: since, what, detail: "" });
    }
    return entries;
  });
}

function annotationEntry({ number, at, text, about }: Annotation, language: Language): Entry {
  const { timeline } = language.says;
  const what = about === null ? timeline.said : timeline.saidAbout(about.kind, language.moment(about.at));
  return { key: `note ${number}`, at, what, detail: text, mark: "note" };
}

function clipped(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}
