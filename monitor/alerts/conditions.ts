/**
 * Conditions: what is wrong for a while, as opposed to what happens. Each is looked at again and again, and is on, off or
 * not known (after a start, before anything was heard): only the first "on" raises an alert and only a proven "off" ends
 * it. Here are those that follow from the watch itself: blindness, sources that disagree, a clock that jumps.
 */
import type { Coin } from "../coins/coin.ts";
import type { AlertKind } from "./kinds.ts";
import { type Words, words } from "./texts.ts";

export interface Condition {
  topic: string;
  kind: AlertKind;
  state: "on" | "off" | "unknown";
  /** When on, of the alert; when off, of the recovery. */
  words: () => Words;
  except?: string;
}

/** A source as the watch knows it. */
export interface SourceView {
  name: string;
  healthy: boolean;
  problem: string | null;
  /** When it last gave an answer about its tip; null: never. */
  lastAnswer: number | null;
  /** The latest question was answered, even if what was said is not believed. */
  answering: boolean;
}

export interface Sight {
  at: number;
  /** Milliseconds since a source was healthy last. */
  silent: number;
  blindMillis: number;
  sources: readonly SourceView[];
  coins: Iterable<Coin>;
}

export function blindness({ silent, blindMillis, sources }: Sight): Condition {
  const lines = sources.map(({ name, problem }) => `Source ${name} ${problem ?? "answers"}.`);
  const blind = silent >= blindMillis;
  const seeing = !blind && sources.some(({ healthy }) => healthy);
  return {
    topic: "blind",
    kind: "blind",
    state: blind ? "on" : seeing ? "off" : "unknown",
    words: () => (blind ? words.blind(Math.floor(silent / 1000), lines) : words.sighted(lines)),
  };
}

/**
 * Two sources that both answer and do not tell the same, for a stated time: one is behind, on another branch or shows
 * what does not check out; or one shows a spend in its mempool that the other does not have.
 */
export class Disagreement {
  readonly #patience: number;
  #since: number | undefined;

  constructor(patience: number) {
    this.#patience = patience;
  }

  look(sight: Sight): Condition {
    const { at, sources } = sight;
    const views = viewsOf(sight);
    const heard = sources.filter(({ answering }) => answering).length;
    if (views.length === 0) this.#since = undefined;
    else this.#since ??= at;
    const lasting = this.#since === undefined ? 0 : Math.abs(at - this.#since);
    const on = this.#since !== undefined && lasting >= this.#patience;
    // A single source cannot say that all agree.
    const off = this.#since === undefined && heard >= 2;
    return {
      topic: "disagree",
      kind: "disagree",
      state: on ? "on" : off ? "off" : "unknown",
      words: () => (on ? words.disagree(Math.floor(lasting / 1000), views) : words.agree()),
    };
  }
}

/** The differing views, a line for each; none when there is nothing to disagree about. */
function viewsOf({ at, blindMillis, sources, coins }: Sight): string[] {
  const fresh = sources.filter(
    (each) => each.answering && each.lastAnswer !== null && at - each.lastAnswer < blindMillis,
  );
  const healthy = fresh.filter((each) => each.healthy);
  if (fresh.length < 2 || healthy.length === 0) return [];
  const views = fresh
    .filter((each) => !each.healthy)
    .map(
      ({ name, problem }) =>
        `Source ${name} ${problem}; ${healthy.map((each) => each.name).join(", ")} tell otherwise.`,
    );
  for (const coin of coins) {
    if (coin.position.spend === null || coin.position.spend.block) continue;
    const shown = healthy.filter(({ name }) => Object.hasOwn(coin.seen.spends, name));
    const told = new Set(shown.map(({ name }) => coin.seen.spends[name]));
    if (told.size < 2) continue;
    for (const { name } of shown) {
      const txid = coin.seen.spends[name];
      views.push(
        `Source ${name} shows ${txid ? `transaction ${txid}` : "no unconfirmed spend"} for ${coin.outpoint.txid}:${coin.outpoint.vout}.`,
      );
    }
  }
  return views;
}

/** A step of the time of day against the monotonic clock that is more than any time service makes. */
const JUMP = 5_000;
/** Without another jump for this long the clock is called steady. */
const STEADY = 300_000;

export class ClockWatch {
  readonly #monotonic: () => number;
  #offset: number | undefined;
  #jump: { at: number; by: number } | undefined;
  #started: number;

  /** `monotonic`: milliseconds that only ever count up. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#started = monotonic();
  }

  look(wall: number): Condition {
    const now = this.#monotonic();
    const offset = wall - now;
    const by = this.#offset === undefined ? 0 : offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(by) >= JUMP) this.#jump = { at: now, by };
    const { at, by: jumped } = this.#jump ?? { at: this.#started, by: 0 };
    const on = this.#jump !== undefined && now - at < STEADY;
    return {
      topic: "clock",
      kind: "clock",
      state: on ? "on" : now - at >= STEADY ? "off" : "unknown",
      words: () => (on ? words.clockJumped(jumped) : words.clockSteady(STEADY / 60_000)),
    };
  }
}
