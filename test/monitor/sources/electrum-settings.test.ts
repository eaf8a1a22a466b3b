/** Electrum servers in the monitor's settings: where they are named, and how each mistake is said. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkConfig, readConfig } from "../../../monitor/config.ts";
import { runMonitor } from "../../../monitor/main.ts";
import { PUBLIC } from "../support/bounty.ts";
import { temporaryFolder } from "../support/rig.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const BASE = ["--public", "p.json", "--store", "s.sqlite"];
const PINNED = `tls://electrum.example:50002#sha256:${"ab".repeat(32)}`;

test("an Electrum server alone is source enough; the flag may be repeated", () => {
  const { electrum, esplora } = readConfig([...BASE, "--electrum", "tcp://10.0.0.7:50001", "--electrum", PINNED], {});
  expect({ electrum, esplora }).toEqual({ electrum: ["tcp://10.0.0.7:50001", PINNED], esplora: [] });
});

test("from the environment, separated by spaces; from the file as a list", () => {
  const environment = { PINATA_MONITOR_ELECTRUM: `tcp://a:1  ${PINNED}` };
  expect(readConfig(BASE, environment).electrum).toEqual(["tcp://a:1", PINNED]);
  const file = join(folder.path, "config.json");
  writeFileSync(file, JSON.stringify({ electrum: [PINNED] }));
  expect(readConfig([...BASE, "--config", file], {}).electrum).toEqual([PINNED]);
  expect(readConfig([...BASE, "--config", file, "--electrum", "tcp://b:2"], {}).electrum).toEqual(["tcp://b:2"]);
});

test.each([
  ["ssl://node:50002", /^electrum\.0: tcp:\/\/host:port.*; found "ssl:\/\/node:50002"$/],
  ["node:50002", /^electrum\.0: /],
  ["tls://node", /^electrum\.0: /],
  ["tls://node:1#sha256:abcd", /^electrum\.0: .*64 hex digits; found/],
  [`tcp://node:1#sha256:${"ab".repeat(32)}`, /^electrum\.0: /],
])("%s is a mistake with the key's name", (address, message) => {
  expect(() => readConfig([...BASE, "--electrum", address], {})).toThrow(message);
});

test("none at all, and more than can be wanted", () => {
  expect(() => checkConfig({ public: "p", store: "s", electrum: [] })).toThrow(/at least one source.*--electrum/);
  const many = Array.from({ length: 17 }, (_, i) => `tcp://n${i}:1`);
  expect(() => checkConfig({ public: "p", store: "s", electrum: many })).toThrow(/^electrum: /);
});

test("the same server twice, even with another pin, is one source", async () => {
  const file = join(folder.path, "public.json");
  writeFileSync(file, JSON.stringify(PUBLIC));
  const settings = { public: file, store: join(folder.path, "s.sqlite"), port: 0 };
  const twice = runMonitor({ ...settings, electrum: ["tls://electrum.example:50002", PINNED] });
  await expect(twice).rejects.toThrow("electrum: electrum electrum.example:50002 is given twice");
});
