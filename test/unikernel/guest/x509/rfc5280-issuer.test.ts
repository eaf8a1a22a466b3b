/**
 * What RFC 5280 asks of whoever issues certificates, for the authority that `pinata mint` makes (infra/mint/certificates.ts): the DER of
 * its four certificates, taken apart without the code under test or the guest. docs/rfc5280.md names these tests.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Certificates, makeCertificates } from "../../../../infra/mint/certificates.ts";
import { decode, encode, type Node, oid } from "../../../support/der.ts";

const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
};
const SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH = oid("1.3.6.1.5.5.7.3.2");
const MADE = new Date("2026-11-24T12:00:00.750Z");

interface Taken {
  version: string;
  serial: Buffer;
  issuer: Buffer;
  subject: Buffer;
  names: Node[];
  times: Node[];
  /** By dotted identifier: whether critical, and the value inside the OCTET STRING. */
  extensions: Map<string, { critical: boolean; value: Node }>;
  /** Children of tbsCertificate. */
  fields: number;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const KNOWN = new Map(Object.values(EXTENSION).map((dotted) => [hex(oid(dotted)), dotted]));

function take(der: Uint8Array): Taken {
  const tbs = decode(der).children![0]!.children!;
  const [version, serial, , issuer, validity, subject, , block] = tbs;
  const extensions: Taken["extensions"] = new Map();
  for (const { children } of block!.children![0]!.children!) {
    const [type, ...rest] = children!;
    const dotted = KNOWN.get(hex(encode(type!)))!;
    expect([extensions.has(dotted), dotted]).toEqual([false, expect.any(String)]);
    if (rest.length === 2) expect(hex(rest[0]!.content!)).toBe("ff");
    extensions.set(dotted, { critical: rest.length === 2, value: decode(rest.at(-1)!.content!) });
  }
  return {
    version: hex(encode(version!)),
    serial: Buffer.from(serial!.content!),
    issuer: Buffer.from(encode(issuer!)),
    subject: Buffer.from(encode(subject!)),
    names: [issuer!, subject!],
    times: validity!.children!,
    extensions,
    fields: tbs.length,
  };
}

describe.each(["p256", "ed25519"] as const)("the practice authority's certificates, %s keys", (scheme) => {
  let made: Certificates;
  let authority: Taken;
  let leaves: Taken[];
  beforeAll(async () => {
    made = await makeCertificates(MADE, scheme);
    authority = take(made.authority);
    leaves = [made.server, made.client, made.player].map(({ certificate }) => take(certificate));
  });

  it("are of version 3, with serial numbers that are positive, of 20 bytes at most and never the same", async () => {
    const again = await makeCertificates(MADE, scheme);
    const others = [again.authority, again.server.certificate, again.client.certificate, again.player.certificate];
    const all = [authority, ...leaves, ...others.map(take)];
    for (const { version, serial } of all) {
      expect(version).toBe("a003020102");
      expect(serial.length).toBeGreaterThan(0);
      expect(serial.length).toBeLessThanOrEqual(20);
      expect(serial[0]! < 0x80 && serial.some((byte) => byte > 0)).toBe(true);
    }
    expect(new Set(all.map(({ serial }) => hex(serial))).size).toBe(8);
  });

  it("carry names that are not empty, in UTF8String or PrintableString, the issuer's byte for byte the authority's own", () => {
    for (const { issuer, names } of [authority, ...leaves]) {
      expect(issuer.equals(authority.subject)).toBe(true);
      for (const name of names) {
        expect(name.children!.length).toBeGreaterThan(0);
        for (const set of name.children!) {
          for (const attribute of set.children!) expect([0x0c, 0x13]).toContain(attribute.children![1]!.tag);
        }
      }
    }
    // One subject, one entity: the authority's and the three leaves' are four.
    expect(new Set([authority, ...leaves].map(({ subject }) => hex(subject))).size).toBe(4);
  });

  it("are valid for the years that they say, in UTCTime with seconds and Z", () => {
    for (const { times } of [authority, ...leaves]) {
      expect(times.map(({ tag, content }) => [tag, Buffer.from(content!).toString()])).toEqual([
        [0x17, "261123120000Z"],
        [0x17, "361124120000Z"],
      ]);
    }
  });

  it("have the extensions that RFC 5280 asks of an authority and of a leaf, critical where it says so, and no others", () => {
    const { basicConstraints, keyUsage, extKeyUsage, subjectAltName } = EXTENSION;
    const { subjectKeyIdentifier, authorityKeyIdentifier } = EXTENSION;
    const value = ({ extensions }: Taken, type: string) => hex(encode(extensions.get(type)!.value));
    const criticality = ({ extensions }: Taken) => Object.fromEntries([...extensions].map(([k, v]) => [k, v.critical]));
    // No unique identifiers: eight fields, the last of them the extensions.
    for (const one of [authority, ...leaves]) expect(one.fields).toBe(8);
    expect(criticality(authority)).toEqual({
      [basicConstraints]: true,
      [keyUsage]: true,
      [subjectKeyIdentifier]: false,
    });
    // cA, path length 0; keyCertSign alone.
    expect(value(authority, basicConstraints)).toBe("30060101ff020100");
    expect(value(authority, keyUsage)).toBe("03020204");
    const purposes = [[SERVER_AUTH], [CLIENT_AUTH], [CLIENT_AUTH, SERVER_AUTH]];
    for (const [i, one] of leaves.entries()) {
      const names = i === 0 ? { [subjectAltName]: false } : {};
      expect(criticality(one)).toEqual({
        [basicConstraints]: true,
        [keyUsage]: true,
        [extKeyUsage]: false,
        [authorityKeyIdentifier]: false,
        ...names,
      });
      // No CA, and so no path length; digitalSignature alone.
      expect([value(one, basicConstraints), value(one, keyUsage)]).toEqual(["3000", "03020780"]);
      const listed = one.extensions.get(extKeyUsage)!.value.children!.map((purpose) => hex(encode(purpose)));
      expect(listed).toEqual(purposes[i]!.map(hex));
    }
    const dnsNames = leaves[0]!.extensions.get(subjectAltName)!.value.children!;
    expect(dnsNames.map(({ tag, content }) => [tag, Buffer.from(content!).toString()])).toEqual([
      [0x82, "localhost"],
      [0x82, "pinata"],
    ]);
  });

  it("name the authority's key: authorityKeyIdentifier is its subjectKeyIdentifier, neither critical", () => {
    const own = authority.extensions.get(EXTENSION.subjectKeyIdentifier)!;
    expect([own.critical, own.value.content!.length]).toEqual([false, 20]);
    for (const { extensions } of leaves) {
      const { critical, value } = extensions.get(EXTENSION.authorityKeyIdentifier)!;
      expect(critical).toBe(false);
      expect(value.children!.map(({ tag, content }) => [tag, hex(content!)])).toEqual([
        [0x80, hex(own.value.content!)],
      ]);
    }
  });
});
