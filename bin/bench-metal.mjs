/**
 * `npm run bench:metal`: the piñata's machine beside a minimal Linux machine with nginx and OpenSSL, under the same QEMU, in one run;
 * `-- --quick` for one short round. A missed budget makes it exit 1; what it needs and does not find, too.
 */
import { ensureDependencies, requireNode } from "./setup.mjs";

const args = process.argv.slice(2);
if (args.some((arg) => arg !== "--quick")) {
  process.stderr.write("usage: npm run bench:metal [-- --quick]\n");
  process.exit(2);
}
requireNode();
await ensureDependencies({ dev: true });
const { register } = await import("tsx/esm/api");
register();
const { compareMachines, FULL, QUICK } = await import("../test/bench/metal/compare.ts");
const { missed, print, rows } = await import("../test/bench/metal/table.ts");

try {
  const effort = args.includes("--quick") ? QUICK : FULL;
  const { pinata, linux, kernel } = await compareMachines(effort, (line) => process.stderr.write(`  ${line}\n`));
  const table = rows(pinata, linux);
  process.stdout.write(
    `QEMU microvm, emulated; medians of ${effort.rounds} boots; Linux: ${kernel}, nginx, OpenSSL\n\n`,
  );
  process.stdout.write(print(table));
  const failures = missed(table);
  process.stdout.write(failures === 0 ? "\nevery budget met\n" : `\n${failures} budgets missed\n`);
  process.exitCode = failures === 0 ? 0 : 1;
} catch (error) {
  if (error?.name !== "CommandError") throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
