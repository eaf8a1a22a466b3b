/**
 * guest/x509/certificate and extensions: certificates of @peculiar/x509 are read as they are meant, and each departure
 * from the profile is refused for what it is. Parsing alone: nothing here depends on a signature being right.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import {
  authority,
  basicConstraints,
  type Issued,
  KeyUsageFlags,
  keyUsage,
  leaf,
  NOT_AFTER,
  NOT_BEFORE,
  type Parts,
  PURPOSE_OIDS,
  purposes,
} from "../../../support/certificates.ts";
import {
  concat,
  constructed,
  decode,
  element,
  encode,
  type Node,
  oid,
  primitive,
  sequence,
} from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

let h: Harness;
let root: Issued;
let player: Issued;
beforeAll(async () => {
  h = await loadHarness("x509");
  root = await authority({ kind: "ed25519", pathLength: 1 });
  player = await leaf("client", { issuer: root, subject: "CN=player,O=Example" });
});

const { None, CertificateMalformed, CertificateUnsupported, CertificateCriticalExtension } = Failure;
const bytes = (...values: number[]) => Uint8Array.from(values);
const TRUE = bytes(0x01, 0x01, 0xff);
const FALSE = bytes(0x01, 0x01, 0x00);

function parse(der: Uint8Array): Failure {
  h.write(der);
  return h.call.parse!(der.length) as Failure;
}
/** What the last parse found. */
function facts() {
  const view = new DataView(h.read(256).buffer);
  return {
    scheme: view.getUint32(0),
    signedWith: view.getUint32(4),
    notBefore: Number(view.getBigInt64(8)),
    notAfter: Number(view.getBigInt64(16)),
    isAuthority: view.getUint32(24) === 1,
    pathLength: view.getUint32(28),
    keyUsage: view.getUint32(32),
    purposes: view.getUint32(36),
    publicKeyLength: view.getUint32(40),
    signedLength: view.getUint32(44),
    subject: Buffer.from(h.read(view.getUint32(48), 64)).toString(),
  };
}
/** The player's certificate with its DER changed; its signature is then wrong, which parsing does not see. */
function changed(change: (parts: Parts) => unknown, of: Issued = player): Uint8Array {
  const certificate = decode(of.der);
  const outer = certificate.children!;
  change({ outer, tbs: outer[0]!.children! });
  return encode(certificate);
}
function replace(list: Node[], at: number, node: Node): void {
  list[at] = node;
}
/** The player's certificate with these extensions: `[oid, value]` or `[oid, BOOLEAN, value]`, the value inside the OCTET STRING. */
function withExtensions(...extensions: ([string, Uint8Array] | [string, Uint8Array, Uint8Array])[]): Uint8Array {
  return changed(({ tbs }) => {
    const list = extensions.map(([type, ...rest]) =>
      decode(sequence(oid(type), ...rest.slice(0, -1), element(0x04, rest.at(-1)!))),
    );
    tbs[7] = constructed(0xa3, constructed(0x30, ...list));
  });
}

describe("reading", () => {
  it("finds what is in a leaf", () => {
    expect(parse(player.der)).toBe(None);
    expect(facts()).toEqual({
      scheme: 0x0403,
      signedWith: 0x0807,
      notBefore: NOT_BEFORE.getTime() / 1000,
      notAfter: NOT_AFTER.getTime() / 1000,
      isAuthority: false,
      pathLength: 0xffffffff,
      keyUsage: 1,
      purposes: 2,
      publicKeyLength: 65,
      signedLength: encode(decode(player.der).children![0]!).length,
      subject: "CN=player,O=Example",
    });
  });

  it("finds what is in an authority", () => {
    expect(parse(root.der)).toBe(None);
    expect(facts()).toMatchObject({
      scheme: 0x0807,
      signedWith: 0x0807,
      isAuthority: true,
      pathLength: 1,
      keyUsage: 0b1100000,
      purposes: 0,
      publicKeyLength: 32,
      subject: "CN=Test CA,O=Example",
    });
  });

  it("forgets the certificate before", () => {
    const bare = changed(({ tbs }) => void tbs.pop());
    expect(parse(root.der)).toBe(None);
    expect(parse(bare)).toBe(None);
    expect(facts()).toMatchObject({
      isAuthority: false,
      pathLength: 0xffffffff,
      keyUsage: 0,
      purposes: 0,
      subject: "CN=player,O=Example",
    });
    expect(parse(bytes(0))).toBe(CertificateMalformed);
    expect(facts()).toMatchObject({ scheme: 0, signedWith: 0, publicKeyLength: 0, signedLength: 0, subject: "" });
  });

  it("keeps the subject of a certificate that is refused after it", () => {
    expect(parse(withExtensions(["1.2.3", TRUE, bytes()]))).toBe(CertificateCriticalExtension);
    expect(facts().subject).toBe("CN=player,O=Example");
    expect(parse(player.der.subarray(0, player.der.length - 1))).toBe(CertificateMalformed);
    expect(facts().subject).toBe("");
  });
});

describe("the outer form", () => {
  const cases: [string, (parts: Parts) => unknown, Failure][] = [
    ["version 1", ({ tbs }) => void tbs.shift(), CertificateUnsupported],
    [
      "version 1 written out",
      ({ tbs }) => replace(tbs, 0, constructed(0xa0, primitive(0x02, [0]))),
      CertificateMalformed,
    ],
    ["version 2", ({ tbs }) => replace(tbs, 0, constructed(0xa0, primitive(0x02, [1]))), CertificateUnsupported],
    ["version 4", ({ tbs }) => replace(tbs, 0, constructed(0xa0, primitive(0x02, [3]))), CertificateUnsupported],
    [
      "version 3 in two bytes",
      ({ tbs }) => replace(tbs, 0, constructed(0xa0, primitive(0x02, [0, 2]))),
      CertificateMalformed,
    ],
    ["two versions", ({ tbs }) => void tbs[0]!.children!.push(primitive(0x02, [2])), CertificateMalformed],
    ["serial number 0", ({ tbs }) => replace(tbs, 1, primitive(0x02, [0])), CertificateMalformed],
    ["a negative serial number", ({ tbs }) => replace(tbs, 1, primitive(0x02, [0x80])), CertificateMalformed],
    ["an empty serial number", ({ tbs }) => replace(tbs, 1, primitive(0x02, [])), CertificateMalformed],
    ["a padded serial number", ({ tbs }) => replace(tbs, 1, primitive(0x02, [0, 1])), CertificateMalformed],
    [
      "a serial number of 20 bytes",
      ({ tbs }) => replace(tbs, 1, primitive(0x02, [0x7f, ...Array(19).fill(0xff)])),
      None,
    ],
    [
      "a serial number of 21 bytes",
      ({ tbs }) => replace(tbs, 1, primitive(0x02, [0, ...Array(20).fill(0xff)])),
      CertificateMalformed,
    ],
    ["a serial number that is no INTEGER", ({ tbs }) => replace(tbs, 1, primitive(0x0a, [1])), CertificateMalformed],
    ["an empty issuer", ({ tbs }) => replace(tbs, 3, constructed(0x30)), CertificateMalformed],
    ["an empty subject", ({ tbs }) => replace(tbs, 5, constructed(0x30)), None],
    [
      "a subject with an empty set",
      ({ tbs }) => replace(tbs, 5, constructed(0x30, constructed(0x31))),
      CertificateMalformed,
    ],
    ["a third time", ({ tbs }) => void tbs[4]!.children!.push(tbs[4]!.children![0]!), CertificateMalformed],
    ["one time", ({ tbs }) => void tbs[4]!.children!.pop(), CertificateMalformed],
    [
      "GeneralizedTime before 2050",
      ({ tbs }) => replace(tbs[4]!.children!, 1, primitive(0x18, "20340101000000Z")),
      CertificateMalformed,
    ],
    [
      "a time without seconds",
      ({ tbs }) => replace(tbs[4]!.children!, 0, primitive(0x17, "2401010000Z")),
      CertificateMalformed,
    ],
    ["no extensions", ({ tbs }) => void tbs.pop(), None],
    [
      "an empty list of extensions",
      ({ tbs }) => replace(tbs, 7, constructed(0xa3, constructed(0x30))),
      CertificateMalformed,
    ],
    ["an empty [3]", ({ tbs }) => replace(tbs, 7, constructed(0xa3)), CertificateMalformed],
    ["two lists of extensions", ({ tbs }) => void tbs[7]!.children!.push(tbs[7]!.children![0]!), CertificateMalformed],
    ["[3] twice", ({ tbs }) => void tbs.push(tbs[7]!), CertificateMalformed],
    [
      "an issuer's unique identifier",
      ({ tbs }) => void tbs.splice(7, 0, primitive(0x81, [0, 1])),
      CertificateUnsupported,
    ],
    [
      "a subject's unique identifier",
      ({ tbs }) => void tbs.splice(7, 0, primitive(0x82, [0, 1])),
      CertificateUnsupported,
    ],
    [
      "unique identifiers in the wrong order",
      ({ tbs }) => void tbs.splice(7, 0, primitive(0x82, [0]), primitive(0x81, [0])),
      CertificateMalformed,
    ],
    ["something after the extensions", ({ tbs }) => void tbs.push(primitive(0x05, [])), CertificateMalformed],
    ["something after the signature", ({ outer }) => void outer.push(primitive(0x05, [])), CertificateMalformed],
    ["no signature", ({ outer }) => void outer.pop(), CertificateMalformed],
    ["a signature of seven bits", ({ outer }) => outer[2]!.content!.fill(1, 0, 1), CertificateMalformed],
    [
      "a signature as OCTET STRING",
      ({ outer }) => replace(outer, 2, primitive(0x04, outer[2]!.content!)),
      CertificateMalformed,
    ],
    [
      "another algorithm outside than inside",
      ({ outer }) => replace(outer, 1, decode(sequence(oid("1.2.840.10045.4.3.2")))),
      CertificateMalformed,
    ],
    [
      "NULL parameters outside only",
      ({ outer }) => void outer[1]!.children!.push(primitive(0x05, [])),
      CertificateMalformed,
    ],
  ];
  it.each(cases)("%s", (_, change, expected) => {
    expect(parse(changed(change))).toBe(expected);
  });

  it("refuses bytes after the certificate and an indefinite length around it", () => {
    expect(parse(concat(player.der, bytes(0)))).toBe(CertificateMalformed);
    const content = player.der.subarray(4);
    expect(parse(concat(bytes(0x30, 0x80), content, bytes(0, 0)))).toBe(CertificateMalformed);
    expect(parse(concat(bytes(0x30, 0x83, 0, content.length >> 8, content.length & 0xff), content))).toBe(
      CertificateMalformed,
    );
  });
});

describe("algorithms", () => {
  const signature =
    (...parts: Uint8Array[]) =>
    (node: Parts) => {
      node.tbs[2] = decode(sequence(...parts));
      node.outer[1] = decode(sequence(...parts));
    };
  const key = (algorithm: Uint8Array, content: Uint8Array) => (node: Parts) => {
    node.tbs[6] = constructed(0x30, decode(algorithm), primitive(0x03, content));
  };
  const NULL = bytes(0x05, 0x00);
  const ec = (curve: string) => sequence(oid("1.2.840.10045.2.1"), oid(curve));
  const P256 = ec("1.2.840.10045.3.1.7");
  const P384 = ec("1.3.132.0.34");
  const ED25519 = sequence(oid("1.3.101.112"));
  const filled = (length: number, ...start: number[]) => Uint8Array.from({ length }, (_, i) => start[i] ?? 1);
  const cases: [string, (parts: Parts) => unknown, Failure][] = [
    ["ecdsa-with-SHA256", signature(oid("1.2.840.10045.4.3.2")), None],
    ["Ed25519", signature(oid("1.3.101.112")), None],
    ["ecdsa-with-SHA256 with NULL parameters", signature(oid("1.2.840.10045.4.3.2"), NULL), CertificateUnsupported],
    ["Ed25519 with NULL parameters", signature(oid("1.3.101.112"), NULL), CertificateUnsupported],
    ["ecdsa-with-SHA384", signature(oid("1.2.840.10045.4.3.3")), None],
    ["ecdsa-with-SHA384 with NULL parameters", signature(oid("1.2.840.10045.4.3.3"), NULL), CertificateUnsupported],
    ["ecdsa-with-SHA512", signature(oid("1.2.840.10045.4.3.4")), CertificateUnsupported],
    ["ecdsa-with-SHA1", signature(oid("1.2.840.10045.4.1")), CertificateUnsupported],
    ["sha256WithRSAEncryption", signature(oid("1.2.840.113549.1.1.11"), NULL), CertificateUnsupported],
    ["Ed448", signature(oid("1.3.101.113")), CertificateUnsupported],
    ["an empty algorithm", signature(), CertificateUnsupported],
    ["a P-256 key", key(P256, filled(66, 0, 4)), None],
    ["an Ed25519 key", key(ED25519, filled(33, 0)), None],
    ["a compressed P-256 key", key(P256, filled(34, 0, 2)), CertificateUnsupported],
    ["a hybrid P-256 key", key(P256, filled(66, 0, 6)), CertificateUnsupported],
    ["the P-256 point at infinity", key(P256, bytes(0, 0)), CertificateUnsupported],
    ["a P-256 key that is too short", key(P256, filled(65, 0, 4)), CertificateUnsupported],
    ["an empty P-256 key", key(P256, bytes(0)), CertificateUnsupported],
    ["a P-256 key with unused bits", key(P256, filled(66, 1, 4)), CertificateMalformed],
    ["an Ed25519 key of 31 bytes", key(ED25519, filled(32, 0)), CertificateMalformed],
    ["an Ed25519 key of 33 bytes", key(ED25519, filled(34, 0)), CertificateMalformed],
    [
      "an Ed25519 key with NULL parameters",
      key(sequence(oid("1.3.101.112"), NULL), filled(33, 0)),
      CertificateUnsupported,
    ],
    ["a P-384 key", key(P384, filled(98, 0, 4)), None],
    ["a compressed P-384 key", key(P384, filled(50, 0, 2)), CertificateUnsupported],
    ["a P-384 key of a P-256 key's length", key(P384, filled(66, 0, 4)), CertificateUnsupported],
    ["a P-256 key of a P-384 key's length", key(P256, filled(98, 0, 4)), CertificateUnsupported],
    ["a P-521 key", key(ec("1.3.132.0.35"), filled(134, 0, 4)), CertificateUnsupported],
    ["a secp256k1 key", key(ec("1.3.132.0.10"), filled(66, 0, 4)), CertificateUnsupported],
    ["an RSA key", key(sequence(oid("1.2.840.113549.1.1.1"), NULL), filled(271, 0)), CertificateUnsupported],
    [
      "a key that is no BIT STRING",
      ({ tbs }) => replace(tbs[6]!.children!, 1, primitive(0x04, tbs[6]!.children![1]!.content!)),
      CertificateMalformed,
    ],
    ["something after the key", ({ tbs }) => void tbs[6]!.children!.push(primitive(0x05, [])), CertificateMalformed],
  ];
  it.each(cases)("%s", (_, change, expected) => {
    expect(parse(changed(change))).toBe(expected);
  });
});

describe("extensions", () => {
  const BC = "2.5.29.19";
  const KU = "2.5.29.15";
  const EKU = "2.5.29.37";
  const SAN = "2.5.29.17";
  const SKI = "2.5.29.14";
  const AKI = "2.5.29.35";
  const ca = sequence(TRUE);
  const text = (tag: number, value: string) => element(tag, Buffer.from(value, "latin1"));
  const directoryName = element(0xa4, sequence(element(0x31, sequence(oid("2.5.4.3"), text(0x0c, "x")))));
  type Extension = [string, Uint8Array] | [string, Uint8Array, Uint8Array];
  const cases: [string, Extension[], Failure][] = [
    ["a CA", [[BC, TRUE, ca]], None],
    ["a CA, not critical", [[BC, ca]], None],
    ["a CA with path length 0", [[BC, TRUE, sequence(TRUE, bytes(2, 1, 0))]], None],
    ["no CA", [[BC, sequence()]], None],
    ["no CA, written out", [[BC, sequence(FALSE)]], CertificateMalformed],
    ["a BOOLEAN of 1", [[BC, sequence(bytes(1, 1, 1))]], CertificateMalformed],
    ["a path length without CA", [[BC, sequence(bytes(2, 1, 0))]], CertificateMalformed],
    ["a negative path length", [[BC, sequence(TRUE, bytes(2, 1, 0xff))]], CertificateMalformed],
    ["a padded path length", [[BC, sequence(TRUE, bytes(2, 2, 0, 1))]], CertificateMalformed],
    ["two path lengths", [[BC, sequence(TRUE, bytes(2, 1, 0), bytes(2, 1, 0))]], CertificateMalformed],
    ["basicConstraints with something after", [[BC, concat(ca, bytes(5, 0))]], CertificateMalformed],
    ["empty basicConstraints value", [[BC, bytes()]], CertificateMalformed],
    ["criticality FALSE, written out", [[BC, FALSE, ca]], CertificateMalformed],
    ["criticality as 1", [[BC, bytes(1, 1, 1), ca]], CertificateMalformed],
    ["keyUsage", [[KU, TRUE, bytes(3, 2, 7, 0x80)]], None],
    ["keyUsage with a trailing zero bit", [[KU, TRUE, bytes(3, 2, 6, 0x80)]], CertificateMalformed],
    ["keyUsage with nothing", [[KU, TRUE, bytes(3, 1, 0)]], CertificateMalformed],
    ["keyUsage as OCTET STRING", [[KU, TRUE, bytes(4, 2, 7, 0x80)]], CertificateMalformed],
    ["extKeyUsage", [[EKU, sequence(oid(PURPOSE_OIDS.server), oid("1.2.3.4"))]], None],
    ["extKeyUsage, critical", [[EKU, TRUE, sequence(oid(PURPOSE_OIDS.server))]], None],
    ["an empty extKeyUsage", [[EKU, sequence()]], CertificateMalformed],
    ["extKeyUsage with a broken identifier", [[EKU, sequence(bytes(6, 1, 0x80))]], CertificateMalformed],
    ["extKeyUsage with something else", [[EKU, sequence(oid(PURPOSE_OIDS.server), bytes(5, 0))]], CertificateMalformed],
    [
      "subjectAltName of every form",
      [
        [
          SAN,
          sequence(
            text(0x81, "a@b"),
            text(0x82, "x.example"),
            text(0x86, "https://x/"),
            element(0x87, bytes(1, 2, 3, 4)),
            element(0x87, new Uint8Array(16)),
            element(0x88, oid("1.2.3").subarray(2)),
            directoryName,
            element(0xa0, oid("1.2.3"), element(0xa0, text(0x0c, "x"))),
          ),
        ],
      ],
      None,
    ],
    ["subjectAltName, critical", [[SAN, TRUE, sequence(text(0x82, "x"))]], None],
    ["an empty subjectAltName", [[SAN, sequence()]], CertificateMalformed],
    ["an empty dNSName", [[SAN, sequence(text(0x82, ""))]], CertificateMalformed],
    ["a dNSName outside ASCII", [[SAN, sequence(text(0x82, "pi\xf1ata"))]], CertificateMalformed],
    ["an iPAddress of 5 bytes", [[SAN, sequence(element(0x87, new Uint8Array(5)))]], CertificateMalformed],
    ["an empty directoryName", [[SAN, sequence(element(0xa4, sequence()))]], CertificateMalformed],
    ["a broken registeredID", [[SAN, sequence(bytes(0x88, 1, 0x80))]], CertificateMalformed],
    ["an otherName without value", [[SAN, sequence(element(0xa0, oid("1.2.3")))]], CertificateMalformed],
    [
      "an otherName with two values",
      [[SAN, sequence(element(0xa0, oid("1.2.3"), element(0xa0, bytes(5, 0, 5, 0))))]],
      CertificateMalformed,
    ],
    ["an x400Address", [[SAN, sequence(element(0xa3))]], CertificateMalformed],
    ["an ediPartyName", [[SAN, sequence(element(0xa5))]], CertificateMalformed],
    ["subjectKeyIdentifier", [[SKI, element(0x04, new Uint8Array(20))]], None],
    ["subjectKeyIdentifier of another type", [[SKI, element(0x03, new Uint8Array(20))]], CertificateMalformed],
    ["authorityKeyIdentifier", [[AKI, sequence(element(0x80, new Uint8Array(20)))]], None],
    [
      "authorityKeyIdentifier, whole",
      [[AKI, sequence(element(0x80, bytes(1)), element(0xa1, directoryName), element(0x82, bytes(1)))]],
      None,
    ],
    ["authorityKeyIdentifier with issuer alone", [[AKI, sequence(element(0xa1, directoryName))]], CertificateMalformed],
    ["authorityKeyIdentifier with serial alone", [[AKI, sequence(element(0x82, bytes(1)))]], CertificateMalformed],
    [
      "authorityKeyIdentifier in another order",
      [[AKI, sequence(element(0xa1, directoryName), element(0x82, bytes(1)), element(0x80, bytes(1)))]],
      CertificateMalformed,
    ],
    ["an unknown extension", [["1.2.3.4", bytes(0xff)]], None],
    ["an unknown critical extension", [["1.2.3.4", TRUE, bytes()]], CertificateCriticalExtension],
    ["critical nameConstraints", [["2.5.29.30", TRUE, sequence()]], CertificateCriticalExtension],
    ["critical certificatePolicies", [["2.5.29.32", TRUE, sequence()]], CertificateCriticalExtension],
    [
      "keyUsage twice",
      [
        [KU, bytes(3, 2, 7, 0x80)],
        [KU, bytes(3, 2, 7, 0x80)],
      ],
      CertificateMalformed,
    ],
    [
      "basicConstraints twice, one of them a CA",
      [
        [BC, sequence()],
        [KU, bytes(3, 2, 7, 0x80)],
        [BC, ca],
      ],
      CertificateMalformed,
    ],
    [
      "an unknown extension twice",
      [
        ["1.2.3", bytes()],
        ["1.2.4", bytes()],
        ["1.2.3", bytes()],
      ],
      CertificateMalformed,
    ],
    ["32 extensions", Array.from({ length: 32 }, (_, i): Extension => [`1.2.${i}`, bytes()]), None],
    ["33 extensions", Array.from({ length: 33 }, (_, i): Extension => [`1.2.${i}`, bytes()]), CertificateMalformed],
  ];
  it.each(cases)("%s", (_, extensions, expected) => {
    expect(parse(withExtensions(...extensions))).toBe(expected);
  });

  it("refuses an extension with more or less than its three parts", () => {
    const one = (...parts: Node[]) =>
      changed(({ tbs }) => replace(tbs, 7, constructed(0xa3, constructed(0x30, constructed(0x30, ...parts)))));
    const type = decode(oid("1.2.3"));
    const value = primitive(0x04, []);
    expect(parse(one(type, value))).toBe(None);
    for (const parts of [[], [type], [value], [type, value, value], [type, primitive(0x30, [])]]) {
      expect(parse(one(...parts))).toBe(CertificateMalformed);
    }
  });

  it("reads what @peculiar/x509 writes for every usage and purpose", async () => {
    const usages = [
      KeyUsageFlags.digitalSignature,
      KeyUsageFlags.keyEncipherment | KeyUsageFlags.cRLSign,
      KeyUsageFlags.decipherOnly,
    ];
    for (const flags of usages) {
      for (const list of [["server"], ["client"], ["server", "client"], ["2.5.29.37.0"]]) {
        const { der } = await leaf("client", {
          issuer: root,
          extensions: [basicConstraints(false), keyUsage(flags), purposes(...list)],
        });
        expect(parse(der)).toBe(None);
        expect(facts()).toMatchObject({
          keyUsage: flags,
          purposes: (list.includes("server") ? 1 : 0) + (list.includes("client") ? 2 : 0),
        });
      }
    }
  });
});
