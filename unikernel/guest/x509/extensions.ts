/**
 * Certificate extensions (RFC 5280 §4.2): the ones of our profile parsed strictly, each at most once; any other is
 * passed over, or refuses the certificate when it is critical or constrains a path.
 *
 * basicConstraints, keyUsage and extKeyUsage decide; subjectAltName and the two key identifiers are only checked for
 * form: a peer is who its chain says, no name or hint picks the path.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { BOOLEAN, CONTEXT, CONTEXT_CONSTRUCTED, Der, OCTET_STRING, SEQUENCE } from "./der";
import { ID_CLIENT_AUTH, ID_SERVER_AUTH } from "./identifiers";
import { isEmptyName, readName } from "./names";

/** Bits of `Extensions.keyUsage` (RFC 5280 §4.2.1.3). */
export const DIGITAL_SIGNATURE: u32 = 1;
export const KEY_CERT_SIGN: u32 = 1 << 5;

/** Bits of `Extensions.purposes` (RFC 5280 §4.2.1.12). */
export const SERVER_AUTH: u32 = 1;
export const CLIENT_AUTH: u32 = 2;

/** `Extensions.pathLength` when there is no limit. */
export const NO_PATH_LIMIT: u32 = 0xffffffff;

/** More extensions than this in one certificate refuse it: each is compared with all before it. */
export const MAX_EXTENSIONS: u32 = 32;

@final
export class Extensions {
  /** basicConstraints says that this is a CA. */
  isAuthority: bool = false;
  /** How many CA certificates may stand between this one and the leaf. */
  pathLength: u32 = NO_PATH_LIMIT;
  /** Named bits, 0 without the extension. */
  keyUsage: u32 = 0;
  hasPurposes: bool = false;
  /** The purposes that we know, of those listed; 0 without the extension. */
  purposes: u32 = 0;

  private count: u32 = 0;
  /** Something critical, or constraining, that nothing here processes. */
  private unknownCritical: bool = false;
  private identifiers: StaticArray<Bytes> = emptyViews(<i32>MAX_EXTENSIONS);

  /** Forgets an earlier certificate. */
  reset(): void {
    this.isAuthority = false;
    this.pathLength = NO_PATH_LIMIT;
    this.keyUsage = 0;
    this.hasPurposes = false;
    this.purposes = 0;
    this.count = 0;
    this.unknownCritical = false;
  }

  /** Reads `Extensions` (the SEQUENCE). Malformed ones fail the cursor; the result is for those that are well formed. */
  read(der: Der): Failure {
    der.enter(SEQUENCE);
    if (!der.more) der.fail();
    while (der.more) this.readOne(der);
    der.leave();
    // RFC 5280 §4.2.1.9: a path length is only written for a CA.
    if (this.pathLength != NO_PATH_LIMIT && !this.isAuthority) der.fail();
    return this.unknownCritical ? Failure.CertificateCriticalExtension : Failure.None;
  }

  private readOne(der: Der): void {
    if (this.count == MAX_EXTENSIONS) {
      der.fail();
      return;
    }
    const identifier = this.identifiers[this.count];
    der.enter(SEQUENCE);
    der.objectIdentifier(identifier);
    for (let i: u32 = 0; i < this.count; i++) {
      if (identifier.equals(this.identifiers[i])) der.fail();
    }
    this.count += 1;
    const critical = der.peek() == BOOLEAN;
    if (critical) der.onlyTrue();
    const known = certificateExtension(identifier);
    if (critical && isKeyIdentifier(known)) this.unknownCritical = true;
    if (known == 0) {
      der.value(OCTET_STRING, VALUE);
      if (critical || constrainsPath(identifier)) this.unknownCritical = true;
    } else {
      der.enter(OCTET_STRING);
      this.readKnown(der, known);
      der.leave();
    }
    der.leave();
  }

  private readKnown(der: Der, known: u32): void {
    if (known == BASIC_CONSTRAINTS) {
      der.enter(SEQUENCE);
      if (der.peek() == BOOLEAN) {
        der.onlyTrue();
        this.isAuthority = true;
      }
      if (der.more) this.pathLength = der.smallInteger();
      der.leave();
    } else if (known == KEY_USAGE) {
      this.keyUsage = der.namedBits();
    } else if (known == EXTENDED_KEY_USAGE) {
      this.readPurposes(der);
    } else if (known == SUBJECT_KEY_IDENTIFIER) {
      der.value(OCTET_STRING, VALUE);
    } else if (known == AUTHORITY_KEY_IDENTIFIER) {
      readAuthorityKeyIdentifier(der);
    } else {
      der.enter(SEQUENCE);
      readGeneralNames(der);
      der.leave();
    }
  }

  private readPurposes(der: Der): void {
    this.hasPurposes = true;
    der.enter(SEQUENCE);
    if (!der.more) der.fail();
    while (der.more) {
      der.objectIdentifier(VALUE);
      if (VALUE.equals(ID_SERVER_AUTH)) this.purposes |= SERVER_AUTH;
      if (VALUE.equals(ID_CLIENT_AUTH)) this.purposes |= CLIENT_AUTH;
    }
    der.leave();
  }
}

/** The number n of a known extension 2.5.29.n (55 1d n), or 0. */
function certificateExtension(identifier: Bytes): u32 {
  if (identifier.length != 3 || identifier[0] != 0x55 || identifier[1] != 0x1d) return 0;
  const which = <u32>identifier[2];
  const known =
    which == BASIC_CONSTRAINTS ||
    which == KEY_USAGE ||
    which == EXTENDED_KEY_USAGE ||
    which == SUBJECT_ALTERNATIVE_NAME ||
    which == SUBJECT_KEY_IDENTIFIER ||
    which == AUTHORITY_KEY_IDENTIFIER;
  return known ? which : 0;
}

/**
 * The two key identifiers are checked for form and not acted upon: §4.2.1.1 and §4.2.1.2 forbid to mark them critical, and §4.2 to accept
 * what is critical and not processed.
 */
function isKeyIdentifier(known: u32): bool {
  return known == SUBJECT_KEY_IDENTIFIER || known == AUTHORITY_KEY_IDENTIFIER;
}

/**
 * nameConstraints, policyConstraints, inhibitAnyPolicy (§4.2.1.10, .11, .14): what they forbid is not processed here, and to pass over one
 * would accept what its issuer ruled out. Conforming CAs mark them critical; one that is not is refused as if it were.
 */
function constrainsPath(identifier: Bytes): bool {
  if (identifier.length != 3 || identifier[0] != 0x55 || identifier[1] != 0x1d) return false;
  return (
    identifier[2] == NAME_CONSTRAINTS || identifier[2] == POLICY_CONSTRAINTS || identifier[2] == INHIBIT_ANY_POLICY
  );
}

/** RFC 5280 §4.2.1.1: `[0]` key identifier; `[1]` issuer and `[2]` serial number, both or neither. */
function readAuthorityKeyIdentifier(der: Der): void {
  der.enter(SEQUENCE);
  if (der.peek() == CONTEXT) der.value(CONTEXT, VALUE);
  if (der.peek() == CONTEXT_CONSTRUCTED + 1) {
    der.enter(CONTEXT_CONSTRUCTED + 1);
    readGeneralNames(der);
    der.leave();
    der.value(CONTEXT + 2, VALUE);
    if (VALUE.length == 0) der.fail();
  }
  der.leave();
}

/** One or more GeneralName (RFC 5280 §4.2.1.6), of every form but the two for X.400 and EDI, which fail. */
function readGeneralNames(der: Der): void {
  if (!der.more) der.fail();
  while (der.more) {
    const tag = der.peek();
    if (tag == RFC822_NAME || tag == DNS_NAME || tag == URI) {
      der.value(tag, VALUE);
      if (!isAsciiText(VALUE)) der.fail();
    } else if (tag == IP_ADDRESS) {
      der.value(tag, VALUE);
      if (VALUE.length != 4 && VALUE.length != 16) der.fail();
    } else if (tag == REGISTERED_ID) {
      der.identifier(tag, VALUE);
    } else if (tag == DIRECTORY_NAME) {
      der.enter(tag);
      readName(der, VALUE);
      if (isEmptyName(VALUE)) der.fail();
      der.leave();
    } else {
      der.enter(OTHER_NAME);
      der.objectIdentifier(VALUE);
      der.enter(CONTEXT_CONSTRUCTED);
      der.skip();
      der.leave();
      der.leave();
    }
  }
}

function isAsciiText(text: Bytes): bool {
  for (let i: u32 = 0; i < text.length; i++) if (text[i] >= 0x80) return false;
  return text.length > 0;
}

/** An array of views to be aimed later: `new StaticArray` alone holds null references. */
function emptyViews(count: i32): StaticArray<Bytes> {
  const views = new StaticArray<Bytes>(count);
  for (let i = 0; i < count; i++) views[i] = Bytes.empty();
  return views;
}

const SUBJECT_KEY_IDENTIFIER: u32 = 14;
const KEY_USAGE: u32 = 15;
const SUBJECT_ALTERNATIVE_NAME: u32 = 17;
const BASIC_CONSTRAINTS: u32 = 19;
const AUTHORITY_KEY_IDENTIFIER: u32 = 35;
const EXTENDED_KEY_USAGE: u32 = 37;

const NAME_CONSTRAINTS: u8 = 30;
const POLICY_CONSTRAINTS: u8 = 36;
const INHIBIT_ANY_POLICY: u8 = 54;

const OTHER_NAME: u32 = CONTEXT_CONSTRUCTED;
const RFC822_NAME: u32 = CONTEXT + 1;
const DNS_NAME: u32 = CONTEXT + 2;
const DIRECTORY_NAME: u32 = CONTEXT_CONSTRUCTED + 4;
const URI: u32 = CONTEXT + 6;
const IP_ADDRESS: u32 = CONTEXT + 7;
const REGISTERED_ID: u32 = CONTEXT + 8;

const VALUE = Bytes.empty();
