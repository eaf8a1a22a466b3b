/** Extensions (RFC 5280 §4.2): those that are unknown, critical or not, and the form of those that are known and decide nothing. */
import type { Extension } from "@peculiar/x509";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { constructed, element, encode, type Node, oid, primitive, sequence } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import { R, type Rule } from "../rules.ts";
import {
  criticalExtension,
  extensionList,
  FIELD,
  fieldsOf,
  keyIdentifier,
  plainExtension,
  put,
  type World,
} from "../world.ts";
import { address, altNames, boolean, directory, dns, FALSE, integer, mail, NULL, OID, TRUE, uri } from "./words.ts";

const { CertificateCriticalExtension, CertificateMalformed, CertificatePurposeWrong } = Failure;

const more =
  (...list: Extension[]) =>
  (w: World) =>
    w.one({ more: list });
const authority =
  (...list: Extension[]) =>
  (w: World) =>
    w.below({ more: list });
const names = (...list: Uint8Array[]) => more(plainExtension(OID.altNames, altNames(...list)));
const authorityKey =
  (...value: Uint8Array[]) =>
  (w: World) =>
    w.one({ authorityKey: plainExtension(OID.authorityKey, ...value) });
const KEY = element(0x80, new Uint8Array(20).fill(7));

const subtrees = element(0xa0, sequence(directory("Somebody else")));
const dnsSubtrees = element(0xa0, sequence(dns("example.com")));
const excluded = element(0xa1, sequence(dns("example.com")));
const policy = sequence(sequence(oid("1.2.3.4")));

/** Extensions that constrain a path and that we do not process. RFC 5280 has CAs mark them critical: one that is not is refused as if it were. */
const CONSTRAINING: [string, string, Uint8Array, Rule][] = [
  ["name-constraints", OID.nameConstraints, sequence(subtrees), R.nameConstraints],
  ["policy-constraints", OID.policyConstraints, sequence(element(0x80, Uint8Array.of(0))), R.policyConstraints],
  ["inhibit-any-policy", OID.inhibitAnyPolicy, integer(0), R.inhibitAnyPolicy],
];
const constraining: Case[] = CONSTRAINING.flatMap(([id, identifier, value, rule]) => [
  wrong(
    `${id}-critical`,
    `an intermediate with a critical ${id}`,
    CertificateCriticalExtension,
    R.critical,
    authority(criticalExtension(identifier, value)),
  ),
  wrong(
    `${id}-plain`,
    `an intermediate with a ${id} that is not critical`,
    CertificateCriticalExtension,
    rule,
    authority(plainExtension(identifier, value)),
  ),
]);

/** Extensions that are ignored unless they are critical. */
const IGNORED: [string, string, Uint8Array, Rule][] = [
  ["unknown", "1.2.3.4.5", integer(1), R.critical],
  ["netscape-type", "2.16.840.1.113730.1.1", Uint8Array.of(3, 2, 7, 0x80), R.critical],
  ["certificate-policies", OID.policies, policy, R.policies],
  ["policy-mappings", OID.policyMappings, sequence(sequence(oid("1.2.3.4"), oid("1.2.3.5"))), R.critical],
  ["issuer-alt-names", OID.issuerAltNames, altNames(dns("ca.example")), R.critical],
  [
    "crl-points",
    OID.crlPoints,
    sequence(sequence(element(0xa0, element(0xa0, uri("http://ca.example/crl"))))),
    R.critical,
  ],
  [
    "authority-info",
    OID.authorityInfo,
    sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), uri("http://ca.example/ocsp"))),
    R.critical,
  ],
  ["must-staple", "1.3.6.1.5.5.7.1.24", sequence(integer(5)), R.critical],
];
const ignored: Case[] = IGNORED.flatMap(([id, identifier, value, rule]) => [
  right(`${id}-plain`, `a leaf with ${id}, not critical`, R.notCritical, more(plainExtension(identifier, value))),
  wrong(
    `${id}-critical`,
    `a leaf with ${id}, critical`,
    CertificateCriticalExtension,
    rule,
    more(criticalExtension(identifier, value)),
  ),
]);

/** A leaf with its first extension (keyUsage, critical) changed: identifier, criticality, value. */
const changed = (change: (children: Node[]) => void) => (w: World) =>
  w.one({ edit: (parts) => change(extensionList(parts)[0]!.children!) });

export const EXTENSIONS: Room = {
  id: "extensions",
  title: "Extensions",
  cases: [
    ...ignored,
    right(
      "authority-unknown-plain",
      "an intermediate with an unknown extension",
      R.notCritical,
      authority(plainExtension("1.2.3.4.5", integer(1))),
    ),
    wrong(
      "authority-unknown-critical",
      "an intermediate with an unknown critical extension",
      CertificateCriticalExtension,
      R.critical,
      authority(criticalExtension("1.2.3.4.5", integer(1))),
    ),
    ...constraining,
    wrong(
      "name-constraints-broken",
      "a leaf outside its intermediate's permitted names, not critical",
      CertificateCriticalExtension,
      R.nameConstraints,
      (w) =>
        w.below(
          { more: [plainExtension(OID.nameConstraints, sequence(dnsSubtrees))] },
          { more: [plainExtension(OID.altNames, altNames(dns("evil.example")))] },
        ),
    ),
    wrong(
      "name-constraints-kept",
      "a leaf inside its intermediate's permitted names, critical",
      CertificateCriticalExtension,
      R.critical,
      (w) =>
        w.below(
          { more: [criticalExtension(OID.nameConstraints, sequence(dnsSubtrees))] },
          { more: [plainExtension(OID.altNames, altNames(dns("a.example.com")))] },
        ),
    ),
    wrong(
      "name-constraints-excluded",
      "a leaf inside its intermediate's excluded names, critical",
      CertificateCriticalExtension,
      R.critical,
      (w) =>
        w.below(
          { more: [criticalExtension(OID.nameConstraints, sequence(excluded))] },
          { more: [plainExtension(OID.altNames, altNames(dns("a.example.com")))] },
        ),
    ),
    wrong(
      "leaf-name-constraints",
      "a leaf with nameConstraints, which is for CAs",
      CertificateCriticalExtension,
      R.nameConstraints,
      more(plainExtension(OID.nameConstraints, sequence(subtrees))),
    ),

    // Twice, and none.
    wrong(
      "twice-unknown",
      "an unknown extension twice",
      CertificateMalformed,
      R.once,
      more(plainExtension("1.2.3.4.5", integer(1)), plainExtension("1.2.3.4.5", integer(2))),
    ),
    wrong(
      "twice-alt-names",
      "alternative names twice",
      CertificateMalformed,
      R.once,
      more(
        plainExtension(OID.altNames, altNames(dns("a.example"))),
        plainExtension(OID.altNames, altNames(dns("b.example"))),
      ),
    ),
    wrong("twice-known", "the first extension twice", CertificateMalformed, R.once, (w) =>
      w.one({ edit: (parts) => void extensionList(parts).push(extensionList(parts)[0]!) }),
    ),
    wrong("twice-constraints", "an intermediate with basicConstraints twice", CertificateMalformed, R.once, (w) =>
      w.below({ edit: (parts) => void extensionList(parts).push(extensionList(parts)[0]!) }),
    ),
    wrong("none", "a certificate without extensions", CertificatePurposeWrong, R.usageRequired, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.pop() }),
    ),
    wrong("empty-list", "an empty list of extensions", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => put(tbs[FIELD.extensions]!.children!, 0, constructed(0x30)) }),
    ),
    wrong("two-lists", "two lists of extensions", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs[FIELD.extensions]!.children!.push(tbs[FIELD.extensions]!.children![0]!) }),
    ),
    wrong("list-twice", "the list of extensions twice", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.push(tbs[FIELD.extensions]!) }),
    ),
    right("thirty-two", "32 extensions", R.extensionCount, (w) =>
      w.one({ more: Array.from({ length: 28 }, (_, i) => plainExtension(`1.2.3.${i + 1}`, integer(1))) }),
    ),
    wrong("thirty-three", "33 extensions", CertificateMalformed, R.extensionCount, (w) =>
      w.one({ more: Array.from({ length: 29 }, (_, i) => plainExtension(`1.2.3.${i + 1}`, integer(1))) }),
    ),

    // An extension's own form.
    wrong(
      "critical-false",
      "criticality FALSE, written out",
      CertificateMalformed,
      R.defaults,
      changed((e) => put(e, 1, { tag: 1, raw: FALSE })),
    ),
    wrong(
      "critical-1",
      "criticality as 1",
      CertificateMalformed,
      R.boolean,
      changed((e) => put(e, 1, { tag: 1, raw: boolean(1) })),
    ),
    wrong(
      "critical-twice",
      "criticality twice",
      CertificateMalformed,
      R.contents,
      changed((e) => void e.splice(1, 0, { tag: 1, raw: TRUE })),
    ),
    wrong(
      "without-value",
      "an extension without a value",
      CertificateMalformed,
      R.contents,
      changed((e) => void e.pop()),
    ),
    wrong(
      "two-values",
      "an extension with two values",
      CertificateMalformed,
      R.contents,
      changed((e) => void e.push(e.at(-1)!)),
    ),
    wrong(
      "value-no-octets",
      "a value that is no OCTET STRING",
      CertificateMalformed,
      R.tag,
      changed((e) => put(e, e.length - 1, primitive(0x03, [7, 0x80]))),
    ),
    wrong(
      "empty-identifier",
      "an extension with an empty identifier",
      CertificateMalformed,
      R.identifier,
      changed((e) => put(e, 0, primitive(6, []))),
    ),
    right(
      "unknown-empty-value",
      "an unknown extension whose value is empty",
      R.notCritical,
      more(plainExtension("1.2.3.4.5")),
    ),

    // Key identifiers.
    right("authority-key-absent", "no authorityKeyIdentifier", R.authorityKey, (w) => w.one({ authorityKey: null })),
    right(
      "authority-key-other",
      "an authorityKeyIdentifier that is not the issuer's",
      R.subjectKey,
      authorityKey(sequence(KEY)),
    ),
    right("authority-key-empty", "an authorityKeyIdentifier without anything", R.subjectKey, authorityKey(sequence())),
    right(
      "authority-key-serial",
      "an authorityKeyIdentifier by name and serial number too",
      R.subjectKey,
      async (w) => {
        const issuer = element(0xa1, element(0xa4, encode(fieldsOf(w.root)[FIELD.issuer]!)));
        return w.one({
          authorityKey: plainExtension(
            OID.authorityKey,
            sequence(await rootKey(w), issuer, element(0x82, Uint8Array.of(1))),
          ),
        });
      },
    ),
    wrong(
      "authority-key-half",
      "an authorityKeyIdentifier by name without serial number",
      CertificateMalformed,
      R.contents,
      authorityKey(sequence(KEY, element(0xa1, directory("Root")))),
    ),
    wrong(
      "authority-key-order",
      "an authorityKeyIdentifier in the wrong order",
      CertificateMalformed,
      R.contents,
      authorityKey(sequence(element(0x82, Uint8Array.of(1)), KEY)),
    ),
    wrong(
      "authority-key-critical",
      "a critical authorityKeyIdentifier",
      CertificateCriticalExtension,
      R.authorityKeyCritical,
      async (w) => w.one({ authorityKey: criticalExtension(OID.authorityKey, sequence(await rootKey(w))) }),
    ),
    right("subject-key-absent", "a leaf without subjectKeyIdentifier", R.subjectKey, (w) =>
      w.one({ subjectKey: null }),
    ),
    right("authority-subject-key-absent", "an intermediate without subjectKeyIdentifier", R.subjectKey, (w) =>
      w.below({ subjectKey: null }),
    ),
    right(
      "authority-subject-key-other",
      "an intermediate whose subjectKeyIdentifier is not the one that its leaf names",
      R.subjectKey,
      (w) => w.below({ subjectKey: plainExtension(OID.subjectKey, element(0x04, new Uint8Array(20).fill(9))) }),
    ),
    wrong(
      "subject-key-critical",
      "a critical subjectKeyIdentifier",
      CertificateCriticalExtension,
      R.subjectKeyCritical,
      (w) => w.one({ subjectKey: criticalExtension(OID.subjectKey, element(0x04, new Uint8Array(20).fill(9))) }),
    ),
    wrong("subject-key-bare", "a subjectKeyIdentifier without its OCTET STRING", CertificateMalformed, R.tag, (w) =>
      w.one({ subjectKey: plainExtension(OID.subjectKey, new Uint8Array(20).fill(9)) }),
    ),
    wrong("subject-key-trailing", "a byte behind a subjectKeyIdentifier", CertificateMalformed, R.contents, (w) =>
      w.one({
        subjectKey: plainExtension(OID.subjectKey, element(0x04, new Uint8Array(20).fill(9)), Uint8Array.of(0)),
      }),
    ),

    // Alternative names.
    right("names-dns", "a dNSName", R.altNamesUnread, names(dns("peer.example"))),
    right("names-wildcard", "a dNSName with a wildcard", R.altNamesUnread, names(dns("*.example"))),
    right(
      "names-several",
      "one of each form",
      R.altNamesUnread,
      names(
        dns("peer.example"),
        mail("a@peer.example"),
        uri("https://peer.example/"),
        address(192, 0, 2, 1),
        directory("Peer"),
        element(0x88, Uint8Array.of(0x2a, 3)),
        element(0xa0, oid("1.2.3"), element(0xa0, NULL)),
      ),
    ),
    right(
      "names-critical",
      "alternative names, critical, beside a subject",
      R.altNamesUnread,
      more(criticalExtension(OID.altNames, altNames(dns("peer.example")))),
    ),
    right("names-ipv6", "an address of sixteen bytes", R.altAddress, names(address(...new Array(16).fill(1)))),
    wrong("names-empty", "no alternative name", CertificateMalformed, R.altNames, names()),
    wrong("names-empty-dns", "an empty dNSName", CertificateMalformed, R.altNames, names(dns(""))),
    wrong(
      "names-latin",
      "a dNSName outside ASCII",
      CertificateMalformed,
      R.altNames,
      names(element(0x82, Uint8Array.of(0x70, 0xe9))),
    ),
    wrong(
      "names-address-5",
      "an address of five bytes",
      CertificateMalformed,
      R.altAddress,
      names(address(1, 2, 3, 4, 5)),
    ),
    wrong(
      "names-address-8",
      "an address with a mask, which is for nameConstraints",
      CertificateMalformed,
      R.altAddress,
      names(address(192, 0, 2, 0, 255, 255, 255, 0)),
    ),
    wrong(
      "names-unknown-form",
      "a form of name that does not exist",
      CertificateMalformed,
      R.tag,
      names(element(0x89, Uint8Array.of(1))),
    ),
    wrong(
      "names-trailing",
      "a byte behind the alternative names",
      CertificateMalformed,
      R.contents,
      more(plainExtension(OID.altNames, altNames(dns("a.example")), Uint8Array.of(0))),
    ),
  ],
};

/** The root's key identifier, as `[0]` of an authorityKeyIdentifier. */
const rootKey = async ({ root }: World) => element(0x80, await keyIdentifier(root.keys));
