/** `npm run tcb`: counts the trusted lines (docs/trusted-code.md): all, and without blank lines and comments. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

const PARTS = {
  "guest/prim": ["unikernel/guest/prim"],
  "guest/door, guest/vault": ["unikernel/guest/door", "unikernel/guest/vault"],
  "guest/wire": ["unikernel/guest/wire"],
  "guest/crypto": ["unikernel/guest/crypto"],
  "guest/x509": ["unikernel/guest/x509"],
  "guest/tls": ["unikernel/guest/tls"],
  "guest/tcpip": ["unikernel/guest/tcpip"],
  "guest entries and tables": ["unikernel/guest"],
  "boards/node": ["unikernel/boards/node"],
};
const BUDGET = 12_000;

function files(path, deep) {
  return readdirSync(join(ROOT, path)).flatMap((name) => {
    const file = join(path, name);
    if (statSync(join(ROOT, file)).isDirectory()) return deep ? files(file, true) : [];
    return /(?<!\.d)\.ts$/.test(name) ? [file] : [];
  });
}

const isCode = (line) => line.trim() !== "" && !/^\s*(\/\/|\/\*|\*)/.test(line);
let guest = 0;
process.stdout.write(`${"part".padEnd(28)}${"lines".padStart(8)}${"code".padStart(8)}\n`);
for (const [part, paths] of Object.entries(PARTS)) {
  const deep = part !== "guest entries and tables";
  const lines = paths
    .flatMap((path) => files(path, deep))
    .flatMap((file) => readFileSync(join(ROOT, file), "utf8").trimEnd().split("\n"));
  if (part.startsWith("guest")) guest += lines.length;
  process.stdout.write(
    `${part.padEnd(28)}${String(lines.length).padStart(8)}${String(lines.filter(isCode).length).padStart(8)}\n`,
  );
}
process.stdout.write(`\nguest in all: ${guest} lines; the budget is ${BUDGET}\n`);
process.exit(guest <= BUDGET ? 0 : 1);
