/** The count of trusted code: its budgets are kept, and docs/tcb.md says what is true. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BUDGETS, countTrusted, sum } from "../../bin/tcb.mjs";
import { ROOT } from "../../infra/image/compile-guest.ts";

const rows = countTrusted();
/** Rows of a table `| name | number | number |`. */
const published = new Map(
  [...readFileSync(join(ROOT, "docs/tcb.md"), "utf8").matchAll(/^\| `([^`]+)` \| (\d+) \| (\d+) \|$/gm)].map(
    (match) => [match[1]!, { lines: Number(match[2]), code: Number(match[3]) }],
  ),
);

describe("trusted code", () => {
  it("is within its budgets", () => {
    expect(sum(rows, "guest").code).toBeLessThanOrEqual(BUDGETS.guest);
    expect(sum(rows, "metal").code).toBeLessThanOrEqual(BUDGETS.metal);
  });

  it("is counted: every part has code", () => {
    expect(rows.filter(({ code }) => code === 0)).toEqual([]);
  });

  it.each(rows)("docs/tcb.md is right about $part, to a twentieth or 20 lines (npm run tcb -- --write)", (row) => {
    const said = published.get(row.part);
    expect(said).toBeDefined();
    expect(Math.abs(said!.code - row.code)).toBeLessThanOrEqual(Math.max(20, row.code / 20));
    expect(Math.abs(said!.lines - row.lines)).toBeLessThanOrEqual(Math.max(20, row.lines / 20));
  });
});
