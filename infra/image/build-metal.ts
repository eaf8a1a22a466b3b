/**
 * Builds the metal image: the guest's three modules, turned into C by wasm2c, and the board (unikernel/boards/metal), compiled by gcc and linked
 * into one PVH ELF file. Neither date, nor host, nor path gets in: the same sources and tools give the same bytes in any folder.
 * The stamp beside the image lists what it was made of; the image is replaced by rename.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isOnPath } from "../cli/on-path.ts";
import { compileImage, GUEST_MODULES, type GuestModule, guestModulePath, ROOT } from "./compile-guest.ts";
import { FREESTANDING_FLAGS, guestObject, MetalBuildError, tool } from "./guest-object.ts";
import { METAL_TOOLS } from "./tools.ts";

export { MetalBuildError } from "./guest-object.ts";

export interface BuildMetalOptions {
  /** Where the image goes, relative to the project or absolute. Default: build/metal/pinata.elf. */
  out?: string;
  /** A folder for what is made on the way; it is kept. Default: a temporary one, which is removed. */
  workDir?: string;
  /** Test builds only: other `.wasm` files than those of the image, by module. */
  modules?: Partial<Record<GuestModule, string>>;
}

export interface MetalImage {
  /** Absolute path of the image. */
  file: string;
  /** SHA-256 of the file, 64 hex digits: the image's name. */
  sha256: string;
  /** Bytes. */
  size: number;
  outcome: "built" | "fresh";
}

interface Stamp {
  inputs: string;
  sha256: string;
  size: number;
}

const run = promisify(execFile);
/** How it is made is part of what it is made of. */
const RECIPE = ["build-metal.ts", "guest-object.ts"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
const BOARD = join(ROOT, "unikernel/boards/metal");
const MODULES = Object.keys(GUEST_MODULES) as GuestModule[];
/** What wasm2c calls a module. A door imports functions of a module "vault", whose names the vault's own exports must not have. */
const C_NAMES: Record<GuestModule, string> = { net: "net", door: "door", vault: "safe" };

const BOARD_FLAGS = ["-Os", "-Wall", "-Wextra", "-Werror"];
const LINK_FLAGS = [
  ...["-static", "-nostdlib", "--build-id=none", "--gc-sections", "--strip-all"],
  ...["-z", "noexecstack", "-z", "max-page-size=4096"],
];

/** Builds when stale. Throws {@link MetalBuildError}, or GuestCompileError when a guest module does not compile. */
export async function buildMetal(options: BuildMetalOptions = {}): Promise<MetalImage> {
  const file = resolve(ROOT, options.out ?? "build/metal/pinata.elf");
  const stampFile = `${file}.stamp.json`;
  requireTools();
  await compileImage();
  const modules = Object.fromEntries(
    MODULES.map((name) => [name, readFileSync(resolve(ROOT, options.modules?.[name] ?? guestModulePath(name)))]),
  ) as Record<GuestModule, Buffer>;
  const inputs = await inputsHash(modules);
  const fresh = readFresh(file, stampFile, inputs);
  if (fresh !== undefined) return { file, ...fresh, outcome: "fresh" };

  const work =
    options.workDir === undefined ? mkdtempSync(join(tmpdir(), "pinata-metal-")) : resolve(ROOT, options.workDir);
  mkdirSync(work, { recursive: true });
  try {
    await build(work, modules);
    const image = readFileSync(join(work, "pinata.elf"));
    const sha256 = createHash("sha256").update(image).digest("hex");
    mkdirSync(dirname(file), { recursive: true });
    replaceFile(file, image);
    const stamp: Stamp = { inputs, sha256, size: image.length };
    replaceFile(stampFile, JSON.stringify(stamp));
    return { file, sha256, size: image.length, outcome: "built" };
  } finally {
    if (options.workDir === undefined) rmSync(work, { recursive: true, force: true });
  }
}

function requireTools(): void {
  const missing = METAL_TOOLS.filter(({ program }) => program !== "qemu-system-x86_64" && !isOnPath(program));
  if (missing.length === 0) return;
  const words = missing.map(({ program, package: name }) => `${program} (Debian package ${name})`).join(", ");
  throw new MetalBuildError(`the metal image cannot be built without ${words}: see npm run setup:metal`);
}

async function build(work: string, modules: Record<GuestModule, Buffer>): Promise<void> {
  for (const folder of ["board", "guest"]) mkdirSync(join(work, folder), { recursive: true });
  for (const name of boardSources()) writeFileSync(join(work, "board", name), readFileSync(join(BOARD, name)));
  await inPairs(MODULES, (name) =>
    guestObject({ work, base: `guest/${name}`, name: C_NAMES[name], wasm: modules[name], ...GUEST_MODULES[name] }),
  );
  const pages = MODULES.map((name) => `-D${name.toUpperCase()}_PAGES=${GUEST_MODULES[name].pages}`);
  const sources = boardSources().filter((name) => /\.[cS]$/.test(name));
  await inPairs(sources, (name) =>
    tool(work, "gcc", [
      ...FREESTANDING_FLAGS,
      ...BOARD_FLAGS,
      ...pages,
      "-Iguest",
      "-c",
      `board/${name}`,
      "-o",
      object("board", name),
    ]),
  );
  const objects = [
    ...sources.map((name) => object("board", name)),
    ...MODULES.map((name) => object("guest", `${name}.c`)),
  ];
  await tool(work, "ld", [...LINK_FLAGS, "-T", "board/layout.ld", ...objects, "-o", "pinata.elf"]);
}

function object(folder: "board" | "guest", source: string): string {
  return `${folder}/${source.replace(/\.[cS]$/, ".o")}`;
}

function boardSources(): string[] {
  return readdirSync(BOARD)
    .filter((name) => /\.(c|h|S|ld)$/.test(name))
    .sort();
}

/** Hash over everything that the image depends on. */
async function inputsHash(modules: Record<GuestModule, Buffer>): Promise<string> {
  const hash = createHash("sha256");
  const put = (bytes: string | Uint8Array) => hash.update(`${bytes.length}\n`).update(bytes);
  for (const name of MODULES) put(modules[name]);
  for (const name of boardSources()) put(name).update(readFileSync(join(BOARD, name)));
  for (const [program, flag] of [
    ["gcc", "--version"],
    ["ld", "--version"],
    ["wasm2c", "--version"],
  ] as const) {
    put((await run(program, [flag])).stdout);
  }
  put(JSON.stringify([GUEST_MODULES, BOARD_FLAGS, LINK_FLAGS, ...RECIPE.map((path) => readFileSync(path, "utf8"))]));
  return hash.digest("hex");
}

function readFresh(file: string, stampFile: string, inputs: string): Pick<MetalImage, "sha256" | "size"> | undefined {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, "utf8")) as Stamp;
    const { sha256, size } = stamp;
    if (stamp.inputs !== inputs || sha256 !== createHash("sha256").update(readFileSync(file)).digest("hex"))
      return undefined;
    return { sha256, size };
  } catch {
    return undefined;
  }
}

/** Two at a time: as many as the smallest machine has processors. */
async function inPairs<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const one = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all([one(), one()]);
}

function replaceFile(path: string, contents: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}
