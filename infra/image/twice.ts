/**
 * Whether the image is reproducible: builds it twice from copies of this project, each in its own folder, file times, time zone,
 * language, umask, user name and home, and compares byte for byte. So no path, date or name of where it was built can be in it.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../cli/errors.ts";
import { ROOT } from "./compile-guest.ts";

export interface Difference {
  /** Of the first byte that differs. */
  offset: number;
  /** That byte in each; undefined: it ends there. */
  bytes: [number | undefined, number | undefined];
}

export interface Surroundings {
  /** Where the copy of the project is, within a temporary folder. */
  folder: string;
  /** Seconds since 1970: every file's time. */
  fileTime: number;
  umask: string;
  env: Record<string, string>;
}

const FIRST: Surroundings = {
  folder: "a",
  fileTime: 1_000_000_000,
  umask: "022",
  env: { TZ: "Asia/Kolkata", LC_ALL: "C", LANG: "C", USER: "first", LOGNAME: "first", HOSTNAME: "first" },
};
const SECOND: Surroundings = {
  folder: "another place/with a longer name/of the project",
  fileTime: 1_600_000_001,
  umask: "077",
  env: {
    TZ: "America/St_Johns",
    LC_ALL: "C.UTF-8",
    LANG: "tr_TR.UTF-8",
    USER: "second",
    LOGNAME: "second",
    HOSTNAME: "second",
  },
};
/** What the build reads; node_modules is shared. */
const PARTS = ["bin", "infra", "unikernel", "monitor", "package.json", "package-lock.json", "tsconfig.json"];

/** Both files' bytes, and where they first differ; undefined when they do not. Throws a CommandError when a build fails. */
export async function buildTwice(): Promise<{ images: [Buffer, Buffer]; difference: Difference | undefined }> {
  const place = mkdtempSync(join(tmpdir(), "pinata-twice-"));
  const clean = () => rmSync(place, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", clean);
  try {
    const builds = [FIRST, SECOND].map((surroundings) => buildIn(place, surroundings));
    await Promise.allSettled(builds);
    const [first, second] = (await Promise.all(builds)) as [Buffer, Buffer];
    return { images: [first, second], difference: firstDifference(first, second) };
  } finally {
    process.off("exit", clean);
    clean();
  }
}

export function firstDifference(a: Uint8Array, b: Uint8Array): Difference | undefined {
  const longest = Math.max(a.length, b.length);
  for (let offset = 0; offset < longest; offset++) {
    if (a[offset] !== b[offset]) return { offset, bytes: [a[offset], b[offset]] };
  }
  return undefined;
}

async function buildIn(place: string, surroundings: Surroundings): Promise<Buffer> {
  const project = join(place, surroundings.folder);
  const home = join(place, `home of ${surroundings.env.USER}`);
  mkdirSync(project, { recursive: true });
  mkdirSync(home);
  for (const part of PARTS) {
    if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(project, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
  setTimes(project, surroundings.fileTime);
  await run(project, surroundings, { ...surroundings.env, HOME: home, TMPDIR: home });
  return readFileSync(join(project, "build/metal/pinata.elf"));
}

/** `pinata image` of the copy, from its own folder, with nothing else of our environment than where programs are. */
function run(project: string, { umask }: Surroundings, env: Record<string, string>): Promise<void> {
  const command = ["-c", 'umask "$0" && exec "$@"', umask, process.execPath, "bin/pinata.mjs", "image", "--json"];
  const child = spawn("/bin/sh", command, {
    cwd: project,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new CommandError(words.trim().replace(/^pinata: /, "") || `exit ${code}`)),
    );
  });
}

function setTimes(path: string, time: number): void {
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path)) if (name !== "node_modules") setTimes(join(path, name), time);
  }
  utimesSync(path, time, time);
}
