/**
 * Ed25519 verification with points of every kind, made as C2SP's CCTV describes its ed25519vectors. RFC 8032 §5.1.7 leaves some of them open;
 * crypto/ed25519 says what it does: it accepts exactly when both encodings are canonical, neither point is of small order and the equation
 * holds without the cofactor. So a component of small order alone refuses nothing.
 */
import { loadHarness } from "../../support/harness.ts";
import { ACCEPTED, REFUSED, type VectorCase, vectorSuite } from "../vectors/case.ts";
import { type PointCase, type PointKind, pointCases } from "../vectors/ed25519-points.ts";

const ED25519 = 0x0807;

export const ed25519Points = vectorSuite({
  name: "C2SP CCTV: Ed25519 points (made by its description)",
  source: "C2SP/CCTV 3ec4d71, ed25519/README.md; keys, nonces and messages of our own",
  atLeast: 768,
  async cases(_length, alter) {
    const h = await loadHarness("signatures");
    return pointCases().map((it): VectorCase => {
      const key = it.publicKey.encoding;
      const signature = alter(it.signature);
      return {
        name: it.name,
        expected: expected(it),
        find() {
          h.write(key);
          h.write(it.message, key.length);
          h.write(signature, key.length + it.message.length);
          return h.call.verify!(ED25519, key.length, it.message.length, signature.length) === 1 ? ACCEPTED : REFUSED;
        },
      };
    });
  },
});

function expected({ publicKey, commitment, hasResidue }: PointCase): "valid" | "invalid" {
  return isStrict(publicKey) && isStrict(commitment) && !hasResidue ? "valid" : "invalid";
}

const isStrict = ({ isCanonical, prime }: PointKind) => isCanonical && prime !== 0n;
