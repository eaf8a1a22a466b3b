/**
 * Where `openssl verify` (3.0, with the flags of openssl.ts) judges a chain of the corpus otherwise than we have to, and why: each reason
 * once, with all cases that it explains. A case that is not here gets the same verdict from both, and OpenSSL's error is one of `ALIKE`.
 */
import { Failure } from "../../../unikernel/guest/failure.ts";

/** `accepts` what we refuse, `refuses` what we accept, `calls` it another mistake than ours, `unasked`: it cannot be asked. */
export type Does = "accepts" | "refuses" | "calls" | "unasked";

export interface Difference {
  does: Does;
  reason: string;
  /** Why OpenSSL does so, and why we do not. */
  why: string;
  cases: string[];
}

const encodings = (prefix: string, ...places: string[]) => places.map((place) => `encoding/${prefix}-${place}`);

export const DIFFERENCES: Difference[] = [
  {
    does: "accepts",
    reason: "BER",
    why: "OpenSSL reads BER: lengths of any form, strings in parts, FALSE and defaults written out, TRUE as any byte, zero bits behind the last, sets in any order. RFC 5280 §4.1 has certificates in DER; with one encoding for each value, bytes can be compared and hashed without a second opinion.",
    cases: [
      ...encodings("long-length", "serial", "version", "algorithm", "issuer", "issuer-set", "validity", "not-after"),
      ...encodings("long-length", "subject", "key", "key-bits", "extensions", "extension-list", "extension"),
      ...encodings("long-length", "extension-value", "certificate", "tbs", "signature", "outer-algorithm"),
      ...encodings("indefinite", "version", "algorithm", "issuer", "issuer-set", "validity", "subject", "key"),
      ...encodings("indefinite", "extensions", "extension-list", "extension", "certificate", "tbs"),
      ...encodings("constructed", "signature", "octets"),
      "encoding/two-byte-length-extension-list",
      "encoding/four-byte-length-certificate",
      "encoding/long-tag",
      "names/unsorted-set",
      "names/unsorted-lengths",
      "names/same-attribute-twice",
      "basic-constraints/ca-false",
      "basic-constraints/ca-1",
      "key-usage/trailing-zero-bits",
      "key-usage/trailing-zero-byte",
      "key-usage/unused-bits-set",
      "key-usage/constructed",
      "purposes/long-length",
      "extensions/critical-false",
      "extensions/critical-1",
    ],
  },
  {
    does: "accepts",
    reason: "bytes behind",
    why: "OpenSSL takes the element that it finds and passes over what is behind it, inside an extension's value and behind a certificate in PEM. We ask that every byte belongs to something.",
    cases: [
      "encoding/byte-behind",
      "encoding/element-behind",
      "encoding/certificate-behind",
      "basic-constraints/trailing-byte",
      "key-usage/trailing-byte",
      "purposes/trailing-byte",
      "extensions/subject-key-trailing",
      "extensions/names-trailing",
    ],
  },
  {
    does: "accepts",
    reason: "path building",
    why: "OpenSSL takes the certificates as a heap to build a path from, RFC 8446 §4.4.2 asks for a list in order. We follow the list, so that the work is bounded whatever is in it; chains of same-name certificates are a lesson of the first piñata's audit.",
    cases: [
      "paths/intermediates-swapped",
      "paths/anchor-in-the-middle",
      "paths/stranger-behind",
      "paths/stranger-between",
      "paths/leaf-twice",
      "paths/intermediate-twice",
      "paths/other-leaf-behind",
      "paths/anchor-appended-twice",
      "paths/anchor-appended-twice-below",
      "paths/self-issued-twice",
      "paths/same-names-mixed",
      "paths/above-the-anchor",
    ],
  },
  {
    does: "accepts",
    reason: "the rest of the file",
    why: "The command does without an entry of a PEM file that it cannot read, when there is one before it that it can; in TLS such a chain is malformed.",
    cases: ["paths/rubbish-behind", "paths/empty-entry-behind"],
  },
  {
    does: "accepts",
    reason: "limits",
    why: "Four certificates, 16,384 bytes, 32 extensions and a path length below 2^31 are limits of our own.",
    cases: [
      "paths/five",
      "paths/four-anchor-appended",
      "sizes/one-byte-more",
      "sizes/one-byte-less-than-20000",
      "sizes/four-too-large",
      "extensions/thirty-three",
      "basic-constraints/length-2^31",
      "basic-constraints/length-2^32",
    ],
  },
  {
    does: "accepts",
    reason: "folded names",
    why: "OpenSSL compares names as RFC 5280 §7.1 has it: case, blanks and string types folded. We compare encodings: §4.1.2.6 (a) asks of a CA to write its name one way, and an exact comparison can only refuse more.",
    cases: [
      "names/chained-other-type",
      "names/chained-other-case",
      "names/issuer-case",
      "names/issuer-outer-blank",
      "names/issuer-type",
    ],
  },
  {
    does: "accepts",
    reason: "string types",
    why: "TeletexString, BMPString and UniversalString are there for old authorities, and an empty DirectoryString is against its SIZE (1..MAX). A private CA of today writes none of them.",
    cases: ["names/teletex", "names/bmp", "names/universal", "names/empty-value"],
  },
  {
    does: "accepts",
    reason: "GeneralizedTime before 2050",
    why: "OpenSSL takes either type for any year; §4.1.2.5 gives each year one.",
    cases: [
      "time-formats/generalized-before-2050",
      "time-formats/generalized-end-of-2049",
      "time-formats/generalized-start",
    ],
  },
  {
    does: "accepts",
    reason: "what must be said",
    why: "Without keyUsage or extKeyUsage, OpenSSL takes a leaf for everything. §4.2.1.12 lets an application require a purpose; we do, and a keyUsage too.",
    cases: ["key-usage/absent", "purposes/client-absent", "purposes/server-absent"],
  },
  {
    does: "accepts",
    reason: "other usages",
    why: "For TLS of any version, OpenSSL lets keyAgreement pass, and keyEncipherment in a server. In TLS 1.3 a peer's key does nothing but sign.",
    cases: [
      "key-usage/only-keyAgreement",
      "key-usage/server-only-keyEncipherment",
      "key-usage/server-only-keyAgreement",
    ],
  },
  {
    does: "accepts",
    reason: "an authority as leaf",
    why: "RFC 5280 lets a path end in a CA certificate, and OpenSSL does when its usages fit. A key that signs certificates has no business in a handshake: that too is a lesson of that audit.",
    cases: ["basic-constraints/leaf-is-ca", "basic-constraints/leaf-is-ca-without-sign"],
  },
  {
    does: "accepts",
    reason: "self-issued certificates",
    why: "§6.1.4 (l) does not count self-issued certificates, so that a CA can change its key. Ours makes a key once; counting them all can only refuse more.",
    cases: ["basic-constraints/self-issued-0"],
  },
  {
    does: "accepts",
    reason: "policies",
    why: "OpenSSL knows the extensions of policies and so lets critical ones pass, and looks at them only when asked to (-policy_check). We do not process them: critical ones are refused as §4.2 says, and the two that constrain a path (policyConstraints, inhibitAnyPolicy) always.",
    cases: [
      "extensions/certificate-policies-critical",
      "extensions/policy-mappings-critical",
      "extensions/policy-constraints-critical",
      "extensions/policy-constraints-plain",
      "extensions/inhibit-any-policy-critical",
      "extensions/inhibit-any-policy-plain",
    ],
  },
  {
    does: "accepts",
    reason: "name constraints",
    why: "OpenSSL processes nameConstraints; we refuse a certificate that has them, critical or not: to ignore them would let an authority name what its issuer forbade.",
    cases: ["extensions/name-constraints-kept", "extensions/leaf-name-constraints"],
  },
  {
    does: "accepts",
    reason: "other known extensions",
    why: "OpenSSL processes these, so that they may be critical; we do not.",
    cases: ["extensions/netscape-type-critical", "extensions/crl-points-critical"],
  },
  {
    does: "accepts",
    reason: "an unknown extension twice",
    why: "OpenSSL sees only that a known one is there twice.",
    cases: ["extensions/twice-unknown"],
  },
  {
    does: "accepts",
    reason: "alternative names",
    why: "OpenSSL checks a name's form when it compares it with a host. We compare none, and check all.",
    cases: [
      "extensions/names-empty-dns",
      "extensions/names-latin",
      "extensions/names-address-5",
      "extensions/names-address-8",
    ],
  },
  {
    does: "accepts",
    reason: "parameters",
    why: "OpenSSL does not look at the parameters of a signature algorithm that has none.",
    cases: ["algorithms/ecdsa-null", "algorithms/ecdsa-curve", "algorithms/ecdsa-384-null", "algorithms/ed25519-null"],
  },
  {
    does: "accepts",
    reason: "other algorithms",
    why: "OpenSSL has more algorithms, and lets any hash go with any curve, as X.509 does. TLS 1.3 ties each curve to its hash, and so do we.",
    cases: [
      "algorithms/sha1",
      "algorithms/sha512",
      "algorithms/p256-with-sha384",
      "algorithms/p384-with-sha256",
      "public-keys/rsa",
      "public-keys/x25519",
    ],
  },
  {
    does: "accepts",
    reason: "other points",
    why: "OpenSSL takes compressed points, which RFC 5480 §2.2 allows, hybrid ones, which it forbids, and, in a leaf whose key it does not use, the point at infinity. TLS knows the uncompressed form only.",
    cases: ["public-keys/compressed", "public-keys/hybrid", "public-keys/infinity", "public-keys/issuer-compressed"],
  },
  {
    does: "accepts",
    reason: "small order",
    why: "Under an Ed25519 key of small order one signature fits every message. RFC 8032 does not forbid such keys, and OpenSSL accepts what they sign. We do not, so that a signature binds its key and its message.",
    cases: ["public-keys/ed25519-neutral-issuer"],
  },
  {
    does: "accepts",
    reason: "serial numbers",
    why: "§4.1.2.2 asks users to bear with zero, negative and long serial numbers of others. There are no others here.",
    cases: [
      "serials/serial-21-bytes",
      "serials/serial-20-bytes-and-sign",
      "serials/serial-127-bytes",
      "serials/serial-0",
      "serials/serial-minus-1",
      "serials/serial-minus-128",
      "serials/intermediate-serial-0",
    ],
  },
  {
    does: "accepts",
    reason: "versions",
    why: "OpenSSL takes certificates of version 1 and 2, and of versions that do not exist. A leaf without extensions says nothing of what it is for; we take version 3.",
    cases: [
      "serials/version-1-bare",
      "serials/version-2-bare",
      "serials/version-4",
      "serials/version-258",
      "serials/version-huge",
    ],
  },
  {
    does: "accepts",
    reason: "unique identifiers",
    why: "OpenSSL passes over unique identifiers, as §4.1.2.8 asks. No CA of today writes them; what nobody needs is not there.",
    cases: ["serials/issuer-unique-id", "serials/subject-unique-id", "serials/both-unique-ids"],
  },
  {
    does: "refuses",
    reason: "the last second",
    why: "OpenSSL takes a certificate for expired in the second of its notAfter; §4.1.2.5: “from notBefore through notAfter, inclusive”.",
    cases: [
      "validity/leaf-last-second",
      "validity/leaf-only-second",
      "validity/intermediate-last-second",
      "validity/intermediate-only-second",
      "validity/anchor-last-second",
      "validity/anchor-only-second",
      "validity/chain-last-second",
      "validity/leap-day",
    ],
  },
  {
    does: "refuses",
    reason: "strings",
    why: "OpenSSL converts names in order to compare them, and cannot convert this one. We interpret no string of a name, and show bytes outside ASCII as question marks.",
    cases: ["names/bad-utf8"],
  },
  {
    does: "refuses",
    reason: "an authority's duties",
    why: "With -x509_strict OpenSSL holds a certificate to what RFC 5280 asks of the authority that wrote it: key identifiers, a critical basicConstraints, a name in one place or the other. None of it is part of path validation (§6.1), and none of it decides anything here.",
    cases: [
      "names/empty-subject-plain-names",
      "names/empty-subject-alone",
      "basic-constraints/not-critical",
      "extensions/authority-key-absent",
      "extensions/authority-key-empty",
      "extensions/authority-subject-key-absent",
    ],
  },
  {
    does: "refuses",
    reason: "key identifiers",
    why: "OpenSSL finds an issuer by its key identifier. §4.2.1.2: “Applications are not required to verify that key identifiers match”; the signature says who signed.",
    cases: ["extensions/authority-key-other", "extensions/authority-subject-key-other"],
  },
  {
    does: "refuses",
    reason: "a leaf's key",
    why: "OpenSSL decodes the leaf's key at once. We do at its first use, its CertificateVerify, which cannot be right: the vault refuses such a peer there.",
    cases: ["public-keys/off-curve", "public-keys/zero-point", "public-keys/coordinate-p"],
  },
  {
    does: "calls",
    reason: "no signer of handshakes",
    why: "OpenSSL refuses an authority in a leaf's place for its usages, we for being one.",
    cases: [
      "paths/anchor-alone",
      "paths/intermediate-as-leaf",
      "basic-constraints/plain-ca-as-leaf",
      "basic-constraints/ca-for-clients-as-leaf",
    ],
  },
  {
    does: "calls",
    reason: "the first certificate",
    why: "OpenSSL can make a path of these and finds that the first one is no peer; we find the order wrong, or a certificate twice, before that.",
    cases: ["paths/reversed", "paths/anchor-first", "paths/anchor-twice"],
  },
  {
    does: "calls",
    reason: "consequences",
    why: "OpenSSL reads the malformed part without complaint, or with less in it, and refuses for what follows from that.",
    cases: [
      "signatures/unused-bit",
      "names/empty-set",
      "basic-constraints/intermediate-length-without-ca",
      "purposes/empty",
      "purposes/empty-critical",
      "extensions/none",
      "extensions/empty-list",
      "public-keys/issuer-infinity",
      "serials/intermediate-version-1",
    ],
  },
  {
    does: "unasked",
    reason: "nothing to ask",
    why: "Without a certificate there is no file to verify.",
    cases: ["paths/none", "paths/empty-entry"],
  },
];

/** The difference of each case that has one. */
export const DIFFERENT = new Map(
  DIFFERENCES.flatMap((difference) => difference.cases.map((name) => [name, difference])),
);

/** It could not read a certificate, so that there was nothing to verify. */
export const UNREADABLE = -1;

/**
 * The errors of OpenSSL (X509_V_ERR numbers, or UNREADABLE) that are the same mistake as a failure of ours. 20, “unable to get local issuer
 * certificate”, is also what it says when extensions are malformed, or no candidate for the issuer fits by its algorithm or key identifier.
 */
export const ALIKE: Partial<Record<Failure, number[]>> = {
  [Failure.CertificateMalformed]: [UNREADABLE, 14, 20, 78, 80, 83, 87, 93],
  [Failure.CertificateUnsupported]: [UNREADABLE, 20, 93, 94],
  [Failure.CertificateExpired]: [10],
  [Failure.CertificateNotYetValid]: [9],
  [Failure.CertificateUnknownAuthority]: [18, 19, 20],
  [Failure.CertificateSignatureWrong]: [7, 18, 19, 20],
  [Failure.CertificatePurposeWrong]: [26, 79, 82, 92],
  [Failure.CertificateNotAuthority]: [79],
  [Failure.CertificatePathTooLong]: [25],
  [Failure.CertificateCriticalExtension]: [34, 47, 48],
  [Failure.CertificateNameMismatch]: [20],
};
