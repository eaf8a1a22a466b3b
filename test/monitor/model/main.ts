/**
 * `npm run histories -- --count N [--seed N] [--jobs N]`: more random histories than the tests play (model.test.ts), in
 * several processes. A history that breaks an invariant is printed, shrunk, with the seed that finds it again.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import fc from "fast-check";
import { openDatabase } from "../../../monitor/store/sqlite.ts";
import { type Event, History, histories, wipe } from "./history.ts";

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`expected a whole number from 1 on, found ${text}`);
  return value;
};
const { count, seed, jobs, quiet } = new Command("npm run histories --")
  .description("plays random histories of chain, faults, kills and restarts against the monitor")
  .option("--count <n>", "histories in all", whole, 3000)
  .option("--seed <n>", "of the first job; the others count up", whole, (Date.now() % 1e9) + 1)
  .option("--jobs <n>", "processes", whole, 2)
  .option("--quiet", "no progress")
  .parse()
  .opts<{ count: number; seed: number; jobs: number; quiet?: boolean }>();

async function play(): Promise<boolean> {
  const [db, spare] = [await openDatabase(":memory:"), await openDatabase(":memory:")];
  let played = 0;
  let told = Date.now();
  const property = fc.asyncProperty(histories, async (events: Event[]) => {
    await wipe(db);
    await new History(db, spare).play(events);
    played++;
    if (quiet || Date.now() - told < 10_000) return;
    told = Date.now();
    process.stdout.write(`seed ${seed}: ${played} of ${count} histories\n`);
  });
  const result = await fc.check(property, { numRuns: count, seed });
  await db.destroy();
  await spare.destroy();
  if (result.failed) process.stdout.write(`${fc.defaultReportMessage(result)}\n`);
  return !result.failed;
}

async function inProcesses(): Promise<boolean> {
  const ends = Array.from({ length: jobs }, (_, job) => {
    const share = Math.floor(count / jobs) + (job < count % jobs ? 1 : 0);
    if (share === 0) return Promise.resolve(true);
    const flags = [
      "--count",
      String(share),
      "--seed",
      String(seed + job),
      "--jobs",
      "1",
      ...(quiet ? ["--quiet"] : []),
    ];
    const child = fork(fileURLToPath(import.meta.url), flags, { stdio: "inherit" });
    return new Promise<boolean>((resolve) => child.once("exit", (code) => resolve(code === 0)));
  });
  return (await Promise.all(ends)).every(Boolean);
}

const passed = jobs === 1 ? await play() : await inProcesses();
if (jobs > 1) {
  process.stdout.write(
    `${count} histories from seed ${seed} on\n${passed ? "1 passed, 0 failed" : "0 passed, 1 failed"}\n`,
  );
}
process.exit(passed ? 0 : 1);
