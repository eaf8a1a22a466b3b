/**
 * `npm run bench`: each primitive and the full handshake beside a named peer in the same run. Arguments choose by name:
 * `npm run bench -- p256 handshake`. Prints ratios; a missed target makes it exit 1.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureDependencies, ROOT, requireNode, withProgress } from "./setup.mjs";

requireNode();
await ensureDependencies({ dev: true });
const { register } = await import("tsx/esm/api");
register();
const { compileImage } = await import("../infra/image/compile-guest.ts");
const { line } = await import("../test/bench/measure.ts");

const wanted = process.argv.slice(2);
const files = readdirSync(join(ROOT, "test/bench"))
  .filter((file) => file.endsWith(".bench.ts"))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.startsWith(name)));
if (files.length === 0) {
  process.stderr.write(`no benchmark is called ${wanted.join(", ")}\n`);
  process.exit(2);
}
await withProgress("compiling the guest", () => compileImage());
process.stdout.write(`Node ${process.version}, ${process.arch}; ours, the peer, and how many times as fast we are\n`);
let missed = 0;
for (const file of files) {
  process.stdout.write(`\n${file.replace(".bench.ts", "")}\n`);
  const { rows } = await import(`../test/bench/${file}`);
  for (const row of await rows()) {
    process.stdout.write(`  ${line(row)}\n`);
    if (row.target !== undefined && row.ratio < row.target) missed++;
  }
}
process.stdout.write(missed === 0 ? "\nevery target met\n" : `\n${missed} targets missed\n`);
process.exit(missed === 0 ? 0 : 1);
