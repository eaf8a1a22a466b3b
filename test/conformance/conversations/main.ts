/**
 * `npm run conversations`: generated conversations with the doors, 100,000 of a new seed unless told otherwise. `--count N`, `--seed N`, or
 * `--seed N --number N` for one of them in words. Ends with 1 when one did not go as the model says, or the distribution has gaps.
 */
import { randomInt } from "node:crypto";
import { converse, explain, recipe } from "../../support/tls-peer/conversation/generate.ts";
import { imageModules, openStage } from "./batch.ts";
import { runParallel } from "./parallel.ts";
import { gaps, report } from "./tally.ts";

const DEFAULT_COUNT = 100_000;
const SEEDS = 2 ** 32;

const { seed, count, number } = readArguments(process.argv.slice(2));
if (number === undefined) await runAll();
else await runOne(number);

async function runAll(): Promise<void> {
  process.stdout.write(`${count} conversations, seed ${seed}\n`);
  const start = performance.now();
  let told = start;
  const tally = await runParallel({ seed, count }, ({ conversations, failed }) => {
    if (performance.now() - told < 5000) return;
    told = performance.now();
    const perSecond = Math.round(conversations / ((told - start) / 1000));
    process.stdout.write(`${conversations}, ${failed} failures, ${perSecond} a second\n`);
  });
  const missing = gaps(tally);
  process.stdout.write(`\n${report(tally)}\n`);
  for (const text of [...tally.failures, ...missing]) process.stdout.write(`\n${text}\n`);
  process.stdout.write(`\nseed ${seed}, ${Math.round((performance.now() - start) / 1000)} s\n`);
  if (tally.failed > 0 || missing.length > 0) process.exitCode = 1;
}

async function runOne(chosen: number): Promise<void> {
  const made = recipe(seed, chosen);
  const conversed = converse(made, await openStage(await imageModules()));
  process.stdout.write(`${explain(made, conversed)}\n`);
  if (conversed.result.complaints.length > 0) process.exitCode = 1;
}

function readArguments(args: string[]): { seed: number; count: number; number: number | undefined } {
  const found = { seed: randomInt(SEEDS), count: DEFAULT_COUNT, number: undefined as number | undefined };
  for (let i = 0; i < args.length; i += 2) {
    const [option, text] = [args[i], args[i + 1] ?? ""];
    const isNumber = /^\d{1,10}$/.test(text);
    const value = Number(text);
    if (option === "--seed" && isNumber && value < SEEDS) found.seed = value;
    else if (option === "--count" && isNumber && value > 0) found.count = value;
    else if (option === "--number" && isNumber) found.number = value;
    else usage(`${option} ${text}`);
  }
  return found;
}

function usage(wrong: string): never {
  process.stderr.write(`conversations: not understood: ${wrong}\n`);
  process.stderr.write("usage: npm run conversations -- [--seed N] [--count N | --number N]\n");
  process.exit(2);
}
