/**
 * The loop: asks every source at its own pace, feeds what was proven to the coins' state machine, writes, then tells.
 * Steps are taken one after another, each one transaction in the store; what could not be written is not told, and is
 * found again in the next round. A timer of its own, not fed by any source, notices when all of them are silent.
 */
import type { ChainStep } from "./alerts/derive.ts";
import type { Draft } from "./alerts/kinds.ts";
import type { Outbox } from "./alerts/outbox.ts";
import type { Clock } from "./clock.ts";
import { type Coin, type Facts, factsOf, type News, newCoin, type Transition, wake } from "./coins/coin.ts";
import { type Block, HeaderTree } from "./coins/header-tree.ts";
import { reduce } from "./coins/reduce.ts";
import type { Log } from "./log.ts";
import { type Found, type Observation, Observer } from "./observe.ts";
import type { Pinata } from "./pinata.ts";
import { showOutpoint } from "./proofs/transaction.ts";
import { lastBelieved, requiredOperators, type Testimony } from "./proofs/trust.ts";
import type { ChainSource } from "./sources/source.ts";
import type { Saved, Step, Store, StoredVerdict } from "./store/store.ts";
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
  observer: Observer;
  health: SourceHealth;
  failures: number;
  /** The latest question was answered, believed or not. */
  answering: boolean;
  /** When it was healthy last, and all that it showed was kept. */
  sighted: number | null;
  /** A round is in progress. */
  asking: boolean;
  /** Something was told since the latest round began. */
  news: boolean;
  /** Until when the source asked to be left alone. */
  rest: number;
  cancel: () => void;
}

/** Coins watched at most; a more valuable one takes the place of the least valuable. */
const MAX_COINS = 200;
const MAX_UNCONFIRMED = 20;
const LONGEST_PAUSE = 15_000;
/** From a source's news to asking it: several come together, and a source that is full of news is not asked without end. */
const SOON = 5;
const HEARTBEAT = 1_000;
/** Milliseconds by which a heartbeat may be late. */
const JUMP = 5_000;

export class Watch {
  readonly #options: WatchOptions;
  readonly #tree: HeaderTree;
  readonly #entries: Entry[];
  #coins = new Map<string, Coin>();
  /** As written, to write only what changed. */
  #written = new Map<string, string>();
  #verdict: StoredVerdict | null;
  /** As an earlier process knew it. */
  readonly #checkedBefore: number | null;
  /** The tip that the coins' positions were computed with; the tree may be ahead of them. */
  #tip: Block | null;
  /** From when on the clock can be relied on. */
  #steadySince: number;
  #beaten: number;
  /** Independent operators among the sources, as far as they are needed. */
  readonly #operators: number;
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
    this.#checkedBefore = saved.verdict?.checked ?? null;
    this.#steadySince = now;
    this.#beaten = now;
    this.#operators = Math.min(new Set(sources.map(operatorOf)).size, options.quorum ?? Number.POSITIVE_INFINITY);
    // Whoever runs a regtest sets its clock at will.
    if (pinata.rules.difficulty === "fixed") this.#tree.enforce(pinata.rules);
    else this.#tree.enforce(pinata.rules, () => clock.now());
    const proposals = new Map<string, Set<string>>();
    for (const facts of saved.coins) {
      const key = showOutpoint(facts.outpoint);
      this.#coins.set(key, wake(facts, now));
      this.#written.set(key, JSON.stringify(facts));
    }
    this.#entries = sources.map((source) => ({
      source,
      observer: new Observer(source, {
        pinata,
        tree: this.#tree,
        others: sources.filter((other) => other !== source),
        mayPlant: ({ height, hash }) => {
          const key = `${height} ${hash}`;
          const shown = proposals.get(key) ?? new Set();
          proposals.set(key, shown.add(operatorOf(source)));
          return shown.size >= requiredOperators("confirmed", this.#operators);
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
      sighted: null,
      asking: false,
      news: false,
      rest: 0,
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
      checked: this.#checked(),
      coins: [...this.#coins.values()],
      tip: this.#tip,
      sources: this.#entries.map(({ health }) => health),
    };
  }

  /** Asks a source that has news soon, or once more when the round in progress is over. */
  #hurry(entry: Entry): void {
    if (this.#stopped || entry.news) return;
    entry.news = true;
    if (entry.asking) return;
    entry.cancel();
    entry.cancel = this.#options.clock.after(this.#soon(entry), () => void this.#round(entry));
  }

  #soon({ rest }: Entry): number {
    return Math.max(SOON, rest - this.#options.clock.now());
  }

  async #round(entry: Entry): Promise<void> {
    if (this.#stopped) return;
    entry.asking = true;
    entry.news = false;
    const watched = [...this.#coins.values()].map(({ outpoint, value, position: { funding } }) => ({
      outpoint,
      value,
      ...(funding ? { funding } : {}),
    }));
    let pause = this.#options.pollMillis;
    try {
      const observation = await entry.observer.observe(watched);
      if (this.#stopped) return;
      await this.#step(() => this.#apply(entry, observation));
      pause = this.#pause(entry, observation);
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
    entry.asking = false;
    if (entry.news) pause = Math.min(pause, this.#soon(entry));
    if (!this.#stopped) entry.cancel = this.#options.clock.after(pause, () => void this.#round(entry));
  }

  /** After a failure longer and longer, with jitter; never shorter than the source asked for. */
  #pause(entry: Entry, { tip, retryAfter }: Observation): number {
    const { pollMillis, random } = this.#options;
    entry.failures = tip === null ? entry.failures + 1 : 0;
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

  async #apply(entry: Entry, observation: Observation): Promise<void> {
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
    const { sighted } = entry;
    if (healthy) entry.sighted = at;
    if (before.problem !== entry.health.problem) this.#sayHealth(entry.health);
    try {
      if (observation.uncertified) this.#options.log.problem("certificate", observation.uncertified);
      await this.#settle(at, entry.source, observation);
    } catch (error) {
      // What was found is not kept, so it counts as not looked at: better blind than "sealed" over a lost breach.
      entry.sighted = sighted;
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
      if (!coins.has(key) && !this.#admit(coins, each, at, dropped)) continue;
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
        : { verdict: judged.verdict, since: at, checked: this.#checked() };
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
    const sight = { at, silent: this.#silence(at), blindMillis, sources, coins: step.coins.values() };
    return alerts.plan({ ...step, at, source, gone: this.#coins, network: pinata.rules.name }, sight);
  }

  async #write(step: Step, drafts: readonly Draft[]): Promise<void> {
    const { alerts, store } = this.#options;
    if (alerts) await alerts.write(step, drafts);
    else await store.commit(step);
  }

  /** Whether a coin that was not known is watched from now on. */
  #admit(coins: Map<string, Coin>, { outpoint, value, news }: Found, at: number, dropped: string[]): boolean {
    const all = [...coins.values()];
    if (!news.funding?.block) {
      const waiting = all.filter(
        ({ position }) => position.state === "funding-unconfirmed" || position.state === "awaited",
      );
      if (waiting.length >= MAX_UNCONFIRMED) return false;
    }
    if (all.length >= MAX_COINS) {
      const [least] = all.filter(({ candidates }) => candidates.length === 0).sort((a, b) => a.value - b.value);
      if (!least || least.value >= value) return false;
      coins.delete(showOutpoint(least.outpoint));
      dropped.push(showOutpoint(least.outpoint));
    }
    coins.set(showOutpoint(outpoint), newCoin(outpoint, value, at));
    return true;
  }

  #judge(coins: ReadonlyMap<string, Coin>): Judgement {
    const { clock, blindMillis, pinata } = this.#options;
    const silent = this.#silence(clock.now());
    return judge({
      coins: [...coins.values()],
      network: pinata.rules.name,
      blindSeconds: silent >= blindMillis ? Math.floor(silent / 1000) : null,
      everChecked: this.#checked() !== null,
      operators: this.#operators,
    });
  }

  /** When enough operators had last shown the coins, or a node of our own (docs/proofs.md, "unspent"). */
  #believed(): number | undefined {
    const said = this.#entries.flatMap(({ source, sighted }): Testimony[] =>
      sighted === null
        ? []
        : [{ source: source.name, operator: operatorOf(source), own: source.own ?? false, at: sighted }],
    );
    return lastBelieved("unspent", said, this.#operators);
  }

  #checked(): number | null {
    return this.#believed() ?? this.#checkedBefore;
  }

  /** Milliseconds since then, or since the clock jumped: what it says of the time before means nothing. */
  #silence(now: number): number {
    return now - Math.max(this.#steadySince, this.#believed() ?? 0);
  }

  /** A step of the clock, or a machine that slept. */
  #noticeJump(now: number): void {
    const passed = now - this.#beaten;
    this.#beaten = now;
    if (passed >= 0 && passed < HEARTBEAT + JUMP) return;
    this.#steadySince = now;
    for (const entry of this.#entries) if (entry.sighted !== null) entry.sighted = Math.min(entry.sighted, now);
  }

  #beat(): void {
    const { clock, blindMillis, log } = this.#options;
    this.#cancelHeartbeat = clock.after(Math.min(HEARTBEAT, blindMillis), () => {
      this.#noticeJump(clock.now());
      this.#step(() => this.#settle(clock.now())).catch((error: unknown) => {
        log.problem("step", `the store cannot be written: ${error instanceof Error ? error.message : error}`);
      });
      if (!this.#stopped) this.#beat();
    });
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

function operatorOf({ operator, name }: ChainSource): string {
  return operator ?? name;
}

/** An unconfirmed funding that has vanished and was never in any block. */
function isForgotten({ position, fundingBlocks, candidates }: Coin): boolean {
  return position.state === "awaited" && fundingBlocks.length === 0 && candidates.length === 0;
}
