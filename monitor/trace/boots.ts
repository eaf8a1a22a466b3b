/**
 * The boots that traces told of: which one each input carries now, which of their connections have begun, and totals of
 * each. Several piñatas run at once; a boot that comes over two inputs is one boot. The most recently heard are kept.
 */
import type { TraceEvent } from "../../unikernel/trace.ts";
import type { Status } from "../schema.ts";
import type { Progress, SavedBoot } from "./progress.ts";
import { Sampler, type SamplerOptions } from "./sampling.ts";
import { Seen } from "./seen.ts";

export type Boot = NonNullable<Status["pinata"]>;

export interface BootState {
  boot: string;
  /** null while only its connections were seen. */
  info: Boot | null;
  heard: number;
  seen: Seen;
  /** How many of its attempts reached at least each state. */
  reached: number[];
  sampler: Sampler;
}

/** Boots remembered; a line of one that is forgotten counts as one of a new boot. */
const MAX_BOOTS = 64;
const MAX_LANES = 256;

export class Boots {
  /** Least recently heard first. */
  readonly #boots = new Map<string, BootState>();
  readonly #lanes: Map<string, string>;
  readonly #sampling: SamplerOptions;

  /** `pinata`: known from a monitor that remembered one boot only. */
  constructor({ boots, lanes }: Pick<Progress, "boots" | "lanes">, pinata: Boot | null, sampling: SamplerOptions) {
    this.#sampling = sampling;
    this.#lanes = new Map(Object.entries(lanes));
    for (const { seen, ...rest } of boots) {
      this.#boots.set(rest.boot, { ...rest, seen: new Seen(seen), sampler: new Sampler(sampling) });
    }
    if (pinata && !this.#boots.has(pinata.boot)) this.of(pinata.boot, pinata.started).info = pinata;
  }

  get(boot: string): BootState | undefined {
    return this.#boots.get(boot);
  }

  /** The boot's state, made when it is new; it was heard of at `time`. */
  of(boot: string, time: number): BootState {
    let state = this.#boots.get(boot);
    if (!state) {
      state = { boot, info: null, heard: time, seen: new Seen(), reached: [], sampler: new Sampler(this.#sampling) };
      this.#boots.set(boot, state);
      this.#forget();
    }
    state.heard = Math.max(state.heard, time);
    return state;
  }

  /** Takes a boot line over. Answers which boot it ended (its piñata was restarted), and whether it told anything new. */
  begin(event: Extract<TraceEvent, { event: "boot" }>, lane: string): { ended: string | undefined; news: boolean } {
    const { boot, board, image, doors, time } = event;
    const known = this.#boots.get(boot)?.info;
    const before = this.#lanes.get(lane);
    const old = before === undefined || before === boot ? undefined : this.#boots.get(before);
    // A boot that is known and older than what the input carries is a trace that is sent again from its start.
    if (known && old?.info && old.info.started > known.started) return { ended: undefined, news: false };
    const state = this.of(boot, time);
    if (!known) state.info = { boot, board, image, doors, started: time, running: true };
    this.#lanes.delete(lane);
    this.#lanes.set(lane, boot);
    if (this.#lanes.size > MAX_LANES) this.#lanes.delete(this.#lanes.keys().next().value!);
    if (old?.info) old.info = { ...old.info, running: false };
    return { ended: old?.boot, news: !known || old !== undefined };
  }

  /** The piñata that was started last, of those that run when any does. */
  get latest(): Boot | null {
    let best: Boot | null = null;
    for (const { info } of this.#boots.values()) {
      if (!info) continue;
      const better = best === null || (info.running === best.running ? info.started >= best.started : info.running);
      if (better) best = info;
    }
    return best;
  }

  /** Most recently heard first. */
  get all(): BootState[] {
    return [...this.#boots.values()].sort((a, b) => b.heard - a.heard);
  }

  /** Which boot each input carries now. */
  get carried(): { lane: string; state: BootState }[] {
    return [...this.#lanes].flatMap(([lane, boot]) => {
      const state = this.#boots.get(boot);
      return state ? [{ lane, state }] : [];
    });
  }

  save(): Pick<Progress, "boots" | "lanes"> {
    const boots = [...this.#boots.values()].map(({ boot, info, heard, seen, reached }): SavedBoot => {
      return { boot, info, heard, seen: seen.ranges.map(([first, last]) => [first, last]), reached };
    });
    return { boots, lanes: Object.fromEntries(this.#lanes) };
  }

  /** Forgets the one that was not heard of for longest, of those that stopped when any did. */
  #forget(): void {
    if (this.#boots.size <= MAX_BOOTS) return;
    const newest = [...this.#boots.keys()].at(-1);
    const others = [...this.#boots.values()].filter(({ boot }) => boot !== newest);
    const stopped = others.filter(({ info }) => !info?.running);
    const [oldest] = (stopped.length > 0 ? stopped : others).sort((a, b) => a.heard - b.heard);
    this.#boots.delete(oldest!.boot);
    for (const [lane, boot] of this.#lanes) if (boot === oldest!.boot) this.#lanes.delete(lane);
  }
}
