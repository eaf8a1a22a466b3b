/** A trace's reader over a real store in a folder of its own, with a clock whose present is that of the trace lines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../monitor/clock.ts";
import { textLog } from "../../../monitor/log.ts";
import { openStore } from "../../../monitor/store/open.ts";
import type { Store } from "../../../monitor/store/store.ts";
import type { AttemptRecord } from "../../../monitor/trace/attempts.ts";
import { TraceFollower } from "../../../monitor/trace/follow.ts";
import type { TraceInput } from "../../../monitor/trace/input.ts";
import { makeInput } from "../../../monitor/trace/open-input.ts";
import type { SamplerOptions } from "../../../monitor/trace/sampling.ts";
import { PINATA } from "../support/bounty.ts";

export const START = 1_750_000_000_000;
/** Real timers, but the date of the trace lines: rows of long ago would be forgotten. */
export const lineClock: Clock = { now: () => START, after: systemClock.after };

export class Reading {
  readonly folder = mkdtempSync(join(tmpdir(), "trace-"));
  /** Each record as it was told. */
  told: AttemptRecord[] = [];
  said: string[] = [];
  store!: Store;
  follower: TraceFollower | undefined;
  /** Stands in for the store's commit when set. */
  commit: Store["commit"] | undefined;
  sampling: SamplerOptions = { perSecond: 1_000_000, random: Math.random };

  async open(): Promise<void> {
    const access = openStore(join(this.folder, "store.sqlite"), {
      identity: "test",
      rules: PINATA.rules,
      channels: [],
      context: { network: "regtest", address: PINATA.address, acknowledgeAt: null },
    });
    const term = await access.lead();
    if (!("store" in term)) throw new Error(`led by ${term.leader}`);
    this.store = term.store;
  }

  /** `inputs`: as in the settings, or made already. */
  async start(...inputs: (string | TraceInput)[]): Promise<TraceFollower> {
    const made = await Promise.all(
      inputs.map((each) => (typeof each === "string" ? makeInput(each, lineClock, () => 0) : each)),
    );
    this.follower = new TraceFollower({
      inputs: made,
      store: {
        load: () => this.store.load(),
        commit: (step) => (this.commit ? this.commit(step) : this.store.commit(step)),
      },
      clock: lineClock,
      log: textLog((line) => void this.said.push(line.trim()), lineClock.now),
      changed: (records) => void this.told.push(...records.map((each) => structuredClone(each))),
      sampling: this.sampling,
      pollMillis: 20,
      retryMillis: 20,
    });
    await this.follower.start();
    return this.follower;
  }

  async restart(...inputs: (string | TraceInput)[]): Promise<TraceFollower> {
    await this.stop();
    await this.open();
    return this.start(...inputs);
  }

  async stop(): Promise<void> {
    await this.follower?.stop();
    this.follower = undefined;
    await this.store.close();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  count(name: string): number {
    return this.follower!.totals().counts[name] ?? 0;
  }

  async counts(): Promise<Record<string, number>> {
    return (await this.store.load()).trace.counts;
  }
}
