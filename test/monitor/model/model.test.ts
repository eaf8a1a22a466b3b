/**
 * Random histories of the chain, of sources that fail and lie, of disk and channel, of kills and restarts. The sources, the
 * clock and the receiver are the test's; watch, proofs, coins, alerts and store are the real ones. A real process that is
 * killed is in alerts/crash.test.ts. `PINATA_HISTORIES=N PINATA_SEED=N` plays others.
 */
import fc from "fast-check";
import type { Kysely } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../../monitor/store/sqlite.ts";
import type { Tables } from "../../../monitor/store/tables.ts";
import { type Event, History, histories, wipe } from "./history.ts";
import type { Mistake } from "./process.ts";

const RUNS = Number(process.env.PINATA_HISTORIES ?? 150);
const SEED = process.env.PINATA_SEED;

let db: Kysely<Tables>;
let spare: Kysely<Tables>;
beforeAll(async () => {
  db = await openDatabase(":memory:");
  spare = await openDatabase(":memory:");
});
afterAll(async () => {
  await db.destroy();
  await spare.destroy();
});

async function play(events: readonly Event[], mistake?: Mistake): Promise<History> {
  await wipe(db);
  const history = new History(db, spare, mistake);
  await history.play(events);
  return history;
}

test(`${RUNS} random histories: no breach missed, none made up, no alert lost or told as two, nothing forgotten`, async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (events) => void (await play(events))),
    {
      numRuns: RUNS,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    },
  );
}, 3_600_000);

test("the histories do reach what they are about", async () => {
  const { world } = await play([
    { do: "fund" },
    { do: "mine", blocks: 1 },
    { do: "wait", seconds: 10 },
    { do: "channel", fails: true },
    { do: "breach", coin: 0 },
    { do: "kill-at", kind: "after-commit", after: 1 },
    { do: "wait", seconds: 10 },
    { do: "start" },
    { do: "mine", blocks: 7 },
    { do: "wait", seconds: 20 },
  ]);
  const kinds = world.received.map(({ alert }) => alert.kind);
  expect(kinds).toContain("breach");
  expect(kinds).toContain("confirmed");
  expect(kinds).toContain("final");
});

test.each<Mistake>(["alerts-not-written", "sent-unsent"])(
  "a monitor with a mistake is found out: %s",
  async (mistake) => {
    const property = fc.asyncProperty(histories, async (events) => void (await play(events, mistake)));
    const { failed } = await fc.check(property, { numRuns: 100, endOnFailure: true });
    expect(failed).toBe(true);
  },
);
