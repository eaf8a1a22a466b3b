/**
 * What guest code must not contain. `--noUnsafe` refuses raw memory access outside prim; this refuses by name what the compiler would
 * let through: library classes whose bounds checks overflow, and ways around the checks.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GUEST_MODULES, ROOT } from "../../../infra/image/compile-guest.ts";

const GUEST = join(ROOT, "unikernel/guest");
const sources = (readdirSync(GUEST, { recursive: true }) as string[]).filter((file) => file.endsWith(".ts"));

/** The code of a file without its comments. */
function codeOf(file: string): string {
  return readFileSync(join(GUEST, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

const FORBIDDEN = [
  {
    what: "overflowing bounds checks",
    pattern: /\bDataView\b|\.wrap\(|\b(Uint|Int|Float)\d+(Clamped)?Array\b|\bArrayBuffer\b/,
  },
  { what: "unchecked access", pattern: /\bunchecked\(|@unsafe\b/ },
  { what: "memory that grows", pattern: /\bmemory\.grow\b|\bnew (Array|Map|Set)\b/ },
  { what: "vector instructions, which wasm2c does not know", pattern: /\bv128\b|\b[iu](8x16|16x8|32x4|64x2)\b/ },
];

describe("guest code", () => {
  it("was found", () => {
    expect(sources.length).toBeGreaterThan(60);
  });

  it.each(FORBIDDEN)("has no $what", ({ pattern }) => {
    expect(sources.filter((file) => pattern.test(codeOf(file)))).toEqual([]);
  });

  it("touches raw memory in prim alone", () => {
    const raw = /\b(load|store)<|\bchangetype<|\bmemory\.(copy|fill)\b|\bheap\./;
    expect(sources.filter((file) => raw.test(codeOf(file)))).toEqual(["prim/arena.ts", "prim/bytes.ts"]);
  });

  it("exports to the board from its entries alone, and imports from it in door/ alone", () => {
    const entries = Object.values(GUEST_MODULES).map(({ entry }) => entry.replace("unikernel/guest/", ""));
    expect(entries.toSorted()).toEqual(["door.ts", "net.ts", "vault.ts"]);
    expect(sources.filter((file) => /\bdeclare function\b|@external/.test(codeOf(file))).toSorted()).toEqual([
      "door/board.ts",
      "door/vault.ts",
    ]);
  });
});
