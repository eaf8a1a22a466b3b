/**
 * The published vectors of test/vectors, read only as they were published: each file must have the SHA-256 that test/vectors/SHA256SUMS
 * names for it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const FOLDER = new URL("../../vectors/", import.meta.url);

/** The text of a file, by its path below test/vectors. Throws when it is not the file that was published. */
export function readVectors(path: string): string {
  const bytes = readFileSync(new URL(path, FOLDER));
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (published().get(path) !== digest) throw new Error(`test/vectors/${path} is not the file that SHA256SUMS names`);
  return bytes.toString();
}

/** Every file that SHA256SUMS names, with its digest. */
export function published(): Map<string, string> {
  const lines = readFileSync(new URL("SHA256SUMS", FOLDER), "utf8").trim().split("\n");
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}
