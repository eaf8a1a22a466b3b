/** The `store` setting: a file or a database's URL, whose password is in no message. */
import { expect, test } from "vitest";
import { checkConfig } from "../../../monitor/config.ts";
import { isPostgres, showDatabaseUrl } from "../../../monitor/store/location.ts";
import { openStore } from "../../../monitor/store/open.ts";
import { STORE_OPTIONS } from "../support/store.ts";

const settings = (store: string, more = {}) => ({
  public: "public.json",
  sources: ["esplora:http://127.0.0.1:1"],
  store,
  ...more,
});

test.each([
  ["monitor.sqlite", false],
  ["/var/lib/postgres/monitor.sqlite", false],
  ["postgres://me:secret@host:5432/db", true],
  ["POSTGRESQL://me@localhost/db?host=/run/postgresql", true],
])("%s is taken", (store, database) => {
  expect(checkConfig(settings(store)).store).toBe(store);
  expect(isPostgres(store)).toBe(database);
});

test.each(["postgres://me:secret@host:5432", "postgres://me:secret@", "postgres:db?password=secret"])(
  "%s is refused with the form that is expected, and without the password",
  (store) => {
    expect(() => checkConfig(settings(store))).toThrow(/^store: postgres:\/\/user@host:port\/database, or .*; found /);
    expect(() => checkConfig(settings(store))).not.toThrow("secret");
    expect(() => openStore(store, STORE_OPTIONS)).toThrow("the store's URL is not postgres://user@host:port/database");
    expect(() => openStore(store, STORE_OPTIONS)).not.toThrow("secret");
  },
);

test("is shown without password and options", () => {
  expect(showDatabaseUrl("postgres://me:secret@host:5432/db?sslmode=require&password=secret")).toBe(
    "postgres://me@host:5432/db",
  );
  expect(showDatabaseUrl("postgres://me@localhost/db?host=/run/postgresql")).toBe("postgres://me@/run/postgresql/db");
});

test("attempts are bounded by settings that make sense", () => {
  const made = checkConfig(settings("x", { attemptDays: "7", attemptRows: 500 }));
  expect([made.attemptDays, made.attemptRows]).toEqual([7, 500]);
  expect(checkConfig(settings("x"))).toMatchObject({ attemptDays: 90, attemptRows: 100_000 });
  expect(() => checkConfig(settings("x", { attemptDays: 0 }))).toThrow(/^attemptDays: /);
  expect(() => checkConfig(settings("x", { attemptRows: 1 }))).toThrow(/^attemptRows: /);
});
