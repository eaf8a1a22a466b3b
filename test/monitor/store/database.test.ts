/** The store's file: what is refused, that it is left alone then, and what survives. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ChainStore } from "../../../monitor/store/chain-store.ts";
import { openDatabase } from "../../../monitor/store/database.ts";
import { SCHEMA_VERSION } from "../../../monitor/store/tables.ts";
import { PINATA } from "../support/bounty.ts";
import { temporaryFolder } from "../support/rig.ts";

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder.path, "deep", "store.sqlite");
});
afterEach(() => folder.remove());

async function refusal(): Promise<string> {
  return openDatabase(path).then(
    async (db) => {
      await db.destroy();
      return "opened";
    },
    (error: Error) => error.message,
  );
}

async function make(): Promise<void> {
  const db = await openDatabase(path);
  await new ChainStore(db).load("us", PINATA.rules);
  await db.destroy();
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
  const db = await openDatabase(path);
  expect(await refusal()).toBe(`${path}: is in use by another monitor`);
  await db.destroy();
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

test("a store of another piñata is refused", async () => {
  await make();
  const db = await openDatabase(path);
  await expect(new ChainStore(db).load("them", PINATA.rules)).rejects.toThrow("belongs to another piñata (us)");
  await db.destroy();
});

test("a step is written whole or not at all", async () => {
  const db = await openDatabase(path);
  const store = new ChainStore(db);
  await store.load("us", PINATA.rules);
  const transition = { at: 1, kind: "funded" as const, txid: "ab".repeat(32), block: null };
  const transitions = [{ outpoint: "a", transition }];
  const bad = { at: 1, kind: undefined as unknown as "funded", txid: "ab".repeat(32), block: null };
  await expect(
    store.write({
      chain: { headers: [], best: "1" },
      transitions: [...transitions, { outpoint: "b", transition: bad }],
    }),
  ).rejects.toThrow();
  expect(await store.history("a")).toEqual([]);
  expect((await store.load("us", PINATA.rules)).best).toBeNull();
  await store.write({ chain: { headers: [], best: "1" }, transitions });
  expect(await store.history("a")).toEqual([transition]);
  await db.destroy();
});
