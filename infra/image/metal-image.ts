/** The metal image for commands: what building it lacks is told before it begins, and what goes wrong with it in one piece. */
import { CommandError } from "../cli/errors.ts";
import { metalTools } from "./tools.ts";

export interface MetalImage {
  file: string;
  /** 64 hex digits: the image's name. */
  sha256: string;
  /** Bytes. */
  size: number;
}

/** Builds it when it is stale. Throws a CommandError. */
export async function metalImage(out?: string): Promise<MetalImage> {
  requireMetalTools("building the image takes");
  const { buildMetal } = await import("./build-metal.ts");
  try {
    const { file, sha256, size } = await buildMetal(out === undefined ? {} : { out });
    return { file, sha256, size };
  } catch (error) {
    throw new CommandError(`the image cannot be built: ${(error as Error).message}`);
  }
}

/** Throws a CommandError that names what is missing, for `purpose`, and how to get it. */
export function requireMetalTools(purpose: string, wanted: readonly string[] = ["wasm2c", "gcc"]): void {
  const missing = metalTools().filter((tool) => wanted.includes(tool));
  if (missing.length > 0) {
    throw new CommandError(`${purpose} ${missing.join(" and ")}, not on the PATH here: npm run setup:metal`);
  }
}
