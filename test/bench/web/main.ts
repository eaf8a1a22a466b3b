/**
 * `npm run bench:web`: the page and its live stream beside a plain node:http server in the same run; `-- --quick` for a short
 * round. Prints ratios; a missed target makes it exit 1.
 */
import { compare, FULL, QUICK } from "./compare.ts";

const args = process.argv.slice(2);
if (args.some((arg) => arg !== "--quick")) {
  process.stderr.write("usage: npm run bench:web [-- --quick]\n");
  process.exit(2);
}
const effort = args.includes("--quick") ? QUICK : FULL;
const whole = (value: number) => Math.round(value).toString();
let missed = 0;
const target = (what: string, met: boolean) => {
  if (!met) missed += 1;
  process.stdout.write(`  target: ${what}: ${met ? "met" : "MISSED"}\n`);
};

process.stdout.write(`Node ${process.version}, ${process.arch}; one server process each, taking turns\n`);

const { stream, page } = await compare(effort);
process.stdout.write(`\nthe front page, ${page.bytes} bytes packed\n`);
for (const [name, figures] of [
  ["ours", page.ours],
  ["plain node:http", page.plain],
] as const) {
  const { perCoreSecond, requestsPerSecond, median, p99 } = figures;
  process.stdout.write(
    `  ${name.padEnd(16)} ${whole(perCoreSecond).padStart(6)} requests for each second of a core, ${whole(requestsPerSecond).padStart(6)}/s; half within ${median.toFixed(1)} ms, 99 % within ${p99.toFixed(1)} ms\n`,
  );
}
const { perCoreSecond, requestsPerSecond } = page.ratio;
process.stdout.write(
  `  ratio            ${perCoreSecond.toFixed(2)} for a core (${requestsPerSecond.toFixed(2)} by the clock)\n`,
);
target("at least 0.7 x plain node:http", perCoreSecond >= 0.7);

process.stdout.write(`\n${stream.viewers} viewers of the live stream, one event of ${stream.bytes} bytes to each\n`);
for (const [name, delay, memory] of [
  ["ours", stream.ours, stream.memory.ours],
  ["plain node:http", stream.plain, stream.memory.plain],
] as const) {
  process.stdout.write(
    `  ${name.padEnd(16)} first ${whole(delay.first)} ms, middle ${whole(delay.median)} ms, last ${whole(delay.last)} ms (worst ${whole(delay.worst)} ms); ${(memory / 1024).toFixed(1)} KiB for each\n`,
  );
}
process.stdout.write(
  `  ratio            last told ${(stream.plain.last / stream.ours.last).toFixed(2)} x as fast, memory ${(stream.memory.ours / stream.memory.plain).toFixed(2)} x\n`,
);
target(`the last of ${effort.viewers} told within 2 s`, stream.ours.worst <= 2_000);
process.stdout.write(missed === 0 ? "\nevery target met\n" : `\n${missed} targets missed\n`);
process.exit(missed === 0 ? 0 : 1);
