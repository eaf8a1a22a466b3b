/** docs/known-failures.md names a test for each failure: the file is there and has a test, or a group of tests, of that name. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";

const rows = readFileSync(join(ROOT, "docs/known-failures.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| failure"))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

test("the page lists all eighteen", () => {
  expect(rows).toHaveLength(18);
});

test.each(rows.map((row) => [row[0]!, row[3]!]))("%s", (_failure, where) => {
  const [, file, name] = /^`([^`]+)`: (.+)$/.exec(where) ?? [];
  expect(file, where).toBeDefined();
  expect(existsSync(join(ROOT, file!)), file).toBe(true);
  const text = readFileSync(join(ROOT, file!), "utf8");
  expect(text.includes(`"${name}`), `${file} has no test "${name}"`).toBe(true);
});
