/**
 * Generated conversations as a conformance suite: random orders and mutations of a valid handshake, each held against a model of RFC 8446
 * (test/support/tls-peer/conversation). Short: a few thousand in this process; long: 100,000 in as many processes as there are cores.
 */
import type { Verdict } from "../../support/tls-peer/conversation/model.ts";
import { imageModules, openStage, runBatch } from "../conversations/batch.ts";
import { runParallel } from "../conversations/parallel.ts";
import { gaps, type Tally } from "../conversations/tally.ts";
import type { Outcome, Report, Suite } from "../suite.ts";

const SEED = 1;
const SHORT = 3000;
const LONG = 100_000;

/** What the table calls a conversation that went as the model says, by the model's verdict. */
const OUTCOMES = {
  accept: "passed",
  waiting: "passed",
  refuse: "refused",
  ended: "refused",
  damaged: "refused",
} as const satisfies Record<Verdict["is"], Outcome>;

export const conversations: Suite = {
  name: "Generated TLS 1.3 conversations against a model",
  source: `RFC 8446, a model of our own; seed ${SEED}`,
  atLeast: SHORT,
  async run(report, length) {
    tell(report, length === "short" ? await shortRun() : await runParallel({ seed: SEED, count: LONG }));
  },
};

async function shortRun(): Promise<Tally> {
  return runBatch(await openStage(await imageModules()), { seed: SEED, from: 0, to: SHORT, step: 1 });
}

/** One case for each conversation, and one for each gap in the distribution. */
function tell(report: Report, tally: Tally): void {
  for (const [verdict, outcome] of Object.entries(OUTCOMES)) {
    for (let i = 0; i < (tally.right[verdict] ?? 0); i++) {
      report(`${verdict} ${i + 1}`, outcome, "the RFC leaves it open");
    }
  }
  for (let i = 0; i < tally.failed; i++)
    report(`failure ${i + 1}`, "failed", tally.failures[i] ?? "as others before it");
  for (const gap of gaps(tally)) report("the distribution", "failed", gap);
}
