/** Starts jobs in their order, at most `width` at a time, the next when one has ended; gives what each comes to. A rejection is for the caller to see. */
export function sideBySide<T>(width: number, jobs: (() => Promise<T>)[]): Promise<T>[] {
  const slots: Promise<unknown>[] = Array.from({ length: width }, () => Promise.resolve());
  let free = Promise.resolve(0);
  return jobs.map((job) => {
    const started = free.then((slot) => ({ slot, running: job() }));
    free = started.then(({ slot, running }) => {
      slots[slot] = running.catch(() => {});
      return Promise.race(slots.map((ended, i) => ended.then(() => i)));
    });
    const result = started.then(({ running }) => running);
    // Whoever waits for it later is told; until then it is not unhandled.
    result.catch(() => {});
    return result;
  });
}
