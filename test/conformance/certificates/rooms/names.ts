/**
 * Names (RFC 5280 §4.1.2.4, §4.1.2.6, §7.1): how they are built, and when an issuer's name is a subject's. We compare encodings; the RFC
 * would have case and blanks folded, which only accepts more. Its (a) in §4.1.2.6 asks a CA to write its name the same way everywhere.
 */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { constructed, type Node, oid, primitive } from "../../../support/der.ts";
import { type Room, right, wrong } from "../case.ts";
import { R } from "../rules.ts";
import { criticalExtension, FIELD, plainExtension, put, type World } from "../world.ts";
import { altNames, dns } from "./words.ts";

const { CertificateMalformed, CertificateUnknownAuthority, CertificateNameMismatch } = Failure;

const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const TELETEX = 0x14;
const IA5 = 0x16;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;

const CN = "2.5.4.3";
const O = "2.5.4.10";

type Text = string | number[] | Uint8Array;
const attribute = (type: string, tag: number, text: Text): Node =>
  constructed(0x30, { tag: 6, raw: oid(type) }, primitive(tag, text));
const rdn = (...attributes: Node[]): Node => constructed(0x31, ...attributes);
const name = (...rdns: Node[]): Node => constructed(0x30, ...rdns);
const cn = (tag: number, text: Text): Node => name(rdn(attribute(CN, tag, text)));

/** A leaf of this subject. */
const subject = (node: Node) => (w: World) => w.one({ edit: ({ tbs }) => put(tbs, FIELD.subject, node) });
/** A leaf with this issuer's name, signed by the root (whose name is CN=Root, O=Example). */
const issuer = (node: Node) => (w: World) => w.one({ edit: ({ tbs }) => put(tbs, FIELD.issuer, node) });
/** The root's name with its common name written so. */
const rootAs = (tag: number, text: Text) =>
  issuer(name(rdn(attribute(CN, tag, text)), rdn(attribute(O, PRINTABLE, "Example"))));

/** An intermediate of this name and a leaf that says the same of its issuer. */
const chained =
  (written: Node, copied: Node = written) =>
  (w: World) =>
    w.below(
      { edit: ({ tbs }) => put(tbs, FIELD.subject, written) },
      { edit: ({ tbs }) => put(tbs, FIELD.issuer, copied) },
    );

export const NAMES: Room = {
  id: "names",
  title: "Names",
  cases: [
    right("printable", "a subject in a PrintableString", R.stringType, subject(cn(PRINTABLE, "peer"))),
    right("utf8", "a subject in a UTF8String", R.stringType, subject(cn(UTF8, "Größe 漢字"))),
    right(
      "email",
      "an emailAddress in an IA5String",
      R.stringType,
      subject(name(rdn(attribute("1.2.840.113549.1.9.1", IA5, "peer@example.com")))),
    ),
    right(
      "domain-component",
      "two domainComponents",
      R.stringType,
      subject(
        name(
          rdn(attribute("0.9.2342.19200300.100.1.25", IA5, "com")),
          rdn(attribute("0.9.2342.19200300.100.1.25", IA5, "example")),
        ),
      ),
    ),
    right(
      "unknown-attribute",
      "an attribute that nobody knows",
      R.stringType,
      subject(name(rdn(attribute("1.2.3.4.5", UTF8, "peer")))),
    ),
    wrong("teletex", "a subject in a TeletexString", CertificateMalformed, R.stringType, subject(cn(TELETEX, "peer"))),
    wrong("bmp", "a subject in a BMPString", CertificateMalformed, R.stringType, subject(cn(BMP, [0, 0x70]))),
    wrong(
      "universal",
      "a subject in a UniversalString",
      CertificateMalformed,
      R.stringType,
      subject(cn(UNIVERSAL, [0, 0, 0, 0x70])),
    ),
    wrong(
      "octets",
      "an attribute that is an OCTET STRING",
      CertificateMalformed,
      R.stringType,
      subject(cn(0x04, "peer")),
    ),
    wrong("integer", "an attribute that is an INTEGER", CertificateMalformed, R.stringType, subject(cn(0x02, [1]))),
    wrong("empty-value", "an attribute without a character", CertificateMalformed, R.stringType, subject(cn(UTF8, ""))),
    right(
      "printable-at",
      "a PrintableString with an @, which it cannot hold",
      R.stringsUnread,
      subject(cn(PRINTABLE, "peer@example")),
    ),
    right("nul", "a NUL inside a name", R.stringsUnread, subject(cn(UTF8, "peer\0.example.com"))),
    right("bad-utf8", "a UTF8String that is no UTF-8", R.stringsUnread, subject(cn(UTF8, [0x70, 0xff]))),
    right("long-name", "a common name of 300 characters", R.stringsUnread, subject(cn(UTF8, "x".repeat(300)))),
    right(
      "many-attributes",
      "forty attributes",
      R.nameSyntax,
      subject(name(...Array.from({ length: 40 }, (_, i) => rdn(attribute(CN, UTF8, `n${i}`))))),
    ),

    // Structure.
    wrong(
      "empty-set",
      "a relative name without an attribute",
      CertificateMalformed,
      R.nameSyntax,
      subject(name(rdn())),
    ),
    right(
      "two-attributes",
      "a relative name of two attributes, sorted",
      R.sorted,
      subject(name(rdn(attribute(CN, UTF8, "a"), attribute(CN, UTF8, "b")))),
    ),
    wrong(
      "unsorted-set",
      "the same, not sorted",
      CertificateMalformed,
      R.sorted,
      subject(name(rdn(attribute(CN, UTF8, "b"), attribute(CN, UTF8, "a")))),
    ),
    wrong(
      "unsorted-lengths",
      "a longer attribute before a shorter one",
      CertificateMalformed,
      R.sorted,
      subject(name(rdn(attribute(CN, UTF8, "aa"), attribute(CN, UTF8, "a")))),
    ),
    wrong(
      "same-attribute-twice",
      "a relative name of the same attribute twice",
      CertificateMalformed,
      R.sorted,
      subject(name(rdn(attribute(CN, UTF8, "a"), attribute(CN, UTF8, "a")))),
    ),
    wrong(
      "set-for-sequence",
      "a name that is a SET",
      CertificateMalformed,
      R.tag,
      subject(constructed(0x31, rdn(attribute(CN, UTF8, "a")))),
    ),
    wrong(
      "sequence-for-set",
      "a relative name that is a SEQUENCE",
      CertificateMalformed,
      R.tag,
      subject(name(constructed(0x30, attribute(CN, UTF8, "a")))),
    ),
    wrong(
      "attribute-without-value",
      "an attribute without its value",
      CertificateMalformed,
      R.nameSyntax,
      subject(name(rdn(constructed(0x30, { tag: 6, raw: oid(CN) })))),
    ),
    wrong(
      "attribute-with-two-values",
      "an attribute with two values",
      CertificateMalformed,
      R.nameSyntax,
      subject(name(rdn(constructed(0x30, { tag: 6, raw: oid(CN) }, primitive(UTF8, "a"), primitive(UTF8, "b"))))),
    ),
    wrong(
      "attribute-without-type",
      "an attribute whose type is no OBJECT IDENTIFIER",
      CertificateMalformed,
      R.nameSyntax,
      subject(name(rdn(constructed(0x30, primitive(UTF8, "a"), primitive(UTF8, "b"))))),
    ),
    wrong(
      "type-with-leading-80",
      "an attribute type with a 0x80 too many",
      CertificateMalformed,
      R.identifier,
      subject(name(rdn(constructed(0x30, primitive(6, [0x55, 0x04, 0x80, 0x03]), primitive(UTF8, "a"))))),
    ),
    wrong("null-name", "NULL for a name", CertificateMalformed, R.tag, subject(primitive(0x05, []))),

    // Empty names.
    wrong("empty-issuer", "a leaf that names no issuer", CertificateMalformed, R.issuerName, issuer(name())),
    wrong(
      "empty-authority",
      "an intermediate without a name, and a leaf that says so",
      CertificateMalformed,
      R.caSubject,
      chained(name()),
    ),
    right("empty-subject-critical-names", "no subject and critical alternative names", R.emptySubject, (w) =>
      w.one({
        more: [criticalExtension("2.5.29.17", altNames(dns("peer.example")))],
        edit: ({ tbs }) => put(tbs, FIELD.subject, name()),
      }),
    ),
    right(
      "empty-subject-plain-names",
      "no subject and alternative names that are not critical",
      R.altNamesUnread,
      (w) =>
        w.one({
          more: [plainExtension("2.5.29.17", altNames(dns("peer.example")))],
          edit: ({ tbs }) => put(tbs, FIELD.subject, name()),
        }),
    ),
    right("empty-subject-alone", "no subject and no other name", R.altNamesUnread, subject(name())),

    // Comparison.
    right("chained-utf8", "an intermediate whose name is in UTF-8", R.sameName, chained(cn(UTF8, "Größe"))),
    right("chained-printable", "the same in a PrintableString", R.sameName, chained(cn(PRINTABLE, "Middle"))),
    wrong(
      "chained-other-type",
      "one in UTF8String and the other in PrintableString",
      CertificateNameMismatch,
      R.exactNames,
      chained(cn(UTF8, "Middle"), cn(PRINTABLE, "Middle")),
    ),
    wrong(
      "chained-other-case",
      "one in capitals",
      CertificateNameMismatch,
      R.exactNames,
      chained(cn(UTF8, "Middle"), cn(UTF8, "MIDDLE")),
    ),
    wrong(
      "chained-composed",
      "one composed, the other decomposed",
      CertificateNameMismatch,
      R.exactNames,
      chained(cn(UTF8, "Gr\u00f6\u00dfe"), cn(UTF8, "Gro\u0308\u00dfe")),
    ),
    wrong(
      "chained-other",
      "a name that differs in one letter",
      CertificateNameMismatch,
      R.chained,
      chained(cn(UTF8, "Middle"), cn(UTF8, "Muddle")),
    ),
    wrong(
      "chained-cut",
      "a name that is the start of the other",
      CertificateNameMismatch,
      R.chained,
      chained(cn(UTF8, "Middle"), cn(UTF8, "Midd")),
    ),
    wrong(
      "chained-nul",
      "a name that is the other up to a NUL",
      CertificateNameMismatch,
      R.chained,
      chained(cn(UTF8, "Middle\0x"), cn(UTF8, "Middle")),
    ),
    right("issuer-exact", "the issuer's name, written again", R.exactNames, rootAs(PRINTABLE, "Root")),
    wrong(
      "issuer-case",
      "the root's name in other letters",
      CertificateUnknownAuthority,
      R.exactNames,
      rootAs(PRINTABLE, "root"),
    ),
    wrong(
      "issuer-inner-blank",
      "the root's name with a blank inside",
      CertificateUnknownAuthority,
      R.chained,
      rootAs(PRINTABLE, "Ro ot"),
    ),
    wrong(
      "issuer-outer-blank",
      "the root's name with blanks around",
      CertificateUnknownAuthority,
      R.exactNames,
      rootAs(PRINTABLE, " Root "),
    ),
    wrong(
      "issuer-type",
      "the root's name in another string type",
      CertificateUnknownAuthority,
      R.exactNames,
      rootAs(UTF8, "Root"),
    ),
    wrong(
      "issuer-order",
      "the root's name in another order",
      CertificateUnknownAuthority,
      R.sameName,
      issuer(name(rdn(attribute(O, PRINTABLE, "Example")), rdn(attribute(CN, PRINTABLE, "Root")))),
    ),
    wrong(
      "issuer-one-set",
      "the root's two attributes in one relative name",
      CertificateUnknownAuthority,
      R.sameName,
      issuer(name(rdn(attribute(CN, PRINTABLE, "Root"), attribute(O, PRINTABLE, "Example")))),
    ),
    wrong(
      "issuer-shorter",
      "the first part of the root's name alone",
      CertificateUnknownAuthority,
      R.sameName,
      issuer(cn(PRINTABLE, "Root")),
    ),
    wrong(
      "issuer-longer",
      "the root's name and one part more",
      CertificateUnknownAuthority,
      R.sameName,
      issuer(
        name(
          rdn(attribute(CN, PRINTABLE, "Root")),
          rdn(attribute(O, PRINTABLE, "Example")),
          rdn(attribute("2.5.4.6", PRINTABLE, "XX")),
        ),
      ),
    ),
    wrong(
      "issuer-attribute",
      "the root's name under another attribute",
      CertificateUnknownAuthority,
      R.sameName,
      issuer(name(rdn(attribute("2.5.4.11", PRINTABLE, "Root")), rdn(attribute(O, PRINTABLE, "Example")))),
    ),
    wrong(
      "issuer-homograph",
      "the root's name with a Cyrillic letter",
      CertificateUnknownAuthority,
      R.chained,
      rootAs(UTF8, "R\u043eot"),
    ),
  ],
};
