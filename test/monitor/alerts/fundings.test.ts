/** The number of fundings that are told one by one: by the hour, of those that were written, and of fundings only. */
import { expect, test } from "vitest";
import { FUNDINGS_AN_HOUR, Fundings } from "../../../monitor/alerts/fundings.ts";
import type { AlertKind } from "../../../monitor/alerts/kinds.ts";
import { testDraft } from "./support.ts";

const HOUR = 3_600_000;
const drafts = (kind: AlertKind, count: number) => Array.from({ length: count }, () => testDraft({ kind }));

test("beyond the hour's number they are left out, which is a condition until an hour after the last one", () => {
  let now = 1000;
  const fundings = new Fundings(() => now);
  const take = (kind: AlertKind, count: number): number => {
    const taken = fundings.limit(drafts(kind, count));
    fundings.count(taken);
    return taken.length;
  };
  expect(take("funding-seen", FUNDINGS_AN_HOUR)).toBe(FUNDINGS_AN_HOUR);
  expect(fundings.look().state).toBe("off");
  now += HOUR - 1;
  expect(take("funding-confirmed", 3)).toBe(0);
  expect(fundings.look()).toMatchObject({ state: "on", kind: "funding-many" });
  now += 1;
  expect(take("funding-gone", 3)).toBe(3);
  now += HOUR - 2;
  expect(fundings.look().state).toBe("on");
  now += 1;
  expect(fundings.look().state).toBe("off");
});

test("everything else is told, however much", () => {
  const fundings = new Fundings(() => 0);
  for (const kind of ["breach", "replaced", "refund", "blind", "funding-many"] as const) {
    expect(fundings.limit(drafts(kind, 100)).length).toBe(100);
    fundings.count(drafts(kind, 100));
  }
  expect(fundings.limit(drafts("funding-seen", 1)).length).toBe(1);
});

test("a step that could not be written does not count", () => {
  const fundings = new Fundings(() => 0);
  for (let i = 0; i < 10; i++) expect(fundings.limit(drafts("funding-seen", 15)).length).toBe(15);
});
