/**
 * What the page says, as text: one flat table of strings made from a snapshot, used by the server's pages and sent as
 * it is to live ones, so that both say the same. All judgement about staleness is made here: a snapshot that is not
 * fresh is BLIND, whatever it says, and a smash that was proven before stays named, with the time it was known.
 */
import type { Attempt, Status, Verdict } from "../monitor/schema.ts";
import { english } from "./catalogue/choose.ts";
import type { Language } from "./catalogue/language.ts";
import type { Snapshot } from "./feed.ts";
import { commands, type Info } from "./info.ts";
import { NO_PAST, type Past } from "./past.ts";
import { coinRow, doorRows, funnelRows, type Row, sourceRow, stepName } from "./rows.ts";
import { iso, short } from "./text.ts";
import { latestRows, standingSince, timelineRows } from "./timeline.ts";

export type ListName = "coins" | "sources" | "funnel" | "doors" | "timeline";

export interface View {
  /** The monitor's clock now (this machine's before the first word), milliseconds: what times are told against. */
  now: number;
  /** What the page claims. */
  state: Verdict;
  /** What was last known, when `state` is blind; else the same. */
  known: Verdict;
  text: Row;
  /** Each row has a `key` that is its own within the list. */
  lists: Readonly<Record<ListName, readonly Row[]>>;
}

export interface ViewOptions {
  language?: Language;
  past?: Past;
}

/** @param at this machine's clock now, milliseconds. */
export function viewOf(snapshot: Snapshot, info: Info, at: number, options: ViewOptions = {}): View {
  const { language = english, past = NO_PAST } = options;
  const { status, fresh, heard } = snapshot;
  const { says } = language;
  if (status === null || heard === null) return beforeTheFirstWord(snapshot, info, at, language);
  const state = fresh ? status.verdict : "blind";
  const known = state === "blind" ? lastKnown(status) : state;
  return {
    now: status.now + (at - heard),
    state,
    known,
    text: {
      word: says.words[state],
      sentence: fresh ? sentenceOf(status, language) : says.silent(language.moment(heard)),
      monitorSays: fresh && language !== english ? status.sentence : "",
      last: state === "blind" ? lastWord(status, known, fresh, language) : "",
      asOf: asOfNote(status, fresh, language),
      problem: fresh ? "" : problemNote(snapshot.problem, language),
      picture: pictureOf(state, known, language),
      practice: isRealMoney(status.network) ? "" : says.practice(status.network),
      hanging: status.checked === null ? says.numbers.unknown : `${language.btc(status.hanging)} BTC`,
      hangingNote: hangingNote(status, language),
      fiat: fiatNote(status, info, language),
      sinceLabel: says.since[state],
      sinceAt: iso(sinceOf(state, status, past) ?? heard),
      attempts: language.number(status.attempts.total),
      attemptsNote: says.numbers.attemptsNote(
        language.number(status.attempts.last24h),
        language.number(status.attempts.opened),
      ),
      checkedAt: iso(status.checked),
      sources: sourcesNote(status, language),
      network: status.network,
      address: status.address,
      descriptor: status.descriptor,
      ahead: state === "sealed" ? says.timeline.refundFrom(language.number(status.refundHeight)) : "",
      refund: says.coins.refund(language.number(status.refundHeight)),
      tip:
        status.tip === null
          ? says.coins.noBlock
          : says.coins.tip(language.number(status.tip.height), short(status.tip.hash)),
      doorsNote: doorsNote(status, language),
      image: status.pinata?.image ?? "",
      board: status.pinata === null ? "" : says.doors.board(status.pinata.board),
      bootAt: iso(status.pinata?.started ?? null),
      ...commands(info, status.pinata?.doors ?? null),
    },
    lists: {
      coins: status.coins.map((coin) => coinRow(coin, language)),
      sources: status.sources.map((source) => sourceRow(source, language)),
      funnel: funnelRows(status, language),
      doors: doorRows(status.pinata, info, language),
      timeline: latestRows(timelineRows(past, status, language)),
    },
  };
}

/** One attempt, for the list and for its own page, in a language. */
export function attemptRowIn(language: Language): (attempt: Attempt) => Row {
  const { says } = language;
  const outcomes = {
    open: says.attempts.inProgress,
    refused: says.attempts.refused,
    closed: says.attempts.closed,
    opened: says.attempts.opened,
  };
  return (attempt) => {
    const { alert } = attempt;
    const reason = language.reason(attempt.reason);
    const named = alert === null ? "" : `${alert.name} (${alert.code})`;
    return {
      key: attempt.id,
      link: `/attempts/${attempt.id}`,
      startedAt: iso(attempt.started),
      endedAt: iso(attempt.ended),
      door: says.attempts.doors[attempt.door],
      peer: attempt.peer,
      reached: stepName(attempt.reached.name, language),
      step: attempt.reached.name,
      outcome: attempt.outcome,
      outcomeWord: outcomes[attempt.outcome],
      reason: reason.text,
      reasonLang: reason.lang ?? "",
      alert:
        alert === null ? "" : alert.direction === "sent" ? says.attempts.sent(named) : says.attempts.received(named),
      fingerprint: attempt.fingerprint ?? "",
      subject: attempt.subject ?? "",
      bytes: says.attempts.bytes(language.number(attempt.bytesIn), language.number(attempt.bytesOut)),
    };
  };
}

export function isRealMoney(network: string): boolean {
  return /^(bitcoin|main|mainnet)$/i.test(network);
}

function beforeTheFirstWord(snapshot: Snapshot, info: Info, at: number, language: Language): View {
  const { says } = language;
  return {
    now: at,
    state: "blind",
    known: "blind",
    text: {
      word: says.words.blind,
      sentence: says.neverHeard(language.moment(snapshot.began)),
      monitorSays: "",
      last: "",
      asOf: "",
      problem: problemNote(snapshot.problem, language),
      picture: says.pictures.blind,
      practice: "",
      hanging: says.numbers.unknown,
      hangingNote: "",
      fiat: "",
      sinceLabel: says.since.blind,
      sinceAt: iso(snapshot.began),
      attempts: says.numbers.unknown,
      attemptsNote: "",
      checkedAt: "",
      sources: says.numbers.noMonitor,
      network: "",
      address: "",
      descriptor: "",
      ahead: "",
      refund: "",
      tip: "",
      doorsNote: says.doors.unknown,
      image: "",
      board: "",
      bootAt: "",
      ...commands(info, null),
    },
    lists: { coins: [], sources: [], funnel: [], doors: doorRows(null, info, language), timeline: [] },
  };
}

/** The monitor's own sentence has the details; in other languages it stands below the page's. */
function sentenceOf({ verdict, sentence }: Status, language: Language): string {
  return language === english ? sentence : language.says.sentences[verdict];
}

/** A proven smash, in a block or on its way, outlives the monitor's silence; every other state does not. */
export function lastKnown({ coins }: Status): Verdict {
  const breaches = coins.filter((coin) => coin.spend?.kind === "breach");
  if (breaches.some((coin) => coin.spend?.block !== undefined)) return "smashed";
  return breaches.length > 0 ? "moving" : "blind";
}

function lastWord(status: Status, known: Verdict, fresh: boolean, language: Language): string {
  const { says } = language;
  const at = language.moment((fresh ? status.checked : null) ?? status.now);
  if (known === "smashed") return says.lastSmashed(at);
  if (known === "moving") return says.lastMoving(at);
  return status.verdict === "blind" ? "" : says.lastWas(says.words[status.verdict], at);
}

function problemNote(problem: string | null, { says }: Language): string {
  return problem === null ? "" : says.wrong(problem);
}

function pictureOf(state: Verdict, known: Verdict, { says: { pictures } }: Language): string {
  return state === "blind" && known === "smashed" ? `${pictures.smashed} ${pictures.fogged}` : pictures[state];
}

function asOfNote({ verdict, checked, now }: Status, fresh: boolean, language: Language): string {
  if (!fresh) return language.says.asOf(language.moment(now));
  return verdict === "blind" && checked !== null ? language.says.coinsAsOf(language.moment(checked)) : "";
}

function hangingNote({ hanging, funded, checked }: Status, language: Language): string {
  const { numbers } = language.says;
  if (checked === null) return numbers.notChecked;
  if (funded === 0) return numbers.nothingIn;
  return hanging === funded ? numbers.allIn : numbers.ofAll(language.btc(funded));
}

/** Nothing without a source of rates, on play money, or where nothing hangs. */
function fiatNote({ hanging, network }: Status, { rate }: Info, language: Language): string {
  const told = isRealMoney(network) && hanging > 0 ? rate?.() : undefined;
  return told ? language.fiat((hanging / 1e8) * told.perBitcoin, told) : "";
}

/** A whole piñata has stood since its coins were put in; null: nothing is known since the last word. */
function sinceOf(state: Verdict, status: Status, past: Past): number | null {
  if (state === "sealed") return standingSince(past) ?? status.since;
  return state === status.verdict ? status.since : null;
}

function sourcesNote({ sources }: Status, language: Language): string {
  const { numbers, sourceForms } = language.says;
  const answering = sources.filter((source) => source.healthy).length;
  if (sources.length === 1) return answering === 1 ? numbers.onlySource : numbers.onlySilent;
  return numbers.bySources(language.number(answering), language.count(sources.length, sourceForms));
}

function doorsNote({ pinata }: Status, { says }: Language): string {
  if (pinata === null) return says.doors.neverSeen;
  return pinata.running ? "" : says.doors.notRunning;
}
