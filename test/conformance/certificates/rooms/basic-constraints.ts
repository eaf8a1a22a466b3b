/** basicConstraints (RFC 5280 §4.2.1.9): who is a CA, and how many CAs may stand below one. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import { basicConstraints, KeyUsageFlags, keyUsage, purposes } from "../../../support/certificates.ts";
import { concat, sequence } from "../../../support/der.ts";
import { type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { criticalExtension, plainExtension, type World } from "../world.ts";
import { boolean, FALSE, integer, OID, TRUE } from "./words.ts";

const { CertificateIsAuthority, CertificateMalformed, CertificateNotAuthority, CertificatePathTooLong } = Failure;

const raw = (...value: Uint8Array[]) => criticalExtension(OID.basicConstraints, ...value);
/** An intermediate, and a leaf, with this for basicConstraints. */
const authority =
  (...value: Uint8Array[]) =>
  (w: World) =>
    w.below({ constraints: raw(...value) });
const leaf =
  (...value: Uint8Array[]) =>
  (w: World) =>
    w.one({ constraints: raw(...value) });

/** A leaf below as many authorities as are given, the first being a trust anchor; each has this path length, or none. */
const deep =
  (anchor: number | undefined, ...below: (number | undefined)[]) =>
  async (w: World): Promise<Presented> => {
    const limit = (pathLength?: number) => (pathLength === undefined ? {} : { pathLength });
    const top = await w.authority({ issuer: "itself", subject: "CN=Top", ...limit(anchor) });
    let issuer = top;
    const chain = [];
    for (const [i, pathLength] of below.entries()) {
      issuer = await w.authority({ issuer, subject: `CN=Level ${i}`, ...limit(pathLength) });
      chain.unshift(issuer);
    }
    return w.presentTo(top, await w.leaf({ issuer }), ...chain);
  };
/** The anchor's path length, and a self-issued certificate of the same name with another key between it and the leaf. */
const selfIssued = (pathLength: number) => async (w: World) => {
  const anchor = await w.authority({ issuer: "itself", subject: "CN=Roll", pathLength });
  const next = await w.authority({ issuer: anchor, subject: "CN=Roll", kind: "ed25519" });
  return w.presentTo(anchor, await w.leaf({ issuer: next }), next);
};
const none = undefined;

export const BASIC_CONSTRAINTS: Room = {
  id: "basic-constraints",
  title: "Basic constraints",
  cases: [
    // Who is a CA.
    right("ca", "a CA that says so", R.isCa, authority(sequence(TRUE))),
    wrong("absent", "an intermediate without basicConstraints", CertificateNotAuthority, R.noCa, (w) =>
      w.below({ constraints: null }),
    ),
    wrong("not-ca", "an intermediate that is no CA", CertificateNotAuthority, R.noCa, authority(sequence())),
    wrong("leaf-as-ca", "a leaf that issues", CertificateNotAuthority, R.noCa, async (w) => {
      const issuer = await w.leaf({ subject: "CN=Issuing leaf" });
      return w.present(await w.leaf({ issuer }), issuer);
    }),
    wrong("leaf-as-ca-in-the-middle", "a leaf that issues a CA", CertificateNotAuthority, R.noCa, async (w) => {
      const issuer = await w.leaf({ subject: "CN=Issuing leaf" });
      const authority = await w.authority({ issuer });
      return w.present(await w.leaf({ issuer: authority }), authority, issuer);
    }),
    wrong("anchor-absent", "a trust anchor without basicConstraints", CertificateNotAuthority, R.noCa, (w) =>
      w.anchored({ constraints: null }),
    ),
    wrong("anchor-not-ca", "a trust anchor that is no CA", CertificateNotAuthority, R.noCa, (w) =>
      w.anchored({ constraints: raw(sequence()) }),
    ),
    right("not-critical", "a CA whose basicConstraints is not critical", R.constraintsCritical, (w) =>
      w.below({ constraints: plainExtension(OID.basicConstraints, sequence(TRUE)) }),
    ),
    right("leaf-absent", "a leaf without basicConstraints", R.leafConstraints, (w) => w.one({ constraints: null })),
    right("leaf-not-ca", "a leaf whose basicConstraints says that it is no CA", R.leafConstraints, (w) =>
      w.one({ constraints: basicConstraints(false) }),
    ),
    right("leaf-not-ca-not-critical", "the same, not critical", R.leafConstraints, (w) =>
      w.one({ constraints: plainExtension(OID.basicConstraints, sequence()) }),
    ),
    wrong("leaf-is-ca", "a CA with a client's usages as leaf", CertificateIsAuthority, R.noAuthorityAsLeaf, (w) =>
      w.one({
        constraints: basicConstraints(true),
        usage: keyUsage(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign),
      }),
    ),
    wrong(
      "leaf-is-ca-without-sign",
      "a CA that may sign everything but certificates as leaf",
      CertificateIsAuthority,
      R.noAuthorityAsLeaf,
      (w) => w.one({ constraints: basicConstraints(true) }),
    ),
    wrong("plain-ca-as-leaf", "an intermediate as leaf", CertificateIsAuthority, R.noAuthorityAsLeaf, (w) =>
      w.present(w.middle),
    ),
    wrong(
      "ca-for-clients-as-leaf",
      "an intermediate for clients only as leaf",
      CertificateIsAuthority,
      R.noAuthorityAsLeaf,
      async (w) => w.present(await w.authority({ purposes: purposes("client") })),
    ),

    // Path lengths.
    right("anchor-0", "a leaf right below an anchor of path length 0", R.pathLength, deep(0)),
    wrong("anchor-0-one", "an intermediate below it", CertificatePathTooLong, R.pathLength, deep(0, none)),
    right("anchor-1-one", "an intermediate below an anchor of path length 1", R.pathLengthRange, deep(1, none)),
    wrong("anchor-1-two", "two below it", CertificatePathTooLong, R.pathLengthRange, deep(1, none, none)),
    right("anchor-2-two", "two below an anchor of path length 2", R.pathLengthRange, deep(2, none, none)),
    wrong("anchor-2-three", "three below it", CertificatePathTooLong, R.pathLengthRange, deep(2, none, none, none)),
    right(
      "anchor-none-three",
      "three below an anchor without path length",
      R.pathLengthRange,
      deep(none, none, none, none),
    ),
    right("middle-0", "a leaf right below an intermediate of path length 0", R.pathLength, deep(none, 0)),
    wrong("middle-0-one", "an intermediate below it", CertificatePathTooLong, R.pathLength, deep(none, 0, none)),
    right("middle-1-one", "an intermediate below one of path length 1", R.pathLengthRange, deep(none, 1, none)),
    wrong("middle-1-two", "two below it", CertificatePathTooLong, R.pathLengthRange, deep(none, 1, none, none)),
    right("lengths-that-fit", "path lengths 3, 2, 1, 0", R.pathLengthRange, deep(3, 2, 1, 0)),
    wrong(
      "last-length-too-short",
      "path lengths 3, 2, 0 above another",
      CertificatePathTooLong,
      R.pathLength,
      deep(3, 2, 0, none),
    ),
    wrong(
      "lower-claims-more",
      "an intermediate that claims a longer path than its issuer allows",
      CertificatePathTooLong,
      R.pathLength,
      deep(0, 9),
    ),
    wrong(
      "self-issued-0",
      "a self-issued intermediate below an anchor of path length 0",
      CertificatePathTooLong,
      R.selfIssued,
      selfIssued(0),
    ),
    right("self-issued-1", "a self-issued intermediate below an anchor of path length 1", R.selfIssued, selfIssued(1)),

    // Encodings.
    right("length-255", "a path length of 255", R.pathLengthRange, authority(sequence(TRUE, integer(0, 255)))),
    right(
      "length-2^31-1",
      "a path length of 2^31 - 1",
      R.pathLengthRange,
      authority(sequence(TRUE, integer(0x7f, 0xff, 0xff, 0xff))),
    ),
    wrong(
      "length-2^31",
      "a path length of 2^31, which nobody can mean",
      CertificateMalformed,
      R.pathLengthRange,
      authority(sequence(TRUE, integer(0, 0x80, 0, 0, 0))),
    ),
    wrong(
      "length-2^32",
      "a path length of 2^32, which is not 0",
      CertificateMalformed,
      R.pathLengthRange,
      authority(sequence(TRUE, integer(1, 0, 0, 0, 0))),
    ),
    wrong(
      "length-minus-1",
      "a path length of -1",
      CertificateMalformed,
      R.pathLengthRange,
      authority(sequence(TRUE, integer(0xff))),
    ),
    wrong(
      "length-empty",
      "a path length without a digit",
      CertificateMalformed,
      R.minimalInteger,
      authority(sequence(TRUE, integer())),
    ),
    wrong(
      "length-padded",
      "a path length of 0 in two bytes",
      CertificateMalformed,
      R.minimalInteger,
      authority(sequence(TRUE, integer(0, 0))),
    ),
    wrong(
      "length-without-ca",
      "a path length without cA",
      CertificateMalformed,
      R.pathLengthWithoutCa,
      leaf(sequence(integer(0))),
    ),
    wrong(
      "intermediate-length-without-ca",
      "a path length without cA in an intermediate",
      CertificateMalformed,
      R.pathLengthWithoutCa,
      authority(sequence(integer(0))),
    ),
    wrong(
      "length-as-text",
      "a path length that is a string",
      CertificateMalformed,
      R.tag,
      authority(sequence(TRUE, concat(Uint8Array.of(0x13, 1, 0x30)))),
    ),
    wrong("ca-false", "cA FALSE, written out", CertificateMalformed, R.defaults, leaf(sequence(FALSE))),
    wrong("ca-1", "cA as 1", CertificateMalformed, R.boolean, authority(sequence(boolean(1)))),
    wrong(
      "ca-two-bytes",
      "cA in two bytes",
      CertificateMalformed,
      R.boolean,
      authority(sequence(Uint8Array.of(1, 2, 0xff, 0xff))),
    ),
    wrong("ca-twice", "cA twice", CertificateMalformed, R.contents, authority(sequence(TRUE, TRUE))),
    wrong(
      "wrong-order",
      "the path length before cA",
      CertificateMalformed,
      R.contents,
      authority(sequence(integer(1), TRUE)),
    ),
    wrong(
      "something-behind",
      "something behind the path length",
      CertificateMalformed,
      R.contents,
      authority(sequence(TRUE, integer(1), integer(2))),
    ),
    wrong(
      "trailing-byte",
      "a byte behind the value",
      CertificateMalformed,
      R.contents,
      authority(sequence(TRUE), Uint8Array.of(0)),
    ),
    wrong("no-value", "an empty value", CertificateMalformed, R.contents, authority()),
    wrong(
      "set-for-sequence",
      "a SET for the SEQUENCE",
      CertificateMalformed,
      R.tag,
      authority(Uint8Array.of(0x31, 3, 1, 1, 0xff)),
    ),
  ],
};
