/** Shares a run of generated conversations between processes, one for each core, and adds up what they saw. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { imageModules } from "./batch.ts";
import { add, newTally, type Tally } from "./tally.ts";

export interface Run {
  seed: number;
  count: number;
  processes?: number;
}

/** `progress` hears of every few hundred conversations. Throws when a process ends before its batch does. */
export async function runParallel(
  { seed, count, processes = availableParallelism() }: Run,
  progress: (tally: Tally) => void = () => {},
): Promise<Tally> {
  // Built once, here, and not by all of them at the same time.
  await imageModules();
  const tally = newTally();
  const batches = Array.from({ length: processes }, (_, index) => ({ seed, from: index, to: count, step: processes }));
  await Promise.all(
    batches.map(
      (batch) =>
        new Promise<void>((resolve, reject) => {
          const child = fork(fileURLToPath(new URL("./worker.ts", import.meta.url)), [JSON.stringify(batch)], {
            execArgv: ["--import", import.meta.resolve("tsx")],
          });
          child.on("message", (part) => {
            add(tally, part as Tally);
            progress(tally);
          });
          child.on("error", reject);
          child.on("exit", (code, signal) => {
            if (code === 0) resolve();
            else reject(new Error(`a process of conversations ended with ${code ?? signal}`));
          });
        }),
    ),
  );
  if (tally.conversations !== count) throw new Error(`${tally.conversations} conversations of ${count}`);
  return tally;
}
