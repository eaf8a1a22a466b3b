/**
 * Time as the web page's long-lived parts see it, so that tests can move it by hand.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs once after `millis`; the answer cancels it. */
  after(millis: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(millis, run) {
    const timer = setTimeout(run, millis);
    return () => clearTimeout(timer);
  },
};
