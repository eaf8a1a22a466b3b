/**
 * Loads an AssemblyScript test harness: a file of test/unikernel/guest/harness/ that exports guest functions to tests.
 *
 * A harness declares `input` and `output` (exported functions that return the address of a fixed buffer); tests copy
 * bytes in, call, and copy bytes out. The harness is compiled when it or the guest code it uses has changed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, ROOT } from "../../infra/image/compile-guest.ts";

/** A harness's exports: numbers in, number (or bigint for 64-bit) out. */
// biome-ignore lint/suspicious/noExplicitAny: exports differ from harness to harness
export type Exports = Record<string, (...args: any[]) => any>;

export interface Harness {
  call: Exports;
  /** Copies `bytes` to the harness's input buffer at `offset`. */
  write(bytes: Uint8Array, offset?: number): void;
  /** A copy of `length` bytes of the output buffer from `offset`. */
  read(length: number, offset?: number): Uint8Array;
  memory: WebAssembly.Memory;
}

/** Compiles when stale and instantiates `test/unikernel/guest/harness/<name>.ts`. */
export async function loadHarness(name: string, imports: WebAssembly.Imports = {}, pages = 32): Promise<Harness> {
  const out = `build/harness/${name}.wasm`;
  await compileGuest({ entry: `test/unikernel/guest/harness/${name}.ts`, out, pages });
  const module = new WebAssembly.Module(readFileSync(join(ROOT, out)));
  const instance = new WebAssembly.Instance(module, imports);
  const call = instance.exports as Exports;
  const memory = instance.exports.memory as WebAssembly.Memory;
  return {
    call,
    memory,
    write: (bytes, offset = 0) => new Uint8Array(memory.buffer, call.input!() + offset, bytes.length).set(bytes),
    read: (length, offset = 0) => new Uint8Array(memory.buffer, call.output!() + offset, length).slice(),
  };
}
