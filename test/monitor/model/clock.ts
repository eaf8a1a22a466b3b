/** A moved clock, as support/fake-clock.ts, that lets little run in between (everything here is a promise), and one view of it for each process, of which a kill leaves nothing. */
import type { Clock } from "../../../monitor/clock.ts";

interface Task {
  at: number;
  run: () => void;
}

export class ModelClock implements Clock {
  #now: number;
  #tasks: Task[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now = (): number => this.#now;

  after(delay: number, run: () => void): () => void {
    const task = { at: this.#now + delay, run };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== task);
    };
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await turn();
      let next: Task | undefined;
      for (const task of this.#tasks) if (task.at <= end && (!next || task.at < next.at)) next = task;
      if (!next) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** Everything that one process asks of the clock; nothing happens to it any more once `alive` is false. */
  of(process: { alive: boolean }): Clock {
    return {
      now: this.now,
      after: (delay, run) => this.after(delay, () => process.alive && run()),
    };
  }
}

/** Promises run out before an immediate; a second one for what an immediate began. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}
