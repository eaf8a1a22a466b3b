/** The refusal table as the conformance suite plays it, and that the suite would notice: another alert, another failure, a row of nobody. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { makePki } from "../support/door-host.ts";
import { ALERT } from "../support/tls-peer/wire.ts";
import { tally } from "./suite.ts";
import { playRow, readRows, refusals } from "./suites/refusals.ts";

describe("the refusal table", () => {
  it("holds row by row", async () => {
    const { failed, refused, cases } = await tally(refusals, "short");
    expect(failed).toEqual([]);
    expect(refused).toBe(cases);
  });

  it("is read whole: as many rows as the page has tables' lines with an alert", () => {
    const page = readFileSync(join(ROOT, "docs/refusals.md"), "utf8");
    const lines = page.split("\n").filter((line) => /^\| .* \| [a-z_]+ \| [A-Z]\w+ \| (RFC|our own)/.test(line));
    expect(readRows(page).length).toBe(lines.length);
    expect(readRows("| a thing | unexpected_message | PlainText | RFC 8446 §5 |")).toEqual([
      { name: "a thing", alert: ALERT.unexpectedMessage, failure: Failure.PlainText },
    ]);
    expect(() => readRows("| a thing | no_such_alert | PlainText | RFC 8446 §5 |")).toThrow("no alert is called");
  });

  it("would not pass with another alert, another failure, or a row that nobody plays", async () => {
    const pki = await makePki("p256");
    const right = { name: "plain text instead of TLS", alert: ALERT.unexpectedMessage, failure: Failure.PlainText };
    expect(await playRow(pki, right)).toBeUndefined();
    expect(await playRow(pki, { ...right, alert: ALERT.decodeError })).toMatch(/50/);
    expect(await playRow(pki, { ...right, failure: Failure.RecordType })).toMatch(/expected/);
    expect(await playRow(pki, { ...right, name: "a row of nobody" })).toBe("nobody plays this row");
    const verdict = { name: "the vault says CertificateExpired", alert: 45, failure: Failure.CertificateExpired };
    expect(await playRow(pki, verdict)).toBeUndefined();
    expect(await playRow(pki, { ...verdict, alert: ALERT.unknownCa })).toMatch(/48/);
  });
});
