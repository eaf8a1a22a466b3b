/**
 * Set-up before anything else can run, in plain JavaScript because nothing may be installed yet: the Node version, and the
 * dependencies that package.json pins. Installs only when something is missing or has another version.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Ends the program when this Node is too old to run it. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`piñata needs Node 20.19 or newer; this is ${process.versions.node} (${process.execPath})\n`);
  process.exit(1);
}

/** Installs what package.json pins, when it is not there. `dev` includes what tests and checks need. */
export async function ensureDependencies({ dev }) {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const wanted = { ...manifest.dependencies, ...(dev ? manifest.devDependencies : {}) };
  const missing = Object.entries(wanted).filter(([name, version]) => installedVersion(name) !== version);
  if (missing.length === 0) return;
  const args = ["ci", "--no-audit", "--no-fund", ...(dev ? [] : ["--omit=dev"])];
  await withProgress(`installing ${missing.length} dependencies (npm ${args[0]})`, () => run("npm", args));
}

/** Runs `work`, showing what goes on and for how long when it takes more than a second. */
export async function withProgress(what, work) {
  const start = Date.now();
  const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`;
  const live = process.stderr.isTTY;
  let shown = false;
  const timer = setInterval(() => {
    if (live) process.stderr.write(`\r  ${what} … ${seconds()} `);
    else if (!shown) process.stderr.write(`  ${what} …\n`);
    shown = true;
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (shown) process.stderr.write(live ? `\r  ${what}: ${seconds()}   \n` : `  ${what}: ${seconds()}\n`);
  }
}

function installedVersion(name) {
  try {
    return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    // Not there, or cut short by an installation that was ended: both are mended by installing.
    return undefined;
  }
}

/** Runs a command quietly; its output is shown only when it fails. */
function run(command, args) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => (output += `${error.message}\n`));
    child.on("close", (code) => {
      if (code === 0) return done();
      process.stderr.write(output);
      process.stderr.write(`\n"${command} ${args.join(" ")}" failed; mend what it says and try again\n`);
      process.exit(1);
    });
  });
}
