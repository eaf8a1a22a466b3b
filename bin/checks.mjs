/** The checks that are not tests: each a command of its own; `npm run check` and `npm test` run them all. */
import { spawn } from "node:child_process";
import { ROOT } from "./setup.mjs";

const CHECKS = [
  { name: "format and lint (biome)", command: ["biome", "ci", "--error-on-warnings", "--colors=off", "."] },
  { name: "types (tsc)", command: ["tsc", "--noEmit"] },
  { name: "arrows between folders (dependency-cruiser)", command: ["node", "bin/arrows.mjs"] },
  { name: "unused files, exports and dependencies (knip)", command: ["knip"] },
];

/** Runs every check; prints one line each, and the output of those that fail. */
export async function runChecks() {
  const results = [];
  for (const { name, command } of CHECKS) {
    const { code, output } = await run(command);
    const passed = code === 0;
    process.stdout.write(`${passed ? "✓" : "✗"} ${name}\n${passed ? "" : `${output}\n`}`);
    results.push({ name, passed });
  }
  return results;
}

function run([program, ...args]) {
  return new Promise((done) => {
    const path = `${ROOT}/node_modules/.bin:${process.env.PATH}`;
    const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, PATH: path } });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => done({ code: 1, output: error.message }));
    child.on("close", (code) => done({ code, output }));
  });
}
