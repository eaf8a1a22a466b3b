/** The settings of traces, in the forms that they have, and how mistakes are said. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkConfig, readConfig } from "../../../monitor/config.ts";

const GOOD = { public: "p.json", store: "s.sqlite", sources: ["core:/btc"] };
const FLAGS = ["--public", "p.json", "--store", "s.sqlite", "--source", "core:/btc"];

describe("traces in the settings", () => {
  test("one or several, from a program, the flags and the environment", () => {
    expect(checkConfig({ ...GOOD, trace: "a.jsonl" }).trace).toEqual(["a.jsonl"]);
    expect(checkConfig({ ...GOOD, trace: ["a.jsonl", "tcp://b:1"] }).trace).toEqual(["a.jsonl", "tcp://b:1"]);
    expect(checkConfig(GOOD).trace).toBeUndefined();
    expect(readConfig([...FLAGS, "--trace", "a", "--trace", "tcp-listen://:1"], {}).trace).toEqual([
      "a",
      "tcp-listen://:1",
    ]);
    const environment = { PINATA_MONITOR_TRACE: "a fd:3", PINATA_MONITOR_ATTEMPTS_PER_SECOND: "7" };
    expect(readConfig(FLAGS, environment)).toMatchObject({ trace: ["a", "fd:3"], attemptsPerSecond: 7 });
  });

  test.each([
    [{ trace: "http://x" }, /^trace: a path, - or fd:N.*; found "http:\/\/x"$/],
    [{ trace: ["a", "tcp://x"] }, /^trace\.1: a path, .*tcp:\/\/host:port.*; found "tcp:\/\/x"$/],
    [{ trace: ["a", "b", "a"] }, /^trace\.2: an input that is not given twice; found "a"$/],
    [{ trace: 7 }, /^trace: a path, .*; found 7$/],
    [{ trace: Array.from({ length: 17 }, (_, at) => `f${at}`) }, /^trace: .*; found \[/],
    [{ attemptsPerSecond: 0 }, /^attemptsPerSecond: .*1.*; found 0$/],
    [{ trace: "-", store: "postgres://h/d" }, /^trace: no open pipe .*standby.*; found "-"$/],
  ])("%j", (wrong, message) => {
    expect(() => checkConfig({ ...GOOD, ...wrong })).toThrow(message);
  });
});

test("docs/attempts.md names every form, setting and counter", () => {
  const page = readFileSync(new URL("../../../docs/attempts.md", import.meta.url), "utf8");
  for (const each of [
    "-",
    "fd:N",
    "tcp://host:port",
    "tcp-listen://host:port",
    "attemptsPerSecond",
    "attemptDays",
    "attemptRows",
  ])
    expect(page).toContain(`\`${each}\``);
  for (const path of ["/v1/attempts", "/v1/funnel", "/v1/pinatas"]) expect(page).toContain(path);
});
