/** The metal image for commands: what building it lacks is told before it begins, and what goes wrong with it in one piece. */
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CommandError, UsageError } from "../cli/errors.ts";
import { makeDir } from "../cli/make-dir.ts";
import { metalTools } from "./tools.ts";

export interface MetalImage {
  file: string;
  /** 64 hex digits: the image's name. */
  sha256: string;
  /** Bytes. */
  size: number;
}

/**
 * Builds it when it is stale, and copies it to `out`. What is made on the way goes with this process, also when that is told to
 * end. Throws a CommandError.
 */
export async function metalImage(out?: string): Promise<MetalImage> {
  requireMetalTools("building the image takes");
  if (out !== undefined) requirePlace(out);
  const { buildMetal } = await import("./build-metal.ts");
  const workDir = mkdtempSync(join(tmpdir(), "pinata-metal-"));
  const clean = () => rmSync(workDir, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", clean);
  try {
    const { file, sha256, size } = await buildMetal({ workDir });
    if (out === undefined) return { file, sha256, size };
    copyFileSync(file, draft(out));
    renameSync(draft(out), out);
    return { file: out, sha256, size };
  } catch (error) {
    throw new CommandError(`the image cannot be built: ${(error as Error).message}`);
  } finally {
    process.off("exit", clean);
    clean();
  }
}

/** Compiling takes a while: a place where nothing can be written is told before. */
function requirePlace(out: string): void {
  try {
    makeDir(dirname(out));
    if (statSync(out, { throwIfNoEntry: false })?.isDirectory()) {
      throw new UsageError(`the image is a file, and ${out} is a folder: see --out`);
    }
    writeFileSync(draft(out), "");
    rmSync(draft(out));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new CommandError(`the image cannot be written: ${(error as Error).message}`);
  }
}

function draft(file: string): string {
  return `${file}.${process.pid}.tmp`;
}

/** Throws a CommandError that names what is missing, for `purpose`, and how to get it. */
export function requireMetalTools(purpose: string, wanted: readonly string[] = ["wasm2c", "gcc"]): void {
  const missing = metalTools().filter((tool) => wanted.includes(tool));
  if (missing.length > 0) {
    throw new CommandError(`${purpose} ${missing.join(" and ")}, not on the PATH here: npm run setup:metal`);
  }
}
