/** `pinata image`: builds the image of the metal board and tells its name, a SHA-256; with --check, whether it is the same wherever it is built. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { withProgress } from "../../bin/setup.mjs";
import { metalImage } from "../image/metal-image.ts";
import { buildTwice, type Difference } from "../image/twice.ts";

export interface ImageOptions {
  out?: string;
  check?: boolean;
  json?: boolean;
}

export async function image(options: ImageOptions): Promise<void> {
  // So that what was made on the way goes too.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
  const out = options.out === undefined ? undefined : resolve(options.out);
  const built = await withProgress("building the image", () => metalImage(out));
  if (!options.check) {
    const text = `${built.file}\n${built.size} bytes\nSHA-256 ${built.sha256}\n`;
    process.stdout.write(options.json ? `${JSON.stringify(built)}\n` : text);
    return;
  }
  const { images, difference } = await withProgress("building it twice more, elsewhere", buildTwice);
  const hashes = images.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  const own = hashes[0] === built.sha256;
  const same = difference === undefined && own;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ ...built, reproducible: same, builds: hashes, difference: difference ?? null })}\n`,
    );
  } else {
    process.stdout.write(
      `${built.file}\n${built.size} bytes\nSHA-256 ${built.sha256}\n${verdict(difference, own, hashes)}\n`,
    );
  }
  if (!same) process.exitCode = 1;
}

export function verdict(difference: Difference | undefined, own: boolean, hashes: string[]): string {
  if (difference !== undefined) {
    const [a, b] = difference.bytes.map((byte) =>
      byte === undefined ? "the end" : byte.toString(16).padStart(2, "0"),
    );
    return `NOT reproducible: two builds differ first at byte ${difference.offset}: ${a} in one, ${b} in the other`;
  }
  if (!own) return `NOT reproducible: built in two other folders it is ${hashes[0]}`;
  return "reproducible: built twice more, in other folders and surroundings, it is the same byte for byte";
}
