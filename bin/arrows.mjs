/**
 * Checks that imports go only the way the design allows (rules in .dependency-cruiser.cjs), and that the checker did read
 * the code: it passes over files silently when it cannot parse them.
 */
import { spawnSync } from "node:child_process";
import { ROOT } from "./setup.mjs";

const FEWEST_MODULES = 40;
const FOLDERS = ["unikernel", "monitor", "web", "infra", "test"];

const { stdout, stderr } = spawnSync(
  "node_modules/.bin/depcruise",
  ["--config", ".dependency-cruiser.cjs", "--output-type", "json", ...FOLDERS],
  { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
);
let report;
try {
  report = JSON.parse(stdout);
} catch {
  process.stderr.write(`dependency-cruiser gave no report:\n${stderr}${stdout.slice(0, 2000)}\n`);
  process.exit(1);
}
const own = report.modules.filter((module) => FOLDERS.some((folder) => module.source.startsWith(`${folder}/`)));
const arrows = own.reduce((sum, module) => sum + module.dependencies.length, 0);
for (const { rule, from, to } of report.summary.violations) process.stderr.write(`${rule.name}: ${from} → ${to}\n`);
process.stdout.write(`${own.length} modules, ${arrows} imports, ${report.summary.error} wrong\n`);
const read = own.length >= FEWEST_MODULES && arrows > own.length;
if (!read) process.stderr.write(`fewer modules or imports than there are: the checker did not read the code\n`);
process.exit(read && report.summary.error === 0 ? 0 : 1);
