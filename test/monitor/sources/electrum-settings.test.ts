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
  const flags = ["--source", "electrum:tcp://10.0.0.7:50001", "--source", `electrum:${PINNED}`];
  expect(readConfig([...BASE, ...flags], {}).sources).toEqual(["electrum:tcp://10.0.0.7:50001", `electrum:${PINNED}`]);
});

test.each([
  ["ssl://node:50002", /^sources\.0: electrum:tcp:\/\/host:port.*; found "electrum:ssl:\/\/node:50002"$/],
  ["node:50002", /^sources\.0: /],
  ["tls://node", /^sources\.0: /],
  ["tls://node:1#sha256:abcd", /^sources\.0: .*64 hex digits; found/],
  [`tcp://node:1#sha256:${"ab".repeat(32)}`, /^sources\.0: /],
])("%s is a mistake with the key's name", (address, message) => {
  expect(() => readConfig([...BASE, "--source", `electrum:${address}`], {})).toThrow(message);
});

test("none at all, and more than can be wanted", () => {
  expect(() => checkConfig({ public: "p", store: "s", sources: [] })).toThrow(/at least one source.*--source/);
  const many = Array.from({ length: 33 }, (_, i) => `electrum:tcp://n${i}:1`);
  expect(() => checkConfig({ public: "p", store: "s", sources: many })).toThrow(/^sources: /);
});

test("the same server twice, even with another pin, is one source", async () => {
  const file = join(folder.path, "public.json");
  writeFileSync(file, JSON.stringify(PUBLIC));
  const settings = { public: file, store: join(folder.path, "s.sqlite"), port: 0 };
  const twice = runMonitor({ ...settings, sources: ["electrum:tls://electrum.example:50002", `electrum:${PINNED}`] });
  await expect(twice).rejects.toThrow("electrum: electrum electrum.example:50002 is given twice");
});
