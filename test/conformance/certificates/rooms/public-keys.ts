/** Public keys (RFC 5480 §2, RFC 8410 §4): named curves, uncompressed points of the right length, no parameters for Ed25519; in a leaf and in an issuer. */
import { p256 } from "@noble/curves/nist.js";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { KeyKind, Keys } from "../../../support/certificates.ts";
import { concat, constructed, encode, type Node, oid, primitive } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { FIELD, keysFor, put, type World } from "../world.ts";

const { CertificateMalformed, CertificateSignatureWrong, CertificateUnsupported } = Failure;

const EC = "1.2.840.10045.2.1";
const P256 = "1.2.840.10045.3.1.7";
const NULL: Node = primitive(0x05, []);

const id = (dotted: string): Node => ({ tag: 6, raw: oid(dotted) });
const bits = (...bytes: (Uint8Array | number)[]): Node =>
  primitive(
    0x03,
    concat(Uint8Array.of(0), ...bytes.map((item) => (typeof item === "number" ? Uint8Array.of(item) : item))),
  );

/** The leaf's own point, from which the forms below are made. */
async function point(): Promise<Uint8Array> {
  const { secret } = await keysFor("p256", "CN=Peer,O=Example");
  return p256.getPublicKey(secret, false);
}
/** A leaf whose key is changed, so that its private key is not that of what it says any more. */
function changed(change: (key: Node[], own: Uint8Array) => void, kind: KeyKind = "p256") {
  return async (w: World): Promise<Presented> => {
    const own = kind === "p256" ? await point() : new Uint8Array(0);
    const leaf = await w.leaf({ kind, edit: ({ tbs }) => change(tbs[FIELD.key]!.children!, own) });
    return { ...w.present(leaf), keyUnusable: true };
  };
}
/** An intermediate whose key is changed, and a leaf signed with its private key. */
const issuerChanged = (change: (key: Node[]) => void) => (w: World) =>
  w.below({ edit: ({ tbs }) => change(tbs[FIELD.key]!.children!) });
const x = (own: Uint8Array) => own.subarray(1, 33);
const y = (own: Uint8Array) => own.subarray(33);
const parity = (own: Uint8Array) => own[64]! & 1;

/** P-256 written out (SEC 1, C.2), as RFC 3279 had it and RFC 5480 forbids it. */
const EXPLICIT = constructed(
  0x30,
  primitive(0x02, [1]),
  constructed(0x30, id("1.2.840.10045.1.1"), integer(p256.Point.CURVE().p)),
  constructed(0x30, primitive(0x04, bytes(p256.Point.CURVE().a)), primitive(0x04, bytes(p256.Point.CURVE().b))),
  primitive(0x04, p256.Point.BASE.toBytes(false)),
  integer(p256.Point.CURVE().n),
  primitive(0x02, [1]),
);

/** An RSA key of 2,048 bits, its modulus any odd number. */
const RSA = encode(
  constructed(0x30, primitive(0x02, [0, 0xc1, ...new Array<number>(255).fill(0x5b)]), primitive(0x02, [1, 0, 1])),
);

/** The neutral element of edwards25519, as a key: under it anybody can sign. */
const IDENTITY = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
/** A leaf under a CA whose key is the neutral element, with the signature R = neutral, S = 0, which fits every message. */
const neutral = async (w: World): Promise<Presented> => {
  const keys: Keys = await keysFor("ed25519", "Neutral");
  const issuer = await w.authority({ keys, edit: ({ tbs }) => put(tbs[FIELD.key]!.children!, 1, bits(IDENTITY)) });
  return w.present(await w.leaf({ issuer, sign: () => concat(IDENTITY, new Uint8Array(32)) }), issuer);
};

const unsupportedCurves: Case[] = (
  [
    ["secp256k1", "1.3.132.0.10"],
    ["p521", "1.3.132.0.35"],
    ["p224", "1.3.132.0.33"],
    ["brainpool", "1.3.36.3.3.2.8.1.1.7"],
    ["unknown-curve", "1.2.3.4"],
  ] as const
).map(([name, curve]) =>
  wrong(
    name,
    `a point on ${name}, by its name`,
    CertificateUnsupported,
    R.algorithms,
    changed((key) => put(key, 0, constructed(0x30, id(EC), id(curve)))),
  ),
);

export const PUBLIC_KEYS: Room = {
  id: "public-keys",
  title: "Public keys",
  cases: [
    right("named-curve", "P-256 by its name, uncompressed", R.namedCurve, (w) => w.one()),
    wrong(
      "explicit-curve",
      "P-256 written out",
      CertificateUnsupported,
      R.namedCurve,
      changed((key) => put(key, 0, constructed(0x30, id(EC), EXPLICIT))),
    ),
    wrong(
      "explicit-issuer",
      "an intermediate with P-256 written out",
      CertificateUnsupported,
      R.namedCurve,
      issuerChanged((key) => put(key, 0, constructed(0x30, id(EC), EXPLICIT))),
    ),
    wrong(
      "implicit-curve",
      "a curve that is inherited (NULL)",
      CertificateUnsupported,
      R.namedCurve,
      changed((key) => put(key, 0, constructed(0x30, id(EC), NULL))),
    ),
    wrong(
      "no-curve",
      "no curve",
      CertificateUnsupported,
      R.namedCurve,
      changed((key) => put(key, 0, constructed(0x30, id(EC)))),
    ),
    ...unsupportedCurves,
    wrong(
      "id-ecdh",
      "a key for ECDH only",
      CertificateUnsupported,
      R.algorithms,
      changed((key) => put(key, 0, constructed(0x30, id("1.3.132.1.12"), id(P256)))),
    ),
    wrong(
      "rsa",
      "an RSA key",
      CertificateUnsupported,
      R.algorithms,
      changed((key) => {
        key[0] = constructed(0x30, id("1.2.840.113549.1.1.1"), NULL);
        key[1] = bits(RSA);
      }),
    ),
    wrong(
      "x25519",
      "a key for X25519",
      CertificateUnsupported,
      R.algorithms,
      changed((key) => put(key, 0, constructed(0x30, id("1.3.101.110"))), "ed25519"),
    ),
    wrong(
      "unknown-algorithm",
      "a key of an algorithm that nobody knows",
      CertificateUnsupported,
      R.algorithms,
      changed((key) => put(key, 0, constructed(0x30, id("1.2.3.4")))),
    ),

    // Points.
    wrong(
      "compressed",
      "a compressed point",
      CertificateUnsupported,
      R.uncompressed,
      changed((key, own) => put(key, 1, bits(2 + parity(own), x(own)))),
    ),
    wrong(
      "hybrid",
      "a hybrid point",
      CertificateUnsupported,
      R.uncompressed,
      changed((key, own) => put(key, 1, bits(6 + parity(own), x(own), y(own)))),
    ),
    wrong(
      "infinity",
      "the point at infinity",
      CertificateUnsupported,
      R.pointForm,
      changed((key) => put(key, 1, bits(0))),
    ),
    wrong(
      "form-5",
      "a point of the form 5",
      CertificateUnsupported,
      R.pointForm,
      changed((key, own) => put(key, 1, bits(5, x(own), y(own)))),
    ),
    wrong(
      "raw-point",
      "a point without its first byte",
      CertificateUnsupported,
      R.pointForm,
      changed((key, own) => put(key, 1, bits(x(own), y(own)))),
    ),
    wrong(
      "short-point",
      "a point that lacks a byte",
      CertificateUnsupported,
      R.uncompressed,
      changed((key, own) => put(key, 1, bits(own.subarray(0, 64)))),
    ),
    wrong(
      "long-point",
      "a point with a byte behind it",
      CertificateUnsupported,
      R.uncompressed,
      changed((key, own) => put(key, 1, bits(own, 0))),
    ),
    wrong(
      "empty-point",
      "no point",
      CertificateUnsupported,
      R.uncompressed,
      changed((key) => put(key, 1, bits())),
    ),
    wrong(
      "octets-for-point",
      "a point in an OCTET STRING inside the BIT STRING",
      CertificateUnsupported,
      R.uncompressed,
      changed((key, own) => put(key, 1, bits(4, 65, own))),
    ),
    wrong(
      "p256-as-p384",
      "a point of P-256 that is said to be of P-384",
      CertificateUnsupported,
      R.uncompressed,
      changed((key) => put(key, 0, constructed(0x30, id(EC), id("1.3.132.0.34")))),
    ),
    right(
      "off-curve",
      "a leaf's point that is not on the curve",
      R.keyAtUse,
      changed((key, own) => put(key, 1, bits(own.subarray(0, 64), own[64]! ^ 1))),
    ),
    right(
      "zero-point",
      "a leaf's point of zeros",
      R.keyAtUse,
      changed((key) => put(key, 1, bits(4, new Uint8Array(64)))),
    ),
    right(
      "coordinate-p",
      "a leaf's coordinate that is not below p",
      R.keyAtUse,
      changed((key, own) => put(key, 1, bits(4, new Uint8Array(32).fill(0xff), y(own)))),
    ),
    wrong(
      "issuer-off-curve",
      "an intermediate's point that is not on the curve",
      CertificateSignatureWrong,
      R.verified,
      issuerChanged((key) => put(key, 1, bits(key[1]!.content!.subarray(1, 65), key[1]!.content![65]! ^ 1))),
    ),
    wrong(
      "issuer-infinity",
      "an intermediate with the point at infinity",
      CertificateUnsupported,
      R.pointForm,
      issuerChanged((key) => put(key, 1, bits(0))),
    ),
    wrong(
      "issuer-compressed",
      "an intermediate with a compressed point",
      CertificateUnsupported,
      R.uncompressed,
      issuerChanged((key) => put(key, 1, bits(2 + (key[1]!.content![65]! & 1), key[1]!.content!.subarray(2, 34)))),
    ),

    // Ed25519.
    right("ed25519", "an Ed25519 key", R.ed25519Key, (w) => w.one({ kind: "ed25519" })),
    wrong(
      "ed25519-null",
      "an Ed25519 key with NULL for parameters",
      CertificateUnsupported,
      R.ed25519Parameters,
      changed((key) => void key[0]!.children!.push(NULL), "ed25519"),
    ),
    wrong(
      "ed25519-short",
      "an Ed25519 key of 31 bytes",
      CertificateMalformed,
      R.ed25519Key,
      changed((key) => put(key, 1, bits(new Uint8Array(31).fill(9))), "ed25519"),
    ),
    wrong(
      "ed25519-long",
      "an Ed25519 key of 33 bytes",
      CertificateMalformed,
      R.ed25519Key,
      changed((key) => put(key, 1, bits(new Uint8Array(33).fill(9))), "ed25519"),
    ),
    wrong(
      "ed25519-octets",
      "an Ed25519 key in an OCTET STRING inside the BIT STRING",
      CertificateMalformed,
      R.ed25519Key,
      changed((key) => put(key, 1, bits(4, 32, new Uint8Array(32).fill(9))), "ed25519"),
    ),
    right(
      "ed25519-small-order",
      "a leaf's Ed25519 key of small order",
      R.keyAtUse,
      changed((key) => put(key, 1, bits(IDENTITY)), "ed25519"),
    ),
    wrong(
      "ed25519-neutral-issuer",
      "a CA whose Ed25519 key is the neutral element, and a leaf that anybody could have signed",
      CertificateSignatureWrong,
      R.verified,
      neutral,
    ),

    // The structure.
    wrong(
      "unused-bits",
      "an unused bit in the key",
      CertificateMalformed,
      R.unusedBits,
      changed((key, own) => put(key, 1, primitive(0x03, concat(Uint8Array.of(1), own)))),
    ),
    wrong(
      "octet-string",
      "an OCTET STRING for the BIT STRING",
      CertificateMalformed,
      R.tag,
      changed((key, own) => put(key, 1, primitive(0x04, own))),
    ),
    wrong(
      "something-behind",
      "something behind the key",
      CertificateMalformed,
      R.contents,
      changed((key) => void key.push(NULL)),
    ),
    wrong(
      "no-key",
      "no key behind the algorithm",
      CertificateMalformed,
      R.contents,
      changed((key) => void key.pop()),
    ),
    wrong(
      "key-first",
      "the key before its algorithm",
      CertificateMalformed,
      R.contents,
      changed((key) => void key.reverse()),
    ),
    wrong(
      "parameters-behind-curve",
      "something behind the curve's name",
      CertificateUnsupported,
      R.namedCurve,
      changed((key) => void key[0]!.children!.push(NULL)),
    ),
  ],
};

function bytes(number: bigint): Uint8Array {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex");
}
function integer(number: bigint): Node {
  const magnitude = bytes(number);
  return primitive(0x02, magnitude[0]! >= 0x80 ? concat(Uint8Array.of(0), magnitude) : magnitude);
}
