/**
 * That the cases and handshakes enter every function of guest/crypto and guest/vault, so that one which comes later is not left out by being
 * forgotten. Told by the addresses of all instructions that were executed; what is not entered is listed here with the reason.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";
import { functionLines } from "./names.ts";

const FOLDERS = ["crypto", "vault"];

/** By FILE FUNCTION, or FILE for all of one. */
const NOT_ENTERED: Record<string, string> = {
  "crypto/ecdsa-p384.ts": "verifies only",
  "crypto/p384-modulus.ts": "verifies only",
  "crypto/sha512.ts sha512": "nothing in the image calls it",
  "crypto/chacha20poly1305.ts ChaCha20Poly1305#wipe":
    "the same code as another wipe, with which the compiler merges it",
  "crypto/p256-scalar.ts scalarSum": "the same code as fieldAdd, with which the compiler merges it",
};
/** What runs when a module starts, before there is a secret, and what reads a field. */
const TRIVIAL = /#constructor$|#length$| new[A-Z]\w*$/;

/** Functions of the guest that no run has entered and that are not listed. */
export function notEntered(entered: ReadonlySet<string>): string[] {
  return FOLDERS.flatMap(functionsOf).filter((name) => !entered.has(name) && !TRIVIAL.test(name) && !isListed(name));
}

function isListed(name: string): boolean {
  return NOT_ENTERED[name] !== undefined || NOT_ENTERED[name.split(" ")[0]!] !== undefined;
}

function functionsOf(folder: string): string[] {
  const files = readdirSync(join(ROOT, "unikernel/guest", folder)).filter((name) => name.endsWith(".ts"));
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, "unikernel/guest", folder, file), "utf8");
    const at = functionLines(text);
    const names = new Set(text.split("\n").map((_, i) => at(i + 1)));
    names.delete("(start)");
    return [...names].map((name) => `${folder}/${file} ${name}`);
  });
}
