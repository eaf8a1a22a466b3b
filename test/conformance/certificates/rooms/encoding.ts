/** The encoding as such (RFC 5280 §4.1, X.690 §8, §10, §11): lengths, tags, what lies behind, at every level of a certificate. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { concat, decode, encode, type Node, primitive } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { extensionList, FIELD, type Plan, plainExtension, put, type World } from "../world.ts";

const { CertificateMalformed } = Failure;

type Rewrite = (tag: number, content: Uint8Array) => Uint8Array;

const contentOf = (node: Node) => {
  const bytes = encode(node);
  const first = bytes[1]!;
  return bytes.subarray(2 + (first < 0x80 ? 0 : first & 0x7f));
};
const header = (tag: number, ...length: number[]) => Uint8Array.of(tag, ...length);

/** BER's other ways to write an element: each says the same, and none is DER. */
const indefinite: Rewrite = (tag, content) => concat(header(tag, 0x80), content, Uint8Array.of(0, 0));
const longer: Rewrite = (tag, content) => {
  const { length } = content;
  if (length < 0x80) return concat(header(tag, 0x81, length), content);
  if (length < 0x100) return concat(header(tag, 0x82, 0, length), content);
  return concat(header(tag, 0x83, 0, length >> 8, length & 0xff), content);
};
const fourBytes: Rewrite = (tag, content) =>
  concat(header(tag, 0x84, 0, 0, content.length >> 8, content.length & 0xff), content);
/** Not even BER. */
const reserved: Rewrite = (tag, content) => concat(header(tag, 0xff), content);
const tooLong: Rewrite = (tag, content) =>
  concat(header(tag, 0x82, (content.length + 1) >> 8, (content.length + 1) & 0xff), content);
const tooShort: Rewrite = (tag, content) =>
  concat(header(tag, 0x82, (content.length - 1) >> 8, (content.length - 1) & 0xff), content);

/** Where an element stands; each finds a node of a leaf before it is signed. */
const PLACES: Record<string, [string, (tbs: Node[]) => [Node[], number]]> = {
  serial: ["the serial number", (tbs) => [tbs, FIELD.serial]],
  version: ["the version", (tbs) => [tbs, FIELD.version]],
  algorithm: ["the inner algorithm", (tbs) => [tbs, FIELD.algorithm]],
  issuer: ["the issuer", (tbs) => [tbs, FIELD.issuer]],
  "issuer-set": ["the issuer's first relative name", (tbs) => [tbs[FIELD.issuer]!.children!, 0]],
  validity: ["the validity", (tbs) => [tbs, FIELD.validity]],
  "not-after": ["the end of the validity", (tbs) => [tbs[FIELD.validity]!.children!, 1]],
  subject: ["the subject", (tbs) => [tbs, FIELD.subject]],
  key: ["the public key", (tbs) => [tbs, FIELD.key]],
  "key-bits": ["the public key's bits", (tbs) => [tbs[FIELD.key]!.children!, 1]],
  extensions: ["the field of the extensions", (tbs) => [tbs, FIELD.extensions]],
  "extension-list": ["the list of extensions", (tbs) => [tbs[FIELD.extensions]!.children!, 0]],
  extension: ["an extension", (tbs) => [extensionList({ tbs, outer: [] }), 0]],
  "extension-value": ["an extension's value", (tbs) => [extensionList({ tbs, outer: [] })[0]!.children!, 2]],
};

/** A leaf with that element written another way, and signed so. */
function rewritten(place: (tbs: Node[]) => [Node[], number], rewrite: Rewrite, plan: Plan = {}) {
  return (w: World): Promise<Presented> =>
    w.one({
      ...plan,
      edit: ({ tbs }) => {
        const [siblings, i] = place(tbs);
        const node = siblings[i]!;
        siblings[i] = { tag: node.tag, raw: rewrite(node.tag, contentOf(node)) };
      },
    });
}
const everywhere: Case[] = Object.entries(PLACES).flatMap(([id, [words, place]]) => [
  wrong(
    `long-length-${id}`,
    `a length with a byte too many: ${words}`,
    CertificateMalformed,
    R.minimalLength,
    rewritten(place, longer),
  ),
  wrong(
    `indefinite-${id}`,
    `a length that is not said: ${words}`,
    CertificateMalformed,
    R.minimalLength,
    rewritten(place, indefinite),
  ),
]);

/** A leaf whose finished bytes are changed: what is signed stays as it was. */
const bytes =
  (change: (der: Uint8Array) => Uint8Array) =>
  async (w: World): Promise<Presented> => {
    const leaf = await w.leaf();
    return w.present(change(leaf.der));
  };
/** A leaf with its outermost SEQUENCE, or its tbsCertificate (signed so), written another way. */
const outermost = (rewrite: Rewrite) => bytes((der) => rewrite(0x30, contentOf(decode(der))));
const tbs = (rewrite: Rewrite) => (w: World) =>
  w.one({ edit: ({ outer }) => put(outer, 0, { tag: 0x30, raw: rewrite(0x30, contentOf(outer[0]!)) }) });
const last = (change: (outer: Node[]) => void) => (w: World) => w.one({ after: change });

export const ENCODING: Room = {
  id: "encoding",
  title: "DER encoding",
  cases: [
    right("der", "a certificate in DER", R.form, (w) => w.one()),
    ...everywhere,
    wrong(
      "two-byte-length-extension-list",
      "a length in two bytes that fits one: the list of extensions",
      CertificateMalformed,
      R.minimalLength,
      rewritten(PLACES["extension-list"]![1], longer, { more: [plainExtension("1.2.3.4", new Uint8Array(80))] }),
    ),
    wrong(
      "long-length-certificate",
      "a length with a byte too many: the certificate",
      CertificateMalformed,
      R.minimalLength,
      outermost(longer),
    ),
    wrong(
      "four-byte-length-certificate",
      "a length in four bytes: the certificate",
      CertificateMalformed,
      R.minimalLength,
      outermost(fourBytes),
    ),
    wrong(
      "indefinite-certificate",
      "a length that is not said: the certificate",
      CertificateMalformed,
      R.minimalLength,
      outermost(indefinite),
    ),
    wrong("reserved-length", "the length byte 0xff", CertificateMalformed, R.minimalLength, outermost(reserved)),
    wrong(
      "too-long",
      "a certificate that says that it is longer than it is",
      CertificateMalformed,
      R.contents,
      outermost(tooLong),
    ),
    wrong(
      "too-short",
      "a certificate that says that it is shorter than it is",
      CertificateMalformed,
      R.contents,
      outermost(tooShort),
    ),
    wrong(
      "long-length-tbs",
      "a length with a byte too many: the signed part",
      CertificateMalformed,
      R.minimalLength,
      tbs(longer),
    ),
    wrong(
      "indefinite-tbs",
      "a length that is not said: the signed part",
      CertificateMalformed,
      R.minimalLength,
      tbs(indefinite),
    ),
    wrong(
      "long-length-signature",
      "a length with a byte too many: the signature",
      CertificateMalformed,
      R.minimalLength,
      last((outer) => put(outer, 2, { tag: 3, raw: longer(3, outer[2]!.content!) })),
    ),
    wrong(
      "constructed-signature",
      "a signature in parts",
      CertificateMalformed,
      R.primitiveString,
      last((outer) =>
        put(outer, 2, {
          tag: 0x23,
          raw: concat(
            header(0x23, outer[2]!.content!.length + 2),
            header(3, outer[2]!.content!.length),
            outer[2]!.content!,
          ),
        }),
      ),
    ),
    wrong(
      "long-length-outer-algorithm",
      "a length with a byte too many: the outer algorithm",
      CertificateMalformed,
      R.minimalLength,
      last((outer) => put(outer, 1, { tag: 0x30, raw: longer(0x30, contentOf(outer[1]!)) })),
    ),

    // Behind and before.
    wrong(
      "byte-behind",
      "a byte behind the certificate",
      CertificateMalformed,
      R.form,
      bytes((der) => concat(der, Uint8Array.of(0))),
    ),
    wrong(
      "element-behind",
      "an element behind the certificate",
      CertificateMalformed,
      R.form,
      bytes((der) => concat(der, Uint8Array.of(5, 0))),
    ),
    wrong(
      "certificate-behind",
      "another certificate behind the certificate, in one entry",
      CertificateMalformed,
      R.form,
      async (w) => w.present(concat((await w.leaf()).der, w.root.der)),
    ),
    wrong(
      "byte-before",
      "a byte before the certificate",
      CertificateMalformed,
      R.form,
      bytes((der) => concat(Uint8Array.of(0), der)),
    ),
    wrong(
      "element-behind-signature",
      "an element behind the signature",
      CertificateMalformed,
      R.form,
      last((outer) => void outer.push(primitive(5, []))),
    ),
    wrong("element-behind-extensions", "an element behind the extensions", CertificateMalformed, R.form, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.push(primitive(5, [])) }),
    ),
    wrong("end-of-contents", "two zero bytes at the end of the signed part", CertificateMalformed, R.contents, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.push(primitive(0, [])) }),
    ),

    // Missing.
    wrong(
      "cut-by-one",
      "a certificate without its last byte",
      CertificateMalformed,
      R.contents,
      bytes((der) => der.subarray(0, der.length - 1)),
    ),
    wrong(
      "cut-in-half",
      "half a certificate",
      CertificateMalformed,
      R.contents,
      bytes((der) => der.subarray(0, der.length >> 1)),
    ),
    wrong(
      "header-only",
      "the first four bytes of a certificate",
      CertificateMalformed,
      R.contents,
      bytes((der) => der.subarray(0, 4)),
    ),
    wrong("empty-sequence", "an empty SEQUENCE", CertificateMalformed, R.form, (w) =>
      w.present(Uint8Array.of(0x30, 0)),
    ),
    wrong("zeros", "a hundred zero bytes", CertificateMalformed, R.form, (w) => w.present(new Uint8Array(100))),
    wrong(
      "no-signature",
      "a certificate without its signature",
      CertificateMalformed,
      R.form,
      last((outer) => void outer.pop()),
    ),
    wrong(
      "no-outer-algorithm",
      "a certificate without its outer algorithm",
      CertificateMalformed,
      R.form,
      last((outer) => void outer.splice(1, 1)),
    ),
    wrong(
      "tbs-only",
      "the signed part alone",
      CertificateMalformed,
      R.form,
      last((outer) => void outer.splice(1, 2)),
    ),
    ...(["algorithm", "issuer", "validity", "subject", "key"] as const).map((field) =>
      wrong(`no-${field}`, `no ${field}`, CertificateMalformed, R.form, (w) =>
        w.one({ edit: ({ tbs }) => void tbs.splice(FIELD[field], 1) }),
      ),
    ),
    wrong("swapped-names", "validity and subject in each other's place", CertificateMalformed, R.form, (w) =>
      w.one({ edit: ({ tbs }) => void tbs.splice(FIELD.validity, 2, tbs[FIELD.subject]!, tbs[FIELD.validity]!) }),
    ),

    // Tags.
    wrong(
      "set-for-certificate",
      "a SET for the certificate",
      CertificateMalformed,
      R.tag,
      bytes((der) => concat(Uint8Array.of(0x31), der.subarray(1))),
    ),
    wrong(
      "primitive-sequence",
      "a SEQUENCE without its bit for constructed",
      CertificateMalformed,
      R.tag,
      bytes((der) => concat(Uint8Array.of(0x10), der.subarray(1))),
    ),
    wrong(
      "long-tag",
      "the tag of a SEQUENCE in its long form",
      CertificateMalformed,
      R.tag,
      bytes((der) => concat(Uint8Array.of(0x3f, 0x10), der.subarray(1))),
    ),
    wrong(
      "application-tag",
      "a certificate of the class APPLICATION",
      CertificateMalformed,
      R.tag,
      bytes((der) => concat(Uint8Array.of(0x70), der.subarray(1))),
    ),
    wrong(
      "octets-for-signature",
      "an OCTET STRING for the signature",
      CertificateMalformed,
      R.tag,
      last((outer) => put(outer, 2, primitive(4, outer[2]!.content!))),
    ),
    wrong("constructed-octets", "an extension's value in parts", CertificateMalformed, R.primitiveString, (w) =>
      w.one({
        edit: (parts) => {
          const list = extensionList(parts)[0]!.children!;
          const value = list[2]!;
          list[2] = { tag: 0x24, children: [value] };
        },
      }),
    ),
    wrong(
      "pem",
      "PEM where DER should be",
      CertificateMalformed,
      R.form,
      bytes((der) =>
        Buffer.from(`-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`),
      ),
    ),
  ],
};
