/** Reads a machine's two files. A mistake in them is one line: what boots is looked at before QEMU is, and the seal by the piñata alone. */
import { readFileSync } from "node:fs";
import { UsageError } from "../cli/errors.ts";

const ELF = Buffer.from("\x7fELF", "latin1");
/** A seal is at most 24 KiB; an image a few hundred. */
const LONGEST_SEAL = 64 * 1024;

/** Throws a UsageError that names the file. */
export function readMachineFiles(imageFile: string, sealFile: string): { image: Uint8Array; seal: Uint8Array } {
  const image = read("image", imageFile);
  if (!image.subarray(0, ELF.length).equals(ELF)) throw new UsageError(`${imageFile} is no image: see pinata image`);
  const seal = read("seal", sealFile);
  // QEMU takes an empty module for none, and a long one into the guest's memory, whatever it is.
  if (seal.length === 0 || seal.length > LONGEST_SEAL) throw new UsageError(`${sealFile} is no seal: see pinata mint`);
  return { image, seal };
}

function read(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`cannot read the ${what}: ${(error as Error).message}`);
  }
}
