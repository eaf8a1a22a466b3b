/** `npm start` installs dependencies only: what runs may import nothing that is there for development. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../infra/image/compile-guest.ts";

const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  dependencies: Record<string, string>;
};

/** Packages that a source file imports, types left out. */
function packagesOf(text: string): string[] {
  const imports = text.matchAll(/^(?:import|export)\s+(?!type\b)[^;"]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
  return [...imports]
    .map(([, from, bare]) => (from ?? bare)!)
    .filter((name) => !/^[./]|^node:/.test(name))
    .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
}

test.each(["infra", "monitor", "web", "unikernel/boards"])("%s imports dependencies only", (folder) => {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => /\.tsx?$/.test(file));
  expect(sources.length).toBeGreaterThan(0);
  for (const file of sources) {
    for (const name of packagesOf(readFileSync(join(ROOT, folder, file), "utf8"))) {
      expect(Object.keys(dependencies), `${folder}/${file}`).toContain(name);
    }
  }
});

test("imports of packages are found, types and own files are not", () => {
  const text =
    'import { a } from "@noble/curves/x.js";\nimport type { B } from "b";\nimport "hono";\nimport c from "./c.ts";\n';
  expect(packagesOf(text)).toEqual(["@noble/curves", "hono"]);
});
