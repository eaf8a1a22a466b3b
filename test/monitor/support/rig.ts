/** A watch over fake sources with a clock that the test moves and a real store in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChainSource } from "../../../monitor/sources/source.ts";
import type { Store } from "../../../monitor/store/store.ts";
import { Watch } from "../../../monitor/watch.ts";
import { PINATA } from "./bounty.ts";
import { FakeClock } from "./fake-clock.ts";
import { openTestStore } from "./store.ts";

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "monitor-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export class Rig {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly folder = temporaryFolder();
  changes = 0;
  watch!: Watch;
  store!: Store;
  /** Fails writes when set. */
  broken: Error | undefined;
  readonly #sources: ChainSource[];

  constructor(...sources: ChainSource[]) {
    this.#sources = sources;
  }

  async start(): Promise<this> {
    this.store = await openTestStore(join(this.folder.path, "store.sqlite"));
    const saved = await this.store.load();
    this.watch = new Watch({
      pinata: PINATA,
      sources: this.#sources,
      store: {
        commit: async (step) => {
          if (this.broken) throw this.broken;
          return this.store.commit(step);
        },
      },
      saved,
      clock: this.clock,
      random: () => 0.5,
      pollMillis: 1000,
      blindMillis: 30_000,
      log: {
        info: (text) => void this.said.push(text),
        problem: (_about, text) => void this.said.push(text),
        recovered: (_about, text) => void this.said.push(text),
      },
      changed: () => {
        this.changes++;
      },
    });
    this.watch.start();
    await this.clock.advance(0);
    return this;
  }

  /** Lets every source be asked once more. */
  async round(): Promise<void> {
    await this.clock.advance(1000);
  }

  async stop(): Promise<void> {
    await this.watch.stop();
    await this.store.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  get verdict(): string {
    return this.watch.snapshot().verdict;
  }

  get sentence(): string {
    return this.watch.snapshot().sentence;
  }

  /** "state confirmations" of each coin. */
  get coins(): string[] {
    return this.watch.snapshot().coins.map(({ position: { state, confirmations } }) => `${state} ${confirmations}`);
  }

  problem(source = 0): string | null {
    return this.watch.snapshot().sources[source]!.problem;
  }
}
