/** The counting itself: what makes a suite fail, so that a table without failures means something. */
import { describe, expect, it } from "vitest";
import { allSuites } from "./all-suites.ts";
import { type Report, type Suite, tally } from "./suite.ts";

const suite = (run: (report: Report) => void, atLeast = 1): Suite => ({
  name: "a suite",
  source: "here",
  atLeast,
  run,
});

describe("a tally", () => {
  it("counts each outcome and each reason for skipping", async () => {
    const result = await tally(
      suite((report) => {
        report("a", "passed");
        report("b", "refused");
        report("c", "skipped", "no such hash");
        report("d", "skipped", "no such hash");
      }, 4),
      "short",
    );
    expect(result).toMatchObject({ cases: 4, passed: 1, refused: 1, failed: [] });
    expect([...result.skipped]).toEqual([["no such hash", 2]]);
  });

  it("fails a case that failed, and one that is skipped without a reason", async () => {
    const { failed } = await tally(
      suite((report) => {
        report("a", "failed", "accepted");
        report("b", "skipped");
      }),
      "short",
    );
    expect(failed).toEqual([
      { name: "a", why: "accepted" },
      { name: "b", why: "skipped without a reason" },
    ]);
  });

  it("fails a suite that throws", async () => {
    const { failed } = await tally(
      suite((report) => {
        report("a", "passed");
        throw new Error("the file is gone");
      }),
      "short",
    );
    expect(failed).toEqual([{ name: "the suite itself", why: expect.stringContaining("the file is gone") }]);
  });

  it("fails a suite with fewer cases than it should have", async () => {
    const { failed } = await tally(
      suite((report) => report("a", "passed"), 2),
      "short",
    );
    expect(failed).toEqual([{ name: "the suite itself", why: "1 cases, at least 2 expected" }]);
  });
});

it("every file of suites/ exports suites, with names of their own", async () => {
  const names = (await allSuites()).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names).size).toBe(names.length);
});
