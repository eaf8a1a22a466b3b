/** The admin token: only who shows it is let in. */
import { expect, test } from "vitest";
import { whyRefused } from "../../../monitor/admin/token.ts";

test("only the very token is let in; without one nobody is", () => {
  expect(whyRefused("Bearer 0123456789abcdef", "0123456789abcdef")).toBeUndefined();
  expect(whyRefused("bearer 0123456789abcdef", "0123456789abcdef")).toBeUndefined();
  for (const wrong of [
    "Bearer 0123456789abcdeF",
    "Bearer 0123456789abcde",
    "Bearer ",
    "0123456789abcdef",
    "Basic x",
    undefined,
  ]) {
    expect(whyRefused(wrong, "0123456789abcdef")?.status).toBe(401);
  }
  expect(whyRefused("Bearer 0123456789abcdef", undefined)?.status).toBe(403);
});
