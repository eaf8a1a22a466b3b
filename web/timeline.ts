/**
 * What happened when, newest first: from the coins' histories (proven), the starts of the piñata and its images (its own
 * trace), and the monitor's signed statements (its starts, its absences, its verdicts). Rows as the page lists them, each
 * with the proof that can be had for it.
 */
import type { Status } from "../monitor/schema.ts";
import type { Language } from "./catalogue/language.ts";
import { type Explorer, transactionUrl } from "./explorers.ts";
import type { Past } from "./past.ts";
import type { Row } from "./rows.ts";
import { iso, short } from "./text.ts";

/** Rows that the front page shows. */
export const TIMELINE_SHOWN = 4;
const MOST = 200;
/** Statements come each hour; a longer silence than this is an absence. */
const ABSENT_AFTER = 65 * 60_000;

interface Entry {
  key: string;
  at: number;
  what: string;
  detail: string;
  /** What kind of thing it is, for its look: coin, spend, machine, monitor. */
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
  const entries = [
    ...coinEntries(past, status, language),
    ...startEntries(past, language),
    ...statementEntries(past, language),
  ];
  return entries
    .sort((a, b) => b.at - a.at)
    .slice(0, MOST)
    .map(({ key, at, what, detail, mark, txid, proof }) => {
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
    });
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
  return coins.flatMap(({ outpoint, value, history, spend }) =>
    history.map(({ at, kind, txid, block }, i): Entry => {
      const isSpend = kind.startsWith("spend");
      const proven = isSpend && (spend?.txid === txid || now.some((coin) => coin.spend?.txid === txid));
      const parts = [`${language.btc(value)} BTC`];
      if (block !== null) parts.push(`${timeline.inBlock(language.number(block.height))} ${short(block.hash)}`);
      return {
        key: `${outpoint} ${i}`,
        at,
        what: timeline.coin[kind],
        detail: parts.join(", "),
        mark: isSpend ? "spend" : "coin",
        txid,
        ...(proven ? { proof: { path: `/api/v1/breach/${txid}`, name: timeline.proof } } : {}),
      };
    }),
  );
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
  return statements.flatMap(({ number, time, reason, verdict }, i): Entry[] => {
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
      entries.push({ ...entry, key: `verdict ${number}`, what, detail: "" });
    }
    return entries;
  });
}
