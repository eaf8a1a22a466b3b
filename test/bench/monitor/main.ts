/**
 * `npm run bench:monitor`: how soon the monitor alerts, how fast it looks through blocks and catches up, what a restart and
 * its memory cost, and how each grows; `-- --quick` for a short form. A missed target makes it exit 1.
 */
import { cpus } from "node:os";
import { benchCatchUp } from "./catch-up.ts";
import { Report } from "./figures.ts";
import { benchLatency } from "./latency.ts";
import { benchMemory } from "./memory.ts";
import { benchScan } from "./scan.ts";

const FULL = {
  latency: { breaches: 100, staged: 20, polled: 50 },
  scan: { outpoints: [1, 1_000, 100_000, 1_000_000], rounds: 15 },
  catchUp: { blocks: [1_000, 10_000], restarts: 5 },
  memory: { coins: [1, 100, 200], attempts: 10_000 },
};
const QUICK: typeof FULL = {
  latency: { breaches: 20, staged: 10, polled: 5 },
  scan: { outpoints: [1_000, 1_000_000], rounds: 9 },
  catchUp: { blocks: [1_000], restarts: 2 },
  memory: { coins: [1, 50], attempts: 1_000 },
};
const PARTS = {
  scan: (effort: typeof FULL, report: Report) => benchScan(effort.scan, report),
  latency: (effort: typeof FULL, report: Report) => benchLatency(effort.latency, report),
  "catch-up": (effort: typeof FULL, report: Report) => benchCatchUp(effort.catchUp, report),
  memory: (effort: typeof FULL, report: Report) => benchMemory(effort.memory, report),
};

const args = process.argv.slice(2);
const wanted = args.filter((arg) => arg !== "--quick");
if (wanted.some((name) => !Object.hasOwn(PARTS, name))) {
  process.stderr.write(`usage: npm run bench:monitor [-- [--quick] [${Object.keys(PARTS).join(" | ")} …]]\n`);
  process.exit(2);
}
const effort = args.includes("--quick") ? QUICK : FULL;
const report = new Report();
const [processor] = cpus();
report.line(`Node ${process.version}, ${process.arch}, ${cpus().length} x ${processor?.model.trim()}`);
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(name)) await part(effort, report);
}
report.line(report.missed === 0 ? "\nevery target met" : `\n${report.missed} targets missed`);
process.exit(report.missed === 0 ? 0 : 1);
