/** Signatures: by whom (RFC 5280 §6.1.3), over what, and in which form (RFC 3279 §2.2.3, RFC 8032 §5.1.7). */
import { p256 } from "@noble/curves/nist.js";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { type Issued, type Keys, signAgain, signatureOf, withSignature } from "../../../support/certificates.ts";
import { concat, element, primitive, sequence } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { FIELD, keysFor, put, type World } from "../world.ts";

const { CertificateMalformed, CertificateSignatureWrong } = Failure;

const ORDER = p256.Point.CURVE().n;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** A leaf whose ECDSA signature is made of other numbers than those that were signed with. */
const numbers = (change: (r: bigint, s: bigint) => Uint8Array) => (w: World) =>
  w.one({
    sign: (message, { secret }) => {
      const raw = p256.sign(message, secret, { lowS: true });
      return change(number(raw.subarray(0, 32)), number(raw.subarray(32)));
    },
  });
const ecdsa = (r: Uint8Array, s: Uint8Array) => sequence(element(2, r), element(2, s));
/** A leaf below an Ed25519 anchor whose signature is changed. */
const ed25519 = (change: (signature: Uint8Array) => Uint8Array) => (w: World) =>
  w.anchored({ kind: "ed25519" }, { sign: (message, keys: Keys) => change(signAgain(keys, message)) });
const signature = (bytes: Uint8Array) => (w: World) => w.one({ sign: () => bytes });
/** The signature's BIT STRING, changed. */
const bitString = (change: (content: Uint8Array) => Uint8Array) => (w: World) =>
  w.one({ after: (outer) => put(outer, 2, primitive(3, change(outer[2]!.content!))) });
const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

/** A leaf that says it comes from this issuer, signed with another's key. */
const forged =
  (issuer: (w: World) => Issued | Promise<Issued>, ...rest: ((w: World) => Issued)[]) =>
  async (w: World): Promise<Presented> =>
    w.present(
      await w.leaf({ issuer: await issuer(w), signer: await keysFor("p256", "Stranger") }),
      ...rest.map((item) => item(w)),
    );

/** A field of a leaf that is changed after the signature: each has to be covered by it. */
const COVERED: [string, (w: World, fields: Issued) => Promise<Issued>][] = [
  ["serial", (w) => w.leaf({ serialNumber: "02" })],
  ["subject", async (w) => w.leaf({ subject: "CN=Piers,O=Example", keys: await keysFor("p256", "CN=Peer,O=Example") })],
  ["not-after", (w) => w.leaf({ notAfter: new Date("2035-01-01T00:00:00Z") })],
  ["not-before", (w) => w.leaf({ notBefore: new Date("2023-01-01T00:00:00Z") })],
  ["key", (w) => w.leaf({ kind: "ed25519" })],
  ["purposes", (w) => w.leaf({ purpose: ["client", "server"] })],
];
const covered: Case[] = COVERED.map(([id, change]) =>
  wrong(
    `changed-${id}`,
    `a leaf whose ${id} was changed after it was signed`,
    CertificateSignatureWrong,
    R.verified,
    async (w) => {
      const plain = await w.leaf();
      const leaf = await change(w, plain);
      return w.present({ ...leaf, der: withSignature(leaf, signatureOf(plain)) });
    },
  ),
);

export const SIGNATURES: Room = {
  id: "signatures",
  title: "Signatures",
  cases: [
    right("right", "a signature by the issuer", R.verified, (w) => w.one()),
    ...covered,
    wrong("of-another-leaf", "the signature of another leaf", CertificateSignatureWrong, R.verified, async (w) =>
      w.present(withSignature(await w.leaf(), signatureOf(await w.leaf({ purpose: "server" })))),
    ),
    wrong(
      "by-a-stranger",
      "a signature by a stranger in the root's name",
      CertificateSignatureWrong,
      R.verified,
      forged((w) => w.root),
    ),
    wrong("by-itself", "a leaf signed by itself in the root's name", CertificateSignatureWrong, R.verified, async (w) =>
      w.one({ signer: await keysFor("p256", "CN=Peer,O=Example") }),
    ),
    wrong(
      "intermediate-by-stranger",
      "an intermediate signed by a stranger in the root's name",
      CertificateSignatureWrong,
      R.verified,
      async (w) => w.below({ signer: await keysFor("p256", "Stranger") }),
    ),
    wrong(
      "leaf-by-root",
      "a leaf signed by the root in the intermediate's name",
      CertificateSignatureWrong,
      R.verified,
      async (w) => w.present(await w.leaf({ issuer: w.middle, signer: w.root.keys }), w.middle),
    ),
    wrong(
      "leaf-by-stranger",
      "a leaf signed by a stranger in the intermediate's name",
      CertificateSignatureWrong,
      R.verified,
      forged(
        (w) => w.middle,
        (w) => w.middle,
      ),
    ),
    wrong(
      "one-bit",
      "a signature with one bit changed",
      CertificateSignatureWrong,
      R.verified,
      bitString((content) => flip(content.length - 1)(content)),
    ),

    // ECDSA's form.
    right(
      "low-s",
      "ECDSA with s below half the order",
      R.ecdsaSignature,
      numbers((r, s) => ecdsa(positive(r), positive(s))),
    ),
    right(
      "high-s",
      "the same with n - s, which is as right",
      R.ecdsaSignature,
      numbers((r, s) => ecdsa(positive(r), positive(ORDER - s))),
    ),
    wrong(
      "r-plus-order",
      "ECDSA with r + n",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => ecdsa(positive(r + ORDER), positive(s))),
    ),
    wrong(
      "s-plus-order",
      "ECDSA with s + n",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => ecdsa(positive(r), positive(s + ORDER))),
    ),
    wrong(
      "negative-s",
      "ECDSA with s without its sign byte",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => ecdsa(positive(r), bytes(ORDER - s))),
    ),
    wrong(
      "r-zero",
      "ECDSA with r = 0",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((_, s) => ecdsa(Uint8Array.of(0), positive(s))),
    ),
    wrong(
      "s-zero",
      "ECDSA with s = 0",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r) => ecdsa(positive(r), Uint8Array.of(0))),
    ),
    wrong(
      "both-zero",
      "ECDSA with r = s = 0",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers(() => ecdsa(Uint8Array.of(0), Uint8Array.of(0))),
    ),
    wrong(
      "both-order",
      "ECDSA with r = s = n",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers(() => ecdsa(positive(ORDER), positive(ORDER))),
    ),
    wrong(
      "both-one",
      "ECDSA with r = s = 1",
      CertificateSignatureWrong,
      R.verified,
      numbers(() => ecdsa(Uint8Array.of(1), Uint8Array.of(1))),
    ),
    wrong(
      "swapped",
      "ECDSA with r and s in each other's place",
      CertificateSignatureWrong,
      R.verified,
      numbers((r, s) => ecdsa(positive(s), positive(r))),
    ),
    wrong(
      "padded-r",
      "ECDSA with a zero byte too many before r",
      CertificateSignatureWrong,
      R.minimalInteger,
      numbers((r, s) => ecdsa(concat(Uint8Array.of(0), positive(r)), positive(s))),
    ),
    wrong(
      "padded-s",
      "ECDSA with a zero byte too many before s",
      CertificateSignatureWrong,
      R.minimalInteger,
      numbers((r, s) => ecdsa(positive(r), concat(Uint8Array.of(0), positive(s)))),
    ),
    wrong(
      "third-number",
      "ECDSA with a third number",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => sequence(element(2, positive(r)), element(2, positive(s)), element(2, Uint8Array.of(1)))),
    ),
    wrong(
      "byte-behind",
      "ECDSA with a byte behind the SEQUENCE",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => concat(ecdsa(positive(r), positive(s)), Uint8Array.of(0))),
    ),
    wrong(
      "long-length",
      "ECDSA with the SEQUENCE's length in two bytes",
      CertificateSignatureWrong,
      R.minimalLength,
      numbers((r, s) => {
        const der = ecdsa(positive(r), positive(s));
        return concat(Uint8Array.of(0x30, 0x81), der.subarray(1));
      }),
    ),
    wrong(
      "indefinite",
      "ECDSA with a SEQUENCE whose length is not said",
      CertificateSignatureWrong,
      R.minimalLength,
      numbers((r, s) =>
        concat(Uint8Array.of(0x30, 0x80), element(2, positive(r)), element(2, positive(s)), Uint8Array.of(0, 0)),
      ),
    ),
    wrong(
      "raw",
      "ECDSA as r and s side by side",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      numbers((r, s) => concat(bytes(r), bytes(s))),
    ),
    wrong("empty", "an empty signature", CertificateSignatureWrong, R.verified, signature(new Uint8Array(0))),
    wrong(
      "empty-sequence",
      "an empty SEQUENCE for a signature",
      CertificateSignatureWrong,
      R.ecdsaSignature,
      signature(Uint8Array.of(0x30, 0)),
    ),
    wrong(
      "ten-thousand-bytes",
      "a signature of 10,000 bytes",
      CertificateSignatureWrong,
      R.verified,
      signature(new Uint8Array(10_000)),
    ),

    // Ed25519's form.
    right(
      "ed25519",
      "Ed25519",
      R.ed25519Decoding,
      ed25519((bytes) => bytes),
    ),
    wrong(
      "ed25519-s-plus-order",
      "Ed25519 with S + L",
      CertificateSignatureWrong,
      R.ed25519Decoding,
      ed25519((bytes) => concat(bytes.subarray(0, 32), little(fromLittle(bytes.subarray(32)) + ED25519_ORDER))),
    ),
    wrong(
      "ed25519-63",
      "Ed25519 of 63 bytes",
      CertificateSignatureWrong,
      R.ed25519Decoding,
      ed25519((bytes) => bytes.subarray(0, 63)),
    ),
    wrong(
      "ed25519-65",
      "Ed25519 of 65 bytes",
      CertificateSignatureWrong,
      R.ed25519Decoding,
      ed25519((bytes) => concat(bytes, Uint8Array.of(0))),
    ),
    wrong(
      "ed25519-empty",
      "an empty Ed25519 signature",
      CertificateSignatureWrong,
      R.ed25519Decoding,
      ed25519(() => new Uint8Array(0)),
    ),
    wrong(
      "ed25519-zeros",
      "Ed25519 of zeros",
      CertificateSignatureWrong,
      R.verified,
      ed25519(() => new Uint8Array(64)),
    ),
    wrong("ed25519-r", "Ed25519 with one bit of R changed", CertificateSignatureWrong, R.verified, ed25519(flip(0))),
    wrong("ed25519-s", "Ed25519 with one bit of S changed", CertificateSignatureWrong, R.verified, ed25519(flip(32))),
    wrong(
      "ed25519-swapped",
      "Ed25519 with R and S in each other's place",
      CertificateSignatureWrong,
      R.verified,
      ed25519((bytes) => concat(bytes.subarray(32), bytes.subarray(0, 32))),
    ),
    wrong(
      "ed25519-der",
      "Ed25519 as a SEQUENCE of two numbers",
      CertificateSignatureWrong,
      R.ed25519Decoding,
      ed25519((bytes) => sequence(element(2, bytes.subarray(0, 32)), element(2, bytes.subarray(32)))),
    ),

    // The BIT STRING.
    wrong(
      "unused-bit",
      "a signature with an unused bit",
      CertificateMalformed,
      R.unusedBits,
      bitString((content) => concat(Uint8Array.of(1), content.subarray(1))),
    ),
    wrong(
      "eight-unused-bits",
      "a signature with eight unused bits",
      CertificateMalformed,
      R.unusedBits,
      bitString((content) => concat(Uint8Array.of(8), content.subarray(1))),
    ),
    wrong(
      "no-bits",
      "a signature without even the number of unused bits",
      CertificateMalformed,
      R.contents,
      bitString(() => new Uint8Array(0)),
    ),
    wrong(
      "changed-algorithm-bytes",
      "an issuer's name changed after the signature, in a field that names the root again",
      CertificateSignatureWrong,
      R.verified,
      async (w) => {
        const plain = await w.leaf({ edit: ({ tbs }) => void tbs[FIELD.issuer]!.children!.reverse() });
        return w.present(withSignature(await w.leaf(), signatureOf(plain)));
      },
    ),
  ],
};

function bytes(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}
/** The contents of a positive INTEGER. */
function positive(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const magnitude = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return magnitude[0]! >= 0x80 ? concat(Uint8Array.of(0), magnitude) : magnitude;
}
function number(big: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(big).toString("hex")}`);
}
function fromLittle(small: Uint8Array): bigint {
  return number(Uint8Array.from(small).reverse());
}
function little(value: bigint): Uint8Array {
  return Uint8Array.from(bytes(value)).reverse();
}
