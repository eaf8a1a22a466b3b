/** extKeyUsage (RFC 5280 §4.2.1.12), by the role of the peer: named in every leaf, binding in a CA that has it. */
import type { Extension } from "@peculiar/x509";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { KeyUsageFlags, keyUsage, PURPOSE_OIDS, type Purpose, purposes } from "../../../support/certificates.ts";
import { element, oid, sequence } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import { R } from "../rules.ts";
import { criticalExtension, plainExtension, type World } from "../world.ts";
import { NULL, OID } from "./words.ts";

const { CertificateMalformed, CertificatePurposeWrong } = Failure;

const ANY = "2.5.29.37.0";
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const OTHERS = {
  codeSigning: CODE_SIGNING,
  emailProtection: "1.3.6.1.5.5.7.3.4",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
  unknown: "1.2.3.4.5",
};

const leaf = (list: Extension | null) => (w: World) => w.one({ purposes: list });
const raw = (...value: Uint8Array[]) => plainExtension(OID.purposes, ...value);
const client = oid(PURPOSE_OIDS.client);

/** The same questions of a peer in either role. */
const ofRole = (role: Purpose): Case[] => {
  const other = role === "client" ? "server" : "client";
  const own = (id: string) => `${role}-${id}`;
  return [
    right(own("alone"), `a ${role} with its purpose`, R.purposes, leaf(purposes(role)), { role }),
    right(own("both"), `a ${role} with both purposes`, R.purposes, leaf(purposes(role, other)), { role }),
    right(
      own("last"),
      `a ${role} with its purpose behind two others`,
      R.purposes,
      leaf(purposes(CODE_SIGNING, other, role)),
      { role },
    ),
    right(
      own("and-any"),
      `a ${role} with its purpose and anyExtendedKeyUsage`,
      R.anyPurpose,
      leaf(purposes(ANY, role)),
      { role },
    ),
    right(
      own("critical"),
      `a ${role} with its purpose, critical`,
      R.purposeCritical,
      leaf(criticalExtension(OID.purposes, sequence(oid(PURPOSE_OIDS[role])))),
      { role },
    ),
    wrong(
      own("other"),
      `a ${role} with the ${other}'s purpose`,
      CertificatePurposeWrong,
      R.purposes,
      leaf(purposes(other)),
      { role },
    ),
    wrong(
      own("any"),
      `a ${role} with anyExtendedKeyUsage only`,
      CertificatePurposeWrong,
      R.anyPurpose,
      leaf(purposes(ANY)),
      { role },
    ),
    wrong(own("absent"), `a ${role} without extKeyUsage`, CertificatePurposeWrong, R.purposeRequired, leaf(null), {
      role,
    }),
    wrong(
      own("critical-other"),
      `a ${role} with the ${other}'s purpose, critical`,
      CertificatePurposeWrong,
      R.purposes,
      leaf(criticalExtension(OID.purposes, sequence(oid(PURPOSE_OIDS[other])))),
      { role },
    ),
    ...Object.entries(OTHERS).map(([name, id]) =>
      wrong(own(name), `a ${role} for ${name} only`, CertificatePurposeWrong, R.purposes, leaf(purposes(id)), { role }),
    ),
    right(
      own("authority-same"),
      `a ${role} below a CA for its purpose`,
      R.authorityPurpose,
      (w) => w.below({ purposes: purposes(role) }, { purpose: role }),
      { role },
    ),
    right(
      own("authority-both"),
      `a ${role} below a CA for both purposes`,
      R.authorityPurpose,
      (w) => w.below({ purposes: purposes(role, other) }, { purpose: role }),
      { role },
    ),
    wrong(
      own("authority-other"),
      `a ${role} below a CA for the ${other}'s purpose`,
      CertificatePurposeWrong,
      R.authorityPurpose,
      (w) => w.below({ purposes: purposes(other) }, { purpose: [role, other] }),
      { role },
    ),
    wrong(
      own("authority-any"),
      `a ${role} below a CA for anyExtendedKeyUsage only`,
      CertificatePurposeWrong,
      R.authorityPurpose,
      (w) => w.below({ purposes: purposes(ANY) }, { purpose: role }),
      { role },
    ),
    wrong(
      own("anchor-other"),
      `a ${role} below an anchor for the ${other}'s purpose`,
      CertificatePurposeWrong,
      R.authorityPurpose,
      (w) => w.anchored({ purposes: purposes(other) }, { purpose: [role, other] }),
      { role },
    ),
    right(
      own("anchor-same"),
      `a ${role} below an anchor for its purpose`,
      R.authorityPurpose,
      (w) => w.anchored({ purposes: purposes(role) }, { purpose: role }),
      { role },
    ),
  ];
};

export const PURPOSES: Room = {
  id: "purposes",
  title: "Extended key usage, by role",
  cases: [
    ...ofRole("client"),
    ...ofRole("server"),
    wrong(
      "usage-contradicts",
      "a client's purpose and a keyUsage of keyEncipherment only",
      CertificatePurposeWrong,
      R.purposes,
      (w) => w.one({ usage: keyUsage(KeyUsageFlags.keyEncipherment) }),
    ),
    right("authority-absent", "a CA without extKeyUsage, which binds nothing", R.authorityPurpose, (w) => w.below()),
    wrong(
      "upper-authority-other",
      "the upper of two CAs is for servers only",
      CertificatePurposeWrong,
      R.authorityPurpose,
      async (w) => {
        const upper = await w.authority({ subject: "CN=Upper", purposes: purposes("server") });
        const lower = await w.authority({ subject: "CN=Lower", issuer: upper });
        return w.present(await w.leaf({ issuer: lower }), lower, upper);
      },
    ),
    right("same-twice", "a purpose twice", R.purposes, leaf(purposes("client", "client"))),

    // Encodings.
    wrong("empty", "an empty list", CertificateMalformed, R.somePurpose, leaf(raw(sequence()))),
    wrong(
      "empty-critical",
      "an empty list, critical",
      CertificateMalformed,
      R.somePurpose,
      leaf(criticalExtension(OID.purposes, sequence())),
    ),
    wrong("no-value", "an empty value", CertificateMalformed, R.contents, leaf(raw())),
    wrong("bare-identifier", "a purpose without its list", CertificateMalformed, R.somePurpose, leaf(raw(client))),
    wrong("null-in-list", "NULL in the list", CertificateMalformed, R.tag, leaf(raw(sequence(client, NULL)))),
    wrong(
      "empty-identifier",
      "an empty OBJECT IDENTIFIER in the list",
      CertificateMalformed,
      R.identifier,
      leaf(raw(sequence(client, element(6)))),
    ),
    wrong(
      "identifier-leading-80",
      "an OBJECT IDENTIFIER with a 0x80 too many in the list",
      CertificateMalformed,
      R.identifier,
      leaf(raw(sequence(client, element(6, Uint8Array.of(0x2a, 0x80, 3))))),
    ),
    wrong(
      "identifier-cut",
      "an OBJECT IDENTIFIER whose last arc is not finished",
      CertificateMalformed,
      R.identifier,
      leaf(raw(sequence(client, element(6, Uint8Array.of(0x2a, 0x83))))),
    ),
    wrong(
      "trailing-byte",
      "a byte behind the list",
      CertificateMalformed,
      R.contents,
      leaf(raw(sequence(client), Uint8Array.of(0))),
    ),
    wrong(
      "long-length",
      "the list's length in two bytes",
      CertificateMalformed,
      R.minimalLength,
      leaf(raw(Uint8Array.of(0x30, 0x81, client.length), client)),
    ),
    wrong("set-for-sequence", "a SET for the list", CertificateMalformed, R.tag, leaf(raw(element(0x31, client)))),
    wrong(
      "longer-identifier",
      "clientAuth with one arc more",
      CertificatePurposeWrong,
      R.purposes,
      leaf(purposes(`${PURPOSE_OIDS.client}.1`)),
    ),
    wrong(
      "shorter-identifier",
      "clientAuth without its last arc",
      CertificatePurposeWrong,
      R.purposes,
      leaf(purposes("1.3.6.1.5.5.7.3")),
    ),
  ],
};
