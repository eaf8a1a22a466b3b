/** Paths (RFC 5280 §6.1, RFC 8446 §4.4.2): the order of a chain, what belongs to it and what does not, and the trust anchor at its end. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Issued } from "../../../support/certificates.ts";
import { type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { keysFor, type World } from "../world.ts";

const { CertificateIsAuthority, CertificateMalformed, CertificateMissing, CertificateNameMismatch } = Failure;
const { CertificateNotAuthority, CertificatePathTooLong, CertificateSignatureWrong, CertificateUnknownAuthority } =
  Failure;

/** A root of its own and what it issued. */
async function foreign(w: World): Promise<{ root: Issued; leaf: Issued }> {
  const root = await w.authority({ issuer: "itself", subject: "CN=Foreign" });
  return { root, leaf: await w.leaf({ issuer: root }) };
}
/** Another root of the same name, with a key of its own. */
const twin = async (w: World) =>
  w.authority({ issuer: "itself", subject: w.root.subject, keys: await keysFor("p256", "Twin") });
/** The root's key and name in another certificate. */
const again = (w: World) =>
  w.authority({ issuer: "itself", subject: w.root.subject, keys: w.root.keys, serialNumber: "77" });
/** A leaf below Low below Middle below the root. */
const low = (w: World) => w.leaf({ issuer: w.low });
/** A leaf and this many intermediates, for an anchor of its own. */
async function deep(w: World, count: number): Promise<Presented> {
  const top = await w.authority({ issuer: "itself", subject: "CN=Top" });
  const chain: Issued[] = [];
  let issuer = top;
  for (let i = 0; i < count; i++) {
    issuer = await w.authority({ issuer, subject: `CN=Level ${i}` });
    chain.unshift(issuer);
  }
  return w.presentTo(top, await w.leaf({ issuer }), ...chain);
}
/** The same, the anchor appended. */
async function deepWithAnchor(w: World, count: number): Promise<Presented> {
  const presented = await deep(w, count);
  return { ...presented, chain: [...presented.chain, presented.anchor.der] };
}
/** Authorities that all have one name, each with its own key, and a leaf. */
async function sameNames(w: World, count: number): Promise<Presented> {
  let issuer = w.root;
  const chain: Issued[] = [];
  for (let i = 0; i < count; i++) {
    issuer = await w.authority({ issuer, subject: w.root.subject, keys: await keysFor("p256", `Same ${i}`) });
    chain.unshift(issuer);
  }
  return w.present(await w.leaf({ issuer }), ...chain);
}

export const PATHS: Room = {
  id: "paths",
  title: "Paths",
  cases: [
    right("one", "a leaf below the anchor", R.order, (w) => w.one()),
    right("two", "one intermediate", R.order, (w) => w.below()),
    right("three", "two intermediates", R.order, async (w) => w.present(await low(w), w.low, w.middle)),
    right("four", "three intermediates", R.fourCertificates, (w) => deep(w, 3)),
    wrong("five", "four intermediates", CertificatePathTooLong, R.fourCertificates, (w) => deep(w, 4)),
    right("anchor-appended", "the anchor appended", R.anchorAppended, async (w) => w.present(await w.leaf(), w.root)),
    right("two-anchor-appended", "one intermediate and the anchor", R.anchorAppended, async (w) =>
      w.present(await w.leaf({ issuer: w.middle }), w.middle, w.root),
    ),
    right("three-anchor-appended", "two intermediates and the anchor", R.anchorAppended, async (w) =>
      w.present(await low(w), w.low, w.middle, w.root),
    ),
    wrong(
      "four-anchor-appended",
      "three intermediates and the anchor",
      CertificatePathTooLong,
      R.fourCertificates,
      (w) => deepWithAnchor(w, 3),
    ),
    wrong("none", "no certificate", CertificateMissing, R.someCertificate, (w) => w.present()),
    wrong("empty-entry", "a certificate of no byte", CertificateMalformed, R.certificateData, (w) =>
      w.present(new Uint8Array(0)),
    ),
    wrong(
      "empty-entry-behind",
      "a certificate of no byte behind a right one",
      CertificateMalformed,
      R.certificateData,
      async (w) => w.present(await w.leaf(), new Uint8Array(0)),
    ),
    wrong("rubbish-behind", "rubbish behind a right one", CertificateMalformed, R.form, async (w) =>
      w.present(await w.leaf(), new Uint8Array(40).fill(0x30)),
    ),

    // Missing and foreign.
    wrong(
      "missing-intermediate",
      "a leaf without its intermediate",
      CertificateUnknownAuthority,
      R.chained,
      async (w) => w.present(await w.leaf({ issuer: w.middle })),
    ),
    wrong(
      "missing-lower",
      "two intermediates, of which the lower is missing",
      CertificateNameMismatch,
      R.chained,
      async (w) => w.present(await low(w), w.middle),
    ),
    wrong(
      "missing-upper",
      "two intermediates, of which the upper is missing",
      CertificateUnknownAuthority,
      R.chained,
      async (w) => w.present(await low(w), w.low),
    ),
    wrong("foreign", "a chain to another root", CertificateUnknownAuthority, R.chained, async (w) => {
      const { root, leaf } = await foreign(w);
      return w.present(leaf, root);
    }),
    wrong("foreign-leaf", "a leaf of another root, alone", CertificateUnknownAuthority, R.chained, async (w) =>
      w.present((await foreign(w)).leaf),
    ),
    wrong(
      "foreign-then-anchor",
      "a leaf of another root, and our root appended",
      CertificateUnknownAuthority,
      R.chained,
      async (w) => w.present((await foreign(w)).leaf, w.root),
    ),
    wrong("self-signed-leaf", "a self-signed leaf", CertificateUnknownAuthority, R.chained, async (w) =>
      w.present(await w.leaf({ issuer: "itself" })),
    ),
    wrong(
      "self-signed-leaf-of-that-name",
      "a self-signed leaf of the root's name",
      CertificateSignatureWrong,
      R.verified,
      async (w) =>
        w.present(await w.leaf({ issuer: "itself", subject: w.root.subject, keys: await keysFor("p256", "Twin") })),
    ),
    wrong("anchor-alone", "the anchor alone", CertificateIsAuthority, R.noAuthorityAsLeaf, (w) => w.present(w.root)),
    wrong("anchor-twice", "the anchor twice", CertificateNameMismatch, R.onceInPath, (w) => w.present(w.root, w.root)),
    wrong("intermediate-as-leaf", "an intermediate as leaf", CertificateIsAuthority, R.noAuthorityAsLeaf, (w) =>
      w.present(w.middle),
    ),
    wrong("foreign-root-alone", "another root alone", CertificateUnknownAuthority, R.chained, async (w) =>
      w.present((await foreign(w)).root),
    ),

    // Order.
    wrong("reversed", "a chain from the issuer down", CertificateNameMismatch, R.order, async (w) =>
      w.present(w.middle, await w.leaf({ issuer: w.middle })),
    ),
    wrong(
      "intermediates-swapped",
      "two intermediates in the wrong order",
      CertificateNameMismatch,
      R.order,
      async (w) => w.present(await low(w), w.middle, w.low),
    ),
    wrong("anchor-in-the-middle", "the anchor before the intermediate", CertificateNameMismatch, R.order, async (w) =>
      w.present(await w.leaf({ issuer: w.middle }), w.root, w.middle),
    ),
    wrong("anchor-first", "the anchor before the leaf", CertificateNameMismatch, R.order, async (w) =>
      w.present(w.root, await w.leaf()),
    ),
    wrong(
      "stranger-behind",
      "a certificate that does not belong behind the chain",
      CertificateNameMismatch,
      R.order,
      async (w) => w.present(await w.leaf(), (await foreign(w)).root),
    ),
    wrong(
      "stranger-between",
      "a certificate that does not belong inside the chain",
      CertificateNameMismatch,
      R.order,
      async (w) => w.present(await w.leaf({ issuer: w.middle }), (await foreign(w)).root, w.middle),
    ),
    wrong("leaf-twice", "the leaf twice", CertificateNameMismatch, R.onceInPath, async (w) => {
      const leaf = await w.leaf();
      return w.present(leaf, leaf);
    }),
    wrong("intermediate-twice", "the intermediate twice", CertificateNameMismatch, R.onceInPath, async (w) =>
      w.present(await w.leaf({ issuer: w.middle }), w.middle, w.middle),
    ),
    wrong(
      "other-leaf-behind",
      "another leaf of the root behind the leaf",
      CertificateNameMismatch,
      R.order,
      async (w) => w.present(await w.leaf(), await w.leaf({ subject: "CN=Other" })),
    ),
    wrong("anchor-appended-twice", "the anchor appended twice", CertificateNameMismatch, R.onceInPath, async (w) =>
      w.present(await w.leaf(), w.root, w.root),
    ),
    wrong(
      "anchor-appended-twice-below",
      "the same behind an intermediate",
      CertificateNameMismatch,
      R.onceInPath,
      async (w) => w.present(await w.leaf({ issuer: w.middle }), w.middle, w.root, w.root),
    ),
    wrong(
      "self-issued-twice",
      "a self-issued certificate of the anchor's key twice",
      CertificateNameMismatch,
      R.onceInPath,
      async (w) => {
        const second = await again(w);
        return w.present(await w.leaf(), second, second);
      },
    ),

    // The same name.
    wrong("twin-root", "a leaf of another root of the same name", CertificateSignatureWrong, R.verified, async (w) =>
      w.present(await w.leaf({ issuer: await twin(w) })),
    ),
    wrong("twin-root-appended", "the same, that root appended", CertificateSignatureWrong, R.verified, async (w) => {
      const root = await twin(w);
      return w.present(await w.leaf({ issuer: root }), root);
    }),
    wrong(
      "twin-intermediate",
      "an intermediate of the right name that a twin of the root issued",
      CertificateSignatureWrong,
      R.verified,
      async (w) => {
        const middle = await w.authority({
          issuer: await twin(w),
          subject: w.middle.subject,
          keys: await keysFor("p256", "Forged"),
        });
        return w.present(await w.leaf({ issuer: middle }), middle);
      },
    ),
    wrong(
      "other-intermediate",
      "another intermediate of the same name",
      CertificateSignatureWrong,
      R.verified,
      async (w) => {
        const other = await w.authority({ subject: w.middle.subject, keys: await keysFor("p256", "Other") });
        return w.present(await w.leaf({ issuer: other }), w.middle);
      },
    ),
    right("same-names", "an intermediate of the root's name", R.chained, (w) => sameNames(w, 1)),
    right("all-same-names", "three intermediates of the root's name", R.chained, (w) => sameNames(w, 3)),
    wrong("same-names-mixed", "the same in another order", CertificateSignatureWrong, R.verified, async (w) => {
      const presented = await sameNames(w, 3);
      const [leaf, a, b, c] = presented.chain;
      return { ...presented, chain: [leaf!, b!, a!, c!] };
    }),
    right("anchor-again", "another certificate of the anchor's name and key, appended", R.anchorAppended, async (w) =>
      w.present(await w.leaf(), await again(w)),
    ),
    right("leaf-of-root-name", "a leaf whose name is the root's", R.chained, async (w) =>
      w.one({ subject: w.root.subject, keys: await keysFor("p256", "Twin") }),
    ),
    right("leaf-of-issuer-name", "a leaf whose name is its intermediate's", R.chained, (w) =>
      w.below({ subject: "CN=One" }, { subject: "CN=One", kind: "ed25519" }),
    ),
    right("renewed-intermediate", "an intermediate that was renewed: the same key and name", R.chained, async (w) =>
      w.present(
        await w.leaf({ issuer: w.middle }),
        await w.authority({ subject: w.middle.subject, keys: w.middle.keys, serialNumber: "09" }),
      ),
    ),

    // Rings and bridges.
    wrong("ring", "two authorities that issued each other", CertificateUnknownAuthority, R.chained, async (w) => {
      const one = await w.authority({ subject: "CN=One", issuer: "itself" });
      const two = await w.authority({ subject: "CN=Two", issuer: one });
      const closed = await w.authority({ subject: "CN=One", issuer: two, keys: one.keys });
      return w.present(await w.leaf({ issuer: closed }), closed, two);
    }),
    right("cross-signed", "another root, which our root has cross-signed", R.chained, async (w) => {
      const { root, leaf } = await foreign(w);
      return w.present(leaf, await w.authority({ subject: root.subject, keys: root.keys }));
    }),
    wrong(
      "cross-signed-not-shown",
      "the same, the other root itself in the place of the cross-signed one",
      CertificateUnknownAuthority,
      R.chained,
      async (w) => {
        const { root, leaf } = await foreign(w);
        return w.present(leaf, root);
      },
    ),
    right("anchor-not-root", "an anchor that is no root", R.chained, async (w) =>
      w.presentTo(w.middle, await w.leaf({ issuer: w.middle })),
    ),
    right("anchor-not-root-appended", "the same, appended", R.anchorAppended, async (w) =>
      w.presentTo(w.middle, await w.leaf({ issuer: w.middle }), w.middle),
    ),
    wrong(
      "above-the-anchor",
      "the root above an anchor that is no root",
      CertificateNameMismatch,
      R.onceInPath,
      async (w) => w.presentTo(w.middle, await w.leaf({ issuer: w.middle }), w.middle, w.root),
    ),
    wrong(
      "beside-the-anchor",
      "a leaf of the root, for an anchor below it",
      CertificateUnknownAuthority,
      R.chained,
      async (w) => w.presentTo(w.middle, await w.leaf()),
    ),
    wrong("leaf-as-anchor", "a leaf that is the trust anchor itself", CertificateNotAuthority, R.isCa, async (w) => {
      const anchor = await w.leaf();
      return w.presentTo(anchor, await w.leaf({ issuer: anchor, subject: "CN=Child" }));
    }),
  ],
};
