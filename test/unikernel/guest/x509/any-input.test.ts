/**
 * guest/x509 on any input at all: an answer, never a trap, no memory taken, and nothing accepted that differs from what
 * was signed.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import {
  authority,
  chainBytes,
  type Issued,
  type KeyKind,
  KeyUsageFlags,
  keyUsage,
  leaf,
  NOW,
  purposes,
  rawExtension,
} from "../../../support/certificates.ts";
import { concat, decode, element, encode, oid, sequence } from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

const { None, CertificateMalformed, CertificateUnsupported, CertificateCriticalExtension } = Failure;
const KINDS: KeyKind[] = ["p256", "p384", "ed25519"];
const bytes = (...values: number[]) => Uint8Array.from(values);

let h: Harness;
let root: Issued;
let player: Issued;
let chain: Uint8Array;
/** Where the second certificate of `chain` starts. */
let second: number;
beforeAll(async () => {
  h = await loadHarness("x509");
  root = await authority();
  player = await leaf("client", { issuer: root });
  const middle = await authority({ issuer: root, subject: "CN=middle" });
  const low = await leaf("client", { issuer: middle });
  chain = chainBytes(low, middle, root);
  second = chainBytes(low).length;
});

function parse(der: Uint8Array): Failure {
  h.write(der);
  return h.call.parse!(der.length) as Failure;
}
/** The verdict on a client's chain, now. */
function judge(chain: Uint8Array, anchor: Uint8Array = root.der): Failure {
  h.write(anchor);
  h.write(chain, anchor.length);
  return h.call.judge!(anchor.length, chain.length, 1, NOW) as Failure;
}
/** The player's certificate with another subject or list of extensions (both DER), its signature unchanged. */
function withPart(index: number, der: Uint8Array): Uint8Array {
  const certificate = decode(player.der);
  certificate.children![0]!.children![index] = decode(der);
  return encode(certificate);
}
const withExtension = (type: string, value: Uint8Array) =>
  withPart(7, element(0xa3, sequence(sequence(oid(type), element(0x04, value)))));

describe("any certificate", () => {
  it("refuses every truncation", () => {
    for (const { der } of [player, root]) {
      for (let length = 0; length < der.length; length++)
        expect(parse(der.subarray(0, length))).toBe(CertificateMalformed);
    }
  });

  it("answers every change of one byte to any value", () => {
    const answers = new Set<Failure>();
    const der = player.der.slice();
    for (let at = 0; at < der.length; at++) {
      for (let value = 0; value < 256; value++) {
        der[at] = value;
        answers.add(parse(der));
      }
      der[at] = player.der[at]!;
    }
    // A change inside a name, a time, a key or a signature leaves the form right; the signature is what refuses it.
    expect([...answers].sort()).toEqual([
      None,
      CertificateMalformed,
      CertificateUnsupported,
      CertificateCriticalExtension,
    ]);
  });

  it("answers 20,000 random mutations and random bytes, and takes no memory for it", () => {
    const top = h.call.heapTop!();
    const place = fc.nat({ max: player.der.length - 1 });
    const mutation = fc.oneof(
      fc.record({ at: place, remove: fc.nat({ max: 8 }), insert: fc.uint8Array({ maxLength: 8 }) }),
      fc.record({ at: place, remove: fc.constant(0), insert: fc.uint8Array({ maxLength: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        let der = player.der;
        for (const { at, remove, insert } of mutations)
          der = concat(der.subarray(0, at), insert, der.subarray(at + remove));
        expect([0, 81, 82, 91]).toContain(parse(der));
      }),
      { numRuns: 20_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (der) => {
        expect(parse(der)).toBe(CertificateMalformed);
      }),
      { numRuns: 2000 },
    );
    expect(h.call.heapTop!()).toBe(top);
  });

  it("takes no memory for the widest certificates that fit a chain", () => {
    const top = h.call.heapTop!();
    const many = (length: number, one: Uint8Array) => concat(...Array.from({ length }, () => one));
    const wide = [
      withExtension("2.5.29.37", sequence(many(5000, bytes(6, 1, 0x2a)))),
      withExtension("2.5.29.17", sequence(many(5000, bytes(0x82, 1, 0x61)))),
      withPart(5, sequence(many(1000, element(0x31, sequence(oid("2.5.4.3"), bytes(0x0c, 1, 0x61)))))),
    ];
    for (const der of wide) {
      expect(der.length).toBeGreaterThan(12_000);
      expect(parse(der)).toBe(None);
    }
    const nested = Array.from({ length: 5000 }).reduce<Uint8Array>(
      (inner) => (inner.length < 15_000 ? sequence(inner) : inner),
      bytes(),
    );
    expect(parse(nested)).toBe(CertificateMalformed);
    expect(h.call.heapTop!()).toBe(top);
  });
});

describe("any chain", () => {
  it("is refused when it is longer than 16 KiB", async () => {
    const filled = async (length: number): Promise<Uint8Array> => {
      const filler = rawExtension("1.2.3", false, new Uint8Array(length));
      const extensions = [keyUsage(KeyUsageFlags.digitalSignature), purposes("client"), filler];
      return chainBytes(await leaf("client", { issuer: root, extensions }));
    };
    const big = await filled(15_900);
    expect(big.length).toBeLessThan(16_384);
    expect(judge(big)).toBe(None);
    expect(judge(await filled(16_384))).toBe(Failure.CertificatePathTooLong);
  });

  it("is refused at every truncation that does not fall between two certificates", () => {
    for (let length = 0; length < chain.length; length++) {
      let expected = length === 0 ? Failure.CertificateMissing : CertificateMalformed;
      if (length === second) expected = Failure.CertificateUnknownAuthority;
      // The anchor is only appended: the path is whole without it.
      if (length === chain.length - chainBytes(root).length) expected = None;
      expect(judge(chain.subarray(0, length))).toBe(expected);
    }
  });

  it("is refused with any one bit changed: every byte of a certificate is signed, fixed by the profile, or the signature", async () => {
    for (const kind of KINDS) {
      const anchor = await authority({ kind });
      const good = chainBytes(await leaf("client", { kind, issuer: anchor }));
      expect(judge(good, anchor.der)).toBe(None);
      for (let at = 0; at < good.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const copy = good.slice();
          copy[at]! ^= 1 << bit;
          expect(judge(copy, anchor.der)).not.toBe(None);
        }
      }
    }
  });

  it("gets an answer, never a trap, and takes no memory: 20,000 mutations", () => {
    expect(judge(chain)).toBe(None);
    const top = h.call.heapTop!();
    const mutation = fc.record({
      at: fc.nat({ max: chain.length - 1 }),
      remove: fc.nat({ max: 6 }),
      insert: fc.uint8Array({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        let mutated = chain;
        for (const { at, remove, insert } of mutations) {
          mutated = concat(mutated.subarray(0, at), insert, mutated.subarray(at + remove));
        }
        const verdict = judge(mutated);
        expect(Failure[verdict]).toBeDefined();
        if (verdict === None) expect(Buffer.compare(mutated, chain)).toBe(0);
      }),
      { numRuns: 20_000 },
    );
    expect(h.call.heapTop!()).toBe(top);
  });
});
