/** Time as the monitor sees it, so that tests can be the clock. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `task` once, `delay` milliseconds from now; the answer cancels it. */
  after(delay: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after: (delay, task) => {
    const timer = setTimeout(task, delay);
    return () => clearTimeout(timer);
  },
};
