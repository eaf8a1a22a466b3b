/**
 * Measures our code beside a peer in the same run: the two take turns, so that a machine whose speed drifts or is
 * shared shifts both; the ratio is the figure to quote.
 */
export interface Comparison {
  what: string;
  /** Microseconds for one operation, median over rounds. */
  ours: number;
  peer: { name: string; micros: number };
  /** How many times as fast as the peer we are: the median of the rounds' ratios. */
  ratio: number;
  target?: number;
}

const ROUNDS = 11;
const ROUND_MILLIS = 60;

/** Times `ours` and `peer` (each one operation a call) in alternating rounds after a warm-up. */
export function compare(
  what: string,
  ours: () => void,
  peer: { name: string; run: () => void },
  target?: number,
): Comparison {
  const calls = { ours: callsFor(ours), peer: callsFor(peer.run) };
  const rounds = Array.from({ length: ROUNDS }, () => ({
    ours: microsPerCall(ours, calls.ours),
    peer: microsPerCall(peer.run, calls.peer),
  }));
  return {
    what,
    ours: median(rounds.map((round) => round.ours)),
    peer: { name: peer.name, micros: median(rounds.map((round) => round.peer)) },
    ratio: median(rounds.map((round) => round.peer / round.ours)),
    ...(target === undefined ? {} : { target }),
  };
}

/** One line for a comparison: what, both times, the ratio, and the target where there is one. */
export function line(row: Comparison): string {
  const target =
    row.target === undefined ? "" : `  target ${row.target} × ${row.ratio >= row.target ? "met" : "MISSED"}`;
  return `${row.what.padEnd(38)} ${row.ours.toFixed(2).padStart(10)} µs   ${row.peer.name.padEnd(22)} ${row.peer.micros
    .toFixed(2)
    .padStart(10)} µs   ${row.ratio.toFixed(2).padStart(6)} ×${target}`;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function callsFor(run: () => void): number {
  let calls = 1;
  for (;;) {
    const micros = microsPerCall(run, calls) * calls;
    if (micros > ROUND_MILLIS * 1000) return calls;
    calls *= 2;
  }
}

function microsPerCall(run: () => void, calls: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) run();
  return Number(process.hrtime.bigint() - start) / 1000 / calls;
}
