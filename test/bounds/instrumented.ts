/**
 * The door and the vault of the image with counters in them: a field multiplication (a squaring counts as one) adds one to its field's, a
 * permutation of Keccak one to Keccak's, and the top of the arena can be read. Test builds; nothing else is changed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileGuest, GUEST_MODULES, ROOT } from "../../infra/image/compile-guest.ts";

/** What was computed since the instance was made. */
export interface Work {
  /** Multiplications mod 2^255 − 19. */
  field25519: number;
  /** Multiplications mod the prime of P-256. */
  p256: number;
  /** Multiplications mod the prime or the order of P-384. */
  p384: number;
  /** Permutations of Keccak-f[1600]. */
  keccak: number;
}

type Exports = Record<string, (...args: number[]) => bigint | number>;

const COUNTERS = {
  field25519: "field25519",
  p256: "p256-product",
  p384: "p384-modulus",
  keccak: "keccak",
} as const satisfies Record<keyof Work, string>;

/** The door verifies nothing, the vault exchanges no keys. */
const ABSENT = { door: "p384", vault: "keccak" } as const;

/** Where each counter goes up: behind a line that is there once. */
const PLACES: Record<string, string[]> = {
  field25519: [
    "private carry(h0: i64, h1: i64, h2: i64, h3: i64, h4: i64, h5: i64, h6: i64, h7: i64, h8: i64, h9: i64): void {",
  ],
  "p256-product": [
    "export function fieldMul(out: Limbs, a: Limbs, b: Limbs): void {",
    "export function fieldSquare(out: Limbs, a: Limbs): void {",
    "export function fieldMulSub(out: Limbs, a: Limbs, b: Limbs, c: Limbs): void {",
    "export function fieldSquareSub(out: Limbs, a: Limbs, c: Limbs, d: Limbs): void {",
  ],
  "p384-modulus": ["multiply(out: Number384, a: Number384, b: Number384): void {"],
  keccak: ["function permute(state: Bytes): void {"],
};

/** Compiles the instrumented module (always anew) and returns it. */
export async function instrumented(module: "door" | "vault"): Promise<WebAssembly.Module> {
  const { entry, ...rest } = GUEST_MODULES[module];
  const names = Object.entries(COUNTERS).filter(([name]) => name !== ABSENT[module]);
  const exports = names
    .map(
      ([name, file]) =>
        `import { counted as ${name} } from "./crypto/${file}";\nexport function ${name}Count(): u64 {\n  return ${name};\n}\n`,
    )
    .join("");
  const out = `build/bounds/${module}.wasm`;
  const patched = new Set<string>();
  await compileGuest({
    ...{ entry, out, ...rest },
    patch(file, text) {
      const name = /^unikernel\/guest\/crypto\/(.*)\.ts$/.exec(file)?.[1];
      const places = name === undefined ? undefined : PLACES[name];
      if (places !== undefined) {
        patched.add(file);
        return `${places.reduce(counting, text)}\nexport let counted: u64 = 0;\n`;
      }
      return file === entry
        ? `import { top } from "arena";\n${exports}export function arenaTop(): usize {\n  return top();\n}\n${text}`
        : text;
    },
  });
  if (patched.size !== names.length) throw new Error(`only ${[...patched].join(", ")} is part of ${module}`);
  return new WebAssembly.Module(readFileSync(join(ROOT, out)));
}

function counting(text: string, line: string): string {
  if (text.split(line).length !== 2) throw new Error(`not there once: ${line}`);
  return text.replace(line, `${line}\n    counted++;`);
}

export function work(exports: object): Work {
  const count = (name: keyof Work) => Number((exports as Exports)[`${name}Count`]?.() ?? 0);
  return { field25519: count("field25519"), p256: count("p256"), p384: count("p384"), keccak: count("keccak") };
}

/** Bytes of linear memory that are taken, constants included. */
export function taken(exports: object): number {
  return Number((exports as Exports).arenaTop!());
}
