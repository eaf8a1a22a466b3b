/**
 * Proof that the corpus can fail: the guest with one rule taken out or bent, in each of seventy places, has to be caught by a case. The test
 * tries some of them; `npx tsx test/conformance/certificates/mutants.ts` tries all (a minute and a half) and says which case caught which.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileGuest, ROOT } from "../../../infra/image/compile-guest.ts";
import type { Exports, Harness } from "../../support/harness.ts";
import { type Corpus, makeCorpus } from "./corpus.ts";
import { judgeByHarness } from "./judges.ts";

/** A file of unikernel/guest/x509, a piece of it, and what stands in its place. */
export type Mutant = [file: string, from: string, to: string];

/**
 * Not among them: the comparison of `signedWith` with the issuer's scheme in path.ts, which only saves a verification that the length of
 * the key would refuse.
 */
// biome-ignore format: a table
export const MUTANTS: Mutant[] = [
  ["certificate.ts", "if (!ALGORITHM.equals(INNER_ALGORITHM)) der.fail();", ""],
  ["certificate.ts", "VALUE.length > MAX_SERIAL_LENGTH || ", ""],
  ["certificate.ts", " || (VALUE.length == 1 && VALUE[0] == 0)", ""],
  ["certificate.ts", "if (isEmptyName(this.issuer)) der.fail();", ""],
  ["certificate.ts", "if (der.peek() == CONTEXT + 1 || der.peek() == CONTEXT + 2) this.refuse(Failure.CertificateUnsupported);", ""],
  ["certificate.ts", "if (version == 0) der.fail();", ""],
  ["certificate.ts", "if (version != 2) this.refuse(Failure.CertificateUnsupported);", ""],
  ["certificate.ts", "if (version != 2)", "if (version < 2)"],
  ["certificate.ts", "if (key.length != ED25519_PUBLIC_KEY_LENGTH) der.fail();", ""],
  ["certificate.ts", "this.publicKey.length == length && this.publicKey[0] == UNCOMPRESSED", "this.publicKey.length == length"],
  ["certificate.ts", "return der.done ? this.refusal : Failure.CertificateMalformed;", "return !der.failed ? this.refusal : Failure.CertificateMalformed;"],
  ["extensions.ts", "if (!der.more) der.fail();\n    while (der.more) this.readOne(der);", "while (der.more) this.readOne(der);"],
  ["extensions.ts", "if (this.pathLength != NO_PATH_LIMIT && !this.isAuthority) der.fail();", ""],
  ["extensions.ts", "if (identifier.equals(this.identifiers[i])) der.fail();", ""],
  ["extensions.ts", "if (critical && isKeyIdentifier(known)) this.unknownCritical = true;", ""],
  ["extensions.ts", "if (critical || constrainsPath(identifier)) this", "if (critical) this"],
  ["extensions.ts", "if (critical || constrainsPath(identifier)) this", "if (constrainsPath(identifier)) this"],
  ["extensions.ts", "identifier[2] == NAME_CONSTRAINTS || ", ""],
  ["extensions.ts", "identifier[2] == POLICY_CONSTRAINTS || ", ""],
  ["extensions.ts", " || identifier[2] == INHIBIT_ANY_POLICY", ""],
  ["extensions.ts", "this.hasPurposes = true;\n    der.enter(SEQUENCE);\n    if (!der.more) der.fail();", "this.hasPurposes = true;\n    der.enter(SEQUENCE);"],
  ["extensions.ts", "if (VALUE.length != 4 && VALUE.length != 16) der.fail();", ""],
  ["extensions.ts", "if (!isAsciiText(VALUE)) der.fail();", ""],
  ["extensions.ts", "function readGeneralNames(der: Der): void {\n  if (!der.more) der.fail();", "function readGeneralNames(der: Der): void {"],
  ["names.ts", "if (!first && !comesBefore(PREVIOUS, CURRENT)) der.fail();", ""],
  ["names.ts", "if (left != right) return left < right;\n  }\n  return false;", "if (left != right) return left < right;\n  }\n  return true;"],
  ["names.ts", "der.enter(SET);\n  if (!der.more) der.fail();\n  let first", "der.enter(SET);\n  let first"],
  ["names.ts", "if (tag != PRINTABLE_STRING && tag != UTF8_STRING && tag != IA5_STRING) der.fail();", ""],
  ["names.ts", "if (VALUE.length == 0) der.fail();", ""],
  ["time.ts", "if (year < 2050) return refuse(der);", ""],
  ["time.ts", "year >= 50 ? 1900 : 2000", "2000"],
  ["time.ts", "month > 12", "month > 13"],
  ["time.ts", "day < 1 || ", ""],
  ["time.ts", "month < 1 || ", ""],
  ["time.ts", "year % 100 != 0 || year % 400 == 0", "true"],
  ["time.ts", "isLeap(year) ? 29 : 28", "29"],
  ["time.ts", "hour > 23", "hour > 24"],
  ["time.ts", "minute > 59", "minute > 60"],
  ["time.ts", "second > 59", "second > 60"],
  ["time.ts", " || text[at + 10] != 0x5a /* Z */", ""],
  ["time.ts", "if (digit > 9) return NOT_A_NUMBER;", ""],
  ["path.ts", "if (bytes.length > MAX_CHAIN_LENGTH)", "if (bytes.length >= MAX_CHAIN_LENGTH)"],
  ["path.ts", "if (bytes.length > MAX_CHAIN_LENGTH)", "if (bytes.length > MAX_CHAIN_LENGTH + 1)"],
  ["path.ts", "if (this.hasTwice(anchor)) return Failure.CertificateNameMismatch;", ""],
  ["path.ts", "if (at < certificate.notBefore)", "if (at <= certificate.notBefore)"],
  ["path.ts", "if (at > certificate.notAfter)", "if (at >= certificate.notAfter)"],
  ["path.ts", "for (let i: u32 = 0; i <= this.count; i++) {\n      const certificate = i < this.count", "for (let i: u32 = 0; i < this.count; i++) {\n      const certificate = i < this.count"],
  ["path.ts", "if (extensions.isAuthority) return Failure.CertificateIsAuthority;", ""],
  ["path.ts", " && (extensions.keyUsage & KEY_CERT_SIGN) == 0;", ";"],
  ["path.ts", "(extensions.keyUsage & DIGITAL_SIGNATURE) != 0 && ", ""],
  ["path.ts", "if (!extensions.isAuthority) return Failure.CertificateNotAuthority;", ""],
  ["path.ts", "if (!isAuthority(issuer)) return Failure.CertificatePurposeWrong;", ""],
  ["path.ts", "if (extensions.hasPurposes && (extensions.purposes & purpose) == 0) return Failure.CertificatePurposeWrong;", ""],
  ["path.ts", "below > extensions.pathLength", "below >= extensions.pathLength"],
  ["path.ts", "below > extensions.pathLength", "below > extensions.pathLength + 1"],
  ["path.ts", "return below > extensions.pathLength ? Failure.CertificatePathTooLong : Failure.None;", "return Failure.None;"],
  ["path.ts", "const purpose = role == Role.Server ? SERVER_AUTH : CLIENT_AUTH;", "const purpose = CLIENT_AUTH | SERVER_AUTH;"],
  ["path.ts", "for (let i = this.count; i > 0; i--) {", "for (let i = this.count; i > 1; i--) {"],
  ["path.ts", "for (let i = this.count; i > 0; i--) {", "for (let i: u32 = 1; i > 0; i--) {"],
  ["der.ts", "if (this.position != this.end) this.bad = true;\n    if (this.bad) return;\n    this.depth -= 1;", "if (this.bad) return;\n    this.position = this.end;\n    this.depth -= 1;"],
  ["der.ts", "if (length < 0x80) return this.refuse();", ""],
  ["der.ts", "if (length < 0x100) return this.refuse();", ""],
  ["der.ts", "if (into.length == 0 || into[0] >= 0x80) this.bad = true;\n    else if", "if (into.length == 0) this.bad = true;\n    else if"],
  ["der.ts", "else if (into.length > 1 && into[0] == 0 && into[1] < 0x80) this.bad = true;", ""],
  ["der.ts", "if (starts && into[i] == 0x80) this.bad = true;", ""],
  ["der.ts", "if (!starts) this.bad = true;", ""],
  ["der.ts", "if (into.length == 0 || into[0] != 0) this.bad = true;", "if (into.length == 0) this.bad = true;"],
  ["der.ts", "if (this.bytes[this.position] != 0xff) this.bad = true;", ""],
  ["der.ts", "if (unused > 7 || ctz<u32>(last) != unused) this.bad = true;", ""],
  ["der.ts", "if (unused > 7 || ctz<u32>(last) != unused) this.bad = true;", "if (unused > 7 || ctz<u32>(last) < unused) this.bad = true;"],
  ["der.ts", "if (value.length > 4) this.bad = true;", ""],
];

/** The cases whose verdict this mutant gets wrong; a trap counts. */
export async function caughtBy(corpus: Corpus, mutant: Mutant): Promise<string[]> {
  const caught: string[] = [];
  judgeByHarness(await buildMutant(mutant), corpus, (name, outcome) => {
    if (outcome === "failed") caught.push(name);
  });
  return caught;
}

async function buildMutant([file, from, to]: Mutant): Promise<Pick<Harness, "call" | "write">> {
  const path = `unikernel/guest/x509/${file}`;
  if (!readFileSync(join(ROOT, path), "utf8").includes(from)) throw new Error(`${path} has no longer: ${from}`);
  const out = "build/harness/x509-mutant.wasm";
  const patch = (name: string, text: string) => (name === path ? text.replace(from, () => to) : text);
  await compileGuest({ entry: "test/unikernel/guest/harness/x509.ts", out, pages: 32, patch });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(join(ROOT, out))), {});
  const call = exports as Exports;
  const { buffer } = exports.memory as WebAssembly.Memory;
  return {
    call,
    write: (bytes, offset = 0) => new Uint8Array(buffer, call.input!() + offset, bytes.length).set(bytes),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const corpus = await makeCorpus();
  for (const mutant of MUTANTS) {
    const caught = await caughtBy(corpus, mutant);
    const by = caught.length === 0 ? "NOT CAUGHT" : `${caught.length} cases, ${caught[0]} the first`;
    process.stdout.write(
      `${mutant[0]}: ${mutant[1].split("\n")[0]} → ${mutant[2].split("\n")[0] || "nothing"}: ${by}\n`,
    );
    if (caught.length === 0) process.exitCode = 1;
  }
}
