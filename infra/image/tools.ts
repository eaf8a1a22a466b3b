/** What building and running the metal image takes besides Node: programs, and Debian's packages for them (bin/setup-metal.mjs installs them). */
import { isOnPath } from "../cli/on-path.ts";

export const METAL_TOOLS = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "wasm2c", package: "wabt" },
  { program: "gcc", package: "gcc" },
] as const;

/** The programs that are not on the PATH. */
export function metalTools(): string[] {
  return METAL_TOOLS.map(({ program }) => program).filter((program) => !isOnPath(program));
}
