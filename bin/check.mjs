/** `npm run check`: format, lint, types, the arrows between folders, unused files and exports. Prints each and what failed. */
import { ensureDependencies, requireNode } from "./setup.mjs";

requireNode();
await ensureDependencies({ dev: true });
const { runChecks } = await import("./checks.mjs");
const failed = (await runChecks()).filter((check) => !check.passed);
process.exit(failed.length === 0 ? 0 : 1);
