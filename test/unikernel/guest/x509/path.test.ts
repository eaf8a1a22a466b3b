/**
 * guest/x509/path: chains with one thing right or wrong, each with its verdict. Certificates come from @peculiar/x509 on
 * Node's webcrypto; the anchor is always `w.root` unless a case says otherwise.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../unikernel/guest/failure.ts";
import {
  alter,
  authority,
  basicConstraints,
  type CertificateOptions,
  chainBytes,
  type Issued,
  type KeyKind,
  KeyUsageFlags,
  keyUsage,
  leaf,
  makeKeys,
  NOT_AFTER,
  NOT_BEFORE,
  NOW,
  type Purpose,
  purposes,
  rawExtension,
  signatureOf,
  withSignature,
} from "../../../support/certificates.ts";
import { constructed, primitive, uint } from "../../../support/der.ts";
import { type Harness, loadHarness } from "../../../support/harness.ts";

const F = Failure;
const KINDS: KeyKind[] = ["p256", "p384", "ed25519"];

interface Case {
  chain: (Issued | Uint8Array)[];
  role?: Purpose;
  now?: bigint;
  anchor?: Issued;
}

/** The certificates that most cases use. */
async function makeWorld() {
  const root = await authority();
  const middle = await authority({ issuer: root, subject: "CN=middle" });
  const low = await authority({ issuer: middle, subject: "CN=low" });
  return {
    root,
    middle,
    low,
    /** Another authority of the same name. */
    twin: await authority(),
    stranger: await authority({ subject: "CN=Stranger" }),
    client: await leaf("client", { issuer: root }),
    server: await leaf("server", { issuer: root }),
    both: await leaf(["client", "server"], { issuer: root }),
    underMiddle: await leaf("client", { issuer: middle }),
    underLow: await leaf("client", { issuer: low }),
  };
}
type World = Awaited<ReturnType<typeof makeWorld>>;

let h: Harness;
let w: World;
beforeAll(async () => {
  h = await loadHarness("x509");
  w = await makeWorld();
});

function judge(
  { chain, role = "client", now = NOW, anchor = w.root }: Case,
  how: "judge" | "judgeCheaply" = "judge",
): Failure {
  const bytes = chainBytes(...chain);
  h.write(anchor.der);
  h.write(bytes, anchor.der.length);
  return h.call[how]!(anchor.der.length, bytes.length, role === "server" ? 0 : 1, now) as Failure;
}

/** An intermediate below the root with these options and a client below it: a chain for the root. */
async function below(options: CertificateOptions & { pathLength?: number }): Promise<Case> {
  const middle = await authority({ issuer: w.root, subject: "CN=m", ...options });
  return { chain: [await leaf("client", { issuer: middle }), middle] };
}
async function client(options: Partial<CertificateOptions>): Promise<Case> {
  return { chain: [await leaf("client", { issuer: w.root, ...options })] };
}
/** A root, `depth` authorities below it (the first with `pathLength`), and a client. */
async function deep(depth: number, rootPathLength?: number, firstPathLength?: number): Promise<Case> {
  const limit = (pathLength?: number) => (pathLength === undefined ? {} : { pathLength });
  const anchor = await authority(limit(rootPathLength));
  const chain: Issued[] = [];
  let issuer = anchor;
  for (let i = 0; i < depth; i++) {
    issuer = await authority({ issuer, subject: `CN=level ${i}`, ...(i === 0 ? limit(firstPathLength) : {}) });
    chain.unshift(issuer);
  }
  return { anchor, chain: [await leaf("client", { issuer }), ...chain] };
}
const seconds = (date: Date) => BigInt(date.getTime() / 1000);
const flags = (bits: number) => [keyUsage(bits), purposes("client")];
const { digitalSignature, keyCertSign, keyEncipherment, cRLSign, nonRepudiation, keyAgreement } = KeyUsageFlags;

const cases: [string, Failure, () => Case | Promise<Case>][] = [
  // Accepted.
  ["a client under the root", F.None, () => ({ chain: [w.client] })],
  ["a server under the root", F.None, () => ({ chain: [w.server], role: "server" })],
  ["a certificate for both, as client", F.None, () => ({ chain: [w.both] })],
  ["a certificate for both, as server", F.None, () => ({ chain: [w.both], role: "server" })],
  ["one intermediate", F.None, () => ({ chain: [w.underMiddle, w.middle] })],
  ["two intermediates", F.None, () => ({ chain: [w.underLow, w.low, w.middle] })],
  ["three intermediates", F.None, () => deep(3)],
  ["the anchor appended", F.None, () => ({ chain: [w.client, w.root] })],
  ["two intermediates and the anchor", F.None, () => ({ chain: [w.underLow, w.low, w.middle, w.root] })],
  [
    "a leaf whose basicConstraints says no CA",
    F.None,
    () => client({ extensions: [basicConstraints(false), ...flags(digitalSignature)] }),
  ],
  ["a leaf with other usages beside", F.None, () => client({ extensions: flags(digitalSignature | keyAgreement) })],
  [
    "a leaf with an unknown extension",
    F.None,
    () => client({ extensions: [...flags(digitalSignature), rawExtension("1.2.3.4", false, uint(1, 0))] }),
  ],
  [
    "an intermediate for the role only",
    F.None,
    () => below({ extensions: [basicConstraints(true), keyUsage(keyCertSign), purposes("client")] }),
  ],
  [
    "a leaf without a subject",
    F.None,
    async () => ({ chain: [await alter(w.client, w.root, ({ tbs }) => void tbs.splice(5, 1, constructed(0x30)))] }),
  ],

  // Nothing, too much, not certificates.
  ["no chain", F.CertificateMissing, () => ({ chain: [] })],
  ["an empty certificate", F.CertificateMalformed, () => ({ chain: [new Uint8Array(0)] })],
  ["an empty certificate after a good one", F.CertificateMalformed, () => ({ chain: [w.client, new Uint8Array(0)] })],
  ["rubbish after a good certificate", F.CertificateMalformed, () => ({ chain: [w.client, uint(4, 0x30020500)] })],
  ["five certificates", F.CertificatePathTooLong, () => deep(4)],
  [
    "five certificates, the anchor being one",
    F.CertificatePathTooLong,
    async () => {
      const { chain, anchor } = await deep(3);
      return { chain: [...chain, anchor!], anchor: anchor! };
    },
  ],
  [
    "four certificates and rubbish",
    F.CertificatePathTooLong,
    async () => {
      const { chain, anchor } = await deep(3);
      return { chain: [...chain, uint(2, 7)], anchor: anchor! };
    },
  ],

  // Issuers.
  ["a self-signed leaf", F.CertificateUnknownAuthority, async () => ({ chain: [await leaf("client", {})] })],
  ["a self-signed authority", F.CertificateUnknownAuthority, () => ({ chain: [w.stranger] })],
  [
    "a foreign chain",
    F.CertificateUnknownAuthority,
    async () => ({ chain: [await leaf("client", { issuer: w.stranger }), w.stranger] }),
  ],
  [
    "a foreign leaf alone",
    F.CertificateUnknownAuthority,
    async () => ({ chain: [await leaf("client", { issuer: w.stranger })] }),
  ],
  ["a leaf without its intermediate", F.CertificateUnknownAuthority, () => ({ chain: [w.underMiddle] })],
  ["an intermediate missing in the middle", F.CertificateNameMismatch, () => ({ chain: [w.underLow, w.middle] })],
  ["the wrong order", F.CertificateNameMismatch, () => ({ chain: [w.middle, w.underMiddle] })],
  ["intermediates in the wrong order", F.CertificateNameMismatch, () => ({ chain: [w.underLow, w.middle, w.low] })],
  ["a certificate that does not belong", F.CertificateNameMismatch, () => ({ chain: [w.client, w.stranger] })],
  ["the anchor in the middle", F.CertificateNameMismatch, () => ({ chain: [w.underMiddle, w.root, w.middle] })],
  ["the leaf twice", F.CertificateNameMismatch, () => ({ chain: [w.client, w.client] })],
  [
    "an issuer's name in other letters",
    F.CertificateUnknownAuthority,
    () => client({ issuerName: "CN=test ca,O=Example" }),
  ],
  [
    "an issuer's name with a blank more",
    F.CertificateUnknownAuthority,
    () => client({ issuerName: "CN=Test  CA,O=Example" }),
  ],
  [
    "an issuer's name in another order",
    F.CertificateUnknownAuthority,
    () => client({ issuerName: "O=Example,CN=Test CA" }),
  ],
  [
    "an issuer's name in another string type",
    F.CertificateUnknownAuthority,
    async () => ({
      chain: [
        await alter(w.client, w.root, ({ tbs }) => {
          const value = tbs[3]!.children![0]!.children![0]!.children!;
          value.splice(1, 1, primitive(0x0c, value[1]!.content!));
        }),
      ],
    }),
  ],

  // Signatures.
  [
    "a foreign authority of the same name",
    F.CertificateSignatureWrong,
    async () => ({ chain: [await leaf("client", { issuer: w.twin })] }),
  ],
  [
    "a foreign authority of the same name, appended",
    F.CertificateSignatureWrong,
    async () => ({ chain: [await leaf("client", { issuer: w.twin }), w.twin] }),
  ],
  [
    "a foreign intermediate of the same name",
    F.CertificateSignatureWrong,
    async () => {
      const forged = await authority({ issuer: w.twin, subject: "CN=middle" });
      return { chain: [await leaf("client", { issuer: forged }), forged] };
    },
  ],
  [
    "a leaf signed by another intermediate of the same name",
    F.CertificateSignatureWrong,
    async () => {
      const other = await authority({ issuer: w.root, subject: "CN=middle" });
      return { chain: [await leaf("client", { issuer: other }), w.middle] };
    },
  ],
  [
    "a leaf signed by itself in the root's name",
    F.CertificateSignatureWrong,
    () => client({ issuer: { ...w.stranger, subject: w.root.subject } }),
  ],
  [
    "a leaf changed after it was signed",
    F.CertificateSignatureWrong,
    async () => {
      const other = await alter(w.client, w.root, ({ tbs }) => void tbs.splice(1, 1, primitive(0x02, [2])));
      return { chain: [withSignature(other, signatureOf(w.client))] };
    },
  ],
  [
    "the signature of another certificate",
    F.CertificateSignatureWrong,
    () => ({ chain: [withSignature(w.client, signatureOf(w.server))] }),
  ],
  ["an empty signature", F.CertificateSignatureWrong, () => ({ chain: [withSignature(w.client, new Uint8Array(0))] })],
  [
    "a signature that is no DER",
    F.CertificateSignatureWrong,
    () => ({ chain: [withSignature(w.client, new Uint8Array(64))] }),
  ],
  [
    "an ECDSA signature of 10,000 bytes",
    F.CertificateSignatureWrong,
    () => ({ chain: [withSignature(w.client, new Uint8Array(10_000))] }),
  ],
  [
    "Ed25519 claimed under a P-256 root",
    F.CertificateSignatureWrong,
    async () => client({ issuer: { ...w.root, keys: await makeKeys("ed25519") } }),
  ],
  [
    "P-256 claimed under an Ed25519 root",
    F.CertificateSignatureWrong,
    async () => {
      const anchor = await authority({ kind: "ed25519" });
      return { anchor, chain: [await leaf("client", { issuer: { ...anchor, keys: w.root.keys } })] };
    },
  ],

  // Times: both ends are inside.
  ["the first second", F.None, () => ({ chain: [w.client], now: seconds(NOT_BEFORE) })],
  ["the last second", F.None, () => ({ chain: [w.client], now: seconds(NOT_AFTER) })],
  ["a second too early", F.CertificateNotYetValid, () => ({ chain: [w.client], now: seconds(NOT_BEFORE) - 1n })],
  ["a second too late", F.CertificateExpired, () => ({ chain: [w.client], now: seconds(NOT_AFTER) + 1n })],
  ["the year 1970", F.CertificateNotYetValid, () => ({ chain: [w.client], now: 0n })],
  ["the end of u64", F.CertificateExpired, () => ({ chain: [w.client], now: 2n ** 64n - 1n })],
  ["an expired leaf", F.CertificateExpired, () => client({ notAfter: new Date("2026-06-01T11:59:59Z") })],
  ["a leaf in its last second", F.None, () => client({ notAfter: new Date("2026-06-01T12:00:00Z") })],
  ["a leaf of the future", F.CertificateNotYetValid, () => client({ notBefore: new Date("2026-06-01T12:00:01Z") })],
  [
    "a leaf that ends before it begins",
    F.CertificateExpired,
    () => client({ notBefore: new Date("2025-06-01T12:00:00Z"), notAfter: new Date("2025-01-01T00:00:00Z") }),
  ],
  ["an expired intermediate", F.CertificateExpired, () => below({ notAfter: new Date("2026-01-01T00:00:00Z") })],
  [
    "an intermediate of the future",
    F.CertificateNotYetValid,
    () => below({ notBefore: new Date("2027-01-01T00:00:00Z") }),
  ],
  [
    "an expired anchor",
    F.CertificateExpired,
    async () => {
      const anchor = await authority({ notAfter: new Date("2026-01-01T00:00:00Z") });
      return { anchor, chain: [await leaf("client", { issuer: anchor })] };
    },
  ],
  ["a leaf past 2049, before that", F.None, async () => longLived("2049-12-31T23:59:59Z")],
  ["a leaf past 2049, after that", F.None, async () => longLived("2050-01-01T00:00:00Z")],
  ["a leaf past 2049, past its end", F.CertificateExpired, async () => longLived("2060-03-01T00:00:00Z")],
  ["a leaf past 2049, on its last day, February 29", F.None, async () => longLived("2060-02-29T23:59:59Z")],

  // Purposes of the leaf.
  ["a server's certificate as client", F.CertificatePurposeWrong, () => ({ chain: [w.server] })],
  ["a client's certificate as server", F.CertificatePurposeWrong, () => ({ chain: [w.client], role: "server" })],
  ["no extKeyUsage", F.CertificatePurposeWrong, () => client({ extensions: [keyUsage(digitalSignature)] })],
  [
    "anyExtendedKeyUsage",
    F.CertificatePurposeWrong,
    () => client({ extensions: [keyUsage(digitalSignature), purposes("2.5.29.37.0")] }),
  ],
  [
    "codeSigning",
    F.CertificatePurposeWrong,
    () => client({ extensions: [keyUsage(digitalSignature), purposes("1.3.6.1.5.5.7.3.3")] }),
  ],
  ["no keyUsage", F.CertificatePurposeWrong, () => client({ extensions: [purposes("client")] })],
  ["keyEncipherment only", F.CertificatePurposeWrong, () => client({ extensions: flags(keyEncipherment) })],
  ["nonRepudiation only", F.CertificatePurposeWrong, () => client({ extensions: flags(nonRepudiation) })],
  [
    "a leaf that claims keyCertSign",
    F.CertificatePurposeWrong,
    () => client({ extensions: flags(digitalSignature | keyCertSign) }),
  ],
  [
    "no extensions at all",
    F.CertificatePurposeWrong,
    async () => ({ chain: [await alter(w.client, w.root, ({ tbs }) => void tbs.pop())] }),
  ],
  [
    "an unknown critical extension",
    F.CertificateCriticalExtension,
    () => client({ extensions: [...flags(digitalSignature), rawExtension("1.2.3.4", true, uint(1, 0))] }),
  ],
  [
    "an unknown critical extension in an intermediate",
    F.CertificateCriticalExtension,
    () =>
      below({ extensions: [basicConstraints(true), keyUsage(keyCertSign), rawExtension("1.2.3", true, uint(1, 0))] }),
  ],
  [
    "a duplicated extension",
    F.CertificateMalformed,
    async () => ({
      chain: [
        await alter(w.client, w.root, ({ tbs }) => {
          const list = tbs[7]!.children![0]!.children!;
          list.push(list[0]!);
        }),
      ],
    }),
  ],

  // CAs and leaves.
  ["the anchor alone", F.CertificateIsAuthority, () => ({ chain: [w.root] })],
  ["an intermediate as leaf", F.CertificateIsAuthority, () => ({ chain: [w.middle] })],
  [
    "a CA with a client's usages as leaf",
    F.CertificateIsAuthority,
    () => client({ extensions: [basicConstraints(true), ...flags(digitalSignature | keyCertSign)] }),
  ],
  [
    "a leaf as CA",
    F.CertificateNotAuthority,
    async () => ({ chain: [await leaf("client", { issuer: w.both, subject: "CN=child" }), w.both] }),
  ],
  [
    "an intermediate whose basicConstraints says no CA",
    F.CertificateNotAuthority,
    () => below({ extensions: [basicConstraints(false), keyUsage(keyCertSign)] }),
  ],
  [
    "an intermediate without basicConstraints",
    F.CertificateNotAuthority,
    () => below({ extensions: [keyUsage(keyCertSign)] }),
  ],
  [
    "an intermediate without keyUsage",
    F.CertificatePurposeWrong,
    () => below({ extensions: [basicConstraints(true)] }),
  ],
  [
    "an intermediate without keyCertSign",
    F.CertificatePurposeWrong,
    () => below({ extensions: [basicConstraints(true), keyUsage(cRLSign)] }),
  ],
  [
    "an intermediate for servers above a client",
    F.CertificatePurposeWrong,
    () => below({ extensions: [basicConstraints(true), keyUsage(keyCertSign), purposes("server")] }),
  ],

  // Path lengths.
  ["path length 0 above a leaf", F.None, () => below({ pathLength: 0 })],
  ["path length 0 above an intermediate", F.CertificatePathTooLong, () => deep(2, undefined, 0)],
  ["path length 1 above one intermediate", F.None, () => deep(2, undefined, 1)],
  ["path length 1 above two intermediates", F.CertificatePathTooLong, () => deep(3, undefined, 1)],
  ["the anchor's path length 0, no intermediate", F.None, () => deep(0, 0)],
  ["the anchor's path length 0, one intermediate", F.CertificatePathTooLong, () => deep(1, 0)],
  ["the anchor's path length 1, one intermediate", F.None, () => deep(1, 1)],
  ["the anchor's path length 1, two intermediates", F.CertificatePathTooLong, () => deep(2, 1)],
  [
    "the anchor's path length 0, the anchor appended",
    F.None,
    async () => {
      const found = await deep(0, 0);
      return { ...found, chain: [...found.chain, found.anchor!] };
    },
  ],
  [
    "self-issued certificates count for the path length",
    F.CertificatePathTooLong,
    async () => {
      const anchor = await authority({ pathLength: 0 });
      const rollover = await authority({ issuer: anchor });
      return { anchor, chain: [await leaf("client", { issuer: rollover }), rollover] };
    },
  ],

  // The same name everywhere.
  [
    "the same name everywhere, rightly signed",
    F.None,
    async () => {
      const a = await authority({ issuer: w.root });
      const b = await authority({ issuer: a });
      return { chain: [await leaf("client", { issuer: b, subject: w.root.subject }), b, a, w.root] };
    },
  ],
  [
    "the same name everywhere, and nothing of the root",
    F.CertificateSignatureWrong,
    async () => {
      const a = await authority({ issuer: w.twin });
      const b = await authority({ issuer: a });
      return { chain: [await leaf("client", { issuer: b, subject: w.root.subject }), b, a, w.twin] };
    },
  ],
  [
    "the same name everywhere, in the wrong order",
    F.CertificateSignatureWrong,
    async () => {
      const a = await authority({ issuer: w.root });
      const b = await authority({ issuer: a });
      return { chain: [await leaf("client", { issuer: b }), a, b] };
    },
  ],
];

/** A leaf and a root from 2024 to February 29, 2060. */
async function longLived(now: string): Promise<Case> {
  const notAfter = new Date("2060-02-29T23:59:59Z");
  const anchor = await authority({ notAfter });
  return { anchor, chain: [await leaf("client", { issuer: anchor, notAfter })], now: seconds(new Date(now)) };
}
function withByte({ der }: Issued, at: number, flip: number): Uint8Array {
  const copy = der.slice();
  copy[at]! ^= flip;
  return copy;
}

describe("a chain's verdict", () => {
  it.each(cases)("%s", async (_, expected, build) => {
    expect(judge(await build())).toBe(expected);
  });

  it("is the same for P-256, P-384 and Ed25519 at each level, mixed", async () => {
    for (const first of KINDS) {
      const anchor = await authority({ kind: first });
      for (const second of KINDS) {
        const middle = await authority({ kind: second, issuer: anchor, subject: "CN=middle" });
        for (const third of KINDS) {
          const peer = await leaf("client", { kind: third, issuer: middle });
          expect(judge({ anchor, chain: [peer, middle] })).toBe(F.None);
          for (const at of [peer, middle]) {
            const bad = withByte(at, at.der.length - 1, 1);
            const chain = at === peer ? [bad, middle] : [peer, bad];
            expect(judge({ anchor, chain })).toBe(F.CertificateSignatureWrong);
          }
        }
      }
    }
  });

  it("comes before any signature where it can", async () => {
    for (const [name, expected, build] of cases) {
      const found = judge(await build(), "judgeCheaply");
      const needsSignature = expected === F.CertificateSignatureWrong && !name.includes("claimed under");
      expect(found, name).toBe(needsSignature ? F.None : expected);
    }
  });
});
