/**
 * Compiles one guest module (AssemblyScript) to WebAssembly, and only when something it is made of has changed.
 *
 * The stamp beside the output lists every source file that the compiler read, with its SHA-256, and the compiler's
 * version and flags; the output is replaced by rename, so that concurrent builds never see half a module.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const PRIM = "unikernel/guest/prim";

/** The modules of the image: entry file and fixed linear memory in 64 KiB pages. Doors come and go, so the board gives them theirs. */
export const GUEST_MODULES = {
  net: { entry: "unikernel/guest/net.ts", pages: 20, memory: "own" },
  door: { entry: "unikernel/guest/door.ts", pages: 3, memory: "given" },
  vault: { entry: "unikernel/guest/vault.ts", pages: 8, memory: "own" },
} as const;
export type GuestModule = keyof typeof GUEST_MODULES;

export interface CompileOptions {
  /** Entry file, relative to the project. */
  entry: string;
  /** Where the `.wasm` goes, relative to the project; `.wasm.map` and `.stamp.json` go beside it. */
  out: string;
  /** Fixed size of the linear memory in 64 KiB pages. */
  pages: number;
  /** Whether the module declares its memory or imports it as `env.memory`; it exports it in both cases. Default: own. */
  memory?: "own" | "given";
  /** Test builds only: changes a source text before it is compiled, e.g. to inject a trap. Always compiles anew. */
  patch?(file: string, text: string): string;
}

interface Stamp {
  compiler: string;
  flags: string[];
  files: Record<string, string>;
}

/** A guest source that does not compile; the message is the compiler's own report. */
export class GuestCompileError extends Error {
  override name = "GuestCompileError";
}

/** What is being compiled in this process: one module at a time, as the compiler shares its libraries' texts between runs. */
let compiling: Promise<unknown> = Promise.resolve();

/** Compiles when stale; says whether it did. Throws {@link GuestCompileError} with the compiler's report. */
export function compileGuest(options: CompileOptions): Promise<"built" | "fresh"> {
  const compiled = compiling.then(() => compile(options));
  compiling = compiled.catch(() => {});
  return compiled;
}

async function compile(options: CompileOptions): Promise<"built" | "fresh"> {
  const out = join(ROOT, options.out);
  const stampFile = `${out}.stamp.json`;
  const flags = compilerFlags(options);
  const compiler = compilerVersion();
  if (options.patch === undefined && existsSync(out) && isFresh(stampFile, compiler, flags)) return "fresh";

  const files: Record<string, string> = {};
  const outputs = new Map<string, string | Uint8Array>();
  const asc = (await import("assemblyscript/asc")).default;
  const libraryFiles = asc.libraryFiles as Record<string, string>;
  inlineElementAccess(libraryFiles);
  // It keeps those of prim from one compilation to the next: a patched one must neither be missed nor stay.
  for (const name of readdirSync(join(ROOT, PRIM))) delete libraryFiles[name.replace(/\.ts$/, "")];
  let report = "";
  const { error } = await asc.main([options.entry, ...flags], {
    stderr: {
      write: (chunk: string) => {
        report += chunk;
      },
    },
    readFile: (name: string, base: string) => {
      const path = resolve(ROOT, base, name);
      if (!existsSync(path)) return null;
      const text = readFileSync(path, "utf8");
      const file = relative(ROOT, path);
      files[file] = sha256(text);
      return options.patch?.(file, text) ?? text;
    },
    listFiles: (name: string, base: string) => {
      const path = resolve(ROOT, base, name);
      return existsSync(path) ? readdirSync(path).filter((file) => /^(?!.*\.d\.ts$).*\.ts$/.test(file)) : null;
    },
    writeFile: (name: string, contents: string | Uint8Array) => void outputs.set(name, contents),
  });
  if (error) throw new GuestCompileError(`${options.entry} does not compile:\n${report || error.message}`);

  mkdirSync(dirname(out), { recursive: true });
  for (const [name, contents] of outputs) replaceFile(join(ROOT, name), contents);
  const stamp: Stamp = { compiler, flags, files };
  replaceFile(stampFile, JSON.stringify(stamp, null, 1));
  return "built";
}

/** Where a module of the image is built, relative to the project. */
export function guestModulePath(name: GuestModule): string {
  return `build/guest/${name}.wasm`;
}

/** Builds the modules of the image that are stale; reports each as it is done. */
export async function compileImage(
  onModule: (name: GuestModule, outcome: "built" | "fresh") => void = () => {},
): Promise<void> {
  for (const name of Object.keys(GUEST_MODULES) as GuestModule[]) {
    onModule(name, await compileGuest({ ...GUEST_MODULES[name], out: guestModulePath(name) }));
  }
}

function compilerFlags(options: CompileOptions): string[] {
  return [
    ...["--outFile", options.out, "--sourceMap"],
    ...["--lib", PRIM, "--noUnsafe", "--runtime", "stub"],
    ...["--initialMemory", String(options.pages), "--maximumMemory", String(options.pages)],
    ...(options.memory === "given" ? ["--importMemory"] : []),
    // -O3 inlines more than it gains: the metal image would be a quarter larger for 5 % of a handshake.
    ...["--use", "abort=", "-O2"],
  ];
}

/**
 * Makes the compiler inline the checked element access of its StaticArray, which -O2 would call: crypto's tables and limbs are read
 * through it. The check stays. Throws when this compiler's library has another text.
 */
function inlineElementAccess(library: Record<string, string>): void {
  const source = library.staticarray ?? "";
  const inlined = source.replaceAll(/^ {2}(?=@operator\("\[\](=?)"\) )/gm, "  @inline ");
  const count = inlined.split("  @inline @operator").length - 1;
  if (count !== 2)
    throw new Error("assemblyscript's StaticArray is not the one that this project knows: see compile-guest.ts");
  library.staticarray = inlined;
}

function isFresh(stampFile: string, compiler: string, flags: string[]): boolean {
  let stamp: Stamp;
  try {
    stamp = JSON.parse(readFileSync(stampFile, "utf8")) as Stamp;
  } catch {
    return false;
  }
  if (stamp.compiler !== compiler || stamp.flags.join("\n") !== flags.join("\n")) return false;
  return Object.entries(stamp.files).every(([file, hash]) => {
    const path = join(ROOT, file);
    return existsSync(path) && sha256(readFileSync(path, "utf8")) === hash;
  });
}

function replaceFile(path: string, contents: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

function compilerVersion(): string {
  const manifest = readFileSync(join(ROOT, "node_modules/assemblyscript/package.json"), "utf8");
  return `${(JSON.parse(manifest) as { version: string }).version}, element access inlined`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
