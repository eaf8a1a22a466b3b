/**
 * Chain: a peer's certificate chain and its judgement (RFC 5280 §6.1, for one trust anchor and no policies).
 *
 * The path is the chain in the order given: leaf first, each issued by the next, the last by the anchor; the anchor
 * itself may be appended. Nothing is searched for, so the work is bounded whatever names a peer writes: at most
 * {@link MAX_CERTIFICATES} are parsed, everything that is cheap is checked before any signature, and each certificate
 * costs at most one signature verification, from the anchor down, so that a foreign chain costs one.
 *
 * Stricter than RFC 5280 where a private CA allows it: keyUsage is required of every certificate and extKeyUsage of a
 * leaf; an extKeyUsage of a CA binds what it issues; self-issued certificates count for the path length; the anchor
 * has to be valid now too.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { Role } from "../role";
import { Reader } from "../wire/reader";
import { Certificate } from "./certificate";
import { CLIENT_AUTH, DIGITAL_SIGNATURE, KEY_CERT_SIGN, SERVER_AUTH } from "./extensions";
import { verifySignature } from "./signature";
import { fromUnixSeconds } from "./time";

/** Certificates in a chain, an appended anchor included. */
export const MAX_CERTIFICATES: u32 = 4;
/** Bytes of a chain, lengths included. */
export const MAX_CHAIN_LENGTH: u32 = 16384;

@final
export class Chain {
  private certificates: StaticArray<Certificate> = newCertificates(<i32>MAX_CERTIFICATES);
  private count: u32 = 0;

  /** Certificates read; without an appended anchor after {@link check}. */
  get length(): u32 {
    return this.count;
  }

  /** The peer's own certificate; only what was read of it before a failure. */
  get leaf(): Certificate {
    return this.certificates[0];
  }

  /**
   * Reads a sequence of `u24 length ‖ DER`, whose bytes must stay as they are while this object is used. Each
   * certificate is in form afterwards, or the failure of the first that is not is returned.
   */
  read(bytes: Bytes): Failure {
    this.count = 0;
    this.leaf.reset();
    if (bytes.length == 0) return Failure.CertificateMissing;
    if (bytes.length > MAX_CHAIN_LENGTH) return Failure.CertificatePathTooLong;
    const reader = new Reader(bytes);
    while (reader.remaining > 0) {
      const der = reader.vector24(1, MAX_CHAIN_LENGTH);
      if (reader.failed) return Failure.CertificateMalformed;
      if (this.count == MAX_CERTIFICATES) return Failure.CertificatePathTooLong;
      const failure = this.certificates[this.count].parse(der);
      if (failure != Failure.None) return failure;
      this.count += 1;
    }
    return Failure.None;
  }

  /** Everything that costs no signature, at `now` (seconds since 1970), for a peer in `role`. */
  check(anchor: Certificate, role: Role, now: u64): Failure {
    const failure = this.checkForm(anchor, role);
    return failure != Failure.None ? failure : this.checkTimes(anchor, now);
  }

  /** The part of {@link check} that does not depend on the time: issuers, purposes, lengths. */
  checkForm(anchor: Certificate, role: Role): Failure {
    if (this.count == 0) return Failure.CertificateMissing;
    if (this.certificates[this.count - 1].raw.equals(anchor.raw)) this.count -= 1;
    if (this.count == 0) return Failure.CertificateIsAuthority;
    if (this.hasTwice(anchor)) return Failure.CertificateNameMismatch;
    for (let i: u32 = 0; i < this.count; i++) {
      if (this.certificates[i].issuer.equals(this.issuerOf(i, anchor).subject)) continue;
      return i + 1 == this.count ? Failure.CertificateUnknownAuthority : Failure.CertificateNameMismatch;
    }
    const purpose = role == Role.Server ? SERVER_AUTH : CLIENT_AUTH;
    const failure = checkLeaf(this.leaf, purpose);
    if (failure != Failure.None) return failure;
    for (let i: u32 = 0; i < this.count; i++) {
      const refused = checkAuthority(this.issuerOf(i, anchor), i, purpose);
      if (refused != Failure.None) return refused;
      if (this.certificates[i].signedWith != this.issuerOf(i, anchor).scheme) return Failure.CertificateSignatureWrong;
    }
    return Failure.None;
  }

  /** Verifies every signature, from the anchor down. Only after {@link check} found nothing. */
  verify(anchor: Certificate): Failure {
    for (let i = this.count; i > 0; i--) {
      const certificate = this.certificates[i - 1];
      const issuer = this.issuerOf(i - 1, anchor);
      if (!verifySignature(certificate.signedWith, issuer.publicKey, certificate.signed, certificate.signature)) {
        return Failure.CertificateSignatureWrong;
      }
    }
    return Failure.None;
  }

  private checkTimes(anchor: Certificate, now: u64): Failure {
    const at = fromUnixSeconds(now);
    for (let i: u32 = 0; i <= this.count; i++) {
      const certificate = i < this.count ? this.certificates[i] : anchor;
      if (at < certificate.notBefore) return Failure.CertificateNotYetValid;
      if (at > certificate.notAfter) return Failure.CertificateExpired;
    }
    return Failure.None;
  }

  /** RFC 5280 §6.1: "A certificate MUST NOT appear more than once in a prospective certification path." */
  private hasTwice(anchor: Certificate): bool {
    for (let i: u32 = 0; i < this.count; i++) {
      for (let j = i; j < this.count; j++) {
        if (this.certificates[i].raw.equals(this.issuerOf(j, anchor).raw)) return true;
      }
    }
    return false;
  }

  private issuerOf(i: u32, anchor: Certificate): Certificate {
    return i + 1 < this.count ? this.certificates[i + 1] : anchor;
  }
}

/** Whether `certificate` may sign certificates: what is asked of the anchor and of every certificate between. */
export function isAuthority(certificate: Certificate): bool {
  return certificate.extensions.isAuthority && (certificate.extensions.keyUsage & KEY_CERT_SIGN) != 0;
}

function checkLeaf(leaf: Certificate, purpose: u32): Failure {
  const extensions = leaf.extensions;
  if (extensions.isAuthority) return Failure.CertificateIsAuthority;
  // RFC 5280 §4.2.1.3: what is no CA must not claim to sign certificates.
  const signs = (extensions.keyUsage & DIGITAL_SIGNATURE) != 0 && (extensions.keyUsage & KEY_CERT_SIGN) == 0;
  return signs && (extensions.purposes & purpose) != 0 ? Failure.None : Failure.CertificatePurposeWrong;
}

/** Whether `issuer` may stand above `below` CA certificates and a leaf for `purpose`. */
function checkAuthority(issuer: Certificate, below: u32, purpose: u32): Failure {
  const extensions = issuer.extensions;
  if (!extensions.isAuthority) return Failure.CertificateNotAuthority;
  if (!isAuthority(issuer)) return Failure.CertificatePurposeWrong;
  if (extensions.hasPurposes && (extensions.purposes & purpose) == 0) return Failure.CertificatePurposeWrong;
  return below > extensions.pathLength ? Failure.CertificatePathTooLong : Failure.None;
}

function newCertificates(count: i32): StaticArray<Certificate> {
  const certificates = new StaticArray<Certificate>(count);
  for (let i = 0; i < count; i++) certificates[i] = new Certificate();
  return certificates;
}
