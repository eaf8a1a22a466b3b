/** The outbox's tables: a step and its alerts are one, an older store is taken along, old rows go, ids and incidents stay. */
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alertId, baseOf, type Draft } from "../../../monitor/alerts/kinds.ts";
import { AlertStore } from "../../../monitor/store/alert-store.ts";
import { ChainStore, type Step } from "../../../monitor/store/chain-store.ts";
import { type Db, openDatabase } from "../../../monitor/store/database.ts";
import { MIGRATIONS } from "../../../monitor/store/tables.ts";
import { PINATA } from "../support/bounty.ts";
import { temporaryFolder } from "../support/rig.ts";
import { CONTEXT, testDraft } from "./support.ts";

let folder: ReturnType<typeof temporaryFolder>;
let db: Db;
let store: AlertStore;
beforeEach(async () => {
  folder = temporaryFolder();
  db = await openDatabase(join(folder.path, "store.sqlite"));
  store = new AlertStore(db, ["one", "two"], CONTEXT);
});
afterEach(async () => {
  await db.destroy();
  folder.remove();
});

const OUTPOINT = `${"ab".repeat(32)}:0`;
const transition = { at: 1, kind: "funded" as const, txid: "ab".repeat(32), block: null };
const step: Step = { transitions: [{ outpoint: OUTPOINT, transition }] };

async function counts(): Promise<Record<string, number>> {
  const entries = (["events", "alerts", "outbox", "incidents", "alert_keys"] as const).map(async (table) => {
    return [table, (await db.selectFrom(table).selectAll().execute()).length] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
const NOTHING = { events: 0, alerts: 0, outbox: 0, incidents: 0, alert_keys: 0 };

describe("one transaction", () => {
  test("a step and its alerts, for each channel", async () => {
    await store.write(step, [testDraft({ topic: "blind" }), testDraft()]);
    expect(await counts()).toEqual({ events: 1, alerts: 2, outbox: 4, incidents: 1, alert_keys: 2 });
    expect(await new ChainStore(db).history(OUTPOINT)).toEqual([transition]);
  });

  test("an alert that cannot be written takes the step back", async () => {
    const bad = testDraft({ at: undefined as unknown as number });
    await expect(store.write(step, [testDraft({ topic: "blind" }), bad])).rejects.toThrow();
    expect(await counts()).toEqual(NOTHING);
  });

  test("a step that cannot be written takes its alerts back", async () => {
    const bad = { at: 1, kind: undefined as unknown as "funded", txid: "ab".repeat(32), block: null };
    const both = [...step.transitions!, { outpoint: OUTPOINT, transition: bad }];
    await expect(store.write({ transitions: both }, [testDraft()])).rejects.toThrow();
    expect(await counts()).toEqual(NOTHING);
    // And what is written afterwards has the id that the lost one would have had.
    await store.write(step, [testDraft()]);
    expect((await store.next("one"))!.body.id).toBe(alertId(baseOf(testDraft()), 1));
  });
});

describe("ids", () => {
  const coin = { outpoint: OUTPOINT, value: 5 };
  const block = { height: 7, hash: "cd".repeat(32) };
  const confirmed = testDraft({ kind: "confirmed", coin, txid: "ef".repeat(32), block });

  test.each([
    ["another kind", { kind: "reorged" }],
    ["another phase", { phase: "recovered" }],
    ["another coin", { coin: { ...coin, outpoint: `${"ab".repeat(32)}:1` } }],
    ["another transaction", { txid: "00".repeat(32) }],
    ["another block", { block: { ...block, hash: "00".repeat(32) } }],
    ["no block", { block: null }],
  ] satisfies [string, Partial<Draft>][])("differ for %s", (_what, more) => {
    expect(baseOf({ ...confirmed, ...more })).not.toBe(baseOf(confirmed));
  });

  test("do not depend on time, words, sources or what was told before", () => {
    const later = { ...confirmed, at: 9, subject: "x", facts: [], sources: ["z"], incident: "12" };
    expect(baseOf(later)).toBe(baseOf(confirmed));
  });

  test("of what no chain tells again depend on when it was, so that they are not those of a store that was lost", () => {
    const blind = testDraft({ kind: "blind", topic: "blind" });
    expect(baseOf({ ...blind, at: blind.at + 1 })).not.toBe(baseOf(blind));
    expect(baseOf({ ...blind, topic: "other" })).not.toBe(baseOf(blind));
    expect(baseOf({ ...blind, subject: "x", facts: [] })).toBe(baseOf(blind));
  });

  test("count how often a thing happened, for as long as the store lives", async () => {
    const few = new AlertStore(db, ["one"], CONTEXT, 1);
    for (let i = 0; i < 4; i++) {
      await few.add([confirmed]);
      const head = (await few.next("one"))!;
      expect(head.body.id).toBe(alertId(baseOf(confirmed), i + 1));
      await few.sent("one", head.sequence);
    }
  });
});

test("old alerts go when every channel has taken them; what waits stays, however old", async () => {
  const few = new AlertStore(db, ["one", "two"], CONTEXT, 3);
  for (let i = 0; i < 10; i++) {
    await few.add([testDraft()]);
    await few.sent("one", i + 1);
    if (i !== 2) await few.sent("two", i + 1);
  }
  const kept = await db.selectFrom("alerts").select("sequence").orderBy("sequence").execute();
  expect(kept.map(({ sequence }) => sequence)).toEqual([3, 8, 9, 10]);
  expect((await few.next("two"))!.sequence).toBe(3);
  expect(await few.next("one")).toBeUndefined();
  await few.sent("two", 3);
  await few.add([testDraft()]);
  expect((await few.next("two"))!.sequence).toBe(11);
});

test("a channel that is what is broken is left out; one that is not configured any more is forgotten", async () => {
  await store.add([testDraft({ except: "two" })]);
  expect(await store.next("one")).toBeDefined();
  expect(await store.next("two")).toBeUndefined();
  await store.add([testDraft(), testDraft()]);
  const other = new AlertStore(db, ["one"], CONTEXT);
  expect(await other.forgetOtherChannels()).toBe(2);
  expect(await store.next("two")).toBeUndefined();
  expect((await store.next("one"))!.sequence).toBe(1);
});

test("an incident is kept with what its reminders say, found by its alerts' ids, and ended", async () => {
  const [opened] = await store.add([testDraft({ topic: "blind", kind: "blind" })]);
  const reminder = testDraft({
    topic: "blind",
    kind: "blind",
    phase: "reminder",
    incident: opened!.id,
    number: 1,
    at: 9,
  });
  await store.sent("one", 1);
  await store.sent("two", 1);
  await store.add([reminder]);
  expect(await store.incidents()).toEqual([{ ...opened, reminded: 9, reminders: 1 }]);
  const reminderId = (await store.next("one"))!.body.id;
  expect(await store.incidentOf(reminderId)).toBe(opened!.id);
  expect(await store.incidentOf(opened!.id)).toBe(opened!.id);
  expect(await store.incidentOf("0".repeat(32))).toBeUndefined();
  await store.acknowledge("blind", 12);
  expect((await store.incidents())[0]!.acknowledged).toBe(12);
  await store.add([testDraft({ kind: "blind", phase: "recovered", topic: "blind", incident: opened!.id })]);
  expect(await store.incidents()).toEqual([]);
});

test("a store of the version before alerts is taken along with all that is in it", async () => {
  const path = join(folder.path, "old.sqlite");
  const raw = new Database(path);
  raw.exec(`${MIGRATIONS[0]!.join("; ")}; insert into meta values ('identity', 'us'); pragma user_version = 1`);
  raw.exec(
    "insert into events (at, subject, kind, detail) values (1, 'a', 'funded', '{\"txid\":\"\",\"block\":null}')",
  );
  raw.close();
  for (let i = 0; i < 2; i++) {
    const old = await openDatabase(path);
    await new ChainStore(old).load("us", PINATA.rules);
    expect((await old.selectFrom("events").selectAll().execute()).length).toBe(1);
    await new AlertStore(old, ["one"], CONTEXT).add([testDraft()]);
    expect((await old.selectFrom("outbox").selectAll().execute()).length).toBe(i + 1);
    await old.destroy();
  }
});
