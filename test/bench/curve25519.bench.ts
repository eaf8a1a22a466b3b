/** Curve25519 in the guest beside @noble/curves and, for the scale of things, node:crypto (OpenSSL, native code). */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign as nodeSign,
  verify as nodeVerify,
  randomBytes,
} from "node:crypto";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { loadHarness } from "../support/harness.ts";
import { type Comparison, compare } from "./measure.ts";

const NOBLE = "@noble/curves";
const OPENSSL = "node:crypto";

export async function rows(): Promise<Comparison[]> {
  const { call, write } = await loadHarness("curve25519");
  const scalar = Uint8Array.from(randomBytes(32));
  const peer = x25519.getPublicKey(Uint8Array.from(randomBytes(32)));
  const edPublic = ed25519.getPublicKey(scalar);
  const message = Uint8Array.from(randomBytes(130)); // as long as what a CertificateVerify signs with SHA-256
  const signature = ed25519.sign(message, scalar);
  const nodeX = {
    privateKey: privateKey("302e020100300506032b656e04220420", scalar),
    publicKey: publicKey("302a300506032b656e032100", peer),
  };
  const nodeSecret = privateKey("302e020100300506032b657004220420", scalar);
  const nodeKey = publicKey("302a300506032b6570032100", edPublic);

  const ecdh = () => {
    write(scalar);
    write(peer, 32);
    if (call.shared!(32, 32, 32) !== 1) throw new Error("x25519 refused a good key");
  };
  const base = () => {
    write(scalar);
    call.base!(32, 32);
  };
  const signing = () => {
    write(scalar);
    write(edPublic, 32);
    write(message, 64);
    call.sign!(32, 32, message.length, 64);
  };
  const verifying = () => {
    write(edPublic);
    write(signature, 32);
    write(message, 96);
    if (call.verify!(32, 64, message.length) !== 1) throw new Error("ed25519 refused a good signature");
  };
  const noble = (run: () => unknown) => ({ name: NOBLE, run: () => void run() });
  const openssl = (run: () => unknown) => ({ name: OPENSSL, run: () => void run() });

  return [
    compare(
      "x25519 shared secret",
      ecdh,
      noble(() => x25519.getSharedSecret(scalar, peer)),
      3,
    ),
    compare(
      "x25519 public key",
      base,
      noble(() => x25519.getPublicKey(scalar)),
      3,
    ),
    compare(
      "x25519 both (one handshake)",
      () => {
        base();
        ecdh();
      },
      noble(() => [x25519.getPublicKey(scalar), x25519.getSharedSecret(scalar, peer)]),
      3,
    ),
    compare(
      "ed25519 sign",
      signing,
      noble(() => ed25519.sign(message, scalar)),
      3,
    ),
    compare(
      "ed25519 verify",
      verifying,
      noble(() => ed25519.verify(signature, message, edPublic)),
      3,
    ),
    compare(
      "x25519 shared secret",
      ecdh,
      openssl(() => diffieHellman(nodeX)),
    ),
    compare(
      "ed25519 sign",
      signing,
      openssl(() => nodeSign(null, message, nodeSecret)),
    ),
    compare(
      "ed25519 verify",
      verifying,
      openssl(() => nodeVerify(null, message, nodeKey, signature)),
    ),
  ];
}

function privateKey(prefix: string, raw: Uint8Array) {
  return createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), raw]), format: "der", type: "pkcs8" });
}

function publicKey(prefix: string, raw: Uint8Array) {
  return createPublicKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), raw]), format: "der", type: "spki" });
}
