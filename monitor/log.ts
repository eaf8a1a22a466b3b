/** Short text lines for whoever runs the monitor, on standard error; the same problem is said once until it is over. */
export interface Log {
  info(text: string): void;
  /** Said when `about` had no problem or another one. */
  problem(about: string, text: string): void;
  /** Said when `about` had a problem. */
  recovered(about: string, text: string): void;
}

export function textLog(write: (line: string) => void, now: () => number): Log {
  const problems = new Map<string, string>();
  const say = (text: string): void => write(`${new Date(now()).toISOString()} ${text}\n`);
  return {
    info: say,
    problem: (about, text) => {
      if (problems.get(about) === text) return;
      problems.set(about, text);
      say(text);
    },
    recovered: (about, text) => {
      if (problems.delete(about)) say(text);
    },
  };
}
