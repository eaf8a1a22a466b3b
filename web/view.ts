/**
 * What the page says, as text: one flat table of strings made from a snapshot, used by the server's pages and sent as
 * it is to live ones, so that both say the same. All judgement about staleness is made here: a snapshot that is not
 * fresh is BLIND, whatever it says, and a smash that was proven before stays named, with the time it was known.
 */
import type { Attempt, Coin, Status, Verdict } from "../monitor/schema.ts";
import type { Snapshot } from "./feed.ts";
import { commands, type Info } from "./info.ts";
import { btc, count, grouped, iso, short, spoken } from "./text.ts";

/** Strings by name; names that end in `At` are times (ISO, or empty). */
export type Row = Readonly<Record<string, string>>;
export type ListName = "coins" | "sources" | "funnel" | "doors";

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

export const WORDS: Readonly<Record<Verdict, string>> = {
  awaited: "Awaited",
  sealed: "Sealed",
  moving: "Moving",
  smashed: "Smashed",
  refunded: "Refunded",
  blind: "Blind",
};

const PICTURES: Readonly<Record<Verdict, string>> = {
  awaited: "A donkey piñata of plain newsprint, not painted yet: nothing hangs in it.",
  sealed: "A bright donkey piñata hangs whole on its rope.",
  moving: "The donkey piñata is cracked, and a coin is slipping out.",
  smashed: "The donkey piñata is broken in two, and the coins have fallen out.",
  refunded: "The donkey piñata is empty, its hatch open, and the coins are back in their owner's pouch.",
  blind: "The donkey piñata cannot be seen: it is in thick fog.",
};

const SINCE: Readonly<Record<Verdict, string>> = {
  awaited: "Waiting since",
  sealed: "Whole since",
  moving: "Moving since",
  smashed: "Smashed since",
  refunded: "Refunded since",
  blind: "Blind since",
};

const DOORS = [
  ["server", "TLS server", "Asks for your certificate. If it leads to the trust anchor, you get the candy."],
  [
    "dialback",
    "Dial-back",
    "Closes at once, dials back to the address that it saw you come from, and is the TLS client there.",
  ],
  ["client", "TLS client", "Takes your connection and speaks TLS as the client: you are the server."],
] as const;

const COIN_STATES: Readonly<Record<Coin["state"], string>> = {
  "funding-unconfirmed": "arriving, not in a block yet",
  funded: "hanging",
  "spent-unconfirmed": "moving, not in a block yet",
  spent: "gone",
  final: "gone for good",
};

/** @param at this machine's clock now, milliseconds. */
export function viewOf(snapshot: Snapshot, info: Info, at: number): View {
  const { status, fresh, heard } = snapshot;
  if (status === null || heard === null) return beforeTheFirstWord(snapshot, info, at);
  const state = fresh ? status.verdict : "blind";
  const known = state === "blind" ? lastKnown(status) : state;
  return {
    now: status.now + (at - heard),
    state,
    known,
    text: {
      word: WORDS[state],
      sentence: fresh
        ? status.sentence
        : `The monitor has been silent since ${spoken(iso(heard))}: nothing is claimed about now.`,
      last: state === "blind" ? lastWord(status, known, fresh) : "",
      asOf: asOfNote(status, fresh),
      problem: fresh ? "" : problemNote(snapshot.problem),
      picture: pictureOf(state, known),
      practice: practiceNote(status.network),
      hanging: status.checked === null ? "unknown" : `${btc(status.hanging)} BTC`,
      hangingNote: hangingNote(status),
      sinceLabel: SINCE[state],
      sinceAt: iso(fresh ? status.since : heard),
      attempts: grouped(status.attempts.total),
      attemptsNote: `${grouped(status.attempts.last24h)} in 24 hours, ${grouped(status.attempts.opened)} opened it`,
      checkedAt: iso(status.checked),
      sources: sourcesNote(status),
      network: status.network,
      address: status.address,
      descriptor: status.descriptor,
      refund: `After block ${grouped(status.refundHeight)} the sponsor may take the coins back through the published script.`,
      tip:
        status.tip === null
          ? "No block seen yet"
          : `Newest block seen: ${grouped(status.tip.height)} ${short(status.tip.hash)}`,
      doorsNote: doorsNote(status),
      image: status.pinata?.image ?? "",
      board: status.pinata?.board ?? "",
      bootAt: iso(status.pinata?.started ?? null),
      ...commands(info, status.pinata?.doors ?? null),
    },
    lists: {
      coins: status.coins.map(coinRow),
      sources: status.sources.map((source) => ({
        key: source.name,
        name: source.name,
        kind: source.kind,
        health: source.healthy ? "answers" : (source.problem ?? "does not answer"),
        ok: source.healthy ? "yes" : "no",
        answeredAt: iso(source.lastAnswer),
      })),
      funnel: funnelRows(status),
      doors: DOORS.map(([name, role, what]) => ({
        key: name,
        address: status.pinata === null ? "" : `${info.doorsHost}:${status.pinata.doors[name]}`,
        role,
        what: name === "dialback" ? `${what} Your port: ${info.dialPort}.` : what,
      })),
    },
  };
}

/** One attempt, for the list and for its own page. */
export function attemptRow(attempt: Attempt): Row {
  const { alert } = attempt;
  return {
    key: attempt.id,
    link: `/attempts/${attempt.id}`,
    startedAt: iso(attempt.started),
    endedAt: iso(attempt.ended),
    door: DOORS.find(([name]) => name === attempt.door)?.[1] ?? attempt.door,
    peer: attempt.peer,
    reached: attempt.reached.name,
    outcome: attempt.outcome,
    outcomeWord: attempt.outcome === "open" ? "in progress" : attempt.outcome,
    reason: attempt.reason,
    alert:
      alert === null
        ? ""
        : `${alert.direction === "sent" ? "The piñata sent" : "The peer sent"} ${alert.name} (${alert.code})`,
    fingerprint: attempt.fingerprint ?? "",
    subject: attempt.subject ?? "",
    bytes: `${grouped(attempt.bytesIn)} bytes in, ${grouped(attempt.bytesOut)} bytes out`,
  };
}

function coinRow(coin: Coin): Row {
  const { spend } = coin;
  return {
    key: coin.outpoint,
    outpoint: coin.outpoint,
    value: `${btc(coin.value)} BTC`,
    coinState: COIN_STATES[coin.state],
    mark: coin.state,
    confirmations: coin.confirmations === 0 ? "unconfirmed" : count(coin.confirmations, "confirmation"),
    funding: coin.funding === undefined ? "" : `Funded in block ${grouped(coin.funding.height)}`,
    spendKind: spend === undefined ? "" : spendWords(spend),
    spendTx: spend?.txid ?? "",
    spendProof: spend === undefined ? "" : `Checked: ${spend.proof}`,
    spendBlock:
      spend === undefined
        ? ""
        : spend.block
          ? `In block ${grouped(spend.block.height)} ${short(spend.block.hash)}`
          : "Not in a block yet",
    spendAt: iso(spend?.firstSeen ?? null),
  };
}

function spendWords({ kind, block }: NonNullable<Coin["spend"]>): string {
  if (kind === "unknown") return "Moved, and nobody could prove how.";
  const by = kind === "breach" ? "the key" : "the published refund script";
  if (block === undefined) return `On the move, by ${by}.`;
  return kind === "breach" ? `Smashed: moved by ${by}.` : `Refunded: moved by ${by}.`;
}

function funnelRows(status: Status): Row[] {
  const { funnel } = status.attempts;
  const all = funnel[0]?.count ?? 0;
  return funnel.map((step) => {
    const percent = all === 0 ? 0 : Math.floor((step.count * 100) / all);
    return {
      key: step.name,
      step: step.name,
      reachedBy: grouped(step.count),
      percent: `${percent}%`,
      bar: `${Math.min(percent, 100)}%`,
    };
  });
}

function beforeTheFirstWord(snapshot: Snapshot, info: Info, at: number): View {
  return {
    now: at,
    state: "blind",
    known: "blind",
    text: {
      word: WORDS.blind,
      sentence: `The monitor has not answered since this page's server started at ${spoken(iso(snapshot.began))}: nothing is known.`,
      last: "",
      asOf: "",
      problem: problemNote(snapshot.problem),
      picture: PICTURES.blind,
      practice: "",
      hanging: "unknown",
      hangingNote: "",
      sinceLabel: SINCE.blind,
      sinceAt: iso(snapshot.began),
      attempts: "unknown",
      attemptsNote: "",
      checkedAt: "",
      sources: "no monitor",
      network: "",
      address: "",
      descriptor: "",
      refund: "",
      tip: "",
      doorsNote: "Where the doors are is not known yet.",
      image: "",
      board: "",
      bootAt: "",
      ...commands(info, null),
    },
    lists: {
      coins: [],
      sources: [],
      funnel: [],
      doors: DOORS.map(([name, role, what]) => ({ key: name, address: "", role, what })),
    },
  };
}

/** A proven smash, in a block or on its way, outlives the monitor's silence; every other state does not. */
function lastKnown({ coins }: Status): Verdict {
  const breaches = coins.filter((coin) => coin.spend?.kind === "breach");
  if (breaches.some((coin) => coin.spend?.block !== undefined)) return "smashed";
  return breaches.length > 0 ? "moving" : "blind";
}

function lastWord(status: Status, known: Verdict, fresh: boolean): string {
  const at = fresh ? status.checked : status.now;
  const asOf = at === null ? "" : ` as of ${spoken(iso(at))}`;
  if (known === "smashed") return `A smash was proven: SMASHED${asOf}.`;
  if (known === "moving") return `A spend by the key was proven, not yet in a block: MOVING${asOf}.`;
  if (status.verdict === "blind") return "";
  return `It was ${WORDS[status.verdict].toLowerCase()}${asOf}. Whether it still is, nobody here can say.`;
}

function problemNote(problem: string | null): string {
  return problem === null ? "" : `What is wrong: ${problem}.`;
}

function pictureOf(state: Verdict, known: Verdict): string {
  return state === "blind" && known === "smashed" ? `${PICTURES.smashed} Fog covers it now.` : PICTURES[state];
}

function practiceNote(network: string): string {
  if (/^(bitcoin|main|mainnet)$/i.test(network)) return "";
  return `This piñata is for practice: its coins are on ${network} and are worth nothing.`;
}

function asOfNote({ verdict, checked, now }: Status, fresh: boolean): string {
  if (!fresh) return `Everything below is as of ${spoken(iso(now))}, the last word of the monitor.`;
  return verdict === "blind" && checked !== null ? `The coins below are as of ${spoken(iso(checked))}.` : "";
}

function hangingNote({ hanging, funded, checked }: Status): string {
  if (checked === null) return "not checked yet";
  if (funded === 0) return "nothing was put in yet";
  return hanging === funded ? "all that was ever put in" : `of ${btc(funded)} BTC ever put in`;
}

function sourcesNote({ sources }: Status): string {
  const answering = sources.filter((source) => source.healthy).length;
  if (sources.length === 1) return answering === 1 ? "by its only source" : "its only source is silent";
  return `by ${answering} of ${count(sources.length, "source")}`;
}

function doorsNote({ pinata }: Status): string {
  if (pinata === null) return "The piñata has not been seen running yet: where its doors are is not known.";
  return pinata.running
    ? ""
    : "The piñata is not running just now, so nobody answers at its doors. The coins do not need it to hang.";
}
