/**
 * Builds the two native programs of the benchmarks: `server` (the image's door and vault over sockets) and `primitives` (harness modules of the
 * crypto). The guest's part is compiled exactly as the metal image's is (infra/image/guest-object.ts). Needs wasm2c and gcc.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  compileGuest,
  compileImage,
  GUEST_MODULES,
  guestModulePath,
  ROOT,
} from "../../../infra/image/compile-guest.ts";
import { guestObject } from "../../../infra/image/guest-object.ts";

const HERE = join(ROOT, "test/bench/native");
const HARNESSES = ["curve25519", "p256", "aeads", "hashes"];
const HARNESS_PAGES = 32;

/** Returns the program's path, below `work`, which is made. */
export async function buildServer(work: string): Promise<string> {
  mkdirSync(work, { recursive: true });
  await compileImage();
  // A door imports functions of a module "vault", whose names the vault's own exports must not have.
  const names = { door: "door", vault: "keeper" } as const;
  for (const module of ["door", "vault"] as const) {
    const wasm = readFileSync(join(ROOT, guestModulePath(module)));
    await guestObject({ work, base: names[module], name: names[module], wasm, ...GUEST_MODULES[module] });
  }
  return link(work, "server", Object.values(names), [`-DDOOR_PAGES=${GUEST_MODULES.door.pages}`]);
}

/** Returns the program's path, below `work`, which is made. */
export async function buildPrimitives(work: string): Promise<string> {
  mkdirSync(work, { recursive: true });
  for (const name of HARNESSES) {
    const out = `build/harness/${name}.wasm`;
    await compileGuest({ entry: `test/unikernel/guest/harness/${name}.ts`, out, pages: HARNESS_PAGES });
    const wasm = readFileSync(join(ROOT, out));
    await guestObject({ work, base: name, name, wasm, pages: HARNESS_PAGES, memory: "own" });
  }
  return link(work, "primitives", HARNESSES, []);
}

function link(work: string, program: string, objects: string[], defines: string[]): string {
  const flags = ["-std=gnu11", "-O2", "-no-pie", "-Wall", "-Wextra", "-Werror", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"];
  const includes = [`-I${HERE}`, `-I${work}`, "-I/usr/share/wabt/wasm2c"];
  const sources = [`${program}.c`, "runtime.c"].map((file) => join(HERE, file));
  const out = join(work, program);
  const linked = objects.map((name) => join(work, `${name}.o`));
  execFileSync("gcc", [...flags, ...defines, ...includes, ...sources, ...linked, "-o", out], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return out;
}
