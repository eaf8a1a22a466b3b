/**
 * The key schedule (RFC 8446 §7.1) in stages: EarlySecret → HandshakeSecret → MasterSecret. Each stage is made by the one
 * before it, which is wiped by that, so a secret cannot be used out of order or twice. Traffic secrets make their own
 * record protection (§7.3) and Finished value (§4.4.4).
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { NONCE_LENGTH } from "../crypto/aead";
import { Hkdf } from "../crypto/hkdf";
import { Protection } from "./record/protection";
import { Suite } from "./suite";

/** What all stages share: the suite and its HKDF. */
@final
class Derivation {
  readonly hkdf: Hkdf;

  constructor(readonly suite: Suite) {
    this.hkdf = new Hkdf(suite.newHash());
  }

  /** Derive-Secret (§7.1): `transcriptHash` is that of the messages up to here. */
  deriveSecret(secret: Bytes, label: Bytes, transcriptHash: Bytes): Bytes {
    const out = Bytes.alloc(this.hkdf.length);
    this.hkdf.expandLabel(secret, label, transcriptHash, out);
    return out;
  }

  /** HKDF-Extract with the "derived" secret of the stage before as salt; wipes that stage's secret. */
  nextSecret(secret: Bytes, input: Bytes): Bytes {
    const hash = this.suite.newHash();
    const empty = Bytes.alloc(hash.length);
    hash.digest(empty);
    const salt = this.deriveSecret(secret, DERIVED, empty);
    secret.wipe();
    const out = Bytes.alloc(this.hkdf.length);
    this.hkdf.extract(salt, input, out);
    salt.wipe();
    return out;
  }

  zeros(): Bytes {
    return Bytes.alloc(this.hkdf.length);
  }
}

/** The first stage; without a pre-shared key, its input is zeros. */
@final
export class EarlySecret {
  private derivation: Derivation;
  private secret: Bytes;

  constructor(suite: Suite) {
    const derivation = new Derivation(suite);
    const secret = derivation.zeros();
    derivation.hkdf.extract(derivation.zeros(), derivation.zeros(), secret);
    this.derivation = derivation;
    this.secret = secret;
  }

  /** The next stage, from the Diffie-Hellman secret, which is wiped. */
  handshake(shared: Bytes): HandshakeSecret {
    const secret = this.derivation.nextSecret(this.secret, shared);
    shared.wipe();
    return new HandshakeSecret(this.derivation, secret);
  }
}

@final
export class HandshakeSecret {
  /** Made by {@link EarlySecret} only. */
  constructor(
    private derivation: Derivation,
    private secret: Bytes,
  ) {}

  /** `transcriptHash`: ClientHello…ServerHello. */
  clientTraffic(transcriptHash: Bytes): TrafficSecret {
    return traffic(this.derivation, this.secret, CLIENT_HANDSHAKE, transcriptHash);
  }

  serverTraffic(transcriptHash: Bytes): TrafficSecret {
    return traffic(this.derivation, this.secret, SERVER_HANDSHAKE, transcriptHash);
  }

  /** The last stage; this one is wiped. */
  master(): MasterSecret {
    const secret = this.derivation.nextSecret(this.secret, this.derivation.zeros());
    return new MasterSecret(this.derivation, secret);
  }

  wipe(): void {
    this.secret.wipe();
  }
}

@final
export class MasterSecret {
  /** Made by {@link HandshakeSecret} only. */
  constructor(
    private derivation: Derivation,
    private secret: Bytes,
  ) {}

  /** `transcriptHash`: ClientHello…server Finished. */
  clientTraffic(transcriptHash: Bytes): TrafficSecret {
    return traffic(this.derivation, this.secret, CLIENT_APPLICATION, transcriptHash);
  }

  serverTraffic(transcriptHash: Bytes): TrafficSecret {
    return traffic(this.derivation, this.secret, SERVER_APPLICATION, transcriptHash);
  }

  wipe(): void {
    this.secret.wipe();
  }
}

/** A secret of one direction and epoch. */
@final
export class TrafficSecret {
  /** Made by the stages only. */
  constructor(
    private derivation: Derivation,
    private secret: Bytes,
  ) {}

  /** The record protection of this direction (§7.3), at sequence number 0. */
  protection(): Protection {
    const suite = this.derivation.suite;
    const hkdf = this.derivation.hkdf;
    const key = Bytes.alloc(suite.keyLength);
    const iv = Bytes.alloc(NONCE_LENGTH);
    hkdf.expandLabel(this.secret, KEY, NOTHING, key);
    hkdf.expandLabel(this.secret, IV, NOTHING, iv);
    const aead = suite.newAead(key);
    key.wipe();
    return new Protection(aead, iv);
  }

  /**
   * After the peer's KeyUpdate (§7.2): this becomes the next secret of its direction, and `protection`, which the one before
   * made, goes on under its key. Nothing stays allocated.
   */
  update(protection: Protection): void {
    const hkdf = this.derivation.hkdf;
    hkdf.expandLabel(this.secret, UPDATE, NOTHING, this.secret);
    const scope = mark();
    const key = Bytes.alloc(this.derivation.suite.keyLength);
    const iv = Bytes.alloc(NONCE_LENGTH);
    hkdf.expandLabel(this.secret, KEY, NOTHING, key);
    hkdf.expandLabel(this.secret, IV, NOTHING, iv);
    protection.rekey(key, iv);
    release(scope);
  }

  /** verify_data of a Finished message (§4.4.4): HMAC(finished_key, `transcriptHash`). */
  verifyData(transcriptHash: Bytes): Bytes {
    const hkdf = this.derivation.hkdf;
    const key = Bytes.alloc(hkdf.length);
    const out = Bytes.alloc(hkdf.length);
    hkdf.expandLabel(this.secret, FINISHED, NOTHING, key);
    // HKDF-Extract is HMAC with the salt as key.
    hkdf.extract(key, transcriptHash, out);
    key.wipe();
    return out;
  }

  wipe(): void {
    this.secret.wipe();
  }
}

function traffic(derivation: Derivation, secret: Bytes, label: Bytes, transcriptHash: Bytes): TrafficSecret {
  return new TrafficSecret(derivation, derivation.deriveSecret(secret, label, transcriptHash));
}

const DERIVED = Bytes.ascii("derived");
const CLIENT_HANDSHAKE = Bytes.ascii("c hs traffic");
const SERVER_HANDSHAKE = Bytes.ascii("s hs traffic");
const CLIENT_APPLICATION = Bytes.ascii("c ap traffic");
const SERVER_APPLICATION = Bytes.ascii("s ap traffic");
const UPDATE = Bytes.ascii("traffic upd");
const FINISHED = Bytes.ascii("finished");
const KEY = Bytes.ascii("key");
const IV = Bytes.ascii("iv");
const NOTHING = Bytes.alloc(0);
