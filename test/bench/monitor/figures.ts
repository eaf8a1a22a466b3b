/** What the parts of this benchmark print with: order statistics and aligned lines. */
import { loadavg } from "node:os";

export interface Spread {
  count: number;
  min: number;
  median: number;
  p99: number;
  max: number;
}

/** By nearest rank. Throws for no values: there is nothing to say about none. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("no values to summarise");
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
  return { count: sorted.length, min: sorted[0]!, median: rank(0.5), p99: rank(0.99), max: sorted.at(-1)! };
}

export function show({ min, median, p99, max }: Spread): string {
  const [a, b, c, d] = [min, median, p99, max].map((value) => value.toFixed(1).padStart(7));
  return `min ${a}   median ${b}   p99 ${c}   max ${d} ms`;
}

export const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

export const load = (): string => `load ${loadavg()[0]!.toFixed(1)}`;

/** Prints, and counts what was missed. */
export class Report {
  missed = 0;

  line(text = ""): void {
    process.stdout.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line(`\n${text} (${load()})`);
  }

  target(what: string, met: boolean): void {
    if (!met) this.missed++;
    this.line(`  target: ${what}: ${met ? "met" : "MISSED"}`);
  }
}
