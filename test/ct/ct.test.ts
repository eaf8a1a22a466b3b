/**
 * The short form of `npm run ct`: every function that handles a secret, and whole handshakes, under memcheck; the divisions; the timing harness. And
 * for each of them that it would find a leak: the same guest with leaks put in. No verdict hangs on how fast the machine is: see statistics.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { hasTool } from "../support/run.ts";
import { type Build, buildCt } from "./build.ts";
import { checkControls, checkDivisions, checkMemcheck } from "./check.ts";
import { CONTROLS } from "./controls.ts";
import { notEntered } from "./entered.ts";
import { DECLASSIFIED, PatchError, patched } from "./patches.ts";
import { LEAKY_MEASUREMENTS, MEASUREMENTS, measure } from "./timing.ts";

const PATIENCE_MILLIS = 600_000;
/** Of the first run of a measurement. */
const MILLISECONDS = 100;

describe.runIf(["valgrind", "gcc", "wasm2c", "objdump"].every(hasTool))("constant time", () => {
  let guest: Build;
  let leaky: Build;
  beforeAll(async () => {
    guest = await buildCt("guest");
    leaky = await buildCt("leaky");
  }, PATIENCE_MILLIS);

  it(
    "no jump and no address depends on a secret, in any function and in whole handshakes",
    async () => {
      const rows = await checkMemcheck(guest, { form: "short", counted: "uncounted" });
      expect(rows.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
      expect(rows.length).toBeGreaterThan(50);
    },
    PATIENCE_MILLIS,
  );

  it("nothing is divided but public numbers", async () => {
    expect((await checkDivisions(guest)).wrong).toEqual([]);
  });

  it(
    "finds every leak that was put in, and names its function",
    async () => {
      const caught = await checkControls(leaky);
      expect(caught.filter(({ report }) => report === undefined)).toEqual([]);
      expect(caught.length).toBe(CONTROLS.length + 2);
    },
    PATIENCE_MILLIS,
  );

  it(
    "a case that leaks fails with what leaks, where",
    async () => {
      const rows = await checkMemcheck(leaky, { form: "short", only: "equals", counted: "uncounted" });
      expect(rows.map(({ name }) => name)).toEqual(["equals", "equals, different"]);
      for (const { wrong } of rows)
        expect(wrong.join("\n")).toMatch(/used \d+ times[\s\S]*Conditional jump.*Bytes#equals/);
      expect((await checkDivisions(leaky)).wrong.join("\n")).toMatch(/compress.*div/);
    },
    PATIENCE_MILLIS,
  );

  it.each(MEASUREMENTS.map((one): [string, typeof one] => [one.name, one]))(
    "takes the same time: %s",
    async (name, one) => {
      const { runs, differs, detectable } = await measure(guest, one, MILLISECONDS);
      const t = runs.map((run) => run.t.toFixed(1)).join(", ");
      process.stdout.write(`${name}: t = ${t}; ${detectable?.toFixed(1)} cycles would have been found\n`);
      expect(differs, `t = ${t}`).toBe(false);
    },
    PATIENCE_MILLIS,
  );

  it.each(LEAKY_MEASUREMENTS.map((one): [string, typeof one] => [one.name, one]))(
    "sees that it does not, with a leak: %s",
    async (_name, one) => {
      const { runs, differs } = await measure(leaky, one, MILLISECONDS);
      expect(differs, `t = ${runs.map((run) => run.t).join(", ")}`).toBe(true);
    },
    PATIENCE_MILLIS,
  );
});

describe("what is left out", () => {
  it("is seen: a function of guest/crypto that no run enters, unless it is listed", () => {
    const all = notEntered(new Set());
    for (const name of ["crypto/x25519.ts swapIf", "crypto/ghash.ts Ghash#digest", "vault/tickets.ts Tickets#redeem"])
      expect(all).toContain(name);
    expect(all.filter((name) => name.includes("p384"))).toEqual([]);
    expect(notEntered(new Set(all))).toEqual([]);
  });
});

describe("declassifications", () => {
  const page = readFileSync(join(ROOT, "docs/constant-time.md"), "utf8");

  it("are those of docs/constant-time.md", () => {
    const listed = [...page.matchAll(/^\| ([^|]+) \| `([^`]+\.ts)` \|/gm)].map(([, name, file]) => `${name}: ${file}`);
    expect(listed).toEqual(DECLASSIFIED.map(({ name, file }) => `${name}: ${file.replace("unikernel/guest/", "")}`));
  });

  it("are refused where the source is not as they expect it", () => {
    const file = "unikernel/guest/crypto/x25519.ts";
    const text = readFileSync(join(ROOT, file), "utf8");
    expect(patched(file, text, [])).toContain("Bytes.verdict(");
    expect(() => patched(file, text.replace("return any != 0;", "return any > 0;"), [])).toThrow(PatchError);
    expect(() => patched(file, text + text, [])).toThrow(PatchError);
  });
});
