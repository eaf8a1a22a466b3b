/** docs/alerts.md is held to the code: its configuration is taken, and it names every kind, channel, key and header. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KINDS } from "../../../monitor/alerts/kinds.ts";
import { alertSettings } from "../../../monitor/alerts/settings.ts";
import { signedHeaders } from "../../../monitor/alerts/sign.ts";
import { checkConfig } from "../../../monitor/config.ts";

const page = readFileSync(new URL("../../../docs/alerts.md", import.meta.url), "utf8");

test("the configuration that it shows is a configuration", () => {
  const shown = /```json\n(\{\n {2}"public"[\s\S]*?)```/.exec(page)![1]!;
  const { alerts } = checkConfig(JSON.parse(shown));
  expect(Object.values(alerts!.channels).map(({ type }) => type)).toEqual(["webhook", "smtp", "ntfy", "telegram"]);
});

test("every kind is in the table with its severity, and whether it is repeated", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  for (const [kind, { severity, reminded }] of Object.entries(KINDS)) {
    const short = kind.replace(/^funding(?=-(confirmed|gone)$)/, "");
    const row = rows.find((line) => line.split("|")[1]!.includes(`\`${short}\``))!;
    const stated = row.split("|")[2]!.trim();
    expect([kind, stated]).toEqual([kind, severity + (reminded === "never" ? "" : ", repeated")]);
  }
});

test("every key of the section, and every header", () => {
  for (const key of Object.keys(alertSettings.shape)) expect(page).toContain(`\`${key}\``);
  for (const header of [...Object.keys(signedHeaders("x", "", 0)), "idempotency-key"]) {
    expect(page.toLowerCase()).toContain(`\`${header}\``);
  }
});
