/**
 * Wycheproof's cases for X25519 (RFC 7748), ECDH on P-256 with points as TLS sends them (RFC 8446 §4.2.8.2), and the same with
 * SubjectPublicKeyInfo (RFC 5480), which the guest reads in certificates: each is put into one, as its last element.
 *
 * Acceptable cases, by flag. X25519: refused where the secret is zero (ZeroSharedSecret: RFC 8446 §7.4.2 demands it); otherwise computed, on
 * the twist (Twist) and for u not reduced (NonCanonicalPublic) too, as RFC 7748 §5 says. P-256: all refused: points are uncompressed
 * (CompressedPublic; RFC 8446 §4.2.8.2), curves are named, never described (UnnamedCurve; RFC 5480 §2.1.1), and what is not DER is no
 * certificate (InvalidAsn; RFC 5280 §4.1).
 */
import { z } from "zod";
import { Failure } from "../../../unikernel/guest/failure.ts";
import { type Harness, loadHarness } from "../../support/harness.ts";
import { compared, type Finding, REFUSED, unlessTrapped, type VectorSuite, wrong } from "../vectors/case.ts";
import { certificateAround } from "../vectors/certificate-around.ts";
import { bytes, wycheproof } from "../vectors/wycheproof.ts";

const { CertificateMalformed, CertificateUnsupported } = Failure;
const ECDSA_SECP256R1_SHA256 = 0x0403;
/** Bytes of an uncompressed point. */
const POINT = 65;

/** Flags of a key that is well formed, but of a kind that we have not; any other that is refused while parsing is malformed or that. */
const UNSUPPORTED = ["WrongCurve", "UnnamedCurve", "CompressedPoint"];

const TEST = z.object({ public: bytes, private: bytes, shared: bytes });
/** Private keys of ECDH are numbers, sometimes shorter than the curve's, sometimes with a zero before them. */
const NUMBER = z.string().transform((digits) => {
  const number = BigInt(`0x${digits}`);
  return Uint8Array.from(Buffer.from(number.toString(16).padStart(64, "0"), "hex"));
});
const ECDH_TEST = TEST.extend({ private: NUMBER });

const x25519 = wycheproof({
  name: "X25519",
  file: "x25519",
  algorithm: "XDH",
  atLeast: 518,
  group: z.object({ curve: z.literal("curve25519") }),
  test: TEST,
  computed: ["shared"],
  acceptable: (flags) => (flags.includes("ZeroSharedSecret") ? "invalid" : "valid"),
  async check() {
    const h = await loadHarness("curve25519");
    return (test) => {
      h.write(test.private);
      h.write(test.public, test.private.length);
      const answer = h.call.shared!(test.private.length, test.public.length, 32);
      return answer === 1 ? compared({ shared: [h.read(32), test.shared] }) : REFUSED;
    };
  },
});

/** A point of another length traps: TLS has checked the length of a share before (tls/key-exchange). */
function sharedSecret(h: Harness, key: Uint8Array, peer: Uint8Array, shared: Uint8Array): Finding {
  h.write(key);
  h.write(peer, key.length);
  const answer = unlessTrapped(() => h.call.sharedSecret!(peer.length, 32) as number);
  if (answer === undefined && peer.length === POINT) return wrong("trapped on a point of the right length");
  return answer === 1 ? compared({ shared: [h.read(32), shared] }) : REFUSED;
}

const points = wycheproof({
  name: "ECDH P-256, points",
  file: "ecdh_secp256r1_ecpoint",
  algorithm: "ECDH",
  atLeast: 355,
  group: z.object({ curve: z.literal("secp256r1"), encoding: z.literal("ecpoint") }),
  test: ECDH_TEST,
  computed: ["shared"],
  acceptable: () => "invalid",
  async check() {
    const h = await loadHarness("p256");
    return (test) => sharedSecret(h, test.private, test.public, test.shared);
  },
});

const keyInfo = wycheproof({
  name: "ECDH P-256, SubjectPublicKeyInfo in a certificate",
  file: "ecdh_secp256r1",
  algorithm: "ECDH",
  atLeast: 612,
  group: z.object({ curve: z.literal("secp256r1"), encoding: z.literal("asn") }),
  test: ECDH_TEST,
  computed: ["shared"],
  acceptable: () => "invalid",
  async check() {
    const parser = await loadHarness("signatures");
    const h = await loadHarness("p256");
    return (test) => {
      const certificate = certificateAround(test.public);
      parser.write(certificate);
      const failure: Failure = parser.call.parse!(certificate.length);
      if (failure !== Failure.None) return refusal(failure, test.flags);
      const scheme: number = parser.call.keyScheme!();
      if (scheme !== ECDSA_SECP256R1_SHA256) {
        // We have keys on P-384 too, and know them for what they are.
        return test.flags.includes("WrongCurve") ? REFUSED : wrong(`a key of scheme ${scheme}`);
      }
      return sharedSecret(h, test.private, parser.read(parser.call.keyLength!()), test.shared);
    };
  },
});

function refusal(failure: Failure, flags: string[]): Finding {
  const unsupported = flags.some((flag) => UNSUPPORTED.includes(flag));
  const right = failure === CertificateUnsupported || (failure === CertificateMalformed && !unsupported);
  return right ? REFUSED : wrong(`refused as ${Failure[failure]}`);
}

export const agreement: VectorSuite[] = [x25519, points, keyInfo];
