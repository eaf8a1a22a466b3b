/**
 * P-256 in the guest (as wasm in this process) beside @noble/curves, which has targets, and node:crypto (OpenSSL's
 * assembly), which has none.
 */
import { createECDH, createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { loadHarness } from "../support/harness.ts";
import { type Comparison, compare } from "./measure.ts";

const TARGET = 3;

/** One row an operation and peer. The inputs are fixed, so that two runs measure the same work. */
export async function rows(): Promise<Comparison[]> {
  const guest = await loadHarness("p256");
  const secret = digestOf("our private key");
  const theirs = digestOf("their private key");
  const digest = digestOf("what is signed");
  const peer = p256.getPublicKey(theirs, false);
  const key = p256.getPublicKey(secret, false);
  const signature = p256.sign(digest, secret, { prehash: false });
  const node = nodeKeys(secret, key);
  const nodeSignature = sign(null, digest, node.privateKey);

  guest.write(Buffer.concat([secret, peer]));
  const ecdh = () => {
    if (!guest.call.sharedSecret!(65, 32)) throw new Error("our shared secret failed");
  };
  const publicKey = () => guest.call.publicKey!(32, 65);
  const ecdhRows = [
    compare("P-256 ECDH", ecdh, { name: "@noble/curves", run: () => p256.getSharedSecret(secret, peer) }, TARGET),
    compare("P-256 ECDH", ecdh, { name: "node:crypto", run: () => node.ecdh.computeSecret(peer) }),
    compare(
      "P-256 public key",
      publicKey,
      { name: "@noble/curves", run: () => p256.getPublicKey(secret, false) },
      TARGET,
    ),
    compare("P-256 public key (node: new pair)", publicKey, {
      name: "node:crypto",
      run: () => createECDH("prime256v1").generateKeys(),
    }),
  ];

  guest.write(Buffer.concat([secret, digest]));
  const signing = () => guest.call.sign!(32, 0, 64);
  const signRows = [
    compare(
      "P-256 ECDSA sign",
      signing,
      { name: "@noble/curves", run: () => p256.sign(digest, secret, { prehash: false }) },
      TARGET,
    ),
    compare("P-256 ECDSA sign", signing, { name: "node:crypto", run: () => sign(null, digest, node.privateKey) }),
  ];

  guest.write(Buffer.concat([digest, signature, key]));
  const verifying = () => {
    if (!guest.call.verify!(32, 64, 65)) throw new Error("our verification failed");
  };
  const verifyRows = [
    compare(
      "P-256 ECDSA verify",
      verifying,
      { name: "@noble/curves", run: () => p256.verify(signature, digest, key, { prehash: false }) },
      TARGET,
    ),
    compare("P-256 ECDSA verify", verifying, {
      name: "node:crypto",
      run: () => {
        if (!verify(null, digest, node.publicKey, nodeSignature)) throw new Error("node's verification failed");
      },
    }),
  ];
  return [...ecdhRows, ...signRows, ...verifyRows];
}

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function nodeKeys(secret: Uint8Array, key: Uint8Array) {
  const coordinate = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  const jwk = {
    ...{ kty: "EC", crv: "P-256", d: coordinate(secret) },
    ...{ x: coordinate(key.subarray(1, 33)), y: coordinate(key.subarray(33)) },
  };
  const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(secret);
  return { privateKey, publicKey: createPublicKey(privateKey), ecdh };
}
