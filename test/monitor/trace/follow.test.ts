/** The trace in the store: exactly once across restarts and failures, bounded in a flood, totals exact. */
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../monitor/clock.ts";
import { type Db, openDatabase } from "../../../monitor/store/database.ts";
import { MAX_ATTEMPTS, TraceStore } from "../../../monitor/store/trace-store.ts";
import type { AttemptRecord } from "../../../monitor/trace/attempts.ts";
import { TraceFollower } from "../../../monitor/trace/follow.ts";
import { temporaryFolder } from "../support/rig.ts";
import { accepted, BOOT, boot, closed, line, refusedAttempt } from "../support/trace-lines.ts";
import { waitFor } from "../support/wait.ts";

let folder: ReturnType<typeof temporaryFolder>;
let trace: string;
let db: Db;
let store: TraceStore;
let follower: TraceFollower | undefined;
let told: AttemptRecord[] = [];
let said: string[] = [];

beforeEach(async () => {
  folder = temporaryFolder();
  trace = join(folder.path, "trace.jsonl");
  told = [];
  said = [];
  await openStore();
});
afterEach(async () => {
  await follower?.stop();
  follower = undefined;
  await db.destroy();
  folder.remove();
});

async function openStore(): Promise<void> {
  db = await openDatabase(join(folder.path, "store.sqlite"));
  store = new TraceStore(db);
}

async function start(write?: TraceStore["write"]): Promise<TraceFollower> {
  follower = new TraceFollower({
    path: trace,
    store: { load: () => store.load(), write: write ?? ((...args) => store.write(...args)) },
    clock: systemClock,
    log: {
      info: () => {},
      problem: (_about, text) => void said.push(text),
      recovered: (_about, text) => void said.push(text),
    },
    changed: (records) => void told.push(...records.map((each) => structuredClone(each))),
  });
  await follower.start();
  return follower;
}

const total = (name: string) => follower!.totals().counts[name] ?? 0;
const write = (lines: string[]) => appendFileSync(trace, `${lines.join("\n")}\n`);

test("an attempt is told as it goes on, and is there with its events", async () => {
  await start();
  write([boot(), accepted(1)]);
  await waitFor("the attempt", () => told.length > 0);
  expect(told.at(-1)!.attempt.outcome).toBe("open");
  write(refusedAttempt(1).slice(1));
  await waitFor("its end", () => told.at(-1)!.attempt.outcome === "refused");
  const [record] = (await store.list(10))!;
  expect(record).toEqual(told.at(-1));
  expect(record!.events.map((each) => each.event)).toEqual([
    "accepted",
    "state",
    "hello",
    "state",
    "negotiated",
    "state",
    "alert",
    "state",
    "closed",
  ]);
  expect(follower!.totals().pinata).toMatchObject({ boot: BOOT, running: true });
  expect(total("total")).toBe(1);
});

test("lines that are none are counted and skipped", async () => {
  writeFileSync(trace, `garbage\n{"v":2}\n${boot()}\n${"x".repeat(20_000)}\n{"v":1,"event":"boot"}\n${accepted(1)}\n`);
  await start();
  await waitFor("the attempt", () => total("total") === 1);
  expect([total("lines:unreadable"), total("lines:too-long")]).toEqual([3, 1]);
});

test("stopped and started again at many places, with a rotation: every attempt once, totals exact", async () => {
  const lines = [boot(), ...Array.from({ length: 60 }, (_, i) => refusedAttempt(i + 1)).flat()];
  for (let at = 0; at < lines.length; at += 37) {
    await start();
    // Half a line at the end, which the next round completes.
    const piece = lines.slice(at, at + 37).join("\n");
    appendFileSync(trace, piece.slice(0, -10));
    await follower!.stop();
    await db.destroy();
    await openStore();
    appendFileSync(trace, `${piece.slice(-10)}\n`);
    if (at === 37 * 5) renameSync(trace, `${trace}.1`);
  }
  await start();
  await waitFor("all attempts", () => total("total") === 60);
  await waitFor("their ends", async () => (await store.list(100))!.every(({ attempt }) => attempt.ended !== null));
  expect((await store.list(100))!.map(({ attempt }) => attempt.id)).toEqual(
    Array.from({ length: 60 }, (_, i) => `${BOOT}-${60 - i}`),
  );
  const counts = await store.counts();
  expect(counts).toMatchObject({ total: 60, "reached:0": 60, "reached:3": 60 });
  expect([counts.orphans, counts["lines:unreadable"], counts["lines:torn"]]).toEqual([undefined, undefined, undefined]);
  expect(counts).toEqual(follower!.totals().counts);
});

test("a store that cannot be written loses nothing and counts nothing twice", async () => {
  let failing = 3;
  await start(async (...args) => {
    if (failing-- > 0) throw new Error("disk full");
    await store.write(...args);
  });
  write([boot(), ...refusedAttempt(1), ...refusedAttempt(2)]);
  await waitFor("both attempts", () => total("total") === 2);
  expect(said.filter((text) => text.includes("disk full")).length).toBe(3);
  expect((await store.list(10))!.length).toBe(2);
  expect((await store.counts()).total).toBe(2);
  expect(told.length).toBe(2);
});

test("a flood of 50,000 lines: rows are bounded, totals exact, others get their turn", async () => {
  const count = 16_666;
  const lines: string[] = [boot()];
  for (let conn = 1; conn <= count; conn++) {
    lines.push(accepted(conn), line({ event: "state", conn, state: 1 }), closed(conn));
  }
  writeFileSync(trace, `${lines.join("\n")}\n`);
  let turns = 0;
  const turn = setInterval(() => turns++, 1);
  await start();
  await waitFor("the whole flood", () => total("total") === count && total("reached:1") === count, 120_000);
  clearInterval(turn);
  expect(turns).toBeGreaterThan(10);
  const rows = await db
    .selectFrom("attempts")
    .select((row) => row.fn.countAll<number>().as("rows"))
    .executeTakeFirstOrThrow();
  expect(rows.rows).toBe(MAX_ATTEMPTS);
  expect((await store.list(1))![0]!.attempt.id).toBe(`${BOOT}-${count}`);
  expect(await store.get(`${BOOT}-1`)).toBeUndefined();
  expect(await store.list(1, `${BOOT}-1`)).toBeUndefined();
  expect((await store.counts()).total).toBe(count);
});

test("counts of ten minutes are forgotten after two days, totals are not", async () => {
  const day = 86_400_000;
  const start0 = 1_750_000_000_000;
  const cursor = { inode: 1, offset: 0, skipping: false, head: "" };
  const batch = (name: string) => ({
    records: [],
    counts: { [name]: 1, total: 1 },
    pinata: null,
    pinataChanged: false,
  });
  const bucket = (time: number) => `bucket:${Math.floor(time / 600_000)}`;
  await store.write(batch(bucket(start0)), cursor, start0);
  await store.write(batch(bucket(start0 + 3 * day)), cursor, start0 + 3 * day);
  expect(await store.counts()).toEqual({ [bucket(start0 + 3 * day)]: 1, total: 2 });
});
