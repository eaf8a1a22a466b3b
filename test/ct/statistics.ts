/**
 * Whether two classes of measured times differ: Welch's t-test over all samples and over those below several percentiles, as dudect does (Reparaz,
 * Balasch, Verbauwhede, "Dude, is my code constant time?", 2017): interrupts and neighbours make the right tail, and hide small differences in it.
 */

export interface Samples {
  /** 0 or 1 for each sample. */
  classes: Uint8Array;
  cycles: Float64Array;
}

export interface Verdict {
  /** The t value of largest magnitude; positive when class 1 takes longer. */
  t: number;
  samples: number;
}

export interface Judgement {
  runs: Verdict[];
  differs: boolean;
  /** Where there is no difference: the smallest one, in cycles, that the last run would have found with probability {@link POWER}. */
  detectable: number | undefined;
}

/**
 * A difference is one when |t| is above this. 4.5, which is common, is passed by chance once in 10^5 for one test on independent samples; ours are
 * several tests on samples that a busy machine makes dependent. dudect calls 10 the value from which code is probably not constant time.
 */
export const THRESHOLD = 10;
/** Probability with which {@link Judgement.detectable} is found. */
export const POWER = 0.99;
const Z_OF_POWER = 2.326;
/** What is kept of the samples, from the fastest on. */
const KEPT = [1, 0.99, 0.95, 0.9, 0.75, 0.5];

export function compare({ classes, cycles }: Samples): Verdict {
  const t = tests(classes, cycles).reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  return { t, samples: cycles.length };
}

/**
 * The smallest constant that, added to the times of one class or the other of these very samples, moves a t value by THRESHOLD + 2.33: as t
 * varies by 1 from run to run, a difference of that size passes the threshold with probability {@link POWER}. To within 2 %.
 */
export function detectable({ classes, cycles }: Samples): number {
  const used = Math.min(cycles.length, MOST_FOR_POWER);
  const ofClass = classes.subarray(0, used);
  const measured = cycles.subarray(0, used);
  const before = tests(ofClass, measured);
  // t grows with the square root of the number of samples.
  const needed = (THRESHOLD + Z_OF_POWER) * Math.sqrt(used / cycles.length);
  const step = clockStep(measured);
  const isFound = (delta: number) =>
    [0, 1].every((slower) => {
      const shifted = measured.map((value, i) => (ofClass[i] === slower ? value + rounded(delta, step, i) : value));
      return tests(ofClass, shifted).some((t, i) => Math.abs(t - before[i]!) >= needed);
    });
  let high = 1;
  while (!isFound(high) && high < 1e9) high *= 2;
  let low = high / 2;
  while (isFound(low) && low > 1e-3) low /= 2;
  while (high / low > 1.02) {
    const middle = Math.sqrt(low * high);
    if (isFound(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The processor's counter goes in steps of many cycles at a time: the largest number that divides all times. */
function clockStep(cycles: Float64Array): number {
  let step = 0;
  for (const value of cycles) for (let rest = value; rest > 0; ) [step, rest] = [rest, step % rest];
  return step || 1;
}

/** A difference as such a clock shows it: in some samples one step more than in others, so that it is right on average. */
function rounded(delta: number, step: number, i: number): number {
  const steps = delta / step;
  return (Math.floor(steps) + ((i * GOLDEN) % 1 < steps % 1 ? 1 : 0)) * step;
}

/** The t value for each part that is kept. */
function tests(classes: Uint8Array, cycles: Float64Array): number[] {
  const sorted = Float64Array.from(cycles).sort();
  // The limit is the same for both classes: a class that is slower loses more.
  return KEPT.map((kept) =>
    welch(classes, cycles, sorted[Math.min(sorted.length - 1, Math.ceil(kept * sorted.length))]!),
  );
}

/** Welch's t over the samples up to a limit; 0 for too few samples. */
function welch(classes: Uint8Array, cycles: Float64Array, limit: number): number {
  const count = [0, 0];
  const mean = [0, 0];
  const squares = [0, 0];
  for (let i = 0; i < cycles.length; i++) {
    const value = cycles[i]!;
    if (value > limit) continue;
    const one = classes[i]!;
    // Welford's way: no difference of large numbers.
    count[one]! += 1;
    const delta = value - mean[one]!;
    mean[one]! += delta / count[one]!;
    squares[one]! += delta * (value - mean[one]!);
  }
  if (count[0]! < FEWEST || count[1]! < FEWEST) return 0;
  const error = Math.sqrt(squares[0]! / (count[0]! - 1) / count[0]! + squares[1]! / (count[1]! - 1) / count[1]!);
  // Without any spread, which synthetic samples may have, a difference is one at once.
  return (mean[1]! - mean[0]!) / Math.max(error, Number.EPSILON);
}

/**
 * Three runs, each twice as long as the one before: a difference is there only when it shows in all of them, on the same side. A real one
 * grows with the number of samples; what a neighbour on the machine does, does not come back three times. Stops at the first run without one.
 */
export async function judge(run: (scale: number) => Promise<Samples>): Promise<Judgement> {
  const runs: Verdict[] = [];
  for (const scale of [1, 2, 4]) {
    const samples = await run(scale);
    const verdict = compare(samples);
    runs.push(verdict);
    const shows = Math.abs(verdict.t) > THRESHOLD && Math.sign(verdict.t) === Math.sign(runs[0]!.t);
    if (!shows) return { runs, differs: false, detectable: detectable(samples) };
  }
  return { runs, differs: true, detectable: undefined };
}

/** Of a class, for a test. */
const FEWEST = 30;
/** Its multiples are spread evenly modulo 1, and follow no period of the samples. */
const GOLDEN = 0.6180339887498949;
const MOST_FOR_POWER = 100_000;
