/**
 * Rows of the page's lists, as text in a language: coins, sources, steps of the funnel, doors. What a peer or a source
 * wrote (names, what is wrong with a source) stays as it is.
 */
import type { Coin, Status } from "../monitor/schema.ts";
import type { Language } from "./catalogue/language.ts";
import type { Info } from "./info.ts";
import { iso, short } from "./text.ts";

/** Strings by name; names that end in `At` are times (ISO, or empty). */
export type Row = Readonly<Record<string, string>>;

const DOORS = ["server", "dialback", "client"] as const;

export function coinRow(coin: Coin, language: Language): Row {
  const { spend } = coin;
  const says = language.says.coins;
  return {
    key: coin.outpoint,
    outpoint: coin.outpoint,
    value: `${language.btc(coin.value)} BTC`,
    coinState: says.states[coin.state],
    mark: coin.state,
    confirmations: coin.confirmations === 0 ? says.unconfirmed : language.count(coin.confirmations, says.confirmations),
    funding: coin.funding === undefined ? "" : says.fundedIn(language.number(coin.funding.height)),
    spendKind: spend === undefined ? "" : spendWords(spend, says),
    spendTx: spend?.txid ?? "",
    spendProof: spend?.proof ?? "",
    spendBlock:
      spend === undefined
        ? ""
        : spend.block
          ? says.inBlock(language.number(spend.block.height), short(spend.block.hash))
          : says.notInBlock,
    spendAt: iso(spend?.firstSeen ?? null),
  };
}

function spendWords({ kind, block }: NonNullable<Coin["spend"]>, says: Language["says"]["coins"]): string {
  if (kind === "unknown") return says.unproven;
  const by = kind === "breach" ? says.byKey : says.byScript;
  if (block === undefined) return says.onTheMove(by);
  return kind === "breach" ? says.smashed(by) : says.refunded(by);
}

export function sourceRow(source: Status["sources"][number], { says }: Language): Row {
  return {
    key: source.name,
    name: source.name,
    kind: source.kind,
    health: source.healthy ? says.coins.answers : (source.problem ?? says.coins.noAnswer),
    ok: source.healthy ? "yes" : "no",
    answeredAt: iso(source.lastAnswer),
  };
}

export function funnelRows({ attempts: { funnel } }: Status, language: Language): Row[] {
  const all = funnel[0]?.count ?? 0;
  return funnel.map(({ name, count }) => {
    const share = all === 0 ? 0 : Math.min(1, count / all);
    return {
      key: name,
      step: stepName(name, language),
      reachedBy: language.number(count),
      percent: language.percent(share),
      bar: `${Math.floor(share * 1000) / 10}%`,
    };
  });
}

/** A step of the handshake in the page's language; one that this page does not know (a newer monitor) as it is. */
export function stepName(name: string, { says }: Language): string {
  const steps: Readonly<Record<string, string>> = says.funnel.steps;
  return Object.hasOwn(steps, name) ? steps[name]! : name;
}

export function doorRows(pinata: Status["pinata"], info: Info, { says }: Language): Row[] {
  return DOORS.map((name) => ({
    key: name,
    address: pinata === null ? "" : `${info.doorsHost}:${pinata.doors[name]}`,
    role: says.attempts.doors[name],
    what:
      name === "dialback" && pinata !== null
        ? `${says.doors.dialback} ${says.doors.dialPort(String(info.dialPort))}`
        : says.doors[name],
  }));
}
