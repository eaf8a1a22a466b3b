/**
 * `npm run bounds`: measures what a stranger can make the piñata hold and do (docs/bounds.md): bytes of a door by state, field multiplications
 * for each step, the longest single call into each compartment. `--write` puts the tables into docs/bounds.md; bounds.test.ts holds the page to
 * what does not depend on the machine. Times are of this machine's V8.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { tables } from "./tables.ts";

const PAGE = join(ROOT, "docs/bounds.md");
const MARKS = ["<!-- measured: npm run bounds -- --write -->", "<!-- end of measured -->"] as const;

const args = process.argv.slice(2);
if (args.some((argument) => argument !== "--write")) {
  process.stderr.write("usage: npm run bounds -- [--write]\n");
  process.exit(2);
}
process.stderr.write("compiling the door and the vault with counters, measuring\n");
const text = await tables();
process.stdout.write(`${text}\n`);
if (args.includes("--write")) {
  const page = readFileSync(PAGE, "utf8");
  const [from, to] = [page.indexOf(MARKS[0]), page.indexOf(MARKS[1])];
  if (from < 0 || to < from) throw new Error(`docs/bounds.md has no ${MARKS.join(" … ")}`);
  writeFileSync(PAGE, `${page.slice(0, from + MARKS[0].length)}\n\n${text}\n${page.slice(to)}`);
  process.stderr.write("written to docs/bounds.md\n");
}
