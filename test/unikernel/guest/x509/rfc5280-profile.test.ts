/**
 * The sentences of RFC 5280 that no other test of the guest's certificates plays: versions, attribute types, each standard
 * extension critical and not, forms of names, algorithms that are refused, a certificate twice in a path. docs/rfc5280.md
 * names these tests.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import {
  alter,
  authority,
  basicConstraints,
  chainBytes,
  type Issued,
  KeyUsageFlags,
  keyUsage,
  leaf,
  NOW,
  type Parts,
  PURPOSE_OIDS,
  purposes,
  rawExtension,
} from "../../../support/certificates.ts";
import { constructed, decode, element, encode, oid, primitive, sequence } from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";
import { ALERT } from "../../../support/tls-peer/wire.ts";

const F = Failure;

let h: Harness;
/** The engine's harness, for the alert that a failure becomes. */
let tls: Harness;
let root: Issued;
let middle: Issued;
let client: Issued;
let underMiddle: Issued;
beforeAll(async () => {
  h = await loadHarness("x509");
  tls = await loadHarness("tls");
  root = await authority();
  middle = await authority({ issuer: root, subject: "CN=middle" });
  client = await leaf("client", { issuer: root });
  underMiddle = await leaf("client", { issuer: middle });
});

function parse(der: Uint8Array): Failure {
  h.write(der);
  return h.call.parse!(der.length) as Failure;
}
/** The verdict on a chain for a client, under `anchor`. */
function judge(chain: Issued[], anchor = root): Failure {
  const bytes = chainBytes(...chain);
  h.write(anchor.der);
  h.write(bytes, anchor.der.length);
  return h.call.judge!(anchor.der.length, bytes.length, 1, NOW) as Failure;
}
/** The client's certificate with its DER changed: enough for the parser, which looks at no signature. */
function changed(change: (parts: Parts) => void): Uint8Array {
  const certificate = decode(client.der);
  const outer = certificate.children!;
  change({ outer, tbs: outer[0]!.children! });
  return encode(certificate);
}
const version = (number: number) => constructed(0xa0, primitive(0x02, [number]));
/** Version 1 is the default, so DER does not write it. */
function setVersion({ tbs }: Parts, number: 1 | 2 | 3): void {
  if (number === 1) tbs.shift();
  else tbs[0] = version(number - 1);
}

describe("the version", () => {
  it("extensions in a certificate of version 1 or 2", () => {
    for (const number of [1, 2] as const) {
      expect(parse(changed((parts) => setVersion(parts, number)))).toBe(F.CertificateUnsupported);
    }
    expect(parse(changed((parts) => setVersion(parts, 3)))).toBe(F.None);
  });

  it("unique identifiers in a certificate of version 1, 2 or 3", () => {
    for (const number of [1, 2, 3] as const) {
      for (const tag of [0x81, 0x82]) {
        const der = changed((parts) => {
          parts.tbs.splice(7, 0, primitive(tag, [0, 1]));
          setVersion(parts, number);
        });
        expect(parse(der)).toBe(F.CertificateUnsupported);
      }
    }
  });

  it("refuses an intermediate of version 1 or 2", async () => {
    for (const number of [1, 2] as const) {
      const old = await alter(middle, root, (parts) => {
        parts.tbs.pop();
        setVersion(parts, number);
      });
      expect(judge([underMiddle, old])).toBe(F.CertificateUnsupported);
    }
    // The control: the same steps without a change of version or extensions.
    expect(judge([underMiddle, await alter(middle, root, () => {})])).toBe(F.None);
  });
});

describe("names", () => {
  it("takes names of every attribute type that §4.1.2.4 lists, as issuer and as subject", () => {
    const attributes: [string, string, number][] = [
      ["2.5.4.6", "XX", 0x13],
      ["2.5.4.10", "Example", 0x0c],
      ["2.5.4.11", "Unit", 0x0c],
      ["2.5.4.46", "qualifier", 0x13],
      ["2.5.4.8", "State", 0x0c],
      ["2.5.4.3", "Susan", 0x0c],
      ["2.5.4.5", "12345", 0x13],
      ["0.9.2342.19200300.100.1.25", "example", 0x16],
      // And those that it recommends: locality, title, surname, given name, initials, pseudonym, generation qualifier.
      ...[7, 12, 4, 42, 43, 65, 44].map((n): [string, string, number] => [`2.5.4.${n}`, "x", 0x0c]),
    ];
    const sets = attributes.map(([type, text, tag]) =>
      element(0x31, sequence(oid(type), element(tag, new TextEncoder().encode(text)))),
    );
    for (const name of [sequence(...sets), ...sets.map((set) => sequence(set))]) {
      for (const at of [3, 5]) expect(parse(changed(({ tbs }) => void tbs.splice(at, 1, decode(name))))).toBe(F.None);
    }
  });
});

/** The standard extensions that the guest has no use for, with contents that are well formed. */
const UNPROCESSED: [string, string, Uint8Array][] = [
  ["nameConstraints", "2.5.29.30", sequence(element(0xa0, sequence(element(0x82, Buffer.from("example")))))],
  ["certificatePolicies", "2.5.29.32", sequence(sequence(oid("2.5.29.32.0")))],
  ["policyMappings", "2.5.29.33", sequence(sequence(oid("1.2.3"), oid("1.2.4")))],
  ["policyConstraints", "2.5.29.36", sequence(element(0x80, Uint8Array.of(0)))],
  ["inhibitAnyPolicy", "2.5.29.54", element(0x02, Uint8Array.of(0))],
  ["issuerAltName", "2.5.29.18", sequence(element(0x82, Buffer.from("example")))],
  ["subjectDirectoryAttributes", "2.5.29.9", sequence()],
  ["cRLDistributionPoints", "2.5.29.31", sequence()],
  ["freshestCRL", "2.5.29.46", sequence()],
  ["authorityInfoAccess", "1.3.6.1.5.5.7.1.1", sequence()],
  ["subjectInfoAccess", "1.3.6.1.5.5.7.1.11", sequence()],
];
/** Those that rule something out for the certificates below: passed over, they would let it in. */
const CONSTRAINTS = ["nameConstraints", "policyConstraints", "inhibitAnyPolicy"];
const { digitalSignature, keyCertSign, keyEncipherment } = KeyUsageFlags;

describe("extensions", () => {
  it("refuses each standard extension that it does not process when it is critical or constrains a path, in a leaf and in an authority, and passes over any other", async () => {
    for (const [name, type, value] of UNPROCESSED) {
      for (const critical of [false, true]) {
        const extra = rawExtension(type, critical, value);
        const expected = critical || CONSTRAINTS.includes(name) ? F.CertificateCriticalExtension : F.None;
        const low = await leaf("client", {
          issuer: root,
          extensions: [keyUsage(digitalSignature), purposes("client"), extra],
        });
        expect(judge([low]), `${name} in a leaf`).toBe(expected);
        const high = await authority({
          issuer: root,
          subject: "CN=high",
          extensions: [basicConstraints(true), keyUsage(keyCertSign), extra],
        });
        expect(judge([await leaf("client", { issuer: high }), high]), `${name} in an authority`).toBe(expected);
      }
    }
  });

  it("refuses key identifiers that are critical, which no authority may write", async () => {
    for (const [type, value] of [
      ["2.5.29.14", element(0x04, new Uint8Array(20))],
      ["2.5.29.35", sequence(element(0x80, new Uint8Array(20)))],
    ] as const) {
      for (const critical of [false, true]) {
        const extensions = [keyUsage(digitalSignature), purposes("client"), rawExtension(type, critical, value)];
        const found = judge([await leaf("client", { issuer: root, extensions })]);
        expect(found, type).toBe(critical ? F.CertificateCriticalExtension : F.None);
      }
    }
  });

  it("binds by basicConstraints, keyUsage and extKeyUsage whether they are critical or not", async () => {
    const usage = (bits: number) =>
      element(
        0x03,
        Uint8Array.of(bits === digitalSignature ? 7 : 5),
        Uint8Array.of(bits === digitalSignature ? 0x80 : 0x20),
      );
    for (const critical of [false, true]) {
      const ku = (bits: number) => rawExtension("2.5.29.15", critical, usage(bits));
      const eku = (purpose: string) => rawExtension("2.5.29.37", critical, sequence(oid(purpose)));
      const bc = (...parts: Uint8Array[]) => rawExtension("2.5.29.19", critical, sequence(...parts));
      const low = async (...extensions: ReturnType<typeof ku>[]) =>
        judge([await leaf("client", { issuer: root, extensions })]);
      expect(await low(ku(digitalSignature), eku(PURPOSE_OIDS.client))).toBe(F.None);
      expect(await low(ku(keyEncipherment), eku(PURPOSE_OIDS.client))).toBe(F.CertificatePurposeWrong);
      expect(await low(ku(digitalSignature), eku(PURPOSE_OIDS.server))).toBe(F.CertificatePurposeWrong);
      const TRUE = element(0x01, Uint8Array.of(0xff));
      const under = async (constraints: ReturnType<typeof bc>) => {
        const high = await authority({
          issuer: root,
          subject: "CN=h",
          extensions: [constraints, keyUsage(keyCertSign)],
        });
        const next = await authority({ issuer: high, subject: "CN=n" });
        return judge([await leaf("client", { issuer: next }), next, high]);
      };
      expect(await under(bc(TRUE))).toBe(F.None);
      expect(await under(bc())).toBe(F.CertificateNotAuthority);
      expect(await under(bc(TRUE, element(0x02, Uint8Array.of(0))))).toBe(F.CertificatePathTooLong);
    }
  });

  /** The client's certificate with this subjectAltName. */
  const named = (...names: Uint8Array[]) =>
    parse(
      changed(({ tbs }) => {
        const extension = sequence(oid("2.5.29.17"), element(0x04, sequence(...names)));
        tbs[7] = constructed(0xa3, constructed(0x30, decode(extension)));
      }),
    );

  it("refuses an iPAddress of any length but 4 and 16", () => {
    for (let length = 0; length <= 33; length++) {
      const expected = length === 4 || length === 16 ? F.None : F.CertificateMalformed;
      expect(named(element(0x87, new Uint8Array(length).fill(1))), `${length} bytes`).toBe(expected);
    }
  });

  it("refuses a GeneralName that is empty or not of its type", () => {
    const good = element(0x82, Buffer.from("example"));
    expect(named(good)).toBe(F.None);
    for (const tag of [0x80, 0x81, 0x82, 0x83, 0x85, 0x86, 0x87, 0x88, 0x89, 0xa0, 0xa3, 0xa4, 0xa5, 0x0c, 0x30]) {
      expect(named(element(tag)), `empty ${tag}`).toBe(F.CertificateMalformed);
      expect(named(good, element(tag)), `empty ${tag} after a good one`).toBe(F.CertificateMalformed);
    }
    expect(named(element(0xa4, sequence())), "an empty directoryName").toBe(F.CertificateMalformed);
    for (const tag of [0x81, 0x82, 0x86]) {
      expect(named(element(tag, Uint8Array.of(0x61, 0xe4))), `${tag} outside ASCII`).toBe(F.CertificateMalformed);
    }
  });
});

describe("algorithms", () => {
  const NULL = Uint8Array.of(0x05, 0x00);
  const signedWith = (...identifier: Uint8Array[]) =>
    changed(({ outer, tbs }) => {
      tbs[2] = decode(sequence(...identifier));
      outer[1] = decode(sequence(...identifier));
    });

  it("refuses each signature algorithm that is not of the profile", () => {
    const rsa = (n: number) => signedWith(oid(`1.2.840.113549.1.1.${n}`), NULL);
    const others: [string, Uint8Array][] = [
      ["sha1WithRSAEncryption", rsa(5)],
      ["RSASSA-PSS", signedWith(oid("1.2.840.113549.1.1.10"), sequence())],
      ["sha256WithRSAEncryption", rsa(11)],
      ["sha224WithRSAEncryption", rsa(14)],
      ["dsa-with-sha1", signedWith(oid("1.2.840.10040.4.3"))],
      ["dsa-with-sha224", signedWith(oid("2.16.840.1.101.3.4.3.1"))],
      ["dsa-with-sha256", signedWith(oid("2.16.840.1.101.3.4.3.2"))],
      ["ecdsa-with-SHA1", signedWith(oid("1.2.840.10045.4.1"))],
      ["ecdsa-with-SHA224", signedWith(oid("1.2.840.10045.4.3.1"))],
      ["ecdsa-with-SHA512", signedWith(oid("1.2.840.10045.4.3.4"))],
      ["Ed448", signedWith(oid("1.3.101.113"))],
    ];
    for (const [name, der] of others) {
      const failure = parse(der);
      expect(failure, name).toBe(F.CertificateUnsupported);
      expect(tls.call.alertOf!(failure), name).toBe(ALERT.unsupportedCertificate);
    }
  });

  it("answers a signature with MD5 with bad_certificate", () => {
    // RFC 8446 §4.4.2.4; md5WithRSAEncryption is the only one that X.509 has.
    for (const parameters of [[], [NULL]]) {
      const failure = parse(signedWith(oid("1.2.840.113549.1.1.4"), ...parameters));
      expect(tls.call.alertOf!(failure)).toBe(ALERT.badCertificate);
    }
  });
});

describe("paths", () => {
  it("refuses a chain with a certificate twice, the anchor's own too", () => {
    for (const chain of [
      [client, root, root],
      [underMiddle, middle, root, root],
      [underMiddle, middle, middle],
      [underMiddle, middle, middle, root],
      [client, client],
      [underMiddle, middle, underMiddle],
    ]) {
      expect(judge(chain)).toBe(F.CertificateNameMismatch);
    }
    expect(judge([client, root])).toBe(F.None);
    expect(judge([underMiddle, middle, root])).toBe(F.None);
  });

  it("a later path length never raises an earlier one", async () => {
    for (const [rootLimit, limits, expected] of [
      [0, [5], F.CertificatePathTooLong],
      [1, [7, 7], F.CertificatePathTooLong],
      [3, [0, 9], F.CertificatePathTooLong],
      [3, [1, 9], F.None],
      [3, [2, 1, 0], F.None],
      [3, [2, 0, 0], F.CertificatePathTooLong],
    ] as [number, number[], Failure][]) {
      const anchor = await authority({ pathLength: rootLimit });
      let issuer = anchor;
      const chain: Issued[] = [];
      for (const [i, pathLength] of limits.entries()) {
        issuer = await authority({ issuer, subject: `CN=level ${i}`, pathLength });
        chain.unshift(issuer);
      }
      expect(judge([await leaf("client", { issuer }), ...chain], anchor), limits.join()).toBe(expected);
    }
  });
});
