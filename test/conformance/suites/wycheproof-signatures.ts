/**
 * Wycheproof's cases for ECDSA verification (FIPS 186-5 §6.4) on P-256 with SHA-256 and P-384 with SHA-384, in DER and as r ‖ s, and for
 * Ed25519 (RFC 8032), by the function that judges certificates and proofs, with keys that the guest has read in certificates.
 *
 * A signature in DER is also given to the parser alone, which must refuse what has not the one form and nothing else; a case whose flag says
 * that its form is wrong must be refused by it, whatever its numbers are.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Failure } from "../../../unikernel/guest/failure.ts";
import { type Harness, loadHarness } from "../../support/harness.ts";
import { ACCEPTED, compared, type Finding, REFUSED, unlessTrapped, type VectorSuite, wrong } from "../vectors/case.ts";
import { certificateAround } from "../vectors/certificate-around.ts";
import { type Curve, flawOf, P256, P384, rawSignature } from "../vectors/ecdsa-form.ts";
import { bytes, wycheproof } from "../vectors/wycheproof.ts";

/** SignatureScheme (RFC 8446 §4.2.3). */
const ECDSA_SECP256R1_SHA256 = 0x0403;
const ECDSA_SECP384R1_SHA384 = 0x0503;
const ED25519 = 0x0807;

/** Cases that are wrong in the encoding alone; other flags leave it open. */
const FLAWS_OF_FORM = ["BerEncodedSignature", "InvalidEncoding", "InvalidTypesInSignature", "MissingZero"];

const EC_GROUP = z.object({
  publicKey: z.object({ type: z.literal("EcPublicKey"), curve: z.string(), uncompressed: bytes }),
  publicKeyDer: bytes,
  sha: z.string(),
});
const EDDSA_GROUP = z.object({
  publicKey: z.object({ curve: z.literal("edwards25519"), pk: bytes }),
  publicKeyDer: bytes,
});
const TEST = z.object({ msg: bytes, sig: bytes });

interface Scheme {
  name: string;
  file: string;
  number: number;
  curve: Curve;
  sha: "SHA-256" | "SHA-384";
}
const SCHEMES: Scheme[] = [
  { name: "P-256", file: "secp256r1_sha256", number: ECDSA_SECP256R1_SHA256, curve: P256, sha: "SHA-256" },
  { name: "P-384", file: "secp384r1_sha384", number: ECDSA_SECP384R1_SHA384, curve: P384, sha: "SHA-384" },
];

/** With the key as the guest reads it in a certificate around `publicKeyDer`; it must be `key`. */
function verdict(
  h: Harness,
  scheme: number,
  [publicKeyDer, key]: [Uint8Array, Uint8Array],
  { msg: message, sig: signature }: { msg: Uint8Array; sig: Uint8Array },
): Finding {
  const certificate = certificateAround(publicKeyDer);
  h.write(certificate);
  const failure: Failure = h.call.parse!(certificate.length);
  if (failure !== Failure.None) return wrong(`the key is refused: ${Failure[failure]}`);
  if (h.call.keyScheme!() !== scheme) return wrong(`a key of scheme ${h.call.keyScheme!()}`);
  const read = compared({ key: [h.read(h.call.keyLength!()), key] });
  if (read !== ACCEPTED) return read;
  h.write(key);
  h.write(message, key.length);
  h.write(signature, key.length + message.length);
  return h.call.verify!(scheme, key.length, message.length, signature.length) === 1 ? ACCEPTED : REFUSED;
}

function inDer({ name, file, number, curve, sha }: Scheme, atLeast: number): VectorSuite {
  return wycheproof({
    name: `ECDSA ${name}, DER`,
    file: `ecdsa_${file}`,
    algorithm: "ECDSA",
    atLeast,
    group: EC_GROUP,
    test: TEST,
    computed: ["sig"],
    async check() {
      const h = await loadHarness("signatures");
      return (test, { sha: hash, publicKeyDer, publicKey }) => {
        if (hash !== sha) return wrong(`the group is of ${hash}`);
        const form = checkForm(h, test.sig, curve, test.flags);
        return form.is === "wrong" ? form : verdict(h, number, [publicKeyDer, publicKey.uncompressed], test);
      };
    },
  });
}

/** Whether the guest's parser sees in `sig` what there is. */
function checkForm(h: Harness, sig: Uint8Array, curve: Curve, flags: string[]): Finding {
  h.write(sig);
  const parsed = h.call.fromDer!(sig.length, 2 * curve.length) === 1;
  const raw = rawSignature(sig, curve);
  if (!raw) return parsed ? wrong("the parser took what is no DER signature") : REFUSED;
  if (!parsed) return wrong(`the parser refused DER; the flaw is in the ${flawOf(sig, curve)}`);
  if (flags.some((flag) => FLAWS_OF_FORM.includes(flag))) return wrong("it should have been wrong in form, but is not");
  return compared({ "r ‖ s": [h.read(2 * curve.length), raw] });
}

function inRaw({ name, file, curve, sha }: Scheme, atLeast: number): VectorSuite {
  return wycheproof({
    name: `ECDSA ${name}, r ‖ s`,
    file: `ecdsa_${file}_p1363`,
    algorithm: "ECDSA",
    atLeast,
    group: EC_GROUP,
    test: TEST,
    computed: ["sig"],
    async check() {
      const h = curve === P256 ? await loadHarness("p256") : await loadHarness("signatures");
      const verify = curve === P256 ? h.call.verify! : h.call.verifyP384!;
      return ({ msg, sig }, group) => {
        if (group.sha !== sha) return wrong(`the group is of ${group.sha}`);
        const key = group.publicKey.uncompressed;
        const digest = createHash(sha.replace("-", "")).update(msg).digest();
        h.write(digest);
        h.write(sig, digest.length);
        h.write(key, digest.length + sig.length);
        const answer = unlessTrapped(() => verify(digest.length, sig.length, key.length) as number);
        if (answer === undefined && sig.length === 2 * curve.length)
          return wrong("trapped on a signature of the right length");
        return answer === 1 ? ACCEPTED : REFUSED;
      };
    },
  });
}

const ed25519 = wycheproof({
  name: "Ed25519",
  file: "ed25519",
  algorithm: "EDDSA",
  atLeast: 150,
  group: EDDSA_GROUP,
  test: TEST,
  computed: ["sig"],
  async check() {
    const h = await loadHarness("signatures");
    return (test, { publicKeyDer, publicKey }) => verdict(h, ED25519, [publicKeyDer, publicKey.pk], test);
  },
});

export const signatures: VectorSuite[] = [
  inDer(SCHEMES[0]!, 484),
  inDer(SCHEMES[1]!, 504),
  inRaw(SCHEMES[0]!, 262),
  inRaw(SCHEMES[1]!, 280),
  ed25519,
];
