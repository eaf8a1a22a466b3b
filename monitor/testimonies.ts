/**
 * Who said what of the coins, and when: since when too few have shown them (docs/proofs.md, "unspent"), from when on the clock
 * can be relied on for that, and how what each source last said compares with what is believed. In memory only: after a
 * restart nobody has said anything.
 */
import type { Coin } from "./coins/coin.ts";
import type { Found } from "./observe.ts";
import { showOutpoint } from "./proofs/transaction.ts";
import { lastBelieved, requiredOperators, type Testimony } from "./proofs/trust.ts";
import type { ChainSource } from "./sources/source.ts";

export interface Voice {
  readonly source: ChainSource;
  /** When it was healthy last, and all that it showed was kept. */
  sighted: number | null;
  /** What it said of each coin ("txid:vout") in its latest round, and when that ended; null: no round has ended. */
  latest: { at: number; said: ReadonlyMap<string, Said> } | null;
}

/** What one source said of one coin in one round, as far as it could be proven. */
interface Said {
  /** It lists the coin among those that pay the piñata. */
  lists: boolean;
  /** null: nobody spends the coin; undefined: nothing that could be used. */
  spend: { txid: string; block: string | null } | null | undefined;
}

/** Coins by how what a source last said of them compares with what is believed; see {@link Testimonies.compare}. */
export interface Comparison {
  agrees: number;
  differs: number;
  silent: number;
}

export interface TestimonyOptions {
  sources: readonly ChainSource[];
  /** Operators that are enough where docs/proofs.md asks for two. */
  quorum?: number | undefined;
  /** When an earlier process last had enough of them. */
  checkedBefore: number | null;
  now: number;
}

/** Milliseconds by which a call of {@link Testimonies.noticeJump} may be late. */
const JUMP = 5_000;

export class Testimonies {
  /** In the order of the sources. */
  readonly voices: readonly Voice[];
  /** Independent operators among the sources, as far as they are needed. */
  readonly operators: number;
  readonly #checkedBefore: number | null;
  /** From when on the clock can be relied on. */
  #steadySince: number;
  #beaten: number;

  constructor({ sources, quorum, checkedBefore, now }: TestimonyOptions) {
    this.voices = sources.map((source) => ({ source, sighted: null, latest: null }));
    this.operators = Math.min(new Set(sources.map(operatorOf)).size, quorum ?? Number.POSITIVE_INFINITY);
    this.#checkedBefore = checkedBefore;
    this.#steadySince = now;
    this.#beaten = now;
  }

  /** Independent operators that must say that the coins hang, where none of them is ours. */
  get needed(): number {
    return requiredOperators("unspent", this.operators);
  }

  /** When enough operators had last shown the coins, or a node of our own; null: never. */
  checked(): number | null {
    return this.#believed() ?? this.#checkedBefore;
  }

  /** Milliseconds since then, or since the clock jumped: what it says of the time before means nothing. */
  silence(now: number): number {
    return now - Math.max(this.#steadySince, this.#believed() ?? 0);
  }

  /** A step of the clock, or a machine that slept. Called again and again, `pace` milliseconds apart. */
  noticeJump(now: number, pace: number): void {
    const passed = now - this.#beaten;
    this.#beaten = now;
    if (passed >= 0 && passed < pace + JUMP) return;
    this.#steadySince = now;
    for (const voice of this.voices) if (voice.sighted !== null) voice.sighted = Math.min(voice.sighted, now);
  }

  /** All that a source said in a round that ends now takes the place of what it said before. */
  hear(voice: Voice, found: readonly Found[], at: number): void {
    const said = found.map(({ outpoint, news: { funding, spend } }): [string, Said] => {
      const shown = spend && { txid: spend.txid, block: spend.block?.hash ?? null };
      return [showOutpoint(outpoint), { lists: funding !== undefined, spend: shown }];
    });
    voice.latest = { at, said: new Map(said) };
  }

  /**
   * Each coin is one of three, by what the source said of it in its latest round:
   * - `agrees`: the same as is believed, which is that nobody spends it, or which transaction does, and in which block or none.
   *   A spend that every source had and none has any more is believed to be in no mempool now.
   * - `differs`: something else. It may be ahead of what is believed, or behind it.
   * - `silent`: nothing that could be used. It was not asked, did not answer, claimed what it could not prove, or the round is
   *   `freshFor` milliseconds old; or it says that nobody spends a coin that it does not list, as anyone may who does not know it.
   *
   * It says nothing about whether the source is believed: one that is far behind may agree.
   */
  compare({ latest }: Voice, coins: Iterable<Coin>, now: number, freshFor: number): Comparison {
    const counts: Comparison = { agrees: 0, differs: 0, silent: 0 };
    // A time ahead of the clock is not fresh: the clock was set back, and how old it is is not known.
    const fresh = latest !== null && latest.at <= now && now - latest.at < freshFor;
    for (const coin of coins) {
      counts[fresh ? comparisonOf(latest.said.get(showOutpoint(coin.outpoint)), coin) : "silent"]++;
    }
    return counts;
  }

  #believed(): number | undefined {
    const said = this.voices.flatMap(({ source, sighted }): Testimony[] =>
      sighted === null
        ? []
        : [{ source: source.name, operator: operatorOf(source), own: source.own ?? false, at: sighted }],
    );
    return lastBelieved("unspent", said, this.operators);
  }
}

export function operatorOf({ operator, name }: ChainSource): string {
  return operator ?? name;
}

function comparisonOf(said: Said | undefined, { position: { spend, dormant } }: Coin): keyof Comparison {
  if (said?.spend === undefined || (said.spend === null && !said.lists)) return "silent";
  if (spend === null || dormant) return said.spend === null ? "agrees" : "differs";
  const same = said.spend?.txid === spend.txid && said.spend.block === (spend.block?.hash ?? null);
  return same ? "agrees" : "differs";
}
