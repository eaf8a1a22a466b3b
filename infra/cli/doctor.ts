/** `pinata doctor`: what this machine has and lacks for running, testing and attacking a piñata, and how to get the rest. */
import { spawnSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { METAL_TOOLS, metalTools } from "../image/tools.ts";
import { isOnPath } from "./on-path.ts";

interface Finding {
  what: string;
  found: boolean;
  /** Version or place; what is missing without it. */
  detail: string;
  /** Whether `pinata start` needs it. */
  needed: boolean;
  remedy?: string;
}

interface Tool {
  program: string;
  args: string[];
  purpose: string;
  package: string;
}

const TOOLS: Tool[] = [
  { program: "openssl", args: ["version"], purpose: "attacking by hand; interop tests", package: "openssl" },
  { program: "socat", args: ["-V"], purpose: "joining the doors by hand", package: "socat" },
  { program: "curl", args: ["--version"], purpose: "interop tests", package: "curl" },
  { program: "gnutls-cli", args: ["--version"], purpose: "interop tests", package: "gnutls-bin" },
  { program: "clang", args: ["--version"], purpose: "fuzzing, npm run fuzz", package: "clang" },
  { program: "ip", args: ["-V"], purpose: "tests of its TCP/IP against Linux", package: "iproute2" },
  {
    program: "busybox",
    args: ["--help"],
    purpose: "the same tests; comparing with Linux, npm run bench:metal",
    package: "busybox",
  },
  { program: "chromium", args: ["--version"], purpose: "tests of the page in a real browser", package: "chromium" },
  { program: "nginx", args: ["-v"], purpose: "tests of the page behind a proxy", package: "nginx-light" },
];

const METAL: Tool[] = METAL_TOOLS.map(({ program, package: name }) => ({
  program,
  args: ["--version"],
  purpose: "the metal board",
  package: name,
}));

const LEAST_DISK = 512 * 1024 * 1024;

export function doctor(options: { json?: boolean }): void {
  const findings = [node(), disk(), board(), ...METAL.map(tool), ...TOOLS.map(tool), bitcoind()];
  const lacks = findings.filter((finding) => finding.needed && !finding.found);
  if (options.json) process.stdout.write(`${JSON.stringify({ healthy: lacks.length === 0, findings }, null, 2)}\n`);
  else process.stdout.write(report(findings, lacks));
  if (lacks.length > 0) process.exitCode = 1;
}

function report(findings: Finding[], lacks: Finding[]): string {
  const lines = findings.map(({ what, found, detail, needed, remedy }) => {
    const mark = found ? "✓" : needed ? "✗" : "–";
    return `${mark} ${what.padEnd(18)} ${detail}${found || remedy === undefined ? "" : `\n                     get it: ${remedy}`}`;
  });
  const end = lacks.length === 0 ? "This machine can run a piñata: npm start" : "A piñata needs what is marked ✗.";
  return `${lines.join("\n")}\n\n${end}\n`;
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const found = major > 20 || (major === 20 && minor >= 19);
  return {
    what: "node",
    found,
    detail: `${process.versions.node} (${process.execPath})`,
    needed: true,
    remedy: "Node 20.19 or newer, from nodejs.org or your distribution",
  };
}

function disk(): Finding {
  const { bavail, bsize } = statfsSync(".");
  const free = bavail * bsize;
  return {
    what: "disk",
    found: free >= LEAST_DISK,
    detail: `${Math.floor(free / 1024 / 1024)} MiB free here`,
    needed: true,
    remedy: "free 512 MiB",
  };
}

/** Which board `pinata start` takes by itself. */
function board(): Finding {
  const missing = metalTools();
  return {
    what: "metal board",
    found: missing.length === 0,
    detail:
      missing.length === 0
        ? "npm start runs it under QEMU"
        : `npm start takes the Node board: no ${missing.join(", ")}`,
    needed: false,
    remedy: "npm run setup:metal",
  };
}

function tool({ program, args, purpose, package: name }: Tool): Finding {
  const result = isOnPath(program) ? spawnSync(program, args, { encoding: "utf8", timeout: 10_000 }) : undefined;
  const found = result !== undefined && result.error === undefined;
  const version = /\d+\.\d+[\w.]*/.exec(`${result?.stdout ?? ""}${result?.stderr ?? ""}`)?.[0] ?? "";
  return {
    what: program,
    found,
    detail: found ? `${version} (${purpose})` : `not here; it is for: ${purpose}`,
    needed: false,
    remedy: `apt install ${name}`,
  };
}

function bitcoind(): Finding {
  const found = isOnPath("bitcoind");
  return {
    what: "bitcoind",
    found,
    detail: found ? "for npm start -- --bitcoind" : "not here; the development chain does without it",
    needed: false,
    remedy: "bitcoincore.org, version 29 or newer",
  };
}
