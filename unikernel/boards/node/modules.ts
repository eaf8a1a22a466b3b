/**
 * Loads the guest's modules: the same `.wasm` bytes that every board runs. Builds what is stale when run from a source
 * checkout, and names the image by the SHA-256 of the three modules in the order net, door, vault.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface GuestModules {
  net: WebAssembly.Module;
  door: WebAssembly.Module;
  vault: WebAssembly.Module;
  /** SHA-256 over the three files, 64 hex digits. */
  image: string;
}

const ORDER = ["net", "door", "vault"] as const;

/** Reads and compiles the modules of `directory`; throws an Error that names a missing or broken file. */
export function loadGuestModules(directory: string): GuestModules {
  const hash = createHash("sha256");
  const [net, door, vault] = ORDER.map((name) => {
    const file = join(directory, `${name}.wasm`);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = new Uint8Array(readFileSync(file));
    } catch (error) {
      throw new Error(`cannot read the guest module ${file} (run "npm run build"): ${(error as Error).message}`);
    }
    hash.update(bytes);
    try {
      return new WebAssembly.Module(bytes);
    } catch (error) {
      throw new Error(`${file} is not a WebAssembly module: ${(error as Error).message}`);
    }
  }) as [WebAssembly.Module, WebAssembly.Module, WebAssembly.Module];
  return { net, door, vault, image: hash.digest("hex") };
}
