/** Limits of our own: 16,384 bytes and four certificates for a chain, so that judging one is bounded, whatever it says. */
import { Failure } from "../../../../unikernel/guest/failure.ts";
import type { Issued } from "../../../support/certificates.ts";
import { type Room, right, wrong } from "../case.ts";
import type { Presented } from "../presented.ts";
import { R } from "../rules.ts";
import { plainExtension, type World } from "../world.ts";

const { CertificatePathTooLong } = Failure;

const MOST = 16_384;
const HEADER = 3;

/**
 * A leaf and its intermediate whose chain, the lengths included, has exactly this many bytes: an unknown extension of the leaf fills it. The
 * intermediate signs with Ed25519, whose signatures all have one length.
 */
async function filled(w: World, total: number): Promise<Presented> {
  const middle = await w.authority({ kind: "ed25519" });
  const withFiller = (length: number) =>
    w.leaf({ issuer: middle, more: [plainExtension("1.2.3.4", new Uint8Array(length))] });
  const sizeOf = (leaf: Issued) => 2 * HEADER + leaf.der.length + middle.der.length;
  const guess = total - 1000;
  const leaf = await withFiller(guess + total - sizeOf(await withFiller(guess)));
  if (sizeOf(leaf) !== total) throw new Error(`a chain of ${sizeOf(leaf)} bytes, not ${total}`);
  return w.present(leaf, middle);
}
/** Four certificates with these fillers. */
async function four(w: World, filler: number): Promise<Presented> {
  const more = [plainExtension("1.2.3.4", new Uint8Array(filler))];
  const top = await w.authority({ subject: "CN=Top", more });
  const middle = await w.authority({ subject: "CN=Between", issuer: top, more });
  const low = await w.authority({ subject: "CN=Bottom", issuer: middle, more });
  return w.present(await w.leaf({ issuer: low, more }), low, middle, top);
}

export const SIZES: Room = {
  id: "sizes",
  title: "Sizes",
  cases: [
    right("most-bytes", "a chain of 16,384 bytes", R.sixteenKib, (w) => filled(w, MOST)),
    wrong("one-byte-more", "a chain of 16,385 bytes", CertificatePathTooLong, R.sixteenKib, (w) => filled(w, MOST + 1)),
    wrong("one-byte-less-than-20000", "a chain of 19,999 bytes", CertificatePathTooLong, R.sixteenKib, (w) =>
      filled(w, 19_999),
    ),
    right("four-large", "four certificates of 3.5 KiB", R.sixteenKib, (w) => four(w, 3000)),
    wrong("four-too-large", "four certificates of 4.5 KiB", CertificatePathTooLong, R.sixteenKib, (w) => four(w, 4000)),
    right("length-127", "an extension's value of 127 bytes, whose length is one byte", R.minimalLength, (w) =>
      w.one({ more: [plainExtension("1.2.3.4", new Uint8Array(127))] }),
    ),
    right("length-128", "one of 128 bytes, whose length is two", R.minimalLength, (w) =>
      w.one({ more: [plainExtension("1.2.3.4", new Uint8Array(128))] }),
    ),
    right("length-255", "one of 255 bytes", R.minimalLength, (w) =>
      w.one({ more: [plainExtension("1.2.3.4", new Uint8Array(255))] }),
    ),
    right("length-256", "one of 256 bytes, whose length is three", R.minimalLength, (w) =>
      w.one({ more: [plainExtension("1.2.3.4", new Uint8Array(256))] }),
    ),
  ],
};
