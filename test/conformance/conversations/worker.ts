/** One of several processes that share a run of generated conversations: takes its batch as an argument, and sends counts to its parent. */
import { type Batch, imageModules, openStage, runBatch } from "./batch.ts";

/** Conversations between two messages to the parent. */
const PORTION = 500;

const batch = JSON.parse(process.argv[2]!) as Batch;
const stage = await openStage(await imageModules());
for (let from = batch.from; from < batch.to; from += PORTION * batch.step) {
  const to = Math.min(batch.to, from + PORTION * batch.step);
  process.send!(runBatch(stage, { ...batch, from, to }));
}
process.disconnect();
