/** All conformance suites: what the files of suites/ export that is a suite, or a list of suites, by file name. */
import { readdirSync } from "node:fs";
import type { Suite } from "./suite.ts";

const FOLDER = new URL("suites/", import.meta.url);

export async function allSuites(): Promise<Suite[]> {
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith(".ts"))
    .sort();
  const found: Suite[] = [];
  for (const file of files) {
    const exported: unknown[] = Object.values((await import(new URL(file, FOLDER).href)) as object).flat();
    const suites = exported.filter(isSuite);
    if (suites.length === 0) throw new Error(`test/conformance/suites/${file} exports no suite`);
    found.push(...suites);
  }
  return found;
}

function isSuite(value: unknown): value is Suite {
  return typeof value === "object" && value !== null && "name" in value && "atLeast" in value && "run" in value;
}
