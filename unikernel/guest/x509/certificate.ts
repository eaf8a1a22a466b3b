/**
 * Certificate: one X.509 v3 certificate (RFC 5280 §4.1), parsed strictly into views of its own bytes.
 *
 * Accepts only the profile of a private CA: version 3, P-256 or P-384 (uncompressed point) or Ed25519 keys, signed with
 * ecdsa-with-SHA256, ecdsa-with-SHA384 or Ed25519. Nothing is judged here but form; x509/path.ts judges time, purpose and issuer. Any input
 * gives an answer: parsing never traps, never allocates, and takes time linear in the length.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { BIT_STRING, CONTEXT, CONTEXT_CONSTRUCTED, Der, SEQUENCE } from "./der";
import { Extensions } from "./extensions";
import {
  ECDSA_WITH_SHA256_ALGORITHM,
  ECDSA_WITH_SHA384_ALGORITHM,
  ED25519_ALGORITHM,
  MD5_WITH_RSA,
  P256_KEY_ALGORITHM,
  P384_KEY_ALGORITHM,
} from "./identifiers";
import { isEmptyName, readName } from "./names";
import {
  ECDSA_SECP256R1_SHA256,
  ECDSA_SECP384R1_SHA384,
  ED25519,
  ED25519_PUBLIC_KEY_LENGTH,
  NO_SCHEME,
  P256_PUBLIC_KEY_LENGTH,
  P384_PUBLIC_KEY_LENGTH,
} from "./signature";
import { readTime } from "./time";

@final
export class Certificate {
  /** The whole certificate, DER. */
  readonly raw: Bytes = Bytes.empty();
  /** What the issuer signed, DER. */
  readonly signed: Bytes = Bytes.empty();
  /** Names, DER. `subject` is set as soon as it was read, also when something after it is refused. */
  readonly issuer: Bytes = Bytes.empty();
  readonly subject: Bytes = Bytes.empty();
  /** The public key: 65 bytes for P-256, 97 for P-384, 32 for Ed25519. */
  readonly publicKey: Bytes = Bytes.empty();
  /** The issuer's signature: DER for ECDSA, 64 bytes for Ed25519; its inside is not looked at before it is verified. */
  readonly signature: Bytes = Bytes.empty();
  /** SignatureScheme of the key in this certificate. */
  scheme: u32 = NO_SCHEME;
  /** SignatureScheme of the issuer's signature on it. */
  signedWith: u32 = NO_SCHEME;
  /** Times as in x509/time.ts; both ends are inside. */
  notBefore: u64 = 0;
  notAfter: u64 = 0;
  readonly extensions: Extensions = new Extensions();

  private refusal: Failure = Failure.None;

  /**
   * Parses `bytes`, which must stay as they are while this object is used. `Failure.None`, or: CertificateMalformed (not
   * the DER of a certificate), CertificateUnsupported (version or algorithm), CertificateSignatureWrong (MD5),
   * CertificateCriticalExtension.
   */
  parse(bytes: Bytes): Failure {
    this.reset();
    this.raw.aim(bytes, 0, bytes.length);
    const der = CERTIFICATE;
    der.open(bytes);
    der.enter(SEQUENCE);
    const start = der.offset;
    der.enter(SEQUENCE);
    this.readSigned(der);
    der.leave();
    der.span(start, this.signed);
    der.whole(SEQUENCE, ALGORITHM);
    // RFC 5280 §4.1.1.2: the same identifier, inside and outside of what is signed.
    if (!ALGORITHM.equals(INNER_ALGORITHM)) der.fail();
    der.wholeBits(this.signature);
    der.leave();
    return der.done ? this.refusal : Failure.CertificateMalformed;
  }

  /** TBSCertificate (RFC 5280 §4.1.2), inside its SEQUENCE. */
  private readSigned(der: Der): void {
    this.readVersion(der);
    der.integer(VALUE);
    // §4.1.2.2: positive, at most 20 bytes. A zero is one byte.
    if (VALUE.length > MAX_SERIAL_LENGTH || (VALUE.length == 1 && VALUE[0] == 0)) der.fail();
    der.whole(SEQUENCE, INNER_ALGORITHM);
    this.signedWith = signatureAlgorithm(INNER_ALGORITHM);
    if (this.signedWith == NO_SCHEME) this.refuse(refusedAlgorithm(INNER_ALGORITHM));
    readName(der, this.issuer);
    if (isEmptyName(this.issuer)) der.fail();
    der.enter(SEQUENCE);
    this.notBefore = readTime(der);
    this.notAfter = readTime(der);
    der.leave();
    readName(der, this.subject);
    this.readPublicKey(der);
    // §4.1.2.8: the unique identifiers, which no CA of today writes.
    if (der.peek() == CONTEXT + 1 || der.peek() == CONTEXT + 2) this.refuse(Failure.CertificateUnsupported);
    if (der.peek() == CONTEXT + 1) der.skip();
    if (der.peek() == CONTEXT + 2) der.skip();
    if (der.more) {
      der.enter(CONTEXT_CONSTRUCTED + 3);
      this.refuse(this.extensions.read(der));
      der.leave();
    }
  }

  /** §4.1.2.1: version 1 is the default, so that DER does not write it; 2 means version 3. */
  private readVersion(der: Der): void {
    let version: u32 = 0;
    if (der.peek() == CONTEXT_CONSTRUCTED) {
      der.enter(CONTEXT_CONSTRUCTED);
      version = der.smallInteger();
      der.leave();
      if (version == 0) der.fail();
    }
    if (version != 2) this.refuse(Failure.CertificateUnsupported);
  }

  /** SubjectPublicKeyInfo (§4.1.2.7; RFC 5480 §2, RFC 8410 §4). */
  private readPublicKey(der: Der): void {
    der.enter(SEQUENCE);
    der.whole(SEQUENCE, ALGORITHM);
    const key = this.publicKey;
    if (ALGORITHM.equals(P256_KEY_ALGORITHM)) {
      this.readPoint(der, P256_PUBLIC_KEY_LENGTH, ECDSA_SECP256R1_SHA256);
    } else if (ALGORITHM.equals(P384_KEY_ALGORITHM)) {
      this.readPoint(der, P384_PUBLIC_KEY_LENGTH, ECDSA_SECP384R1_SHA384);
    } else if (ALGORITHM.equals(ED25519_ALGORITHM)) {
      der.wholeBits(key);
      if (key.length != ED25519_PUBLIC_KEY_LENGTH) der.fail();
      this.scheme = ED25519;
    } else {
      der.value(BIT_STRING, VALUE);
      this.refuse(Failure.CertificateUnsupported);
    }
    der.leave();
  }

  /** RFC 5480 §2.2: the uncompressed form, which is the only one of TLS too. */
  private readPoint(der: Der, length: u32, scheme: u32): void {
    der.wholeBits(this.publicKey);
    if (this.publicKey.length == length && this.publicKey[0] == UNCOMPRESSED) this.scheme = scheme;
    else this.refuse(Failure.CertificateUnsupported);
  }

  /** The first refusal is the one to report. */
  private refuse(failure: Failure): void {
    if (this.refusal == Failure.None) this.refusal = failure;
  }

  /** Forgets an earlier certificate. */
  reset(): void {
    this.raw.aim(NOTHING, 0, 0);
    this.signed.aim(NOTHING, 0, 0);
    this.issuer.aim(NOTHING, 0, 0);
    this.subject.aim(NOTHING, 0, 0);
    this.publicKey.aim(NOTHING, 0, 0);
    this.signature.aim(NOTHING, 0, 0);
    this.scheme = NO_SCHEME;
    this.signedWith = NO_SCHEME;
    this.notBefore = 0;
    this.notAfter = 0;
    this.refusal = Failure.None;
    this.extensions.reset();
  }
}

/** The scheme of an AlgorithmIdentifier in a signature, or NO_SCHEME. None has parameters (RFC 5758 §3.2, RFC 8410 §3). */
function signatureAlgorithm(identifier: Bytes): u32 {
  if (identifier.equals(ECDSA_WITH_SHA256_ALGORITHM)) return ECDSA_SECP256R1_SHA256;
  if (identifier.equals(ECDSA_WITH_SHA384_ALGORITHM)) return ECDSA_SECP384R1_SHA384;
  if (identifier.equals(ED25519_ALGORITHM)) return ED25519;
  return NO_SCHEME;
}

/**
 * Why a signature algorithm that is none of ours is refused. One with MD5 proves nothing: RFC 8446 §4.4.2.4 wants bad_certificate
 * for it, and not unsupported_certificate.
 */
function refusedAlgorithm(identifier: Bytes): Failure {
  const length = MD5_WITH_RSA.length;
  const isMd5 = identifier.length >= 2 + length && VALUE.aim(identifier, 2, length).equals(MD5_WITH_RSA);
  return isMd5 ? Failure.CertificateSignatureWrong : Failure.CertificateUnsupported;
}

const MAX_SERIAL_LENGTH: u32 = 20;
const UNCOMPRESSED: u8 = 0x04;

const NOTHING = Bytes.empty();
const CERTIFICATE = new Der();
const VALUE = Bytes.empty();
const ALGORITHM = Bytes.empty();
const INNER_ALGORITHM = Bytes.empty();
