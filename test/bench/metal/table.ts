/** What was measured, beside its budgets (docs/design.md): medians, ratios, and by how much a budget is met or missed. Pure. */
import { median } from "../measure.ts";

/** One boot and what followed. */
export interface Round {
  bootMillis: number;
  /** Handshakes a second, one after the other, and several at once. */
  sequential: number;
  parallel: number;
  /** Milliseconds of QEMU's processor time for one handshake, several at once. */
  cpuMillis: number;
  /** Share of one core. */
  idle: number;
}

export interface Measured {
  imageBytes: number;
  memoryMiB: number;
  rounds: Round[];
}

export interface Verdict {
  budget: string;
  met: boolean;
  /** How many times as good as the budget asks; below 1 when it is missed. */
  margin: number;
}

export interface Row {
  what: string;
  pinata: string;
  linux: string;
  /** How many times as good as Linux. */
  ratio: number;
  verdicts: Verdict[];
}

const KIB = 1024;
/** A guest that sleeps leaves QEMU's own timers and the reading of /proc. */
const IDLE_SHARE = 0.001;

export function rows(pinata: Measured, linux: Measured): Row[] {
  const of = (measured: Measured, figure: keyof Round) => median(measured.rounds.map((round) => round[figure]));
  const both = (figure: keyof Round) => ({ ours: of(pinata, figure), theirs: of(linux, figure) });
  const boot = both("bootMillis");
  const sequential = both("sequential");
  const parallel = both("parallel");
  const cpu = both("cpuMillis");
  const idle = both("idle");
  return [
    row("image, KiB", pinata.imageBytes / KIB, linux.imageBytes / KIB, 0, "least", [["≤ 400 KiB", 400, "figure"]]),
    row("guest memory, MiB", pinata.memoryMiB, linux.memoryMiB, 0, "least", [["≤ 16 MiB", 16, "figure"]]),
    row("boot to first handshake, ms", boot.ours, boot.theirs, 1, "least", [
      ["≤ 100 ms", 100, "figure"],
      ["≥ 20 × Linux", 20, "ratio"],
    ]),
    row("handshakes/s, one at a time", sequential.ours, sequential.theirs, 1, "most", []),
    row("handshakes/s, 4 at once", parallel.ours, parallel.theirs, 1, "most", [["≥ 1 × Linux", 1, "ratio"]]),
    row("QEMU's CPU a handshake, ms", cpu.ours, cpu.theirs, 2, "least", [["≥ 1 × Linux", 1, "ratio"]]),
    row("idle, % of a core", idle.ours * 100, idle.theirs * 100, 2, "least", [
      [`no CPU (≤ ${IDLE_SHARE * 100} %)`, IDLE_SHARE * 100, "figure"],
    ]),
  ];
}

export function print(table: Row[]): string {
  const lines = [["", "piñata", "Linux", "ratio", "budget"], ...table.map(cells)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map(([what, ...rest]) =>
      [what!.padEnd(widths[0]!), ...rest.map((cell, at) => cell.padStart(widths[at + 1] ?? 0))].join("  ").trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

export function missed(table: Row[]): number {
  return table.flatMap(({ verdicts }) => verdicts).filter(({ met }) => !met).length;
}

function cells({ what, pinata, linux, ratio, verdicts }: Row): string[] {
  const said = verdicts.map(
    ({ budget, met, margin }) => `${budget}: ${met ? "met" : "MISSED"}, ${margin.toFixed(2)} × what it asks`,
  );
  return [what, pinata, linux, Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : "-", said.join("; ")];
}

function row(
  what: string,
  ours: number,
  theirs: number,
  digits: number,
  good: "least" | "most",
  budgets: [text: string, limit: number, of: "figure" | "ratio"][],
): Row {
  const ratio = good === "least" ? theirs / ours : ours / theirs;
  const verdicts = budgets.map(([budget, limit, of]) => {
    const margin = of === "ratio" ? ratio / limit : limit / ours;
    return { budget, met: margin >= 1, margin };
  });
  return { what, pinata: ours.toFixed(digits), linux: theirs.toFixed(digits), ratio, verdicts };
}
