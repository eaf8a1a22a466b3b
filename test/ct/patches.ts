/**
 * How a test build of the guest differs from the image: the exports of the harness, and at each place of DECLASSIFIED a statement that tells valgrind
 * that a value is public from here on. Replacements keep the number of lines, so that source positions stay right.
 *
 * The statement is three calls of memory.grow (site, address, length): the one thing that a guest without imports can call outside with, and that
 * the image's own board answers with "no". test/ct/native/runtime.c knows what is meant.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../infra/image/compile-guest.ts";

/** Replacements in one file: each text must be there exactly once. */
export interface Patch {
  file: string;
  replace: [from: string, to: string][];
}

/** A value that is secret by its making and public by its meaning. */
export interface Declassified extends Patch {
  /** Its name in tables and in docs/constant-time.md. */
  name: string;
}

const GUEST = "unikernel/guest";

/** A declassification's number is its place in this list, from 1. */
export const DECLASSIFIED: Declassified[] = [
  {
    name: "private key in range",
    file: `${GUEST}/crypto/p256.ts`,
    replace: [
      ["  return valid;", "  return Bytes.verdict($, valid);"],
      [
        "  assert(<bool>scalarFromBytes(k, scalar));\n  multiplyBase",
        "  assert(Bytes.verdict($, <bool>scalarFromBytes(k, scalar)));\n  multiplyBase",
      ],
      [
        "  assert(<bool>scalarFromBytes(k, scalar));\n  multiply(",
        "  assert(Bytes.verdict($, <bool>scalarFromBytes(k, scalar)));\n  multiply(",
      ],
    ],
  },
  {
    name: "signing key in range",
    file: `${GUEST}/crypto/ecdsa-p256.ts`,
    replace: [
      ["assert(<bool>scalarFromBytes(key, scalar));", "assert(Bytes.verdict($, <bool>scalarFromBytes(key, scalar)));"],
    ],
  },
  {
    name: "nonce accepted",
    file: `${GUEST}/crypto/ecdsa-p256.ts`,
    replace: [
      [
        "if (!scalarFromBytes(nonce, VALUE)) return false;",
        "if (!Bytes.verdict($, <bool>scalarFromBytes(nonce, VALUE))) return false;",
      ],
      [
        "return <bool>((r.isZero() | s.isZero()) ^ 1);",
        "return Bytes.verdict($, <bool>((r.isZero() | s.isZero()) ^ 1));",
      ],
    ],
  },
  {
    name: "ECDSA signature",
    file: `${GUEST}/vault/identity.ts`,
    replace: [
      ["return ecdsaSignatureToDer(RAW_SIGNATURE, out);", "return ecdsaSignatureToDer(RAW_SIGNATURE.reveal($), out);"],
    ],
  },
  {
    name: "own public key",
    file: `${GUEST}/vault/identity.ts`,
    replace: [
      ["return publicKey.equals(certificate.publicKey);", "return publicKey.reveal($).equals(certificate.publicKey);"],
    ],
  },
  {
    name: "share of small order",
    file: `${GUEST}/crypto/x25519.ts`,
    replace: [["  return any != 0;", "  return Bytes.verdict($, any != 0);"]],
  },
  {
    name: "seed of ML-KEM's matrix",
    file: `${GUEST}/crypto/ml-kem.ts`,
    replace: [["rho.put(0, ONE.aim(PAIR, 0, 32));", "rho.put(0, ONE.aim(PAIR, 0, 32)); rho.reveal($);"]],
  },
  {
    name: "AES-GCM tag's verdict",
    file: `${GUEST}/crypto/aes-gcm.ts`,
    replace: [["const good = EXPECTED.equals(tag);", "const good = Bytes.verdict($, EXPECTED.equals(tag));"]],
  },
  {
    name: "ChaCha20-Poly1305 tag's verdict",
    file: `${GUEST}/crypto/chacha20poly1305.ts`,
    replace: [["const good = EXPECTED.equals(tag);", "const good = Bytes.verdict($, EXPECTED.equals(tag));"]],
  },
  {
    name: "plaintext of the peer",
    file: `${GUEST}/tls/record/protection.ts`,
    replace: [
      [
        "tag)) return false;\n    this.sequence += 1;",
        "tag)) return false;\n    content.reveal($); this.sequence += 1;",
      ],
    ],
  },
  {
    name: "record in the clear",
    file: `${GUEST}/tls/record/writer.ts`,
    replace: [
      [
        "this.putHeader(type, content.length);\n    this.length +=",
        "this.putHeader(type, content.length); content.written().reveal($);\n    this.length +=",
      ],
    ],
  },
  {
    name: "GREASE values",
    file: `${GUEST}/tls/grease.ts`,
    replace: [["generator.fill(this.random);", "generator.fill(this.random); this.random.reveal($);"]],
  },
  {
    name: "own session id",
    file: `${GUEST}/tls/states/client-hello.ts`,
    replace: [
      [
        "connection.generator.fill(content.sessionId);",
        "connection.generator.fill(content.sessionId); content.sessionId.reveal($);",
      ],
    ],
  },
  {
    name: "own hello",
    file: `${GUEST}/tls/states/client-hello.ts`,
    replace: [["first.put(0, writer.written());", "first.put(0, writer.written()); first.reveal($);"]],
  },
  {
    name: "transcript to be verified",
    file: `${GUEST}/tls/states/authentication.ts`,
    replace: [
      ["    VERIFY.signature,\n    transcript.hash(),", "    VERIFY.signature,\n    transcript.hash().reveal($),"],
    ],
  },
  {
    name: "Finished's verdict",
    file: `${GUEST}/tls/states/authentication.ts`,
    replace: [
      ["return body.equals(expected) ? Failure.None", "return Bytes.verdict($, body.equals(expected)) ? Failure.None"],
    ],
  },
  {
    name: "ticket's verdict",
    file: `${GUEST}/vault/tickets.ts`,
    replace: [
      [
        "const right = ticket.value.equals(presented);",
        "const right = Bytes.verdict($, ticket.value.equals(presented));",
      ],
    ],
  },
];

/** The site that is no place in the guest: what the harness carries from door to door. */
export const ON_THE_WIRE = 0;

const METHODS = [
  "  reveal(site: u32): Bytes { memory.grow(<i32>site); memory.grow(<i32>this.at); memory.grow(<i32>this.size); return this; }",
  "  static verdict(site: u32, value: bool): bool { const at = memory.data(1); store<u8>(at, value);" +
    " memory.grow(<i32>site); memory.grow(<i32>at); memory.grow(1); return load<u8>(at) != 0; }",
].join("");

/** What every test build has. The server's choice of suite and group is made for it, so that each is seen. */
const COMMON: Patch[] = [
  ...DECLASSIFIED.map((one, i) => ({
    ...one,
    replace: one.replace.map(([from, to]): [string, string] => [from, to.replace("$", String(i + 1))]),
  })),
  { file: `${GUEST}/prim/bytes.ts`, replace: [["  get length(): u32 {", `${METHODS}  get length(): u32 {`]] },
  {
    file: `${GUEST}/tls/suite.ts`,
    replace: [
      [
        "export function chooseSuite(offered: Bytes): u32 {",
        "let ctSuite: u32 = 0; export function ctChooseSuite(number: u32): void { ctSuite = number; } " +
          "export function chooseSuite(offered: Bytes): u32 { if (ctSuite != 0) return ctSuite;",
      ],
    ],
  },
  {
    file: `${GUEST}/tls/key-exchange.ts`,
    replace: [
      [
        "export function ourGroup(i: u32): u32 {",
        "let ctGroup: u32 = 0; export function ctChooseGroup(number: u32): void { ctGroup = number; } " +
          "export function ourGroup(i: u32): u32 { if (ctGroup != 0) return i == 0 ? ctGroup : 0;",
      ],
    ],
  },
];

/** Exports that are added, by module's entry file. */
const EXPORTS: Record<string, string> = {
  [`${GUEST}/vault.ts`]: 'export * from "../../test/unikernel/guest/harness/ct";\n',
  [`${GUEST}/door.ts`]: [
    'import { ctChooseSuite } from "./tls/suite";',
    'import { ctChooseGroup } from "./tls/key-exchange";',
    "export function ctChoose(suite: u32, group: u32): void { ctChooseSuite(suite); ctChooseGroup(group); }\n",
  ].join("\n"),
};

/** A patch that does not fit the guest's source any more. */
export class PatchError extends Error {
  override name = "PatchError";
}

/** The source text of a test build's file. */
export function patched(file: string, text: string, leaks: readonly Patch[]): string {
  const all = [...COMMON, ...leaks].filter((patch) => patch.file === file);
  const changed = all.reduce(
    (before, { replace }) => replace.reduce((now, one) => replaced(file, now, one), before),
    text,
  );
  return changed + (EXPORTS[file] ?? "");
}

function replaced(file: string, text: string, [from, to]: [string, string]): string {
  if (text.split(from).length !== 2) throw new PatchError(`${file} does not hold once: ${from}`);
  if (from.split("\n").length !== to.split("\n").length) throw new PatchError(`${file}: lines would move: ${from}`);
  return text.replace(from, () => to);
}

/** All texts that decide what a test build is, for telling whether one is stale. */
export function patchInputs(leaks: readonly Patch[]): string[] {
  const harness = readFileSync(join(ROOT, "test/unikernel/guest/harness/ct.ts"), "utf8");
  return [harness, JSON.stringify([COMMON, EXPORTS, leaks])];
}
