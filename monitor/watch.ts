/**
 * The loop: asks every source at its own pace, feeds what was proven to the coins' state machine, writes, then tells.
 * Steps are taken one after another, each one transaction in the store; what could not be written is not told, and is
 * found again in the next round. A timer of its own, not fed by any source, notices when all of them are silent.
 */
import type { ChainStep } from "./alerts/derive.ts";
import type { Draft } from "./alerts/kinds.ts";
import type { Outbox } from "./alerts/outbox.ts";
import type { Clock } from "./clock.ts";
import { admit, isForgotten } from "./coins/admission.ts";
import { type Coin, type Facts, factsOf, type News, type Transition, wake } from "./coins/coin.ts";
import { type Block, HeaderTree } from "./coins/header-tree.ts";
import { reduce } from "./coins/reduce.ts";
import type { Log } from "./log.ts";
import { type Found, type Look, type Observation, Observer } from "./observe.ts";
import type { Pinata } from "./pinata.ts";
import { showOutpoint } from "./proofs/transaction.ts";
import { requiredOperators } from "./proofs/trust.ts";
import type { ChainSource } from "./sources/source.ts";
import type { Saved, Step, Store, StoredVerdict } from "./store/store.ts";
import { type Comparison, operatorOf, Testimonies, type Voice } from "./testimonies.ts";
import { amount, type Judgement, judge } from "./verdict.ts";

export interface SourceHealth {
  name: string;
  kind: ChainSource["kind"];
  healthy: boolean;
  lastAnswer: number | null;
  tip: Block | null;
  problem: string | null;
}

export interface Snapshot extends Judgement {
  since: number;
  checked: number | null;
  coins: readonly Coin[];
  tip: Block | null;
  sources: SourceHealth[];
}

/** A source for those who maintain the piñata. */
export interface SourceReport extends SourceHealth {
  operator: string;
  own: boolean;
  /** Blocks behind the best chain; null when its tip is not on it, or it has shown none. */
  behind: number | null;
  coins: Comparison;
}

export interface WatchReport {
  /** Independent operators that must say that the coins hang, where no node is ours. */
  operatorsNeeded: number;
  sources: SourceReport[];
}

export interface WatchOptions {
  pinata: Pinata;
  sources: readonly ChainSource[];
  store: Pick<Store, "commit">;
  saved: Pick<Saved, "headers" | "best" | "coins" | "verdict">;
  clock: Clock;
  /** 0 ≤ r < 1; for jitter only. */
  random: () => number;
  pollMillis: number;
  /** Milliseconds after which the verdict is `blind` when too few have said that the coins are where they are. */
  blindMillis: number;
  /** Operators that are enough where docs/proofs.md asks for two. */
  quorum?: number | undefined;
  log: Log;
  /** Makes alerts of each step and writes them with it. */
  alerts?: Pick<Outbox, "plan" | "write">;
  /** Called after a step was written. */
  changed: () => void;
}

type Learned = Pick<Observation, "found" | "evidence">;

interface Entry {
  source: ChainSource;
  voice: Voice;
  observer: Observer;
  health: SourceHealth;
  failures: number;
  /** The latest question was answered, believed or not. */
  answering: boolean;
  /** A round is in progress. */
  asking: boolean;
  /** When the latest one ended. */
  asked: number;
  /** Spends are being looked for. */
  looking: boolean;
  /** The round has looked for spends, and goes on with the rest. */
  resting: boolean;
  /** Ends when no one looks for spends beside the rest of a round. */
  beside: Promise<void>;
  /** Something was told since the latest round began; and since spends were last looked for. */
  news: boolean;
  unseen: boolean;
  /** Until when the source asked to be left alone. */
  rest: number;
  /** Coins of its latest round, in a block, that had not been asked about. */
  unasked: ReadonlySet<string>;
  cancel: () => void;
}

const LONGEST_PAUSE = 15_000;
/** From one round to the next where there is news: several come together, and a source full of news is not asked without end. */
const SOON = 5;
const HEARTBEAT = 1_000;

export class Watch {
  readonly #options: WatchOptions;
  readonly #tree: HeaderTree;
  readonly #entries: Entry[];
  #coins = new Map<string, Coin>();
  /** As written, to write only what changed. */
  #written = new Map<string, string>();
  #verdict: StoredVerdict | null;
  /** The tip that the coins' positions were computed with; the tree may be ahead of them. */
  #tip: Block | null;
  readonly #testimonies: Testimonies;
  #steps: Promise<void> = Promise.resolve();
  #cancelHeartbeat = () => {};
  #stopped = false;

  constructor(options: WatchOptions) {
    const { saved, sources, pinata, clock } = options;
    const now = clock.now();
    this.#options = options;
    this.#tree = HeaderTree.restore(saved.headers, saved.best);
    this.#tip = this.#tree.tip;
    this.#verdict = saved.verdict;
    const checkedBefore = saved.verdict?.checked ?? null;
    this.#testimonies = new Testimonies({ sources, quorum: options.quorum, checkedBefore, now });
    // Whoever runs a regtest sets its clock at will.
    if (pinata.rules.difficulty === "fixed") this.#tree.enforce(pinata.rules);
    else this.#tree.enforce(pinata.rules, () => clock.now());
    const proposals = new Map<string, Set<string>>();
    for (const facts of saved.coins) {
      const key = showOutpoint(facts.outpoint);
      this.#coins.set(key, wake(facts, now));
      this.#written.set(key, JSON.stringify(facts));
    }
    this.#entries = sources.map((source, index) => ({
      source,
      voice: this.#testimonies.voices[index]!,
      observer: new Observer(source, {
        pinata,
        tree: this.#tree,
        others: sources.filter((other) => other !== source),
        mayPlant: ({ height, hash }) => {
          const key = `${height} ${hash}`;
          const shown = proposals.get(key) ?? new Set();
          proposals.set(key, shown.add(operatorOf(source)));
          return shown.size >= requiredOperators("confirmed", this.#testimonies.operators);
        },
      }),
      health: {
        name: source.name,
        kind: source.kind,
        healthy: false,
        lastAnswer: null,
        tip: null,
        problem: "not asked yet",
      },
      failures: 0,
      answering: false,
      asking: false,
      asked: Number.NEGATIVE_INFINITY,
      looking: false,
      resting: false,
      beside: Promise.resolve(),
      news: false,
      unseen: false,
      rest: 0,
      unasked: new Set(),
      cancel: () => {},
    }));
  }

  start(): void {
    for (const entry of this.#entries) {
      entry.source.onNews?.(() => this.#hurry(entry));
      void this.#round(entry);
    }
    this.#beat();
  }

  /** Ends the loop; resolves when the step in progress is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelHeartbeat();
    for (const entry of this.#entries) {
      entry.cancel();
      entry.source.close?.();
    }
    await this.#steps;
  }

  snapshot(): Snapshot {
    const { verdict, sentence } = this.#judge(this.#coins);
    return {
      verdict,
      sentence,
      since: this.#verdict?.since ?? this.#options.clock.now(),
      checked: this.#testimonies.checked(),
      coins: [...this.#coins.values()],
      tip: this.#tip,
      sources: this.#entries.map(({ health }) => health),
    };
  }

  report(): WatchReport {
    const { clock, blindMillis } = this.#options;
    const tree = this.#tree;
    const sources = this.#entries.map(({ source, health, voice }) => ({
      ...health,
      operator: operatorOf(source),
      own: source.own ?? false,
      behind: health.tip && tree.tip && tree.contains(health.tip) ? tree.tip.height - health.tip.height : null,
      coins: this.#testimonies.compare(voice, this.#coins.values(), clock.now(), blindMillis),
    }));
    return { operatorsNeeded: this.#testimonies.needed, sources };
  }

  /**
   * Asks a source that has news at once, or soon after the round before. While a round is in progress it is asked once more
   * afterwards, and for spends meanwhile: the rest of a round may take long.
   */
  #hurry(entry: Entry): void {
    if (this.#stopped) return;
    entry.unseen = true;
    if (entry.resting && !entry.looking) entry.beside = this.#lookBeside(entry);
    if (entry.news) return;
    entry.news = true;
    if (entry.asking) return;
    entry.cancel();
    const wait = this.#soon(entry);
    if (wait === 0) void this.#round(entry);
    else entry.cancel = this.#options.clock.after(wait, () => void this.#round(entry));
  }

  #soon({ rest, asked }: Entry): number {
    const now = this.#options.clock.now();
    return Math.max(0, Math.min(SOON, asked + SOON - now), rest - now);
  }

  /** Who spends the coins; what is proven is written and told before the rest of the round. */
  async #look(entry: Entry): Promise<Look> {
    const { observer, source } = entry;
    entry.looking = true;
    entry.unseen = false;
    const watched = [...this.#coins.values()].map(({ outpoint, value, keyOut, position: { funding, spend } }) => ({
      outpoint,
      value,
      ...(funding ? { funding } : {}),
      keyOut,
      spent: spend !== null,
    }));
    const told = async (found: Found[]): Promise<void> => {
      if (this.#stopped) return;
      const step = this.#step(() => this.#settle(this.#options.clock.now(), source, { found, evidence: [] }));
      // The end of the round has it again.
      await step.catch((error: unknown) => this.#sayUnwritten(error));
    };
    return observer.look(watched, told).finally(() => {
      entry.looking = false;
    });
  }

  /** What is wrong with the source is told by the round that follows. */
  async #lookBeside(entry: Entry): Promise<void> {
    while (entry.unseen && entry.resting && !this.#stopped) {
      await this.#look(entry).catch(() => {});
      if (entry.unseen) await new Promise<void>((resolve) => void this.#options.clock.after(SOON, resolve));
    }
  }

  async #round(entry: Entry): Promise<void> {
    if (this.#stopped) return;
    entry.asking = true;
    entry.news = false;
    let pause = this.#options.pollMillis;
    // What it says of the coins is of now, however long the rest takes.
    const begun = this.#options.clock.now();
    try {
      const look = await this.#look(entry);
      entry.resting = true;
      if (entry.unseen) entry.beside = this.#lookBeside(entry);
      const observation = await entry.observer.conclude(look);
      if (this.#stopped) return;
      const hasNew = this.#hasNewCoins(entry, look, observation);
      await this.#step(() => this.#apply(entry, observation, hasNew ? null : begun));
      pause = this.#pause(entry, observation);
      if (hasNew && observation.problem === null) pause = Math.min(pause, this.#soon(entry));
    } catch (error) {
      // Not the source's fault: the store, or a mistake of ours. Said once, tried again; meanwhile nobody has looked.
      entry.health = {
        ...entry.health,
        healthy: false,
        problem: "was asked, but the monitor could not use the answer",
      };
      this.#options.log.problem(
        "step",
        `a round of ${entry.source.name} failed: ${error instanceof Error ? error.message : error}`,
      );
      pause = LONGEST_PAUSE;
    }
    entry.resting = false;
    await entry.beside;
    entry.asking = false;
    entry.asked = this.#options.clock.now();
    if (entry.news) pause = Math.min(pause, this.#soon(entry));
    if (!this.#stopped) entry.cancel = this.#options.clock.after(pause, () => void this.#round(entry));
  }

  /** After a failure longer and longer, with jitter; never shorter than the source asked for. */
  #pause(entry: Entry, { tip, retryAfter, goesOn }: Observation): number {
    const { pollMillis, random } = this.#options;
    entry.failures = tip === null && !goesOn ? entry.failures + 1 : 0;
    // Our own node is read on without a pause; others may count how often they are asked.
    if (goesOn && entry.source.own && retryAfter === undefined) return SOON;
    if (entry.failures === 0 && retryAfter === undefined) return Math.max(pollMillis, entry.source.pollMillis ?? 0);
    const grown = Math.min(pollMillis * 2 ** Math.min(entry.failures, 10), Math.max(pollMillis, LONGEST_PAUSE));
    const jittered = grown * (0.5 + random() / 2);
    if (retryAfter === undefined) return jittered;
    entry.rest = this.#options.clock.now() + retryAfter;
    return retryAfter + random() * pollMillis;
  }

  /** Steps never overlap. */
  #step(task: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(task);
    this.#steps = done.catch(() => undefined);
    return done;
  }

  /** Whether it shows coins for the first time that were not asked about yet: nobody has said that they are unspent. */
  #hasNewCoins(entry: Entry, { watched }: Look, { found }: Observation): boolean {
    const asked = new Set(watched.map(({ outpoint }) => showOutpoint(outpoint)));
    const confirmed = found.filter(({ news }) => news.funding?.block).map(({ outpoint }) => showOutpoint(outpoint));
    const before = entry.unasked;
    // One that is not admitted is shown again and again, and must not keep the others from being believed.
    entry.unasked = new Set(confirmed.filter((key) => !asked.has(key)));
    return [...entry.unasked].some((key) => !before.has(key));
  }

  /** `sighted`: when it was asked about all coins; null: it was not. */
  async #apply(entry: Entry, observation: Observation, sighted: number | null): Promise<void> {
    const at = this.#options.clock.now();
    const before = entry.health;
    const problem = observation.problem ?? this.#contradiction(observation);
    const healthy = problem === null;
    entry.answering = observation.tip !== null;
    entry.health = {
      ...before,
      healthy,
      problem,
      lastAnswer: observation.tip ? at : before.lastAnswer,
      tip: observation.tip ?? before.tip,
    };
    const { voice } = entry;
    const sightedBefore = voice.sighted;
    if (healthy && sighted !== null) voice.sighted = Math.min(sighted, at);
    this.#testimonies.hear(voice, observation.found, at);
    if (before.problem !== entry.health.problem) this.#sayHealth(entry.health);
    try {
      if (observation.uncertified) this.#options.log.problem("certificate", observation.uncertified);
      await this.#settle(at, entry.source, observation);
    } catch (error) {
      // What was found is not kept, so it counts as not looked at: better blind than "sealed" over a lost breach.
      voice.sighted = sightedBefore;
      throw error;
    }
  }

  /** A source that calls a coin unspent although a block of its own chain is proven to hold the spend. */
  #contradiction({ tip, found }: Observation): string | null {
    if (tip === null || !this.#tree.contains(tip)) return null;
    for (const { outpoint, news } of found) {
      const key = showOutpoint(outpoint);
      const block = this.#coins.get(key)?.position.spend?.block;
      if (news.spend === null && block && this.#tree.contains(block) && tip.height > block.height) {
        return `calls ${key} unspent, though block ${block.height} of its own chain holds the spend`;
      }
    }
    return null;
  }

  /** Computes all coins anew, writes what changed, and only then takes it over and tells. */
  async #settle(
    at: number,
    source?: ChainSource,
    { found, evidence }: Learned = { found: [], evidence: [] },
  ): Promise<void> {
    const coins = new Map(this.#coins);
    const { tip } = this.#tree;
    const transitions: { outpoint: string; transition: Transition }[] = [];
    const news = new Map<string, News>();
    const dropped: string[] = [];
    for (const each of found) {
      const key = showOutpoint(each.outpoint);
      if (!coins.has(key) && !admit(coins, each, at, dropped)) continue;
      news.set(key, { ...each.news, source: source!.name, operator: operatorOf(source!), at });
    }
    for (const [key, coin] of coins) {
      const reduced = reduce(coin, news.get(key), this.#tree, at);
      for (const transition of reduced.transitions) transitions.push({ outpoint: key, transition });
      if (isForgotten(reduced.coin)) {
        coins.delete(key);
        dropped.push(key);
      } else coins.set(key, reduced.coin);
    }
    const judged = this.#judge(coins);
    const verdict =
      judged.verdict === this.#verdict?.verdict
        ? undefined
        : { verdict: judged.verdict, since: at, checked: this.#testimonies.checked() };
    const changed: { key: string; facts: Facts; text: string }[] = [];
    for (const [key, coin] of coins) {
      const facts = factsOf(coin);
      const text = JSON.stringify(facts);
      if (this.#written.get(key) !== text) changed.push({ key, facts, text });
    }
    const chain = this.#tree.unsaved();
    const drafts = this.#plan(at, source?.name, { transitions, coins, news });
    const { length } = [...chain.headers, ...changed, ...dropped, ...transitions, ...drafts, ...evidence];
    if (length > 0 || chain.best !== null || verdict) {
      const step = { chain, coins: changed.map(({ facts }) => facts), dropped, transitions, evidence };
      await this.#write(verdict ? { ...step, verdict } : step, drafts);
      this.#tree.saved(chain);
      for (const { key, text } of changed) this.#written.set(key, text);
      for (const key of dropped) this.#written.delete(key);
    }
    this.#coins = coins;
    this.#tip = tip;
    if (verdict) this.#verdict = verdict;
    for (const each of transitions) this.#say(each.outpoint, each.transition, coins);
    if (verdict) this.#options.log.info(judged.sentence);
    this.#options.changed();
  }

  /** The alerts that a step makes. */
  #plan(at: number, source: string | undefined, step: Pick<ChainStep, "transitions" | "coins" | "news">): Draft[] {
    const { alerts, blindMillis, pinata } = this.#options;
    if (!alerts) return [];
    const sources = this.#entries.map(({ health, answering }) => ({ ...health, answering }));
    const sight = { at, silent: this.#testimonies.silence(at), blindMillis, sources, coins: step.coins.values() };
    return alerts.plan({ ...step, at, source, gone: this.#coins, network: pinata.rules.name }, sight);
  }

  async #write(step: Step, drafts: readonly Draft[]): Promise<void> {
    const { alerts, store } = this.#options;
    if (alerts) await alerts.write(step, drafts);
    else await store.commit(step);
  }

  #judge(coins: ReadonlyMap<string, Coin>): Judgement {
    const { clock, blindMillis, pinata } = this.#options;
    const silent = this.#testimonies.silence(clock.now());
    return judge({
      coins: [...coins.values()],
      network: pinata.rules.name,
      blindSeconds: silent >= blindMillis ? Math.floor(silent / 1000) : null,
      everChecked: this.#testimonies.checked() !== null,
      operators: this.#testimonies.operators,
    });
  }

  #beat(): void {
    const { clock, blindMillis } = this.#options;
    this.#cancelHeartbeat = clock.after(Math.min(HEARTBEAT, blindMillis), () => {
      this.#testimonies.noticeJump(clock.now(), HEARTBEAT);
      this.#step(() => this.#settle(clock.now())).catch((error: unknown) => this.#sayUnwritten(error));
      if (!this.#stopped) this.#beat();
    });
  }

  #sayUnwritten(error: unknown): void {
    const why = error instanceof Error ? error.message : error;
    this.#options.log.problem("step", `the store cannot be written: ${why}`);
  }

  #sayHealth({ name, problem }: SourceHealth): void {
    const { log } = this.#options;
    if (problem === null) log.recovered(name, `source ${name} answers`);
    else log.problem(name, `source ${name} ${problem}`);
  }

  #say(outpoint: string, { kind, txid, block }: Transition, coins: ReadonlyMap<string, Coin>): void {
    const value = coins.get(outpoint)?.value;
    const what = value === undefined ? "" : ` (${amount(value, this.#options.pinata.rules.name)})`;
    this.#options.log.info(
      `coin ${outpoint}${what}: ${kind} ${txid}${block ? ` in block ${block.height} ${block.hash}` : ""}`,
    );
  }
}
