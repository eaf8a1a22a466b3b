/**
 * `npm test`: set-up, the guest's modules, the checks (format, types, arrows, unused code) and every test. Arguments go to
 * vitest (`npm test -- test/monitor`); with arguments the checks are left out. The last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureDependencies, ROOT, requireNode, withProgress } from "./setup.mjs";

const args = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;

// Said in the end whatever ends us: also when the set-up fails, or our own code does not load.
process.on("exit", (code) => {
  if (code !== 0 && failed === 0) failed++;
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
});
process.on("uncaughtException", (error) => {
  process.stderr.write(`${error?.stack ?? error}\n`);
  process.exit(1);
});

requireNode();
await ensureDependencies({ dev: true });
const { register } = await import("tsx/esm/api");
register();
const { compileImage } = await import("../infra/image/compile-guest.ts");

try {
  await withProgress("compiling the guest", () => compileImage());
  passed++;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  failed++;
}
if (args.length === 0) {
  const { runChecks } = await import("./checks.mjs");
  for (const check of await runChecks()) check.passed ? passed++ : failed++;
}
const report = join(ROOT, "build/test-report.json");
mkdirSync(join(ROOT, "build"), { recursive: true });
rmSync(report, { force: true });
const code = await vitest(["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args]);
try {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  passed += numPassedTests;
  skipped += numPendingTests;
  // A file that does not load fails without having counted a test.
  const broken = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((t) => t.status === "failed"),
  );
  failed += numFailedTests + broken.length;
} catch (error) {
  process.stderr.write(`vitest left no report: ${error.message}\n`);
  failed++;
}
if (code !== 0 && failed === 0) failed++;
process.exit(failed === 0 ? 0 : 1);

function vitest(arguments_) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), ...arguments_], {
      cwd: ROOT,
      stdio: "inherit",
    });
    child.on("error", (error) => process.stderr.write(`vitest does not start: ${error.message}\n`));
    child.on("close", (exit) => done(exit ?? 1));
  });
}
