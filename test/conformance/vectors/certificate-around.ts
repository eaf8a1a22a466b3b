/**
 * A certificate (RFC 5280 §4.1) around a SubjectPublicKeyInfo that is given as it is, be it DER or not. It has no extensions, so that the key
 * is the last thing in what is signed: one that is too short or too long spoils nothing but itself. Its signature is none.
 */
import { concat, constructed, element, encode, oid, primitive, sequence } from "../../support/der.ts";

export function certificateAround(subjectPublicKeyInfo: Uint8Array): Uint8Array {
  const signed = sequence(BEFORE, subjectPublicKeyInfo);
  return sequence(signed, ECDSA_WITH_SHA256, element(0x03, Uint8Array.of(0), SIGNATURE));
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const VERSION_3 = element(0xa0, element(0x02, Uint8Array.of(2)));
const SERIAL = element(0x02, Uint8Array.of(1));
const COMMON_NAME = concat(oid("2.5.4.3"), encode(primitive(0x0c, "vectors")));
const NAME = sequence(element(0x31, sequence(COMMON_NAME)));
const VALIDITY = encode(constructed(0x30, primitive(0x17, "260101000000Z"), primitive(0x17, "270101000000Z")));
const BEFORE = concat(VERSION_3, SERIAL, ECDSA_WITH_SHA256, NAME, VALIDITY, NAME);
const SIGNATURE = sequence(element(0x02, Uint8Array.of(1)), element(0x02, Uint8Array.of(1)));
