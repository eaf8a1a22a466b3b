/** Signature algorithms: which there are, that both places in a certificate say the same one (RFC 5280 §4.1.1.2), and that it is the issuer's key's. */
import { createHash } from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { KeyKind } from "../../../support/certificates.ts";
import { constructed, type Node, oid, primitive, signatureToDer } from "../../../support/der.ts";
import { type Case, type Room, right, wrong } from "../case.ts";
import { R } from "../rules.ts";
import { FIELD, keysFor, put, type World } from "../world.ts";

const { CertificateMalformed, CertificateSignatureWrong, CertificateUnsupported } = Failure;

const SHA256 = "1.2.840.10045.4.3.2";
const SHA384 = "1.2.840.10045.4.3.3";
const SHA512 = "1.2.840.10045.4.3.4";
const SHA1 = "1.2.840.10045.4.1";
const ED25519 = "1.3.101.112";
const ED448 = "1.3.101.113";
const RSA_SHA256 = "1.2.840.113549.1.1.11";
const NULL: Node = primitive(0x05, []);

const algorithm = (id: string, ...parameters: Node[]): Node =>
  constructed(0x30, { tag: 6, raw: oid(id) }, ...parameters);
/** A leaf that claims these algorithms, inside and outside. */
const claims =
  (inner: Node, outer: Node = inner) =>
  (w: World) =>
    w.one({
      edit: (parts) => {
        parts.tbs[FIELD.algorithm] = inner;
        parts.outer[1] = outer;
      },
    });
/** A leaf below an anchor of this kind that claims this algorithm. */
const claimedUnder =
  (kind: KeyKind, id: string, ...parameters: Node[]) =>
  (w: World) =>
    w.anchored(
      { kind },
      {
        edit: (parts) => {
          parts.tbs[FIELD.algorithm] = algorithm(id, ...parameters);
          parts.outer[1] = algorithm(id, ...parameters);
        },
      },
    );

const KINDS: KeyKind[] = ["p256", "p384", "ed25519"];
const WORDS = { p256: "P-256", p384: "P-384", ed25519: "Ed25519" };
/** Each kind of key signed by each, and an intermediate of each kind between. */
const everyPair: Case[] = KINDS.flatMap((issuer) =>
  KINDS.map((leaf) =>
    right(
      `${leaf}-under-${issuer}`,
      `a leaf with ${WORDS[leaf]} below an anchor with ${WORDS[issuer]}`,
      R.algorithms,
      (w) => w.anchored({ kind: issuer }, { kind: leaf }),
    ),
  ),
);
const between: Case[] = KINDS.map((kind) =>
  right(`${kind}-between`, `an intermediate with ${WORDS[kind]} between P-256`, R.algorithms, (w) => w.below({ kind })),
);
const servers: Case[] = KINDS.map((kind) =>
  right(`server-${kind}`, `a server with ${WORDS[kind]}`, R.algorithms, (w) => w.one({ kind, purpose: "server" }), {
    role: "server",
  }),
);

export const ALGORITHMS: Room = {
  id: "algorithms",
  title: "Signature algorithms",
  cases: [
    ...everyPair,
    ...between,
    ...servers,
    right("all-three", "a chain of all three kinds", R.algorithms, async (w) => {
      const upper = await w.authority({ kind: "p384", subject: "CN=Upper" });
      const lower = await w.authority({ kind: "ed25519", subject: "CN=Lower", issuer: upper });
      return w.present(await w.leaf({ issuer: lower }), lower, upper);
    }),

    // The two identifiers.
    wrong(
      "outer-differs",
      "another algorithm outside than inside",
      CertificateMalformed,
      R.sameAlgorithm,
      claims(algorithm(SHA256), algorithm(SHA384)),
    ),
    wrong(
      "inner-differs",
      "another algorithm inside than outside",
      CertificateMalformed,
      R.sameAlgorithm,
      claims(algorithm(SHA384), algorithm(SHA256)),
    ),
    wrong(
      "outer-null",
      "parameters outside that are absent inside",
      CertificateMalformed,
      R.sameAlgorithm,
      claims(algorithm(SHA256), algorithm(SHA256, NULL)),
    ),
    wrong(
      "inner-null",
      "parameters inside that are absent outside",
      CertificateMalformed,
      R.sameAlgorithm,
      claims(algorithm(SHA256, NULL), algorithm(SHA256)),
    ),
    wrong(
      "intermediate-differs",
      "an intermediate with another algorithm outside than inside",
      CertificateMalformed,
      R.sameAlgorithm,
      (w) => w.below({ edit: ({ outer }) => put(outer, 1, algorithm(SHA384)) }),
    ),

    // Parameters.
    wrong(
      "ecdsa-null",
      "ECDSA with NULL for parameters",
      CertificateUnsupported,
      R.ecdsaParameters,
      claims(algorithm(SHA256, NULL)),
    ),
    wrong(
      "ecdsa-curve",
      "ECDSA with the curve for parameters",
      CertificateUnsupported,
      R.ecdsaParameters,
      claims(algorithm(SHA256, { tag: 6, raw: oid("1.2.840.10045.3.1.7") })),
    ),
    wrong(
      "ecdsa-384-null",
      "ECDSA on P-384 with NULL for parameters",
      CertificateUnsupported,
      R.ecdsaParameters,
      claimedUnder("p384", SHA384, NULL),
    ),
    wrong(
      "ed25519-null",
      "Ed25519 with NULL for parameters",
      CertificateUnsupported,
      R.ed25519Parameters,
      claimedUnder("ed25519", ED25519, NULL),
    ),

    // Others.
    wrong("sha1", "ECDSA with SHA-1", CertificateUnsupported, R.algorithms, (w) =>
      w.one({
        edit: (parts) => {
          parts.tbs[FIELD.algorithm] = algorithm(SHA1);
          parts.outer[1] = algorithm(SHA1);
        },
        sign: (message, { secret }) =>
          signatureToDer(
            p256.sign(createHash("sha1").update(message).digest(), secret, { prehash: false, lowS: false }),
          ),
      }),
    ),
    wrong("sha512", "ECDSA with SHA-512", CertificateUnsupported, R.algorithms, (w) =>
      w.one({
        edit: (parts) => {
          parts.tbs[FIELD.algorithm] = algorithm(SHA512);
          parts.outer[1] = algorithm(SHA512);
        },
        sign: (message, { secret }) =>
          signatureToDer(
            p256.sign(createHash("sha512").update(message).digest(), secret, { prehash: false, lowS: false }),
          ),
      }),
    ),
    wrong("p256-with-sha384", "P-256 with SHA-384", CertificateSignatureWrong, R.curveAndHash, (w) =>
      w.one({
        edit: (parts) => {
          parts.tbs[FIELD.algorithm] = algorithm(SHA384);
          parts.outer[1] = algorithm(SHA384);
        },
        sign: (message, { secret }) =>
          signatureToDer(
            p256.sign(createHash("sha384").update(message).digest(), secret, { prehash: false, lowS: false }),
          ),
      }),
    ),
    wrong("p384-with-sha256", "P-384 with SHA-256", CertificateSignatureWrong, R.curveAndHash, (w) =>
      w.anchored(
        { kind: "p384" },
        {
          edit: (parts) => {
            parts.tbs[FIELD.algorithm] = algorithm(SHA256);
            parts.outer[1] = algorithm(SHA256);
          },
          sign: (message, { secret }) =>
            signatureToDer(
              p384.sign(createHash("sha256").update(message).digest(), secret, { prehash: false, lowS: false }),
            ),
        },
      ),
    ),
    wrong("rsa", "RSA claimed", CertificateUnsupported, R.algorithms, claims(algorithm(RSA_SHA256, NULL))),
    wrong("ed448", "Ed448 claimed", CertificateUnsupported, R.algorithms, claims(algorithm(ED448))),
    wrong(
      "unknown",
      "an algorithm that nobody knows",
      CertificateUnsupported,
      R.algorithms,
      claims(algorithm("1.2.3.4")),
    ),
    wrong(
      "ecdsa-key",
      "id-ecPublicKey for a signature algorithm",
      CertificateUnsupported,
      R.algorithms,
      claims(algorithm("1.2.840.10045.2.1")),
    ),
    wrong(
      "signed-ed25519-under-p256",
      "Ed25519 claimed under P-256",
      CertificateSignatureWrong,
      R.verified,
      claims(algorithm(ED25519)),
    ),
    wrong(
      "ed25519-key-under-p256",
      "Ed25519, signed with a key of that kind, under P-256",
      CertificateSignatureWrong,
      R.verified,
      async (w) => w.one({ signer: await keysFor("ed25519", "Stranger") }),
    ),
    wrong(
      "signed-p256-under-ed25519",
      "ECDSA, signed with a key of that kind, under Ed25519",
      CertificateSignatureWrong,
      R.verified,
      async (w) => w.anchored({ kind: "ed25519" }, { signer: await keysFor("p256", "Stranger") }),
    ),
    wrong("signed-p384-under-p256", "ECDSA on P-384 under P-256", CertificateSignatureWrong, R.verified, async (w) =>
      w.one({ signer: await keysFor("p384", "Stranger") }),
    ),
    wrong("signed-p256-under-p384", "ECDSA on P-256 under P-384", CertificateSignatureWrong, R.verified, async (w) =>
      w.anchored({ kind: "p384" }, { signer: await keysFor("p256", "Stranger") }),
    ),

    // The identifier's form.
    wrong(
      "identifier-only",
      "an OBJECT IDENTIFIER without its SEQUENCE",
      CertificateMalformed,
      R.tag,
      claims({ tag: 6, raw: oid(SHA256) }),
    ),
    wrong(
      "empty-identifier",
      "an empty AlgorithmIdentifier",
      CertificateUnsupported,
      R.contents,
      claims(constructed(0x30)),
    ),
    wrong(
      "two-parameters",
      "two parameters",
      CertificateUnsupported,
      R.contents,
      claims(algorithm(SHA256, NULL, NULL)),
    ),
  ],
};
