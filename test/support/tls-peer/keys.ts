/**
 * The keys of TLS 1.3 (RFC 8446 §7) for the tests' own peer, over node:crypto: cipher suites, HKDF, key exchange, and record
 * protection with every knob that a hostile peer wants to turn.
 */
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomBytes,
} from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { GROUP, ML_KEM, record, TYPE, uint, vector } from "./wire.ts";

export interface Suite {
  number: number;
  name: string;
  hash: "sha256" | "sha384";
  cipher: CipherGCMTypes;
  keyLength: number;
}

export const SUITES: readonly Suite[] = [
  { number: 0x1301, name: "TLS_AES_128_GCM_SHA256", hash: "sha256", cipher: "aes-128-gcm", keyLength: 16 },
  { number: 0x1302, name: "TLS_AES_256_GCM_SHA384", hash: "sha384", cipher: "aes-256-gcm", keyLength: 32 },
  {
    number: 0x1303,
    name: "TLS_CHACHA20_POLY1305_SHA256",
    hash: "sha256",
    cipher: "chacha20-poly1305" as CipherGCMTypes,
    keyLength: 32,
  },
];

export function suiteOf(number: number): Suite {
  const suite = SUITES.find((known) => known.number === number);
  if (suite === undefined) throw new Error(`the door chose suite 0x${number.toString(16)}`);
  return suite;
}

export function hashLength(suite: Suite): number {
  return suite.hash === "sha256" ? 32 : 48;
}

export function digest(suite: Suite, ...parts: Uint8Array[]): Buffer {
  const hash = createHash(suite.hash);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hmac(suite: Suite, key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac(suite.hash, key).update(data).digest();
}

export function expandLabel(
  suite: Suite,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Buffer {
  const info = Buffer.concat([uint(2, length), vector(1, Buffer.from(`tls13 ${label}`)), vector(1, context)]);
  let out: Buffer = Buffer.alloc(0);
  let block: Buffer = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    block = hmac(suite, secret, Buffer.concat([block, info, Buffer.from([i])]));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

/** All secrets of a connection, as far as they are known. */
export class Secrets {
  readonly handshake: Buffer;
  readonly master: Buffer;

  constructor(
    readonly suite: Suite,
    readonly shared: Buffer,
  ) {
    const zeros = Buffer.alloc(hashLength(suite));
    const early = hmac(suite, zeros, zeros);
    this.handshake = hmac(suite, this.derived(early), shared);
    this.master = hmac(suite, this.derived(this.handshake), zeros);
  }

  traffic(of: "handshake" | "application", side: "client" | "server", transcriptHash: Buffer): Buffer {
    const label = `${side[0]} ${of === "handshake" ? "hs" : "ap"} traffic`;
    const secret = of === "handshake" ? this.handshake : this.master;
    return expandLabel(this.suite, secret, label, transcriptHash, hashLength(this.suite));
  }

  private derived(secret: Buffer): Buffer {
    return expandLabel(this.suite, secret, "derived", digest(this.suite), hashLength(this.suite));
  }
}

/** The traffic secret that follows `secret` after KeyUpdate (§7.2). */
export function nextSecret(suite: Suite, secret: Uint8Array): Buffer {
  return expandLabel(suite, secret, "traffic upd", Buffer.alloc(0), hashLength(suite));
}

export function verifyData(suite: Suite, trafficSecret: Buffer, transcriptHash: Buffer): Buffer {
  const key = expandLabel(suite, trafficSecret, "finished", Buffer.alloc(0), hashLength(suite));
  return hmac(suite, key, transcriptHash);
}

export interface SealOptions {
  /** Zero bytes after the inner content type. */
  padding?: number;
  /** Outer content type instead of application_data. */
  outerType?: number;
  /** Leave the inner content type out: the plaintext is `content` as it is. */
  bare?: boolean;
}

/** Record protection in one direction. */
export class TrafficKeys {
  readonly key: Buffer;
  readonly iv: Buffer;
  private sequence = 0n;

  constructor(
    private readonly suite: Suite,
    readonly secret: Buffer,
  ) {
    this.key = expandLabel(suite, secret, "key", Buffer.alloc(0), suite.keyLength);
    this.iv = expandLabel(suite, secret, "iv", Buffer.alloc(0), 12);
  }

  seal(type: number, content: Uint8Array, options: SealOptions = {}): Buffer {
    const inner = options.bare
      ? Buffer.from(content)
      : Buffer.concat([content, Buffer.from([type]), Buffer.alloc(options.padding ?? 0)]);
    const header = record(options.outerType ?? TYPE.data, Buffer.alloc(inner.length + 16)).subarray(0, 5);
    const cipher = createCipheriv(this.suite.cipher, this.key, this.nonce(), { authTagLength: 16 });
    cipher.setAAD(header);
    this.sequence += 1n;
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }

  /** Takes a whole record; throws when it is not authentic, and then the next one is expected under the same number. */
  open(sealed: Buffer): { type: number; content: Buffer } {
    const decipher = createDecipheriv(this.suite.cipher, this.key, this.nonce(), { authTagLength: 16 });
    decipher.setAAD(sealed.subarray(0, 5));
    decipher.setAuthTag(sealed.subarray(-16));
    const inner = Buffer.concat([decipher.update(sealed.subarray(5, -16)), decipher.final()]);
    this.sequence += 1n;
    let end = inner.length;
    while (inner[end - 1] === 0) end--;
    return { type: inner[end - 1]!, content: inner.subarray(0, end - 1) };
  }

  private nonce(): Buffer {
    const nonce = Buffer.from(this.iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.sequence, 4);
    return nonce;
  }
}

/** A key share of ours and the agreement with the peer's. */
export interface KeyPair {
  group: number;
  publicKey: Buffer;
  agree(peer: Buffer): Buffer;
}

/** Where keys come from: `length` random bytes; a generator's own where a connection is to be repeated. */
export type Randomness = (length: number) => Uint8Array;

/** A server's share of `group` for a client's, and the secret that they make. */
export function answerKey(
  group: number,
  peer: Buffer,
  random: Randomness = randomBytes,
): { share: Buffer; shared: Buffer } {
  if (group !== GROUP.hybrid) {
    const pair = makeKeyPair(group, random);
    return { share: pair.publicKey, shared: pair.agree(peer) };
  }
  const kem = ml_kem768.encapsulate(peer.subarray(0, ML_KEM.key), random(32));
  const curve = answerKey(GROUP.x25519, peer.subarray(ML_KEM.key), random);
  return {
    share: Buffer.concat([kem.cipherText, curve.share]),
    shared: Buffer.concat([kem.sharedSecret, curve.shared]),
  };
}

function makeHybrid(random: Randomness): KeyPair {
  const kem = ml_kem768.keygen(random(64));
  const curve = makeKeyPair(GROUP.x25519, random);
  return {
    group: GROUP.hybrid,
    publicKey: Buffer.concat([kem.publicKey, curve.publicKey]),
    agree: (peer) =>
      Buffer.concat([
        ml_kem768.decapsulate(peer.subarray(0, ML_KEM.ciphertext), kem.secretKey),
        curve.agree(peer.subarray(ML_KEM.ciphertext)),
      ]),
  };
}

export function makeKeyPair(group: number, random: Randomness = randomBytes): KeyPair {
  if (group === GROUP.hybrid) return makeHybrid(random);
  if (group === GROUP.p256) {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(random(32));
    return { group, publicKey: ecdh.getPublicKey(), agree: (peer) => ecdh.computeSecret(peer) };
  }
  const key = Buffer.concat([X25519_PKCS8, random(32)]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  return {
    group,
    publicKey: createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(X25519_SPKI.length),
    agree: (peer) =>
      diffieHellman({
        privateKey,
        publicKey: createPublicKey({ key: Buffer.concat([X25519_SPKI, peer]), format: "der", type: "spki" }),
      }),
  };
}

/** What stands before the 32 bytes of an X25519 key (RFC 8410). */
const X25519_PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
