/**
 * Division instructions in the object code. Their time depends on the operands, and memcheck does not report them, so they are looked for by
 * reading: every one must be in a function that is listed here with what it divides, which is public.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Build, MODULES, type Module } from "./build.ts";
import { namesOf } from "./names.ts";

export interface Division {
  module: Module;
  /** What the compiled function is made of. */
  functions: string[];
  instruction: string;
}

/** All of both modules. */
export async function divisions(build: Build): Promise<Division[]> {
  const found: Division[] = [];
  for (const module of MODULES) {
    const names = namesOf(build.wasm(module));
    const { stdout } = await run("objdump", ["-d", "--no-show-raw-insn", build.object(module)], { maxBuffer: 1 << 28 });
    let symbol = "";
    let count = 0;
    for (const line of stdout.split("\n")) {
      const begun = /^[0-9a-f]+ <([^>]+)>:$/.exec(line)?.[1];
      if (begun !== undefined) symbol = begun;
      const instruction = /^\s+[0-9a-f]+:\s+(\S.*)$/.exec(line)?.[1];
      if (instruction === undefined) continue;
      count += 1;
      if (/^i?div[bwlq]?\s/.test(instruction)) found.push({ module, functions: names(symbol), instruction });
    }
    if (count < 10_000) throw new Error(`objdump shows ${count} instructions of ${module}`);
  }
  return found;
}

/** Compiled functions that may divide, by the first of the guest's that they are made of; how many divisions at most. */
export const PUBLIC_DIVISIONS: Record<string, { most: number; divides: string }> = {
  "x509/time.ts readTime": { most: 5, divides: "years and days of a certificate's time" },
  "crypto/aes.ts Aes#constructor": { most: 1, divides: "a place in the key schedule by the key's length" },
  "crypto/aes.ts Aes#rekey": { most: 1, divides: "a place in the key schedule by the key's length" },
  "tls/fingerprint.ts writeCount": { most: 1, divides: "a count of what a ClientHello offers" },
  "tls/record/writer.ts RecordWriter#close": { most: 2, divides: "the length of a record's content" },
};

/** Those that are not listed, or more than are listed. */
export function unlisted(all: readonly Division[]): Division[] {
  const seen = new Map<string, number>();
  return all.filter(({ module, functions }) => {
    const place = `${module} ${functions[0]}`;
    const count = (seen.get(place) ?? 0) + 1;
    seen.set(place, count);
    return count > (PUBLIC_DIVISIONS[functions[0]!]?.most ?? 0);
  });
}

const run = promisify(execFile);
