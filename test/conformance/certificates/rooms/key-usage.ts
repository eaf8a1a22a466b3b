/** keyUsage (RFC 5280 §4.2.1.3): digitalSignature in a leaf, keyCertSign in a CA and in nothing else, and how the bits are written. */
import type { Extension } from "@peculiar/x509";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { basicConstraints, KeyUsageFlags, keyUsage } from "../../../support/certificates.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import { R } from "../rules.ts";
import { criticalExtension, plainExtension, type World } from "../world.ts";
import { bits, integer, OID } from "./words.ts";

const { CertificateMalformed, CertificatePurposeWrong } = Failure;
const F = KeyUsageFlags;

const leaf = (usage: Extension | null) => (w: World) => w.one({ usage });
const authority = (usage: Extension | null) => (w: World) => w.below({ usage });
const raw = (...bytes: number[]) => criticalExtension(OID.keyUsage, bits(...bytes));

/** Every bit but digitalSignature: alone it makes no peer; beside digitalSignature it does no harm, unless it makes a CA of the leaf. */
const OTHERS = [
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
const alone: Case[] = OTHERS.map((name) =>
  wrong(
    `only-${name}`,
    `a leaf for ${name} only`,
    CertificatePurposeWrong,
    R.digitalSignature,
    leaf(keyUsage(F[name])),
  ),
);
const beside: Case[] = OTHERS.map((name) =>
  right(
    `signature-and-${name}`,
    `a leaf for digitalSignature and ${name}`,
    R.digitalSignature,
    leaf(keyUsage(F.digitalSignature | F[name])),
  ),
);
/** An intermediate with each bit but keyCertSign. */
const authorities: Case[] = (["digitalSignature", ...OTHERS] as const).map((name) =>
  wrong(
    `authority-only-${name}`,
    `an intermediate for ${name} only`,
    CertificatePurposeWrong,
    R.certSign,
    authority(keyUsage(F[name])),
  ),
);

export const KEY_USAGE: Room = {
  id: "key-usage",
  title: "Key usage",
  cases: [
    right("signature", "a leaf for digitalSignature", R.digitalSignature, leaf(keyUsage(F.digitalSignature))),
    right("not-critical", "the same, not critical", R.usageCritical, leaf(plainExtension(OID.keyUsage, bits(7, 0x80)))),
    wrong("absent", "a leaf without keyUsage", CertificatePurposeWrong, R.usageRequired, leaf(null)),
    ...alone,
    ...beside,
    wrong(
      "server-only-keyEncipherment",
      "a server for keyEncipherment only",
      CertificatePurposeWrong,
      R.digitalSignature,
      (w) => w.one({ purpose: "server", usage: keyUsage(F.keyEncipherment) }),
      { role: "server" },
    ),
    wrong(
      "server-only-keyAgreement",
      "a server for keyAgreement only",
      CertificatePurposeWrong,
      R.digitalSignature,
      (w) => w.one({ purpose: "server", usage: keyUsage(F.keyAgreement) }),
      { role: "server" },
    ),
    wrong(
      "server-only-cRLSign",
      "a server for cRLSign only",
      CertificatePurposeWrong,
      R.digitalSignature,
      (w) => w.one({ purpose: "server", usage: keyUsage(F.cRLSign) }),
      { role: "server" },
    ),
    right(
      "server-signature",
      "a server for digitalSignature",
      R.digitalSignature,
      (w) => w.one({ purpose: "server", usage: keyUsage(F.digitalSignature) }),
      { role: "server" },
    ),
    wrong(
      "leaf-certSign",
      "a leaf that claims keyCertSign too",
      CertificatePurposeWrong,
      R.certSignWithoutCa,
      leaf(keyUsage(F.digitalSignature | F.keyCertSign)),
    ),
    wrong(
      "leaf-certSign-no-ca",
      "the same with a basicConstraints that says no CA",
      CertificatePurposeWrong,
      R.certSignWithoutCa,
      (w) => w.one({ constraints: basicConstraints(false), usage: keyUsage(F.digitalSignature | F.keyCertSign) }),
    ),
    wrong(
      "leaf-only-certSign",
      "a leaf for keyCertSign only",
      CertificatePurposeWrong,
      R.certSignWithoutCa,
      leaf(keyUsage(F.keyCertSign)),
    ),
    right("authority", "an intermediate for keyCertSign", R.certSign, authority(keyUsage(F.keyCertSign))),
    right(
      "authority-signature",
      "an intermediate for keyCertSign and digitalSignature",
      R.certSign,
      authority(keyUsage(F.keyCertSign | F.digitalSignature)),
    ),
    right(
      "authority-not-critical",
      "an intermediate whose keyUsage is not critical",
      R.usageCritical,
      authority(plainExtension(OID.keyUsage, bits(2, 0x04))),
    ),
    wrong(
      "authority-absent",
      "an intermediate without keyUsage",
      CertificatePurposeWrong,
      R.usageRequired,
      authority(null),
    ),
    ...authorities,
    wrong("anchor-absent", "a trust anchor without keyUsage", CertificatePurposeWrong, R.usageRequired, (w) =>
      w.anchored({ usage: null }),
    ),
    wrong("anchor-no-certSign", "a trust anchor without keyCertSign", CertificatePurposeWrong, R.certSign, (w) =>
      w.anchored({ usage: keyUsage(F.cRLSign) }),
    ),

    // Encodings. digitalSignature is the first bit, decipherOnly the ninth.
    right("all-bits", "all usages but keyCertSign, in two bytes", R.digitalSignature, leaf(raw(7, 0xfb, 0x80))),
    wrong("no-bit", "no usage", CertificateMalformed, R.someUsage, leaf(raw(0))),
    wrong("zero-bit", "no usage, a zero written out", CertificateMalformed, R.trailingBits, leaf(raw(7, 0))),
    wrong(
      "trailing-zero-bits",
      "zero bits behind the last one",
      CertificateMalformed,
      R.trailingBits,
      leaf(raw(0, 0x80)),
    ),
    wrong(
      "trailing-zero-byte",
      "a zero byte behind the last bit",
      CertificateMalformed,
      R.trailingBits,
      leaf(raw(7, 0x80, 0)),
    ),
    wrong("unused-bits-set", "an unused bit that is set", CertificateMalformed, R.unusedBits, leaf(raw(7, 0x81))),
    wrong("eight-unused-bits", "eight unused bits", CertificateMalformed, R.unusedBits, leaf(raw(8, 0x80, 0))),
    wrong(
      "unused-bits-of-nothing",
      "unused bits where there is no byte",
      CertificateMalformed,
      R.unusedBits,
      leaf(raw(7)),
    ),
    wrong("no-content", "a BIT STRING without a byte", CertificateMalformed, R.contents, leaf(raw())),
    wrong(
      "integer",
      "an INTEGER for the bits",
      CertificateMalformed,
      R.tag,
      leaf(criticalExtension(OID.keyUsage, integer(0x80))),
    ),
    wrong(
      "trailing-byte",
      "a byte behind the bits",
      CertificateMalformed,
      R.contents,
      leaf(criticalExtension(OID.keyUsage, bits(7, 0x80), Uint8Array.of(0))),
    ),
    wrong(
      "constructed",
      "a BIT STRING in parts",
      CertificateMalformed,
      R.primitiveString,
      leaf(criticalExtension(OID.keyUsage, Uint8Array.of(0x23, 4, 3, 2, 7, 0x80))),
    ),
  ],
};
