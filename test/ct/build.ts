/**
 * Builds the native program of test/ct: the guest with the patches of patches.ts (and, for the positive controls, with leaks), compiled to object
 * files as the metal image's are, and linked with the harness for Linux. What is checked is therefore the machine code that gcc makes of the
 * guest with the image's flags; debug information is added, which changes none of it ({@link changedByDebug}). Everything lands in build/ct and is built again when something it is made of has changed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { compileGuest, compileImage, GUEST_MODULES, guestModulePath, ROOT } from "../../infra/image/compile-guest.ts";
import { guestObject } from "../../infra/image/guest-object.ts";
import { CONTROLS } from "./controls.ts";
import { type Patch, patched, patchInputs } from "./patches.ts";

export const MODULES = ["vault", "door"] as const;
export type Module = (typeof MODULES)[number];

/** The guest as it is, or with every leak of controls.ts. */
export type Variant = "guest" | "leaky";

export interface Build {
  variant: Variant;
  /** The native program. */
  program: string;
  /** Of each module: the object file, the module, and its source map. */
  object(module: Module): string;
  wasm(module: Module): string;
}

export class CtBuildError extends Error {
  override name = "CtBuildError";
}

const NATIVE = join(ROOT, "test/ct/native");
/** The harness around the guest's objects, which are not position-independent. */
const FLAGS = ["-std=gnu11", "-O1", "-fno-pie", "-no-pie", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror"];
const C_NAMES: Record<Module, string> = { vault: "safe", door: "door" };
const LEAKS: Record<Variant, readonly Patch[]> = { guest: [], leaky: CONTROLS };
const run = promisify(execFile);

/** Builds when stale; a build that is in use is replaced by rename. */
export async function buildCt(variant: Variant): Promise<Build> {
  const folder = `build/ct/${variant}`;
  const build = buildIn(variant, folder);
  await compileImage();
  const inputs = inputsHash(LEAKS[variant]);
  const stamp = join(ROOT, folder, "stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === inputs) return build;

  const fresh = `${folder}.${process.pid}`;
  try {
    mkdirSync(join(ROOT, fresh), { recursive: true });
    for (const module of MODULES) await compile(module, `${fresh}/${module}.wasm`, LEAKS[variant]);
    await objects(buildIn(variant, fresh), join(ROOT, fresh, "objects"), ["-g"]);
    await link(buildIn(variant, fresh), join(ROOT, fresh));
    writeFileSync(join(ROOT, fresh, "stamp"), inputs);
    rmSync(join(ROOT, folder), { recursive: true, force: true });
    renameSync(join(ROOT, fresh), join(ROOT, folder));
  } finally {
    rmSync(join(ROOT, fresh), { recursive: true, force: true });
  }
  return build;
}

function buildIn(variant: Variant, folder: string): Build {
  return {
    variant,
    program: join(ROOT, folder, "ct"),
    object: (module) => join(ROOT, folder, "objects", `${module}.o`),
    wasm: (module) => join(ROOT, folder, `${module}.wasm`),
  };
}

/** The modules whose object file is another one without debug information: none. Compiles both again. */
export async function changedByDebug(build: Build): Promise<Module[]> {
  const folder = join(ROOT, "build/ct", build.variant);
  await objects(build, join(folder, "plain"), []);
  const changed: Module[] = [];
  for (const module of MODULES) {
    const [plain, debug] = [join(folder, "plain", `${module}.o`), build.object(module)];
    for (const [from, to] of [
      [plain, `${plain}.stripped`],
      [debug, `${debug}.stripped`],
    ] as const)
      await run("objcopy", ["--strip-debug", from, to]);
    if (!readFileSync(`${plain}.stripped`).equals(readFileSync(`${debug}.stripped`))) changed.push(module);
  }
  return changed;
}

async function compile(module: Module, out: string, leaks: readonly Patch[]): Promise<void> {
  await compileGuest({ ...GUEST_MODULES[module], out, patch: (file, text) => patched(file, text, leaks) });
}

/** The modules' object files, both at a time. A door imports names of a module "vault", which the vault's own exports must not have. */
async function objects(build: Build, work: string, flags: string[]): Promise<void> {
  mkdirSync(work, { recursive: true });
  await Promise.all(
    MODULES.map((module) => {
      const { pages, memory } = GUEST_MODULES[module];
      const wasm = readFileSync(build.wasm(module));
      return guestObject({ work, base: module, name: C_NAMES[module], wasm, pages, memory, flags });
    }),
  );
}

async function link(build: Build, folder: string): Promise<void> {
  const names = [...harnessText().matchAll(/^export function (ct\w+)\(\): u32 \{/gm)].map(([, name]) => name!);
  const table = names.map((name) => `{"${name}", Z_safeZ_${name}}`).join(", ");
  writeFileSync(join(folder, "functions.h"), `#define FUNCTIONS ${table}\n`);
  const sources = nativeFiles().filter((name) => name.endsWith(".c"));
  try {
    await run("gcc", [
      ...FLAGS,
      `-I${folder}`,
      `-I${join(folder, "objects")}`,
      ...sources.map((name) => join(NATIVE, name)),
      ...MODULES.map((module) => build.object(module)),
      ...["-lm", "-o", build.program],
    ]);
  } catch (error) {
    throw new CtBuildError((error as { stderr?: string }).stderr ?? (error as Error).message);
  }
}

function harnessText(): string {
  return readFileSync(join(ROOT, "test/unikernel/guest/harness/ct.ts"), "utf8");
}

function nativeFiles(): string[] {
  return readdirSync(NATIVE).sort();
}

/** The image's modules stand for all of the guest's sources. */
function inputsHash(leaks: readonly Patch[]): string {
  const hash = createHash("sha256");
  const put = (bytes: string | Uint8Array) => hash.update(`${bytes.length}\n`).update(bytes);
  for (const module of MODULES) put(readFileSync(join(ROOT, guestModulePath(module))));
  for (const text of patchInputs(leaks)) put(text);
  for (const name of nativeFiles()) put(name).update(readFileSync(join(NATIVE, name)));
  for (const file of ["infra/image/guest-object.ts", "infra/image/compile-guest.ts", "test/ct/build.ts"])
    put(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}
