/**
 * The fuzz targets: which guest module each runs and how that is built into a libFuzzer program: the module (for door-*-plain with its
 * record protection taken out, net with a look at its heap; of guest/wire a harness), wasm2c, clang. Everything lands in build/fuzz and is built again when something
 * it is made of has changed; targets of the same module share its object file.
 *
 * The guest is compiled with explicit bounds checks and coverage; the harness around it with AddressSanitizer as well. The vault beside a
 * door is there to judge, not to be explored: it is compiled without coverage; the target `vault` explores it.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { compileGuest, GUEST_MODULES, guestModulePath, ROOT } from "../../infra/image/compile-guest.ts";
import { Failure } from "../../unikernel/guest/failure.ts";
import { TraceCode } from "../../unikernel/guest/trace.ts";

const BUILD = "build/fuzz";
export const FUZZ = join(ROOT, "test/fuzz");
const HARNESS = join(FUZZ, "harness");
const COMMON_FLAGS = ["-g1", "-std=gnu11", "-I/usr/share/wabt/wasm2c", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"];
const run = promisify(execFile);

/** What can be explored: the image's modules, and the harness through which guest/wire, which no module exports, is reached. */
const MODULES = {
  net: { ...GUEST_MODULES.net, out: guestModulePath("net") },
  door: { ...GUEST_MODULES.door, out: guestModulePath("door") },
  vault: { ...GUEST_MODULES.vault, out: guestModulePath("vault") },
  wire: { entry: "test/unikernel/guest/harness/wire-steps.ts", out: "build/harness/wire-steps.wasm", pages: 2 },
} as const;

export interface Target {
  module: keyof typeof MODULES;
  /** The harness's file. */
  harness: string;
  /** Changes the guest's source before it is compiled: a test build, never the image. */
  patches?: Patch[];
  defines: Record<string, number>;
  /** Whether the vault stands beside it. */
  hasVault: boolean;
  /** Bytes of an input at most. */
  maxLength: number;
  dictionary?: string;
  /** How the guest's C is optimised; -O1 when absent. -O0 is built eight times as fast and runs slower. */
  optimize?: "-O0";
}

/** Replacements in one file: each text must be there exactly once. */
export interface Patch {
  name: string;
  file: string;
  replace: [from: string, to: string][];
}

/** Null cipher: a record is authentic when the first byte of its tag is zero, and its content is left as it is. */
const PLAIN_RECORDS: Patch = {
  name: "plain",
  file: "unikernel/guest/tls/record/protection.ts",
  replace: [
    ["this.aead.seal(this.nonce, header, content, tag);", "tag.wipe();"],
    ["if (!this.aead.open(this.nonce, header, content, tag)) return false;", "if (tag[0] != 0) return false;"],
  ],
};

/** The top of the heap, exported: nothing may be allocated after start, as nothing is given back. */
const HEAP_TOP: Patch = {
  name: "heap",
  file: "unikernel/guest/net.ts",
  replace: [
    [
      'import { Bytes } from "bytes";',
      'import { top } from "arena";\nimport { Bytes } from "bytes";\nexport function heapTop(): usize {\n  return top();\n}',
    ],
  ],
};

function door(role: number, plain: boolean): Target {
  return {
    module: "door",
    harness: "door.c",
    ...(plain ? { patches: [PLAIN_RECORDS] } : {}),
    defines: {
      DOOR_ROLE: role,
      DOOR_PLAIN: plain ? 1 : 0,
      FAILURE_VAULT_UNAVAILABLE: Failure.VaultUnavailable,
      TRACE_CANDY: TraceCode.Candy,
      TRACE_LAST: Math.max(...Object.values(TraceCode).filter((code) => typeof code === "number")),
    },
    hasVault: true,
    maxLength: 8192,
    dictionary: "tls.dict",
  };
}

export const TARGETS = {
  "door-server": door(0, false),
  "door-client": door(1, false),
  "door-server-plain": door(0, true),
  "door-client-plain": door(1, true),
  x509: {
    module: "vault",
    harness: "x509.c",
    defines: {},
    hasVault: true,
    maxLength: 8192,
    dictionary: "x509.dict",
  },
  net: {
    module: "net",
    harness: "net.c",
    patches: [HEAP_TOP],
    defines: {},
    hasVault: false,
    maxLength: 16384,
    dictionary: "net.dict",
  },
  wire: {
    module: "wire",
    harness: "wire.c",
    defines: {},
    hasVault: false,
    maxLength: 2048,
    dictionary: "wire.dict",
  },
} as const satisfies Record<string, Target>;
export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];

/** What a module was made of (infra/image/compile-guest.ts). */
interface Stamp {
  files: Record<string, string>;
}

export class FuzzBuildError extends Error {
  override name = "FuzzBuildError";
}

/** The guest module of a target as Node or wasm2c takes it: its path, relative to the project. Built when stale. */
export async function targetModule({ module, patches = [] }: Pick<Target, "module" | "patches">): Promise<string> {
  const made = MODULES[module];
  await compileGuest(made);
  if (patches.length === 0) return made.out;
  const { files } = JSON.parse(readFileSync(join(ROOT, `${made.out}.stamp.json`), "utf8")) as Stamp;
  const missed = patches.find(({ file }) => !Object.hasOwn(files, file));
  if (missed !== undefined) throw new FuzzBuildError(`${missed.file} is not part of ${module}`);

  const out = `${BUILD}/${[module, ...patches.map(({ name }) => name)].join("-")}.wasm`;
  const image = readFileSync(join(ROOT, made.out));
  const patch = (file: string, text: string) =>
    patches.reduce((patched, one) => (one.file === file ? applyPatch(one, patched) : patched), text);
  await whenStale(`${out}.made`, [image, JSON.stringify(patches)], async () => {
    await compileGuest({ ...made, out, patch });
  });
  return out;
}

/** Throws {@link FuzzBuildError} when the text is not as the patch expects it. */
export function applyPatch(patch: Patch, text: string): string {
  return patch.replace.reduce((patched, [from, to]) => {
    if (patched.split(from).length !== 2) throw new FuzzBuildError(`${patch.file} does not hold once: ${from}`);
    return patched.replace(from, () => to);
  }, text);
}

/** Builds a target's libFuzzer program when stale; returns its path. */
export async function buildTarget(name: string, target: Target): Promise<string> {
  const folder = join(ROOT, BUILD, name);
  mkdirSync(folder, { recursive: true });
  const practice = practiceHeaders(target);
  for (const [file, text] of Object.entries(practice)) writeIfChanged(join(folder, file), text);

  const guest = await guestObject(await targetModule(target), cName(target.module), [
    "-O1",
    "-fsanitize=fuzzer-no-link",
  ]);
  const objects = [guest];
  // The vault beside a door judges and is not explored.
  if (target.hasVault && target.module !== "vault") {
    objects.push(await guestObject(await targetModule({ module: "vault" }), cName("vault"), ["-O2"]));
  }
  const includes = [HARNESS, folder, ...objects.map((path) => dirname(path))].map((path) => `-I${path}`);
  const defines = Object.entries(target.defines).map(([key, value]) => `-D${key}=${value}`);
  const flags = [...COMMON_FLAGS, "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=fuzzer-no-link,address"];
  const headers = [
    ...readdirSync(HARNESS)
      .filter((file) => file.endsWith(".h"))
      .map((file) => join(HARNESS, file)),
    ...Object.keys(practice).map((file) => join(folder, file)),
    ...objects.map((path) => path.replace(/(-coverage)?\.o$/, ".h")),
  ];
  for (const source of ["runtime.c", ...(target.hasVault ? ["vault.c"] : []), target.harness]) {
    const out = join(folder, `harness-${basename(source, ".c")}.o`);
    objects.push(await object(join(HARNESS, source), out, [...flags, ...includes, ...defines], headers));
  }
  const program = join(folder, "fuzz");
  await whenStale(
    `${program}.made`,
    objects.map((file) => readFileSync(file)),
    () => clang(["-fsanitize=fuzzer,address", "-o", program, ...objects]),
  );
  return program;
}

/** The doors import a module "vault", so the vault's own C must not be named so. */
function cName(module: Target["module"]): string {
  return module === "vault" ? "keeper" : module;
}

function practiceHeaders({ module, defines: { DOOR_ROLE } }: Target): Record<string, string> {
  const bytes = (name: string, file: string) =>
    `static const unsigned char ${name}[] = {${[...readFileSync(join(FUZZ, "practice", file))].join(",")}};\n`;
  return {
    "practice-seal.h": bytes("practice_seal", "seal"),
    ...(module === "door"
      ? { "prefix.h": bytes("practice_prefix", DOOR_ROLE === 0 ? "client-hello" : "server-hello") }
      : {}),
  };
}

/** wasm2c's C of a module as an object file, its header beside it: one for all targets that run it with these flags. */
async function guestObject(module: string, name: string, flags: string[]): Promise<string> {
  const folder = join(ROOT, BUILD, "modules", basename(module, ".wasm"));
  mkdirSync(folder, { recursive: true });
  const source = join(folder, `${name}.c`);
  await whenStale(`${source}.made`, [readFileSync(join(ROOT, module))], () =>
    tool("wasm2c", [join(ROOT, module), "-n", name, "-o", source]),
  );
  const out = join(folder, `${name}${flags.length > 1 ? "-coverage" : ""}.o`);
  // wasm2c's output has unused parts, and is checked by its own bounds checks.
  return object(source, out, [...COMMON_FLAGS, ...flags, "-w"], []);
}

async function object(source: string, out: string, flags: string[], headers: string[]): Promise<string> {
  const made = [source, ...headers].map((file) => readFileSync(file));
  await whenStale(`${out}.made`, [...made, flags.join(" ")], () => clang(["-c", ...flags, "-o", out, source]));
  return out;
}

function clang(args: string[]): Promise<void> {
  return tool("clang", args);
}

async function tool(program: string, args: string[]): Promise<void> {
  try {
    await run(program, args);
  } catch (error) {
    throw new FuzzBuildError(`${program}: ${(error as { stderr?: string }).stderr ?? (error as Error).message}`);
  }
}

/** What is being made, by stamp: targets that are built side by side wait for what they share. */
const underway = new Map<string, Promise<void>>();

/** Runs `make` unless `stamp` says that it was run with these very inputs. */
async function whenStale(stamp: string, inputs: (string | Uint8Array)[], make: () => Promise<void>): Promise<void> {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(createHash("sha256").update(input).digest());
  const digest = hash.digest("hex");
  const other = underway.get(stamp);
  if (other !== undefined) await other;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const making = (async () => {
    await make();
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, digest);
  })().finally(() => underway.delete(stamp));
  underway.set(stamp, making);
  await making;
}

function writeIfChanged(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}
