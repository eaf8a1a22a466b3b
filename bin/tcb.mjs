/**
 * `npm run tcb`: counts the trusted code (docs/tcb.md): lines in all, and lines of code, which leaves out blank lines and comments
 * as cloc does; the budgets are for the latter. `--write` puts the table into docs/tcb.md; `--json` prints it for scripts.
 * Exit code 1 when a budget is passed.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

/** Which board a part is trusted on: both run the guest. */
const PARTS = [
  { part: "guest/prim", path: "unikernel/guest/prim", group: "guest" },
  { part: "guest/wire", path: "unikernel/guest/wire", group: "guest" },
  { part: "guest/crypto", path: "unikernel/guest/crypto", group: "guest" },
  { part: "guest/x509", path: "unikernel/guest/x509", group: "guest" },
  { part: "guest/tls", path: "unikernel/guest/tls", group: "guest" },
  { part: "guest/tcpip", path: "unikernel/guest/tcpip", group: "guest" },
  { part: "guest/door", path: "unikernel/guest/door", group: "guest" },
  { part: "guest/vault", path: "unikernel/guest/vault", group: "guest" },
  { part: "guest entries and tables", path: "unikernel/guest", group: "guest", flat: true },
  { part: "boards/metal", path: "unikernel/boards/metal", group: "metal" },
  { part: "boards/node", path: "unikernel/boards/node", group: "node" },
];
/** Lines of code at most. */
export const BUDGETS = { guest: 13_500, metal: 1_500 };

const SOURCE = /(?<!\.d)\.(ts|c|h|S|ld)$/;
const COMMENT = /^\s*(\/\/|\/\*|\*([ /]|$))/;

/** Rows of {part, group, lines, code}. */
export function countTrusted() {
  return PARTS.map(({ part, path, group, flat }) => {
    const lines = files(path, !flat).flatMap((file) => readFileSync(join(ROOT, file), "utf8").trimEnd().split("\n"));
    return { part, group, lines: lines.length, code: lines.filter(isCode).length };
  });
}

/** The sum over a group, or over all that the metal image holds. */
export function sum(rows, ...groups) {
  return rows
    .filter(({ group }) => groups.includes(group))
    .reduce((total, { lines, code }) => ({ lines: total.lines + lines, code: total.code + code }), {
      lines: 0,
      code: 0,
    });
}

function files(path, deep) {
  let names;
  try {
    names = readdirSync(join(ROOT, path));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const file = join(path, name);
    if (statSync(join(ROOT, file)).isDirectory()) return deep ? files(file, true) : [];
    return SOURCE.test(name) ? [file] : [];
  });
}

function isCode(line) {
  return line.trim() !== "" && !COMMENT.test(line);
}

function table(rows) {
  const row = (part, { lines, code }) => `| ${part} | ${lines} | ${code} |`;
  return [
    "| part | lines | of them code |",
    "|---|---:|---:|",
    ...rows.map(({ part, ...counts }) => row(`\`${part}\``, counts)),
    row(`**guest in all** (budget ${BUDGETS.guest})`, sum(rows, "guest")),
    row(`**the metal image: guest and board** (board's budget ${BUDGETS.metal})`, sum(rows, "guest", "metal")),
  ].join("\n");
}

const BEGIN = "<!-- counted by npm run tcb -- --write -->";
const END = "<!-- end of the count -->";

function main() {
  const rows = countTrusted();
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else process.stdout.write(`${table(rows)}\n`);
  if (process.argv.includes("--write")) {
    const file = join(ROOT, "docs/tcb.md");
    const text = readFileSync(file, "utf8");
    const [before, rest] = text.split(BEGIN);
    const after = rest?.split(END)[1];
    if (after === undefined) throw new Error(`${file} lacks the marks ${BEGIN} and ${END}`);
    writeFileSync(file, `${before}${BEGIN}\n${table(rows)}\n${END}${after}`);
  }
  const over = Object.entries(BUDGETS).filter(([group, most]) => sum(rows, group).code > most);
  for (const [group, most] of over)
    process.stderr.write(`${group}: ${sum(rows, group).code} lines of code, ${most} are the budget\n`);
  process.exit(over.length === 0 ? 0 : 1);
}

if (process.argv[1] === new URL(import.meta.url).pathname) main();
