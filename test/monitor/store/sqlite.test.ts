/** SQLite: what every store does, what files are refused and left alone then, and that older stores are taken along. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SCHEMA_VERSION } from "../../../monitor/store/migrate.ts";
import { openStore } from "../../../monitor/store/open.ts";
import { MIGRATIONS } from "../../../monitor/store/tables.ts";
import { AttemptFold } from "../../../monitor/trace/attempts.ts";
import { NOTHING_READ } from "../../../monitor/trace/progress.ts";
import { parseTraceLine } from "../../../unikernel/trace.ts";
import { testDraft } from "../alerts/support.ts";
import { temporaryFolder } from "../support/rig.ts";
import { openTestStore, STORE_OPTIONS } from "../support/store.ts";
import { accepted, BOOT, boot, randomOf, refusedAttempt, tokenOf } from "../support/trace-lines.ts";
import { conformance } from "./conformance.ts";

describe("a file of SQLite", () => {
  conformance(async () => {
    const { path: place, remove } = temporaryFolder();
    const file = join(place, "store.sqlite");
    return {
      open: (options) => openTestStore(file, options),
      tamper: async (statement) => {
        const raw = new Database(file);
        const rows = raw.prepare(statement).all() as Record<string, unknown>[];
        raw.close();
        return rows;
      },
      remove: async () => remove(),
    };
  });
});

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, "deep", "store.sqlite");
});
afterEach(() => folder.remove());

async function refusal(): Promise<string> {
  return openTestStore(path).then(
    async (store) => {
      await store.close();
      return "opened";
    },
    (error: Error) => error.message,
  );
}

async function make(): Promise<void> {
  const store = await openTestStore(path);
  await store.load();
  await store.close();
}

test("made with its folder, and opened again at once", async () => {
  await make();
  await make();
  expect(await refusal()).toBe("opened");
});

test("an empty file is a new store", async () => {
  await make();
  writeFileSync(path, "");
  expect(await refusal()).toBe("opened");
});

test("one process at a time", async () => {
  const store = await openTestStore(path);
  expect(await refusal()).toBe(`${path}: is in use by another monitor`);
  await store.close();
  expect(await refusal()).toBe("opened");
});

test("a newer version is refused in words, and not touched", async () => {
  await make();
  const raw = new Database(path);
  raw.exec(`pragma user_version = ${SCHEMA_VERSION + 1}`);
  raw.close();
  const before = readFileSync(path);
  expect(await refusal()).toContain(
    `was written by a newer monitor (schema ${SCHEMA_VERSION + 1}, this one knows ${SCHEMA_VERSION})`,
  );
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("another program's database is refused and not touched", async () => {
  await make();
  writeFileSync(path, "");
  const raw = new Database(path);
  raw.exec("create table theirs (x integer)");
  raw.close();
  const before = readFileSync(path);
  expect(await refusal()).toContain("is a database of some other program");
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a file that is no database, is cut short or has a broken page is named and left as it is", async () => {
  await make();
  const good = readFileSync(path);
  const broken = Buffer.from(good);
  broken.fill(0xff, 4096, 8192);
  for (const bad of [
    Buffer.from("{}\n"),
    Buffer.from("x".repeat(5000)),
    good.subarray(0, 50),
    good.subarray(0, 5000),
    broken,
  ]) {
    writeFileSync(path, bad);
    const message = await refusal();
    expect(message).toContain(path);
    expect(message).toMatch(/is damaged or not a monitor's store .* it was not changed/);
    expect(readFileSync(path).equals(bad)).toBe(true);
  }
});

test("whoever opens the file leads, and never loses that", async () => {
  const term = await openStore(path, STORE_OPTIONS).lead();
  if (!("store" in term)) throw new Error("not led");
  expect(term.lost.aborted).toBe(false);
  await term.store.close();
});

test.each([1, 2])("a store of version %d is taken along with all that is in it", async (version) => {
  writeFileSync(join(folder.path, "old.sqlite"), "");
  const old = join(folder.path, "old.sqlite");
  const raw = new Database(old);
  raw.exec(`${MIGRATIONS.slice(0, version).flat().join("; ")}; pragma user_version = ${version}`);
  raw.exec("insert into meta values ('identity', 'regtest')");
  const events = [1, 2, 3].map((at) => `(${at}, 'a', 'funded', '{"txid":"${"ab".repeat(32)}","block":null}')`);
  raw.exec(`insert into events (at, subject, kind, detail) values ${events.join(", ")}`);
  raw.exec("insert into attempts (id, boot, started, open, attempt, events) values ('a-1', 'a', 5, 0, '{}', '[]')");
  raw.exec("insert into counters values ('total', 7)");
  if (version > 1) raw.exec("insert into alerts (sequence, id, at, body) values (41, 'x', 1, '{}')");
  raw.close();
  for (let round = 0; round < 2; round++) {
    const store = await openTestStore(old);
    const saved = await store.load();
    expect([saved.events.id, saved.trace.counts.total]).toEqual([3, 7]);
    expect((await store.history("a")).map(({ at }) => at)).toEqual([1, 2, 3]);
    if (round === 0) await store.commit({ alerts: [testDraft()] });
    expect((await store.waiting("one"))!.sequence).toBe(version > 1 ? 42 : 1);
    await store.close();
  }
  const kept = new Database(old).prepare("select kept, token from attempts").all();
  expect(kept).toEqual([{ kept: 5, token: null }]);
});

test("a store of version 3 is taken along: its attempts have no token, open ones can still get one", async () => {
  const old = join(folder.path, "old.sqlite");
  const raw = new Database(old);
  raw.exec(`${MIGRATIONS.slice(0, 3).flat().join("; ")}; pragma user_version = 3`);
  raw.exec("insert into meta values ('identity', 'regtest')");
  const token = tokenOf(randomOf(1));
  const fold = new AttemptFold([], null);
  for (const each of [boot(), accepted(1)]) fold.apply(parseTraceLine(each)!);
  const [{ attempt, refused, events } = fail()] = fold.take().records;
  raw
    .prepare("insert into attempts (id, boot, started, open, attempt, events) values (?, ?, 5, 1, ?, ?)")
    .run(attempt.id, BOOT, JSON.stringify({ attempt, refused }), JSON.stringify(events));
  raw.close();
  const store = await openTestStore(old);
  const { trace } = await store.load();
  expect(trace.open).toMatchObject([{ attempt: { id: attempt.id }, token: null }]);
  const later = new AttemptFold(trace.open, null);
  for (const each of refusedAttempt(1).slice(1)) later.apply(parseTraceLine(each)!);
  await store.commit({ trace: { batch: later.take(), cursor: NOTHING_READ, at: 5 } });
  expect((await store.attempts(9, { token }))!.map(({ attempt: { id } }) => id)).toEqual([attempt.id]);
  await store.close();
  const plan = new Database(old).prepare("explain query plan select * from attempts where token = ? order by seq desc");
  expect(JSON.stringify(plan.all(token))).toContain("USING INDEX attempts_token");
});

function fail(): never {
  throw new Error("no attempt");
}
